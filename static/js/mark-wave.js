/* The waveform of a call with several regions on it, each with grips; what is being marked grows with the playhead.
 * Drawn from stored peaks, so no sound is fetched before Play. Regions are told by key; this view only draws and says
 * what a hand did: events "drawn" {startMs, endMs}, "moved" {key, startMs, endMs}, "picked" {key}. */

import WaveSurfer from "../vendor/wavesurfer/wavesurfer.esm.js";
import Regions from "../vendor/wavesurfer/regions.esm.js";
import Timeline from "../vendor/wavesurfer/timeline.esm.js";
import Minimap from "../vendor/wavesurfer/minimap.esm.js";
import { LONGEST_MS, SHORTEST_MS, clock } from "./editor-model.js";

const STEPS = [1, 2, 4, 8, 15, 30, 60, 120];

/* Custom properties hold light-dark(): only a real element can say which of the two it is now. */
function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

export class MarkWave extends EventTarget {
  constructor({ container, overview, src, peaks, nonce, durationMs }) {
    super();
    this.container = container;
    this.durationMs = durationMs;
    this.media = new Audio();
    this.media.preload = "none";
    this.media.src = src;
    this.regions = Regions.create();
    this.drawn = new Map();
    const fits = STEPS.findLastIndex((step) => step * (durationMs / 1000) <= container.clientWidth * 4);
    this.zoomStep = Math.max(0, fits);
    this.wave = WaveSurfer.create({
      container,
      media: this.media,
      peaks: [peaks],
      duration: durationMs / 1000,
      height: container.clientHeight - 22,
      minPxPerSec: STEPS[this.zoomStep],
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
        Timeline.create({ height: 20, formatTimeCallback: (seconds) => clock(Math.round(seconds) * 1000).slice(0, -2), secondaryLabelOpacity: 1 }),
        Minimap.create({
          container: overview,
          height: overview.clientHeight,
          barWidth: 2,
          barGap: 1,
          barRadius: 2,
          cursorWidth: 0,
          cspNonce: nonce,
          waveColor: colour("--wave"),
          progressColor: colour("--wave"),
          overlayColor: `color-mix(in srgb, ${colour("--accent")} 16%, transparent)`,
        }),
      ],
    });
    this.ready = new Promise((resolve) => this.wave.once("ready", resolve)).then(() => this.begin());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.wave.setOptions(this.colours()));
  }

  colours() {
    return { waveColor: colour("--accent"), progressColor: colour("--accent"), cursorColor: colour("--ink") };
  }

  begin() {
    this.regions.enableDragSelection({ color: "transparent", id: "drawn" });
    this.regions.on("region-created", (region) => {
      if (region.id !== "drawn") return;
      const place = { startMs: Math.round(region.start * 1000), endMs: Math.round(region.end * 1000) };
      // the plugin still touches the region after telling of it
      setTimeout(() => {
        region.remove();
        this.tell("drawn", place);
      });
    });
    const slider = (this.slider = this.wave.getWrapper().parentElement);
    slider.tabIndex = 0;
    const length = String(Math.floor(this.durationMs / 1000));
    const names = { role: "slider", "aria-label": this.container.dataset.label, "aria-valuemin": "0", "aria-valuemax": length };
    for (const [name, value] of Object.entries(names)) slider.setAttribute(name, value);
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

  hide(key) {
    this.drawn.get(key)?.remove();
    this.drawn.delete(key);
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

  get ms() {
    return Math.round(this.wave.getCurrentTime() * 1000);
  }

  seek(ms) {
    this.wave.setTime(Math.min(Math.max(ms, 0), this.durationMs) / 1000);
  }

  zoom(by) {
    this.zoomStep = Math.min(Math.max(this.zoomStep + by, 0), STEPS.length - 1);
    this.wave.zoom(STEPS[this.zoomStep]);
    const seen = this.container.clientWidth / STEPS[this.zoomStep];
    this.wave.setScrollTime(Math.max(0, this.ms / 1000 - seen / 3));
  }

  tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}
