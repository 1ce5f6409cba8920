/* The clip editor: puts the model, the wave, playing, the transcript and the redactions together.
 *
 * The page is a form that works by itself; this makes it quick. All times on the page are times of the call. */

import { connectLanes } from "./call-mix.js";
import { Peaks } from "./call-peaks.js";
import { Autosave } from "./editor-autosave.js";
import { TypedLines } from "./editor-lines.js";
import { Conflict } from "./editor-conflict.js";
import { RuleCues } from "./editor-cues.js";
import { History } from "./editor-history.js";
import { clock, momentField, parseClock } from "./clock.js";
import { ClipModel, LONGEST_MS, SHORTEST_MS } from "./editor-model.js";
import { EditorPoints } from "./editor-points.js";
import { RedactionList } from "./editor-redactions.js";
import { Snap } from "./editor-snap.js";
import { EditorState, parseRedactions } from "./editor-state.js";
import { ProposedTitle } from "./editor-title.js";
import { TranscriptView } from "./editor-transcript.js";
import { Transport } from "./editor-transport.js";
import { rangeFields } from "./time-range.js";
import { WaveView } from "./editor-wave.js";

function readModel(form, card) {
  const durationMs = Number(card.dataset.durationMs);
  const read = (name) => parseClock(form.elements[name].value);
  const redactions = parseRedactions(form.elements.redactions.value);
  const startMs = Math.min(read("start") ?? 0, durationMs);
  const endMs = Math.min(read("end") ?? startMs + 12000, durationMs);
  return new ClipModel({ durationMs, startMs, endMs, cueMs: read("cue"), redactions });
}

function connectFields(form, model) {
  const { start, end } = form.elements;
  const write = (startMs, endMs) => model.setRange(startMs, endMs);
  const range = rangeFields({ start, end, read: () => model, write, shortestMs: SHORTEST_MS, longestMs: LONGEST_MS });
  const cue = momentField(form.elements.cue, () => model.cueMs, (ms) => model.setCue(ms), model.durationMs);
  const length = document.querySelector("[data-length]");
  const cueOutside = document.querySelector("[data-cue-outside]");
  const show = () => {
    range();
    cue();
    length.textContent = `${(model.lengthMs / 1000).toFixed(1)} s`;
    cueOutside.hidden = model.cueMs === null || (model.cueMs >= model.startMs && model.cueMs <= model.endMs);
    document.querySelector('[data-do="cue-remove"]').hidden = model.cueMs === null;
  };
  model.addEventListener("change", (event) => event.detail.what !== "redactions" && show());
  show();
}

function readTurns(list) {
  return [...(list?.querySelectorAll("[data-line]") ?? [])].map((line) => ({
    startMs: Number(line.dataset.start),
    endMs: Number(line.dataset.end),
    speaker: line.dataset.speaker,
    text: line.lastElementChild.textContent.trim(),
  }));
}

function connectAutosave(form, model, proposed) {
  const status = document.querySelector("[data-autosave-status]");
  const title = () => proposed.text || status.dataset.untitled.replace("{time}", clock(model.startMs));
  return form.dataset.autosave ? new Autosave({ form, status, title, model }) : null;
}

async function start() {
  const card = document.querySelector("[data-editor]");
  const form = document.getElementById("clip-form");
  const container = document.getElementById("wave");
  const model = readModel(form, card);
  connectFields(form, model);
  const { durationMs } = model;
  const peaks = new Peaks({ url: card.dataset.peaks, durationMs, channels: Number(card.dataset.channels) });
  await peaks.load().catch(() => (card.querySelector("[data-wave-error]").hidden = false));
  const snap = new Snap({ button: card.querySelector("[data-snap]"), model, peaks });
  const overview = document.getElementById("wave-overview");
  const { audio: src, nonce } = card.dataset;
  const view = new WaveView({ container, overview, src, peaks, nonce, model, snap });
  await view.ready;
  card.classList.add("ready");
  const transport = new Transport({ card, container, view, model, snap });
  new RedactionList({ root: card.querySelector("[data-redactions]"), field: form.elements.redactions, model, view });
  const list = document.querySelector("[data-turns]");
  const turns = readTurns(list);
  const mix = connectLanes({ card, peaks, turns, view });
  transport.mix = mix;
  const modes = { select: document.querySelector("[data-select-words]"), redact: document.querySelector("[data-redact-words]") };
  if (list) {
    const { words: wordsUrl, kept: keptUrl } = card.dataset;
    new TranscriptView({ list, modes, model, view, snap, wordsUrl, keptUrl, typed: form.elements.lines });
  }
  const typed = document.querySelector("[data-typed]");
  const lines = new TypedLines({ root: typed, field: form.elements.lines, model, view, transport, turns });
  const cues = new RuleCues({ root: document.querySelector("[data-cues]"), field: form.elements.cues, form, model, view });
  transport.cues = cues;
  const state = new EditorState({ form, model, parts: { lines, cues } });
  const history = new History({ root: card.querySelector("[data-history]"), state, form, model, areas: [card, typed] });
  const conflict = document.querySelector("[data-conflict]");
  if (conflict) new Conflict({ root: conflict, state });
  const points = document.querySelector("[data-editor-points]");
  new EditorPoints({ root: points, form, model, turns, card });
  const autosave = connectAutosave(form, model, new ProposedTitle({ form, model }));
  card.editor = { model, view, transport, history, state, snap, mix, autosave };
  card.dataset.ready = clock(model.startMs);
  card.dispatchEvent(new CustomEvent("editor:ready", { bubbles: true, detail: card.editor }));
}

start();
