// The layers of clipbook.transformer and clipbook.image in JavaScript. All numbers lie in one array of floats,
// weights first; a name such as `x` is the place where something begins there.

import { plainKernels, simdKernels } from "./kernels.js";
import { roundUp } from "./weights.js";

/** @typedef {{ width: number, depth: number, heads: number, mlp_width: number }} Sizes of a stack of blocks */
/** @typedef {{ shape: number[], values: Float32Array }} Note of what a pass has computed */

const EPS = 1e-5; // what a norm adds to the variance
const SCRATCH = 2_500_000; // floats, for what a pass computes on its way

export class Layers {
  /** @param {Map<string, Float32Array>} weights by name @param {WebAssembly.Module} [module] the kernels */
  constructor(weights, module) {
    /** @type {Map<string, number>} */
    this.places = new Map();
    let end = 4; // 0 says that there is no bias
    for (const [name, values] of weights) {
      this.places.set(name, end);
      end += roundUp(values.length);
    }
    this.end = this.top = end; // of the weights, and of what is computed
    const bytes = 4 * (end + SCRATCH);
    const memory = module && new WebAssembly.Memory({ initial: Math.ceil(bytes / 65_536) });
    this.floats = new Float32Array(memory?.buffer ?? new ArrayBuffer(bytes));
    this.kernels = memory && module ? simdKernels(memory, module) : plainKernels(this.floats);
    for (const [name, values] of weights) this.floats.set(values, this.places.get(name));
    /** @type {Map<string, Note> | undefined} */
    this.notes = undefined; // while nobody follows a pass; under the names of the package's `intermediates`
  }

  /**
   * Transformer blocks over tokens x, of sequences that begin at the rows `starts`; the last is their end.
   * @type {(x: number, tower: string, sizes: Sizes, starts: number[], causal: boolean) => void}
   */
  blocks(x, tower, { width, depth, heads, mlp_width }, starts, causal) {
    const rows = starts[starts.length - 1];
    const [inner, wide] = [this.take(rows * width), this.take(rows * Math.max(3 * width, mlp_width))];
    for (let layer = 0; layer < depth; layer += 1) {
      const block = `${tower}.blocks.${layer}`;
      const shares = this.notes && new Float32Array(heads * rows * rows);
      this.norm(inner, x, `${block}.attention_norm`, rows, width);
      this.linear(wide, inner, `${block}.attention.query_key_value`, rows, width, 3 * width);
      for (let k = 0; k + 1 < starts.length; k += 1)
        this.attend(inner + starts[k] * width, wide + starts[k] * 3 * width, starts[k + 1] - starts[k], width, heads, causal, shares);
      if (shares) this.notes?.set(`block ${layer + 1} attention`, { shape: [heads, rows, rows], values: shares });
      this.linear(x, inner, `${block}.attention.output`, rows, width, width, 1);
      this.norm(inner, x, `${block}.mlp_norm`, rows, width);
      this.linear(wide, inner, `${block}.mlp.0`, rows, width, mlp_width);
      this.kernels.gelu(wide, rows * mlp_width);
      this.linear(x, wide, `${block}.mlp.2`, rows, mlp_width, width, 1);
      this.note(`block ${layer + 1}`, x, rows, width);
    }
  }

  /**
   * What the tokens of one sequence gather, head by head, from all, or from those up to themselves. Where
   * `shares` is given, it takes the attention weights, (heads, tokens, tokens).
   * @type {(y: number, qkv: number, tokens: number, width: number, heads: number, causal: boolean, shares?: Float32Array) => void}
   */
  attend(y, qkv, tokens, width, heads, causal, shares) {
    const { floats } = this;
    const [size, row, weights] = [width / heads, 3 * width, new Float64Array(tokens)];
    for (let head = 0; head < heads; head += 1) {
      for (let t = 0; t < tokens; t += 1) {
        const query = qkv + t * row + head * size;
        const out = y + t * width + head * size;
        const seen = causal ? t + 1 : tokens;
        let top = -Infinity;
        let sum = 0;
        for (let s = 0; s < seen; s += 1) {
          const key = qkv + s * row + width + head * size;
          let score = 0;
          for (let i = 0; i < size; i += 1) score += floats[query + i] * floats[key + i];
          weights[s] = score / Math.sqrt(size);
          top = Math.max(top, weights[s]);
        }
        for (let s = 0; s < seen; s += 1) sum += weights[s] = Math.exp(weights[s] - top);
        floats.fill(0, out, out + size);
        for (let s = 0; s < seen; s += 1) {
          const share = weights[s] / sum;
          if (shares) shares[(head * tokens + t) * tokens + s] = share;
          const value = qkv + s * row + 2 * width + head * size;
          for (let i = 0; i < size; i += 1) floats[out + i] += share * floats[value + i];
        }
      }
    }
  }

