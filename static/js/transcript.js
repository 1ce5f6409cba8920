/* Correcting the words of a call, line by line, while it is heard.
 *
 * A line is text until somebody opens it; then its fields stand in its place. Leaving it saves it: one request for the
 * lines that changed, on the revision that the page knows. The server answers with what it came to (lines in order, no
 * voice over itself), and that is shown. Undo sends back what stood there before, with the times of its words.
 *
 * Overtaken by somebody else, the page takes over their lines and tries once more, if the lines that were corrected are
 * still what they were; else both are shown, and whoever corrects decides. */

import { announce, csrfHeaders, toast } from "./app.js";
import { clock, timeField } from "./clock.js";

const SHORTEST_MS = 100;
const NEW_MS = 2000;
const MOST_UNDO = 200;

const board = document.querySelector("[data-words]");
const said = board.dataset;
const list = board.querySelector("[data-lines]");
const figure = board.querySelector("figure");
const speed = board.querySelector("[data-speed]");
const state = board.querySelector("[data-state]");
const none = board.querySelector("[data-none]");
const rowTemplate = board.querySelector("template[data-row]").content;
const fieldsTemplate = board.querySelector("template[data-fields]").content;
const names = JSON.parse(said.wordsSpeakers);
const durationMs = Number(said.durationMs);

const player = () => figure.clipPlayer;

/* ---- lines ---- */

/* line: {start_ms, end_ms, speaker, text, words?}; `saved` is false for one that the server does not know yet. */
class Row {
  constructor(item, line, saved = true) {
    this.item = item;
    this.line = line;
    this.saved = saved;
    item.row = this;
  }

  static of(line, saved = true) {
    const row = new Row(rowTemplate.firstElementChild.cloneNode(true), line, saved);
    row.show();
    return row;
  }

  get text() {
    return this.item.querySelector("[data-edit]");
  }

  show() {
    const { start_ms, speaker, text } = this.line;
    this.item.dataset.speaker = speaker;
    this.item.querySelector("time").textContent = short(start_ms);
    this.text.firstElementChild.textContent = names[speaker] ?? "";
    this.text.lastElementChild.textContent = text;
  }
}

