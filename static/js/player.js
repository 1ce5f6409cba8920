/* The clip player: one sound at a time, nothing fetched before Play, nothing remembered.
 *
 * Each figure[data-clip-player] (macro ui.clip_player) gets a `clipPlayer` property:
 *   play(), pause(), toggle(), seek(ms), ms (position), playing
 * and fires bubbling events: clip:play, clip:pause, clip:time {ms, durationMs}, clip:ended.
 * Keyboard on the wave: arrows 1 s (with Shift 0.1 s), Page Up and Down 5 s, Home, End, Space. */

let sounding = null;
let made = 0;

function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

class ClipPlayer {
  constructor(figure) {
    this.figure = figure;
    this.durationMs = Number(figure.dataset.durationMs);
    this.button = figure.querySelector("[data-clip-play]");
    this.wave = figure.querySelector("[data-clip-wave]");
    this.time = figure.querySelector("[data-clip-time]");
    // the words stand under the line, or elsewhere on the page in a [data-lines-of="id of the clip"]
    const own = figure.querySelectorAll("[data-clip-seek]");
    const elsewhere = document.querySelectorAll(`[data-lines-of="${figure.dataset.clipId}"] [data-clip-seek]`);
    this.lines = [...(own.length ? own : elsewhere)];
    this.audio = null;
    this.wantedMs = 0;
    this.button.addEventListener("click", () => this.toggle());
    this.wave.addEventListener("pointerdown", (event) => this.drag(event));
    this.wave.addEventListener("keydown", (event) => this.key(event));
    for (const line of this.lines) {
      line.addEventListener("click", () => {
        if (!figure.isConnected) return;
        this.seek(Number(line.dataset.clipSeek));
        this.play();
      });
    }
    this.prepareTranscript();
    if (figure.dataset.startMs) this.begin(Number(figure.dataset.startMs));
  }

  /* Somebody came for a moment of the call: it stands there, its line in view, and waits for Play. */
  begin(ms) {
    this.seek(ms);
    this.line?.scrollIntoView({ block: "nearest" });
  }

  get ms() {
    return this.audio ? this.audio.currentTime * 1000 : this.wantedMs;
  }

