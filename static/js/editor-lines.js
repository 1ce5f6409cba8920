/* The clip's own words, typed in place: lines with times, speaker and text, for calls without a transcript and to
 * correct one. The field that sends them is plain text ("0:05.0 - 0:07.2 agent: Good morning", one a line); without
 * scripts it is typed by hand, with them it is hidden and follows the list.
 *
 * Hands stay on the keyboard: Enter splits the line at the caret, or goes on with a new one at the playhead;
 * Ctrl+Space (or F8) plays and pauses, Ctrl+Shift+Space repeats the clip, Ctrl+Backspace in an empty line removes it. */

import { announce } from "./app.js";
import { clock, parseClock } from "./clock.js";
import { rangeFields } from "./time-range.js";

const LINE = /^\s*([\d:.,]+)\s*[-–]\s*([\d:.,]+)\s*(agent|caller)?\s*:\s*(.*)$/;
const SHORTEST_MS = 100;

export class TypedLines {
  constructor({ root, field, model, view, transport, turns }) {
    this.root = root;
    this.field = field;
    this.model = model;
    this.view = view;
    this.transport = transport;
    this.turns = turns;
    this.list = root.querySelector("[data-typed-list]");
    this.template = root.querySelector("template");
    this.board = root.querySelector("[data-typed-board]");
    this.begin = root.querySelector("[data-typed-begin]");
    this.mark = document.getElementById("redacted-mark").content.firstElementChild;
    field.closest(".field").hidden = true;
    this.rows = this.read().map((line) => this.row(line));
    this.list.append(...this.rows.map((row) => row.item));
    this.begin?.addEventListener("click", () => this.start());
    root.querySelector("[data-typed-add]").addEventListener("click", () => this.addAtPlayhead().text.focus());
    root.querySelector("[data-typed-drop]")?.addEventListener("click", () => this.drop());
    root.addEventListener("keydown", (event) => this.key(event));
    model.addEventListener("change", () => this.showRedacted());
    this.show();
  }

  read() {
    return this.field.value
      .split("\n")
      .map((line) => LINE.exec(line))
      .filter(Boolean)
      .map(([, start, end, speaker, text]) => ({ startMs: parseClock(start), endMs: parseClock(end), speaker: speaker ?? "", text }))
      .filter((line) => line.startMs !== null && line.endMs !== null);
  }

  /* Puts other lines in place of these, as undoing does; the line that had focus keeps it if it is still there. */
  load(text) {
    const focused = this.rows.findIndex((row) => row.item.contains(document.activeElement));
    const inText = this.rows[focused]?.text === document.activeElement;
    for (const row of this.rows) row.item.remove();
    this.field.value = text;
    this.rows = this.read().map((line) => this.row(line));
    this.list.append(...this.rows.map((row) => row.item));
    this.show();
    const again = this.rows[Math.min(focused, this.rows.length - 1)];
    if (again) (inText ? again.text : again.start).focus();
    else if (focused >= 0) (this.begin?.offsetParent ? this.begin : this.root.querySelector("[data-typed-add]")).focus();
  }

