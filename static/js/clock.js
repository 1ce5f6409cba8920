/* How moments of a call are written and read in fields: the one way for every page that takes times. The sentences that
 * it says stand in the page (calls/_time_words.html). */

import { announce } from "./app.js";

const sentences = document.getElementById("time-words")?.dataset ?? {};

/* One of these sentences with its {parts} filled in. */
export function timeSentence(name, parts = {}) {
  return Object.entries(parts).reduce((text, [key, value]) => text.replace(`{${key}}`, value), sentences[name] ?? "");
}

/* 93500 → "1:33.5". Loses nothing: parseClock gives the same back. */
export function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const fraction = String(ms % 1000).padStart(3, "0").replace(/0+$/, "") || "0";
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const tail = `${String(seconds % 60).padStart(2, "0")}.${fraction}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/* 93500 → "1:33", for labels. */
export function shortClock(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/* What a person typed as a time, in milliseconds; null when it is none. */
export function parseClock(text) {
  const match = /^(?:(?:(\d{1,3}):)?(\d{1,4}):)?(\d{1,6})(?:[.,](\d{1,3}))?$/.exec(text.trim());
  if (!match) return null;
  const [, hours = 0, minutes = 0, seconds, fraction = "0"] = match;
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(fraction.padEnd(3, "0"));
}

let notes = 0;

/* What is said beside a time field: below the nearest [data-times] around it, in a list's row at its end. */
class TimeNote {
  constructor(input) {
    this.input = input;
    this.said = null;
  }

  say(text, refused) {
    this.clear();
    const made = document.getElementById("field-error-template").content.firstElementChild.cloneNode(true);
    made.id = `time-note-${++notes}`;
    made.classList.add("time-note");
    made.classList.toggle("error", refused);
    made.classList.toggle("hint", !refused);
    made.querySelector("span").textContent = text;
    const box = this.input.closest("[data-times]") ?? this.input.parentElement;
    if (box.matches("li")) box.append(made);
    else box.after(made);
    this.said = made;
    this.input.setAttribute("aria-describedby", [this.input.getAttribute("aria-describedby"), made.id].filter(Boolean).join(" "));
    if (refused) this.input.setAttribute("aria-invalid", "true");
    announce(text);
  }

  clear() {
    if (!this.said) return;
    const others = (this.input.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id !== this.said.id).join(" ");
    if (others) this.input.setAttribute("aria-describedby", others);
    else this.input.removeAttribute("aria-describedby");
    this.input.removeAttribute("aria-invalid");
    this.said.remove();
    this.said = null;
  }
}

/* A time field: what is typed counts on change; arrow up and down nudge by 0.1 s, with Shift by 1 s.
 * write(ms) takes it over, null where the field was emptied, and returns a sentence where it did not, or took another.
 * What cannot be leaves everything as it was, and is said beside the field. */
export function timeField(input, read, write) {
  const note = new TimeNote(input);
  const present = () => (read() === null ? "" : clock(read()));
  const show = () => {
    note.clear();
    input.value = present();
  };
  /* false: it was refused */
  const take = (ms) => {
    const before = read();
    const said = write(ms);
    show();
    if (said) note.say(said, read() === before);
    return !said || read() !== before;
  };
  const typed = () => {
    if (input.value === present()) return true;
    const ms = parseClock(input.value);
    if (ms !== null || input.value.trim() === "") return take(ms);
    show();
    if (timeSentence("noTime")) note.say(timeSentence("noTime"), true);
    return false;
  };
  input.addEventListener("change", typed);
  input.addEventListener("input", () => note.clear());
  input.addEventListener("keydown", (event) => {
    // Enter sends the form: not past a time that was refused
    if (event.key === "Enter" && !typed()) event.preventDefault();
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const from = parseClock(input.value) ?? read();
    if (!step || from === null) return;
    event.preventDefault();
    take(from + step * (event.shiftKey ? 1000 : 100));
  });
  return show;
}

/* The same for one moment of a call that may be left empty. */
export function momentField(input, read, write, durationMs) {
  return timeField(input, read, (ms) => {
    if (ms > durationMs) return timeSentence("afterCall", { end: clock(durationMs) });
    write(ms === null ? null : Math.max(0, ms));
    return "";
  });
}
