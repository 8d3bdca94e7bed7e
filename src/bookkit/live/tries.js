// What to try in the playground: buttons that set all of its state, each with a sentence where to look.

import { element } from "../../clipbook/widgets/kit.js";

/**
 * @typedef {Partial<import("./address.js").Composed> & { model: string }} State
 * @typedef {{ name: string, said: string, state: State, at: string }} Try: what is said is HTML of the page's own,
 *   and stands before the part `at`
 */

/** @param {HTMLElement} root the playground @param {Try[]} tries @param {(state: State) => void} set */
export function makeTries(root, tries, set) {
  const said = element("p", { class: "play-tried", role: "status" });
  const buttons = tries.map((one) => {
    const button = element("button", { type: "button" }, one.name);
    button.addEventListener("click", () => {
      set(one.state);
      root.querySelector(one.at)?.before(said);
      said.innerHTML = one.said;
      said.scrollIntoView({ block: "start" });
    });
    return button;
  });
  return element("div", { class: "play-tries", role: "group", "aria-label": "What to try" },
    element("span", {}, "What to try"), ...buttons);
}
