// A picture and its sequence of patches, as a figure that answers: state is in patch_explorer.py.
// One module without imports, so that it runs in JupyterLab, in Colab and in a page without kernel.
// A patch is known by its row-major index; `order` says which patch stands at each place.

/**
 * @typedef {{ image: string, height: number, width: number, sizes: number[], patch_size: number,
 *   order: number[], selected: number }} Traits
 * @typedef {ReturnType<typeof read>} State
 * @typedef {ReturnType<typeof placeOf>} Place
 * @typedef {ReturnType<typeof makePixels>} Pixels
 * @typedef {(values: Partial<Traits>) => void} Change
 * @typedef {(patch: number) => void} Select
 * @typedef {(patch?: number) => void} Point
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
  const channel = (/** @type {number} */ k) =>
    Array.from({ length: rgba.length / 4 }, (_, pixel) => rgba[4 * pixel + k]);
  return [0, 1, 2].flatMap(channel);
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

const inOrder = (/** @type {number} */ count) => Array.from({ length: count }, (_, k) => k);

/**
 * 0 … count - 1 in an order that the seed fixes (Fisher and Yates).
 * @param {number} count @param {number} seed
 */
export function shuffled(count, seed) {
  const order = inOrder(count);
  const random = generator(seed);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

/** @type {(one: number[], other: number[]) => boolean} */
const same = (one, other) => one.length === other.length && one.every((value, k) => value === other[k]);

/** Everything that is drawn, computed from the model's state. @param {Model<Traits>} model */
function read(model) {
  const [height, width, size] = [model.get("height"), model.get("width"), model.get("patch_size")];
  const [rows, columns] = [height / size, width / size];
  const count = rows * columns;
  const sent = model.get("order"); // may follow a new patch size only in the next message
  const order = sent.length === count ? sent : inOrder(count);
  const selected = Math.min(model.get("selected"), count - 1);
  return { height, width, size, rows, columns, count, order, selected, ordered: same(order, inOrder(count)) };
}

// ---- Elements

/** @type {Make} */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(.../** @type {(Node | string)[]} */ (children));
  return node;
}

/**
 * Changes a text only where it differs, since each change makes the browser look again.
 * @param {Element} node @param {string} text
 */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const MOST_NUMBERED = 64; // patches; more numbers would be too small to read
const MOST_MARKED = 16; // patches that have their number on the picture, too
const SMOOTH_FROM = 100; // px; smaller pictures show their pixels
let count = 0; // of views on the page, for ids

/**
 * The node that an arrow key leads to, by where the nodes are drawn; Left and Right keep order.
 * @param {HTMLElement[]} nodes @param {number} k @param {string} key
 */
function neighbour(nodes, k, key) {
  if (key === "ArrowLeft") return Math.max(0, k - 1);
  if (key === "ArrowRight") return Math.min(nodes.length - 1, k + 1);
  const up = key === "ArrowUp";
  const boxes = nodes.map((node) => node.getBoundingClientRect());
  const beyond = inOrder(nodes.length).filter((j) =>
    up ? boxes[j].bottom <= boxes[k].top + 1 : boxes[j].top >= boxes[k].bottom - 1);
  const far = (/** @type {number} */ j) =>
    Math.abs(boxes[j].top - boxes[k].top) * 1000 + Math.abs(boxes[j].left - boxes[k].left);
  return beyond.reduce((best, j) => (best === k || far(j) < far(best) ? j : best), k);
}

/**
 * Lets mouse, thumb and keys choose among the children of a box that know their patch.
 * `ends` gives the first and the last place of the line for Home and End.
 * @param {HTMLElement} box @param {Select} select @param {Point} point
 * @param {(place: number, count: number) => number[]} ends @param {AbortSignal} signal
 */
function makeChoosable(box, select, point, ends, signal) {
  const nodes = () => [.../** @type {NodeListOf<HTMLElement>} */ (box.querySelectorAll("[data-patch]"))];
  /** @type {(event: Event) => HTMLElement | null} */
  const nodeOf = (event) => /** @type {Element} */ (event.target).closest("[data-patch]");
  const patchOf = (/** @type {HTMLElement} */ node) => Number(node.dataset.patch);
  let resting = ""; // where the mouse was last; a repaint beneath it is no movement
  box.addEventListener("pointermove", (event) => {
    const place = `${event.screenX} ${event.screenY}`;
    const node = nodeOf(event);
    if (event.pointerType !== "touch" && place !== resting) point(node ? patchOf(node) : undefined);
    resting = place;
  }, { signal });
  box.addEventListener("pointerleave", () => point(), { signal });
  box.addEventListener("click", (event) => {
    const node = nodeOf(event);
    if (node) select(patchOf(node));
  }, { signal });
  box.addEventListener("keydown", (event) => {
    const all = nodes();
    const node = nodeOf(event);
    if (!node || event.altKey) return;
    const k = all.indexOf(node);
    const wide = event.ctrlKey || event.metaKey;
    const [first, last] = wide ? [0, all.length - 1] : ends(k, all.length);
    const target = event.key === "Home" ? first : event.key === "End" ? last
      : event.key.startsWith("Arrow") ? neighbour(all, k, event.key) : null;
    if (target === null) return;
    event.preventDefault();
    event.stopPropagation();
    select(patchOf(all[target]));
    all[target].focus();
  }, { signal });
}

