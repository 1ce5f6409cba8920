/* Live feed: one stream of hints while this tab is seen, none while it is hidden.
 *   [data-live="/live?scope=…"]  what follows the stream; data-since: the newest place the page already shows
 *   data-live-renew              is drawn anew as a whole (the wallboard); else new posts are put on top
 * A hint holds an id alone. The post is fetched with the reader's own rights, and neither focus nor the place
 * where one reads moves. */
import { announce } from "./app.js";
import { LiveStream } from "./live-stream.js";

const RENEW_EVERY_MS = 5 * 60 * 1000;

class Follower {
  constructor(place) {
    this.place = place;
    this.since = Number(place.dataset.since ?? 0);
    this.newest = this.since; // the newest place that was taken
    this.seen = new Set(); // what was taken, or is just being taken
    this.failed = new Map(); // what could not be fetched, with its place: the next stream begins before it
    this.changing = new Map(); // what changed, with the timer after which it is looked at
    // The same stream tells of the bell; what was missed until it opened is asked for then.
    const bell = () => document.dispatchEvent(new Event("live:notices"));
    const hear = (event) => this.hear(event);
    this.stream = new LiveStream(() => this.address(), { post: hear, renew: hear, changed: (event) => this.soon(event.data), notices: bell, open: bell });
  }

  address() {
    const address = new URL(this.place.dataset.live, location.href);
    const since = this.failed.size ? Math.min(...this.failed.values()) - 1 : this.newest;
    if (since) address.searchParams.set("since", since);
    return address;
  }

  /* "post" is one post; "renew" stands for more than can be told one by one. */
  async hear({ type, data, lastEventId }) {
    const at = Number(lastEventId);
    if (at <= this.since || this.seen.has(data)) return;
    this.seen.add(data);
    if (await (type === "renew" ? this.renew() : this.take(data, at))) {
      this.failed.delete(data);
      this.newest = Math.max(this.newest, at);
    } else {
      this.seen.delete(data);
      this.failed.set(data, at);
      this.stream.again();
    }
  }

  /* What changes several times at once is looked at once, and not by everybody in the same moment. */
  soon(id) {
    clearTimeout(this.changing.get(id));
    this.changing.set(id, setTimeout(() => this.change(id), 200 + 300 * Math.random()));
  }

  /* Draws the whole place anew. False: it is to be tried again. */
  async renew() {
    const html = await fetched(location.href);
    const fresh = html && new DOMParser().parseFromString(html, "text/html").querySelector("[data-live]");
    if (fresh) {
      this.since = Number(fresh.dataset.since ?? this.since);
      this.failed.clear();
      this.place.replaceChildren(...fresh.childNodes);
      window.htmx?.process(this.place);
    }
    return html !== null;
  }
}

/* What is there, "" when that is for nobody (any more), null when it is worth asking again. */
async function fetched(address, headers = {}) {
  try {
    const answer = await fetch(address, { headers });
    if (answer.ok) return await answer.text();
    return answer.status >= 500 || answer.status === 429 ? null : "";
  } catch {
    return null;
  }
}

/* The feed: new posts are put where they belong, the newest first. */
class Feed extends Follower {
  async take(id, at) {
    if (document.getElementById(`post-${id}`)) return true;
    const html = await fetched(`/recognition/posts/${id}`, { "HX-Request": "true" });
    if (html) this.show(html, at);
    return html !== null;
  }

  show(html, at) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const post = holder.content.querySelector(".post");
    if (!post || document.getElementById(post.id)) return;
    post.classList.add("fresh");
    const next = [...this.place.querySelectorAll(":scope > .post")].find((one) => Number(one.dataset.seq) < at);
    this.put(post, next);
    document.getElementById("feed-empty")?.remove();
    window.htmx?.process(post);
    this.count(post);
    const who = post.querySelector(".post-head h3")?.textContent.trim().replace(/\s+/g, " ") ?? "";
    announce(this.place.dataset.said.replace("{who}", who));
  }

  /* A post that is mended or taken down; while somebody is at it, it stays as it is. */
  async change(id) {
    const post = document.getElementById(`post-${id}`);
    if (!post) return;
    if (post.contains(document.activeElement)) {
      post.addEventListener("focusout", () => this.soon(id), { once: true });
      return;
    }
    const html = await fetched(`/recognition/posts/${id}`, { "HX-Request": "true" });
    if (html === null || post.contains(document.activeElement)) return;
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const fresh = holder.content.querySelector(".post");
    if (!fresh) {
      post.remove();
      this.count(post);
      return;
    }
    post.replaceWith(fresh);
    window.htmx?.process(fresh);
  }

  /* The week's milestones beside the posts follow those that come and go. */
  async count(post) {
    const week = post.matches(".milestone-post") && document.getElementById("week");
    const html = week && (await fetched("/recognition/week", { "HX-Request": "true" }));
    if (html) week.outerHTML = html;
  }

  async renew() {
    const answered = await super.renew();
    if (this.place.querySelector(":scope > .post")) document.getElementById("feed-empty")?.remove();
    return answered;
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
    setInterval(() => this.renew(), RENEW_EVERY_MS);
  }

  tick() {
    const clock = this.place.querySelector("[data-clock]");
    clock.textContent = this.said.format(new Date());
  }

  take() {
    return this.renew();
  }

  change() {
    return this.renew();
  }
}

const place = document.querySelector("[data-live]");
if (place) place.hasAttribute("data-live-renew") ? new Wall(place) : new Feed(place);
