/* Marking several regions of a call in one pass: M at the start, M at the end, while the call goes on. The keys work
 * while something in the sound's card or the transcript has focus; the page is a form that works by itself. */

import { announce, snapshot, toast } from "./app.js";
import { connectLanes } from "./call-mix.js";
import { Peaks } from "./call-peaks.js";
import { clock } from "./clock.js";
import { LONGEST_MS, SHORTEST_MS } from "./editor-model.js";
import { Rows } from "./mark-rows.js";
import { MarkWave } from "./mark-wave.js";

const PAD_MS = 150;
const KEYS = { " ": "play", m: "mark", escape: "drop", 1: "mute-0", 2: "mute-1", "+": "zoom-in", "=": "zoom-in", "-": "zoom-out" };

class Marking {
  constructor({ card, view, rows, mix }) {
    this.card = card;
    this.mix = mix;
    this.view = view;
    this.rows = rows;
    this.wave = view.wave;
    this.beganMs = null;
    this.playingRow = null;
    card.addEventListener("click", (event) => this.do(event.target.closest("[data-do]")?.dataset.do));
    this.lines = [...document.querySelectorAll("[data-lines] > li")];
    card.addEventListener("keydown", (event) => this.key(event));
    // a line that was pressed to play from there keeps the focus: the next key is M
    const list = document.querySelector("[data-lines]");
    list?.addEventListener("keydown", (event) => this.key(event));
    // some browsers press a button when the bar is let go
    list?.addEventListener("keyup", (event) => event.key === " " && event.target.matches("[data-seek]") && event.preventDefault());
    card.querySelector("[data-speed]").addEventListener("change", (event) => this.wave.setPlaybackRate(Number(event.target.value), true));
    this.wave.on("play", () => this.showPlaying(true));
    this.wave.on("pause", () => this.showPlaying(false));
    this.wave.on("timeupdate", () => this.tick());
    this.wave.on("seeking", () => this.tick());
    view.media.addEventListener("error", () => this.complain());
    view.addEventListener("drawn", ({ detail }) => this.make(detail.startMs, detail.endMs));
    view.addEventListener("moved", ({ detail }) => this.rowOf(detail.key)?.setRange(detail.startMs, detail.endMs));
    view.addEventListener("picked", ({ detail }) => this.rowOf(detail.key)?.title.focus());
    rows.addEventListener("change", () => this.draw());
    rows.addEventListener("chosen", () => this.draw());
    rows.addEventListener("removed", ({ detail }) => this.forget(detail.row));
    rows.addEventListener("play", ({ detail }) => this.playRow(detail.row));
    rows.addEventListener("cue", ({ detail }) => this.cue(detail.row));
    rows.addEventListener("hear", ({ detail }) => this.hear(detail.ms));
    rows.addEventListener("cuts", ({ detail }) => this.view.showCuts(detail.row.key, detail.row.cuts));
    rows.addEventListener("count", ({ detail }) => this.tellOpen(detail.row));
    this.draw();
    this.tick();
  }

  do(what) {
    const actions = {
      play: () => (this.wave.isPlaying() ? this.wave.pause() : this.play()),
      back: () => this.view.seek(this.view.ms - 10000),
      on: () => this.view.seek(this.view.ms + 10000),
      mark: () => this.mark(),
      drop: () => this.drop(),
      "mute-0": () => this.mix?.toggleNth(0),
      "mute-1": () => this.mix?.toggleNth(1),
      "zoom-in": () => this.view.zoom(1, this.view.ms),
      "zoom-out": () => this.view.zoom(-1, this.view.ms),
    };
    actions[what]?.();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select")) return;
    const onSlider = this.view.container.contains(event.target);
    const step = event.shiftKey ? 100 : 1000;
    const moves = { ArrowLeft: -step, ArrowRight: step, PageUp: 10000, PageDown: -10000 };
    const what = KEYS[event.key.toLowerCase()];
    if (onSlider && event.key in moves) this.view.seek(this.view.ms + moves[event.key]);
    else if (onSlider && event.key === "Home") this.view.seek(0);
    else if (onSlider && event.key === "End") this.view.seek(this.view.durationMs);
    else if (what && (what !== "play" || onSlider || event.target.matches("[data-seek]"))) this.do(what);
    else return;
    event.preventDefault();
  }

