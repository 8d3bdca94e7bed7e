// The way to one cell of the playground's matrix: what each layer of both encoders has computed, as a picture
// of its numbers, down to the product of the two embeddings. The engine tells them (`followImage`,
// `followText`); nothing here is computed again but the product's terms.

import { SCALES } from "../../clipbook/widgets/colours.js";
import { element, number, upTo, write } from "../../clipbook/widgets/kit.js";
import { onlyTheLast } from "./client.js";
import { table, tiles } from "./heat.js";
import { pictureOf } from "./pixels.js";

/**
 * @typedef {import("./layers.js").Note} Note
 * @typedef {{ name: string, link: string, shape: string, said: string, pictures: HTMLElement[] }} Stage
 * @typedef {{ live: import("./client.js").Live, texts: string[], cosines: ArrayLike<number>,
 *   levels: (row: number) => Uint8Array | Uint8ClampedArray }} Matrix as it is shown; levels of the picture in a row
 */

// ---- The stages, each with its shape in the letters of the book's notation

/** @param {string} letters @param {number[]} sizes */
const shaped = (letters, ...sizes) => `(${letters}) = (${sizes.join(", ")})`;

/**
 * The blocks of a transformer. @param {Map<string, Note>} notes @param {"t" | "n"} letter of tokens or patches
 * @param {string} thing @param {string} link @param {string} seen @param {string[]} labels of tokens or patches
 * @returns {Stage[]}
 */
function blocks(notes, letter, thing, link, seen, labels) {
  const names = [...notes.keys()].filter((name) => /^block \d+$/.test(name));
  return names.map((name) => {
    const [x, attention] = [notes.get(name), notes.get(`${name} attention`)].map((note) => /** @type {Note} */ (note));
    const [heads, rows] = attention.shape;
    return {
      name: name.replace("b", "B"),
      link,
      shape: `${shaped(`h, ${letter}, ${letter}`, ...attention.shape)}, then ${shaped(`${letter}, w`, ...x.shape)}`,
      said: `First attention, head by head: how much each ${thing} (row) takes from each (column)${seen}; a row adds up to 1. Then what each ${thing} (row) carries on.`,
      pictures: [
        tiles(attention.values, rows, 2, `Attention of ${heads} heads`, (head) => `head ${head + 1}`, SCALES.magnitude, labels),
        table(x, `${x.shape[0]} rows of ${x.shape[1]} numbers`),
      ],
    };
  });
}

/** The last two of both towers. @param {Map<string, Note>} notes @param {string} said @param {string} symbol @param {string} link @returns {Stage[]} */
function ends(notes, said, symbol, link) {
  const [features, embedding] = ["features", "embedding"].map((name) => /** @type {Note} */ (notes.get(name)));
  return [
    { name: "Features", link, shape: shaped("w", features.shape[1]), said, pictures: [table(features, `${features.shape[1]} numbers`)] },
    {
      name: `Embedding ${symbol}`,
      link: "pairs/similarity-matrix",
      shape: `(${embedding.shape[1]}), of length 1`,
      said: "Times the projection, then divided by its length: a direction is left.",
      pictures: [table(embedding, `${embedding.shape[1]} numbers`)],
    },
  ];
}

