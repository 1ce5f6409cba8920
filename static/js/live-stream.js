/* One stream of live hints: open while this tab is seen, and asked for again whenever it ended.
 * A browser comes back by itself after a cut line, but never after an answer that is no stream (a proxy's 502 while
 * the centre is restarted): then it is asked for anew here, after pauses that grow, so that a page that nobody loads
 * again (the wallboard) is not silent for good. */

const FIRST_PAUSE_MS = 3000;
const LONGEST_PAUSE_MS = 60_000;

export class LiveStream {
  /* `address()` is asked each time; `heard`: what to do with each kind of hint, and on "open". */
  constructor(address, heard) {
    this.address = address;
    this.heard = heard;
    this.source = null;
    this.timer = null;
    this.pause = FIRST_PAUSE_MS;
    this.failedAt = 0;
    this.crowded = false;
    document.addEventListener("visibilitychange", () => this.follow());
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", () => this.follow());
    this.follow();
  }

  follow() {
    if (document.hidden || this.crowded) this.stop();
    else if (!this.source && !this.timer) this.start();
  }

  start() {
    this.source = new EventSource(this.address());
    for (const [name, hear] of Object.entries(this.heard)) this.source.addEventListener(name, hear);
    this.source.addEventListener("error", () => {
      if (this.source?.readyState === EventSource.CLOSED) this.again();
    });
    // A tab too many: another one follows, this one stays away instead of coming back again and again.
    this.source.addEventListener("closed", () => {
      this.crowded = true;
      this.stop();
    });
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    this.source?.close();
    this.source = null;
  }

  /* Opened anew in a while: twice as long after each failure, a quarter up or down, until none came for some time. */
  again() {
    if (this.timer || this.crowded) return;
    this.stop();
    const now = Date.now();
    const soon = now - this.failedAt < 2 * LONGEST_PAUSE_MS;
    this.pause = soon ? Math.min(this.pause * 2, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
    this.failedAt = now;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.follow();
    }, this.pause * (0.75 + Math.random() / 2));
  }
}
