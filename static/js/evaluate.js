/* The analyst's board and the result page: marks by key, the player's second, and every change saved at once.
 *
 * form[data-judge]            the board; sends itself as a whole after each change and gets both results back
 * fieldset[data-judge-rule]   one rule; keys work while something in it has the focus
 * [data-judge-now], [data-judge-from]   takes the player's second into the rule, or plays from there
 * [data-judge-hear="ms"]      plays the call from a mark's second (result page)
 * A save names the revision that it began from. When the server has another one, this window stops saving and says so. */

import { announce, csrfHeaders } from "./app.js";

const player = () => document.querySelector(".call-player")?.clipPlayer;

/* 65400 → "1:05.4", as people type it */
function clock(ms) {
  const tenths = Math.floor(ms / 100);
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
}

/* "1:05.4" or "65.4" → 65400; null when it is no time */
function milliseconds(text) {
  const parts = text.trim().split(":").map((part) => Number(part.replace(",", ".")));
  if (!text.trim() || parts.some(Number.isNaN)) return null;
  return Math.round(parts.reduce((sum, part) => sum * 60 + part, 0) * 1000);
}

function hear(ms) {
  const sound = player();
  if (!sound) return;
  sound.seek(ms);
  sound.play();
}

/* ---- Saving ---- */

class Draft {
  constructor(form) {
    this.form = form;
    this.state = document.querySelector("[data-judge-state]");
    this.summary = document.querySelector("[data-judge-summary]");
    this.conflict = document.querySelector("[data-judge-conflict]");
    this.saved = this.snapshot();
    this.timer = 0;
    this.busy = false;
    this.stopped = false;
    this.wait = 0;
    form.addEventListener("change", () => this.soon(0));
    form.addEventListener("input", (event) => {
      if (event.target.matches("textarea, input:not([type=radio])")) this.soon(800);
    });
    form.addEventListener("submit", (event) => this.submit(event));
    addEventListener("beforeunload", (event) => {
      if (!this.leaving && !this.stopped && this.snapshot() !== this.saved) event.preventDefault();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.save();
    });
  }

  snapshot() {
    const fields = new FormData(this.form);
    for (const name of ["_csrf", "revision"]) fields.delete(name);
    return new URLSearchParams(fields).toString();
  }

  soon(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), ms);
  }

  /* One save at a time: the next one needs the revision that this one makes. */
  async save() {
    clearTimeout(this.timer);
    const said = this.snapshot();
    if (this.stopped || this.busy || said === this.saved) return;
    this.busy = true;
    this.say(this.state.dataset.saving);
    try {
      const body = new URLSearchParams(new FormData(this.form)).toString();
      const answer = await fetch(this.form.action, {
        method: "POST",
        headers: {
          ...csrfHeaders(),
          "HX-Request": "true",
          "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
        },
        body,
        // so that it outlives the page; browsers refuse more than 64 kB with it
        keepalive: body.length < 60_000,
      });
      if (answer.ok) this.take(await answer.text(), said);
      else this.refused(answer.status, await answer.json().catch(() => ({})));
    } catch {
      this.say(this.state.dataset.unsaved);
      this.wait = Math.min(this.wait * 2 || 1000, 15_000);
      this.soon(this.wait);
    } finally {
      this.busy = false;
    }
    if (!this.stopped && this.wait === 0 && !this.wrong && this.snapshot() !== this.saved) this.soon(0);
    if (this.after && this.snapshot() === this.saved) this.after();
  }

  take(html, said) {
    const part = new DOMParser().parseFromString(html, "text/html").querySelector("[data-revision]");
    if (!part) throw new Error("signed out");
    this.summary.querySelector("[data-revision]").replaceWith(part);
    this.form.elements.revision.value = part.dataset.revision;
    this.form.action = part.dataset.action;
    this.saved = said;
    this.wait = 0;
    this.wrong = false;
    this.say(this.state.dataset.saved);
    this.mark({});
  }

  refused(status, problem) {
    if (status < 500 && status !== 429) this.stay();
    if (status === 409 || status === 412) {
      this.stopped = true;
      // our own sentence tells of the other window; any other conflict has its own words
      const elsewhere = status === 412 || problem.type?.endsWith("/draft-exists");
      if (!elsewhere && problem.detail) this.conflict.querySelector("p").textContent = problem.detail;
      this.conflict.hidden = false;
      this.say("");
      return;
    }
    if (status >= 500 || status === 429) {
      this.say(this.state.dataset.unsaved);
      this.wait = Math.min(this.wait * 2 || 1000, 15_000);
      this.soon(this.wait);
      return;
    }
    this.wrong = true;
    const errors = Object.fromEntries((problem.errors ?? []).map((error) => [error.field, error.message]));
    this.mark(errors);
    this.say(this.state.dataset.wrong.replace("{why}", Object.values(errors)[0] ?? problem.detail ?? String(status)));
  }

  /* Which fields could not be saved. */
  mark(errors) {
    for (const field of this.form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    for (const name of Object.keys(errors)) {
      const field = this.form.elements[name];
      if (field instanceof Element) field.setAttribute("aria-invalid", "true");
    }
  }

  say(text) {
    this.state.textContent = text;
  }

  /* A save may be on its way and would leave the sent revision behind: the form waits for it. */
  submit(event) {
    if (this.stopped) {
      event.preventDefault();
      this.conflict.scrollIntoView({ block: "nearest" });
      return;
    }
    this.leaving = true;
    if (!this.busy) {
      this.stopped = true;
      return;
    }
    event.preventDefault();
    const button = event.submitter;
    this.after = () => {
      this.stay();
      this.form.requestSubmit(button);
    };
    this.waiting = button;
  }

  /* Nothing is sent any more unless somebody presses again. */
  stay() {
    this.leaving = false;
    this.after = null;
    this.waiting?.removeAttribute("aria-disabled");
  }
}

