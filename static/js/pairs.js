/* Making a contrast pair: how many words each second clip shares with the first one that is chosen. */

const form = document.getElementById("pair-form");

form?.addEventListener("change", () => {
  const good = form.querySelector('input[name="good"]:checked')?.value;
  for (const told of form.querySelectorAll("[data-alike]")) {
    const percent = JSON.parse(told.dataset.alike)[good];
    told.textContent = percent === undefined ? "" : told.dataset.words.replace("{n}", percent);
  }
});