function short(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

let rows = [...list.children].map((item) => {
  const { start, end, speaker } = item.dataset;
  const text = item.querySelector("[data-edit]").lastElementChild.textContent;
  return new Row(item, { start_ms: Number(start), end_ms: Number(end), speaker, text });
});
let revision = Number(said.revision);
let open = null;
let current = null;
let stop = null;

/* One stop of the Tab key for the whole list: the line that has it, and its two buttons. */
function setStop(row) {
  for (const each of [stop, row]) {
    for (const button of each?.item.querySelectorAll("[data-hear], [data-edit]") ?? []) button.tabIndex = each === row ? 0 : -1;
  }
  stop = row;
}

function focusRow(row) {
  if (!row) return;
  setStop(row);
  row.text.focus();
}

const sameLine = (a, b) => a.start_ms === b.start_ms && a.end_ms === b.end_ms && a.speaker === b.speaker && a.text === b.text;
const savedRows = () => rows.filter((row) => row.saved);
const placeOf = (row) => savedRows().indexOf(row);

/* Lines of the server in place of `count` saved ones from `at` on. A row that says the same stays, with its focus. */
function apply(at, count, lines) {
  const old = savedRows().slice(at, at + count);
  const after = savedRows()[at + count];
  const free = new Set(old);
  const made = lines.map((line) => {
    const same = [...free].find((row) => row.line.speaker === line.speaker && row.line.text === line.text);
    if (!same) return Row.of(line);
    free.delete(same);
    same.line = line;
    same.show();
    return same;
  });
  for (const row of free) {
    if (row === open) continue; // somebody is typing in it
    if (row === stop) stop = null;
    row.item.remove();
  }
  const kept = rows.filter((row) => !old.includes(row) || (row === open && free.has(row)));
  if (open && free.has(open)) open.saved = false;
  const index = after ? kept.indexOf(after) : kept.length;
  kept.splice(index, 0, ...made);
  rows = kept;
  // only what is not in its place is moved: an element that is moved loses its focus
  let before = null;
  for (const row of rows) {
    if (row.item.parentElement !== list || row.item.previousElementSibling !== before) {
      if (before) before.after(row.item);
      else list.prepend(row.item);
    }
    before = row.item;
  }
  for (const row of made) for (const button of row.item.querySelectorAll("button[data-hear], button[data-edit]")) button.tabIndex = row === stop ? 0 : -1;
  if (!stop?.item.isConnected) setStop(made[0] ?? rows[0] ?? null);
  none.hidden = rows.length > 0;
  return made;
}

/* ---- saving ---- */

let queue = Promise.resolve();
let remembered = Promise.resolve(); // what is being saved can be undone as soon as it is
let undone = [];
let done = [];

const plain = ({ start_ms, end_ms, speaker, text, words = [] }) => ({ start_ms, end_ms, speaker, text, words });

/* `change()` says {at, removed: lines that go, lines} when its turn comes, as what is before it moves the places. */
function send(change) {
  const turn = queue.then(() => sendNow(change));
  queue = turn.catch(() => {});
  return turn;
}

async function sendNow(change, again = false) {
  const { at, removed, lines } = change();
  state.textContent = "";
  const answer = await ask({
    method: "POST",
    headers: { ...csrfHeaders(), "Content-Type": "application/json", Accept: "application/json", "If-Match": `"r${revision}"` },
    body: JSON.stringify({ at, removed: removed.length, lines: lines.map(plain) }),
  });
  if (answer.status === 412 && !again) {
    await takeOver();
    const place = find(removed, at);
    if (place === null) throw { overtaken: true };
    return sendNow(() => ({ at: place, removed, lines }), true);
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw { message: problem.errors?.[0]?.message ?? problem.detail ?? said.wordsFailed };
  }
  const made = await answer.json();
  setRevision(made.revision);
  state.textContent = said.wordsSaved;
  return { ...made, rows: apply(made.at, made.removed.length, made.lines) };
}

/* Without a network the browser's own words would be shown, in its language. */
async function ask(how) {
  try {
    return await fetch(said.url, how);
  } catch {
    throw { message: said.wordsFailed };
  }
}

function setRevision(number) {
  revision = number;
  for (const field of document.querySelectorAll("[data-revision]")) field.value = number;
}

/* The lines as they are now; what was done on others cannot be undone any more. */
async function takeOver() {
  const answer = await ask({ headers: { Accept: "application/json" } });
  if (!answer.ok) throw { message: said.wordsFailed };
  const now = await answer.json();
  setRevision(now.revision);
  undone = [];
  done = [];
  apply(0, savedRows().length, now.lines);
  showUndo();
}

/* Where these lines stand now, nearest to where they stood; null when they are not what they were. */
function find(lines, near) {
  const now = savedRows().map((row) => row.line);
  if (!lines.length) return Math.min(near, now.length);
  const places = now.map((_line, at) => at).filter((at) => lines.every((line, n) => now[at + n] && sameLine(now[at + n], line)));
  return places.sort((a, b) => Math.abs(a - near) - Math.abs(b - near))[0] ?? null;
}

/* Lines of rows give way to others; remembered for undo. Returns the rows that came. */
function put(gone, lines, at = null) {
  const made = putNow(gone, lines, at);
  remembered = made.catch(() => {});
  return made;
}

async function putNow(gone, lines, at) {
  const made = await send(() => {
    const place = at ? at() : placeOf(gone[0]);
    return { at: place, removed: gone.map((row) => row.line), lines };
  });
  if (made.lines.length || made.removed.length) {
    done.push({ at: made.at, removed: made.removed, lines: made.lines });
    done.splice(0, done.length - MOST_UNDO);
    undone = [];
  }
  showUndo();
  return made.rows;
}

async function step(from, to, words) {
  const last = from.pop();
  if (!last) return;
  showUndo();
  try {
    const made = await send(() => ({ at: last.at, removed: last.lines, lines: last.removed }));
    to.push({ at: made.at, removed: made.removed, lines: made.lines });
    announce(words);
    focusRow(made.rows[0] ?? rows[Math.min(made.at, rows.length - 1)]);
  } catch (problem) {
    toast(problem.message ?? said.wordsFailed, "bad");
  }
  showUndo();
}

async function undo() {
  if (open) await leave(open);
  await remembered;
  await step(done, undone, said.wordsUndone);
}

async function redo() {
  if (open) await leave(open);
  await remembered;
  await step(undone, done, said.wordsRedone);
}

function showUndo() {
  board.querySelector("[data-do=undo]").setAttribute("aria-disabled", String(!done.length));
  board.querySelector("[data-do=redo]").setAttribute("aria-disabled", String(!undone.length));
}

/* ---- one line open ---- */

async function edit(row, caret = null) {
  if (open === row) return;
  if (open && !(await leave(open))) return;
  open = row;
  setStop(row);
  const fields = fieldsTemplate.firstElementChild.cloneNode(true);
  const [start, end] = fields.querySelectorAll("[data-time]");
  const form = { fields, startMs: row.line.start_ms, endMs: row.line.end_ms, speaker: fields.querySelector("select"), text: fields.querySelector("textarea") };
  row.form = form;
  form.speaker.value = row.line.speaker;
  form.text.value = row.line.text;
  const setTimes = (from, to) => {
    form.startMs = Math.round(Math.min(Math.max(from, 0), durationMs - SHORTEST_MS));
    form.endMs = Math.round(Math.min(Math.max(to, form.startMs + SHORTEST_MS), durationMs));
    showStart();
    showEnd();
  };
  const showStart = timeField(start, () => form.startMs, (ms) => ms !== null && setTimes(ms, form.endMs));
  const showEnd = timeField(end, () => form.endMs, (ms) => ms !== null && setTimes(form.startMs, ms));
  showStart();
  showEnd();
  form.text.addEventListener("input", () => {
    if (form.text.value.includes("\n")) form.text.value = form.text.value.replace(/\s*\n\s*/g, " ");
  });
  row.text.hidden = true;
  row.item.classList.add("open");
  row.item.append(fields);
  form.text.focus();
  const at = caret ?? form.text.value.length;
  form.text.setSelectionRange(at, at);
}

const typed = ({ form, line }) => ({ start_ms: form.startMs, end_ms: form.endMs, speaker: form.speaker.value, text: form.text.value.trim(), words: form.text.value.trim() === line.text ? (line.words ?? []) : [] });

function close(row) {
  row.form?.fields.remove();
  delete row.form;
  row.text.hidden = false;
  row.item.classList.remove("open");
  if (open === row) open = null;
}

function drop(row) {
  close(row);
  if (row === stop) stop = null;
  rows = rows.filter((each) => each !== row);
  row.item.remove();
  none.hidden = rows.length > 0;
}

/* Close a line and save it if it changed. False: it could not be saved, and is open as it was. */
async function leave(row) {
  const line = typed(row);
  if (row.saved && (sameLine(line, row.line) || !line.text)) {
    // a line without words is removed by its button, not by leaving it
    close(row);
    return true;
  }
  if (!row.saved && !line.text) {
    const before = rows[rows.indexOf(row) - 1];
    drop(row);
    setStop(before ?? rows[0] ?? null);
    return true;
  }
  const was = row.line;
  row.line = line;
  row.show();
  row.line = was;
  const { form } = row;
  const hadFocus = row.item.contains(document.activeElement);
  close(row);
  try {
    const made = row.saved ? await put([row], [line]) : await add(row, line);
    if (hadFocus && document.activeElement === document.body) focusRow(made[0]);
    return true;
  } catch (problem) {
    await reopen(row, line, form, problem);
    return false;
  }
}

/* A line that the server does not know yet: it comes where its time is. */
function add(row, line) {
  const at = () => {
    const place = savedRows().findIndex((each) => each.line.start_ms > line.start_ms);
    return place < 0 ? savedRows().length : place;
  };
  const made = put([], [line], at);
  return made.then((came) => {
    drop(row);
    if (!stop) setStop(came[0] ?? rows[0] ?? null);
    return came;
  });
}

async function reopen(row, line, form, problem) {
  let here = rows.includes(row) ? row : null;
  let told = problem.message ?? said.wordsFailed;
  if (problem.overtaken) {
    const theirs = rows.find((each) => each.saved && each.line.start_ms < line.end_ms && each.line.end_ms > line.start_ms);
    told = theirs ? said.wordsTheirs.replace("{text}", theirs.line.text) : said.wordsGone;
    here = theirs ?? null;
  }
  if (!here) {
    here = Row.of(line, false);
    const next = rows.findIndex((each) => each.line.start_ms > line.start_ms);
    const index = next < 0 ? rows.length : next;
    if (rows[index]) rows[index].item.before(here.item);
    else list.append(here.item);
    rows.splice(index, 0, here);
  } else {
    here.show();
  }
  if (open && open !== here) close(open);
  await edit(here);
  Object.assign(here.form, { startMs: line.start_ms, endMs: line.end_ms });
  const [start, end] = here.form.fields.querySelectorAll("[data-time]");
  start.value = clock(line.start_ms);
  end.value = clock(line.end_ms);
  here.form.speaker.value = line.speaker;
  here.form.text.value = form.text.value;
  const place = here.form.fields.querySelector("[data-problem]");
  place.lastElementChild.textContent = told;
  place.hidden = false;
}

/* A new line at the playhead, after this one; not saved before something is said in it. */
async function addLine(after = null) {
  if (open && !(await leave(open))) return;
  const at = Math.round(Math.min(player().ms || after?.line.end_ms || 0, durationMs - SHORTEST_MS));
  const start = after && (at < after.line.start_ms || after === rows.at(-1)) ? Math.max(at, Math.min(after.line.start_ms + SHORTEST_MS, durationMs - SHORTEST_MS)) : at;
  const next = rows.findIndex((row) => row.line.start_ms > start);
  const index = next < 0 ? rows.length : next;
  const end = Math.min(Math.max(rows[index]?.line.start_ms ?? start + NEW_MS, start + SHORTEST_MS), start + 10 * NEW_MS, durationMs);
  const other = { agent: "caller", caller: "agent" };
  const row = Row.of({ start_ms: start, end_ms: end, speaker: other[rows[index - 1]?.line.speaker] ?? "", text: "" }, false);
  if (rows[index]) rows[index].item.before(row.item);
  else list.append(row.item);
  rows.splice(index, 0, row);
  none.hidden = true;
  await edit(row);
}

async function split(row, caret) {
  const line = typed(row);
  const [left, right] = [row.form.text.value.slice(0, caret).trim(), row.form.text.value.slice(caret).trim()];
  if (!row.saved || !left || !right) {
    await addLine(row);
    return;
  }
  const share = line.start_ms + ((line.end_ms - line.start_ms) * left.length) / (left.length + right.length);
  const ms = player().ms;
  const inside = ms > line.start_ms + SHORTEST_MS && ms < line.end_ms - SHORTEST_MS;
  const at = Math.round(inside ? ms : share);
  await replace([row], [{ ...line, end_ms: at, text: left, words: [] }, { ...line, start_ms: at, text: right, words: [] }], said.wordsSplit, (came) => edit(came.at(-1), 0));
}

async function join(row) {
  const before = rows[rows.indexOf(row) - 1];
  if (!row.saved || !before?.saved) return;
  const line = typed(row);
  const close = /[\u3000-\u30ff\u3400-\u9fff]$/.test(before.line.text) || !line.text;
  const text = `${before.line.text}${close ? "" : " "}${line.text}`;
  const whole = { ...before.line, end_ms: Math.max(before.line.end_ms, line.end_ms), text, words: [] };
  await replace([before, row], [whole], said.wordsJoined, (came) => edit(came[0], before.line.text.length));
}

async function remove(row) {
  const index = rows.indexOf(row);
  if (!row.saved) {
    drop(row);
    focusRow(rows[Math.max(0, index - 1)]);
    return;
  }
  await replace([row], [], said.wordsRemoved, () => (rows.length ? focusRow(rows[Math.max(0, index - 1)]) : board.querySelector("[data-do=add]").focus()));
}

async function replace(gone, lines, words, then) {
  const row = gone.at(-1);
  const { form } = row;
  const line = typed(row);
  close(row);
  try {
    const came = await put(gone, lines);
    announce(words);
    await then(came);
  } catch (problem) {
    await reopen(row, line, form, problem);
  }
}

/* ---- hearing ---- */

function hear(ms) {
  player().seek(ms);
  player().play();
}

function follow(ms) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].line.start_ms <= ms) low = middle + 1;
    else high = middle;
  }
  const row = ms > 0 && low ? rows[low - 1] : null;
  if (row === current) return;
  current?.item.removeAttribute("aria-current");
  current = row;
  row?.item.setAttribute("aria-current", "true");
  if (row && !open && player().playing) row.item.scrollIntoView({ block: "nearest" });
}