  /* A key is pressed to about a tenth of a second: times say no more than that. */
  mark() {
    const now = Math.round(this.view.ms / 100) * 100;
    if (this.beganMs === null) {
      this.beganMs = now;
      this.say("begun", { time: clock(now) });
      this.showMarking();
      return;
    }
    const [start, end] = [Math.min(this.beganMs, now), Math.max(this.beganMs, now)];
    this.beganMs = null;
    this.showMarking();
    this.make(start, end);
  }

  drop() {
    if (this.beganMs === null) return;
    this.beganMs = null;
    this.say("dropped");
    this.showMarking();
  }

  make(startMs, endMs) {
    const row = this.rows.add(startMs, Math.max(endMs, startMs + SHORTEST_MS));
    if (!row) {
      toast(this.words("full"), "warn");
      return;
    }
    this.rows.choose(row);
    if (endMs - startMs > LONGEST_MS) toast(this.words("long"), "warn");
    this.say("made", { number: this.rows.numberOf(row), start: clock(row.startMs), end: clock(row.endMs) });
  }

  /* A line makes a region; one that follows the region just made makes it longer, and so does any with Shift. */
  take(line, extend) {
    const index = this.lines.indexOf(line);
    const [start, end] = [Number(line.dataset.start), Number(line.dataset.end)];
    const before = Number(this.lines[index - 1]?.dataset.end ?? 0);
    const after = Number(this.lines[index + 1]?.dataset.start ?? this.view.durationMs);
    const from = Math.max(start - PAD_MS, Math.min(before, start));
    const to = Math.min(end + PAD_MS, Math.max(after, end));
    const row = this.rows.all.includes(this.rows.newest) && this.rows.newest;
    const follows = index > 0 && row && row.endMs >= before && row.endMs <= start;
    if (!row || !(extend || follows)) {
      this.make(from, to);
      this.look(from);
      return;
    }
    row.setRange(Math.min(row.startMs, from), Math.max(row.endMs, to));
    this.rows.choose(row);
    this.say("made", { number: this.rows.numberOf(row), start: clock(row.startMs), end: clock(row.endMs) });
  }

  /* Brings a moment into sight, unless the call plays: then the wave goes its own way. */
  look(ms) {
    if (this.wave.isPlaying()) return;
    this.view.scrollTo(ms);
    this.view.seek(ms);
  }

  /* What may be personal data is heard from a little before it, and the call goes on. */
  hear(ms) {
    this.view.scrollTo(ms);
    this.view.seek(ms - 500);
    this.play();
  }

  /* Whoever does not see the row learns that there is something to decide in it; what was decided tells of itself. */
  tellOpen(row) {
    const { suggestions } = row;
    if (suggestions.root.contains(document.activeElement) || !suggestions.open.length) return;
    this.say("open", { number: this.rows.numberOf(row), count: suggestions.count.textContent });
  }

  cue(row) {
    const { ms } = this.view;
    if (!row.usable || ms < row.startMs || ms > row.endMs) this.say("cueOutside");
    else {
      row.setCue(ms);
      this.say("cue", { time: clock(ms) });
    }
  }

  play() {
    this.playingRow = null;
    this.start();
  }

  playRow(row) {
    if (this.playingRow === row && this.wave.isPlaying()) {
      this.wave.pause();
      return;
    }
    if (!row.usable) return;
    this.playingRow = row;
    this.view.seek(row.startMs);
    this.start();
  }

  async start() {
    try {
      await this.wave.play();
      this.showPlaying(true);
    } catch (problem) {
      if (problem.name !== "AbortError") this.complain();
    }
  }

  tick() {
    const { view } = this;
    if (this.playingRow && this.wave.isPlaying() && view.ms >= this.playingRow.endMs) {
      this.wave.pause();
      view.seek(this.playingRow.startMs);
    }
    view.showPending(this.beganMs);
    const now = clock(Math.floor(view.ms / 100) * 100);
    if (now === this.shown) return;
    this.shown = now;
    this.card.querySelector("[data-now]").textContent = now;
    view.slider.setAttribute("aria-valuenow", String(Math.floor(view.ms / 1000)));
    view.slider.setAttribute("aria-valuetext", now);
    this.markLine();
  }

