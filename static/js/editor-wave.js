/* The editor's waveform: everything outside the clip veiled, grips at the clip's ends, redactions and cues on top. */

import { CallWave } from "./call-wave.js";
import { LONGEST_MS, SHORTEST_MS } from "./editor-model.js";

const STEPS = [2, 4, 8, 15, 30, 60, 120, 240];

export class WaveView extends CallWave {
  /* options: container, overview (elements), src, peaks (Peaks), nonce, model, snap */
  constructor({ container, overview, src, peaks, nonce, model, snap }) {
    // the clip should fill about half of what is seen
    const wantedStep = (container.clientWidth * 0.55) / Math.max(model.lengthMs / 1000, 2);
    super({ container, overview, src, peaks, nonce, durationMs: model.durationMs, steps: STEPS, wantedStep });
    this.model = model;
    this.snap = snap;
  }

  begin() {
    super.begin();
    const { model } = this;
    this.clip = this.regions.addRegion({
      id: "clip",
      start: model.startMs / 1000,
      end: model.endMs / 1000,
      color: "transparent",
      minLength: SHORTEST_MS / 1000,
      maxLength: LONGEST_MS / 1000,
    });
    this.clip.on("update", (side) => {
      this.side = side;
      this.fromHand(() => model.setRange(this.clip.start * 1000, this.clip.end * 1000));
    });
    this.clip.on("update-end", () => {
      this.showRange();
      this.snap.settle(this.side);
    });
    this.addEventListener("drawn", ({ detail }) => this.takeRange(detail));
    model.addEventListener("change", (event) => this.follow(event.detail.what));
    this.showRange();
    this.showRedactions();
    this.showCue();
    this.showRuleCues();
    this.scrollTo(model.startMs);
    this.sharpen();
    this.wave.setTime(model.startMs / 1000);
  }

  /* While a hand moves a region, the region is right and must not be set again under it. */
  fromHand(change) {
    this.byHand = true;
    change();
    this.byHand = false;
    this.veil();
  }

  takeRange({ startMs, endMs }) {
    this.model.setRange(startMs, endMs);
    this.snap.settle();
  }

  follow(what) {
    if (what === "range" && this.byHand) this.veil();
    if (what === "range" && !this.byHand) {
      this.showRange();
      this.reveal();
    }
    if (what === "redactions" && !this.byHand) this.showRedactions();
    if (what === "cue" && !this.byHand) this.showCue();
    if (what === "rule-cues" && !this.byHand) this.showRuleCues();
  }

  showRange() {
    this.clip.setOptions({ start: this.model.startMs / 1000, end: this.model.endMs / 1000 });
    this.veil();
  }

  /* A range that was typed or chosen elsewhere comes into sight. */
  reveal() {
    const from = (this.wave.getScroll() / this.pxPerSecond) * 1000;
    if (this.model.endMs < from || this.model.startMs > from + this.seenSeconds * 1000) this.scrollTo(this.model.startMs);
  }

  veil() {
    const { startMs, endMs, durationMs } = this.model;
    for (const shown of [this.container, this.overview]) {
      shown.style.setProperty("--clip-from", `${(100 * startMs) / durationMs}%`);
      shown.style.setProperty("--clip-to", `${(100 * endMs) / durationMs}%`);
    }
  }

  showRedactions() {
    const wanted = new Map(this.model.redactions.map((one) => [`redaction ${one.id}`, one]));
    const drawn = new Map();
    for (const region of this.regions.getRegions()) {
      if (!region.id.startsWith("redaction ")) continue;
      if (wanted.has(region.id)) drawn.set(region.id, region);
      else region.remove();
    }
    for (const [id, one] of wanted) {
      const place = { start: one.startMs / 1000, end: one.endMs / 1000 };
      if (drawn.has(id)) drawn.get(id).setOptions(place);
      else this.drawRedaction(id, one.id, place);
    }
  }

  drawRedaction(id, name, place) {
    const region = this.regions.addRegion({ id, ...place, color: "transparent", minLength: 0.05 });
    region.on("update", () =>
      this.fromHand(() => this.model.changeRedaction(name, { startMs: region.start * 1000, endMs: region.end * 1000 })),
    );
  }

  showCue() {
    this.cue?.remove();
    this.cue = null;
    if (this.model.cueMs === null) return;
    this.cue = this.regions.addRegion({ id: "cue", start: this.model.cueMs / 1000, color: "transparent", drag: true });
    this.cue.on("update", () => this.fromHand(() => this.model.setCue(this.cue.start * 1000)));
  }

  showRuleCues() {
    const drawn = new Map(this.regions.getRegions().filter((one) => one.id.startsWith("rule-cue ")).map((one) => [one.id, one]));
    for (const [code, ms] of this.model.ruleCues) {
      const id = `rule-cue ${code}`;
      if (drawn.has(id)) drawn.get(id).setOptions({ start: ms / 1000 });
      else this.drawRuleCue(id, code, ms);
      drawn.delete(id);
    }
    for (const gone of drawn.values()) gone.remove();
  }

  drawRuleCue(id, code, ms) {
    const flag = this.regions.addRegion({ id, start: ms / 1000, color: "transparent", drag: true, content: code });
    flag.on("update", () => this.fromHand(() => this.model.setRuleCue(code, flag.start * 1000)));
  }
}
