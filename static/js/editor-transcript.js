/* The call's words: lines in the clip are tinted, dragging over lines (or Enter, then Shift with arrows) sets the clip,
 * and in redacting mode each word of the clip is a button that beeps it out.
 *
 * The list is one stop of the Tab key; arrows move inside it. */

import { announce, toast } from "./app.js";
import { clock } from "./editor-model.js";

const PAD_MS = 150;
const WORD_PAD_MS = 80;
const GUESSED_PAD_MS = 300;

export class TranscriptView {
  constructor({ list, toggle, model, view, wordsUrl }) {
    this.list = list;
    this.toggle = toggle;
    this.model = model;
    this.view = view;
    this.wordsUrl = wordsUrl;
    this.mark = document.getElementById("redacted-mark").content.firstElementChild;
    this.lines = [...list.querySelectorAll("[data-line]")].map((button, index) => ({
      button,
      index,
      startMs: Number(button.dataset.start),
      endMs: Number(button.dataset.end),
    }));
    this.lines.forEach((line) => (line.button.tabIndex = -1));
    this.anchor = null;
    this.playingLine = null;
    list.addEventListener("pointerdown", (event) => this.press(event));
    list.addEventListener("pointerover", (event) => this.dragOver(event));
    addEventListener("pointerup", (event) => this.release(event));
    list.addEventListener("keydown", (event) => this.key(event));
    list.addEventListener("click", (event) => this.click(event));
    toggle?.addEventListener("click", () => this.setRedacting(!this.redacting));
    model.addEventListener("change", (event) => this.follow(event.detail.what));
    view.wave.on("timeupdate", () => this.showPlaying());
    this.showRange();
    const first = this.lines.find((line) => this.inClip(line)) ?? this.lines[0];
    if (first) {
      first.button.tabIndex = 0;
      if (list.scrollHeight > list.clientHeight) list.scrollTop = first.button.offsetTop - list.offsetTop - 80;
    }
  }

  inClip(line) {
    return line.startMs < this.model.endMs && line.endMs > this.model.startMs;
  }

  lineOf(element) {
    const button = element.closest?.("[data-line]");
    return button && this.lines.find((line) => line.button === button);
  }

  /* ---- choosing lines ---- */

  press(event) {
    if (event.button === 0) this.pressedWord = event.target.closest("[data-word]");
    const line = event.button === 0 && this.lineOf(event.target);
    if (!line || event.pointerType === "touch") return;
    this.dragging = true;
    this.anchor = event.shiftKey ? this.anchorLine() : line;
  }

  /* A drag that ends on another word covers all between them. */
  release(event) {
    this.dragging = false;
    const word = event.target.closest?.("[data-word]");
    if (this.pressedWord && word && word !== this.pressedWord) this.coverWords(this.pressedWord, word);
    this.pressedWord = null;
  }

  dragOver(event) {
    const line = this.dragging && this.lineOf(event.target);
    if (line && line !== this.anchor) this.choose(this.anchor, line);
  }

  click(event) {
    if (event.target.closest("[data-word]")) {
      this.pressWord(event.target.closest("[data-word]"), event.shiftKey);
      return;
    }
    const line = this.lineOf(event.target);
    if (!line) return;
    this.choose(event.shiftKey ? this.anchorLine() : line, line);
    if (!event.shiftKey) this.anchor = line;
    this.focus(line);
  }

  /* Where a selection by Shift starts: where the last one did, else at the first line of the clip. */
  anchorLine() {
    return this.anchor ?? this.lines.find((line) => this.inClip(line)) ?? this.lines[0];
  }

  choose(one, other) {
    const [first, last] = one.index <= other.index ? [one, other] : [other, one];
    const before = this.lines[first.index - 1]?.endMs ?? 0;
    const after = this.lines[last.index + 1]?.startMs ?? this.model.durationMs;
    const start = Math.max(first.startMs - PAD_MS, Math.min(before, first.startMs));
    const end = Math.min(last.endMs + PAD_MS, Math.max(after, last.endMs));
    this.model.setRange(start, end);
    this.view.scrollTo(this.model.startMs);
    this.view.seek(this.model.startMs);
  }

