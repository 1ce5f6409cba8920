/* One line of a call open for correcting: its fields stand in its place, and leaving it saves it. What could not be saved
 * is open again as it was typed, with the reason; where somebody else was faster both are shown, and whoever corrects
 * decides. */

import { announce } from "./app.js";
import { clock, timeField } from "./clock.js";
import { sameLine } from "./transcript-rows.js";

const SHORTEST_MS = 100;
const NEW_MS = 2000;
const LONGEST_NEW_MS = 20000;
const OTHER = { agent: "caller", caller: "agent" };

/* The line as it is typed now. Its words keep their times while the text is the same. */
function typed({ form, line }) {
  const text = form.text.value.trim();
  return { start_ms: form.startMs, end_ms: form.endMs, speaker: form.speaker.value, text, words: text === line.text ? (line.words ?? []) : [] };
}

export class LineEditor {
  /* template: of the fields; said: the data-words-… of the page; playhead(): where the sound is, in ms; addButton takes
   * the focus when no line is left */
  constructor({ rows, saving, template, said, durationMs, playhead, addButton }) {
    this.rows = rows;
    this.saving = saving;
    this.template = template;
    this.said = said;
    this.durationMs = durationMs;
    this.playhead = playhead;
    this.addButton = addButton;
    this.row = null;
  }

  /* Something is typed that the server does not have. */
  get unsaved() {
    const { row } = this;
    if (!row) return false;
    return row.saved ? !sameLine(typed(row), row.line) : Boolean(row.form.text.value.trim());
  }

  async open(row, caret = null) {
    if (this.row === row || !(await this.leave())) return;
    this.row = row;
    this.rows.setStop(row);
    row.form = this.makeForm(row.line);
    row.text.hidden = true;
    row.item.classList.add("open");
    row.item.append(row.form.fields);
    row.form.text.focus();
    const at = caret ?? row.form.text.value.length;
    row.form.text.setSelectionRange(at, at);
  }

  makeForm(line) {
    const fields = this.template.firstElementChild.cloneNode(true);
    const [start, end] = fields.querySelectorAll("[data-time]");
    const [speaker, text] = [fields.querySelector("select"), fields.querySelector("textarea")];
    const form = { fields, start, end, speaker, text, startMs: line.start_ms, endMs: line.end_ms };
    speaker.value = line.speaker;
    text.value = line.text;
    const setTimes = (from, to) => {
      form.startMs = Math.round(Math.min(Math.max(from, 0), this.durationMs - SHORTEST_MS));
      form.endMs = Math.round(Math.min(Math.max(to, form.startMs + SHORTEST_MS), this.durationMs));
      showStart();
      showEnd();
    };
    const showStart = timeField(start, () => form.startMs, (ms) => ms !== null && setTimes(ms, form.endMs));
    const showEnd = timeField(end, () => form.endMs, (ms) => ms !== null && setTimes(form.startMs, ms));
    showStart();
    showEnd();
    text.addEventListener("input", () => {
      if (text.value.includes("\n")) text.value = text.value.replace(/\s*\n\s*/g, " ");
    });
    return form;
  }

  close() {
    const { row } = this;
    if (!row) return;
    row.form.fields.remove();
    row.form = null;
    row.text.hidden = false;
    row.item.classList.remove("open");
    this.row = null;
  }

  /* Escape: as it was. */
  async giveUp() {
    const { row } = this;
    if (!row.saved) {
      await this.remove();
      return;
    }
    this.close();
    this.rows.show(row);
    this.rows.focus(row);
  }

  /* Close the open line and save it if it changed. False: it could not be saved, and is open as it was. */
  async leave() {
    const { row } = this;
    if (!row) return true;
    const line = typed(row);
    if (row.saved && (sameLine(line, row.line) || !line.text)) {
      // a line without words is removed by its button, not by leaving it
      this.close();
      return true;
    }
    if (!row.saved && !line.text) {
      const before = this.rows.beside(row, -1);
      this.drop(row);
      this.rows.setStop(before ?? this.rows.all[0] ?? null);
      return true;
    }
    const { form } = row;
    const hadFocus = row.item.contains(document.activeElement);
    this.rows.show(row, line);
    this.close();
    try {
      const made = row.saved ? await this.saving.put([row], [line]) : await this.saveNew(row, line);
      if (hadFocus && document.activeElement === document.body) this.rows.focus(made[0]);
      return true;
    } catch (problem) {
      await this.reopen(row, line, form, problem);
      return false;
    }
  }

  async saveNew(row, line) {
    const made = await this.saving.put([], [line], () => this.rows.savedPlaceAt(line.start_ms));
    this.drop(row);
    if (!this.rows.stop) this.rows.setStop(made[0] ?? this.rows.all[0] ?? null);
    return made;
  }

