// Chooses exercises by part, difficulty and minutes, in the index of them (see teaching.py).
{
  const form = document.querySelector(".exercise-filter");
  const items = [...document.querySelectorAll("li[class*='minutes-']")];
  const minutesOf = (/** @type {Element} */ item) => Number(/minutes-(\d+)/.exec(item.className)?.[1]);

  const choose = () => {
    if (!form) return;
    const [part, difficulty, most] = [...form.querySelectorAll("select")].map(({ value }) => value);
    /** @type {(item: Element) => boolean} */
    const wanted = (item) =>
      (part === "any" || item.classList.contains(`part-${part}`)) &&
      (difficulty === "any" || item.classList.contains(difficulty)) &&
      (most === "any" || minutesOf(item) <= Number.parseInt(most, 10));
    const chosen = items.filter(wanted);
    for (const item of items) item.toggleAttribute("hidden", !chosen.includes(item));
    for (const list of new Set(items.map((item) => item.parentElement))) {
      const empty = !list?.querySelector("li:not([hidden])");
      list?.toggleAttribute("hidden", empty);
      list?.previousElementSibling?.toggleAttribute("hidden", empty); // the chapter's line
    }
    const minutes = chosen.map(minutesOf).reduce((sum, one) => sum + one, 0);
    const status = /** @type {HTMLElement} */ (form.querySelector("[role=status]"));
    status.textContent = chosen.length === items.length ? "" : `${chosen.length} of ${items.length} exercises, ${minutes} minutes`;
  };

  form?.addEventListener("change", choose);
  form?.querySelector("fieldset")?.removeAttribute("disabled");
  choose(); // a browser may remember what was chosen
}