figure.addEventListener("clip:time", (event) => follow(event.detail.ms));
figure.addEventListener("clip:play", () => setSpeed());
speed.addEventListener("change", () => setSpeed());

function setSpeed() {
  if (player().audio) player().audio.playbackRate = Number(speed.value);
}

/* ---- hands ---- */

list.addEventListener("click", async (event) => {
  const row = event.target.closest("li")?.row;
  if (!row) return;
  const pressed = (name) => event.target.closest(`[data-${name}]`);
  if (pressed("edit")) await edit(row);
  else if (pressed("hear")) hear(row.line.start_ms);
  else if (pressed("hear-line")) hear(row.form.startMs);
  else if (pressed("split")) await split(row, row.form.text.selectionStart);
  else if (pressed("remove")) await remove(row);
  else if (pressed("save") && (await leave(row))) focusRow(rows.includes(row) ? row : stop);
});

list.addEventListener("focusin", (event) => {
  const row = event.target.closest("li")?.row;
  if (row && row !== stop) setStop(row);
});

/* Leaving a line saves it; a window that is left for another one does not count. */
list.addEventListener("focusout", (event) => {
  const row = open;
  if (!row?.form || !row.item.contains(event.target)) return;
  setTimeout(() => {
    const focus = document.activeElement;
    const elsewhere = focus !== document.body && !row.item.contains(focus) && !focus.closest("dialog, .words-player");
    if (open === row && row.form && document.hasFocus() && elsewhere) leave(row);
  });
});

