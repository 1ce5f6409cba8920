/* The list of what a clip still needs, on its page and in the editor. */

/* Shows one point as met or open. */
export function showPoint(list, code, met) {
  const item = list.querySelector(`[data-point="${code}"]`);
  if (!item) return;
  item.classList.toggle("met", met);
  item.querySelector("[data-state]").textContent = list.dataset[met ? "wordsMet" : "wordsOpen"];
  const use = item.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, met ? "#circle-check" : "#circle"));
}