/* ---- Rules ---- */

function rules() {
  return [...document.querySelectorAll("[data-judge-rule]")];
}

function choose(rule, value) {
  const box = rule.querySelector(`.judge-marks input[value="${value}"]`);
  box.checked = true;
  box.focus();
  box.dispatchEvent(new Event("change", { bubbles: true }));
  announce(box.closest("label").textContent.trim());
}

function takeSecond(rule) {
  const sound = player();
  if (!sound) return;
  const field = rule.querySelector(".judge-at .input");
  field.value = clock(sound.ms);
  field.dispatchEvent(new Event("change", { bubbles: true }));
  announce(field.value);
}

function go(rule, step) {
  const all = rules();
  const next = all[all.indexOf(rule) + step];
  if (!next) return;
  (next.querySelector(".judge-marks input:checked") ?? next.querySelector("input")).focus();
  next.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  m: (rule) => choose(rule, "met"),
  x: (rule) => choose(rule, "missed"),
  n: (rule) => choose(rule, "not_applicable"),
  u: (rule) => choose(rule, ""),
  t: takeSecond,
  c: (rule) => rule.querySelector("textarea").focus(),
  j: (rule) => go(rule, 1),
  k: (rule) => go(rule, -1),
  p: () => player()?.toggle(),
  "[": () => player()?.seek(player().ms - 3000),
  "]": () => player()?.seek(player().ms + 3000),
  "?": () => document.getElementById("keys").showModal(),
};
const WITHOUT_RULE = ["j", "p", "[", "]", "?"]; // as long as the focus is nowhere: J begins at the first rule

document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && field.matches?.(".judge-comment, .judge-at .input")) {
    field.closest("[data-judge-rule]").querySelector(".judge-marks input:checked").focus();
    return;
  }
  const rule = field.closest?.("[data-judge-rule]");
  const writes = field.matches?.("textarea, select, input:not([type=radio])");
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const does = KEYS[key];
  if (writes || !does) return;
  if (!rule && !(WITHOUT_RULE.includes(key) && document.activeElement === document.body)) return;
  event.preventDefault();
  does(rule);
});

document.addEventListener("click", (event) => {
  const rule = event.target.closest("[data-judge-rule]");
  if (event.target.closest("[data-judge-now]")) takeSecond(rule);
  if (event.target.closest("[data-judge-from]")) {
    const ms = milliseconds(rule.querySelector(".judge-at .input").value);
    if (ms !== null) hear(ms);
  }
  const place = event.target.closest("[data-judge-hear]");
  if (place) hear(Number(place.dataset.judgeHear));
});

const form = document.querySelector("form[data-judge]");
if (form) new Draft(form);
