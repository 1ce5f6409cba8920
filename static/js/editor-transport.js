/* Playing in the editor: the clip or on from here, repeat, speed, zoom, and marks at the playhead. Every button has
 * data-do; the same things are keys while the wave or a line of the transcript has focus (the list is under the ?). */

import { announce } from "./app.js";
import { clock } from "./clock.js";
import { REDACTION_MS } from "./editor-model.js";

const KEYS = {
  " ": "play",
  p: "play-on",
  i: "start-here",
  o: "end-here",
  c: "cue-here",
  r: "redact",
  l: "loop",
  e: "hear-end",
  s: "snap",
  m: "mute-0",
  n: "mute-1",
  "<": "slower",
  ">": "faster",
  "?": "keys",
  "+": "zoom-in",
  "=": "zoom-in",
  "-": "zoom-out",
};

const TAKES_SPACE = "input, textarea, select, button, a, summary, [contenteditable], [role=slider], audio";

function isFree({ target, defaultPrevented }) {
  if (defaultPrevented || document.querySelector("dialog[open]")) return false;
  return target.matches?.("[data-line]") || !target.closest?.(TAKES_SPACE);
}

export class Transport {
  constructor({ card, container, view, model, snap }) {
    this.card = card;
    this.container = container;
    this.view = view;
    this.model = model;
    this.snap = snap;
    this.mix = null;
    this.cues = null;
    this.speed = card.querySelector("[data-speed]");
    this.wave = view.wave;
    this.until = null;
    this.loop = false;
    card.addEventListener("click", (event) => this.do(event.target.closest("[data-do]")?.dataset.do));
    this.speed.addEventListener("change", () => this.wave.setPlaybackRate(Number(this.speed.value), true));
    document.addEventListener("keydown", (event) => this.keyAnywhere(event));
    container.addEventListener("keydown", (event) => this.key(event));
    const lines = document.querySelector("[data-turns]");
    lines?.addEventListener("keydown", (event) => event.target.matches("[data-line]") && this.key(event));
    // some browsers press a button when the bar is let go
    lines?.addEventListener("keyup", (event) => event.key === " " && event.target.matches("[data-line]") && event.preventDefault());
    this.wave.on("play", () => this.showPlaying(true));
    this.wave.on("pause", () => this.showPlaying(false));
    this.wave.on("timeupdate", () => this.tick());
    this.wave.on("seeking", () => this.showTime());
    view.media.addEventListener("error", () => this.complain());
    this.showTime();
  }

  do(what) {
    const { model, view } = this;
    const actions = {
      play: () => (this.wave.isPlaying() ? this.wave.pause() : this.playClip()),
      "play-on": () => (this.wave.isPlaying() ? this.wave.pause() : this.playOn()),
      back: () => view.seek(model.startMs),
      loop: () => this.setLoop(!this.loop),
      "zoom-in": () => view.zoom(1, model.startMs),
      "zoom-out": () => view.zoom(-1, model.startMs),
      "start-here": () => this.endpoint((ms) => model.setStart(ms)),
      "end-here": () => this.endpoint((ms) => model.setEnd(ms)),
      "hear-end": () => this.hearEnd(),
      slower: () => this.changeSpeed(-1),
      faster: () => this.changeSpeed(1),
      snap: () => this.snap.toggle(),
      "mute-0": () => this.mix?.toggleNth(0),
      "mute-1": () => this.mix?.toggleNth(1),
      keys: () => document.getElementById("editor-keys").showModal(),
      "cue-here": () => this.cueHere(),
      "cue-remove": () => model.setCue(null),
      redact: () => this.redact(),
    };
    actions[what]?.();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 100 : 1000;
    const moves = {
      ArrowLeft: this.view.ms - step,
      ArrowRight: this.view.ms + step,
      Home: this.model.startMs,
      End: this.model.endMs,
      PageUp: this.view.ms + 10000,
      PageDown: this.view.ms - 10000,
    };
    if (/^[1-9]$/.test(event.key)) this.cues?.setNth(Number(event.key) - 1);
    else if (event.key in moves) {
      if (event.currentTarget !== this.container && !event.key.startsWith("Arrow")) return;
      this.view.seek(moves[event.key]);
    } else if (KEYS[event.key.toLowerCase()]) this.do(KEYS[event.key.toLowerCase()]);
    else return;
    event.preventDefault();
  }

