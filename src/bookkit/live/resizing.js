// A picture of a reader's own as clipbook.image.preprocess takes it: the short side resized, the middle cut
// out. The weights of the bicubic filter, their rounding and the order of its two passes are Pillow's.

/** @typedef {{ width: number, height: number, pixels: Uint8ClampedArray }} Picture RGB */

const ONE = 2 ** 22; // the weights are whole numbers of which so many make 1

/** Bicubic, with a = −1/2. @param {number} distance */
function cubic(distance) {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

/**
 * For each of `to` pixels along a line: the first of `from` pixels that it is made of, and their weights.
 * Where a line gets shorter, the filter gets wider, so that no pixel is passed over.
 * @param {number} from @param {number} to
 */
function weightsFor(from, to) {
  const scale = from / to;
  const stretch = Math.max(1, scale);
  return Array.from({ length: to }, (_, k) => {
    const centre = (k + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - 2 * stretch + 0.5));
    const end = Math.min(from, Math.trunc(centre + 2 * stretch + 0.5));
    const exact = Array.from({ length: end - first }, (_, n) => cubic((n + first - centre + 0.5) * (1 / stretch)));
    const sum = exact.reduce((total, weight) => total + weight, 0);
    const whole = (/** @type {number} */ share) => Math.trunc(share * ONE + (share < 0 ? -0.5 : 0.5));
    return { first, weights: Float64Array.from(exact, (weight) => whole(weight / sum)) };
  });
}

/**
 * Lines of `from` pixels made lines of `to`; neighbours along one are `step` levels apart, and line
 * number k begins at `start(k)`; the new ones likewise.
 * @type {(levels: Uint8ClampedArray, from: number, to: number, lines: number, step: number,
 *   start: (line: number, length: number) => number) => Uint8ClampedArray}
 */
function resizeLines(levels, from, to, lines, step, start) {
  if (from === to) return levels;
  const resized = new Uint8ClampedArray((levels.length / from) * to);
  const along = weightsFor(from, to);
  for (let line = 0; line < lines; line += 1) {
    const [old, next] = [start(line, from), start(line, to)];
    for (let k = 0; k < to; k += 1) {
      const { first, weights } = along[k];
      let sum = ONE / 2;
      for (let n = 0, at = old + first * step; n < weights.length; n += 1, at += step) sum += levels[at] * weights[n];
      resized[next + k * step] = Math.floor(sum / ONE);
    }
  }
  return resized;
}

/** @type {(picture: Picture, width: number, height: number) => Picture} */
export function resize({ width, height, pixels }, newWidth, newHeight) {
  // of each channel a line for every row, then of every level of a row a line downwards
  const wide = resizeLines(pixels, width, newWidth, 3 * height, 3, (line, length) =>
    Math.floor(line / 3) * 3 * length + (line % 3));
  const high = resizeLines(wide, height, newHeight, 3 * newWidth, 3 * newWidth, (line) => line);
  return { width: newWidth, height: newHeight, pixels: high };
}

/** @type {(picture: Picture, left: number, top: number, width: number, height: number) => Picture} */
function cut(picture, left, top, width, height) {
  const pixels = new Uint8ClampedArray(3 * width * height);
  for (let row = 0; row < height; row += 1) {
    const from = 3 * ((top + row) * picture.width + left);
    pixels.set(picture.pixels.subarray(from, from + 3 * width), 3 * width * row);
  }
  return { width, height, pixels };
}

/** Of a strip that is to grow, the middle; both ends lose whole squares. @param {Picture} picture @param {number} size */
function withoutFarEnds(picture, size) {
  const { width, height } = picture;
  const short = Math.min(width, height);
  if (short >= size) return picture;
  const [left, top] = [width, height].map((side) => (Math.max(0, Math.floor(side / short) - 100) >> 1) * short);
  return cut(picture, left, top, width - 2 * left, height - 2 * top);
}

/** The square of size × size pixels that the model sees. @type {(picture: Picture, size: number) => Uint8ClampedArray} */
export function fit(picture, size) {
  const whole = withoutFarEnds(picture, size);
  const short = Math.min(whole.width, whole.height);
  const scaled = (/** @type {number} */ side) => Math.trunc((size * side) / short);
  const resized = resize(whole, scaled(whole.width), scaled(whole.height));
  const [left, top] = [(resized.width - size) >> 1, (resized.height - size) >> 1];
  return cut(resized, left, top, size, size).pixels;
}

/** RGB of what a canvas gives. @param {Uint8ClampedArray} levels RGBA, all opaque */
export const withoutAlpha = (levels) => levels.filter((_, k) => k % 4 < 3);
