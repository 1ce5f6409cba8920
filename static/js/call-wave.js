/* The waveform of a whole call, as the pages that cut clips from it share it: drawn from stored peaks, so that no sound
 * is fetched before Play, with a lane for each side of the call, a time line, an overview and zoom. Of long calls the
 * peaks of the minutes in view are fetched in full detail. Whoever extends it draws regions on it in `begin()`.
 * A drag over the bare wave is told as "drawn" {startMs, endMs}. Its looks are in editor-wave.css (::part). */

import WaveSurfer from "../vendor/wavesurfer/wavesurfer.esm.js";
import Regions from "../vendor/wavesurfer/regions.esm.js";
import Timeline from "../vendor/wavesurfer/timeline.esm.js";
import Minimap from "../vendor/wavesurfer/minimap.esm.js";
import { shortClock } from "./clock.js";

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

function waveColours() {
  return { waveColor: colour("--accent"), progressColor: colour("--accent"), cursorColor: colour("--ink") };
}

function overviewColours() {
  const wave = colour("--wave");
  return { waveColor: wave, progressColor: wave, overlayColor: `color-mix(in srgb, ${colour("--accent")} 16%, transparent)` };
}

export class CallWave extends EventTarget {
  /* container, overview: elements. peaks (Peaks): a lane is drawn for each of its channels. steps: the zooms there are,
   * in pixels a second; it begins with the largest that is at most `wantedStep`. */
  constructor({ container, overview, src, peaks, nonce, durationMs, steps, wantedStep }) {
    super();
    this.peaks = peaks;
    const { channels } = peaks;
    this.container = container;
    this.overview = overview;
    this.durationMs = durationMs;
    this.steps = steps;
    this.zoomStep = Math.max(0, steps.findLastIndex((step) => step <= wantedStep));
    this.media = new Audio();
    this.media.preload = "none";
    this.media.src = src;
    this.regions = Regions.create();
    const height = container.clientHeight - TIMELINE_PX - 2;
    const lane = { overlay: false, height: height / channels.length };
    this.wave = WaveSurfer.create({
      container,
      media: this.media,
      peaks: channels,
      duration: durationMs / 1000,
      height,
      splitChannels: channels.length > 1 ? channels.map(() => lane) : undefined,
      minPxPerSec: this.pxPerSecond,
      autoCenter: false,
      autoScroll: true,
      hideScrollbar: true,
      cursorWidth: 2,
      barWidth: 3,
      barGap: 2,
      barRadius: 3,
      cspNonce: nonce,
      ...waveColours(),
      plugins: [
        this.regions,
        Timeline.create({
          height: TIMELINE_PX,
          formatTimeCallback: (seconds) => shortClock(Math.round(seconds) * 1000),
          secondaryLabelOpacity: 1,
        }),
        Minimap.create({
          container: overview,
          height: overview.clientHeight,
          splitChannels: undefined,
          barWidth: 2,
          barGap: 1,
          barRadius: 2,
          cursorWidth: 0,
          cspNonce: nonce,
          ...overviewColours(),
        }),
      ],
    });
    this.ready = new Promise((resolve) => this.wave.once("ready", resolve)).then(() => this.begin());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.wave.setOptions(waveColours()));
  }

  begin() {
    this.makeSlider();
    this.regions.enableDragSelection({ color: "transparent", id: "drawn" });
    this.regions.on("region-created", (region) => this.takeDrawn(region));
    this.wave.on("scroll", () => this.sharpenSoon());
    this.wave.on("zoom", () => this.sharpenSoon());
  }

  /* Full detail of what is in view, where the zoom can show it. */
  async sharpen() {
    if (this.pxPerSecond < FINE_FROM) return;
    const from = this.wave.getScroll() / this.pxPerSecond;
    if (await this.peaks.detail(from * 1000, (from + this.seenSeconds) * 1000)) this.wave.setOptions({});
  }

  sharpenSoon() {
    clearTimeout(this.sharpening);
    this.sharpening = setTimeout(() => this.sharpen(), 150);
  }

  /* The element that scrolls is the one that takes focus and keys: a slider over the call for screen readers. */
  makeSlider() {
    this.slider = this.wave.getWrapper().parentElement;
    this.slider.tabIndex = 0;
    const seconds = String(Math.floor(this.durationMs / 1000));
    const names = { "aria-label": this.container.dataset.label, "aria-valuemin": "0", "aria-valuemax": seconds };
    for (const [name, value] of Object.entries({ role: "slider", ...names })) this.slider.setAttribute(name, value);
  }

  /* The drawn region is only the hand's trace and goes at once. */
  takeDrawn(region) {
    if (region.id !== "drawn") return;
    const place = { startMs: Math.round(region.start * 1000), endMs: Math.round(region.end * 1000) };
    // the plugin still touches the region after telling of it
    setTimeout(() => {
      region.remove();
      this.tell("drawn", place);
    });
  }

  get pxPerSecond() {
    return this.steps[this.zoomStep];
  }

  /* How much of the call is seen at once. */
  get seenSeconds() {
    return this.container.clientWidth / this.pxPerSecond;
  }

  get ms() {
    return Math.round(this.wave.getCurrentTime() * 1000);
  }

  seek(ms) {
    this.wave.setTime(Math.min(Math.max(ms, 0), this.durationMs) / 1000);
  }

  /* Brings a moment into the left third of what is seen. */
  scrollTo(ms) {
    this.wave.setScrollTime(Math.max(0, ms / 1000 - this.seenSeconds / 4));
  }

  /* Nearer (+1) or wider (-1) around a moment. */
  zoom(by, aroundMs) {
    const next = Math.min(Math.max(this.zoomStep + by, 0), this.steps.length - 1);
    if (next === this.zoomStep) return;
    this.zoomStep = next;
    this.wave.zoom(this.pxPerSecond);
    this.scrollTo(aroundMs);
  }

  tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}
