/* Suggested redactions in the editor: they follow its range, its redactions and the lines that are typed. */

import { Suggestions } from "./call-suggestions.js";

const card = document.querySelector("[data-editor]");

function begin({ model, view, transport }) {
  const root = document.querySelector("[data-suggestions]");
  const { elements } = document.getElementById("clip-form");
  const hear = (ms) => {
    view.scrollTo(ms);
    view.seek(Math.max(0, ms - 500));
    transport.playOn();
  };
  const suggestions = new Suggestions({ root, model, hear, lines: () => elements.lines?.value ?? "" });
  suggestions.addEventListener("count", ({ detail }) => card.dispatchEvent(new CustomEvent("suggestions:count", { detail })));
  // lines that are typed may hold what the call's own words do not
  const heard = ({ target }) => (target.closest?.("[data-typed]") || target.name === "lines") && suggestions.later();
  for (const kind of ["input", "change"]) document.addEventListener(kind, heard);
}

if (card.editor) begin(card.editor);
else card.addEventListener("editor:ready", ({ detail }) => begin(detail), { once: true });
