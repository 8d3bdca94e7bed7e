// The playground's captions: fields to write in, each with its cosine with the chosen picture, so that this is
// seen while the picture is changed.

import { element, write } from "../../clipbook/widgets/kit.js";
import { LONGEST, MOST_CAPTIONS } from "./address.js";
import { clean, remarkOnCaption, remarkOnRest, sentences } from "./texts.js";

/** @param {string[] | undefined} met words of training @param {(captions: string[]) => void} changed */
export function makeCaptions(met, changed) {
  const node = element("ol", { class: "play-captions" });
  const remark = element("p", { class: "play-strange", role: "status" });
  /** @type {string[]} */
  let captions = [];
  /** @type {Map<string, string>} */
  let unread = new Map(); // the ends of captions that the model had no place for
  const judge = () => write(remark, sentences(
    ...captions.map((caption, k) => remarkOnRest(unread.get(caption) ?? "", `Caption ${k + 1}`)),
    remarkOnCaption(captions.join(" "), met)));

  const put = (/** @type {string[]} */ next) => {
    show(next);
    changed(next);
  };
  function lineOf(/** @type {string} */ caption, /** @type {number} */ k) {
    const input = element("input", { type: "text", maxlength: LONGEST, "aria-label": `Caption ${k + 1}`, autocomplete: "off", spellcheck: "false" });
    input.value = caption;
    input.addEventListener("input", () => {
      captions = captions.map((one, n) => (n === k ? clean(input.value) : one));
      judge();
      changed(captions);
    });
    const drop = element("button", { type: "button", "aria-label": `Remove caption ${k + 1}` }, "×");
    drop.addEventListener("click", () => {
      put(captions.filter((_, n) => n !== k));
      node.querySelectorAll("input")[Math.min(k, captions.length - 1)].focus();
    });
    const fit = element("span", { class: "play-fit", title: "cosine with the chosen picture" });
    return element("li", {}, input, fit, ...(captions.length > 1 ? [drop] : []));
  }
  /** @param {string[]} next */
  function show(next) {
    captions = next;
    judge();
    const add = element("button", { type: "button" }, "Add a caption");
    add.addEventListener("click", () => {
      put([...captions, ""]);
      node.querySelectorAll("input")[captions.length - 1].focus();
    });
    node.replaceChildren(...captions.map(lineOf), ...(captions.length < MOST_CAPTIONS ? [element("li", {}, add)] : []));
  }
  return {
    node: element("div", {}, node, remark),
    show,
    /** What was left unread of each. @param {string[]} texts @param {string[]} rests */
    cut(texts, rests) {
      unread = new Map(texts.map((caption, k) => [caption, rests[k]]));
      judge();
    },
    /** @param {string[]} values as they are shown */
    fit: (values) => node.querySelectorAll(".play-fit").forEach((fit, k) => write(fit, values[k])),
  };
}
