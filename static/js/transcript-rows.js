/* The lines of a call as the page lists them, in the order in which they begin. The whole list is one stop of the Tab
 * key. A row that the server's answer leaves as it was stays the same element, so that nobody loses the focus. */

import { shortClock } from "./clock.js";

export const sameLine = (a, b) => a.start_ms === b.start_ms && a.end_ms === b.end_ms && a.speaker === b.speaker && a.text === b.text;

/* line: {start_ms, end_ms, speaker, text, words?}; `saved` is false for one that the server does not know yet; `form` are
 * the fields that stand in its place while somebody corrects it. */
class Row {
  constructor(item, line, saved) {
    this.item = item;
    this.line = line;
    this.saved = saved;
    this.form = null;
    item.row = this;
    this.setStop(false);
  }

  get text() {
    return this.item.querySelector("[data-edit]");
  }

  setStop(on) {
    for (const button of this.item.querySelectorAll("[data-hear], [data-edit]")) button.tabIndex = on ? 0 : -1;
  }
}

/* How many of these rows have begun by then: the place of a line that begins there. */
function begunBy(rows, ms) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].line.start_ms <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Rows {
  /* names: {speaker: how it is shown}; none: what stands there while there are no lines */
  constructor({ list, template, names, none }) {
    this.list = list;
    this.template = template;
    this.names = names;
    this.none = none;
    this.stop = null;
    this.all = [...list.children].map((item) => {
      const { start, end, speaker } = item.dataset;
      const text = item.querySelector("[data-edit]").lastElementChild.textContent;
      return new Row(item, { start_ms: Number(start), end_ms: Number(end), speaker, text }, true);
    });
    if (this.all.length) this.setStop(this.all[0]);
  }

  /* Those that the server knows: its places count only them. */
  get saved() {
    return this.all.filter((row) => row.saved);
  }

  placeAt(ms) {
    return begunBy(this.all, ms);
  }

  savedPlaceAt(ms) {
    return begunBy(this.saved, ms);
  }

  /* The row before one, or after it (+1). */
  beside(row, by) {
    return this.all[this.all.indexOf(row) + by];
  }

  make(line, saved) {
    const row = new Row(this.template.firstElementChild.cloneNode(true), line, saved);
    this.show(row);
    return row;
  }

  show(row, { start_ms, speaker, text } = row.line) {
    row.item.dataset.speaker = speaker;
    row.item.querySelector("time").textContent = shortClock(start_ms);
    row.text.firstElementChild.textContent = this.names[speaker] ?? "";
    row.text.lastElementChild.textContent = text;
  }

  setStop(row) {
    this.stop?.setStop(false);
    row?.setStop(true);
    this.stop = row;
  }

  focus(row) {
    if (!row) return;
    this.setStop(row);
    row.text.focus();
  }

  /* A row that the server does not know yet, where its time is. */
  insert(line) {
    const row = this.make(line, false);
    const place = this.placeAt(line.start_ms);
    if (this.all[place]) this.all[place].item.before(row.item);
    else this.list.append(row.item);
    this.all.splice(place, 0, row);
    this.showNone();
    return row;
  }

  drop(row) {
    if (row === this.stop) this.stop = null;
    this.all = this.all.filter((each) => each !== row);
    row.item.remove();
    this.showNone();
  }

  /* Lines of the server in place of `count` saved ones from `at` on; returns their rows. */
  apply(at, count, lines) {
    const saved = this.saved;
    const old = saved.slice(at, at + count);
    const after = saved[at + count];
    const free = new Set(old);
    const made = lines.map((line) => {
      const same = [...free].find((row) => row.line.speaker === line.speaker && row.line.text === line.text);
      if (!same) return this.make(line, true);
      free.delete(same);
      same.line = line;
      this.show(same);
      return same;
    });
    const kept = this.all.filter((row) => !old.includes(row) || (row.form && free.has(row)));
    for (const row of free) {
      if (row.form) row.saved = false; // somebody is typing in it
      else {
        if (row === this.stop) this.stop = null;
        row.item.remove();
      }
    }
    kept.splice(after ? kept.indexOf(after) : kept.length, 0, ...made);
    this.all = kept;
    this.putInPlace();
    if (!this.stop?.item.isConnected) this.setStop(made[0] ?? this.all[0] ?? null);
    this.showNone();
    return made;
  }

  /* Only what is not in its place is moved: an element that is moved loses its focus. */
  putInPlace() {
    let before = null;
    for (const { item } of this.all) {
      if (item.parentElement !== this.list || item.previousElementSibling !== before) {
        if (before) before.after(item);
        else this.list.prepend(item);
      }
      before = item;
    }
  }

  showNone() {
    this.none.hidden = this.all.length > 0;
  }
}
