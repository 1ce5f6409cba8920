/* The list of redactions under the wave, and the field that sends them: "0:12.3 - 0:13.4 beep", one a line. Without
 * scripts that field is typed by hand; with them it is hidden and follows the list. */

import { clock, timeField, timeSentence } from "./clock.js";
import { writeRedactions } from "./editor-state.js";

const SHORTEST_MS = 50;

export class RedactionList {
  constructor({ root, field, model, view }) {
    this.root = root;
    this.field = field;
    this.model = model;
    this.view = view;
    this.rows = new Map();
    this.list = root.querySelector("[data-redaction-list]");
    this.template = root.querySelector("template");
    field.closest(".field").hidden = true;
    model.addEventListener("change", (event) => event.detail.what === "redactions" && this.show());
    this.show();
  }

  show() {
    const { redactions } = this.model;
    const living = new Set(redactions.map((one) => one.id));
    for (const [id, row] of this.rows) {
      if (living.has(id)) continue;
      this.remove(id, row);
    }
    for (const one of redactions) {
      const row = this.rows.get(one.id) ?? this.add(one);
      this.list.append(row.item);
      row.shows.forEach((show) => show());
    }
    this.root.hidden = redactions.length === 0;
    this.field.value = writeRedactions(redactions);
    const count = document.querySelector("[data-redaction-count]");
    count.hidden = redactions.length === 0;
    count.querySelector("[data-number]").textContent = String(redactions.length);
  }

  remove(id, row) {
    const hadFocus = row.item.contains(document.activeElement);
    row.item.remove();
    this.rows.delete(id);
    // the next row, or the button that makes new ones, takes over the focus that would be lost
    if (hadFocus) (this.list.querySelector("button") ?? document.querySelector('[data-do="redact"]')).focus();
  }

  add(one) {
    const item = this.template.content.firstElementChild.cloneNode(true);
    const mode = item.querySelector("select");
    mode.addEventListener("change", () => this.model.changeRedaction(one.id, { mode: mode.value }));
    item.querySelector("[data-remove]").addEventListener("click", () => this.model.removeRedaction(one.id));
    item.querySelector("[data-show]").addEventListener("click", () => {
      this.view.scrollTo(one.startMs);
      this.view.seek(Math.max(0, one.startMs - 1000));
    });
    const [start, end] = item.querySelectorAll("input");
    const row = {
      item,
      shows: [
        timeField(start, () => one.startMs, (ms) => this.takeStart(one, ms)),
        timeField(end, () => one.endMs, (ms) => this.takeEnd(one, ms)),
        () => (mode.value = one.mode),
      ],
    };
    this.rows.set(one.id, row);
    return row;
  }

  /* A redaction goes nowhere else by a slip: what it covers would be heard again. */
  takeStart(one, ms) {
    if (ms === null) return timeSentence("noTime");
    if (ms > one.endMs - SHORTEST_MS) return timeSentence("turned", { end: clock(one.endMs) });
    this.model.changeRedaction(one.id, { startMs: ms });
    return "";
  }

  takeEnd(one, ms) {
    if (ms === null) return timeSentence("noTime");
    if (ms < one.startMs + SHORTEST_MS) return timeSentence("turnedEnd", { start: clock(one.startMs) });
    this.model.changeRedaction(one.id, { endMs: ms });
    return ms > this.model.durationMs ? timeSentence("toEnd", { end: clock(this.model.durationMs) }) : "";
  }
}
