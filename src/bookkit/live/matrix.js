// The widget of the similarity matrix in a page that has no state of it: the page itself plays the kernel.

import { element } from "../../clipbook/widgets/kit.js";

/** As the widget takes them. @param {Float64Array} cosines */
const bytes = (cosines) =>
  new DataView(Int16Array.from(cosines, (value) => Math.round(32_767 * Math.max(-1, Math.min(1, value)))).buffer);

/**
 * What other pictures, captions and cosines change in the widget's state; `get` tells it as it was.
 * @type {(get: (name: string) => any, images: string[], captions: string[], cosines: Float64Array) => Record<string, unknown>}
 */
export function matrixState(get, images, captions, cosines) {
  const [row, column] = get("selected");
  const square = images.length === captions.length;
  return {
    images,
    captions,
    frames: bytes(cosines),
    selected: [Math.min(row, images.length - 1), Math.min(column, captions.length - 1)],
    view: /gradient$/.test(get("view")) && !square ? "cosine" : get("view"), // no pairs, no loss
  };
}

/**
 * The figure of the chapters, made anew for other pictures or captions.
 * @param {{ script: string, style: string }} widget its module and its style sheet
 * @param {(cell: number[]) => void} chosen told when a reader chooses a cell
 * @param {HTMLElement} more what stands below the chosen cell's numbers
 */
export function makeMatrix({ script, style }, chosen, more) {
  const node = element("div", { class: "play-matrix" });
  document.head.append(element("style", {}, style));
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const widget = import(address).then((module) => module.default);
  const begin = { view: "cosine", selected: [0, 0], bias: -10, steps: [0], step: 0, also_true: [] };
  /** @type {Map<string, unknown>} */
  let traits = new Map(Object.entries(begin));
  /** @type {Set<() => void>} */
  let listeners = new Set();
  let remove = () => {};

  const model = {
    get: (/** @type {string} */ name) => traits.get(name),
    set(/** @type {string} */ name, /** @type {unknown} */ value) {
      traits.set(name, value);
      if (name === "selected") chosen(/** @type {number[]} */ (value));
      for (const listen of listeners) listen();
    },
    save_changes() {},
    on: (/** @type {string} */ event, /** @type {() => void} */ listen) => event === "change" && listeners.add(listen),
    off: (/** @type {string} */ _, /** @type {() => void} */ listen) => listeners.delete(listen),
  };
  return {
    node,
    /** Other pictures, captions or numbers of them. @type {(images: string[], captions: string[], cosines: Float64Array, scale: number) => Promise<void>} */
    async show(images, captions, cosines, scale) {
      const { render } = await widget;
      remove();
      listeners = new Set();
      const state = matrixState(model.get, images, captions, cosines);
      const temperature = traits.get("temperature") ?? Number((1 / scale).toPrecision(3));
      traits = new Map([...traits, ...Object.entries(state), ["temperature", temperature]]);
      remove = render({ model, el: node });
      node.querySelector(".matrix-panel")?.append(more);
    },
    /** Other cosines of the same. @param {Float64Array} cosines */
    update: (cosines) => model.set("frames", bytes(cosines)),
  };
}
