// On a phone code is folded to a line that says what it does (see code_folds.py); here it opens.
{
  const lines = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".code-purpose")]);
  const all = document.querySelector(".code-all");

  const open = (/** @type {HTMLElement} */ line, /** @type {boolean} */ shown) => {
    line.setAttribute("aria-expanded", String(shown));
    line.closest(".cell_input")?.toggleAttribute("data-open", shown);
  };
  const openAll = (/** @type {boolean} */ shown) => {
    all?.setAttribute("aria-pressed", String(shown));
    for (const line of lines) open(line, shown);
  };

  for (const line of lines) {
    line.addEventListener("click", () => open(line, line.getAttribute("aria-expanded") !== "true"));
  }
  all?.addEventListener("click", () => {
    const shown = all.getAttribute("aria-pressed") !== "true";
    memory.keep("code", "shown", shown);
    openAll(shown);
  });
  if (memory.all("code").shown) openAll(true);
}
