/* What every page needs, each behaviour tied to a data attribute:
 *   data-dialog-open="id", data-dialog-close   native dialogs
 *   details.menu                               closes on Escape and on a click elsewhere
 *   form[data-confirm="question"]              asks before it is sent
 *   form[data-guard]                           warns before unsaved changes are lost
 *   form[data-autosubmit]                      sends itself when a field changes
 *   [data-filter-list="selector"]              a search box that hides rows that do not match
 *   [data-theme-value]                         a radio that changes the colours at once
 *   [data-show-password="id"], [data-copy="text"], [data-file-drop], [data-job], [data-focus]
 * A server answer may carry HX-Trigger: {"toast": {"text": "…", "kind": "good"}}.
 * Other modules import `toast`, `announce`, `words`, `snapshot` and `csrfHeaders` from here. */

/* Sentences that scripts show; they come translated with the page. */
export const words = document.getElementById("app-words")?.dataset ?? {};

/* Headers that prove to the server that a request comes from this page. */
export function csrfHeaders() {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  return token ? { "X-CSRF-Token": token } : {};
}

/* Tells screen readers something that the eye sees elsewhere. */
export function announce(text) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 60);
}

/* Shows a passing message. kind: good | warn | bad. Bad ones stay until dismissed. */
export function toast(text, kind = "good") {
  const made = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  made.classList.replace("good", kind);
  if (kind !== "good") {
    const use = made.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, kind === "warn" ? "#triangle-alert" : "#circle-alert"));
  }
  made.querySelector("span").textContent = text;
  document.getElementById("toasts").append(made);
}

/* Every toast in the region, whoever put it there, leaves after a while unless it is pointed at or bad news. */
function watchToasts() {
  const region = document.getElementById("toasts");
  const leave = (made) => {
    if (made.classList.contains("bad")) return;
    let timer = setTimeout(() => made.remove(), 6000);
    made.addEventListener("mouseenter", () => clearTimeout(timer));
    made.addEventListener("focusin", () => clearTimeout(timer));
    made.addEventListener("mouseleave", () => (timer = setTimeout(() => made.remove(), 3000)));
  };
  // Those that came with the page are put in again, because a live region speaks only of changes.
  const early = [...region.children];
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) if (node.nodeType === Node.ELEMENT_NODE) leave(node);
    }
  }).observe(region, { childList: true });
  early.forEach((made) => made.remove());
  setTimeout(() => region.append(...early), 100);
}

/* ---- Dialogs and menus ---- */

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (dialog && !dialog.open) dialog.showModal();
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!except || !menu.contains(except)) menu.open = false;
  }
}

/* A panel hangs from its button's end; where that would leave the page's column, it hangs from the start. */
document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.("details.menu:not(.up)") || !menu.open) return;
  menu.classList.remove("from-start");
  const edge = menu.closest("main")?.getBoundingClientRect().left ?? 0;
  const left = menu.querySelector(".menu-panel").getBoundingClientRect().left;
  menu.classList.toggle("from-start", left < edge);
}, true);

document.addEventListener("click", (event) => {
  closeMenus(event.target);
  const opener = event.target.closest("[data-dialog-open]");
  if (opener) {
    closeMenus();
    openDialog(opener.dataset.dialogOpen);
  }
  if (event.target.closest("[data-dialog-close]")) event.target.closest("dialog")?.close();
  // A click on the backdrop hits the dialog itself and none of its parts.
  if (event.target instanceof HTMLDialogElement && event.target.classList.contains("dialog")) event.target.close();
  event.target.closest("[data-toast-close]")?.closest("[data-toast]").remove();
  togglePassword(event.target.closest("[data-show-password]"));
  copyText(event.target.closest("[data-copy]"));
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.activeElement?.closest("details.menu[open]");
  closeMenus();
  menu?.querySelector("summary").focus();
});

function togglePassword(button) {
  if (!button) return;
  const field = document.getElementById(button.dataset.showPassword);
  const shown = field.type === "text";
  field.type = shown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!shown));
}

async function copyText(button) {
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    toast(words.copied);
  } catch {
    // Over plain http there is no clipboard: select the text so that it can be copied by hand.
    const shown = document.getElementById(button.dataset.copyFrom ?? "");
    shown?.select?.();
  }
}

/* ---- Forms ---- */

function changed(form) {
  return form.dataset.guardStart !== undefined && form.dataset.guardStart !== snapshot(form);
}

/* What stands in a form now, as one text. */
export function snapshot(form) {
  return new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, value.name ?? value])).toString();
}

function startGuards(root) {
  for (const form of findAll(root, "form[data-guard]")) {
    if (form.dataset.guardStart === undefined) form.dataset.guardStart = snapshot(form);
  }
}

addEventListener("beforeunload", (event) => {
  if ([...document.querySelectorAll("form[data-guard]")].some(changed)) event.preventDefault();
});

