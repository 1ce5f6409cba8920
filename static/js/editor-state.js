/* The whole of what is being edited as one value, read from the page and put back: what undoing, and taking over from
 * somebody else's version, are made of.
 *
 * Its fields are the form's; `start`, `end` and `cue` are the model's, as a half typed time is nobody's wish yet. */

import { clock, parseClock } from "./clock.js";

const REDACTION = /^\s*(\S+)\s*[-–]\s*(\S+)\s*(beep|silence)?\s*$/;
const APART = new Set(["revision", "opened", "_csrf", "csrf_token", "start", "end", "cue", "redactions", "lines", "cues", "rules", "no_speech"]);

export function parseRedactions(text) {
  return text
    .split("\n")
    .map((line) => REDACTION.exec(line))
    .filter(Boolean)
    .map(([, start, end, mode]) => ({ startMs: parseClock(start), endMs: parseClock(end), mode: mode ?? "beep" }))
    .filter((one) => one.startMs !== null && one.endMs !== null);
}

export function writeRedactions(redactions) {
  return redactions.map((one) => `${clock(one.startMs)} - ${clock(one.endMs)} ${one.mode}`).join("\n");
}

export class EditorState {
  /* parts: {lines, cues}: the components that hold typed lines and the cues of rules; both have load(text). */
  constructor({ form, model, parts }) {
    this.form = form;
    this.model = model;
    this.parts = parts;
  }

  read() {
    const { form, model } = this;
    const data = new FormData(form);
    const state = {
      start: clock(model.startMs),
      end: clock(model.endMs),
      cue: model.cueMs === null ? "" : clock(model.cueMs),
      redactions: form.elements.redactions.value,
      lines: form.elements.lines.value,
      cues: form.elements.cues.value,
      rules: data.getAll("rules"),
      no_speech: Boolean(form.elements.no_speech?.checked),
    };
    for (const [name, value] of data) {
      if (!APART.has(name) && !name.startsWith("take-") && !/csrf/i.test(name)) state[name] = value;
    }
    return state;
  }

  /* Puts back those fields that `state` names, all or some; the page tells its listeners as if a hand had done it. */
  write(state) {
    const { form, model, parts } = this;
    const present = this.read();
    const has = (name) => name in state && JSON.stringify(state[name]) !== JSON.stringify(present[name]);
    for (const name of Object.keys(state)) if (!APART.has(name) && has(name)) this.setField(name, state[name]);
    if (has("no_speech") && form.elements.no_speech) form.elements.no_speech.checked = state.no_speech;
    if (has("rules")) this.setRules(state.rules);
    if (has("start") || has("end")) model.setRange(parseClock(state.start ?? present.start), parseClock(state.end ?? present.end));
    if (has("cue")) model.setCue(state.cue ? parseClock(state.cue) : null);
    if (has("redactions")) model.setRedactions(parseRedactions(state.redactions));
    if (has("cues") || has("rules")) parts.cues.load(state.cues ?? present.cues);
    if (has("lines")) parts.lines.load(state.lines);
    form.dispatchEvent(new Event("change"));
  }

  setField(name, value) {
    const field = this.form.elements[name];
    if (field) field.value = value;
  }

  setRules(codes) {
    for (const box of this.form.querySelectorAll('input[name="rules"]')) box.checked = codes.includes(box.value);
  }
}
