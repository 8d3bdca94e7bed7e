// Zero-shot in the playground: a list of names, and the chosen picture's chances for the first of them.

import { element, freshId, number, upTo, write } from "../../clipbook/widgets/kit.js";
import { MOST_NAMES } from "./address.js";
import { clean, remarkOnCaption, remarkOnRest, says, sentences } from "./texts.js";

const SHOWN = 5; // of the names

/** @param {string[]} first @param {string} hint @param {string[] | undefined} met words of training @param {() => void} ask */
export function makeNaming(first, hint, met, ask) {
  const typed = element("textarea", { rows: 5, id: freshId("names"), spellcheck: "false" });
  typed.value = first.join("\n");
  typed.addEventListener("input", ask);
  const written = () => [...new Set(clean(typed.value).split("\n").map((name) => name.trim()).filter(says))];
  const best = element("ol", { class: "play-best" });
  const remark = element("p", { class: "play-strange", role: "status" });
  const node = element("div", { class: "play-names" },
    element("label", { for: typed.id }, "Names, one a line"), typed, element("p", {}, hint), best, remark);
  return {
    node,
    names: () => written().slice(0, MOST_NAMES),
    /** Unread is the end of each name that the model had no place for. @type {(names: string[], cosines: Float64Array, scale: number, unread: string[]) => void} */
    show(names, cosines, scale, unread) {
      if (!names.length) {
        best.replaceChildren();
        return write(remark, "Write a name.");
      }
      const top = Math.max(...cosines);
      const weights = cosines.map((cosine) => Math.exp(scale * (cosine - top)));
      const sum = weights.reduce((total, weight) => total + weight, 0);
      const order = upTo(names.length).sort((a, b) => weights[b] - weights[a]).slice(0, SHOWN);
      write(remark, sentences(remarkOnRest(unread[order[0]], "The first name"), remarkOnCaption(names[order[0]], met),
        written().length > MOST_NAMES ? `Only the first ${MOST_NAMES} names are compared.` : ""));
      best.replaceChildren(...order.map((k) => {
        const share = weights[k] / sum;
        const bar = element("span", { class: "play-bar", "aria-hidden": "true" });
        bar.style.setProperty("--share", String(share));
        return element("li", {}, element("span", {}, names[k]), element("span", {}, number(share, 2)), bar);
      }));
    },
  };
}
