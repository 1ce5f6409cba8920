/* The call's lines: those in the clip are tinted, and dragging over lines (or Enter, then Shift with arrows) sets the
 * clip. Their single words are in editor-words.js, what learners will read of them in editor-kept.js.
 *
 * The list is one stop of the Tab key; arrows move inside it. */

import { KeptWords } from "./editor-kept.js";
import { WordRows } from "./editor-words.js";

const PAD_MS = 150;

export class TranscriptView {
  constructor({ list, modes, model, view, snap, wordsUrl, keptUrl, typed }) {
    this.list = list;
    this.model = model;
    this.view = view;
    this.snap = snap;
    this.mark = document.getElementById("redacted-mark").content.firstElementChild;
    this.lines = [...list.querySelectorAll("[data-line]")].map((button, index) => ({
      button,
      index,
      startMs: Number(button.dataset.start),
      endMs: Number(button.dataset.end),
      text: button.lastElementChild.textContent.trim(),
    }));
    this.lines.forEach((line) => (line.button.tabIndex = -1));
    this.anchor = null;
    this.playingLine = null;
    list.addEventListener("pointerdown", (event) => this.press(event));
    list.addEventListener("pointerover", (event) => this.dragOver(event));
    addEventListener("pointerup", () => this.release());
    list.addEventListener("keydown", (event) => this.key(event));
    list.addEventListener("click", (event) => this.click(event));
    this.words = new WordRows({ list, lines: this.lines, modes, model, view, snap, wordsUrl });
    model.addEventListener("change", (event) => this.follow(event.detail.what));
    view.wave.on("timeupdate", () => this.showPlaying());
    this.showRange();
    const shown = (keeps) => this.tint((line) => this.inClip(line) && keeps(line));
    new KeptWords({ list, lines: this.lines, model, typed, url: keptUrl, shown });
    const first = this.lines.find((line) => this.inClip(line)) ?? this.lines[0];
    if (first) {
      first.button.tabIndex = 0;
      if (list.scrollHeight > list.clientHeight) list.scrollTop += first.button.getBoundingClientRect().top - list.getBoundingClientRect().top - 80;
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
    const line = event.button === 0 && this.lineOf(event.target);
    if (!line || event.pointerType === "touch") return;
    this.dragging = true;
    this.anchor = event.shiftKey ? this.anchorLine() : line;
  }

  release() {
    if (this.dragged) this.snap.settle();
    this.dragging = this.dragged = false;
  }

  dragOver(event) {
    const line = this.dragging && this.lineOf(event.target);
    if (!line || line === this.anchor) return;
    this.dragged = true;
    this.choose(this.anchor, line);
  }

  click(event) {
    const line = this.lineOf(event.target);
    if (!line) return;
    this.choose(event.shiftKey ? this.anchorLine() : line, line);
    this.snap.settle();
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
    if (event.shiftKey) {
      this.choose((this.anchor ??= line), next);
      this.snap.settle();
    }
    this.focus(next);
  }

  focus(line) {
    for (const each of this.lines) each.button.tabIndex = each === line ? 0 : -1;
    line.button.focus();
  }

  /* ---- showing ---- */

  follow(what) {
    if (what === "range") this.showRange();
    if (what === "redactions") this.showRedacted();
  }

  /* At once what lies in the range; of which words are kept is known a moment later. */
  showRange() {
    this.tint((line) => this.inClip(line));
    this.showRedacted();
  }

  tint(belongs) {
    const inside = this.lines.filter(belongs);
    for (const line of this.lines) {
      const chosen = inside.includes(line);
      line.button.classList.toggle("in-clip", chosen);
      line.button.classList.toggle("clip-first", line === inside[0]);
      line.button.classList.toggle("clip-last", line === inside.at(-1));
      line.button.setAttribute("aria-pressed", String(chosen));
    }
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
  }
}
