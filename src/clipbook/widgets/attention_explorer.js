// Where attention looks, as a figure that answers: state is in attention_explorer.py.

import {
  decode, element, freshId, light, makeNodesChoosable, makeStage, makeWidget, number, picture, signFor, upTo, write,
} from "./kit.js";

/**
 * @typedef {number | "mean"} Choice of a layer or a head
 * @typedef {{ data: DataView, shape: number[], tokens: string[], image: string, grid: number[],
 *   causal: boolean, layer: Choice, head: Choice, query: number }} Traits
 * @typedef {ReturnType<typeof read>} State
 * @typedef {{ node: HTMLElement, update: (state: State) => void }} Part
 * @typedef {{ whole: string, brief: string }} Name
 */

// ---- Arithmetic

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

const NAMED = 3; // keys named in the sentence
const EQUAL = 5e-4; // what nobody can see
/**
 * A token as something that can be seen: a space as ␣, a control character as its number.
 * @param {string} token
 */
const visible = (token) => token.replace(/[ \p{Cc}\p{Noncharacter_Code_Point}]/gu, signFor) || "∅";

/**
 * Names of all queries and keys: tokens in quotation marks, patches as {whole, brief}.
 * @param {Model<Traits>} model
 */
function namesOf(model) {
  const [rows, columns] = model.get("grid");
  const plain = (/** @type {string} */ name) => ({ whole: name, brief: name });
  if (!rows) return model.get("tokens").map((token) => plain(`“${visible(token)}”`));
  const patches = upTo(rows * columns).map((patch) => {
    const brief = `row ${Math.floor(patch / columns) + 1}, column ${(patch % columns) + 1}`;
    return { whole: `patch ${patch} (${brief})`, brief };
  });
  return model.get("shape")[3] > patches.length ? [plain("the class token"), ...patches] : patches;
}

/**
 * What a query looks at most, as in Python's `_finding`.
 * @type {(state: Omit<State, "top">, names: Name[]) => string}
 */
function finding({ query, row, allowed }, names) {
  const weights = row.slice(0, allowed);
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / allowed;
  const name = names[query].whole.replace(/^./, (letter) => letter.toUpperCase());
  if (allowed === 1) return `${name} may look only at itself.`;
  if (Math.max(...weights) - Math.min(...weights) < EQUAL)
    return `${name} looks at all ${allowed} keys alike (${number(mean, 2)}).`;
  const [first, ...others] = ranked(weights).slice(0, NAMED).map((key) =>
    `${key === query ? "itself" : names[key].brief} (${number(weights[key], 2)})`);
  return `${name} looks most at ${first}, then ${others.join(" and ")}; even shares would be ${number(1 / allowed, 2)}.`;
}

// ---- Parts

const MOST_PRINTED = 8; // columns of patches; more numbers would be too small to read

/**
 * A row of buttons of which one is pressed: a layer or a head, or the mean.
 * @param {"layer" | "head"} name @param {number} size @param {Tools<Traits, number>} tools
 */
function makeChoice(name, size, { model, change, signal }) {
  const group = freshId(name);
  const inputs = [...upTo(size), "mean"].map((value) => element("input", { type: "radio", name: group, value }));
  const labels = inputs.map((input) => element("label", {}, input, element("span", {}, input.value)));
  const node = element("fieldset", {}, element("legend", {}, name[0].toUpperCase() + name.slice(1)),
    element("div", { class: "kit-segments" }, ...labels));
  node.addEventListener("change", ({ target }) => {
    const { value } = /** @type {HTMLInputElement} */ (target);
    change({ [name]: value === "mean" ? "mean" : Number(value) });
  }, { signal });
  const update = () => {
    for (const input of inputs) input.checked = input.value === String(model.get(name));
  };
  return { node, update };
}

const hint = (/** @type {(Node | string)[]} */ ...content) => element("p", { class: "kit-quiet" }, ...content);

/**
 * Tokens, each with a bar as long as its weight; those that may not be looked at are hatched.
 * @type {(tools: Tools<Traits, number>) => Part}
 */
