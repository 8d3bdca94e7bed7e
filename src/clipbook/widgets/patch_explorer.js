// A picture and its sequence of patches, as a figure that answers: state is in patch_explorer.py.
// A patch is known by its row-major index, from 0; `order` says which patch stands at each place. All else is counted
// from 1 where it is told: rows, columns, pixels, places.

import {
  element, field, light, makeNodesChoosable, makeStack, makeStage, makeValues, makeWidget, pen, picture, upTo, write,
} from "./kit.js";

/**
 * @typedef {{ image: string, height: number, width: number, sizes: number[], patch_size: number,
 *   order: number[], selected: number }} Traits
 * @typedef {ReturnType<typeof read>} State
 * @typedef {ReturnType<typeof placeOf>} Place
 * @typedef {ReturnType<typeof makePixels>} Pixels
 */

// ---- Arithmetic: the same as in clipbook.image.patching

/**
 * Where a patch lies: its row and column, and its pixels, up to but not including right, bottom.
 * @param {number} patch @param {number} columns @param {number} size
 */
export function placeOf(patch, columns, size) {
  const [row, column] = [Math.floor(patch / columns), patch % columns];
  const [top, left] = [row * size, column * size];
  return { row, column, top, left, bottom: top + size, right: left + size };
}

/**
 * A patch's red, green, blue, alpha … as a row of `patchify`: channel after channel, row by row.
 * @param {ArrayLike<number>} rgba
 */
export function flatten(rgba) {
  return upTo(3).flatMap((channel) => upTo(rgba.length / 4).map((pixel) => rgba[4 * pixel + channel]));
}

/** Numbers in [0, 1) that a seed fixes (mulberry32). @param {number} seed */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * 0 … count - 1 in an order that the seed fixes (Fisher and Yates).
 * @param {number} count @param {number} seed
 */