  markLine() {
    const now = this.lines.findLast((line) => Number(line.dataset.start) <= this.view.ms);
    if (now === this.line) return;
    this.line?.removeAttribute("aria-current");
    this.line = now;
    now?.setAttribute("aria-current", "true");
    if (now) this.keepInSight(now);
  }

  /* The list follows the sound, but not away from under a hand that looks for something in it. */
  keepInSight(line) {
    const list = line.parentElement;
    if (list.matches(":hover, :focus-within")) return;
    const [row, box] = [line.getBoundingClientRect(), list.getBoundingClientRect()];
    if (row.top < box.top || row.bottom > box.bottom) list.scrollTop += row.top - box.top - box.height / 3;
  }

  draw() {
    for (const row of this.rows.all) {
      if (!row.usable) {
        this.view.hide(row.key);
        continue;
      }
      this.view.show(row.key, row.startMs, row.endMs, row === this.rows.chosen);
      this.view.showCuts(row.key, row.cuts);
    }
  }

  forget(row) {
    if (this.playingRow === row) this.wave.pause();
    this.view.hide(row.key);
    this.say("removed");
  }

  rowOf(key) {
    return this.rows.all.find((row) => row.key === key);
  }

  showMarking() {
    const button = this.card.querySelector('[data-do="mark"]');
    const marking = this.beganMs !== null;
    button.lastChild.textContent = marking ? button.dataset.labelEnd : button.dataset.labelStart;
    button.classList.toggle("primary", marking);
    const drop = this.card.querySelector('[data-do="drop"]');
    if (!marking && drop === document.activeElement) button.focus();
    drop.hidden = !marking;
    this.view.showPending(this.beganMs);
  }

  showPlaying(playing) {
    const button = this.card.querySelector('[data-do="play"]');
    button.classList.toggle("playing", playing);
    button.setAttribute("aria-label", playing ? button.dataset.labelPause : button.dataset.labelPlay);
    for (const row of this.rows.all) row.showPlaying(playing && row === this.playingRow);
  }

  words(name, values = {}) {
    const key = `words${name[0].toUpperCase()}${name.slice(1)}`;
    return Object.entries(values).reduce((text, [part, value]) => text.replace(`{${part}}`, value), this.card.dataset[key]);
  }

  say(name, values) {
    announce(this.words(name, values));
  }

  complain() {
    this.wave.pause();
    this.card.querySelector("[data-audio-error]").hidden = false;
  }
}

function followLines(marking) {
  document.querySelector("[data-lines]")?.addEventListener("click", (event) => {
    const line = event.target.closest("li");
    if (event.target.closest("[data-seek]")) {
      marking.view.seek(Number(line.dataset.start));
      marking.play();
    }
    if (event.target.closest("[data-mark-line]")) marking.take(line, event.shiftKey);
  });
}

async function start() {
  const card = document.querySelector("[data-marking]");
  const form = document.getElementById("mark-form");
  const durationMs = Number(card.dataset.durationMs);
  const turns = [...document.querySelectorAll("[data-lines] > li")].map((line) => ({
    startMs: Number(line.dataset.start),
    endMs: Number(line.dataset.end),
    speaker: line.dataset.speaker,
    text: line.querySelector("[data-text]").textContent.trim(),
  }));
  const spoken = (from, to) => turns.filter((turn) => turn.startMs < to && turn.endMs > from).map((turn) => turn.text).join(" ");
  const rows = new Rows({ form, durationMs, spoken, most: Number(card.dataset.most) });
  // empty rows are only for whoever has no scripts; what came back with errors is still unsaved
  form.dataset.guardStart = document.querySelector(".form-errors") ? "" : snapshot(form);
  const peaks = new Peaks({ url: card.dataset.peaks, durationMs, channels: Number(card.dataset.channels) });
  await peaks.load().catch(() => (card.querySelector("[data-wave-error]").hidden = false));
  const container = document.getElementById("wave");
  const overview = document.getElementById("wave-overview");
  const view = new MarkWave({ container, overview, src: card.dataset.audio, peaks, nonce: card.dataset.nonce, durationMs });
  await view.ready;
  card.classList.add("ready");
  const mix = connectLanes({ card, peaks, turns, view });
  const marking = new Marking({ card, view, rows, mix });
  followLines(marking);
  if (rows.all[0]?.usable) marking.look(rows.all[0].startMs);
  card.dataset.ready = "true";
}

start();
