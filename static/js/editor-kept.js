/* What learners will read of each line: the server says it by the same rule by which it makes the clip's words, for the
 * range and redactions as they are. A line of which nothing is kept is not in the clip, however near it comes. */

const QUIET_MS = 150;

export class KeptWords {
  /* shown(keeps): called with a function that tells of a line whether any of it is kept */
  constructor({ list, lines, model, typed, url, shown }) {
    Object.assign(this, { list, lines, model, typed, url, shown });
    this.asked = 0;
    model.addEventListener("change", ({ detail }) => ["range", "redactions"].includes(detail.what) && this.later());
    typed.addEventListener("input", () => this.later());
    this.later();
  }

  later() {
    clearTimeout(this.timer);
    this.asked++;
    this.timer = setTimeout(() => this.ask(), QUIET_MS);
  }

  async ask() {
    const { model, asked } = this;
    const cuts = model.redactions.map((one) => `${one.startMs}-${one.endMs}`).join(",");
    const query = new URLSearchParams({ start: model.startMs, end: model.endMs, cuts });
    try {
      const answer = await fetch(`${this.url}?${query}`, { headers: { Accept: "application/json" } });
      if (!answer.ok || asked !== this.asked) return;
      const { lines } = await answer.json();
      if (asked === this.asked) this.show(new Map(lines.map((line) => [String(line.position), line.text])));
    } catch {
      // without an answer the lines stay as they are shown: the next change asks again
    }
  }

  show(kept) {
    const textOf = (line) => kept.get(line.button.dataset.line) ?? "";
    this.shown((line) => textOf(line) !== "");
    // where the clip has typed lines of its own, those are read
    for (const line of this.lines) this.note(line, this.typed.value.trim() ? "" : textOf(line));
  }

  /* Below the line, where not all of it is kept. */
  note(line, text) {
    const differs = text !== "" && text !== line.text;
    if (!differs) {
      line.note?.remove();
      line.note = null;
      line.button.removeAttribute("aria-describedby");
      return;
    }
    if (!line.note) {
      line.note = document.createElement("p");
      line.note.className = "kept-words";
      line.note.id = `kept-${line.button.dataset.line}`;
      line.button.parentElement.append(line.note);
      line.button.setAttribute("aria-describedby", line.note.id);
    }
    line.note.textContent = this.list.dataset.wordsKept.replace("{text}", () => text);
  }
}
