/* How moments of a call are written and read in fields: the one way for every page that takes times. */

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

/* A time field: what is typed counts on change; arrow up and down nudge by 0.1 s, with Shift by 1 s. */
export function timeField(input, read, write) {
  const show = () => (input.value = read() === null ? "" : clock(read()));
  input.addEventListener("change", () => {
    const ms = parseClock(input.value);
    if (ms !== null || input.value.trim() === "") write(ms);
    show();
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const from = parseClock(input.value) ?? read();
    if (!step || from === null) return;
    event.preventDefault();
    write(from + step * (event.shiftKey ? 1000 : 100));
    show();
  });
  return show;
}