  /* What has to work wherever the hands are, in a text field too. Space alone plays from wherever it means nothing
   * else, and from the transcript's lines, where pressing one again would drop what was selected. */
  keyAnywhere(event) {
    const control = event.ctrlKey || event.metaKey;
    if (event.key === " " && !control && !event.altKey && !event.shiftKey && isFree(event)) {
      event.preventDefault();
      this.do("play");
      return;
    }
    if (!control || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (event.key.toLowerCase() === "s" && !event.shiftKey) document.getElementById("clip-form").requestSubmit();
    else if (event.code === "Space") this.do(event.shiftKey ? "loop" : "play");
    else return;
    event.preventDefault();
  }

  /* An end set at the playhead falls into the pause beside it. */
  async endpoint(set) {
    set(await this.snap.near(this.view.ms));
  }

  /* The last two seconds: whether a word is cut off is heard, not seen. */
  hearEnd() {
    this.view.seek(Math.max(this.model.startMs, this.model.endMs - 2000));
    this.until = "clip";
    this.start();
  }

  changeSpeed(by) {
    const { options, selectedIndex } = this.speed;
    this.speed.selectedIndex = Math.min(Math.max(selectedIndex + by, 0), options.length - 1);
    this.wave.setPlaybackRate(Number(this.speed.value), true);
    announce(this.speed.selectedOptions[0].textContent);
  }

  /* From the playhead when it stands in the clip, else from the clip's start; stops or repeats at its end. */
  playClip() {
    const at = this.view.ms;
    if (at < this.model.startMs || at > this.model.endMs - 50) this.view.seek(this.model.startMs);
    this.until = "clip";
    this.start();
  }

  /* On through the call: what comes before and after decides where a clip should begin. */
  playOn() {
    this.until = null;
    this.start();
  }

  async start() {
    try {
      await this.wave.play();
    } catch (problem) {
      if (problem.name !== "AbortError") this.complain();
    }
  }

  tick() {
    this.showTime();
    if (this.until !== "clip" || !this.wave.isPlaying() || this.view.ms < this.model.endMs) return;
    if (this.loop) {
      this.view.seek(this.model.startMs);
      return;
    }
    this.wave.pause();
    this.view.seek(this.model.startMs);
  }

  setLoop(on) {
    this.loop = on;
    this.card.querySelector('[data-do="loop"]').setAttribute("aria-pressed", String(on));
  }

  cueHere() {
    if (!this.model.holds(this.view.ms)) {
      announce(this.card.dataset.wordsCueOutside);
      return;
    }
    this.model.setCue(this.view.ms);
  }

  /* A first span at the playhead; its ends are then dragged or typed. */
  redact() {
    const { model, view } = this;
    const from = model.holds(view.ms) ? view.ms : model.startMs;
    model.addRedaction(from, Math.min(from + REDACTION_MS, model.durationMs));
    announce(this.card.dataset.wordsRedacted.replace("{time}", clock(from)));
  }

  showPlaying(playing) {
    const button = this.card.querySelector('[data-do="play"]');
    button.classList.toggle("playing", playing);
    button.setAttribute("aria-label", playing ? button.dataset.labelPause : button.dataset.labelPlay);
  }

  showTime() {
    const now = clock(Math.floor(this.view.ms / 100) * 100);
    if (now === this.shown) return;
    this.shown = now;
    this.card.querySelector("[data-now]").textContent = now;
    this.view.slider.setAttribute("aria-valuenow", String(Math.floor(this.view.ms / 1000)));
    this.view.slider.setAttribute("aria-valuetext", now);
  }

  complain() {
    this.wave.pause();
    this.card.querySelector("[data-audio-error]").hidden = false;
  }
}
