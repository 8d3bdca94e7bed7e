// The playground's pictures, small: one is chosen; another may be added, and the chosen one removed.

import { element } from "../../clipbook/widgets/kit.js";

/**
 * @typedef {{ alt: string, src: string }} Thumbnail
 * @typedef {{ choose: (picture: number) => void, add: () => void, remove: () => void }} Told
 */

/** @param {Told} told */
export function makeThumbnails(told) {
  const node = element("div", { class: "play-thumbnails", role: "group", "aria-label": "Pictures" });
  const button = (/** @type {string} */ text, /** @type {() => void} */ act) => {
    const made = element("button", { type: "button" }, text);
    made.addEventListener("click", act);
    return made;
  };
  return {
    node,
    /** @param {Thumbnail[]} pictures @param {number} current @param {{ more: boolean, fewer: boolean }} may */
    show(pictures, current, may) {
      const choices = pictures.map(({ alt, src }, k) => {
        const choice = button("", () => told.choose(k));
        choice.setAttribute("aria-pressed", String(k === current));
        choice.append(element("img", { src, alt: `Picture ${k + 1}: ${alt}`, class: "dark-light" }));
        return choice;
      });
      node.replaceChildren(...choices, ...(may.more ? [button("Add a picture", told.add)] : []),
        ...(may.fewer ? [button(`Remove picture ${current + 1}`, told.remove)] : []));
    },
    /** The button of one, which `show` has made anew. @param {number} picture */
    focus(picture) {
      /** @type {HTMLElement} */ (node.children[picture]).focus();
    },
  };
}
