/* A cue for each rule: where the clip meets or breaks it, and why. One rule shares the clip's own cue; from two on each
 * has a row. The field that sends them is plain text ("R01 0:12.3: She repeats the sum", one a line); without scripts
 * it is typed by hand, with them it is hidden and follows the rows. */

import { announce } from "./app.js";
import { clock, momentField, parseClock } from "./clock.js";

const CUE = /^\s*([^\s:]+)(?:\s+([\d:.,]*\d))?\s*(?::\s*(.*))?$/;

export class RuleCues {
  constructor({ root, field, form, model, view }) {
    Object.assign(this, { root, field, form, model, view });
    this.list = root.querySelector("[data-cue-list]");
    this.template = root.querySelector("template");
    this.rows = new Map();
    this.whys = new Map();
    field.closest(".field").hidden = true;
    form.addEventListener("change", ({ target }) => target.name === "rules" && this.show());
    model.addEventListener("change", ({ detail }) => this.follow(detail.what));
    this.load(field.value);
  }

  load(text) {
    const read = text.split("\n").map((line) => CUE.exec(line)).filter(Boolean);
    this.whys = new Map(read.map(([, code, , why]) => [code, why ?? ""]));
    const wanted = new Map(read.filter(([, , at]) => at).map(([, code, at]) => [code, parseClock(at)]));
    for (const code of [...this.model.ruleCues.keys()]) if (!wanted.has(code)) this.model.setRuleCue(code, null);
    for (const [code, ms] of wanted) this.model.setRuleCue(code, ms);
    this.show();
    for (const [code, row] of this.rows) row.why.value = this.whys.get(code) ?? "";
  }

  chosen() {
    return [...this.form.querySelectorAll('input[name="rules"]:checked')].map((box) => ({
      code: box.value,
      title: box.closest("label").querySelector("b").textContent,
    }));
  }

  follow(what) {
    if (what !== "rule-cues" && what !== "range") return;
    this.rows.forEach((row) => row.show());
    this.write();
  }

  show() {
    const rules = this.chosen();
    const told = (code) => this.model.ruleCues.has(code) || this.whys.get(code);
    const shown = rules.filter((rule) => rules.length > 1 || told(rule.code));
    for (const [code, row] of this.rows) {
      if (shown.some((rule) => rule.code === code)) continue;
      row.item.remove();
      this.rows.delete(code);
      this.whys.delete(code);
      this.model.setRuleCue(code, null);
    }
    for (const rule of shown) {
      const row = this.rows.get(rule.code) ?? this.add(rule);
      if (this.list.lastElementChild !== row.item) this.list.append(row.item);
    }
    this.root.hidden = shown.length === 0;
    this.write();
  }

  add({ code, title }) {
    const item = this.template.content.firstElementChild.cloneNode(true);
    item.querySelector("[data-title]").textContent = title;
    item.querySelector("[data-code]").textContent = code;
    const [time, why] = [item.querySelector("[data-time]"), item.querySelector("textarea")];
    item.firstElementChild.setAttribute("aria-label", title);
    const outside = item.querySelector("[data-outside]");
    const showTime = momentField(time, () => this.model.ruleCues.get(code) ?? null, (ms) => this.model.setRuleCue(code, ms), this.model.durationMs);
    const row = {
      item,
      why,
      show: () => {
        showTime();
        const at = this.model.ruleCues.get(code);
        outside.hidden = at === undefined || (at >= this.model.startMs && at <= this.model.endMs);
      },
    };
    why.value = this.whys.get(code) ?? "";
    why.addEventListener("input", () => {
      if (why.value.includes("\n")) why.value = why.value.replace(/\s*\n\s*/g, " ");
      this.whys.set(code, why.value);
      this.write();
    });
    item.querySelector("[data-here]").addEventListener("click", () => this.setHere(code, title));
    this.rows.set(code, row);
    row.show();
    return row;
  }

  setHere(code, title) {
    if (!this.model.holds(this.view.ms)) {
      announce(this.root.dataset.wordsOutside);
      return;
    }
    this.model.setRuleCue(code, this.view.ms);
    announce(`${title}: ${clock(this.view.ms)}`);
  }

  /* By key: the first rule that is pinned, the second, and so on. */
  setNth(place) {
    const rule = this.chosen()[place];
    if (!rule) return;
    if (!this.rows.has(rule.code)) {
      this.model.setCue(this.view.ms);
      return;
    }
    this.setHere(rule.code, rule.title);
  }

  write() {
    const lines = this.chosen().map(({ code }) => {
      const at = this.model.ruleCues.get(code);
      const why = (this.whys.get(code) ?? "").trim();
      return at === undefined && !why ? "" : `${code}${at === undefined ? "" : ` ${clock(at)}`}${why ? `: ${why}` : ""}`;
    });
    const value = lines.filter(Boolean).join("\n");
    if (value === this.field.value) return;
    this.field.value = value;
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
