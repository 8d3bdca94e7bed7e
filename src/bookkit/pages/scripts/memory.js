// What the browser remembers of a reader: guesses, pages read, exercises done. It is the one home
// where this is kept, and nothing of it leaves the browser. Where nothing may be kept, all else works.
// biome-ignore lint/correctness/noUnusedVariables: the other scripts use it
const memory = (() => {
  const NAME = "clip-book";
  /** @typedef {Record<string, any>} OfPages what is known of each page, by its name */

  const written = () => {
    try {
      return localStorage.getItem(NAME) ?? "{}";
    } catch {
      return "{}"; // forbidden
    }
  };

  /** @returns {Record<string, OfPages>} */
  const everything = () => {
    try {
      return JSON.parse(written()) ?? {};
    } catch {
      return {};
    }
  };

  // A page to which the browser goes back may be shown as it was left: it knows nothing of what came since.
  let left = "";
  addEventListener("pagehide", () => {
    left = written();
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted && written() !== left) location.reload();
  });

  return {
    /** @type {(kind: "guesses" | "read" | "done" | "place" | "code") => OfPages} */
    all: (kind) => everything()[kind] ?? {},

    /** @type {(kind: "guesses" | "read" | "done" | "place" | "code", page: string, value: unknown) => void} */
    keep(kind, page, value) {
      const known = everything();
      known[kind] = { ...known[kind], [page]: value };
      try {
        localStorage.setItem(NAME, JSON.stringify(known));
      } catch {
        // full, or forbidden
      }
    },

    forget() {
      try {
        localStorage.removeItem(NAME);
      } catch {
        // forbidden: nothing was kept
      }
    },

    page: document.documentElement.dataset.page ?? "",
  };
})();