list.addEventListener("keydown", (event) => {
  const row = event.target.closest("li")?.row;
  if (!row) return;
  if (row.form) keyInLine(event, row);
  else keyInList(event, row);
});

function keyInList(event, row) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const index = rows.indexOf(row);
  const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const next = rows[Math.min(Math.max(to, 0), rows.length - 1)];
  const same = event.target.matches("[data-hear]") ? "[data-hear]" : "[data-edit]";
  setStop(next);
  next.item.querySelector(same).focus();
}

async function keyInLine(event, row) {
  const { text } = row.form;
  const inText = event.target === text;
  const atStart = inText && text.selectionStart === 0 && text.selectionEnd === 0;
  if (event.isComposing) return; // the Enter that ends a Chinese word is not ours
  if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    if (row.saved) {
      close(row);
      row.show();
      focusRow(row);
    } else {
      await remove(row);
    }
  } else if (event.key === "Enter" && (inText || event.target.matches("[data-time]"))) {
    event.preventDefault();
    if (event.target.matches("[data-time]")) event.target.dispatchEvent(new Event("change"));
    if (event.ctrlKey) await addLine(row);
    else if (inText && text.selectionStart < text.value.length && text.selectionStart > 0) await split(row, text.selectionStart);
    else await next(row);
  } else if (event.key === "Backspace" && event.ctrlKey && inText && !text.value) {
    event.preventDefault();
    await remove(row);
  } else if (event.key === "Backspace" && atStart && text.value) {
    event.preventDefault();
    await join(row);
  } else if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    if (await leave(row)) focusRow(rows.includes(row) ? row : stop);
  }
}

