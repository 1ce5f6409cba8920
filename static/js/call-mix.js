/* Listening to one side of a call: each lane can be muted, and the balance moved between the two voices. It changes
 * what is heard here and nothing in the clip. A call on one channel has no lanes.
 *
 * The sound's path is rebuilt on first use only, so that a browser without it plays as ever. */

import { announce } from "./app.js";

class Mix {
  /* root: the lanes' controls; media: the audio element; agent: the agent's channel, or null when nobody can tell. */
  constructor({ root, media, agent }) {
    this.root = root;
    this.media = media;
    this.agent = agent;
    this.muted = [false, false];
    this.balance = root.querySelector("[data-balance]");
    this.buttons = [...root.querySelectorAll("[data-mute]")];
    this.buttons.forEach((button) => button.addEventListener("click", () => this.toggle(button)));
    this.balance.addEventListener("input", () => this.apply());
    this.balance.addEventListener("dblclick", () => this.centre());
    this.name();
    root.hidden = false;
  }

  /* The first control is the agent's, where it is known which lane that is. */
  name() {
    const names = this.agent === null ? ["left", "right"] : ["agent", "caller"];
    this.buttons.forEach((button, place) => {
      button.dataset.channel = String(this.agent === 1 ? 1 - place : place);
      const name = this.root.dataset[`words${names[place][0].toUpperCase()}${names[place].slice(1)}`];
      button.querySelector("[data-name]").textContent = name;
      button.setAttribute("aria-label", this.root.dataset.wordsMute.replace("{name}", name));
    });
    this.lanes = [0, 1].map((channel) => this.buttons.find((button) => button.dataset.channel === String(channel)).textContent.trim());
  }

  toggle(button) {
    const channel = Number(button.dataset.channel);
    this.muted[channel] = !this.muted[channel];
    this.apply();
    const name = button.querySelector("[data-name]").textContent;
    announce(this.root.dataset[this.muted[channel] ? "wordsMuted" : "wordsHeard"].replace("{name}", name));
  }

  toggleNth(place) {
    this.buttons[place].click();
  }

  centre() {
    this.balance.value = "0";
    this.apply();
  }

  /* How loud each channel is, 0 to 1. The slider's start is the first control's lane. */
  levels() {
    const to = Number(this.balance.value) / 100;
    const levels = [1, 1];
    levels[Number(this.buttons[0].dataset.channel)] = Math.min(1, 1 - to);
    levels[Number(this.buttons[1].dataset.channel)] = Math.min(1, 1 + to);
    return levels.map((level, channel) => (this.muted[channel] ? 0 : level));
  }

  apply() {
    this.buttons.forEach((button) => button.setAttribute("aria-pressed", String(this.muted[Number(button.dataset.channel)])));
    this.balance.setAttribute("aria-valuetext", this.told());
    if (!this.gains && !this.connect()) {
      this.root.hidden = true;
      return;
    }
    this.levels().forEach((level, channel) => this.gains[channel].gain.setTargetAtTime(level, this.context.currentTime, 0.01));
    this.root.dispatchEvent(new CustomEvent("mix:change", { bubbles: true, detail: { levels: this.levels() } }));
  }

  told() {
    const to = Number(this.balance.value);
    const names = this.buttons.map((button) => button.querySelector("[data-name]").textContent);
    return to ? `${names[to < 0 ? 0 : 1]} ${Math.abs(to)} %` : this.root.dataset.wordsEven;
  }

  /* Both voices go to both ears, as they will in the clip. */
  connect() {
    try {
      this.context = new AudioContext();
      const split = this.context.createChannelSplitter(2);
      const join = this.context.createChannelMerger(2);
      this.context.createMediaElementSource(this.media).connect(split);
      this.gains = [0, 1].map((channel) => {
        const gain = this.context.createGain();
        split.connect(gain, channel);
        gain.connect(join, 0, 0);
        gain.connect(join, 0, 1);
        return gain;
      });
      join.connect(this.context.destination);
      this.media.addEventListener("play", () => this.context.resume());
      this.context.resume();
      return true;
    } catch {
      return false;
    }
  }
}

/* The lanes of a call on two channels: their names beside the wave, and what can be muted. turns: [{speaker, startMs,
 * endMs}], by which the agent's lane is told. Returns the mix, or null where there is one channel only. */
export function connectLanes({ card, peaks, turns, view }) {
  const root = card.querySelector("[data-mix]");
  if (!root || !peaks.stereo) return null;
  const mix = new Mix({ root, media: view.media, agent: peaks.agentChannel(turns) });
  card.querySelectorAll("[data-lane]").forEach((label, channel) => (label.textContent = mix.lanes[channel]));
  card.classList.add("lanes");
  return mix;
}
