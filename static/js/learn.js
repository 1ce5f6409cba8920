/* A learner's step: marks the second, and keeps what is not sent yet so that any device can go on from there.
 *
 * form[data-learn] has data-place (where the place is kept) and the state to restore: data-heard (which player),
 * data-heard-ms. Without this script the step works too; only the mark is then typed in seconds. */
import { announce, csrfHeaders } from "./app.js";

const KEEP_AFTER_MS = 1500;

class Keeper {
  constructor(form) {
    this.form = form;
    this.players = [...document.querySelectorAll("figure[data-clip-player]")];
    this.heard = form.dataset.heard || "";
    this.heardMs = form.dataset.heardMs || "";
    this.timer = 0;
    this.sent = this.written();
    form.addEventListener("input", () => this.soon());
    form.addEventListener("change", () => this.soon());
    form.addEventListener("submit", () => this.stop());
    document.addEventListener("clip:time", (event) => this.note(event));
    document.addEventListener("clip:pause", () => this.soon());
    // Leaving the page, or putting the phone away: what was typed goes out with it.
    addEventListener("pagehide", () => this.keep());
    document.addEventListener("visibilitychange", () => document.hidden && this.keep());
  }

  /* Which player it was: "a" or "b", in the page's order. */
  note(event) {
    const index = this.players.indexOf(event.target);
    if (index < 0 || event.detail.ms === 0) return;
    this.heard = index === 1 ? "b" : "a";
    this.heardMs = String(event.detail.ms);
  }

  restore() {
    const player = this.players[this.heard === "b" ? 1 : 0]?.clipPlayer;
    if (player && Number(this.heardMs) > 0) player.seek(Number(this.heardMs));
  }

  written() {
    const fields = new URLSearchParams([...new FormData(this.form)].filter(([name]) => name !== "_csrf"));
    fields.set("heard", this.heard);
    fields.set("heard_ms", this.heardMs);
    return fields.toString();
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), KEEP_AFTER_MS);
  }

  /* The answer itself is on its way: what is kept for later would only come after it. */
  stop() {
    clearTimeout(this.timer);
    this.stopped = true;
  }

  async keep() {
    const body = this.written();
    if (this.stopped || body === this.sent) return;
    const before = this.sent;
    this.sent = body;
    try {
      const headers = { ...csrfHeaders(), "content-type": "application/x-www-form-urlencoded" };
      const answer = await fetch(this.form.dataset.place, { method: "POST", body, headers, keepalive: true });
      if (!answer.ok) this.sent = before;
    } catch {
      this.sent = before; // Offline: the next change tries again.
    }
  }
}

/* "It happens here": the position of the player goes into the hidden field; the nudges move it by half a second. */
class Mark {
  constructor(root) {
    this.root = root;
    this.field = root.querySelector("[data-mark-value]");
    this.output = root.querySelector("[data-mark-output]");
    this.figure = root.querySelector("figure[data-clip-player]");
    this.durationMs = Number(root.dataset.durationMs);
    root.querySelector("[data-mark-here]").addEventListener("click", () => this.set(this.figure.clipPlayer.ms, true));
    for (const nudge of root.querySelectorAll("[data-mark-nudge]")) {
      nudge.addEventListener("click", () => this.nudge(Number(nudge.dataset.markNudge)));
    }
    if (this.field.value !== "") this.set(Number(this.field.value), false);
    const form = root.closest("form");
    form?.addEventListener("invalid", () => this.ask(), true);
    form?.addEventListener("submit", (event) => this.hold(event));
  }

  /* Said together with what else is open; the browser does not ask for a field that is hidden. */
  ask() {
    if (this.field.value !== "" || this.root.querySelector(".error")) return;
    const said = document.getElementById("field-error-template").content.firstElementChild.cloneNode(true);
    said.setAttribute("role", "alert");
    said.querySelector("span").textContent = this.root.dataset.needs;
    this.root.append(said);
  }

  hold(event) {
    if (this.field.value !== "") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.ask();
    this.root.querySelector("[data-mark-here]").focus();
  }

  nudge(ms) {
    const from = this.field.value === "" ? this.figure.clipPlayer.ms : Number(this.field.value);
    this.set(from + ms, true);
  }

  set(ms, told) {
    const at = Math.round(Math.min(Math.max(ms, 0), this.durationMs));
    this.field.value = String(at);
    if (told) this.root.querySelector(".error")?.remove();
    const seconds = at / 1000;
    const shown = `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
    this.output.textContent = shown;
    this.flag ??= this.addFlag();
    this.flag.style.setProperty("--at", `${(100 * at) / this.durationMs}%`);
    if (!told) return;
    announce(shown);
    this.field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  addFlag() {
    const flag = document.createElement("span");
    flag.className = "mark-flag";
    this.figure.querySelector("[data-clip-wave]").append(flag);
    return flag;
  }
}

// After player.js has made its players, whichever of the two scripts came first.
addEventListener("load", () => {
  document.querySelectorAll("[data-mark-second]").forEach((root) => new Mark(root));
  document.querySelectorAll("form[data-learn]").forEach((form) => new Keeper(form).restore());
});