/* Without a line a form stays as it is: the browser's own page would take the place of what was typed. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  if (!navigator.onLine && form.method !== "dialog") {
    event.preventDefault();
    event.stopImmediatePropagation();
    toast(words.offline, "bad");
    return;
  }
  delete form.dataset.guardStart;
  // A second click while the page is on its way must not send the form again.
  if (event.submitter && !form.matches("[hx-post], [hx-get], [data-by-script]") && form.method !== "dialog") {
    setTimeout(() => event.submitter.setAttribute("aria-disabled", "true"));
    // A form that answers with a download leaves the page standing.
    setTimeout(() => event.submitter.removeAttribute("aria-disabled"), 8000);
  }
}, true);

document.addEventListener("click", (event) => {
  if (event.target.closest('button[aria-disabled="true"]')) event.preventDefault();
}, true);

// Coming back by the browser's Back button must find the buttons alive.
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll('button[type="submit"][aria-disabled="true"]')) {
    button.removeAttribute("aria-disabled");
  }
});

document.addEventListener("change", (event) => {
  event.target.closest("form[data-autosubmit]")?.requestSubmit();
  if (event.target.matches("[data-theme-value]")) showTheme(event.target.dataset.themeValue);
});

document.addEventListener("input", (event) => {
  const box = event.target.closest("[data-filter-list]");
  if (!box) return;
  const wanted = box.value.trim().toLocaleLowerCase();
  for (const row of document.querySelectorAll(box.dataset.filterList)) {
    row.hidden = wanted !== "" && !row.textContent.toLocaleLowerCase().includes(wanted);
  }
});

function showTheme(value) {
  if (value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
}

/* A file field that also takes drops; says the chosen names and fires `files:chosen`. */
function startFileDrops(root) {
  for (const drop of findAll(root, "[data-file-drop]")) {
    if (drop.dataset.started) continue;
    drop.dataset.started = "true";
    const input = drop.querySelector("input[type=file]");
    const names = drop.querySelector("[data-file-names]");
    const show = () => {
      const files = [...input.files];
      if (files.length === 0) return;
      names.textContent = files.map((file) => file.name).join(", ");
      drop.dataset.chosen = String(files.length);
      drop.dispatchEvent(new CustomEvent("files:chosen", { bubbles: true, detail: { files } }));
    };
    input.addEventListener("change", show);
    for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, () => drop.classList.add("over"));
    for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
  }
}

/* ---- htmx ---- */

document.addEventListener("htmx:configRequest", (event) => Object.assign(event.detail.headers, csrfHeaders()));

document.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.kind));

/* What could not be sent is still unsaved. */
function guardAgain(event) {
  const form = event.detail.elt?.closest?.("form[data-guard]");
  if (form) form.dataset.guardStart = "";
}

document.addEventListener("htmx:sendError", (event) => {
  guardAgain(event);
  toast(words.offline, "bad");
});

/* A failed request leaves the page as it was and says so, in the server's own words when it sent any. */
document.addEventListener("htmx:responseError", (event) => {
  guardAgain(event);
  const answer = event.detail.xhr;
  const known = { 401: words.signedOut, 429: words.tooMany };
  toast(wordsOf(answer) || known[answer.status] || words.failed, "bad");
});

/* The server's own sentence: the first wrong field's, or what it says of the whole. */
function wordsOf(answer) {
  if (!isProblem(answer)) return "";
  try {
    const problem = JSON.parse(answer.responseText);
    return problem.errors?.[0]?.message || problem.detail;
  } catch {
    return "";
  }
}

function isProblem(answer) {
  return answer.getResponseHeader("content-type")?.startsWith("application/problem+json");
}

/* A 422 is usually the form again, to be swapped in; as a problem document it has nothing to show in the page. */
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!isProblem(event.detail.xhr)) return;
  event.detail.shouldSwap = false;
  event.detail.isError = true;
});

/* After a swap, [data-focus] in the new part gets focus; otherwise focus stays where it was. */
document.addEventListener("htmx:afterSettle", (event) => {
  const part = event.detail.elt;
  start(part);
  const target = part.matches?.("[data-focus]") ? part : part.querySelector?.("[data-focus]");
  target?.focus({ preventScroll: false });
});

/* "Show more": the button that had focus is gone, so the first new item takes it over. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const more = event.detail.target;
  if (!more?.matches?.("[data-show-more]")) return;
  const before = more.previousElementSibling;
  document.addEventListener("htmx:afterSettle", () => {
    const next = before?.nextElementSibling;
    const link = next?.matches("a, button") ? next : next?.querySelector("a, button");
    if (next && !link) next.tabIndex = -1; // a row of plain words
    (link ?? next)?.focus({ preventScroll: true });
  }, { once: true });
});

/* A job's own part renews itself every 700 ms; only its end is announced, and what waits beside it appears then. */
document.addEventListener("htmx:afterSettle", () => {
  for (const waiting of document.querySelectorAll("[data-job]:not([data-ended])")) {
    const ended = endOf(waiting);
    if (!ended) continue;
    announce(ended.querySelector(".job-title").textContent);
    if (!ended.classList.contains("done")) continue;
    waiting.querySelector("[data-job-done]")?.removeAttribute("hidden");
    if ("jobReload" in waiting.dataset) location.reload();
  }
});

function endOf(waiting) {
  const ended = waiting.querySelector(".job.done, .job.failed");
  if (ended) waiting.dataset.ended = "true";
  return ended;
}

/* ---- Start ---- */

function findAll(root, selector) {
  const inside = [...root.querySelectorAll(selector)];
  return root.matches?.(selector) ? [root, ...inside] : inside;
}

function start(root) {
  // What only a form with needs uses is fetched with the first one.
  if (root.querySelector("form :is([required], [aria-invalid], [type=email], [type=number], [type=date])")) import("./field-errors.js");
  findAll(root, "[data-job]").forEach(endOf);
  startGuards(root);
  startFileDrops(root);
}

watchToasts();
start(document);
// A form that came back with errors: its summary is where reading goes on.
document.querySelector(".form-errors[data-focus], .verdict [data-focus]")?.focus();
