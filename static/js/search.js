/* Search by keyboard: "/" goes to the box from anywhere on the page, arrow down from the box to what was found, arrows
 * from one hit to the next, and back up into the box; Escape too. */

const form = document.querySelector("form[data-search]");
const box = form?.querySelector("input[type=search]");

function hits() {
  return [...document.querySelectorAll("#search-results [data-hit]")];
}

function typing(element) {
  return element.closest("input, textarea, select, [contenteditable]") !== null;
}

function step(event) {
  const all = hits();
  const at = all.indexOf(document.activeElement);
  const inBox = document.activeElement === box;
  if (event.key === "ArrowDown" && (inBox || at !== -1)) all[at + 1]?.focus();
  else if (event.key === "ArrowUp" && at > 0) all[at - 1].focus();
  else if (event.key === "ArrowUp" && at === 0) box.focus();
  else if (event.key === "Escape" && at !== -1) box.focus();
  else return;
  event.preventDefault();
}

if (box) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && !typing(event.target)) {
      event.preventDefault();
      box.focus();
      box.select();
    } else {
      step(event);
    }
  });
}
