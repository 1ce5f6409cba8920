/* A title for who types none: the first rule that is ticked, with the time. It stands as the field's placeholder, so
 * that nothing has to be deleted, and becomes the title with saving. The words said are not taken for it: they may
 * hold what has to be redacted. */

import { shortClock } from "./clock.js";

export class ProposedTitle {
  constructor({ form, model }) {
    this.form = form;
    this.model = model;
    this.field = form.elements.title;
    form.addEventListener("change", () => this.show());
    model.addEventListener("change", () => this.show());
    form.addEventListener("submit", () => this.take(), { capture: true });
    this.show();
  }

  /* "" while no rule is ticked. */
  get text() {
    const rule = this.form.querySelector('input[name="rules"]:checked');
    const name = rule?.closest("label")?.querySelector("b, span")?.textContent.trim();
    return name ? `${name}, ${shortClock(this.model.startMs)}` : "";
  }

  show() {
    this.field.placeholder = this.text;
    this.field.required = !this.text;
  }

  take() {
    if (!this.field.value.trim() && this.text) this.field.value = this.text;
  }
}