export function shuffled(count, seed) {
  const order = upTo(count);
  const random = generator(seed);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

/** @type {(one: number[], other: number[]) => boolean} */
const same = (one, other) => one.length === other.length && one.every((value, k) => value === other[k]);

/**
 * Everything that is drawn, computed from the model's state, when a patch is told in full.
 * @param {Model<Traits>} model @param {number} patch
 */
function read(model, patch) {
  const size = model.get("patch_size");
  const [rows, columns] = [model.get("height") / size, model.get("width") / size];
  const count = rows * columns;
  const sent = model.get("order"); // may follow a new patch size only in the next message
  const order = sent.length === count ? sent : upTo(count);
  const selected = Math.min(model.get("selected"), count - 1);
  const current = patch < count ? patch : selected;
  return { size, columns, count, order, selected, current, ordered: same(order, upTo(count)) };
}

// ---- Parts

const MOST_NUMBERED = 64; // patches; more numbers would be too small to read
const MOST_MARKED = 16; // patches that have their number on the picture, too

/**
 * A function that calls `build` only if one of the values is another than before.
 * @param {(state: State) => void} build
 * @returns {(state: State, ...values: unknown[]) => void}
 */
function whenNew(build) {
  /** @type {unknown[]} */
  let before = [];
  return (state, ...values) => {
    const changed = values.some((value, k) => value !== before[k]);
    before = values;
    if (changed) build(state);
  };
}

/**
 * Draws a box's patches again; if one of them had the focus, then the selected one has it.
 * @param {HTMLElement} box @param {() => void} draw
 */
function keepFocus(box, draw) {
  const focused = box.contains(document.activeElement);
  draw();
  if (!focused || box.contains(document.activeElement)) return;
  /** @type {HTMLElement | null} */ (box.querySelector('[tabindex="0"]'))?.focus();
}

/** Patch size, shuffle, restore. @param {Tools<Traits, number>} tools */
function makeControls({ model, change, signal }) {
  const options = model.get("sizes").map((size) => {
    const [rows, columns] = [model.get("height") / size, model.get("width") / size];
    return element("option", { value: size }, `${size} px: ${rows} × ${columns} = ${rows * columns} patches`);
  });
  const choice = element("select", {}, ...options);
  const shuffle = element("button", { type: "button" }, "Shuffle");
  const restore = element("button", { type: "button" }, "Restore");
  let seed = 0;
  choice.addEventListener("change", () => {
    const size = Number(choice.value);
    const patches = (model.get("height") / size) * (model.get("width") / size);
    change({ patch_size: size, order: upTo(patches), selected: 0 });
  }, { signal });
  shuffle.addEventListener("click", () => {
    const { order, count, ordered } = read(model, 0);
    let next = order;
    while (same(next, order) || same(next, upTo(count))) {
      if (count === 2 && !ordered) return; // there is no other
      next = shuffled(count, ++seed);
    }
    change({ order: next });
  }, { signal });
  restore.addEventListener("click", () => change({ order: upTo(read(model, 0).count) }), { signal });
  const node = element("div", { class: "kit-controls" },
    field("Patch size", choice), element("div", { class: "kit-field" }, shuffle, restore));
  const update = (/** @type {State} */ { size, ordered }) => {
    choice.value = String(size);
    restore.setAttribute("aria-disabled", String(ordered)); // and keeps the focus
  };
  return { node, update };
}

/** The picture, and over it a cell for each patch. @param {Tools<Traits, number>} tools */
function makePicture(tools) {
  const { model } = tools;
  const [height, width] = [model.get("height"), model.get("width")];
  const title = element("p", { class: "kit-quiet" }, `Picture, ${width} × ${height} px`);
  const box = element("div");
  const node = element("div", { class: "patches-picture" }, title, box);
  makeNodesChoosable(box, tools, () => width / model.get("patch_size"));

  const rebuild = whenNew(({ count, columns, size }) => {
    const cells = upTo(count).map((patch) => {
      const { row, column } = placeOf(patch, columns, size);
      const label = `patch ${patch}, row ${row + 1}, column ${column + 1}`;
      const cell = element("div", { role: "gridcell", "data-choice": patch, "aria-label": label });
      if (count <= MOST_MARKED) cell.append(element("span", { class: "patches-mark", "aria-hidden": "true" }, patch));
      return cell;
    });
    const image = picture(model.get("image"), "");
    const grid = { role: "grid", "aria-label": "Patches in the picture" };
    box.replaceChildren(makeStage(image, cells, columns, grid, { role: "row" }));
  });
  const update = (/** @type {State} */ state) =>
    keepFocus(box, () => {
      rebuild(state, state.size);
      light(box, state.current, state.selected);
    });
  return { node, update };
}

/** The patches one after the other. @param {Pixels} pixels @param {Tools<Traits, number>} tools */
function makeSequence(pixels, tools) {
  const title = element("p", { class: "kit-quiet" });
  const list = element("div", {
    class: "patches-list", role: "listbox", "aria-label": "Sequence of patches", "aria-orientation": "horizontal",
  });
  makeNodesChoosable(list, tools);

  const rebuild = whenNew(({ count, size, columns, order }) => {
    write(title, `Sequence, ${count} patches of ${size} × ${size} × 3 = ${3 * size * size} numbers`);
    list.dataset.many = count <= 16 ? "few" : count <= MOST_NUMBERED ? "some" : "many";
    list.replaceChildren(...order.map((patch, place) => {
      const canvas = element("canvas", { width: size, height: size, "aria-hidden": "true" });
      pixels.draw(canvas, 0, 0, placeOf(patch, columns, size));
      const label = `place ${place + 1}: patch ${patch}`;
      const tile = element("div", { role: "option", "data-choice": patch, "aria-label": label }, canvas);
      if (count <= MOST_NUMBERED) tile.append(element("span", { class: "patches-number" }, patch));
      return tile;
    }));
  });
  const update = (/** @type {State} */ state) =>
    keepFocus(list, () => {
      rebuild(state, state.size, state.order, pixels.decoded());
      light(list, state.current, state.selected);
    });
  return { node: element("div", {}, title, list), update };
}

/** One patch told in full: where it lies, which number it has, what it holds. @param {Pixels} pixels */
function makePanel(pixels) {
  const large = element("canvas", { class: "patches-large", "aria-hidden": "true" });
  const title = element("p", { class: "patches-name" });
  const values = makeValues({
    position: "position", index: "patches before it", rows: "pixel rows", columns: "pixel columns",
    place: "in the sequence", numbers: "numbers",
  });
  const node = element("div", { class: "patches-panel" },
    element("div", { class: "patches-head" }, large, title), values.node);
  const update = (/** @type {State} */ { order, columns, size, current }) => {
    const { row, column, top, left, bottom, right } = placeOf(current, columns, size);
    large.width = large.height = size; // which clears it
    const rgba = pixels.draw(large, 0, 0, placeOf(current, columns, size));
    const numbers = rgba && flatten(rgba);
    write(title, `Patch ${current}`);
    values.update({
      position: `row ${row + 1}, column ${column + 1}`,
      index: `${row} × ${columns} + ${column} = ${current}`,
      rows: `${top + 1}–${bottom}`,
      columns: `${left + 1}–${right}`,
      place: `place ${order.indexOf(current) + 1}`,
      numbers: numbers ? `${numbers.slice(0, 4).join(" ")} … ${numbers.at(-1)}` : "…",
    });
  };
  return { node, update };
}

const ORDERED = "Row by row, the sequence is the picture again. Shuffle it: what does a model notice?";
const SHUFFLED = "Another order, the same set of patches. A model without position embeddings cannot tell " +
  "this sequence from the picture: attention compares each patch with all others, wherever they stand.";

/**
 * The sequence laid out as a picture, and what a model makes of it.
 * @param {Pixels} pixels @param {Model<Traits>} model
 */
function makeClaim(pixels, model) {
  const canvas = element("canvas", { width: model.get("width"), height: model.get("height"), role: "img" });
  const claim = makeStack([ORDERED, SHUFFLED]);
  const node = element("div", { class: "patches-again" }, canvas, claim.node);
  const rebuild = whenNew(({ order, columns, size, ordered }) => {
    order.forEach((patch, place) => {
      const { left, top } = placeOf(place, columns, size);
      pixels.draw(canvas, left, top, placeOf(patch, columns, size));
    });
    canvas.setAttribute("aria-label", ordered
      ? "The sequence laid out row by row is the picture."
      : "The sequence laid out row by row is a jumble of the picture's patches.");
    claim.update(ordered ? ORDERED : SHUFFLED);
  });
  const update = (/** @type {State} */ state) => rebuild(state, state.size, state.order, pixels.decoded());
  return { node, update };
}

/** The picture's pixels, once they are decoded. @param {Tools<Traits, number>} tools */
function makePixels({ model, draw, signal }) {
  const image = new Image();
  const canvas = element("canvas", { width: model.get("width"), height: model.get("height") });
  const context = pen(canvas, { willReadFrequently: true });
  let decoded = false;
  image.addEventListener("load", () => {
    context.drawImage(image, 0, 0);
    decoded = true;
    draw();
  }, { signal });
  image.src = model.get("image");
  return {
    decoded: () => decoded,
    /**
     * Copies a patch to a place of another canvas, and returns its red, green, blue, alpha …
     * @type {(target: HTMLCanvasElement, x: number, y: number, from: Place) => ArrayLike<number> | null}
     */
    draw(target, x, y, { left, top, right, bottom }) {
      if (!decoded) return null;
      const patch = context.getImageData(left, top, right - left, bottom - top);
      pen(target).putImageData(patch, x, y);
      return patch.data;
    },
  };
}

// ---- The widget

/** @param {State} state */
function announce({ current, columns, size, order, ordered, count }) {
  const { row, column, top, left, bottom, right } = placeOf(current, columns, size);
  const ranges = `pixel rows ${top + 1} to ${bottom}, columns ${left + 1} to ${right}`;
  const place = `place ${order.indexOf(current) + 1} of the ${ordered ? "" : "shuffled "}sequence of ${count}`;
  return `Patch ${current}, row ${row + 1}, column ${column + 1}, ${ranges}, ${place}.`;
}

/** @param {Tools<Traits, number>} tools */
function build(tools) {
  const { model } = tools;
  const pixels = makePixels(tools);
  const [controls, original, sequence] = [makeControls(tools), makePicture(tools), makeSequence(pixels, tools)];
  const [panel, claim] = [makePanel(pixels), makeClaim(pixels, model)];
  const large = Math.max(model.get("width"), model.get("height")) >= 100; // px; smaller ones show their pixels
  const sides = element("div", { class: "patches-body" },
    element("div", { class: "patches-left" }, original.node, panel.node),
    element("div", { class: "patches-right" }, sequence.node, claim.node));
  sides.classList.toggle("kit-smooth", large);
  return {
    nodes: [controls.node, sides],
    parts: [controls, original, sequence, panel, claim],
    read: (/** @type {number} */ current) => read(model, current),
    announce,
  };
}

export default makeWidget("patch-explorer", "Patches of a picture", build, { choice: "selected", rebuilt: ["image"] });
