/* The list of redactions under the wave, and the field that sends them: "0:12.3 - 0:13.4 beep", one a line. Without
 * scripts that field is typed by hand; with them it is hidden and follows the list. */

import { timeField } from "./clock.js";
import { writeRedactions } from "./editor-state.js";

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
    const change = (values) => this.model.changeRedaction(one.id, values);
    const mode = item.querySelector("select");
    mode.addEventListener("change", () => change({ mode: mode.value }));
    item.querySelector("[data-remove]").addEventListener("click", () => this.model.removeRedaction(one.id));
    item.querySelector("[data-show]").addEventListener("click", () => {
      this.view.scrollTo(one.startMs);
      this.view.seek(Math.max(0, one.startMs - 1000));
    });
    const [start, end] = item.querySelectorAll("input");
    const row = {
      item,
      shows: [
        timeField(start, () => one.startMs, (ms) => ms !== null && change({ startMs: Math.min(ms, one.endMs - 50) })),
        timeField(end, () => one.endMs, (ms) => ms !== null && change({ endMs: ms })),
        () => (mode.value = one.mode),
      ],
    };
    this.rows.set(one.id, row);
    return row;
  }
}
