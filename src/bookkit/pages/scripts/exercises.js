// Chooses exercises by part, difficulty and minutes, in the index of them (see teaching.py). What is
// chosen stands in the address, so that it can be sent.
{
  const form = document.querySelector(".exercise-filter");
  const menus = [...(form?.querySelectorAll("select") ?? [])];
  const items = [...document.querySelectorAll("li[class*='minutes-']")];
  const status = /** @type {HTMLElement} */ (form?.querySelector("[role=status]"));
  const download = /** @type {HTMLAnchorElement} */ (form?.querySelector("a[download]"));
  const names = menus.map((menu) => menu.parentElement?.firstChild?.textContent?.trim() ?? "");

  /** @type {(item: Element, what: "minutes" | "points") => number} */
  const number = (item, what) => Number(new RegExp(`${what}-(\\d+)`).exec(item.className)?.[1]);
  /** @type {(chosen: Element[], what: "minutes" | "points") => number} */
  const sum = (chosen, what) => chosen.reduce((total, item) => total + number(item, what), 0);
  const many = (/** @type {number} */ count, /** @type {string} */ what) => `${count} ${what}${count === 1 ? "" : "s"}`;
  const worth = (/** @type {Element[]} */ chosen) =>
    `${many(sum(chosen, "minutes"), "minute")}, ${many(sum(chosen, "points"), "point")}`;
  const ofChapter = (/** @type {Element} */ item) => item.parentElement?.previousElementSibling?.querySelector("a");

  const asCsv = (/** @type {Element[]} */ chosen) => {
    const rows = chosen.map((item) => {
      const link = item.querySelector("a"); // none in a book that is built in part
      const difficulty = ["easy", "medium", "hard"].find((one) => item.classList.contains(one));
      const texts = [ofChapter(item)?.textContent, link?.textContent, difficulty];
      return [...texts, number(item, "minutes"), number(item, "points"), link?.href];
    });
    const lines = [["chapter", "exercise", "difficulty", "minutes", "points", "address"], ...rows];
    const quoted = lines.map((row) => row.map((cell) => `"${String(cell ?? "").replaceAll('"', '""')}"`).join());
    return `data:text/csv;charset=utf-8,${encodeURIComponent(quoted.join("\r\n"))}`;
  };

  const choose = () => {
    if (!form) return;
    const [part, difficulty, most] = menus.map(({ value }) => value);
    /** @type {(item: Element) => boolean} */
    const wanted = (item) =>
      (part === "any" || item.classList.contains(`part-${part}`)) &&
      (difficulty === "any" || item.classList.contains(difficulty)) &&
      (most === "any" || number(item, "minutes") <= Number.parseInt(most, 10));
    const chosen = items.filter(wanted);
    for (const item of items) item.toggleAttribute("hidden", !chosen.includes(item));
    for (const list of new Set(items.map((item) => item.parentElement))) {
      const listed = chosen.filter((item) => item.parentElement === list);
      const line = list?.previousElementSibling; // the chapter's
      for (const one of [list, line]) one?.toggleAttribute("hidden", !listed.length);
      if (line?.lastChild) line.lastChild.textContent = `: ${many(listed.length, "exercise")}, ${worth(listed)}`;
    }
    form.nextElementSibling?.toggleAttribute("hidden", chosen.length < items.length); // "In all …"
    status.textContent = chosen.length
      ? `${chosen.length} of ${items.length} exercises, ${worth(chosen)}`
      : "No exercise is like that; choose “any” in one of the menus.";
    download.hidden = !chosen.length;
    download.href = asCsv(chosen);
  };

  const asked = new URLSearchParams(location.hash.slice(1));
  menus.forEach((menu, k) => {
    const value = asked.get(names[k]);
    if (value && [...menu.options].some((option) => option.value === value)) menu.value = value;
  });
  form?.addEventListener("change", () => {
    choose();
    const set = menus.map((menu, k) => [names[k], menu.value]).filter(([, value]) => value !== "any");
    history.replaceState(null, "", `#${new URLSearchParams(set)}`);
  });
  form?.querySelector("fieldset")?.removeAttribute("disabled");
  choose(); // a browser may remember what was chosen
}