  write() {
    const value = this.rows
      .filter((row) => row.text.value.trim())
      .map((row) => `${clock(row.startMs)} - ${clock(row.endMs)}${row.speaker.value ? ` ${row.speaker.value}` : ""}: ${row.text.value.trim()}`)
      .join("\n");
    if (value === this.field.value) return;
    this.field.value = value;
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  show() {
    const typing = this.rows.length > 0 || this.turns.length === 0;
    this.board.hidden = !typing;
    if (this.begin) this.begin.closest("[data-typed-ask]").hidden = typing;
    this.showRedacted();
  }

  showRedacted() {
    for (const row of this.rows) {
      const touched = this.model.redactionAt(row.startMs, row.endMs);
      const mark = row.item.querySelector(".redacted-mark");
      if (mark && !touched) mark.remove();
      if (touched && !mark) row.item.append(this.mark.cloneNode(true));
    }
  }

  /* Correcting begins with the call's own words of the clip. */
  start() {
    const { model } = this;
    const heard = this.turns.filter((turn) => turn.startMs < model.endMs && turn.endMs > model.startMs);
    for (const turn of heard) {
      const line = { ...turn, startMs: Math.max(turn.startMs, model.startMs), endMs: Math.min(turn.endMs, model.endMs) };
      this.insert(this.rows.length, line);
    }
    if (!this.rows.length) this.addAtPlayhead();
    this.changed();
    this.show();
    this.rows[0].text.focus();
  }

  /* Back to the call's own words. */
  drop() {
    for (const row of this.rows) row.item.remove();
    this.rows = [];
    this.write();
    this.show();
    this.begin?.focus();
  }

  row({ startMs, endMs, speaker = "", text = "", open = false }) {
    const item = this.template.content.firstElementChild.cloneNode(true);
    const [start, end] = item.querySelectorAll("[data-time]");
    const row = { item, startMs, endMs, open, start, end, speaker: item.querySelector("select"), text: item.querySelector("textarea") };
    row.speaker.value = speaker;
    row.text.value = text;
    const read = () => ({ startMs: row.startMs, endMs: row.endMs, durationMs: this.model.durationMs });
    row.showTimes = rangeFields({ start, end, read, write: (from, to) => this.setTimes(row, from, to), shortestMs: SHORTEST_MS });
    row.showTimes();
    row.text.addEventListener("input", () => {
      if (row.text.value.includes("\n")) row.text.value = row.text.value.replace(/\s*\n\s*/g, " ");
      this.changed();
    });
    row.speaker.addEventListener("change", () => this.changed());
    item.querySelector("[data-hear]").addEventListener("click", () => this.hear(row));
    item.querySelector("[data-split]").addEventListener("click", () => this.split(row, row.text.selectionStart));
    item.querySelector("[data-remove]").addEventListener("click", () => this.remove(row));
    return row;
  }

  setTimes(row, startMs, endMs) {
    row.startMs = Math.round(Math.min(Math.max(startMs, 0), this.model.durationMs - SHORTEST_MS));
    row.endMs = Math.round(Math.min(Math.max(endMs, row.startMs + SHORTEST_MS), this.model.durationMs));
    row.open = false;
    row.showTimes();
    this.changed();
  }

  insert(index, line) {
    const row = this.row(line);
    const after = this.rows[index];
    this.rows.splice(index, 0, row);
    if (after) after.item.before(row.item);
    else this.list.append(row.item);
    return row;
  }

  /* A new line begins where the playhead is, and the one before it ends there unless its end was set. */
  addAtPlayhead(after = this.rows.at(-1)) {
    const { model, view } = this;
    const index = after ? this.rows.indexOf(after) + 1 : 0;
    const least = after ? after.startMs + SHORTEST_MS : model.startMs;
    const playhead = model.holds(view.ms) ? view.ms : after ? after.endMs : model.startMs;
    const start = Math.round(Math.min(Math.max(playhead, least), model.endMs - SHORTEST_MS));
    if (after && (after.open || after.endMs > start)) {
      after.endMs = Math.max(start, after.startMs + SHORTEST_MS);
      after.open = false;
      after.showTimes();
    }
    const following = this.rows[index];
    const end = Math.max(start + SHORTEST_MS, Math.min(following?.startMs ?? model.endMs, model.endMs));
    const other = { agent: "caller", caller: "agent" };
    const row = this.insert(index, { startMs: start, endMs: end, speaker: other[after?.speaker.value] ?? "", open: true });
    this.changed();
    this.show();
    return row;
  }

  /* What stands behind the caret becomes a line of its own; it begins at the playhead if that is in the line. */
  split(row, caret) {
    const [left, right] = [row.text.value.slice(0, caret).trim(), row.text.value.slice(caret).trim()];
    if (!left || !right) {
      this.addAtPlayhead(row).text.focus();
      return;
    }
    const share = row.startMs + ((row.endMs - row.startMs) * left.length) / (left.length + right.length);
    const inside = this.view.ms > row.startMs + SHORTEST_MS && this.view.ms < row.endMs - SHORTEST_MS;
    const at = Math.round(inside ? this.view.ms : share);
    const index = this.rows.indexOf(row) + 1;
    const next = this.insert(index, { startMs: at, endMs: Math.max(row.endMs, at + SHORTEST_MS), speaker: row.speaker.value, text: right });
    row.text.value = left;
    row.endMs = Math.max(at, row.startMs + SHORTEST_MS);
    row.showTimes();
    this.changed();
    next.text.focus();
    next.text.setSelectionRange(0, 0);
    announce(this.root.dataset.wordsSplit);
  }

  remove(row) {
    const index = this.rows.indexOf(row);
    const hadFocus = row.item.contains(document.activeElement);
    row.item.remove();
    this.rows.splice(index, 1);
    this.changed();
    if (!this.rows.length) this.show();
    if (hadFocus) (this.rows[Math.max(0, index - 1)]?.text ?? this.root.querySelector("[data-typed-add]")).focus();
  }

  hear(row) {
    this.view.seek(row.startMs);
    this.transport.playOn();
  }

  key(event) {
    const row = this.rows.find((each) => each.item.contains(event.target));
    if ((event.code === "Space" && event.ctrlKey) || event.key === "F8") {
      event.preventDefault();
      this.transport.do(event.shiftKey ? "loop" : "play");
      if (event.shiftKey) announce(this.root.dataset[this.transport.loop ? "wordsLoopOn" : "wordsLoopOff"]);
    } else if (row && event.target === row.text && event.key === "Enter") {
      event.preventDefault();
      const atEnd = row.text.selectionStart === row.text.value.length;
      if (atEnd) this.addAtPlayhead(row).text.focus();
      else this.split(row, row.text.selectionStart);
    } else if (row && event.target === row.text && event.key === "Backspace" && event.ctrlKey && !row.text.value) {
      event.preventDefault();
      this.remove(row);
    }
  }

  changed() {
    this.write();
    this.showRedacted();
  }
}
