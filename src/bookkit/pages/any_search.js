// Makes Sphinx's search find what readers look for, and lead to the section that says it.
// This stands in language_data.js (see any_search.py), between the search and its index.
{
  const { setIndex, query } = Search;

  // Sphinx looks words up in plain objects, which know `constructor` though no page holds it.
  const none = Object.create(null, { hasOwnProperty: { value: Object.prototype.hasOwnProperty } });
  Search.setIndex = (index) => {
    for (const words of [index.terms, index.titleterms]) Object.setPrototypeOf(words, none);
    setIndex(index);
  };

  // The text comes before the reference of the package.
  Object.assign(Scorer, { objNameMatch: 2, objPartialMatch: 1, objPrio: { 0: 1, 1: 0, 2: -5 } });

  // What is counted are sections and entries.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Sphinx puts the number there
  const number = "${resultCount}";
  Documentation.addTranslations({
    messages: {
      [`Search finished, found ${number} page(s) matching the search query.`]: `Search finished. Results: ${number}.`,
    },
  });

  // What teaches comes before what lists.
  const LISTS = /^(reference\/(changelog|api|bibliography)|instructors\/|genindex)/;
  Scorer.score = ([page, , , , score]) => score - (LISTS.test(page) ? 100 : 0);

  // The book is in British English.
  const SPELLED = new Map(Object.entries({
    behavior: "behaviour", center: "centre", color: "colour", colors: "colours", gray: "grey",
    license: "licence", licenses: "licences", neighbor: "neighbour", neighbors: "neighbours", normalize: "normalise", normalization: "normalisation",
    optimizer: "optimiser", quantize: "quantise", randomize: "randomise",
  }));
  /** What the glossary has said already: a term with two names is one entry. @type {Set<string>} */
  const told = new Set();
  Search.query = (asked) => {
    told.clear();
    query(asked.replace(/[a-z]+/gi, (word) => SPELLED.get(word.toLowerCase()) ?? word));
  };

  const NO_PROSE = ".headerlink, script, style, nav, .cell, .page-links, .katex-mathml, .exercise-filter";

  /** The prose that holds most of the words, and the section where it stands. @type {typeof Search.makeSearchSummary} */
  Search.makeSearchSummary = (html, words, anchor) => {
    const article = new DOMParser().parseFromString(html, "text/html").querySelector("article") ?? document.body;
    for (const other of article.querySelectorAll(NO_PROSE)) other.remove();
    const place = anchor ? article.querySelector(`[id="${CSS.escape(anchor.slice(1))}"]`) : null;
    const near = place?.closest("section, dt, dl") ?? place;
    const within = near?.matches("dt") ? near.parentElement?.querySelector(`:scope > [id="${near.id}"] ~ dd`) : near;
    const blocks = [...(within ?? article).querySelectorAll("p, li, dd, td, summary"), ...(within ? [within] : [])];
    const held = (/** @type {Element} */ block) => {
      const text = (block.textContent ?? "").toLowerCase();
      const inSection = block.closest("section section") ? 0.5 : 0; // what a page begins with only lists
      return [...words].filter((word) => text.includes(word.toLowerCase())).length + inSection;
    };
    if (!blocks.length) return null;
    const most = blocks.reduce((a, b) => (held(b) > held(a) ? b : a));
    const best = held(most) < 1 ? blocks[0] : most; // in code, or in a title, alone
    const entry = best.closest("dl.glossary dd");
    const terms = [];
    for (let term = entry?.previousElementSibling; term?.matches("dt"); term = term.previousElementSibling) {
      terms.unshift(term.textContent?.trim());
    }
    const said = (best.textContent ?? "").replace(/\s+/g, " ").trim();
    const text = entry ? `${terms.join(", ")}: ${said}` : said;
    const found = [...words].map((word) => text.toLowerCase().indexOf(word.toLowerCase())).filter((k) => k >= 0);
    const start = found.length ? Math.max(0, text.lastIndexOf(" ", Math.min(...found) - 100)) : 0;
    const end = text.length > start + 240 ? text.lastIndexOf(" ", start + 240) : text.length;
    const summary = document.createElement("p");
    summary.className = "context";
    summary.textContent = `${start ? "… " : ""}${text.slice(start, end).trim()}${end < text.length ? " …" : ""}`;
    if (entry) {
      if (told.has(text)) queueMicrotask(() => summary.closest("li")?.remove());
      told.add(text);
    }
    const section = best.closest("section section[id]")?.id;
    if (!anchor && section) {
      queueMicrotask(() => {
        const link = summary.parentElement?.querySelector("a");
        if (link) link.hash = section;
      });
    }
    return summary;
  };
}
