/* Live feed: one stream of hints while this tab is seen, none while it is hidden.
 *   [data-live="/live?scope=…"]  what follows the stream; data-since: the newest place the page already shows
 *   data-live-renew              is drawn anew as a whole (the wallboard); else new posts are put on top
 * A hint holds an id alone. The post is fetched with the reader's own rights, and neither focus nor the place
 * where one reads moves. */
import { announce } from "./app.js";

const RENEW_EVERY_MS = 5 * 60 * 1000;

class Follower {
  constructor(place) {
    this.place = place;
    this.since = Number(place.dataset.since ?? 0);
    this.newest = this.since;
    this.seen = new Set();
    this.source = null;
    this.crowded = false;
    document.addEventListener("visibilitychange", () => this.follow());
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", () => this.follow());
    this.follow();
  }

  follow() {
    if (document.hidden) this.stop();
    else if (!this.source && !this.crowded) this.start();
  }

  start() {
    const address = new URL(this.place.dataset.live, location.href);
    if (this.newest) address.searchParams.set("since", this.newest);
    this.source = new EventSource(address);
    this.source.addEventListener("post", (event) => this.hear(event));
    // The same stream tells of the bell; what was missed until it opened is asked for then.
    const bell = () => document.dispatchEvent(new Event("live:notices"));
    this.source.addEventListener("notices", bell);
    this.source.addEventListener("open", bell);
    // A tab too many: another one follows, this one stays away instead of coming back again and again.
    this.source.addEventListener("closed", () => {
      this.crowded = true;
      this.stop();
    });
  }

  stop() {
    this.source?.close();
    this.source = null;
  }

  hear(event) {
    const at = Number(event.lastEventId);
    if (at <= this.since || this.seen.has(event.data)) return;
    this.seen.add(event.data);
    this.newest = Math.max(this.newest, at);
    this.take(event.data, at);
  }
}

/* The feed: new posts are put where they belong, the newest first. */
class Feed extends Follower {
  async take(id, at) {
    if (document.getElementById(`post-${id}`)) return;
    const answer = await fetch(`/recognition/posts/${id}`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok) return;
    const holder = document.createElement("template");
    holder.innerHTML = await answer.text();
    const post = holder.content.querySelector(".post");
    if (!post || document.getElementById(post.id)) return;
    post.classList.add("fresh");
    const next = [...this.place.querySelectorAll(":scope > .post")].find((one) => Number(one.dataset.seq) < at);
    this.put(post, next);
    document.getElementById("feed-empty")?.remove();
    window.htmx?.process(post);
    const who = post.querySelector(".post-head h3")?.textContent.trim().replace(/\s+/g, " ") ?? "";
    announce(this.place.dataset.said.replace("{who}", who));
  }

  /* What is being read stays where it is, also in browsers that do not keep it there by themselves. */
  put(post, next) {
    const anchor = next ?? this.place.querySelector(":scope > .post");
    const before = anchor?.getBoundingClientRect().top ?? 0;
    this.place.insertBefore(post, next ?? this.place.querySelector(":scope > :not(.post)"));
    const read = window.scrollY > 0 && before < 0;
    if (read && !CSS.supports("overflow-anchor", "auto")) window.scrollBy(0, anchor.getBoundingClientRect().top - before);
  }
}

/* The wallboard: fetched anew as a whole with each hint, and now and then for its totals. */
class Wall extends Follower {
  constructor(place) {
    super(place);
    this.said = new Intl.DateTimeFormat(document.documentElement.lang, {
      hour: "2-digit", minute: "2-digit", hour12: false, timeZone: place.dataset.zone,
    });
    setInterval(() => this.tick(), 5000);
    setInterval(() => this.take(), RENEW_EVERY_MS);
  }

  tick() {
    const clock = this.place.querySelector("[data-clock]");
    clock.textContent = this.said.format(new Date());
  }

  async take() {
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live-renew]");
    if (fresh) this.place.replaceChildren(...fresh.childNodes);
  }
}

const place = document.querySelector("[data-live]");
if (place) place.hasAttribute("data-live-renew") ? new Wall(place) : new Feed(place);
