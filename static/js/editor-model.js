/* What is being edited, in milliseconds of the call: range, cues and redactions. Views read it and listen to "change";
 * whoever changes it says what changed ("range", "cue", "rule-cues", "redactions"), so that a view does not answer itself.
 * Other parts of the page find it as `document.querySelector("[data-editor]").editor.model` after "editor:ready". */

export const SHORTEST_MS = 300;
export const LONGEST_MS = 120000;
export const REDACTION_MS = 1000;

let made = 0;

export class ClipModel extends EventTarget {
  constructor({ durationMs, startMs, endMs, cueMs = null, redactions = [] }) {
    super();
    this.durationMs = durationMs;
    this.startMs = startMs;
    this.endMs = endMs;
    this.cueMs = cueMs;
    this.ruleCues = new Map();
    this.redactions = redactions.map((one) => ({ ...one, id: `r${++made}` }));
  }

  get lengthMs() {
    return this.endMs - this.startMs;
  }

  holds(ms) {
    return ms >= this.startMs && ms < this.endMs;
  }

  /* Whatever is asked for, the clip stays inside the call, 0.3 s to 2 minutes long. */
  setRange(startMs, endMs) {
    const lastStart = this.durationMs - SHORTEST_MS;
    const start = Math.round(Math.min(Math.max(startMs, 0), lastStart));
    const end = Math.round(Math.min(Math.max(endMs, start + SHORTEST_MS), start + LONGEST_MS, this.durationMs));
    if (start === this.startMs && end === this.endMs) return;
    this.startMs = start;
    this.endMs = end;
    this.tell("range");
  }

  /* A start behind the end takes the clip along with its length, as a person who moves on would want. */
  setStart(ms) {
    const length = this.lengthMs;
    this.setRange(ms, ms > this.endMs - SHORTEST_MS ? ms + length : Math.min(this.endMs, ms + LONGEST_MS));
  }

  setEnd(ms) {
    const bounded = Math.min(Math.max(ms, SHORTEST_MS), this.durationMs);
    const start = bounded < this.startMs + SHORTEST_MS ? bounded - this.lengthMs : Math.max(this.startMs, bounded - LONGEST_MS);
    this.setRange(start, bounded);
  }

  setCue(ms) {
    const cue = ms === null ? null : Math.round(Math.min(Math.max(ms, 0), this.durationMs));
    if (cue === this.cueMs) return;
    this.cueMs = cue;
    this.tell("cue");
  }

  /* The moment of one rule; null: it has none of its own. */
  setRuleCue(code, ms) {
    const cue = ms === null ? null : Math.round(Math.min(Math.max(ms, 0), this.durationMs));
    if (cue === (this.ruleCues.get(code) ?? null)) return;
    if (cue === null) this.ruleCues.delete(code);
    else this.ruleCues.set(code, cue);
    this.tell("rule-cues");
  }

  /* All redactions at once, as undoing needs it; those that stay as they were keep their names. */
  setRedactions(list) {
    const same = (one, other) => one.startMs === other.startMs && one.endMs === other.endMs && one.mode === other.mode;
    this.redactions = list.map((one) => this.redactions.find((each) => same(each, one)) ?? { ...one, id: `r${++made}` });
    this.tell("redactions");
  }

  addRedaction(startMs, endMs, mode = "beep") {
    const one = { id: `r${++made}`, startMs: Math.round(startMs), endMs: Math.round(endMs), mode };
    this.redactions = [...this.redactions, one].sort((a, b) => a.startMs - b.startMs);
    this.tell("redactions");
    return one;
  }

  /* Covers a word; what already covers its neighbourhood grows to take it in. */
  cover(startMs, endMs, reachMs) {
    const near = this.redactions.find((one) => one.startMs <= endMs + reachMs && one.endMs >= startMs - reachMs);
    if (!near) return this.addRedaction(startMs, endMs);
    this.changeRedaction(near.id, { startMs: Math.min(near.startMs, startMs), endMs: Math.max(near.endMs, endMs) });
    return near;
  }

  changeRedaction(id, change) {
    const one = this.redactions.find((each) => each.id === id);
    if (!one) return;
    Object.assign(one, change);
    one.startMs = Math.round(Math.min(Math.max(one.startMs, 0), this.durationMs - 1));
    one.endMs = Math.round(Math.min(Math.max(one.endMs, one.startMs + 50), this.durationMs));
    this.tell("redactions");
  }

  removeRedaction(id) {
    this.redactions = this.redactions.filter((one) => one.id !== id);
    this.tell("redactions");
  }

  redactionAt(startMs, endMs) {
    return this.redactions.find((one) => one.startMs < endMs && one.endMs > startMs);
  }

  tell(what) {
    this.dispatchEvent(new CustomEvent("change", { detail: { what } }));
  }
}
