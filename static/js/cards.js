/* The Print button of a page made for paper. */
document.querySelector("[data-print]").addEventListener("click", () => print());
