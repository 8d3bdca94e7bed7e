// Where attention looks, as a figure that answers: state is in attention_explorer.py.
// One module without imports, so that it runs in JupyterLab, in Colab and in a page without kernel.

/**
 * @typedef {number | "mean"} Choice of a layer or a head
 * @typedef {{ data: DataView, shape: number[], tokens: string[], image: string, grid: number[],
 *   causal: boolean, layer: Choice, head: Choice, query: number }} Traits
 * @typedef {ReturnType<typeof read>} State
 * @typedef {{ node: HTMLElement, update: (state: State) => void }} Part
 * @typedef {{ whole: string, brief: string }} Name
 * @typedef {(values: Partial<Traits>) => void} Change
 * @typedef {(query: number) => void} Select
 * @typedef {(query?: number) => void} Point
 */

// ---- Arithmetic

/**
 * Weights from 16-bit integers, little endian, 65535 standing for 1 (Python's `quantise`).
 * @param {ArrayBuffer | ArrayBufferView} bytes
 */
export function decode(bytes) {
  const view = ArrayBuffer.isView(bytes)
    ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new DataView(bytes);
  const count = view.byteLength / 2;
  return Float64Array.from({ length: count }, (_, k) => view.getUint16(2 * k, true) / 65535);
}

const upTo = (/** @type {number} */ count) => Array.from({ length: count }, (_, k) => k);

/**
 * One query's weights over all keys, for a layer and a head, or the "mean" over all of them.
 * @type {(weights: ArrayLike<number>, shape: number[], layer: Choice, head: Choice, query: number) => number[]}
 */
export function weightsOf(weights, [layers, heads, queries, keys], layer, head, query) {
  const [chosen, across] = [
    layer === "mean" ? upTo(layers) : [layer],
    head === "mean" ? upTo(heads) : [head],
  ];
  const rows = chosen.flatMap((l) => across.map((h) => ((l * heads + h) * queries + query) * keys));
  return upTo(keys).map((key) => rows.reduce((sum, start) => sum + weights[start + key], 0) / rows.length);
}

/**
 * Keys from the largest weight to the smallest; of equal ones, the first comes first.
 * @param {number[]} weights
 */
export const ranked = (weights) => upTo(weights.length).sort((a, b) => weights[b] - weights[a] || a - b);

/**
 * Everything that is drawn, computed from the model's state, for a query.
 * @param {Model<Traits>} model @param {ArrayLike<number>} weights @param {number} query
 */
function read(model, weights, query) {
  const shape = model.get("shape");
  const row = weightsOf(weights, shape, model.get("layer"), model.get("head"), query);
  const allowed = model.get("causal") ? query + 1 : row.length; // the first ones
  return { query, row, allowed, top: Math.max(...row) };
}

// ---- What is written

const TELLING = 3; // keys named in the sentence
const EQUAL = 5e-4; // what nobody can see
const number = (/** @type {number} */ weight) => weight.toFixed(2);
const MARKS = new Map([[" ", "␣"], ["\n", "↵"], ["\t", "⇥"]]);
const codeOf = (/** @type {string} */ letter) =>
  Number(letter.codePointAt(0)).toString(16).toUpperCase().padStart(4, "0");
/**
 * A token as something that can be seen: a space as ␣, a control character as its number.
 * @param {string} token
 */
const visible = (token) =>
  token.replace(/[ \p{Cc}\p{Noncharacter_Code_Point}]/gu, (letter) => MARKS.get(letter) ?? codeOf(letter)) || "∅";

/**
 * Names of all queries and keys: tokens in quotation marks, patches as {whole, brief}.
 * @param {Model<Traits>} model
 */
function namesOf(model) {
  const [rows, columns] = model.get("grid");
  const plain = (/** @type {string} */ name) => ({ whole: name, brief: name });
  if (!rows) return model.get("tokens").map((token) => plain(`“${visible(token)}”`));
  const patches = upTo(rows * columns).map((patch) => {
    const brief = `row ${Math.floor(patch / columns)}, column ${patch % columns}`;
    return { whole: `patch ${patch} (${brief})`, brief };
  });
  return model.get("shape")[3] > patches.length ? [plain("the class token"), ...patches] : patches;
}

/**
 * What a query looks at most, as in Python's `finding`.
 * @type {(state: Omit<State, "top">, names: Name[]) => string}
 */
