/* Saves the draft by itself while somebody works: a moment after the last change, one request at a time. A new clip
 * becomes a draft with the first thing worth keeping. What is refused stays on the page, and the reason is said. */

import { announce, csrfHeaders, snapshot } from "./app.js";

const QUIET_MS = 1500;
const AGAIN_MS = 10000;
const WORTH = ["title", "lines", "redactions", "cue", "cues", "note", "why"];

export class Autosave {
  constructor({ form, status, title, model }) {
    this.form = form;
    this.status = status;
    this.title = title;
    this.last = snapshot(form);
    this.wait = QUIET_MS;
    for (const kind of ["input", "change"]) {
      form.addEventListener(kind, () => this.later());
      document.addEventListener(kind, (event) => event.target.form === form && this.later());
    }
    model.addEventListener("change", () => this.later());
    form.addEventListener("submit", (event) => this.submitted(event));
    // a phone may never come back to a tab that was left
    document.addEventListener("visibilitychange", () => document.hidden && !this.stopped && this.save());
  }

  later() {
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = setTimeout(() => this.save(), this.wait);
  }

  /* A range alone is drawn anew in a second: it is no draft yet. */
  worthIt() {
    if (this.form.elements.revision) return true;
    return WORTH.some((name) => this.form.elements[name].value.trim()) || [...this.form.querySelectorAll('input[name="rules"]')].some((box) => box.checked && !box.defaultChecked);
  }

  /* Saved by hand in the middle of a save: that one has to end first, or one work would become two drafts. */
  submitted(event) {
    this.stop();
    if (!this.saving || event.defaultPrevented) return;
    event.preventDefault();
    this.waiting = event.submitter;
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  async save() {
    const now = snapshot(this.form);
    if (this.saving || now === this.last) return this.saving && this.later();
    if (!this.worthIt()) return undefined;
    this.saving = true;
    this.tell("saving");
    const body = new URLSearchParams(new FormData(this.form));
    if (!body.get("title").trim()) body.set("title", this.title());
    try {
      const headers = { Accept: "application/json", ...csrfHeaders() };
      // so that it outlives the page; browsers refuse more than 64 kB with it
      const keepalive = body.toString().length < 60_000;
      const answer = await fetch(this.form.dataset.autosave, { method: "POST", body, headers, keepalive });
      if (answer.ok) this.saved(await answer.json(), now);
      else if (answer.status === 412) this.lost();
      else await this.refused(answer, now);
    } catch {
      this.tell("failed");
      this.wait = AGAIN_MS;
    } finally {
      this.saving = false;
    }
    if (this.waiting) {
      this.form.requestSubmit(this.waiting);
      return undefined;
    }
    if (snapshot(this.form) !== this.last) this.later();
    return undefined;
  }

  saved({ revision, edit, autosave }, state) {
    const { form } = this;
    this.wait = QUIET_MS;
    let field = form.elements.revision;
    if (!field) {
      field = Object.assign(document.createElement("input"), { type: "hidden", name: "revision" });
      form.append(field);
    }
    field.value = String(revision);
    form.action = edit;
    form.dataset.autosave = autosave;
    if (location.pathname !== edit) history.replaceState(null, "", edit);
    const leave = form.querySelector("[data-leave]");
    if (leave) leave.href = edit.replace(/\/edit$/, "");
    if (leave?.dataset.saved) leave.querySelector("span").textContent = leave.dataset.saved;
    form.dispatchEvent(new CustomEvent("clip:saved", { bubbles: true, detail: { revision, edit } }));
    const same = new URLSearchParams(state);
    same.delete("revision");
    const present = new URLSearchParams(snapshot(form));
    present.delete("revision");
    this.last = same.toString() === present.toString() ? snapshot(form) : state;
    if (this.last === snapshot(form)) form.dataset.guardStart = this.last;
    this.tell("saved");
  }

  /* What is refused is not sent again until it is another. */
  async refused(answer, state) {
    if (answer.status < 500) this.last = state;
    else this.wait = AGAIN_MS;
    this.tell("failed", await reasonOf(answer));
  }

  /* Somebody else saved: from here on only saving by hand goes on, which shows both versions. */
  lost() {
    this.stop();
    this.tell("lost");
    announce(this.status.textContent);
  }

  tell(what, more = "") {
    this.status.textContent = [this.status.dataset[what], more].filter(Boolean).join(" ");
    this.status.hidden = false;
  }
}

/* The server's own sentence about what cannot be saved so. */
async function reasonOf(answer) {
  try {
    const problem = await answer.json();
    return problem.errors?.[0]?.message || problem.detail || "";
  } catch {
    return "";
  }
}
