/* The bell: renewed when a live hint says that something is different for this person.
 *   a[data-bell]             each bell of the frame; its inside is fetched anew from /notices/bell
 *   [data-notices-fresh]     in the inbox: shown when something arrived after the page was drawn
 * A page with the feed has a stream already (live.js), which passes hints on as the event live:notices; any other
 * page opens one here, while its tab is seen. */
import { announce } from "./app.js";
import { LiveStream } from "./live-stream.js";

const bells = [...document.querySelectorAll("a[data-bell]")];

const countOf = (bell) => Number(bell.querySelector("[data-count]")?.dataset.count ?? 0);

let asked = false;
let again = false;

/* Many hints at once (everything marked as read) are one question. */
async function renew() {
  if (asked) {
    again = true;
    return;
  }
  asked = true;
  const answer = await fetch("/notices/bell", { headers: { "HX-Request": "true" } }).catch(() => null);
  if (answer?.ok) show(await answer.text());
  asked = false;
  if (again) {
    again = false;
    renew();
  }
}

function show(html) {
  const before = countOf(bells[0]);
  for (const bell of bells) bell.innerHTML = html;
  if (countOf(bells[0]) <= before) return;
  announce(bells[0].textContent.trim().replace(/\s+/g, " "));
  document.querySelector("[data-notices-fresh]")?.removeAttribute("hidden");
}

if (bells.length) {
  document.addEventListener("live:notices", renew);
  if (!document.querySelector("[data-live]")) {
    let opened = false;
    // The count that this page shows: the stream begins with a hint when it is another by now.
    new LiveStream(() => `/live?scope=bell&since=${countOf(bells[0])}`, {
      notices: renew,
      // What happened while nobody followed was hinted at to nobody.
      open: () => {
        if (opened) renew();
        opened = true;
      },
    });
  }
}
