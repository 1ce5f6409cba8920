/* Correcting the words of a call, line by line, while it is heard. A line is text until somebody opens it
 * (transcript-line.js); the list of lines is transcript-rows.js, their way to the server transcript-saving.js. Here are the
 * hands, by mouse and by key, and the sound, which the list follows. */

import { LineEditor } from "./transcript-line.js";
import { Rows } from "./transcript-rows.js";
import { Saving } from "./transcript-saving.js";

class Correcting {
  constructor({ list, figure, rows, saving, editor }) {
    this.list = list;
    this.figure = figure;
    this.rows = rows;
    this.saving = saving;
    this.editor = editor;
    this.current = null;
    list.addEventListener("click", (event) => this.click(event));
    list.addEventListener("focusin", (event) => this.enter(event.target.closest("li")?.row));
    list.addEventListener("focusout", (event) => this.leaveSoon(event));
    list.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("keydown", (event) => this.keyAnywhere(event));
    figure.addEventListener("clip:time", (event) => this.follow(event.detail.ms));
    addEventListener("beforeunload", (event) => editor.unsaved && event.preventDefault());
  }

  get player() {
    return this.figure.clipPlayer;
  }

  hear(ms) {
    this.player.seek(ms);
    this.player.play();
  }

  follow(ms) {
    const row = ms > 0 ? this.rows.all[this.rows.placeAt(ms) - 1] : undefined;
    if (row === this.current) return;
    this.current?.item.removeAttribute("aria-current");
    this.current = row;
    row?.item.setAttribute("aria-current", "true");
    if (row && !this.editor.row && this.player.playing) row.item.scrollIntoView({ block: "nearest" });
  }

  /* Somebody came for a moment of the call. */
  begin(ms) {
    this.player.seek(ms);
    const row = this.rows.all[this.rows.placeAt(ms) - 1] ?? this.rows.all[0];
    if (!row) return;
    this.rows.setStop(row);
    row.item.scrollIntoView({ block: "center" });
  }

  async undo() {
    await this.editor.leave();
    await this.saving.undo();
  }

  async redo() {
    await this.editor.leave();
    await this.saving.redo();
  }

  async save(row) {
    if (await this.editor.leave()) this.rows.focus(this.rows.all.includes(row) ? row : this.rows.stop);
  }

  async click(event) {
    const row = event.target.closest("li")?.row;
    if (!row) return;
    const pressed = (name) => event.target.closest(`[data-${name}]`);
    if (pressed("edit")) await this.editor.open(row);
    else if (pressed("hear")) this.hear(row.line.start_ms);
    else if (pressed("hear-line")) this.hear(row.form.startMs);
    else if (pressed("split")) await this.editor.split(row.form.text.selectionStart);
    else if (pressed("remove")) await this.editor.remove();
    else if (pressed("save")) await this.save(row);
  }

  enter(row) {
    if (row && row !== this.rows.stop) this.rows.setStop(row);
  }

  /* Leaving a line saves it; a window that is left for another one does not count. */
  leaveSoon(event) {
    const { row } = this.editor;
    if (!row?.item.contains(event.target)) return;
    setTimeout(() => {
      const focus = document.activeElement;
      const elsewhere = focus !== document.body && !row.item.contains(focus) && !focus.closest("dialog, .words-player");
      if (this.editor.row === row && document.hasFocus() && elsewhere) this.editor.leave();
    });
  }

  key(event) {
    const row = event.target.closest("li")?.row;
    if (row?.form) this.keyInLine(event, row);
    else if (row) this.keyInList(event, row);
  }

  keyInList(event, row) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { all } = this.rows;
    const place = all.indexOf(row);
    const to = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = all[Math.min(Math.max(to, 0), all.length - 1)];
    const same = event.target.matches("[data-hear]") ? "[data-hear]" : "[data-edit]";
    this.rows.setStop(next);
    next.item.querySelector(same).focus();
  }

  async keyInLine(event, row) {
    const { editor } = this;
    const { text } = row.form;
    const inText = event.target === text;
    const inTime = event.target.matches("[data-time]");
    const atStart = inText && text.selectionStart === 0 && text.selectionEnd === 0;
    const inside = inText && text.selectionStart > 0 && text.selectionStart < text.value.length;
    if (event.isComposing) return; // the Enter that ends a Chinese word is not ours
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      await editor.giveUp();
    } else if (event.key === "Enter" && (inText || inTime)) {
      event.preventDefault();
      if (inTime) event.target.dispatchEvent(new Event("change"));
      if (event.ctrlKey) await editor.add(row);
      else if (inside) await editor.split(text.selectionStart);
      else await editor.next();
    } else if (event.key === "Backspace" && event.ctrlKey && inText && !text.value) {
      event.preventDefault();
      await editor.remove();
    } else if (event.key === "Backspace" && atStart && text.value) {
      event.preventDefault();
      await editor.join();
    } else if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      await this.save(row);
    }
  }

  keyAnywhere(event) {
    const typing = event.target.matches("input, textarea, select");
    const control = event.ctrlKey || event.metaKey;
    if ((event.code === "Space" && event.ctrlKey) || event.key === "F8") {
      event.preventDefault();
      const row = this.editor.row ?? (this.list.contains(document.activeElement) ? this.rows.stop : null);
      if (event.shiftKey && row) this.hear(row.form?.startMs ?? row.line.start_ms);
      else this.player.toggle();
    } else if (!typing && control && event.key.toLowerCase() === "z") {
      event.preventDefault();
      if (event.shiftKey) this.redo();
      else this.undo();
    } else if (!typing && event.ctrlKey && event.key.toLowerCase() === "y") {
      event.preventDefault();
      this.redo();
    }
  }
}

function followSpeed(figure, select) {
  const set = () => {
    const { audio } = figure.clipPlayer;
    if (audio) audio.playbackRate = Number(select.value);
  };
  figure.addEventListener("clip:play", set);
  select.addEventListener("change", set);
}

function start() {
  const board = document.querySelector("[data-words]");
  const said = board.dataset;
  const part = (selector) => board.querySelector(selector);
  const durationMs = Number(said.durationMs);
  const list = part("[data-lines]");
  const figure = part("figure");
  const [undo, redo, add] = ["undo", "redo", "add"].map((what) => part(`[data-do=${what}]`));
  const rows = new Rows({ list, template: part("template[data-row]").content, names: JSON.parse(said.wordsSpeakers), none: part("[data-none]") });
  const saving = new Saving({ rows, said, state: part("[data-state]"), undo, redo });
  const fields = part("template[data-fields]").content;
  const playhead = () => figure.clipPlayer.ms;
  const editor = new LineEditor({ rows, saving, template: fields, said, durationMs, playhead, addButton: add });
  const correcting = new Correcting({ list, figure, rows, saving, editor });
  undo.addEventListener("click", () => correcting.undo());
  redo.addEventListener("click", () => correcting.redo());
  add.addEventListener("click", () => editor.add(editor.row));
  followSpeed(figure, part("[data-speed]"));
  if (said.at !== undefined) correcting.begin(Math.min(Math.max(Number(said.at) || 0, 0), durationMs));
}

start();
