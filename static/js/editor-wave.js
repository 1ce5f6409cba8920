/* The waveform: the whole call in accent, a lane for each side of it, everything outside the clip veiled, grips at the
 * clip's ends, redactions and cues on top. It draws stored peaks, so no sound is fetched before Play; of long calls those
 * of the minutes in view are fetched in full detail. Its looks are in editor-wave.css (::part). */

import WaveSurfer from "../vendor/wavesurfer/wavesurfer.esm.js";
import Regions from "../vendor/wavesurfer/regions.esm.js";
import Timeline from "../vendor/wavesurfer/timeline.esm.js";
import Minimap from "../vendor/wavesurfer/minimap.esm.js";
import { LONGEST_MS, SHORTEST_MS } from "./editor-model.js";

const STEPS = [2, 4, 8, 15, 30, 60, 120, 240];
const TIMELINE_PX = 20;
const FINE_FROM = 8;

/* Custom properties hold light-dark(): only a real element can say which of the two it is now. */
function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function minutes(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export class WaveView {
  /* options: container, overview (elements), src, peaks (Peaks), nonce, model, snap */
  constructor({ container, overview, src, peaks, nonce, model, snap }) {
    this.model = model;
    this.peaks = peaks;
    this.snap = snap;
    this.container = container;
    this.overview = overview;
    this.media = new Audio();
    this.media.preload = "none";
    this.media.src = src;
    this.regions = Regions.create();
    const seconds = model.durationMs / 1000;
    this.wave = WaveSurfer.create({
      container,
      media: this.media,
      peaks: peaks.channels,
      duration: seconds,
      height: container.clientHeight - TIMELINE_PX - 2,
      splitChannels: peaks.stereo ? peaks.channels.map(() => ({ overlay: false, height: (container.clientHeight - TIMELINE_PX - 2) / 2 })) : undefined,
      minPxPerSec: this.startingZoom(),
      autoCenter: false,
      autoScroll: true,
      hideScrollbar: true,
      cursorWidth: 2,
      barWidth: 3,
      barGap: 2,
      barRadius: 3,
      cspNonce: nonce,
      ...this.colours(),
      plugins: [
        this.regions,
        Timeline.create({ height: 20, formatTimeCallback: minutes, secondaryLabelOpacity: 1 }),
        Minimap.create({
          container: overview,
          height: overview.clientHeight,
          splitChannels: undefined,
          barWidth: 2,
          barGap: 1,
          barRadius: 2,
          cursorWidth: 0,
          cspNonce: nonce,
          ...this.overviewColours(),
        }),
      ],
    });
    this.ready = new Promise((resolve) => this.wave.once("ready", resolve)).then(() => this.begin());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.wave.setOptions(this.colours()));
  }

  colours() {
    return { waveColor: colour("--accent"), progressColor: colour("--accent"), cursorColor: colour("--ink") };
  }

  overviewColours() {
    const accent = colour("--accent");
    const wave = colour("--wave");
    return { waveColor: wave, progressColor: wave, overlayColor: `color-mix(in srgb, ${accent} 16%, transparent)` };
  }

  /* The clip should fill about half of what is seen. */
  startingZoom() {
    const wanted = (this.container.clientWidth * 0.55) / Math.max(this.model.lengthMs / 1000, 2);
    this.zoomStep = Math.max(0, STEPS.findLastIndex((step) => step <= wanted));
    return STEPS[this.zoomStep];
  }

  begin() {
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
    this.regions.enableDragSelection({ color: "transparent", id: "drawn" });
    this.regions.on("region-created", (region) => this.takeDrawn(region));
    model.addEventListener("change", (event) => this.follow(event.detail.what));
    this.slider = this.makeSlider();
    this.showRange();
    this.showRedactions();
    this.showCue();
    this.showRuleCues();
    this.wave.on("scroll", () => this.sharpenSoon());
    this.wave.on("zoom", () => this.sharpenSoon());
    this.scrollTo(model.startMs);
    this.sharpen();
    this.wave.setTime(model.startMs / 1000);
  }

  /* The element that scrolls is the one that takes focus and keys: a slider over the call for screen readers. */
  makeSlider() {
    const slider = this.wave.getWrapper().parentElement;
    slider.tabIndex = 0;
    const seconds = String(Math.floor(this.model.durationMs / 1000));
    const names = { "aria-label": this.container.dataset.label, "aria-valuemin": "0", "aria-valuemax": seconds };
    for (const [name, value] of Object.entries({ role: "slider", ...names })) slider.setAttribute(name, value);
    return slider;
  }

  /* While a hand moves a region, the region is right and must not be set again under it. */
  fromHand(change) {
    this.byHand = true;
    change();
    this.byHand = false;
    this.veil();
  }

  /* A drag on the bare wave draws a new range: the drawn region is only the hand's trace and goes at once. */
  takeDrawn(region) {
    if (region.id !== "drawn") return;
    const [start, end] = [region.start * 1000, region.end * 1000];
    // the plugin still touches the region after telling of it
    setTimeout(() => {
      region.remove();
      this.model.setRange(start, end);
      this.snap.settle();
    });
  }

  follow(what) {
    if (what === "range") this.byHand ? this.veil() : this.showRange();
    if (what === "redactions" && !this.byHand) this.showRedactions();
    if (what === "cue" && !this.byHand) this.showCue();
    if (what === "rule-cues" && !this.byHand) this.showRuleCues();
  }

  /* Full detail of what is in view, where the zoom can show it. */
  async sharpen() {
    if (STEPS[this.zoomStep] < FINE_FROM) return;
    const from = this.wave.getScroll() / STEPS[this.zoomStep];
    const seen = this.container.clientWidth / STEPS[this.zoomStep];
    if (await this.peaks.detail(from * 1000, (from + seen) * 1000)) this.wave.setOptions({});
  }

  sharpenSoon() {
    clearTimeout(this.sharpening);
    this.sharpening = setTimeout(() => this.sharpen(), 150);
  }

  showRange() {
    this.clip.setOptions({ start: this.model.startMs / 1000, end: this.model.endMs / 1000 });
    this.veil();
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

  get ms() {
    return Math.round(this.wave.getCurrentTime() * 1000);
  }

  seek(ms) {
    this.wave.setTime(Math.min(Math.max(ms, 0), this.model.durationMs) / 1000);
  }

  /* Brings a moment into the left third of what is seen. */
  scrollTo(ms) {
    const seen = this.container.clientWidth / STEPS[this.zoomStep];
    this.wave.setScrollTime(Math.max(0, ms / 1000 - seen / 4));
  }

  /* Nearer (+1) or wider (-1); false at the end of the scale. */
  zoom(by) {
    const next = Math.min(Math.max(this.zoomStep + by, 0), STEPS.length - 1);
    if (next === this.zoomStep) return false;
    this.zoomStep = next;
    this.wave.zoom(STEPS[next]);
    this.scrollTo(this.model.startMs);
    return true;
  }
}
