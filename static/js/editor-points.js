/* What the clip still needs before it can be published, folded up beside Save: the count and the list follow what is typed and marked, and each
 * point leads to the control where it is done. Saving is always possible; publishing is asked for on the clip's own page,
 * where it sounds as it will be heard. */

import { showPoint } from "./points.js";

const PLACES = {
  transcript: "[data-typed] button, [data-typed] textarea",
  rules: "#f-rules input",
  redactions: "[data-suggestion-list] [data-accept]",
  agent_consent: "[name=polarity]:checked",
};

export class EditorPoints {
  /* turns: the call's lines [{startMs, endMs, text}]; card tells "suggestions:count" {open}: null while nobody knows. */
  constructor({ root, form, model, turns, card }) {
    this.form = form;
    this.model = model;
    this.turns = turns.filter((turn) => turn.text);
    this.root = root;
    this.list = root.querySelector("ul");
    this.agreed = root.dataset.agreed === "true";
    this.before = this.about;
    this.open = null;
    card.addEventListener("suggestions:count", ({ detail }) => {
      this.open = detail.open;
      this.show();
    });
    model.addEventListener("change", () => this.show());
    form.addEventListener("change", () => this.show());
    for (const kind of ["input", "change"]) document.addEventListener(kind, ({ target }) => (target.form === form || target.closest?.("[data-typed]")) && this.show());
    this.list.addEventListener("click", (event) => this.lead(event));
    root.hidden = false;
    this.show();
    this.arrive();
  }

  get polarity() {
    return this.form.elements.polarity.value;
  }

  /* What the agent heard says yes to: another clip needs another yes. */
  get about() {
    return JSON.stringify([this.model.startMs, this.model.endMs, this.form.elements.redactions.value, this.polarity]);
  }

  get worded() {
    const { startMs, endMs } = this.model;
    const { lines, no_speech: silent } = this.form.elements;
    return Boolean(lines.value.trim() || silent?.checked) || this.turns.some((turn) => turn.startMs < endMs && turn.endMs > startMs);
  }

  show() {
    showPoint(this.list, "transcript", this.worded);
    showPoint(this.list, "rules", this.form.querySelector('input[name="rules"]:checked') !== null);
    showPoint(this.list, "redactions", this.open === 0);
    showPoint(this.list, "agent_consent", this.agreed && this.about === this.before);
    const asks = this.list.querySelector('[data-point="agent_consent"]');
    if (asks) asks.hidden = this.polarity === "exemplar";
    const open = this.list.querySelectorAll("[data-point]:not(.met, [hidden])").length;
    this.root.querySelector("summary").textContent = open ? this.root.dataset.wordsOpen.replace("{n}", String(open)) : this.root.dataset.wordsDone;
  }

  lead(event) {
    const link = event.target.closest("a");
    if (link && this.goTo(link.closest("[data-point]").dataset.point)) event.preventDefault();
  }

  /* Whoever comes from the clip's page for one point finds the focus there. */
  arrive() {
    const link = location.hash && [...this.list.querySelectorAll("a")].find((each) => each.hash === location.hash);
    if (link) this.goTo(link.closest("[data-point]").dataset.point);
  }

  goTo(code) {
    const target = [...document.querySelectorAll(PLACES[code] ?? "")].find((each) => each.checkVisibility());
    target?.focus();
    return Boolean(target);
  }
}
