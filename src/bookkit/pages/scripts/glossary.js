// Shows what a word of the glossary means, while it is pointed at or has the focus (see glossary.py).
// Where nothing can be pointed at, a tap shows it, and a second one follows the link.
{
  const tapping = matchMedia("(hover: none)");
  /** The word whose card a tap has opened. @type {HTMLElement | null} */
  let tapped = null;
  const card = document.createElement("div");
  card.id = "glossary-card";
  card.setAttribute("role", "tooltip");
  card.hidden = true;

  const hide = () => {
    card.hidden = true;
    tapped = null;
    document.querySelector("[aria-describedby='glossary-card']")?.removeAttribute("aria-describedby");
  };

  const show = (/** @type {HTMLElement} */ word) => {
    hide();
    card.textContent = `${word.dataset.means}${tapping.matches ? " (Tap again for the glossary.)" : ""}`;
    word.setAttribute("aria-describedby", card.id);
    word.after(card); // so that the mouse can go from the word to its card
    card.hidden = false;
    const { offsetParent } = card;
    const line = word.getBoundingClientRect();
    const around = (offsetParent ?? document.body).getBoundingClientRect();
    const left = Math.min(line.left, document.documentElement.clientWidth - card.offsetWidth - 16) - around.left;
    card.style.left = `${Math.max(left, 8 - around.left)}px`;
    card.style.top = `${line.bottom - around.top}px`;
  };

  for (const word of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("a.explained"))) {
    word.dataset.means = word.title; // a title would be shown a second time
    word.removeAttribute("title");
    word.addEventListener("focus", () => show(word));
    word.addEventListener("blur", hide);
    word.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && show(word));
    word.addEventListener("pointerleave", ({ pointerType, relatedTarget }) => {
      if (pointerType === "mouse" && relatedTarget !== card && document.activeElement !== word) hide();
    });
    word.addEventListener("click", (event) => {
      if (!tapping.matches || tapped === word) return;
      event.preventDefault();
      show(word);
      tapped = word;
    });
  }
  addEventListener("pointerup", ({ target }) => {
    if (tapped && !tapped.contains(/** @type {Node} */ (target))) hide();
  });
  card.addEventListener("pointerleave", hide);
  addEventListener("keydown", ({ key }) => key === "Escape" && hide());
}
