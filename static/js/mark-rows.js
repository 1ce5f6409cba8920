/* The regions as rows of the form. A row's fields are what counts; the wave follows them.
 * Events: "change" {row}, "play" {row}, "chosen" {row}, "removed" {row}, "cue" {row}, "hear" {row, ms}, "count" {row, open},
 * "cuts" {row}: other parts of it are redacted. Rows stand in the order of the call. */

import { Suggestions } from "./call-suggestions.js";
import { momentField, parseClock, shortClock } from "./clock.js";
import { ClipModel, LONGEST_MS, SHORTEST_MS } from "./editor-model.js";
import { parseRedactions, writeRedactions } from "./editor-state.js";
import { rangeFields } from "./time-range.js";

class Row {
  constructor(item, rows) {
    this.item = item;
    this.key = item.dataset.region;
    this.rows = rows;
    this.inputs = Object.fromEntries([...item.querySelectorAll("[data-time]")].map((input) => [input.dataset.time, input]));
    this.startMs = parseClock(this.inputs.start.value);
    this.endMs = parseClock(this.inputs.end.value);
    this.cueMs = parseClock(this.inputs.cue.value);
    // what a person typed wrongly stays as it was typed: the server's word stands beside it
    const { start, end, cue } = this.inputs;
    const { durationMs } = rows;
    const read = () => ({ startMs: this.startMs, endMs: this.endMs, durationMs });
    const write = (from, to) => this.setRange(from, to);
    const showRange = rangeFields({ start, end, read, write, shortestMs: SHORTEST_MS, longestMs: LONGEST_MS });
    const showCue = momentField(cue, () => this.cueMs, (ms) => this.setCue(ms), durationMs);
    this.showTimes = () => {
      showRange();
      showCue();
    };
    this.button = item.querySelector("[data-play]");
    const on = (selector, act) => {
      const control = item.querySelector(selector);
      control.hidden = false;
      control.addEventListener("click", act);
    };
    on("[data-play]", () => rows.tell("play", this));
    on("[data-remove]", () => rows.remove(this));
    on("[data-cue]", () => rows.tell("cue", this));
    item.addEventListener("focusin", () => rows.choose(this));
    item.querySelector("[data-rules] select").addEventListener("change", (event) => this.addRule(event.target));
    item.addEventListener("change", () => this.proposeTitle());
    this.proposeTitle();
    this.showLength();
    this.suggest();
  }

  get usable() {
    return this.startMs !== null && this.endMs !== null && this.endMs > this.startMs;
  }

  get blank() {
    return this.startMs === null && this.endMs === null && !this.title.value;
  }

  get title() {
    return this.item.querySelector("input[name^='title-']");
  }

  setRange(startMs, endMs) {
    const last = this.rows.durationMs;
    this.startMs = Math.round(Math.min(Math.max(startMs, 0), last - SHORTEST_MS));
    this.endMs = Math.round(Math.min(Math.max(endMs, this.startMs + SHORTEST_MS), this.startMs + LONGEST_MS, last));
    this.showTimes();
    this.showLength();
    this.proposeTitle();
    this.suggest();
    this.rows.tell("change", this);
  }

  /* What may be personal data in it, from when it has a range: what is redacted goes with the form. */
  suggest() {
    if (!this.usable) return;
    if (this.model) {
      this.model.setRange(this.startMs, this.endMs);
      return;
    }
    const field = this.item.querySelector("[name^='redactions-']");
    const { startMs, endMs } = this;
    this.model = new ClipModel({ durationMs: this.rows.durationMs, startMs, endMs, redactions: parseRedactions(field.value) });
    this.model.addEventListener("change", ({ detail }) => {
      if (detail.what !== "redactions") return;
      field.value = writeRedactions(this.model.redactions);
      this.rows.tell("cuts", this);
    });
    const hear = (ms) => this.rows.tell("hear", this, { ms });
    this.suggestions = new Suggestions({ root: this.item.querySelector("[data-suggestions]"), model: this.model, hear });
    this.suggestions.addEventListener("count", ({ detail }) => this.rows.tell("count", this, detail));
  }

  /* The redactions that lie in its range. */
  get cuts() {
    return this.model?.redactions.filter((one) => one.startMs < this.endMs && one.endMs > this.startMs) ?? [];
  }

  setCue(ms) {
    this.cueMs = ms;
    this.showTimes();
  }

  /* A rule is kept as a checked box beside the list, so that the form sends it and a click takes it away again. */
  addRule(select) {
    const { value } = select;
    const name = select.name;
    const chosen = this.item.querySelector("[data-chosen]");
    const there = [...chosen.querySelectorAll("input")].find((box) => box.value === value);
    if (value && there) there.checked = true;
    else if (value) {
      const chip = this.rows.chip.content.firstElementChild.cloneNode(true);
      const box = chip.querySelector("input");
      box.name = name;
      box.value = value;
      chip.querySelector("span").textContent = select.selectedOptions[0].textContent;
      chosen.append(chip);
    }
    select.value = "";
  }

