// Marks what has been read and done, and leads back to where one was (see reading.py).
{
  const title = (document.querySelector("article h1")?.firstChild?.textContent ?? "").trim();
  const article = document.querySelector("article");
  const isChapter = document.querySelector(".bd-sidebar-primary .current > a .minutes") !== null;
  const cover = document.querySelector(".contents-list");

  const note = (/** @type {string} */ text, /** @type {string} */ kind) => {
    const made = document.createElement("span");
    made.className = kind;
    made.textContent = text;
    return made;
  };

  /** Puts a tick behind each link to a page that has been read. */
  const tick = () => {
    const read = memory.all("read");
    const root = new URL(document.documentElement.dataset.content_root ?? "./", location.href).href;
    for (const link of document.querySelectorAll(".bd-sidebar-primary .bd-links a, .contents-list a")) {
      const there = /** @type {HTMLAnchorElement} */ (link).href.slice(root.length).replace(/\.html.*$/, "");
      if (read[there === "#" || there === "" ? memory.page : there] && !link.querySelector(".ticked")) {
        link.append(note(" ✓", "ticked"), note(" read", "ticked-words"));
      }
    }
  };

  if (isChapter && article) {
    memory.keep("place", "last", { page: memory.page, title });
    const end = article.querySelector("#what-to-remember") ?? article.lastElementChild;
    const watch = new IntersectionObserver((seen) => {
      if (!seen.some(({ isIntersecting }) => isIntersecting)) return;
      watch.disconnect();
      memory.keep("read", memory.page, true);
      tick();
    });
    if (end) watch.observe(end);
  }

  const done = () => memory.all("done")[memory.page] ?? {}; // another tab may have added to it
  for (const section of document.querySelectorAll("section section[id^='exercise-']")) {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = Boolean(done()[section.id]);
    box.addEventListener("change", () => {
      memory.keep("done", memory.page, { ...done(), [section.id]: box.checked });
    });
    const label = document.createElement("label");
    label.className = "exercise-done";
    label.append(box, " Done");
    section.append(label);
  }

  if (cover) {
    const { last } = memory.all("place");
    const links = document.querySelector(".page-links ul");
    if (last && links) {
      const link = document.createElement("a");
      link.href = `${last.page}.html`;
      link.textContent = `Continue: ${last.title}`;
      const item = document.createElement("li");
      item.append(link);
      links.append(item);
    }
    const read = Object.keys(memory.all("read")).length;
    const solved = Object.values(memory.all("done")).flatMap((page) => Object.values(page)).filter(Boolean).length;
    if (read || solved || last) {
      const forget = document.createElement("button");
      forget.type = "button";
      forget.textContent = "Forget it";
      const chapters = document.querySelectorAll(".contents-list .minutes").length;
      const line = document.createElement("p");
      line.className = "reading-tally";
      line.append(`Read: ${read} of ${chapters} chapters. Exercises done: ${solved}. Only this browser knows. `, forget);
      forget.addEventListener("click", () => {
        memory.forget();
        line.textContent = "Forgotten.";
        for (const mark of document.querySelectorAll(".ticked, .ticked-words")) mark.remove();
      });
      document.querySelector("#what-is-in-the-book > p")?.after(line);
    }
  }
  tick();
}
