/* The waveform of a call with several regions on it, each with grips; what is being marked grows with the playhead.
 * Regions are told by key; this view only draws and says what a hand did: events "drawn" {startMs, endMs},
 * "moved" {key, startMs, endMs}, "picked" {key}. */

import { CallWave } from "./call-wave.js";
import { LONGEST_MS, SHORTEST_MS } from "./editor-model.js";

const STEPS = [1, 2, 4, 8, 15, 30, 60, 120];
const WIDTHS_AT_FIRST = 4;

export class MarkWave extends CallWave {
  constructor({ container, overview, src, peaks, nonce, durationMs }) {
    const wantedStep = (WIDTHS_AT_FIRST * container.clientWidth) / (durationMs / 1000);
    super({ container, overview, src, peaks, nonce, durationMs, steps: STEPS, wantedStep });
    this.drawn = new Map();
    this.cuts = new Map();
  }

  begin() {
    super.begin();
    this.sharpen();
  }

  /* One region as it is now: drawn, moved, or chosen among the others. */
  show(key, startMs, endMs, chosen) {
    const place = { start: startMs / 1000, end: endMs / 1000 };
    let region = this.drawn.get(key);
    if (!region) {
      const limits = { minLength: SHORTEST_MS / 1000, maxLength: LONGEST_MS / 1000 };
      region = this.regions.addRegion({ id: `mark ${key}`, ...place, color: "transparent", ...limits });
      region.on("update", () => this.tell("moved", { key, startMs: Math.round(region.start * 1000), endMs: Math.round(region.end * 1000) }));
      region.on("click", () => this.tell("picked", { key }));
      this.drawn.set(key, region);
    } else if (Math.round(region.start * 1000) !== startMs || Math.round(region.end * 1000) !== endMs) {
      region.setOptions(place);
    }
    region.element?.part.toggle("chosen", chosen);
  }

  /* What is redacted in a region: seen here, decided in its row. */
  showCuts(key, redactions) {
    for (const block of this.cuts.get(key) ?? []) block.remove();
    const made = redactions.map(({ id, startMs, endMs }) =>
      this.regions.addRegion({ id: `redaction ${id}`, start: startMs / 1000, end: endMs / 1000, color: "transparent", drag: false, resize: false }),
    );
    this.cuts.set(key, made);
  }

  hide(key) {
    this.drawn.get(key)?.remove();
    this.drawn.delete(key);
    this.showCuts(key, []);
  }

  /* What is being marked: from its start to the playhead; null: nothing is. */
  showPending(startMs) {
    if (startMs === null) {
      this.pending?.remove();
      this.pending = null;
      return;
    }
    const place = { start: Math.min(startMs, this.ms) / 1000, end: Math.max(startMs + 50, this.ms) / 1000 };
    if (this.pending) this.pending.setOptions(place);
    else this.pending = this.regions.addRegion({ id: "pending", ...place, color: "transparent", drag: false, resize: false });
  }
}