/** @param {ArrayLike<number>} levels @param {Map<string, Note>} notes @param {number} place @returns {Stage[]} */
function ofPicture(levels, notes, place) {
  const side = Math.sqrt(levels.length / 3);
  const picture = element("img", { src: pictureOf(levels, side), alt: `Picture ${place}`, class: "way-pixels dark-light" });
  const [patches, embedded] = [notes.get("patches"), notes.get("embedded")];
  /** @type {Stage[]} */
  const stages = [{
    name: "Pixels", link: "image/preprocessing", shape: shaped("C, s, s", 3, side, side), pictures: [picture],
    said: "What the model sees: of each pixel red, green and blue.",
  }];
  if (!patches || !embedded) {
    const maps = [...notes].filter(([name]) => name.startsWith("stage"));
    for (const [name, { shape: [pixels, count], values }] of maps) {
      const edge = Math.sqrt(pixels);
      const planes = Float32Array.from(values, (_, k) => values[(k % pixels) * count + Math.floor(k / pixels)]);
      stages.push({
        name: name.replace("s", "S"), link: "image/cnn", shape: shaped("C, s, s", count, edge, edge),
        said: `Two convolutions have made ${count} maps, half as high and wide; each says where it has found its pattern.`,
        pictures: [tiles(planes, edge, Math.max(1, Math.floor(128 / (edge + 1))), `${count} maps`, (map) => `map ${map + 1}`)],
      });
    }
    return [...stages, ...ends(notes, "The mean of each map, normed.", `I${sub(place)}`, "image/cnn")];
  }
  const [count, values] = patches.shape;
  const patch = Math.sqrt(values / 3);
  // the reds of all patches above their greens and blues
  const planes = upTo(3).flatMap((channel) => upTo(count).flatMap((k) =>
    [...patches.values.subarray(k * values + channel * patch ** 2, k * values + (channel + 1) * patch ** 2)]));
  stages.push({
    name: "Patches", link: "image/patching", shape: shaped("n, Cp²", ...patches.shape),
    said: `Cut into ${count} patches of ${patch} × ${patch} pixels, row by row: the reds of each, below them its greens and blues, normalised.`,
    pictures: [tiles(planes, patch, count, `${count} patches`, (tile) => `${["red", "green", "blue"][Math.floor(tile / count)]} of patch ${(tile % count) + 1}`)],
  }, {
    name: "Patch embeddings", link: "image/vit", shape: shaped("n, w", ...embedded.shape),
    said: "Each patch times the matrix E, plus its position P, normed: a row for each patch.",
    pictures: [table(embedded, `${count} rows of ${embedded.shape[1]} numbers`)],
  });
  const across = Math.sqrt(count);
  const labels = upTo(count).map((k) => `${Math.floor(k / across) + 1},${(k % across) + 1}`);
  return [...stages, ...blocks(notes, "n", "patch", "image/vit", "; a patch is named by its row and column in the picture", labels),
    ...ends(notes, "The mean over all patches, normed: what the encoder has gathered about the whole.", `I${sub(place)}`, "image/vit")];
}

/** @param {string[]} tokens @param {string} rest that is cut off @param {Map<string, Note>} notes @param {number} place @returns {Stage[]} */
function ofCaption(tokens, rest, notes, place) {
  const embedded = /** @type {Note} */ (notes.get("embedded"));
  const list = element("p", { class: "way-tokens" }, ...tokens.flatMap((token) => [element("bdi", {}, token), " "]));
  return [{
    name: "Tokens", link: "text/tokenization", shape: shaped("t", tokens.length), pictures: [list],
    said: `The caption in pieces that the tokenizer knows, between a start and an end.${rest && ` There are ${tokens.length} places: “${rest}” was cut off.`}`,
  }, {
    name: "Token embeddings", link: "text/embeddings", shape: shaped("t, w", ...embedded.shape),
    said: "Of each token its row of the table E, plus its position P.",
    pictures: [table(embedded, `${embedded.shape[0]} rows of ${embedded.shape[1]} numbers`)],
  }, ...blocks(notes, "t", "token", "text/text-encoder", ", itself or before it", tokens),
  ...ends(notes, "The end token's row, normed: only the end has seen all the others.", `T${sub(place)}`, "text/text-encoder")];
}

/** “₁₂”. @param {number} place */
const sub = (place) => [...String(place)].map((digit) => String.fromCodePoint(0x2080 + Number(digit))).join("");

/** The summands of a dot product. @type {(one: ArrayLike<number>, other: ArrayLike<number>) => number[]} */
export const terms = (one, other) => upTo(one.length).map((k) => one[k] * other[k]);

// ---- What is seen

/** @param {Stage} stage */
const drawn = ({ name, link, shape, said, pictures }) =>
  element("li", {},
    element("p", { class: "way-name" }, element("a", { href: `${link}.html` }, name), " ", element("span", {}, shape)),
    element("p", {}, said), element("div", { class: "way-pictures" }, ...pictures));