/* On to the next line; after the last one, a new one at the playhead. */
async function next(row) {
  const after = rows[rows.indexOf(row) + 1];
  if (after) await edit(after);
  else if (row.form.text.value.trim()) await addLine(row);
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select");
  if ((event.code === "Space" && event.ctrlKey) || event.key === "F8") {
    event.preventDefault();
    const row = open ?? list.contains(document.activeElement) ? (open ?? stop) : null;
    if (event.shiftKey && row) hear(row.form?.startMs ?? row.line.start_ms);
    else player().toggle();
  } else if (!typing && (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
    event.preventDefault();
    if (event.shiftKey) redo();
    else undo();
  } else if (!typing && event.ctrlKey && event.key.toLowerCase() === "y") {
    event.preventDefault();
    redo();
  }
});

board.querySelector("[data-do=undo]").addEventListener("click", undo);
board.querySelector("[data-do=redo]").addEventListener("click", redo);
board.querySelector("[data-do=add]").addEventListener("click", () => addLine(open ?? null));

addEventListener("beforeunload", (event) => {
  if (open && (!open.saved ? open.form.text.value.trim() : !sameLine(typed(open), open.line))) event.preventDefault();
});

/* ---- beginning ---- */

for (const row of rows) for (const button of row.item.querySelectorAll("button")) button.tabIndex = -1;
if (rows.length) setStop(rows[0]);
if (said.at !== undefined) {
  const ms = Math.min(Math.max(Number(said.at) || 0, 0), durationMs);
  queueMicrotask(() => {
    player()?.seek(ms);
    const row = rows.findLast((each) => each.line.start_ms <= ms) ?? rows[0];
    if (row) {
      setStop(row);
      row.item.scrollIntoView({ block: "center" });
    }
  });
}
