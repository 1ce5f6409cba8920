/* The clip editor: puts the model, the wave, playing, the transcript and the redactions together.
 *
 * The page is a form that works by itself; this makes it quick. All times on the page are times of the call. */

import { Autosave } from "./editor-autosave.js";
import { TypedLines } from "./editor-lines.js";
import { ClipModel, clock, parseClock, timeField } from "./editor-model.js";
import { RedactionList } from "./editor-redactions.js";
import { TranscriptView } from "./editor-transcript.js";
import { Transport } from "./editor-transport.js";
import { WaveView } from "./editor-wave.js";

function readModel(form, card) {
  const durationMs = Number(card.dataset.durationMs);
  const read = (name) => parseClock(form.elements[name].value);
  const redactions = form.elements.redactions.value
    .split("\n")
    .map((line) => /^\s*(\S+)\s*[-–]\s*(\S+)\s*(beep|silence)?\s*$/.exec(line))
    .filter(Boolean)
    .map(([, start, end, mode]) => ({ startMs: parseClock(start), endMs: parseClock(end), mode: mode ?? "beep" }))
    .filter((one) => one.startMs !== null && one.endMs !== null);
  const startMs = Math.min(read("start") ?? 0, durationMs);
  const endMs = Math.min(read("end") ?? startMs + 12000, durationMs);
  return new ClipModel({ durationMs, startMs, endMs, cueMs: read("cue"), redactions });
}

/* Peaks arrive as 0..100 for a number of points that suits the call's length. */
async function fetchPeaks(card) {
  const seconds = Number(card.dataset.durationMs) / 1000;
  const points = Math.round(Math.min(Math.max(seconds * 20, 400), 20000));
  const answer = await fetch(`${card.dataset.peaks}?points=${points}`, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`peaks: ${answer.status}`);
  const { peaks } = await answer.json();
  return peaks.map((height) => height / 100);
}

function connectFields(form, model) {
  const shows = [
    timeField(form.elements.start, () => model.startMs, (ms) => ms !== null && model.setStart(ms)),
    timeField(form.elements.end, () => model.endMs, (ms) => ms !== null && model.setEnd(ms)),
  ];
  const cue = timeField(form.elements.cue, () => model.cueMs, (ms) => model.setCue(ms));
  const length = document.querySelector("[data-length]");
  const cueOutside = document.querySelector("[data-cue-outside]");
  const show = () => {
    shows.forEach((each) => each());
    cue();
    length.textContent = `${(model.lengthMs / 1000).toFixed(1)} s`;
    cueOutside.hidden = model.cueMs === null || (model.cueMs >= model.startMs && model.cueMs <= model.endMs);
    document.querySelector('[data-do="cue-remove"]').hidden = model.cueMs === null;
  };
  model.addEventListener("change", (event) => event.detail.what !== "redactions" && show());
  show();
}

async function start() {
  const card = document.querySelector("[data-editor]");
  const form = document.getElementById("clip-form");
  const container = document.getElementById("wave");
  const model = readModel(form, card);
  connectFields(form, model);
  let peaks;
  try {
    peaks = await fetchPeaks(card);
  } catch {
    card.querySelector("[data-wave-error]").hidden = false;
    peaks = [0, 0];
  }
  const overview = document.getElementById("wave-overview");
  const view = new WaveView({ container, overview, src: card.dataset.audio, peaks, nonce: card.dataset.nonce, model });
  await view.ready;
  card.classList.add("ready");
  const transport = new Transport({ card, container, view, model });
  const redactions = card.querySelector("[data-redactions]");
  new RedactionList({ root: redactions, field: form.elements.redactions, model, view });
  const list = document.querySelector("[data-turns]");
  const toggle = document.querySelector("[data-redact-words]");
  if (list) new TranscriptView({ list, toggle, model, view, wordsUrl: card.dataset.words });
  const typed = document.querySelector("[data-typed]");
  const turns = [...(list?.querySelectorAll("[data-line]") ?? [])].map((line) => ({
    startMs: Number(line.dataset.start),
    endMs: Number(line.dataset.end),
    speaker: line.dataset.speaker,
    text: line.lastElementChild.textContent.trim(),
  }));
  new TypedLines({ root: typed, field: form.elements.lines, model, view, transport, turns });
  const status = document.querySelector("[data-autosave-status]");
  const title = () => status.dataset.untitled.replace("{time}", clock(model.startMs));
  if (form.dataset.autosave) new Autosave({ form, status, title });
  card.dataset.ready = clock(model.startMs);
}

start();
