/* Suggested redactions of a range of the call, in the editor and for each region of Mark several: the server says what may
 * be personal data in the words, this list says which of it the redactions cover, and a person decides about the rest.
 * What is covered is worked out here with every change of a redaction; what was left as it is is kept by the server, with
 * who and when. Events: "count" {open} when another number of them is to be decided; null while nobody can tell. */

import { announce, csrfHeaders } from "./app.js";
import { clock } from "./clock.js";

const QUIET_MS = 400;

/* What is left of a redaction that hides more than this span. */
function without(cut, [start, end]) {
  if (cut.startMs >= end || cut.endMs <= start) return [cut];
  const left = [
    { ...cut, endMs: start },
    { ...cut, startMs: end },
  ];
  return left.filter((each) => each.endMs - each.startMs >= 50);
}

export class Suggestions extends EventTarget {
  /* root: the panel; model: range and redactions (ClipModel); hear(ms): plays on from there; lines(): what was typed
   * instead of the call's words. The row of one suggestion and all sentences are in the page's template. */
  constructor({ root, model, hear, lines = () => "" }) {
    super();
    this.root = root;
    this.model = model;
    this.play = hear;
    this.lines = lines;
    this.list = root.querySelector("[data-suggestion-list]");
    this.template = document.querySelector("template[data-suggestion-row]");
    this.words = this.template.dataset;
    this.count = root.querySelector("[data-count]");
    this.all = root.querySelector("[data-accept-all]");
    this.failed = root.querySelector("[data-suggestions-failed]");
    this.found = [];
    this.loaded = false;
    this.rows = new Map();
    this.asked = 0;
    this.told = null;
    this.all.addEventListener("click", () => this.acceptAll());
    model.addEventListener("change", ({ detail }) => {
      if (detail.what === "range") this.later();
      else this.show();
    });
    this.load();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), QUIET_MS);
  }

  async load() {
    await this.ask(this.root.dataset.href, {});
  }

  /* One question at a time counts: an answer to an older one is dropped. */
  async ask(address, more) {
    const number = ++this.asked;
    const body = new URLSearchParams({
      start_ms: String(this.model.startMs),
      end_ms: String(this.model.endMs),
      lines: this.lines(),
      ...more,
    });
    let found = null;
    try {
      const headers = { Accept: "application/json", ...csrfHeaders() };
      const answer = await fetch(address, { method: "POST", body, headers });
      if (answer.ok) found = (await answer.json()).suggestions;
    } catch {
      found = null;
    }
    if (number !== this.asked) return found !== null;
    this.tellFailure(found === null);
    if (found === null) return false;
    this.found = found;
    this.loaded = true;
    this.show();
    return true;
  }

  tellFailure(failed) {
    this.failed.querySelector("span").textContent = failed ? this.words.wordsFailed : "";
    this.failed.hidden = !failed;
    if (failed) this.root.hidden = false;
    if (failed) this.tell(null);
  }

  /* ---- where each stands ---- */

  covered(one) {
    const { startMs, endMs } = this.model;
    const cuts = this.model.redactions;
    return one.parts.every(({ span: [from, to], near }) => {
      if (near) {
        if (near[0] >= endMs || near[1] <= startMs) return true;
        return cuts.some((cut) => cut.startMs < near[1] && cut.endMs > near[0]);
      }
      let at = Math.max(from, startMs);
      const end = Math.min(to, endMs);
      for (const cut of cuts) if (cut.startMs <= at && at < cut.endMs) at = cut.endMs;
      return at >= end;
    });
  }

  stateOf(one) {
    if (this.covered(one)) return "covered";
    return one.rejected ? "rejected" : "open";
  }

  get open() {
    return this.found.filter((one) => this.stateOf(one) === "open");
  }

  /* ---- deciding ---- */

  hear({ spans: [[start]] }) {
    this.play(start);
  }

  /* All in one step, so that undoing takes all of it back. */
  cover(found) {
    const made = found.flatMap((one) => one.spans.map(([startMs, endMs]) => ({ startMs, endMs, mode: "beep" })));
    this.model.setRedactions([...this.model.redactions, ...made].sort((one, other) => one.startMs - other.startMs));
  }

  async accept(one) {
    this.cover([one]);
    announce(this.say("wordsRedacted", { what: one.label }));
    this.focusNext(one);
    await this.decide(one, "accepted");
  }

  async acceptAll() {
    const open = this.open;
    this.cover(open);
    announce(this.say("wordsAll", { n: open.length }));
    this.list.querySelector("button:not([hidden])")?.focus();
    for (const one of open) await this.decide(one, "accepted");
  }

  async reject(one) {
    if (await this.decide(one, "rejected")) announce(this.say("wordsKept", { what: one.label }));
    this.focusNext(one);
  }

  /* Takes back whichever was decided: the redactions that hide this, or the word that it may stay. */
  async undo(one) {
    if (this.covered(one)) {
      const kept = one.spans.reduce((cuts, span) => cuts.flatMap((cut) => without(cut, span)), this.model.redactions);
      this.model.setRedactions(kept);
    }
    if (await this.decide(one, "undone")) announce(this.say("wordsOpenAgain", { what: one.label }));
    this.rows.get(one.key)?.querySelector("[data-accept]").focus();
  }

  decide(one, answer) {
    return this.ask(`${this.root.dataset.href}/${one.key}`, { answer });
  }

  focusNext(one) {
    const after = this.found.slice(this.found.indexOf(one) + 1);
    const next = [...after, ...this.found].find((each) => each.key !== one.key && this.stateOf(each) === "open");
    const row = this.rows.get((next ?? one).key);
    (row?.querySelector(next ? "[data-accept]" : "[data-undo]") ?? this.all).focus();
  }

  /* ---- showing ---- */

  show() {
    const keys = new Set(this.found.map((one) => one.key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.remove();
      this.rows.delete(key);
    }
    this.found.forEach((one, index) => {
      const row = this.rows.get(one.key) ?? this.add(one.key);
      this.fill(row, one);
      if (this.list.children[index] !== row) this.list.insertBefore(row, this.list.children[index] ?? null);
    });
    this.root.hidden = this.found.length === 0 && this.failed.hidden;
    const open = this.open.length;
    this.count.textContent = open ? this.say(open === 1 ? "wordsOpenOne" : "wordsOpen", { n: open }) : this.words.wordsDone;
    this.count.classList.toggle("warn", open > 0);
    this.all.hidden = open < 2;
    if (this.loaded) this.tell(open);
  }

  tell(open) {
    if (open === this.told) return;
    this.told = open;
    this.dispatchEvent(new CustomEvent("count", { detail: { open } }));
  }

  add(key) {
    const row = this.template.content.firstElementChild.cloneNode(true);
    const now = () => this.found.find((one) => one.key === key);
    const on = (name, act) => row.querySelector(`[data-${name}]`).addEventListener("click", () => now() && act(now()));
    on("hear", (one) => this.hear(one));
    on("accept", (one) => this.accept(one));
    on("reject", (one) => this.reject(one));
    on("undo", (one) => this.undo(one));
    this.rows.set(key, row);
    return row;
  }

  fill(row, one) {
    const state = this.stateOf(one);
    const put = (name, text) => {
      const element = row.querySelector(`[data-${name}]`);
      if (element.textContent !== text) element.textContent = text;
    };
    put("kind", one.label);
    put("said", one.words);
    put("when", one.spans.map(([start]) => clock(Math.round(start / 100) * 100)).join(", "));
    put("state", state === "covered" ? this.words.wordsCovered : state === "rejected" ? this.left(one) : "");
    row.classList.toggle("decided", state !== "open");
    row.querySelector("[data-accept]").hidden = state !== "open";
    row.querySelector("[data-reject]").hidden = state !== "open";
    row.querySelector("[data-undo]").hidden = state === "open";
    for (const button of row.querySelectorAll("button")) this.describe(button, one);
  }

  /* "Redact" alone says too little to who hears one button after the other. */
  describe(button, one) {
    button.dataset.name ??= button.getAttribute("aria-label") ?? button.textContent.trim();
    button.setAttribute("aria-label", `${button.dataset.name}: ${one.label}, ${clock(Math.round((one.spans[0]?.[0] ?? 0) / 100) * 100)}`);
  }

  left(one) {
    const when = one.at
      ? new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" }).format(new Date(one.at))
      : "";
    return one.by ? this.say("wordsBy", { name: one.by, when }) : this.words.wordsLeft;
  }

  say(words, values) {
    return Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, String(value)), this.words[words]);
  }
}