/** @param {string} title @param {Stage[]} stages */
const tower = (title, stages) =>
  element("section", {}, element("h3", {}, title), element("ol", { class: "way-stages" }, ...stages.map(drawn)));

/**
 * The product. @param {Note} image @param {Note} text @param {number} row @param {number} column
 */
function product({ values: image }, { values: text }, row, column) {
  const all = terms(image, text);
  const cosine = all.reduce((sum, term) => sum + term, 0);
  const order = upTo(all.length).sort((a, b) => all[b] - all[a]);
  const [most, least] = [order[0], order[order.length - 1]];
  const names = [`I${sub(row + 1)}`, `T${sub(column + 1)}`];
  const printed = (/** @type {number} */ k) =>
    `number ${k + 1}, ${number(image[k], 2)} × ${number(text[k], 2)} = ${number(all[k], 3)}`;
  const strip = (/** @type {ArrayLike<number>} */ values, /** @type {string} */ name) =>
    element("div", { class: "way-strip" }, element("span", {}, name), table({ shape: [1, values.length], values: Float32Array.from(values) }, name));
  return element("section", { class: "way-product" }, element("h3", {}, "Their product"),
    element("p", {}, `Number by number: ${all.length} products, which add up to `,
      element("b", { class: "way-sum" }, number(cosine, 2)), ". That is the ",
      element("a", { href: "pairs/similarity-matrix.html" }, "cosine"), ", since both have length 1."),
    strip(image, names[0]), strip(text, names[1]), strip(all, names.join(" × ")),
    element("p", {}, `Most adds ${printed(most)}; most takes ${printed(least)}. All numbers are rounded where they are ` +
      "shown, not where they are computed: by what is shown, a sum or a product may be off in its last digit."));
}

/** The part of the page that follows one cell, closed until a reader opens it. */
export function makeWay() {
  const opener = element("button", { type: "button", class: "way-opener" }, "How this number comes about");
  const summary = element("summary");
  const body = element("div");
  const node = element("details", { class: "way", hidden: "" }, summary, body);
  /** @type {Matrix | undefined} */
  let matrix;
  let [row, column] = [0, 0];
  let led = false; // a reader is to be led there, once it is filled

  const follow = onlyTheLast(async () => {
    if (!matrix || !node.open) return;
    const { live, texts, levels } = matrix;
    const [i, j, pixels] = [row, column, levels(row)];
    try {
      const [image, text] = await Promise.all([live.followImage(pixels), live.followText(texts[j])]);
      const [first, second] = [image, text].map(({ notes }) => /** @type {Note} */ (notes.get("embedding")));
      body.replaceChildren(
        element("p", {}, "All numbers were computed just now, here in the page. Each picture shows a table of them: blue is below 0, red above, white 0, as far as its ends say; attention goes from dark, 0, to light."),
        element("div", { class: "way-towers" },
          tower(`Picture ${i + 1}`, ofPicture(pixels, image.notes, i + 1)),
          tower(`Caption ${j + 1}`, ofCaption(text.tokens, text.rest, text.notes, j + 1))),
        product(first, second, i, j));
    } catch {
      body.replaceChildren(element("p", {}, "The model did not answer. Choose the cell again."));
    }
    if (led) summary.focus({ preventScroll: true });
    if (led) node.scrollIntoView({ block: "start" });
    led = false;
  });
  const update = () => {
    if (!matrix) return;
    const { texts, cosines } = matrix;
    [row, column] = [Math.min(row, cosines.length / texts.length - 1), Math.min(column, texts.length - 1)];
    const value = number(cosines[row * texts.length + column], 2);
    write(summary, `How picture ${row + 1} and caption ${column + 1} come to ${value}: layer by layer`);
    node.hidden = false;
    follow(undefined);
  };
  node.addEventListener("toggle", () => follow(undefined));
  opener.addEventListener("click", () => {
    node.open = led = true;
    follow(undefined);
  });
  return {
    node,
    opener,
    /** Another matrix is shown. @param {Matrix} next */
    update(next) {
      matrix = next;
      update();
    },
    /** Another cell is chosen. @param {number[]} cell */
    choose(cell) {
      [row, column] = cell;
      update();
    },
  };
}