function finding({ query, row, allowed }, names) {
  const weights = row.slice(0, allowed);
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / allowed;
  const name = names[query].whole.replace(/^./, (letter) => letter.toUpperCase());
  if (allowed === 1) return `${name} may look only at itself.`;
  if (Math.max(...weights) - Math.min(...weights) < EQUAL)
    return `${name} looks at all ${allowed} keys alike (${number(mean)}).`;
  const told = ranked(weights).slice(0, TELLING).map((key) =>
    `${key === query ? "itself" : names[key].brief} (${number(weights[key])})`);
  const rest = told.slice(1).join(" and ");
  return `${name} looks most at ${told[0]}, then ${rest}; even shares would be ${number(1 / allowed)}.`;
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

const MOST_PRINTED = 8; // columns of patches; more numbers would be too small to read
const SMOOTH_FROM = 100; // px; smaller pictures show their pixels
let count = 0; // of views on the page, for the names of radio buttons

/**
 * The node that an arrow key leads to, by where the nodes are drawn; Left and Right keep order.
 * @param {HTMLElement[]} nodes @param {number} k @param {string} key
 */
function neighbour(nodes, k, key) {
  if (key === "ArrowLeft") return Math.max(0, k - 1);
  if (key === "ArrowRight") return Math.min(nodes.length - 1, k + 1);
  const up = key === "ArrowUp";
  const boxes = nodes.map((node) => node.getBoundingClientRect());
  const beyond = upTo(nodes.length).filter((j) =>
    up ? boxes[j].bottom <= boxes[k].top + 1 : boxes[j].top >= boxes[k].bottom - 1);
  const far = (/** @type {number} */ j) =>
    Math.abs(boxes[j].top - boxes[k].top) * 1000 + Math.abs(boxes[j].left - boxes[k].left);
  return beyond.reduce((best, j) => (best === k || far(j) < far(best) ? j : best), k);
}

/**
 * Lets mouse, thumb and keys choose among nodes, which stand in a box in the queries' order.
 * @type {(box: HTMLElement, nodes: HTMLElement[], select: Select, point: Point, signal: AbortSignal) => void}
 */
function makeChoosable(box, nodes, select, point, signal) {
  const queryOf = (/** @type {Event} */ event) => {
    const node = /** @type {Element} */ (event.target).closest("[data-query]");
    const query = nodes.indexOf(/** @type {HTMLElement} */ (node));
    return query < 0 ? undefined : query;
  };
  let resting = ""; // where the mouse was last; a repaint beneath it is no movement
  box.addEventListener("pointermove", (event) => {
    const place = `${event.screenX} ${event.screenY}`;
    if (event.pointerType !== "touch" && place !== resting) point(queryOf(event));
    resting = place;
  }, { signal });
  box.addEventListener("pointerleave", () => point(), { signal });
  box.addEventListener("click", (event) => {
    const query = queryOf(event);
    if (query !== undefined) select(query);
  }, { signal });
  box.addEventListener("keydown", (event) => {
    const query = queryOf(event);
    if (query === undefined || event.altKey) return;
    const target = event.key === "Home" ? 0 : event.key === "End" ? nodes.length - 1
      : event.key.startsWith("Arrow") ? neighbour(nodes, query, event.key) : null;
    if (target === null) return;
    event.preventDefault();
    event.stopPropagation();
    select(target);
    nodes[target].focus();
  }, { signal });
}

/**
 * One query is told; the selected one holds the place in the order of the tab key.
 * @param {HTMLElement[]} nodes @param {number} told @param {number} selected
 */
function light(nodes, told, selected) {
  nodes.forEach((node, query) => {
    node.classList.toggle("attention-told", query === told);
    node.tabIndex = query === selected ? 0 : -1;
    node.setAttribute("aria-selected", String(query === selected));
  });
}

/**
 * A row of buttons of which one is pressed: a layer or a head, or the mean.
 * @type {(model: Model<Traits>, name: "layer" | "head", size: number, change: Change, signal: AbortSignal) => Part}
 */
function makeChoice(model, name, size, change, signal) {
  const group = `attention-explorer-${++count}-${name}`;
  const inputs = [...upTo(size), "mean"].map((value) =>
    element("input", { type: "radio", name: group, value }));
  const labels = inputs.map((input) => element("label", {}, input, element("span", {}, input.value)));
  const node = element("fieldset", {}, element("legend", {}, name[0].toUpperCase() + name.slice(1)),
    element("div", { class: "attention-segments" }, ...labels));
  node.addEventListener("change", ({ target }) => {
    const { value } = /** @type {HTMLInputElement} */ (target);
    change({ [name]: value === "mean" ? "mean" : Number(value) });
  }, { signal });
  const update = () => {
    for (const input of inputs) input.checked = input.value === String(model.get(name));
  };
  return { node, update };
}

/**
 * Tokens, each with a bar as long as its weight; those that may not be looked at are hatched.
 * @type {(model: Model<Traits>, select: Select, point: Point, signal: AbortSignal) => Part}
 */
function makeTokens(model, select, point, signal) {
  const tokens = model.get("tokens");
  const parts = tokens.map((token, query) => {
    const bar = element("span", { class: "attention-bar" });
    const value = element("span", { class: "attention-number" });
    const node = element("div", { role: "option", "data-query": query },
      element("bdi", { class: "attention-token" }, visible(token)),
      element("span", { class: "attention-track" }, bar), value);
    return { node, bar, value };
  });
  const nodes = parts.map(({ node }) => node);
  const list = element("div", {
    class: "attention-tokens", role: "listbox", "aria-label": "Query", "aria-orientation": "horizontal",
  }, ...nodes);
  makeChoosable(list, nodes, select, point, signal);
  const hint = element("p", { class: "attention-hint" },
    "Point at a token: it is the query. Bars and numbers show how much it looks at each.");
  const masking = element("p", { class: "attention-hint" },
    element("span", { class: "attention-swatch", "aria-hidden": "true" }),
    " Hatched, ✕: comes later and may not be looked at.");
  const update = (/** @type {State} */ { query, row, allowed, top }) => {
    light(nodes, query, model.get("query"));
    parts.forEach(({ node, bar, value }, key) => {
      const masked = key >= allowed;
      node.classList.toggle("attention-masked", masked);
      node.style.setProperty("--share", String(masked ? 0 : row[key] / top));
      bar.style.width = `${masked ? 0 : (100 * row[key]) / top}%`;
      write(value, masked ? "✕" : number(row[key]));
      // what is seen is the name, "above 0.42", save where a mark stands for words
      if (masked) node.setAttribute("aria-label", `${visible(tokens[key])}, may not be looked at`);
      else node.removeAttribute("aria-label");
    });
  };
  const node = element("div", {}, hint, ...(model.get("causal") ? [masking] : []), list);
  return { node, update };
}

/**
 * The picture to choose a query from, and beside it, grey, where that query looks.
 * @type {(model: Model<Traits>, select: Select, point: Point, signal: AbortSignal) => Part}
 */
function makePictures(model, select, point, signal) {
  const [rows, columns] = model.get("grid");
  const names = namesOf(model);
  const classes = names.length - rows * columns;
  // "dark-light" tells the book's theme to leave a picture as it is in dark mode
  const image = () => element("img", { src: model.get("image"), alt: "", class: "dark-light" });
  /** @type {(attributes: Record<string, string>, cells: HTMLElement[]) => HTMLElement} */
  const lattice = (attributes, cells) => {
    const lines = upTo(rows).map((row) =>
      element("div", attributes.role === "grid" ? { role: "row" } : {},
        ...cells.slice(classes + row * columns, classes + (row + 1) * columns)));
    const picture = image();
    const stage = element("div", { class: "attention-stage" }, picture,
      element("div", { class: "attention-lattice", role: "presentation" }, ...lines));
    stage.style.aspectRatio = `${columns} / ${rows}`;
    const above = classes
      ? [element("div", attributes.role === "grid" ? { role: "row" } : {}, cells[0])] : [];
    const node = element("div", { class: "attention-picture", ...attributes }, ...above, stage);
    node.style.setProperty("--columns", String(columns));
    picture.addEventListener("load", () =>
      node.classList.toggle("attention-smooth", picture.naturalWidth >= SMOOTH_FROM), { signal });
    return node;
  };
  const queries = names.map((name, query) => {
    const label = query < classes ? ["class token"] : [];
    return element("div", { role: "gridcell", "data-query": query, "aria-label": name.whole }, ...label);
  });
  const values = names.map(() => element("span", { class: "attention-number" }));
  const keys = values.map((value) => element("div", { class: "attention-key" }, value));
  if (classes) keys[0].prepend(element("span", {}, "class token "));
  const from = lattice({ role: "grid", "aria-label": "Query" }, queries);
  const to = lattice({ role: "img" }, keys);
  to.classList.add("attention-grey");
  makeChoosable(from, queries, select, point, signal);

  const update = (/** @type {State} */ { query, row, top }) => {
    light(queries, query, model.get("query"));
    const best = ranked(row).slice(0, TELLING);
    keys.forEach((node, key) => {
      node.style.setProperty("--share", String(row[key] / top));
      node.classList.toggle("attention-told", key === query);
      const printed = columns <= MOST_PRINTED || key < classes || best.includes(key);
      write(values[key], printed ? number(row[key]).replace(/^0(?=\.)/, "") : "");
    });
    to.setAttribute("aria-label", finding({ query, row, allowed: row.length }, names));
  };
  /** @type {(title: string, node: HTMLElement) => HTMLElement} */
  const titled = (title, node) => element("div", {}, element("p", { class: "attention-hint" }, title), node);
  const node = element("div", { class: "attention-pictures" },
    titled("Query: point at a patch", from), titled("Where it looks", to));
  return { node, update };
}

/** The colours from no weight to the largest. */
function makeLegend() {
  const most = element("span");
  const node = element("div", { class: "attention-legend", "aria-hidden": "true" },
    element("span", {}, "0"), element("span", { class: "attention-scale" }), most);
  const update = (/** @type {State} */ { top }) => write(most, `${number(top)}, the largest weight`);
  return { node, update };
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

/** @type {("layer" | "head" | "query")[]} */
const DRAWN_FROM = ["layer", "head", "query"];

/** @type {(view: View<Traits>) => () => void} */
function render({ model, el }) {
  const inside = new AbortController();
  const { signal } = inside;
  const naming = { role: "group", "aria-label": "Attention weights" };
  const root = element("div", { class: "attention-explorer", ...naming });
  const live = element("div", { class: "attention-hidden", "aria-live": "polite" });
  const weights = decode(model.get("data"));
  const names = namesOf(model);
  const sentence = element("p", { class: "attention-finding" });
  let announcing = 0; // a timer
  /** @type {number | undefined} */
  let pointed; // the query under the mouse, told instead of the selected one

  const change = (/** @type {Partial<Traits>} */ values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
  };
  const tell = () => {
    const state = read(model, weights, pointed ?? model.get("query"));
    for (const part of parts) part.update(state);
  };
  /** @type {Point} */
  const point = (query) => {
    if (query === pointed) return;
    pointed = query;
    tell();
  };
  const select = (/** @type {number} */ query) => {
    point(); // a key or a tap counts more than a mouse that rests elsewhere
    change({ query });
  };
  const announce = () => {
    const of = (/** @type {"layer" | "head"} */ name) =>
      model.get(name) === "mean" ? `mean of all ${name}s` : `${name} ${model.get(name)}`;
    write(live, `${of("layer")}, ${of("head")}: ${finding(read(model, weights, model.get("query")), names)}`);
  };
  const follow = () => {
    tell();
    clearTimeout(announcing);
    announcing = setTimeout(announce, 300); // once, when keys have come to rest
  };

  const [layers, heads] = model.get("shape");
  const choices = [
    makeChoice(model, "layer", layers, change, signal),
    makeChoice(model, "head", heads, change, signal),
  ];
  const makeKeys = model.get("grid").length ? makePictures : makeTokens;
  const keys = makeKeys(model, select, point, signal);
  const legend = makeLegend();
  const update = (/** @type {State} */ state) => write(sentence, finding(state, names));
  const parts = [...choices, keys, legend, { update }];
  root.append(element("div", { class: "attention-controls" }, ...choices.map(({ node }) => node)),
    keys.node, legend.node, sentence, live);
  keepKeys(root, "input, [data-query]");
  tell();
  for (const name of DRAWN_FROM) model.on(`change:${name}`, follow);
  el.append(root);
  return () => {
    inside.abort();
    clearTimeout(announcing);
    for (const name of DRAWN_FROM) model.off(`change:${name}`, follow);
    root.remove();
  };
}

export default { render };
