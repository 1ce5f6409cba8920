/* Playlists: hearing one clip after the other, going on where one was, and putting clips into an order by drag, by
 * buttons and by keys. Both pages work without this: clips play one by one, buttons are sent to the server. */

import { announce, csrfHeaders } from "./app.js";

const filled = (text, values) => Object.entries(values).reduce((told, [name, value]) => told.replace(`{${name}}`, value), text);

/* ---- Hearing ---- */

class Listening {
  constructor(controls) {
    this.controls = controls;
    this.items = [...document.querySelectorAll("[data-item]")];
    this.button = controls.querySelector('[data-list="play"]');
    this.advance = controls.querySelector("[data-advance]");
    this.at = Math.max(0, this.items.findIndex((item) => item.dataset.item === controls.dataset.clip));
    this.startMs = Number(controls.dataset.ms ?? 0);
    controls.addEventListener("click", (event) => this.do(event.target.closest("[data-list]")?.dataset.list));
    const list = document.querySelector(".playlist");
    list.addEventListener("clip:play", (event) => this.began(this.indexOf(event.target)));
    list.addEventListener("clip:pause", (event) => this.paused(this.indexOf(event.target)));
    list.addEventListener("clip:ended", (event) => this.ended(this.indexOf(event.target)));
    // what is heard while the page is left counts too
    addEventListener("pagehide", () => this.player(this.at)?.playing && this.keep(this.player(this.at).ms));
    if (controls.dataset.clip) this.show(this.at, false);
  }

  indexOf(figure) {
    return this.items.indexOf(figure.closest("[data-item]"));
  }

  player(index) {
    return this.items[index]?.querySelector("[data-clip-player]")?.clipPlayer;
  }

  do(what) {
    if (!what) return;
    clearTimeout(this.waiting);
    const playing = this.player(this.at)?.playing || this.between;
    this.between = false;
    if (what === "play" && playing) {
      this.player(this.at).pause();
      this.showButton(false);
    } else if (what === "play") this.play(this.at, this.startMs);
    else if (what === "first") this.play(0, 0);
    else this.play(Math.min(Math.max(this.at + (what === "next" ? 1 : -1), 0), this.items.length - 1), 0);
  }

  play(index, ms) {
    const player = this.player(index);
    this.startMs = 0;
    if (index !== this.at) this.player(this.at)?.pause();
    this.at = index;
    if (ms) player.seek(ms);
    else if (player.ms >= player.durationMs - 50) player.seek(0);
    player.play();
  }

  began(index) {
    clearTimeout(this.waiting);
    this.between = false;
    this.at = index;
    this.show(index, true);
    this.showButton(true);
  }

  paused(index) {
    if (index !== this.at) return;
    const player = this.player(index);
    this.showButton(false);
    // a clip that ends is paused first; where it ended, the next one begins
    if (player.ms < player.durationMs - 200) this.keep(player.ms);
  }

  /* The note of what comes next is read before it plays: there is time for it, more for a longer one. */
  ended(index) {
    if (index !== this.at) return;
    const next = this.items[index + 1];
    if (!next) {
      this.tell(this.controls.dataset.wordsEnd);
      this.at = 0;
      this.keep(0);
      return;
    }
    this.at = index + 1;
    this.keep(0);
    if (!this.advance.checked) return;
    const note = next.querySelector("[data-note]")?.textContent ?? "";
    this.show(index + 1, true, note);
    this.between = true;
    this.showButton(true);
    this.waiting = setTimeout(() => this.play(index + 1, 0), Math.min(800 + note.length * 45, 8000));
  }

  show(index, aloud, note = "") {
    const item = this.items[index];
    for (const other of this.items) {
      other.toggleAttribute("aria-current", other === item);
      if (other === item) other.setAttribute("aria-current", "true");
    }
    if (this.shown === index) return;
    this.shown = index;
    const { wordsNow } = this.controls.dataset;
    const told = filled(wordsNow, { number: index + 1, total: this.items.length, title: item.dataset.title });
    this.controls.querySelector("[data-now]").textContent = told;
    if (!aloud) return;
    this.tell(note ? `${told}. ${note}` : told);
    item.scrollIntoView({ block: "nearest" });
  }

  tell(text) {
    announce(text);
  }