  /* For who types no title: the rule and the time. It stands as a placeholder and counts with saving. */
  proposeTitle() {
    const rule = this.item.querySelector("[data-chosen] input:checked")?.parentElement.textContent.trim();
    this.title.placeholder = rule && this.usable ? `${rule.replace(/^\S+ · /, "")}, ${shortClock(this.startMs)}` : "";
  }

  takeProposed() {
    if (!this.title.value.trim()) this.title.value = this.title.placeholder;
  }

  takeOver(other) {
    for (const name of ["polarity"]) {
      this.item.querySelector(`[name^='${name}-']`).value = other.item.querySelector(`[name^='${name}-']`).value;
    }
    const select = this.item.querySelector("[data-rules] select");
    for (const box of other.item.querySelectorAll("[data-chosen] input:checked")) {
      select.value = box.value;
      this.addRule(select);
    }
  }

  showLength() {
    this.item.querySelector("[data-length]").textContent = this.usable ? `${((this.endMs - this.startMs) / 1000).toFixed(1)} s` : "";
    const words = this.item.querySelector("[data-words]");
    words.textContent = this.usable ? this.rows.spoken(this.startMs, this.endMs) : "";
    words.hidden = !words.textContent;
  }

  showPlaying(playing) {
    this.button.classList.toggle("playing", playing);
    this.button.setAttribute("aria-label", playing ? this.button.dataset.labelPause : this.button.dataset.labelPlay);
  }
}

export class Rows extends EventTarget {
  constructor({ form, durationMs, spoken, most }) {
    super();
    this.form = form;
    this.durationMs = durationMs;
    this.spoken = spoken;
    this.most = most;
    this.list = form.querySelector("[data-regions]");
    this.template = form.querySelector("template[data-fresh]");
    this.chip = form.querySelector("template[data-chip]");
    this.back = form.querySelector("[data-bring-back]");
    this.removed = [];
    this.made = 0;
    this.all = [...this.list.children].map((item) => new Row(item, this));
    for (const row of this.all.filter((each) => each.blank)) row.item.remove();
    this.all = this.all.filter((row) => !row.blank);
    this.chosen = null;
    this.back.addEventListener("click", () => this.bringBack());
    form.addEventListener("submit", () => this.all.forEach((row) => row.takeProposed()), { capture: true });
    this.number();
  }

  /* A new region; kind and rules are those of the one before, as a trainer mostly looks for one thing at a time. */
  add(startMs, endMs) {
    if (this.all.length >= this.most) return null;
    let key;
    do key = `n${++this.made}`;
    while (this.all.some((row) => row.key === key) || this.removed.some((row) => row.key === key));
    const holder = document.createElement("ol");
    holder.innerHTML = this.template.innerHTML.replaceAll("__key__", key);
    const row = new Row(holder.firstElementChild, this);
    const before = this.all.findLast((each) => (each.startMs ?? 0) <= startMs);
    const last = this.newest ?? before;
    if (last && this.all.includes(last)) row.takeOver(last);
    this.put(row, before);
    row.setRange(startMs, endMs);
    this.newest = row;
    return row;
  }

  put(row, before) {
    if (before) before.item.after(row.item);
    else this.list.prepend(row.item);
    this.all.splice(before ? this.all.indexOf(before) + 1 : 0, 0, row);
    this.number();
  }

  remove(row) {
    const index = this.all.indexOf(row);
    this.all.splice(index, 1);
    row.item.remove();
    this.removed.push(row);
    if (this.chosen === row) this.chosen = null;
    this.number();
    this.tell("removed", row);
    const next = this.all[Math.min(index, this.all.length - 1)];
    (next?.item.querySelector("h3") ?? this.back).focus();
  }

  bringBack() {
    const row = this.removed.pop();
    this.put(row, this.all.findLast((each) => (each.startMs ?? 0) <= (row.startMs ?? 0)));
    this.tell("change", row);
    row.title.focus();
  }

  choose(row) {
    if (this.chosen === row) return;
    this.chosen = row;
    for (const each of this.all) each.item.classList.toggle("chosen", each === row);
    this.tell("chosen", row);
  }

  number() {
    this.all.forEach((row, index) => (row.item.querySelector("[data-number]").textContent = String(index + 1)));
    this.form.querySelector("[data-none]").hidden = this.all.length > 0;
    this.back.hidden = this.removed.length === 0;
  }

  numberOf(row) {
    return this.all.indexOf(row) + 1;
  }

  tell(what, row, more = {}) {
    this.dispatchEvent(new CustomEvent(what, { detail: { row, ...more } }));
  }
}

