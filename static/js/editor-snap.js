/* Snapping: an end that a hand sets roughly falls into the nearest pause, so that no word is cut in half. Typed times and
 * arrow keys stay exact. The choice is this browser's and is remembered. */

import { announce } from "./app.js";

const REACH_MS = 350;
const KEPT = "editor-snap";

export class Snap {
  constructor({ button, model, peaks }) {
    this.button = button;
    this.model = model;
    this.peaks = peaks;
    this.set(localStorage.getItem(KEPT) !== "off");
    button.addEventListener("click", () => this.toggle());
  }

  toggle() {
    this.set(!this.on);
    localStorage.setItem(KEPT, this.on ? "on" : "off");
    announce(this.button.dataset[this.on ? "wordsOn" : "wordsOff"]);
  }

  set(on) {
    this.on = on;
    this.button.setAttribute("aria-pressed", String(on));
  }

  /* The pause beside a moment, or the moment itself. */
  async near(ms) {
    if (!this.on) return ms;
    await this.peaks.detail(ms - 2500, ms + 2500);
    return this.peaks.quietNear(ms, REACH_MS) ?? ms;
  }

  /* Moves the ends of the clip that were set by hand ("start", "end" or both) into pauses. */
  async settle(sides) {
    const { startMs, endMs } = this.model;
    const start = sides === "end" ? startMs : await this.near(startMs);
    const end = sides === "start" ? endMs : await this.near(endMs);
    // somebody moved on meanwhile
    if (startMs !== this.model.startMs || endMs !== this.model.endMs) return;
    this.model.setRange(start, end);
  }
}
