/* Somebody else saved meanwhile: of each part that both changed, "Yours" and "Theirs" put that version into the editor at
 * once, where it is seen, heard and undone like any change. Without scripts the choice is sent and taken on the server. */

import { announce } from "./app.js";

export class Conflict {
  constructor({ root, state }) {
    for (const part of root.querySelectorAll("[data-part]")) {
      const theirs = JSON.parse(part.dataset.theirs);
      let mine = null;
      part.querySelectorAll("input").forEach((input) => {
        input.removeAttribute("form");
        input.addEventListener("change", () => {
          if (input.value === "theirs") {
            const present = state.read();
            mine = Object.fromEntries(Object.keys(theirs).map((name) => [name, present[name]]));
            state.write(theirs);
          } else if (mine) state.write(mine);
          announce(root.dataset[input.value === "theirs" ? "wordsTaken" : "wordsKept"].replace("{part}", part.dataset.label));
        });
      });
    }
  }
}
