// Where a reader brings pictures of their own to the playground: a file chooser, and files dropped anywhere in it.

import { element, freshId } from "../../clipbook/widgets/kit.js";

/** @param {HTMLElement} root @param {AbortSignal} signal @param {(files: File[]) => void} bring */
export function makeBringing(root, signal, bring) {
  const own = element("input", { type: "file", accept: "image/*", multiple: "", id: freshId("own") });
  own.addEventListener("change", () => {
    bring([...(own.files ?? [])]);
    own.value = "";
  });
  const dropping = (/** @type {boolean} */ over) => root.classList.toggle("play-dropping", over);
  root.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return; // words, say, on the way to a field
    event.preventDefault();
    dropping(true);
  }, { signal });
  root.addEventListener("dragleave", () => dropping(false), { signal });
  root.addEventListener("drop", (event) => {
    dropping(false);
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    bring([...event.dataTransfer.files]);
  }, { signal });
  return element("div", { class: "play-own" },
    element("label", { for: own.id }, "A picture of your own, chosen or dropped here"), own);
}