/**
 * One patch is lit, one is selected and holds the place in the order of the tab key.
 * @param {HTMLElement[]} nodes @param {number} told @param {number} selected
 */
function light(nodes, told, selected) {
  for (const node of nodes) {
    const patch = Number(node.dataset.patch);
    node.classList.toggle("patches-told", patch === told);
    node.tabIndex = patch === selected ? 0 : -1;
    node.setAttribute("aria-selected", String(patch === selected));
  }
}

/**
 * Patch size, shuffle, restore.
 * @param {Model<Traits>} model @param {Change} change @param {AbortSignal} signal
 */
function makeControls(model, change, signal) {
  const id = `patch-explorer-${++count}-size`;
  const options = model.get("sizes").map((size) => {
    const [rows, columns] = [model.get("height") / size, model.get("width") / size];
    return element("option", { value: size }, `${size} px: ${rows} × ${columns} = ${rows * columns} patches`);
  });
  const choice = element("select", { id }, ...options);
  const shuffle = element("button", { type: "button" }, "Shuffle");
  const restore = element("button", { type: "button" }, "Restore");
  let seed = 0;
  choice.addEventListener("change", () => {
    const size = Number(choice.value);
    const patches = (model.get("height") / size) * (model.get("width") / size);
    change({ patch_size: size, order: inOrder(patches), selected: 0 });
  }, { signal });
  shuffle.addEventListener("click", () => {
    const { order, count } = read(model);
    let next = order;
    while (same(next, order) || same(next, inOrder(count))) {
      if (count === 2 && !same(order, inOrder(2))) return; // there is no other
      next = shuffled(count, ++seed);
    }
    change({ order: next });
  }, { signal });
  restore.addEventListener("click", () => change({ order: inOrder(read(model).count) }), { signal });
  const node = element("div", { class: "patches-controls" },
    element("div", { class: "patches-field" }, element("label", { for: id }, "Patch size"), choice),
    element("div", { class: "patches-field" }, shuffle, restore));
  const update = (/** @type {State} */ { size, ordered }) => {
    choice.value = String(size);
    restore.setAttribute("aria-disabled", String(ordered)); // and keeps the focus
  };
  return { node, update };
}

/**
 * The picture, and over it a cell for each patch.
 * @param {Model<Traits>} model @param {Select} select @param {Point} point @param {AbortSignal} signal
 */
function makePicture(model, select, point, signal) {
  const [height, width] = [model.get("height"), model.get("width")];
  const title = element("p", { class: "patches-title" }, `Picture, ${width} × ${height} px`);
  // "dark-light" tells the book's theme to leave a picture as it is in dark mode
  const image = element("img", { src: model.get("image"), alt: "", class: "patches-image dark-light", width, height });
  const grid = element("div", { class: "patches-grid", role: "grid", "aria-label": "Patches in the picture" });
  const stage = element("div", { class: "patches-stage" }, image, grid);
  stage.style.aspectRatio = `${width} / ${height}`;
  const node = element("div", { class: "patches-picture" }, title, stage);
  /** @type {HTMLElement[]} */
  let cells = [];
  let columns = 1;
  makeChoosable(grid, select, point, (k) => [k - (k % columns), k - (k % columns) + columns - 1], signal);

  const build = (/** @type {State} */ state) => {
    columns = state.columns;
    grid.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    grid.style.gridTemplateRows = `repeat(${state.rows}, minmax(0, 1fr))`;
    cells = inOrder(state.count).map((patch) => {
      const { row, column } = placeOf(patch, columns, state.size);
      const label = `patch ${patch}, row ${row}, column ${column}`;
      const cell = element("div", { role: "gridcell", "data-patch": patch, "aria-label": label });
      if (state.count <= MOST_MARKED) cell.append(element("span", { class: "patches-mark", "aria-hidden": "true" }, patch));
      return cell;
    });
    const lines = inOrder(state.rows).map((row) =>
      element("div", { role: "row" }, ...cells.slice(row * columns, (row + 1) * columns)));
    grid.replaceChildren(...lines);
  };
  /** @type {(state: State, told: number) => void} */
  const update = ({ selected }, told) => light(cells, told, selected);
  return { node, build, update };
}