  get playing() {
    return Boolean(this.audio && !this.audio.paused);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  async play() {
    this.load();
    if (sounding && sounding !== this) sounding.pause();
    sounding = this;
    this.complain("");
    try {
      await this.audio.play();
    } catch (problem) {
      // Pausing before the first sound interrupts play(); that is no fault of the clip's.
      if (problem.name !== "AbortError") this.complain(this.figure.dataset.failed);
    }
  }

  pause() {
    this.audio?.pause();
  }

  seek(ms) {
    this.wantedMs = Math.min(Math.max(ms, 0), this.durationMs);
    if (this.audio) this.audio.currentTime = this.wantedMs / 1000;
    this.paint();
  }

  /* The sound element is made at the first Play, so that a long feed holds none. */
  load() {
    if (this.audio) return;
    const audio = new Audio();
    audio.preload = "none";
    audio.src = this.figure.dataset.src;
    audio.currentTime = this.wantedMs / 1000;
    audio.addEventListener("play", () => this.show("play"));
    audio.addEventListener("pause", () => this.show("pause"));
    audio.addEventListener("waiting", () => this.figure.classList.add("waiting"));
    audio.addEventListener("playing", () => this.figure.classList.remove("waiting"));
    audio.addEventListener("timeupdate", () => this.paint());
    audio.addEventListener("error", () => this.complain(this.figure.dataset.failed));
    audio.addEventListener("ended", () => {
      this.fire("ended");
      this.seek(0);
    });
    this.audio = audio;
  }

  show(what) {
    const playing = what === "play";
    this.figure.classList.toggle("playing", playing);
    this.figure.classList.remove("waiting");
    this.button.setAttribute("aria-label", playing ? this.button.dataset.labelPause : this.button.dataset.labelPlay);
    this.fire(what);
    if (playing) this.follow();
  }

  /* While it plays the bars follow every frame; timeupdate alone would move them in jumps. */
  follow() {
    this.paint();
    if (this.playing) requestAnimationFrame(() => this.follow());
  }

  paint() {
    const ms = this.ms;
    if (!this.played) this.addPlayed();
    this.played.style.setProperty("--played", `${(100 * ms) / this.durationMs}%`);
    const shown = clock(ms);
    if (this.time.dataset.shown !== shown) {
      this.time.dataset.shown = shown;
      this.time.textContent = ms > 0 ? shown : clock(this.durationMs);
      this.wave.setAttribute("aria-valuenow", String(Math.floor(ms / 1000)));
      this.wave.setAttribute(
        "aria-valuetext",
        this.wave.dataset.valueText.replace("{now}", shown).replace("{length}", clock(this.durationMs)),
      );
    }
    this.markLine(ms);
    this.fire("time", { ms: Math.round(ms), durationMs: this.durationMs });
  }

  /* A copy of the bars in accent, cut at the position. */
  addPlayed() {
    this.played = this.wave.querySelector(".wave").cloneNode(true);
    this.played.classList.add("played");
    this.wave.append(this.played);
  }

  markLine(ms) {
    const now = ms > 0 ? this.lines.findLast((line) => Number(line.dataset.clipSeek) <= ms) : undefined;
    if (now === this.line) return;
    this.line?.removeAttribute("aria-current");
    this.line = now;
    if (!now) return;
    now.setAttribute("aria-current", "true");
    // Only the transcript scrolls, never the page under the reader.
    const list = now.closest(".transcript");
    const row = now.parentElement;
    if (row.offsetTop < list.scrollTop || row.offsetTop + row.offsetHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = row.offsetTop - list.clientHeight / 3;
    }
  }

  drag(event) {
    if (event.button !== 0) return;
    const box = this.wave.getBoundingClientRect();
    const to = (at) => this.seek(((at.clientX - box.left) / box.width) * this.durationMs);
    to(event);
    this.wave.setPointerCapture(event.pointerId);
    const move = (moved) => to(moved);
    this.wave.addEventListener("pointermove", move);
    for (const end of ["pointerup", "pointercancel"]) {
      this.wave.addEventListener(end, () => this.wave.removeEventListener("pointermove", move), { once: true });
    }
  }

  key(event) {
    const step = event.shiftKey ? 100 : 1000;
    const moves = {
      ArrowRight: this.ms + step, ArrowUp: this.ms + step,
      ArrowLeft: this.ms - step, ArrowDown: this.ms - step,
      PageUp: this.ms + 5000, PageDown: this.ms - 5000,
      Home: 0, End: this.durationMs,
    };
    if (event.key in moves) this.seek(moves[event.key]);
    else if (event.key === " ") this.toggle();
    else return;
    event.preventDefault();
  }

  prepareTranscript() {
    const button = this.figure.querySelector("[data-clip-words]");
    const panel = this.figure.querySelector("[data-clip-transcript]");
    if (!button || !panel) return;
    panel.id ||= `clip-words-${++made}`;
    button.setAttribute("aria-controls", panel.id);
    button.addEventListener("click", () => {
      panel.hidden = !panel.hidden;
      button.setAttribute("aria-expanded", String(!panel.hidden));
    });
  }

  complain(text) {
    const place = this.figure.querySelector("[data-clip-error]");
    this.figure.classList.remove("waiting");
    place.textContent = text;
    place.hidden = !text;
  }

  fire(name, detail = {}) {
    this.figure.dispatchEvent(new CustomEvent(`clip:${name}`, { bubbles: true, detail }));
  }
}

function start() {
  for (const figure of document.querySelectorAll("figure[data-clip-player]")) {
    figure.clipPlayer ??= new ClipPlayer(figure);
  }
}

/* What an htmx swap takes off the page must fall silent. */
function silenceGone() {
  if (sounding && !sounding.figure.isConnected) sounding.pause();
}

/* A link that leads on from a call takes along where one listens: the start of the line that is heard. */
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-takes-moment]");
  const player = link && document.querySelector(".call-player")?.clipPlayer;
  if (!player || player.ms <= 0) return;
  const address = new URL(link.href);
  address.searchParams.set("start", String(Math.round(Number(player.line?.dataset.clipSeek ?? player.ms))));
  link.href = address.href;
});

start();
document.addEventListener("htmx:afterSwap", () => {
  silenceGone();
  start();
});