  key(event) {
    const line = this.lineOf(event.target);
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!line || step === undefined) return;
    event.preventDefault();
    const next = this.lines[Math.min(Math.max(line.index + step, 0), this.lines.length - 1)];
    if (event.shiftKey) this.choose((this.anchor ??= line), next);
    this.focus(next);
  }

  focus(line) {
    for (const each of this.lines) each.button.tabIndex = each === line ? 0 : -1;
    line.button.focus();
  }

  /* ---- showing ---- */

  follow(what) {
    if (what === "range") {
      this.showRange();
      if (this.redacting) this.fetchWords();
    }
    if (what === "redactions") this.showRedacted();
  }

  showRange() {
    const inside = this.lines.filter((line) => this.inClip(line));
    for (const line of this.lines) {
      const chosen = inside.includes(line);
      line.button.classList.toggle("in-clip", chosen);
      line.button.classList.toggle("clip-first", line === inside[0]);
      line.button.classList.toggle("clip-last", line === inside.at(-1));
      line.button.setAttribute("aria-pressed", String(chosen));
    }
    this.showRedacted();
  }

  showPlaying() {
    const at = this.view.ms;
    const playing = this.view.wave.isPlaying();
    const line = (playing && this.lines.find((each) => each.startMs <= at && at < each.endMs)) || null;
    if (line === this.playingLine) return;
    this.playingLine?.button.removeAttribute("aria-current");
    this.playingLine = line;
    line?.button.setAttribute("aria-current", "true");
  }

  showRedacted() {
    for (const line of this.lines) {
      const touched = this.inClip(line) && this.model.redactionAt(line.startMs, line.endMs);
      const mark = line.button.querySelector(".redacted-mark");
      if (mark && !touched) mark.remove();
      if (touched && !mark) line.button.lastElementChild.append(" ", this.mark.cloneNode(true));
    }
    for (const word of this.list.querySelectorAll("[data-word]")) {
      const covered = this.model.redactionAt(Number(word.dataset.start), Number(word.dataset.end));
      word.setAttribute("aria-pressed", String(Boolean(covered)));
    }
  }

  /* ---- redacting words ---- */

  async setRedacting(on) {
    this.redacting = on;
    this.toggle.setAttribute("aria-pressed", String(on));
    if (on) await this.fetchWords();
    else this.list.querySelectorAll("[data-words]").forEach((row) => row.remove());
  }

  /* Words and their times are fetched for the clip only: a long call has tens of thousands. */
  async fetchWords() {
    const { startMs, endMs } = this.model;
    const answer = await fetch(`${this.wordsUrl}?start=${startMs}&end=${endMs}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) {
      toast(this.list.dataset.wordsFailed, "bad");
      return;
    }
    const { lines } = await answer.json();
    if (startMs !== this.model.startMs || endMs !== this.model.endMs || !this.redacting) return;
    this.list.querySelectorAll("[data-words]").forEach((row) => row.remove());
    for (const line of lines) this.addWords(line);
    this.showRedacted();
  }

  addWords({ position, guessed, words }) {
    const item = this.list.querySelector(`[data-line="${position}"]`)?.parentElement;
    if (!item) return;
    const row = document.createElement("div");
    row.dataset.words = "";
    row.className = "turn-words";
    row.dataset.pad = String(guessed ? GUESSED_PAD_MS : WORD_PAD_MS);
    for (const [start, end, text] of words) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      Object.assign(button.dataset, { word: "", start, end });
      row.append(button);
    }
    item.append(row);
  }

  /* Covers a word, or shows it again; with Shift it covers all from the word pressed before. */
  pressWord(button, extend) {
    const before = this.lastWord?.isConnected ? this.lastWord : button;
    this.lastWord = button;
    const covered = this.model.redactionAt(Number(button.dataset.start), Number(button.dataset.end));
    if (covered && !extend) {
      this.model.removeRedaction(covered.id);
      announce(this.list.dataset.wordsUncovered);
      return;
    }
    this.coverWords(extend ? before : button, button);
  }

  coverWords(one, other) {
    const pad = Number(one.parentElement.dataset.pad);
    const start = Math.min(Number(one.dataset.start), Number(other.dataset.start)) - pad;
    const end = Math.max(Number(one.dataset.end), Number(other.dataset.end)) + pad;
    const made = this.model.cover(Math.max(0, start), Math.min(end, this.model.durationMs), pad);
    announce(`${clock(made.startMs)} – ${clock(made.endMs)}`);
  }
}