/**
 * The patches one after the other; `pixels` holds the whole picture.
 * @param {Pixels} pixels @param {Select} select @param {Point} point @param {AbortSignal} signal
 */
function makeSequence(pixels, select, point, signal) {
  const title = element("p", { class: "patches-title" });
  const list = element("div", {
    class: "patches-list", role: "listbox", "aria-label": "Sequence of patches", "aria-orientation": "horizontal",
  });
  const node = element("div", { class: "patches-sequence" }, title, list);
  /** @type {HTMLElement[]} */
  let tiles = [];
  makeChoosable(list, select, point, (_, length) => [0, length - 1], signal);

  const build = (/** @type {State} */ { count, size, columns, order }) => {
    write(title, `Sequence, ${count} patches of ${size} × ${size} × 3 = ${3 * size * size} numbers`);
    list.dataset.many = count <= 16 ? "few" : count <= MOST_NUMBERED ? "some" : "many";
    tiles = order.map((patch, place) => {
      const canvas = element("canvas", { width: size, height: size, "aria-hidden": "true" });
      pixels.draw(canvas, 0, 0, placeOf(patch, columns, size));
      const label = `place ${place}: patch ${patch}`;
      const tile = element("div", { role: "option", "data-patch": patch, "aria-label": label }, canvas);
      if (count <= MOST_NUMBERED) tile.append(element("span", { class: "patches-number" }, patch));
      return tile;
    });
    list.replaceChildren(...tiles);
  };
  /** @type {(state: State, told: number) => void} */
  const update = ({ selected }, told) => light(tiles, told, selected);
  return { node, build, update };
}

/** One patch told in full: where it lies, which number it has, what it holds. @param {Pixels} pixels */
function makePanel(pixels) {
  const large = element("canvas", { class: "patches-large", "aria-hidden": "true" });
  const title = element("p", { class: "patches-name" });
  const names = {
    position: "position", index: "row-major index", rows: "pixel rows", columns: "pixel columns",
    place: "in the sequence", numbers: "numbers",
  };
  /** @type {Record<string, HTMLElement>} */
  const values = {};
  const entries = Object.entries(names).map(([name, label]) => {
    values[name] = element("span", { class: `patches-${name}` });
    return element("div", {}, element("span", {}, label), values[name]);
  });
  const node = element("div", { class: "patches-panel" },
    element("div", { class: "patches-head" }, large, title),
    element("div", { class: "patches-values" }, ...entries));
  /** @type {(state: State, told: number) => void} */
  const update = ({ order, columns, size }, told) => {
    const at = placeOf(told, columns, size);
    large.width = large.height = size; // which clears it
    const numbers = pixels.draw(large, 0, 0, at);
    write(title, `Patch ${told}`);
    write(values.position, `row ${at.row}, column ${at.column}`);
    write(values.index, `${at.row} × ${columns} + ${at.column} = ${told}`);
    write(values.rows, `${at.top}–${at.bottom - 1}`);
    write(values.columns, `${at.left}–${at.right - 1}`);
    write(values.place, `place ${order.indexOf(told)}`);
    const shown = numbers && flatten(numbers);
    write(values.numbers, shown ? `${shown.slice(0, 4).join(" ")} … ${shown.at(-1)}` : "…");
  };
  return { node, build() {}, update };
}

const CLAIMS = {
  ordered: "Row by row, the sequence is the picture again. Shuffle it: what does a model notice?",
  shuffled: "Another order, the same set of patches. A model without position embeddings cannot tell " +
    "this sequence from the picture: attention compares each patch with all others, wherever they stand.",
};

/**
 * The sequence laid out as a picture, and what a model makes of it.
 * @param {Model<Traits>} model @param {Pixels} pixels
 */
function makeClaim(model, pixels) {
  const [height, width] = [model.get("height"), model.get("width")];
  const canvas = element("canvas", { width, height, role: "img" });
  const text = element("p", { class: "patches-claim" });
  const ghosts = Object.values(CLAIMS).map((claim) => element("p", { "aria-hidden": "true" }, claim));
  const stack = element("div", { class: "patches-stack" }, ...ghosts, text);
  const node = element("div", { class: "patches-again" }, canvas, stack);
  const build = (/** @type {State} */ { order, columns, size, ordered }) => {
    order.forEach((patch, place) => {
      const { left, top } = placeOf(place, columns, size);
      pixels.draw(canvas, left, top, placeOf(patch, columns, size));
    });
    canvas.setAttribute("aria-label", ordered
      ? "The sequence laid out row by row is the picture."
      : "The sequence laid out row by row is a jumble of the picture's patches.");
    write(text, CLAIMS[ordered ? "ordered" : "shuffled"]);
  };
  return { node, build, update() {} };
}

/**
 * What draws on a canvas.
 * @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2DSettings} [settings]
 */
