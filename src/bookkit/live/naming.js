// Zero-shot in the playground: a list of names, and the chosen picture's chances for the first of them.

import { element, freshId, number, upTo } from "../../clipbook/widgets/kit.js";
import { clean, says } from "./texts.js";

const [MOST, SHOWN] = [512, 5]; // names that are asked about, and those that are shown

/** @param {string[]} first @param {() => void} ask */
export function makeNaming(first, ask) {
  const typed = element("textarea", { rows: 5, id: freshId("names"), spellcheck: "false" });
  typed.value = first.join("\n");
  typed.addEventListener("input", ask);
  const best = element("ol", { class: "play-best" });
  const node = element("div", { class: "play-names" }, element("label", { for: typed.id }, "Names, one a line"), typed, best);
  return {
    node,
    names: () => [...new Set(clean(typed.value).split("\n").map((name) => name.trim()).filter(says))].slice(0, MOST),
    /** @type {(names: string[], cosines: Float64Array, scale: number) => void} */
    show(names, cosines, scale) {
      const top = Math.max(...cosines);
      const weights = cosines.map((cosine) => Math.exp(scale * (cosine - top)));
      const sum = weights.reduce((total, weight) => total + weight, 0);
      const order = upTo(names.length).sort((a, b) => weights[b] - weights[a]).slice(0, SHOWN);
      best.replaceChildren(...order.map((k) => {
        const share = weights[k] / sum;
        const bar = element("span", { class: "play-bar", "aria-hidden": "true" });
        bar.style.setProperty("--share", String(share));
        return element("li", {}, element("span", {}, names[k]), element("span", {}, number(share, 2)), bar);
      }));
    },
  };
}
