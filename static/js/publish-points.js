/* What a clip still needs, beside the button that publishes it. The list follows the tick below it, and the server's word
 * when the page is looked at again. The button is never dead: pressed with points open it says how many, and the first of
 * them, which leads to where it is done, takes the focus. The server has the last word. */

import { announce } from "./app.js";
import { showPoint } from "./points.js";

class Publishing {
  constructor(form) {
    this.form = form;
    this.box = form.elements.privacy_checked;
    this.button = form.querySelector("button.primary");
    this.told = form.querySelector("[data-open-points]");
    this.required = this.box.required;
    // what is missing is said here, all of it, rather than one field at a time by the browser
    form.noValidate = true;
    this.box.addEventListener("change", () => this.show());
    this.button.addEventListener("click", (event) => this.press(event));
    document.addEventListener("htmx:afterSettle", () => this.show());
    document.addEventListener("visibilitychange", () => document.hidden || this.renew().catch(() => {}));
    this.show();
  }

  get holder() {
    return document.getElementById("clip-points");
  }

  get open() {
    return [...this.holder.querySelectorAll("[data-point]:not(.met)")];
  }

  show() {
    if (this.required) showPoint(this.holder.firstElementChild, "privacy_check", this.box.checked);
    if (!this.told.hidden) this.tell();
  }

  /* How things stand now: the agent may have said yes, the sound be ready, since the page came. */
  async renew() {
    const answer = await fetch(this.form.dataset.state, { headers: { "HX-Request": "true" } });
    if (!answer.ok) throw new Error(`state: ${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("clip-points");
    if (!fresh) return;
    const now = new Map([...fresh.querySelectorAll("[data-point]")].map((item) => [item.dataset.point, item.classList.contains("met")]));
    for (const [code, met] of now) showPoint(this.holder.firstElementChild, code, met);
    this.show();
  }

  async press(event) {
    const { open } = this;
    if (!open.length) return;
    event.preventDefault();
    if (open.some((item) => item.dataset.point !== "privacy_check")) await this.renew().catch(() => {});
    if (!this.open.length) {
      this.form.requestSubmit(this.button);
      return;
    }
    this.told.hidden = false;
    this.tell();
    announce(this.told.textContent.trim());
    this.open[0].querySelector("a").focus();
  }

  tell() {
    const { dataset } = this.form;
    const count = this.open.length;
    this.told.hidden = count === 0;
    this.told.querySelector("span").textContent = count === 1 ? dataset.wordsOpenOne : dataset.wordsOpen.replace("{n}", String(count));
  }
}

const form = document.querySelector("form[data-publish]");
if (form) new Publishing(form);