  drop(row) {
    if (this.row === row) this.close();
    this.rows.drop(row);
  }

  async reopen(row, line, form, problem) {
    let here = this.rows.all.includes(row) ? row : null;
    let told = problem.message ?? this.said.wordsFailed;
    if (problem.overtaken) {
      const theirs = this.rows.saved.find((each) => each.line.start_ms < line.end_ms && each.line.end_ms > line.start_ms);
      told = theirs ? this.said.wordsTheirs.replace("{text}", theirs.line.text) : this.said.wordsGone;
      here = theirs ?? null;
    }
    if (here) this.rows.show(here);
    else here = this.rows.insert(line);
    if (this.row !== here) this.close();
    await this.open(here);
    Object.assign(here.form, { startMs: line.start_ms, endMs: line.end_ms });
    here.form.start.value = clock(line.start_ms);
    here.form.end.value = clock(line.end_ms);
    here.form.speaker.value = line.speaker;
    here.form.text.value = form.text.value;
    const place = here.form.fields.querySelector("[data-problem]");
    place.lastElementChild.textContent = told;
    place.hidden = false;
  }

  /* On to the next line; after the last one, a new one at the playhead. */
  async next() {
    const { row } = this;
    const after = this.rows.beside(row, 1);
    if (after) await this.open(after);
    else if (row.form.text.value.trim()) await this.add(row);
  }

  /* A new line at the playhead, after this one; not saved before something is said in it. */
  async add(after = null) {
    if (!(await this.leave())) return;
    const { rows, durationMs } = this;
    const latest = durationMs - SHORTEST_MS;
    const at = Math.round(Math.min(this.playhead() || after?.line.end_ms || 0, latest));
    const behind = after && (at < after.line.start_ms || after === rows.all.at(-1));
    const start = behind ? Math.max(at, Math.min(after.line.start_ms + SHORTEST_MS, latest)) : at;
    const place = rows.placeAt(start);
    const wanted = rows.all[place]?.line.start_ms ?? start + NEW_MS;
    const end = Math.min(Math.max(wanted, start + SHORTEST_MS), start + LONGEST_NEW_MS, durationMs);
    const speaker = OTHER[rows.all[place - 1]?.line.speaker] ?? "";
    await this.open(rows.insert({ start_ms: start, end_ms: end, speaker, text: "" }));
  }

  /* In two at the caret: where the sound stands, if that is inside the line, or by the share of its letters. */
  async split(caret) {
    const { row } = this;
    const line = typed(row);
    const [left, right] = [row.form.text.value.slice(0, caret).trim(), row.form.text.value.slice(caret).trim()];
    if (!row.saved || !left || !right) {
      await this.add(row);
      return;
    }
    const share = line.start_ms + ((line.end_ms - line.start_ms) * left.length) / (left.length + right.length);
    const ms = this.playhead();
    const inside = ms > line.start_ms + SHORTEST_MS && ms < line.end_ms - SHORTEST_MS;
    const at = Math.round(inside ? ms : share);
    const halves = [{ ...line, end_ms: at, text: left, words: [] }, { ...line, start_ms: at, text: right, words: [] }];
    await this.replace([row], halves, this.said.wordsSplit, (came) => this.open(came.at(-1), 0));
  }

  /* With the line before it. */
  async join() {
    const { row } = this;
    const before = this.rows.beside(row, -1);
    if (!row.saved || !before?.saved) return;
    const line = typed(row);
    // Chinese and Japanese have no spaces between sentences
    const close = /[\u3000-\u30ff\u3400-\u9fff]$/.test(before.line.text) || !line.text;
    const text = `${before.line.text}${close ? "" : " "}${line.text}`;
    const whole = { ...before.line, end_ms: Math.max(before.line.end_ms, line.end_ms), text, words: [] };
    await this.replace([before, row], [whole], this.said.wordsJoined, (came) => this.open(came[0], before.line.text.length));
  }

  async remove() {
    const { row, rows } = this;
    const place = Math.max(0, rows.all.indexOf(row) - 1);
    if (!row.saved) {
      this.drop(row);
      rows.focus(rows.all[place]);
      return;
    }
    await this.replace([row], [], this.said.wordsRemoved, () => (rows.all.length ? rows.focus(rows.all[place]) : this.addButton.focus()));
  }

  /* Rows, of which the last is the open one, give way to lines. */
  async replace(gone, lines, words, then) {
    const { row } = this;
    const { form } = row;
    const line = typed(row);
    this.close();
    try {
      const came = await this.saving.put(gone, lines);
      announce(words);
      await then(came);
    } catch (problem) {
      await this.reopen(row, line, form, problem);
    }
  }
}