  /**
   * A 3 × 3 convolution over maps with channels last, by im2col, and ReLU; `add` adds it to what is at y.
   * @type {(y: number, x: number, name: string, count: number, size: number, width: number, wider: number,
   *   step: number, add: number) => void}
   */
  convolve(y, x, name, count, size, width, wider, step, add) {
    const { floats } = this;
    const [out, inner, before] = [Math.ceil(size / step), roundUp(9 * width), this.top];
    const columns = this.take(count * out * out * inner); // a row for each pixel: its neighbourhood
    floats.fill(0, columns, this.top);
    for (let pixel = 0; pixel < count * out * out; pixel += 1) {
      const [map, row, column] = [Math.floor(pixel / (out * out)), Math.floor(pixel / out) % out, pixel % out];
      for (let k = 0; k < 9; k += 1) {
        const r = row * step + Math.floor(k / 3) - 1;
        const c = column * step + (k % 3) - 1;
        if (r < 0 || r >= size || c < 0 || c >= size) continue; // the padding is 0
        const from = x + ((map * size + r) * size + c) * width;
        floats.copyWithin(columns + pixel * inner + k * width, from, from + width);
      }
    }
    this.linear(y, columns, name, count * out * out, inner, wider, add);
    for (let k = y; k < y + count * out * out * wider; k += 1) if (floats[k] < 0) floats[k] = 0;
    this.top = before;
  }

  /** @type {(y: number, x: number, name: string, rows: number, inner: number, columns: number, add?: number) => void} */
  linear(y, x, name, rows, inner, columns, add = 0) {
    this.kernels.matmul(y, x, this.at(`${name}.weight`), this.places.get(`${name}.bias`) ?? 0, rows, inner, columns, add);
  }

  /** A layer norm. @type {(y: number, x: number, name: string, rows: number, width: number) => void} */
  norm(y, x, name, rows, width) {
    const { floats } = this;
    const [gain, shift] = [this.at(`${name}.weight`), this.at(`${name}.bias`)];
    for (let row = 0; row < rows * width; row += width) {
      let mean = 0;
      let variance = 0;
      for (let i = 0; i < width; i += 1) mean += floats[x + row + i] / width;
      for (let i = 0; i < width; i += 1) variance += (floats[x + row + i] - mean) ** 2 / width;
      const scale = 1 / Math.sqrt(variance + EPS);
      for (let i = 0; i < width; i += 1)
        floats[y + row + i] = (floats[x + row + i] - mean) * scale * floats[gain + i] + floats[shift + i];
    }
  }

  /** The mean over each picture's tokens. @type {(x: number, count: number, tokens: number, width: number) => number} */
  mean(x, count, tokens, width) {
    const y = this.take(count * width);
    for (let k = 0; k < count * width; k += 1) {
      const first = x + Math.floor(k / width) * tokens * width + (k % width);
      let sum = 0;
      for (let t = 0; t < tokens; t += 1) sum += this.floats[first + t * width];
      this.floats[y + k] = sum / tokens;
    }
    return y;
  }

  /** Keeps numbers as they are now, where somebody follows. @param {string} name @param {number} x @param {...number} shape */
  note(name, x, ...shape) {
    const size = shape.reduce((product, side) => product * side, 1);
    this.notes?.set(name, { shape, values: this.floats.slice(x, x + size) });
  }

  // ---- The memory

  /** Where a weight is. @param {string} name */
  at(name) {
    const place = this.places.get(name);
    if (place === undefined) throw new RangeError(`the model has no weight ${name}`);
    return place;
  }

  /** Room for a number of floats. @param {number} count */
  take(count) {
    const place = this.top;
    this.top += roundUp(count);
    if (this.top > this.floats.length) throw new RangeError(`${count} floats more have no room; pass fewer at a time`);
    return place;
  }
}
