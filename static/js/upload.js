/* Sends form[data-upload] with a progress bar, which a plain form cannot show: one call, or an archive of many. The
 * file is the field that says how large it may be.
 *
 * The CSRF proof goes as a header, so that the server decides before it reads a byte. After the last byte the server
 * listens to the recording: it answers with the call's page, or names what is wrong and where. Nothing is kept of a
 * refused upload, so what was typed stays in the form and only the cause has to be mended. */

import { announce, csrfHeaders, toast, words } from "./app.js";

const form = document.querySelector("form[data-upload]");
const said = document.getElementById("upload-words").dataset;
const progress = form.querySelector("[data-upload-progress]");
const bar = progress.querySelector("progress");
const percent = progress.querySelector("[data-upload-percent]");
const text = progress.querySelector("[data-upload-text]");
const summary = form.querySelector("[data-upload-errors]");
const input = form.querySelector("[data-max-bytes]");
const submit = form.querySelector('button[type="submit"], button:not([type])');

let sending = null;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (sending) return;
  clearErrors();
  const wrong = missing();
  if (wrong.length) return showErrors(wrong);
  send(input.files[0]);
});

/* What can be seen before a byte is sent: two gigabytes must not travel for a choice that was forgotten. */
function missing() {
  const wrong = [];
  const file = input.files[0];
  if (!file) wrong.push({ field: input.name, message: input.dataset.missing });
  else if (file.size > Number(input.dataset.maxBytes)) wrong.push({ field: input.name, message: input.dataset.tooLarge });
  const { consent_basis: basis, retain_until: day } = form.elements;
  if (said.noBasis && !basis.value) wrong.push({ field: "consent_basis", message: said.noBasis });
  if (said.noDay && !day.value) wrong.push({ field: "retain_until", message: said.noDay });
  return wrong;
}

progress.querySelector("[data-upload-cancel]").addEventListener("click", () => sending?.abort());

addEventListener("beforeunload", (event) => {
  if (sending) event.preventDefault();
});

function send(file) {
  const request = new XMLHttpRequest();
  sending = request;
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  for (const [name, value] of Object.entries(csrfHeaders())) request.setRequestHeader(name, value);
  request.upload.addEventListener("progress", (event) => showSent(event.loaded, event.total));
  request.addEventListener("load", () => finish(request));
  request.addEventListener("error", () => stop(said.broke, "bad"));
  request.addEventListener("abort", () => stop(said.stopped, "warn"));
  progress.querySelector("[data-upload-name]").textContent = file.name;
  progress.hidden = false;
  submit.setAttribute("aria-disabled", "true");
  showSent(0, file.size);
  progress.scrollIntoView({ block: "nearest" });
  request.send(new FormData(form));
}

function showSent(sent, total) {
  const share = total ? Math.floor((100 * sent) / total) : 0;
  percent.textContent = `${share}%`;
  if (sent < total) {
    bar.value = share;
    text.textContent = text.dataset.textSending.replace("{sent}", size(sent)).replace("{total}", size(total));
  } else {
    bar.removeAttribute("value");
    text.textContent = text.dataset.textChecking;
  }
}

function size(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1000)), 3);
  const shown = { style: "unit", unit: units[step], unitDisplay: "short", maximumFractionDigits: step > 1 ? 1 : 0 };
  return new Intl.NumberFormat(document.documentElement.lang, shown).format(bytes / 1000 ** step);
}

function finish(request) {
  if (request.status >= 200 && request.status < 300) {
    sending = null;
    location.assign(request.responseURL);
    return;
  }
  reset();
  let problem = {};
  try {
    problem = JSON.parse(request.responseText);
  } catch {
    // A proxy in between answers with a page of its own: the status still says enough.
  }
  const known = { 401: words.signedOut, 413: input.dataset.tooLarge };
  const detail = problem.detail ?? known[request.status] ?? words.failed;
  showErrors(problem.errors?.length ? problem.errors : [{ field: problem.field ?? "", message: detail }]);
}

function stop(message, kind) {
  reset();
  toast(message, kind);
}

function reset() {
  sending = null;
  progress.hidden = true;
  submit.removeAttribute("aria-disabled");
}

function clearErrors() {
  summary.hidden = true;
  summary.querySelector("ul").replaceChildren();
  for (const error of form.querySelectorAll("[data-upload-error]")) {
    const field = document.getElementById(error.dataset.uploadError);
    field.removeAttribute("aria-invalid");
    const others = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== error.id);
    if (others.length) field.setAttribute("aria-describedby", others.join(" "));
    else field.removeAttribute("aria-describedby");
    field.closest(".file-drop")?.classList.remove("invalid");
    error.remove();
  }
}

/* Each error stands at its field, and all of them above the form, where reading goes on. */
function showErrors(errors) {
  for (const { field: name, message } of errors) {
    const named = form.elements.namedItem(name);
    const field = named instanceof RadioNodeList ? named[0].closest("fieldset") : named;
    const item = document.createElement("li");
    if (field instanceof HTMLElement) {
      const link = document.createElement("a");
      link.href = `#${field.id}`;
      link.textContent = message;
      field.closest("details")?.setAttribute("open", "");
      item.append(link);
      markField(field, message);
    } else {
      item.textContent = message;
    }
    summary.querySelector("ul").append(item);
  }
  summary.hidden = false;
  summary.focus();
  announce(errors.map((error) => error.message).join(" "));
}

function markField(field, message) {
  const error = document.getElementById("upload-field-error").content.firstElementChild.cloneNode(true);
  error.id = `${field.id}-error`;
  error.dataset.uploadError = field.id;
  error.querySelector("span").textContent = message;
  (field.closest(".field") ?? field).append(error);
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") ?? ""} ${error.id}`.trim());
  field.closest(".file-drop")?.classList.add("invalid");
}
