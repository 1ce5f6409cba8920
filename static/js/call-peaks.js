/* How loud the call is, from its stored peaks: a coarse picture of all of it at once, fine ones (every 20 ms) of the
 * minutes that are looked at. No sound is fetched for it. Full detail of an hour would be half a megabyte; this is 20 kB and 8 kB for each half minute. */

const STEP_MS = 20;
const PAGE_MS = 30000;
const COARSE_MOST = 3600;
const AT_ONCE_MS = 120000;
const FLOOR = 0.015;
const QUIET_SHARE = 0.12;
const BREATH_MS = 120;

export class Peaks {
  constructor({ url, durationMs, channels }) {
    this.url = url;
    this.durationMs = durationMs;
    this.length = Math.max(2, Math.ceil(durationMs / STEP_MS));
    this.stereo = channels === 2;
    this.channels = Array.from({ length: this.stereo ? 2 : 1 }, () => new Float32Array(this.length));
    this.pages = new Map();
  }

  /* The whole call. Short ones at once in full detail. */
  async load() {
    const all = this.durationMs <= AT_ONCE_MS;
    const points = all ? this.length : Math.min(COARSE_MOST, this.length);
    await this.fetch(0, this.durationMs, points);
    if (all) for (let page = 0; page * PAGE_MS < this.durationMs; page++) this.pages.set(page, Promise.resolve(false));
  }

  async fetch(fromMs, toMs, points) {
    const wanted = this.channels.map(async (data, channel) => {
      const query = new URLSearchParams({ points, start_ms: fromMs, end_ms: toMs });
      if (this.stereo) query.set("channel", channel);
      const answer = await fetch(`${this.url}?${query}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`peaks: ${answer.status}`);
      const { peaks } = await answer.json();
      const [low, high] = [Math.round(fromMs / STEP_MS), Math.min(this.length, Math.ceil(toMs / STEP_MS))];
      for (let at = low; at < high; at++) {
        data[at] = peaks[Math.min(peaks.length - 1, Math.floor(((at - low) * peaks.length) / (high - low)))] / 100;
      }
    });
    await Promise.all(wanted);
  }

  /* Full detail of these minutes; true when something new came. A page that fails is asked for again next time. */
  async detail(fromMs, toMs) {
    const first = Math.max(0, Math.floor(fromMs / PAGE_MS));
    const last = Math.min(Math.floor((this.durationMs - 1) / PAGE_MS), Math.floor(toMs / PAGE_MS));
    let fresh = false;
    for (let page = first; page <= last; page++) {
      if (!this.pages.has(page)) {
        const end = Math.min((page + 1) * PAGE_MS, this.durationMs);
        const points = Math.ceil((end - page * PAGE_MS) / STEP_MS);
        this.pages.set(page, this.fetch(page * PAGE_MS, end, points).then(() => true, () => this.pages.delete(page) && false));
        fresh = (await this.pages.get(page)) || fresh;
      } else await this.pages.get(page);
    }
    return fresh;
  }

  /* The louder channel around a moment, smoothed over three steps. */
  level(at) {
    let top = 0;
    for (let step = Math.max(0, at - 1); step <= Math.min(this.length - 1, at + 1); step++) {
      for (const data of this.channels) top = Math.max(top, data[step]);
    }
    return top;
  }

  /* The moment nearest to `ms`, at most `reachMs` away, at which nobody speaks: the middle of a short pause, or a
   * breath into a long one. null where there is none. */
  quietNear(ms, reachMs) {
    const middle = Math.round(ms / STEP_MS);
    const reach = Math.round(reachMs / STEP_MS);
    let loudest = 0;
    for (let at = middle - 100; at <= middle + 100; at++) {
      if (at >= 0 && at < this.length) loudest = Math.max(loudest, this.level(at));
    }
    const quiet = (at) => at >= 0 && at < this.length && this.level(at) <= Math.max(FLOOR, QUIET_SHARE * loudest);
    for (let away = 0; away <= reach; away++) {
      for (const at of away ? [middle - away, middle + away] : [middle]) {
        if (quiet(at)) return away ? this.intoPause(at, quiet) : ms;
      }
    }
    return null;
  }

  intoPause(at, quiet) {
    const most = Math.round((2 * BREATH_MS) / STEP_MS);
    let [low, high] = [at, at];
    while (quiet(low - 1) && at - low < most) low--;
    while (quiet(high + 1) && high - at < most) high++;
    const length = high - low;
    const place = length >= most ? (at - low < high - at ? at + most / 2 : at - most / 2) : low + length / 2;
    return Math.round(place) * STEP_MS;
  }

  /* Which channel the agent is on, by who is loud in whose lines; null where that does not tell. */
  agentChannel(turns) {
    if (!this.stereo) return null;
    const heard = { agent: [0, 0], caller: [0, 0] };
    for (const turn of turns) {
      if (!(turn.speaker in heard)) continue;
      for (let at = Math.floor(turn.startMs / STEP_MS); at < turn.endMs / STEP_MS && at < this.length; at += 5) {
        this.channels.forEach((data, channel) => (heard[turn.speaker][channel] += data[at]));
      }
    }
    const forLeft = heard.agent[0] + heard.caller[1];
    const forRight = heard.agent[1] + heard.caller[0];
    if (forLeft > 1.2 * forRight) return 0;
    return forRight > 1.2 * forLeft ? 1 : null;
  }
}
