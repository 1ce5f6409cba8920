/* Saves the draft by itself while somebody types: a moment after the last change, one request at a time. A new clip
 * becomes a draft with the first one. What is refused stays on the page and is said when it is saved by hand. */

import { announce, csrfHeaders, snapshot } from "./app.js";

const QUIET_MS = 1500;

export class Autosave {
  constructor({ form, status, title }) {
    this.form = form;
    this.status = status;
    this.title = title;
    this.last = snapshot(form);
    for (const kind of ["input", "change"]) {
      form.addEventListener(kind, () => this.later());
      document.addEventListener(kind, (event) => event.target.form === form && this.later());
    }
    form.addEventListener("submit", () => this.stop());
  }

  later() {
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = setTimeout(() => this.save(), QUIET_MS);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  async save() {
    const now = snapshot(this.form);
    if (this.saving || now === this.last) return this.saving && this.later();
    // only what was typed is worth a draft: a range alone is drawn anew in a second
    if (!this.form.elements.lines.value) return undefined;
    this.saving = true;
    const body = new URLSearchParams(new FormData(this.form));
    if (!body.get("title").trim()) body.set("title", this.title());
    try {
      const headers = { Accept: "application/json", ...csrfHeaders() };
      const answer = await fetch(this.form.dataset.autosave, { method: "POST", body, headers });
      if (answer.ok) this.saved(await answer.json(), now);
      else if (answer.status === 412) this.lost();
      else this.tell("failed");
    } catch {
      this.tell("failed");
    } finally {
      this.saving = false;
    }
    if (snapshot(this.form) !== this.last) this.later();
    return undefined;
  }

  saved({ revision, edit, autosave }, state) {
    const { form } = this;
    let field = form.elements.revision;
    if (!field) {
      field = Object.assign(document.createElement("input"), { type: "hidden", name: "revision" });
      form.append(field);
    }
    field.value = String(revision);
    form.action = edit;
    form.dataset.autosave = autosave;
    if (location.pathname !== edit) history.replaceState(null, "", edit);
    const same = new URLSearchParams(state);
    same.delete("revision");
    const present = new URLSearchParams(snapshot(form));
    present.delete("revision");
    this.last = same.toString() === present.toString() ? snapshot(form) : state;
    if (this.last === snapshot(form)) form.dataset.guardStart = this.last;
    this.tell("saved");
  }

  /* Somebody else saved: from here on only saving by hand goes on, which shows both versions. */
  lost() {
    this.stop();
    this.tell("lost");
    announce(this.status.textContent);
  }

  tell(what) {
    this.status.textContent = this.status.dataset[what];
    this.status.hidden = false;
  }
}