  showButton(playing) {
    const { labelPause, labelGo } = this.button.dataset;
    this.button.querySelector("span").textContent = playing ? labelPause : labelGo;
    const use = this.button.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, playing ? "#pause" : "#play"));
  }

  /* Where one was is noted quietly: that it could not be is no reason to disturb. */
  keep(ms) {
    const body = new URLSearchParams({ clip: this.items[this.at].dataset.item, ms: String(Math.round(ms)) });
    fetch(this.controls.dataset.place, { method: "POST", body, headers: csrfHeaders(), keepalive: true }).catch(() => {});
  }
}

/* ---- Putting in order ---- */

class Order {
  constructor(form) {
    this.form = form;
    this.list = form.querySelector("[data-order]");
    this.template = form.querySelector("[data-row-template]");
    form.addEventListener("click", (event) => this.press(event));
    form.querySelector("[data-find-button]").hidden = true;
    form.querySelector("[data-find]").addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
    for (const row of this.rows) this.begin(row);
    this.list.addEventListener("pointerdown", (event) => event.target.closest("[data-grip]") && this.drag(event));
    this.show();
  }

  get rows() {
    return [...this.list.children];
  }

  begin(row) {
    row.querySelector("[data-grip]").hidden = false;
  }

  press(event) {
    const button = event.target.closest('button[name="up"], button[name="down"], button[name="remove"], button[data-add]');
    if (!button) return;
    event.preventDefault();
    const row = button.closest("[data-row]");
    if (button.name === "add") this.add(button);
    else if (button.name === "remove") this.remove(row);
    else this.move(row, button);
  }

  move(row, button) {
    const other = button.name === "up" ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    if (button.name === "up") other.before(row);
    else other.after(row);
    button.focus();
    this.show();
    this.say("moved", row);
  }

  add(button) {
    const { value } = button;
    if (!this.rows.some((row) => row.dataset.row === value)) {
      const holder = document.createElement("ol");
      holder.innerHTML = this.template.innerHTML.replaceAll("__id__", value);
      const row = holder.firstElementChild;
      // a title is text, never markup
      for (const place of row.querySelectorAll("[data-title]")) place.textContent = button.dataset.title;
      for (const named of row.querySelectorAll("[aria-label]")) {
        named.setAttribute("aria-label", named.getAttribute("aria-label").replace("__title__", button.dataset.title));
      }
      this.list.append(row);
      this.begin(row);
      this.say("added", row);
    }
    this.show();
  }

  remove(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    this.say("removed", row);
    row.remove();
    this.show();
    (next?.querySelector('button[name="remove"]') ?? this.form.querySelector("[data-find]")).focus();
  }

  /* By pointer: the row goes where the hand is, past the middle of its neighbours. */
  drag(event) {
    event.preventDefault();
    const row = event.target.closest("[data-row]");
    row.classList.add("dragged");
    const move = ({ clientY }) => {
      const others = this.rows.filter((each) => each !== row);
      const after = others.find((each) => {
        const box = each.getBoundingClientRect();
        return clientY < box.top + box.height / 2;
      });
      if (after) after.before(row);
      else this.list.append(row);
    };
    const end = () => {
      removeEventListener("pointermove", move);
      row.classList.remove("dragged");
      this.show();
      this.say("moved", row);
    };
    addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) addEventListener(name, end, { once: true });
  }

  /* The first cannot go up nor the last down; they stay in reach of the keyboard, so that focus is not lost. */
  show() {
    const { rows } = this;
    rows.forEach((row, index) => {
      row.querySelector('button[name="up"]').setAttribute("aria-disabled", String(index === 0));
      row.querySelector('button[name="down"]').setAttribute("aria-disabled", String(index === rows.length - 1));
    });
    this.form.querySelector("[data-empty]").hidden = rows.length > 0;
  }

  say(what, row) {
    const title = row.querySelector("b[data-title]").textContent;
    const told = this.form.dataset[`words${what[0].toUpperCase()}${what.slice(1)}`];
    announce(filled(told, { title, number: this.rows.indexOf(row) + 1, total: this.rows.length }));
  }
}

const controls = document.querySelector("[data-playlist]");
if (controls) new Listening(controls);
const form = document.getElementById("order-form");
if (form) new Order(form);

/* A link for colleagues is shown and copied whole, with the address of this centre. */
for (const place of document.querySelectorAll("[data-link]")) place.value = new URL(place.value, location.href).href;
for (const button of document.querySelectorAll('[data-copy-from="list-link"]')) {
  button.dataset.copy = new URL(button.dataset.copy, location.href).href;
}
