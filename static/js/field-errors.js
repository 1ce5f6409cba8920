/* What a form still needs, said below the field in the page's language; the browser's own bubble covers what it is about,
 * speaks the browser's language and goes away by itself.
 *
 * Works for every control inside .field or fieldset; others keep the bubble. Of boxes in [data-choose-one] one at least
 * is wanted, which the browser knows only of radios. The server checks all of it again. */
import { words } from "./app.js";

const template = document.getElementById("field-error-template");

function boxOf(control) {
  const own = control.matches("[type=radio], [type=checkbox]") ? control.closest("fieldset") : null;
  return own ?? control.closest(".field, fieldset");
}

function sentenceOf(control) {
  if (!control.validity.valueMissing) return control.validationMessage;
  return control.matches("[type=radio], [type=checkbox], select") ? words.choose : words.fillIn;
}

function show(control) {
  const box = boxOf(control);
  if (!box || box.querySelector(".error")) return Boolean(box);
  const said = template.content.firstElementChild.cloneNode(true);
  said.id = `${control.id || `f-${control.name}`}-needs`;
  said.querySelector("span").textContent = sentenceOf(control);
  said.dataset.needs = "";
  (box.matches("fieldset") ? (box.querySelector(":scope > .stack-s") ?? box) : box).append(said);
  control.setAttribute("aria-invalid", "true");
  control.setAttribute("aria-describedby", [control.getAttribute("aria-describedby"), said.id].filter(Boolean).join(" "));
  return true;
}

function clear(control) {
  const box = boxOf(control);
  const said = box?.querySelector("[data-needs]");
  if (!said) return;
  for (const each of box.querySelectorAll("[aria-describedby]")) {
    const ids = each.getAttribute("aria-describedby").split(" ");
    if (!ids.includes(said.id)) continue;
    each.removeAttribute("aria-invalid");
    const others = ids.filter((id) => id !== said.id);
    if (others.length > 0) each.setAttribute("aria-describedby", others.join(" "));
    else each.removeAttribute("aria-describedby");
  }
  said.remove();
}

/* The browser names every wrong field in one go; once it has, the first of them takes the focus. */
let first = null;

document.addEventListener("invalid", (event) => {
  const control = event.target;
  if (!show(control)) return;
  event.preventDefault();
  if (first) return;
  first = control;
  setTimeout(() => {
    const seen = first.checkVisibility() ? first : boxOf(first);
    seen.scrollIntoView({ block: "center" });
    seen.focus({ preventScroll: true });
    first = null;
  });
}, true);

for (const group of document.querySelectorAll("[data-choose-one]")) {
  const boxes = [...group.querySelectorAll("[type=checkbox]")];
  const check = () => boxes[0]?.setCustomValidity(boxes.some((box) => box.checked) ? "" : words.choose);
  group.addEventListener("change", check);
  check();
}

for (const kind of ["input", "change"]) document.addEventListener(kind, (event) => clear(event.target));

// A form that came back with an error and no summary of them: there reading goes on, wherever it stands on the page.
if (!document.querySelector(".form-errors")) {
  const wrong = document.querySelector('[aria-invalid="true"]');
  wrong?.scrollIntoView({ block: "center" });
  wrong?.focus({ preventScroll: true });
}
