/* The single words of the lines around the clip. In one mode a word, or a drag over several, sets the clip; in the other
 * it is covered by a redaction. Words and their times are fetched for the lines at hand only: a long call has tens of
 * thousands.
 *
 * All words are one stop of the Tab key: arrows move over them, Shift with arrows takes in more, Enter presses one. By
 * touch, one tap sets the first word and the next one the last. */

import { announce, toast } from "./app.js";
import { clock } from "./clock.js";

const AROUND_MS = 12000;
const WORD_PAD_MS = 80;
const GUESSED_PAD_MS = 300;
const EDGE_PAD_MS = 60;

export class WordRows {
  /* modes: {select, redact}, the two buttons that turn a mode on; either may be missing. */
  constructor({ list, lines, modes, model, view, snap, wordsUrl }) {
    Object.assign(this, { list, lines, modes, model, view, snap, wordsUrl });
    this.mode = null;
    this.rows = new Map();
    for (const [mode, button] of Object.entries(modes)) {
      button?.addEventListener("click", () => this.setMode(this.mode === mode ? null : mode));
    }
    list.addEventListener("pointerdown", (event) => this.press(event));
    list.addEventListener("pointerover", (event) => this.dragOver(event));
    addEventListener("pointerup", (event) => this.release(event));
    list.addEventListener("click", (event) => this.click(event));
    list.addEventListener("keydown", (event) => this.key(event));
    model.addEventListener("change", ({ detail }) => this.follow(detail.what));
  }

  async setMode(mode) {
    this.mode = mode;
    this.anchor = null;
    for (const [name, button] of Object.entries(this.modes)) button?.setAttribute("aria-pressed", String(name === mode));
    this.list.dataset.mode = mode ?? "";
    if (mode) await this.fetch();
    this.show();
  }

  follow(what) {
    if (!this.mode) return;
    if (what === "range") this.fetch();
    if (what === "range" || what === "redactions") this.show();
  }

  near(line) {
    const around = this.mode === "select" ? AROUND_MS : 0;
    return line.startMs < this.model.endMs + around && line.endMs > this.model.startMs - around;
  }

  async fetch() {
    const missing = this.lines.filter((line) => this.near(line) && !this.rows.has(line.index));
    if (!missing.length) return;
    const [from, to] = [missing[0].startMs, missing.at(-1).endMs];
    missing.forEach((line) => this.rows.set(line.index, null));
    const answer = await fetch(`${this.wordsUrl}?start=${from}&end=${to}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) {
      missing.forEach((line) => this.rows.delete(line.index));
      toast(this.list.dataset.wordsFailed, "bad");
      return;
    }
    const { lines } = await answer.json();
    for (const line of lines) this.add(line);
    // what the answer did not reach is asked for when it is come to
    missing.forEach((line) => this.rows.get(line.index) === null && this.rows.delete(line.index));
    this.show();
  }

  add({ position, guessed, words }) {
    const line = this.lines.find((each) => each.button.dataset.line === String(position));
    if (!line || this.rows.get(line.index)) return;
    const row = document.createElement("div");
    row.className = "turn-words";
    row.dataset.pad = String(guessed ? GUESSED_PAD_MS : WORD_PAD_MS);
    for (const [start, end, text] of words) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.tabIndex = -1;
      Object.assign(button.dataset, { word: "", start, end });
      row.append(button);
    }
    line.button.after(row);
    this.rows.set(line.index, row);
  }

  get buttons() {
    return [...this.list.querySelectorAll(".turn-words:not([hidden]) [data-word]")];
  }

  show() {
    for (const [index, row] of this.rows) if (row) row.hidden = !this.mode || !this.near(this.lines[index]);
    const buttons = this.buttons;
    for (const word of buttons) {
      const [start, end] = [Number(word.dataset.start), Number(word.dataset.end)];
      const covered = Boolean(this.model.redactionAt(start, end));
      const inside = this.model.holds((start + end) / 2);
      word.classList.toggle("covered", covered);
      word.setAttribute("aria-pressed", String(this.mode === "redact" ? covered : inside));
    }
    if (!buttons.some((word) => word.tabIndex === 0)) (buttons.find((word) => word.ariaPressed === "true") ?? buttons[0])?.setAttribute("tabindex", "0");
  }

  /* ---- by hand ---- */

  press(event) {
    this.pressed = event.button === 0 ? event.target.closest("[data-word]") : null;
  }

  dragOver(event) {
    const word = this.pressed && event.target.closest?.("[data-word]");
    if (word && word !== this.pressed && this.mode === "select") this.choose(this.pressed, word);
  }

  /* A drag that ends on another word takes all between them. */
  release(event) {
    const word = event.target.closest?.("[data-word]");
    if (this.pressed && word && word !== this.pressed) this.take(this.pressed, word);
    this.pressed = null;
  }

  click(event) {
    const word = event.target.closest("[data-word]");
    if (!word) return;
    this.rove(word);
    // a finger has no Shift: the first tap sets one end, the second the other
    const second = event.pointerType === "touch" && this.mode === "select" && this.anchor && !this.closed;
    const extend = event.shiftKey || second;
    const from = extend && this.anchor?.isConnected ? this.anchor : word;
    if (!extend) this.anchor = word;
    this.closed = second;
    if (this.mode === "redact" && from === word && this.uncover(word)) return;
    this.take(from, word);
  }

  key(event) {
    const word = event.target.closest("[data-word]");
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!word || step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const buttons = this.buttons;
    const next = buttons[Math.min(Math.max(buttons.indexOf(word) + step, 0), buttons.length - 1)];
    if (event.shiftKey) this.take((this.anchor ??= word), next);
    this.rove(next);
    next.focus();
  }

  rove(word) {
    for (const each of this.list.querySelectorAll('[data-word][tabindex="0"]')) each.tabIndex = -1;
    word.tabIndex = 0;
  }

  take(one, other) {
    if (this.mode === "redact") this.cover(one, other);
    else this.choose(one, other, true);
  }

  /* ---- what it does ---- */

  choose(one, other, last = false) {
    const start = Math.min(Number(one.dataset.start), Number(other.dataset.start)) - EDGE_PAD_MS;
    const end = Math.max(Number(one.dataset.end), Number(other.dataset.end)) + EDGE_PAD_MS;
    this.model.setRange(start, end);
    if (!last) return;
    this.snap.settle();
    this.view.scrollTo(this.model.startMs);
    this.view.seek(this.model.startMs);
    announce(`${clock(this.model.startMs)} – ${clock(this.model.endMs)}`);
  }

  uncover(word) {
    const covered = this.model.redactionAt(Number(word.dataset.start), Number(word.dataset.end));
    if (!covered) return false;
    this.model.removeRedaction(covered.id);
    announce(this.list.dataset.wordsUncovered);
    return true;
  }

  cover(one, other) {
    const pad = Number(one.parentElement.dataset.pad);
    const start = Math.min(Number(one.dataset.start), Number(other.dataset.start)) - pad;
    const end = Math.max(Number(one.dataset.end), Number(other.dataset.end)) + pad;
    const made = this.model.cover(Math.max(0, start), Math.min(end, this.model.durationMs), pad);
    announce(`${clock(made.startMs)} – ${clock(made.endMs)}`);
  }
}
