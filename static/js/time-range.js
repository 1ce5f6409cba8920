/* Two time fields that are the ends of one range. What was typed moves one end alone where that can be; a start behind
 * the end, or an end before the start, takes the range along with its length. What cannot be is said, and changes nothing. */

import { clock, timeField, timeSentence } from "./clock.js";

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/* The range {startMs, endMs} after a start was typed; with `said`, a sentence about it. Without a range it is refused. */
function withStart(ms, { startMs, endMs, durationMs, shortestMs, longestMs }) {
  const length = endMs - startMs;
  if (ms >= durationMs) return { said: timeSentence("afterCall", { end: clock(durationMs) }) };
  if (ms <= endMs - shortestMs) return endMs - ms > longestMs ? { said: timeSentence("long") } : { range: { startMs: ms, endMs } };
  if (ms + length <= durationMs) return { range: { startMs: ms, endMs: ms + length } };
  if (ms >= endMs) return { said: timeSentence("endFirst", { length: seconds(length) }) };
  return { range: { startMs: Math.max(0, endMs - shortestMs), endMs }, said: timeSentence("short", { length: seconds(shortestMs) }) };
}

function withEnd(ms, { startMs, endMs, durationMs, shortestMs, longestMs }) {
  const length = endMs - startMs;
  const end = Math.min(ms, durationMs);
  const said = ms > durationMs ? timeSentence("toEnd", { end: clock(durationMs) }) : "";
  if (end >= startMs + shortestMs) return end - startMs > longestMs ? { said: timeSentence("long") } : { range: { startMs, endMs: end }, said };
  if (end >= length) return { range: { startMs: end - length, endMs: end }, said };
  if (end <= startMs) return { said: timeSentence("startFirst", { length: seconds(length) }) };
  return { range: { startMs, endMs: startMs + shortestMs }, said: timeSentence("short", { length: seconds(shortestMs) }) };
}

/* read(): {startMs, endMs, durationMs}, an end that is not known yet as null; write(startMs, endMs) takes a range over.
 * Returns what shows both anew. */
export function rangeFields({ start, end, read, write, shortestMs, longestMs = Infinity }) {
  const take = (reckon) => (ms) => {
    if (ms === null) return timeSentence("noTime");
    const present = { shortestMs, longestMs, ...read() };
    if (present.startMs === null || present.endMs === null) {
      write(...firstOf(reckon === withStart, ms, present));
      return "";
    }
    const { range, said } = reckon(Math.max(0, ms), present);
    if (range) write(range.startMs, range.endMs);
    return said;
  };
  const shows = [timeField(start, () => read().startMs, take(withStart)), timeField(end, () => read().endMs, take(withEnd))];
  return () => shows.forEach((show) => show());
}

/* One end is there, the other was never one: it lies beside it. */
function firstOf(isStart, ms, { startMs, endMs, shortestMs }) {
  return isStart ? [ms, Math.max(endMs ?? 0, ms + shortestMs)] : [Math.min(startMs ?? 0, ms - shortestMs), ms];
}
