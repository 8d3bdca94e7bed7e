// The address, which holds what is composed, and the button that copies it.

import { element, write } from "../../clipbook/widgets/kit.js";
import { isPlace, toHash } from "./address.js";

let here = location.hash; // as it was last written or read: on the way back it changes before the page is told
let noteNow = () => {};

/** What is composed goes into the address at once; before another state takes its place, for the way back. */
export const noteComposed = () => noteNow();

/**
 * For one state of the page, until it ends.
 * @param {() => import("./address.js").Composed} state @param {AbortSignal} end
 * @param {() => void} follow the address where it has come to hold another state
 */
export function makeLink(state, end, follow) {
  let noting = 0; // a timer: browsers refuse an address that changes a hundred times a minute
  const note = () => {
    if (end.aborted || location.hash !== here) return;
    history.replaceState(null, "", toHash(state()));
    here = location.hash;
  };
  noteNow = note;
  addEventListener("hashchange", () => {
    here = location.hash;
    if (isPlace(here)) note(); // a link within the page leaves all as it is
    else follow();
  }, { signal: end });
  const said = element("span", { role: "status" });
  const copy = element("button", { type: "button" }, "Copy link");
  copy.addEventListener("click", async () => {
    note();
    const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
    write(said, copied ? "Copied: it holds all but what you draw or bring." : "The browser's address is the link.");
  });
  return {
    nodes: [copy, said],
    note,
    noteSoon() {
      clearTimeout(noting);
      noting = setTimeout(note, 200);
    },
  };
}
