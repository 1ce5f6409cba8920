/* Saving the words of a call: one request for the lines that changed, on the revision that the page knows. The server
 * answers with what it came to (lines in order, no voice over itself), and that is shown. Undo sends back what stood there
 * before, with the times of its words.
 *
 * Overtaken by somebody else, the page takes over their lines and tries once more, if the lines that were corrected are
 * still what they were; else it throws {overtaken: true}. What else goes wrong is thrown as {message}, in words. */

import { announce, csrfHeaders, toast } from "./app.js";
import { sameLine } from "./transcript-rows.js";

const MOST_UNDO = 200;

const plain = ({ start_ms, end_ms, speaker, text, words = [] }) => ({ start_ms, end_ms, speaker, text, words });

export class Saving {
  /* said: data-url, data-revision and the data-words-… of the page; state: where "Saved" is told; undo, redo: buttons */
  constructor({ rows, said, state, undo, redo }) {
    this.rows = rows;
    this.said = said;
    this.state = state;
    this.buttons = { undo, redo };
    this.revision = Number(said.revision);
    this.queue = Promise.resolve();
    this.remembered = Promise.resolve(); // what is being saved can be undone as soon as it is
    this.done = [];
    this.undone = [];
  }

  /* Lines of rows give way to others, at the place that `at()` says or where the first row stands; remembered for undo.
   * Returns the rows that came. */
  put(gone, lines, at = () => this.rows.saved.indexOf(gone[0])) {
    const made = this.putNow(gone, lines, at);
    this.remembered = made.catch(() => {});
    return made;
  }

  async putNow(gone, lines, at) {
    const made = await this.send(() => ({ at: at(), removed: gone.map((row) => row.line), lines }));
    if (made.lines.length || made.removed.length) {
      this.done.push({ at: made.at, removed: made.removed, lines: made.lines });
      this.done.splice(0, this.done.length - MOST_UNDO);
      this.undone = [];
    }
    this.showUndo();
    return made.rows;
  }

  async undo() {
    await this.remembered;
    await this.step(this.done, this.undone, this.said.wordsUndone);
  }

  async redo() {
    await this.remembered;
    await this.step(this.undone, this.done, this.said.wordsRedone);
  }

  async step(from, to, words) {
    const last = from.pop();
    if (!last) return;
    this.showUndo();
    try {
      const made = await this.send(() => ({ at: last.at, removed: last.lines, lines: last.removed }));
      to.push({ at: made.at, removed: made.removed, lines: made.lines });
      announce(words);
      const { all } = this.rows;
      this.rows.focus(made.rows[0] ?? all[Math.min(made.at, all.length - 1)]);
    } catch (problem) {
      toast(problem.message ?? this.said.wordsFailed, "bad");
    }
    this.showUndo();
  }

  showUndo() {
    this.buttons.undo.setAttribute("aria-disabled", String(!this.done.length));
    this.buttons.redo.setAttribute("aria-disabled", String(!this.undone.length));
  }

  /* `change()` says {at, removed: lines that go, lines} when its turn comes, as what is before it moves the places. */
  send(change) {
    const turn = this.queue.then(() => this.sendNow(change));
    this.queue = turn.catch(() => {});
    return turn;
  }

  async sendNow(change, again = false) {
    const { at, removed, lines } = change();
    this.state.textContent = "";
    const answer = await this.ask({
      method: "POST",
      headers: { ...csrfHeaders(), "Content-Type": "application/json", Accept: "application/json", "If-Match": `"r${this.revision}"` },
      body: JSON.stringify({ at, removed: removed.length, lines: lines.map(plain) }),
    });
    if (answer.status === 412 && !again) {
      await this.takeOver();
      const place = this.find(removed, at);
      if (place === null) throw { overtaken: true };
      return this.sendNow(() => ({ at: place, removed, lines }), true);
    }
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      throw { message: problem.errors?.[0]?.message ?? problem.detail ?? this.said.wordsFailed };
    }
    const made = await answer.json();
    this.setRevision(made.revision);
    this.state.textContent = this.said.wordsSaved;
    return { ...made, rows: this.rows.apply(made.at, made.removed.length, made.lines) };
  }

  /* Without a network the browser's own words would be shown, in its language. */
  async ask(how) {
    try {
      return await fetch(this.said.url, how);
    } catch {
      throw { message: this.said.wordsFailed };
    }
  }

  setRevision(number) {
    this.revision = number;
    for (const field of document.querySelectorAll("[data-revision]")) field.value = number;
  }

  /* The lines as they are now; what was done on others cannot be undone any more. */
  async takeOver() {
    const answer = await this.ask({ headers: { Accept: "application/json" } });
    if (!answer.ok) throw { message: this.said.wordsFailed };
    const now = await answer.json();
    this.setRevision(now.revision);
    this.undone = [];
    this.done = [];
    this.rows.apply(0, this.rows.saved.length, now.lines);
    this.showUndo();
  }

  /* Where these lines stand now, nearest to where they stood; null when they are not what they were. */
  find(lines, near) {
    const now = this.rows.saved.map((row) => row.line);
    if (!lines.length) return Math.min(near, now.length);
    const places = now.map((_line, at) => at).filter((at) => lines.every((line, n) => now[at + n] && sameLine(now[at + n], line)));
    return places.sort((a, b) => Math.abs(a - near) - Math.abs(b - near))[0] ?? null;
  }
}
