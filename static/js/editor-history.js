/* Undo and redo over everything in the editor: range, cues, redactions, lines and texts alike.
 *
 * Each entry is the whole state before a change. What a hand does in one go (a drag, a burst of typing) is one entry.
 * Ctrl+Z and Ctrl+Shift+Z (or Ctrl+Y) work anywhere in the editor, in its text fields too: there the browser's own
 * undo would know nothing of the wave, and going back would skip what was done between two words. */

import { announce } from "./app.js";

const ONE_GO_MS = 900;
const MOST = 200;

/* A redaction or a line more or less is a step of its own, however quickly others follow. */
function lineCount(state) {
  return `${state.redactions.split("\n").length} ${state.redactions === ""} ${state.lines.split("\n").length} ${state.lines === ""}`;
}

export class History {
  /* root: holds the two buttons, and what each kind of change is called as data-kind-… */
  constructor({ root, state, form, model, areas }) {
    this.root = root;
    this.state = state;
    this.form = form;
    this.areas = areas;
    this.undoButton = root.querySelector('[data-do="undo"]');
    this.redoButton = root.querySelector('[data-do="redo"]');
    this.past = [];
    this.future = [];
    this.present = state.read();
    this.last = { kind: "", at: 0 };
    model.addEventListener("change", ({ detail }) => this.touched(detail.what, true));
    for (const event of ["input", "change"]) {
      // fields without a name are rows of a component, whose own field or model tells of them
      document.addEventListener(event, ({ target }) => target.form === form && target.name && this.touched(target.name));
    }
    addEventListener("pointerdown", () => (this.held = true), true);
    addEventListener("pointerup", () => setTimeout(() => (this.held = false)), true);
    document.addEventListener("keydown", (event) => this.key(event));
    this.undoButton.addEventListener("click", () => this.undo());
    this.redoButton.addEventListener("click", () => this.redo());
    this.show();
  }

  /* A change may be told of before every field has followed it: it is looked at once they have. What the model says
   * it was goes before the field that follows it. */
  touched(kind, byModel = false) {
    if (this.applying) return;
    if (!this.kind) queueMicrotask(() => this.note(this.kind));
    if (byModel || !this.kind) this.kind = kind;
  }

  note(kind) {
    this.kind = null;
    const now = this.state.read();
    if (this.applying || JSON.stringify(now) === JSON.stringify(this.present)) return;
    const more = lineCount(now) !== lineCount(this.present);
    const soon = this.held || performance.now() - this.last.at < ONE_GO_MS;
    const going = kind === this.last.kind && soon && !more;
    if (!going || !this.past.length) this.past.push({ state: this.present, kind });
    if (this.past.length > MOST) this.past.shift();
    this.future = [];
    this.present = now;
    this.last = { kind: more ? "" : kind, at: performance.now() };
    this.show();
  }

  undo() {
    this.move(this.past, this.future, "undone");
  }

  redo() {
    this.move(this.future, this.past, "redone");
  }

  move(from, to, said) {
    this.note(this.last.kind);
    const entry = from.pop();
    if (!entry) {
      announce(this.root.dataset.wordsNothing);
      return;
    }
    to.push({ state: this.present, kind: entry.kind });
    this.applying = true;
    this.state.write(entry.state);
    this.present = this.state.read();
    // what follows from it in later tasks is no new change
    setTimeout(() => (this.applying = false));
    this.last = { kind: "", at: 0 };
    this.show();
    announce(`${this.root.dataset[said === "undone" ? "wordsUndone" : "wordsRedone"]} ${this.nameOf(entry.kind)}`);
  }

  nameOf(kind) {
    return JSON.parse(this.root.dataset.kinds)[kind] ?? "";
  }

  show() {
    // a button that is disabled while it has focus would drop it
    this.undoButton.setAttribute("aria-disabled", String(!this.past.length));
    this.redoButton.setAttribute("aria-disabled", String(!this.future.length));
  }

  key(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const letter = event.key.toLowerCase();
    if (letter !== "z" && letter !== "y") return;
    const field = event.target.closest?.("input, textarea, select");
    const ours = !field || field.form === this.form || this.areas.some((area) => area.contains(field));
    if (!ours || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    if (letter === "y" || event.shiftKey) this.redo();
    else this.undo();
  }
}