function makeTokens(tools) {
  const { model } = tools;
  const tokens = model.get("tokens").map(visible);
  const parts = tokens.map((token, query) => {
    const bar = element("span", { class: "attention-bar" });
    const value = element("span", { class: "attention-number" });
    const node = element("div", { role: "option", "data-choice": query },
      element("bdi", { class: "attention-token" }, token),
      element("span", { class: "attention-track" }, bar), value);
    return { node, bar, value };
  });
  const list = element("div", {
    class: "attention-tokens", role: "listbox", "aria-label": "Query", "aria-orientation": "horizontal",
  }, ...parts.map(({ node }) => node));
  makeNodesChoosable(list, tools);
  const pointing = hint("Choose a token: it is the query. Bars and numbers show how much it looks at each.");
  const masking = hint(element("span", { class: "attention-swatch kit-hatched", "aria-hidden": "true" }),
    " Hatched, ✕: comes later and may not be looked at.");
  const update = (/** @type {State} */ { query, row, allowed, top }) => {
    light(list, query, model.get("query"));
    parts.forEach(({ node, bar, value }, key) => {
      const masked = key >= allowed;
      node.classList.toggle("kit-hatched", masked);
      node.style.setProperty("--share", String(masked ? 0 : row[key] / top));
      bar.style.width = `${masked ? 0 : (100 * row[key]) / top}%`;
      write(value, masked ? "✕" : number(row[key], 2));
      // what is seen is the name, "above 0.42", save where a mark stands for words
      if (masked) node.setAttribute("aria-label", `${tokens[key]}, may not be looked at`);
      else node.removeAttribute("aria-label");
    });
  };
  return { node: element("div", {}, pointing, ...(model.get("causal") ? [masking] : []), list), update };
}

/**
 * The picture to choose a query from, and beside it, grey, where that query looks.
 * @type {(tools: Tools<Traits, number>) => Part}
 */
function makePictures(tools) {
  const { model } = tools;
  const [rows, columns] = model.get("grid");
  const names = namesOf(model);
  const classes = names.length - rows * columns;
  /** @type {(cells: HTMLElement[], row: Record<string, string>, attributes: Record<string, string>) => HTMLElement} */
  const lattice = (cells, row, attributes) =>
    element("div", { class: "attention-picture", ...attributes },
      ...cells.slice(0, classes).map((cell) => element("div", row, cell)),
      makeStage(picture(model.get("image"), ""), cells.slice(classes), columns, { role: "presentation" }, row));
  const queries = names.map((name, query) => {
    const label = query < classes ? ["class token"] : [];
    return element("div", { role: "gridcell", "data-choice": query, "aria-label": name.whole }, ...label);
  });
  const values = names.map(() => element("span", { class: "attention-number" }));
  const keys = values.map((value) => element("div", { class: "attention-key" }, value));
  if (classes) keys[0].prepend(element("span", {}, "class token "));
  const from = lattice(queries, { role: "row" }, { role: "grid", "aria-label": "Query" });
  const to = lattice(keys, {}, { role: "img" });
  to.classList.add("attention-grey");
  makeNodesChoosable(from, tools);

  const update = (/** @type {State} */ { query, row, top }) => {
    light(from, query, model.get("query"));
    const best = ranked(row).slice(0, NAMED);
    keys.forEach((node, key) => {
      node.style.setProperty("--share", String(row[key] / top));
      node.classList.toggle("attention-own", key === query);
      const printed = columns <= MOST_PRINTED || key < classes || best.includes(key);
      write(values[key], printed ? number(row[key], 2).replace(/^0(?=\.)/, "") : "");
    });
    to.setAttribute("aria-label", finding({ query, row, allowed: row.length }, names));
  };
  const node = element("div", { class: "attention-pictures" },
    element("div", {}, hint("Query: choose a patch"), from),
    element("div", {}, hint("Where it looks"), to));
  return { node, update };
}

/** The colours from no weight to the largest. */
function makeLegend() {
  const most = element("span");
  const node = element("div", { class: "attention-legend", "aria-hidden": "true" },
    element("span", {}, "0"), element("span", { class: "attention-scale" }), most);
  const update = (/** @type {State} */ { top }) => write(most, `${number(top, 2)}, the largest weight`);
  return { node, update };
}

// ---- The widget

/** @param {Tools<Traits, number>} tools */
function build(tools) {
  const { model } = tools;
  const weights = decode(model.get("data"), false);
  const names = namesOf(model);
  const [layers, heads] = model.get("shape");
  const choices = [makeChoice("layer", layers, tools), makeChoice("head", heads, tools)];
  const keys = model.get("grid").length ? makePictures(tools) : makeTokens(tools);
  const legend = makeLegend();
  const sentence = element("p", { class: "attention-finding" });
  const update = (/** @type {State} */ state) => write(sentence, finding(state, names));
  const chosen = (/** @type {"layer" | "head"} */ name) =>
    model.get(name) === "mean" ? `mean of all ${name}s` : `${name} ${model.get(name)}`;
  const controls = element("div", { class: "kit-controls" }, ...choices.map(({ node }) => node));
  return {
    nodes: [controls, keys.node, legend.node, sentence],
    parts: [...choices, keys, legend, { update }],
    read: (/** @type {number} */ query) => read(model, weights, query),
    announce: (/** @type {State} */ state) => `${chosen("layer")}, ${chosen("head")}: ${finding(state, names)}`,
  };
}

export default makeWidget("attention-explorer", "Attention weights", build, { choice: "query", rebuilt: ["data"] });