const pen = (canvas, settings) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", settings));

/**
 * The picture's pixels, once they are decoded. `ready` is called then.
 * @param {Model<Traits>} model @param {() => void} ready
 */
function makePixels(model, ready) {
  const image = new Image();
  const canvas = element("canvas", { width: model.get("width"), height: model.get("height") });
  const context = pen(canvas, { willReadFrequently: true });
  let decoded = false;
  image.onload = () => {
    context.drawImage(image, 0, 0);
    decoded = true;
    ready();
  };
  image.src = model.get("image");
  /**
   * Copies a patch to a place of another canvas, and returns its red, green, blue, alpha …
   * @type {(target: HTMLCanvasElement, x: number, y: number, from: Place) => ArrayLike<number> | null}
   */
  const draw = (target, x, y, { left, top, right, bottom }) => {
    if (!decoded) return null;
    const patch = context.getImageData(left, top, right - left, bottom - top);
    pen(target).putImageData(patch, x, y);
    return patch.data;
  };
  return { draw, forget: () => (image.onload = null) };
}

// ---- The widget

/**
 * JupyterLab would take arrow keys and letters for its own commands.
 * @type {(root: Element, takers: string) => void}
 */
function keepKeys(root, takers) {
  for (const node of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(takers)))
    node.dataset.lmSuppressShortcuts = "true";
}

/** @type {("patch_size" | "order")[]} */
const BUILT_FROM = ["patch_size", "order"];

/** @type {(view: View<Traits>) => () => void} */
function render({ model, el }) {
  const inside = new AbortController();
  const naming = { role: "group", "aria-label": "Patches of a picture" };
  const root = element("div", { class: "patch-explorer", ...naming });
  const live = element("div", { class: "patches-hidden", "aria-live": "polite" });
  const smooth = Math.max(model.get("width"), model.get("height")) >= SMOOTH_FROM;
  root.classList.toggle("patches-smooth", smooth);
  let announcing = 0; // a timer
  /** @type {number | undefined} */
  let pointed; // the patch under the mouse, told instead of the selected one

  const change = (/** @type {Partial<Traits>} */ values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
  };
  const tell = () => {
    const state = read(model);
    for (const part of parts) part.update(state, pointed ?? state.selected);
  };
  /** @type {Point} */
  const point = (patch) => {
    if (patch === pointed) return;
    pointed = patch;
    tell();
  };
  const select = (/** @type {number} */ patch) => {
    point(); // a key or a tap counts more than a mouse that rests elsewhere
    change({ selected: patch });
  };
  const announce = () => {
    const { selected, columns, size, order, ordered, count } = read(model);
    const at = placeOf(selected, columns, size);
    const ranges = `pixel rows ${at.top} to ${at.bottom - 1}, columns ${at.left} to ${at.right - 1}`;
    const place = `place ${order.indexOf(selected)} of the ${ordered ? "" : "shuffled "}sequence of ${count}`;
    write(live, `Patch ${selected}, row ${at.row}, column ${at.column}, ${ranges}, ${place}.`);
  };
  const follow = () => {
    tell();
    clearTimeout(announcing);
    announcing = setTimeout(announce, 300); // once, when keys have come to rest
  };
  const build = () => {
    pointed = undefined;
    const focused = document.activeElement?.closest(".patches-list, .patches-grid") ?? null;
    const state = read(model);
    for (const part of parts) part.build?.(state);
    keepKeys(root, "select, button, [data-patch]");
    tell();
    if (!focused || !root.contains(focused)) return;
    /** @type {HTMLElement | null} */ (focused.querySelector('[tabindex="0"]'))?.focus();
  };
  const rebuild = () => {
    build();
    follow();
  };

  const pixels = makePixels(model, () => build());
  const controls = makeControls(model, change, inside.signal);
  const picture = makePicture(model, select, point, inside.signal);
  const sequence = makeSequence(pixels, select, point, inside.signal);
  const [panel, claim] = [makePanel(pixels), makeClaim(model, pixels)];
  /** @type {{ build?: (state: State) => void, update: (state: State, told: number) => void }[]} */
  const parts = [controls, picture, sequence, panel, claim];
  const left = element("div", { class: "patches-left" }, picture.node, panel.node);
  const right = element("div", { class: "patches-right" }, sequence.node, claim.node);
  root.append(controls.node, element("div", { class: "patches-body" }, left, right), live);
  build();
  model.on("change:selected", follow);
  for (const name of BUILT_FROM) model.on(`change:${name}`, rebuild);
  el.append(root);
  return () => {
    inside.abort();
    pixels.forget();
    clearTimeout(announcing);
    model.off("change:selected", follow);
    for (const name of BUILT_FROM) model.off(`change:${name}`, rebuild);
    root.remove();
  };
}

export default { render };
