// Tables of numbers as small pictures: below 0 blue, above 0 red, as deep as the largest of them; attention
// weights from dark to light. Pointing at a pixel tells its number.

import { SCALES, colour } from "../../clipbook/widgets/colours.js";
import { element, number, upTo, write } from "../../clipbook/widgets/kit.js";

/** @typedef {import("./layers.js").Note} Note */

const ROOM = 340; // px, for a picture of numbers; narrow pages shrink it
const WIDEST = 12; // px, for a number
const LETTERS = 10; // px, of names beside the rows; small ones where the rows are low
/** @param {ArrayLike<number>} values */
const largest = (values) => Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/**
 * Numbers as pixels.
 * @param {{ values: ArrayLike<number>, width: number, height: number, name: string, scale?: number[][],
 *   at: (k: number) => number[], called: (k: number) => string }} picture where a number's column and row are, and
 *   how it is called
 */
function heat({ values, width, height, name, scale = SCALES.signed, at, called }) {
  const canvas = element("canvas", { width, height, role: "img", class: "way-heat dark-light" });
  const sheet = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const pixels = new ImageData(width, height); // clear where no number lies
  /** @type {Map<number, number>} */
  const numbers = new Map(); // by their pixels
  const most = largest(values) || 1;
  for (let k = 0; k < values.length; k += 1) {
    const share = scale === SCALES.signed ? (values[k] / most + 1) / 2 : values[k] / most;
    const [x, y] = at(k);
    numbers.set(y * width + x, k);
    pixels.data.set([...colour(scale, share), 255], 4 * (y * width + x));
  }
  sheet.putImageData(pixels, 0, 0);
  const ends = `${scale === SCALES.signed ? `−${number(most, 2)}` : "0"} to ${number(most, 2)}`;
  const caption = element("figcaption", {}, ends);
  canvas.setAttribute("aria-label", `${name}, coloured from ${ends}`);
  canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    const [x, y] = [(offsetX / canvas.clientWidth) * width, (offsetY / canvas.clientHeight) * height].map(Math.floor);
    const k = numbers.get(y * width + x);
    write(caption, k === undefined ? ends : `${called(k)}: ${number(values[k], 2)}`);
  });
  canvas.addEventListener("pointerleave", () => write(caption, ends));
  canvas.style.width = `${width * Math.max(1, Math.min(WIDEST, Math.floor(ROOM / width)))}px`;
  canvas.classList.toggle("way-line", height === 1);
  return element("figure", { class: "way-picture" }, canvas, caption);
}

/** A row for each token or patch; one row is a vector. @param {Note} note @param {string} name */
export const table = ({ shape: [rows, columns], values }, name) => heat({
  values, width: columns, height: rows, name,
  at: (k) => [k % columns, Math.floor(k / columns)],
  called: (k) => `${rows > 1 ? `row ${Math.floor(k / columns) + 1}, ` : ""}number ${(k % columns) + 1}`,
});

/**
 * Square tiles, some in a line, a pixel apart. @param {ArrayLike<number>} values @param {number} side
 * @param {number} line @param {string} name @param {(tile: number) => string} called @param {number[][]} [scale]
 * @param {string[]} [labels] of a tile's rows, which are those of its columns as well
 */
export function tiles(values, side, line, name, called, scale, labels) {
  const [count, step] = [values.length / side ** 2, side + 1];
  const columns = Math.min(line, count);
  const place = (/** @type {number} */ k) => {
    const [tile, pixel] = [Math.floor(k / side ** 2), k % side ** 2];
    return { tile, x: pixel % side, y: Math.floor(pixel / side) };
  };
  const lines = Math.ceil(count / columns);
  const figure = heat({
    values, width: columns * step - 1, height: lines * step - 1, name, scale,
    at(k) {
      const { tile, x, y } = place(k);
      return [(tile % columns) * step + x, Math.floor(tile / columns) * step + y];
    },
    called(k) {
      const { tile, x, y } = place(k);
      return `${called(tile)}, ${labels ? `from “${labels[y]}” to “${labels[x]}”` : `row ${y + 1}, column ${x + 1}`}`;
    },
  });
  if (labels) figure.prepend(labelled(/** @type {HTMLCanvasElement} */ (figure.firstChild), labels, columns, lines));
  return figure;
}

/** Tiles with the names of their rows and columns. @param {HTMLCanvasElement} canvas @param {string[]} labels @param {number} columns @param {number} lines of tiles */
function labelled(canvas, labels, columns, lines) {
  const names = (/** @type {number} */ count) =>
    upTo(count).flatMap((k) => [...(k ? [""] : []), ...labels]).map((text) => element("bdi", {}, text));
  const axis = (/** @type {string} */ side, /** @type {number} */ count) =>
    element("div", { class: `way-axis ${side}`, "aria-hidden": "true" }, ...names(count));
  const node = element("div", { class: "way-labelled" }, axis("way-above", columns), axis("way-left", lines), canvas);
  node.style.fontSize = `${Math.min(LETTERS, parseFloat(canvas.style.width) / canvas.width - 2)}px`;
  return node;
}
