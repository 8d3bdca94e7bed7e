// A picture and a question in, an answer out, token after token: what clipbook.language's PaliGemma and its
// Decoder do, line by line the same. Built in: book/language/decoder, writing and paligemma.

import { END, START } from "../../clipbook/widgets/tokenizer.js";
import { makeAnswerTokenizer, readBoxes } from "./answer_tokenizer.js";
import { Clip } from "./engine.js";

/**
 * @typedef {{ token: string, candidates: { token: string, chance: number }[] }} Step what was written, and the most probable
 *   tokens before it was, with their probabilities
 * @typedef {{ keys: number, values: number }} Kept of a block: where its keys and its values begin
 * @typedef {{ answer: string, steps: Step[], boxes: import("./answer_tokenizer.js").Box[] }} Answer
 */

const [MOST_TOKENS, CANDIDATES, PLAIN_EPS] = [24, 5, 1e-5]; // clipbook.language's

/** A CLIP without a text tower, whose picture's tokens a decoder reads before the words. */
export class Answerer extends Clip {
  /** @param {ArrayBuffer} file @param {import("./engine.js").Words} words @param {WebAssembly.Module} [module] */
  constructor(file, words, module) {
    super(file, words, module);
    this.words = makeAnswerTokenizer(this.tokenizer, this.config.decoder.vocab_size - this.tokenizer.size);
  }

  /** The most probable answer. @param {Uint8Array | Uint8ClampedArray} pixels of one picture @param {string} question @returns {Answer} */
  answer(pixels, question) {
    if (!/\P{White_Space}/u.test(question)) throw new RangeError("an empty question asks nothing");
    const { depth, width, kv_heads, head_dim } = this.config.decoder;
    this.top = this.end;
    const prompt = [START, ...this.words.encode(question), ...this.words.encode("\n")];
    let rows = this.patches + prompt.length;
    const [x, most] = [this.take(rows * width), (rows + MOST_TOKENS) * kv_heads * head_dim];
    const cache = Array.from({ length: depth }, () => ({ keys: this.take(most), values: this.take(most) }));
    this.readPicture(x, pixels);
    prompt.forEach((id, k) => this.embed(x + (this.patches + k) * width, id));

    /** @type {Step[]} */
    const steps = [];
    const written = [];
    let [before, id] = [0, START];
    while (id !== END && written.length < MOST_TOKENS) {
      const chances = softmax(this.read(x, rows, before, cache));
      const order = Array.from(chances, (_, k) => k).sort((a, b) => chances[b] - chances[a]);
      id = order[0];
      written.push(id);
      steps.push({ token: this.words.nameOf(id), candidates: order.slice(0, CANDIDATES).map((k) => ({ token: this.words.nameOf(k), chance: chances[k] })) });
      before += rows; // these are in the cache now, and only the new token is read
      rows = 1;
      this.embed(x, id);
    }
    const answer = this.words.decode(written).trim();
    return { answer, steps, boxes: readBoxes(answer, this.words.bins) };
  }

  /**
   * Logits of what comes after the last of the tokens x, which stand behind those in the cache. Each sees all:
   * picture and question each other, a token that is written what is before it. So there is no mask.
   * @type {(x: number, rows: number, before: number, cache: Kept[]) => Float64Array}
   */
  read(x, rows, before, cache) {
    const { floats, top, config: { decoder } } = this;
    const { width, heads, kv_heads, head_dim, mlp_width, norm_eps } = decoder;
    const [all, shared] = [heads * head_dim, kv_heads * head_dim];
    const [inner, query, gate, up] = [width, all, mlp_width, mlp_width].map((size) => this.take(rows * size));
    for (const [k, { keys, values }] of cache.entries()) {
      const block = `decoder.blocks.${k}`;
      const new_keys = keys + before * shared;
      this.rmsNorm(inner, x, `${block}.attention_norm`, rows, width, norm_eps);
      this.linear(query, inner, `${block}.attention.query`, rows, width, all);
      this.linear(new_keys, inner, `${block}.attention.key`, rows, width, shared);
      this.linear(values + before * shared, inner, `${block}.attention.value`, rows, width, shared);
      this.turn(query, rows, heads, before);
      this.turn(new_keys, rows, kv_heads, before);
      this.gather(query, rows, keys, values, before + rows);
      this.linear(x, query, `${block}.attention.output`, rows, all, width, 1);
      this.rmsNorm(inner, x, `${block}.mlp_norm`, rows, width, norm_eps);
      this.linear(gate, inner, `${block}.mlp.gate`, rows, width, mlp_width);
      this.linear(up, inner, `${block}.mlp.up`, rows, width, mlp_width);
      for (let i = 0; i < rows * mlp_width; i += 1) floats[gate + i] = geluByTanh(floats[gate + i]) * floats[up + i];
      this.linear(x, gate, `${block}.mlp.down`, rows, mlp_width, width, 1);
    }
    this.rmsNorm(inner, x + (rows - 1) * width, "decoder.norm", 1, width, norm_eps);
    this.top = top;
    const table = this.at("decoder.token_embedding.weight"); // used a second time
    return Float64Array.from({ length: decoder.vocab_size }, (_, id) => this.dot(inner, table + id * width, width));
  }

  /** Rows of queries become what they gather; several heads of them share one of keys and values. @type {(query: number, rows: number, keys: number, values: number, tokens: number) => void} */
  gather(query, rows, keys, values, tokens) {
    const { floats } = this;
    const { heads, kv_heads, head_dim: size } = this.config.decoder;
    for (let k = 0; k < rows * heads; k += 1) {
      const [at, first] = [query + k * size, Math.floor(((k % heads) * kv_heads) / heads) * size];
      const place = (/** @type {number} */ token) => token * kv_heads * size + first;
      const shares = softmax(Float64Array.from({ length: tokens }, (_, s) =>
        this.dot(at, keys + place(s), size) / Math.sqrt(size)));
      floats.fill(0, at, at + size);
      for (let s = 0; s < tokens; s += 1)
        for (let i = 0; i < size; i += 1) floats[at + i] += shares[s] * floats[values + place(s) + i];
    }
  }

  /** Rotary positions: number i of a head's first half and i of its second are a point, which is turned. @type {(x: number, rows: number, heads: number, before: number) => void} */
  turn(x, rows, heads, before) {
    const { floats, config: { decoder: { head_dim: size, rope_base } } } = this;
    for (let k = 0; k < rows * heads; k += 1)
      for (let i = 0; i < size / 2; i += 1) {
        const angle = (before + Math.floor(k / heads)) * rope_base ** ((-2 * i) / size);
        const [first, second] = [x + k * size + i, x + k * size + size / 2 + i];
        const [a, b, cos, sin] = [floats[first], floats[second], Math.cos(angle), Math.sin(angle)];
        floats[first] = a * cos - b * sin;
        floats[second] = b * cos + a * sin;
      }
  }

  /** Divides by the root of the mean square, and multiplies by 1 + weight. @type {(y: number, x: number, name: string, rows: number, width: number, eps: number) => void} */
  rmsNorm(y, x, name, rows, width, eps) {
    const gain = this.at(`${name}.weight`);
    for (let row = 0; row < rows * width; row += width) {
      const scale = 1 / Math.sqrt(this.dot(x + row, x + row, width) / width + eps);
      for (let i = 0; i < width; i += 1) this.floats[y + row + i] = this.floats[x + row + i] * scale * (1 + this.floats[gain + i]);
    }
  }

  /** The picture's tokens, normed without weights and projected, to x. @type {(x: number, pixels: Uint8Array | Uint8ClampedArray) => void} */
  readPicture(x, pixels) {
    const { floats, patches, image: { width } } = this;
    const tokens = this.imageTokens(pixels, 1);
    for (let row = tokens; row < tokens + patches * width; row += width) {
      const token = floats.subarray(row, row + width);
      const mean = token.reduce((sum, value) => sum + value / width, 0);
      const variance = token.reduce((sum, value) => sum + (value - mean) ** 2 / width, 0);
      token.forEach((value, i) => { token[i] = (value - mean) / Math.sqrt(variance + PLAIN_EPS); });
    }
    this.linear(x, tokens, "projection", patches, width, this.config.decoder.width);
  }

  /** A row of the table, times √width. @type {(x: number, id: number) => void} */
  embed(x, id) {
    const { width } = this.config.decoder;
    const row = this.at("decoder.token_embedding.weight") + id * width;
    for (let i = 0; i < width; i += 1) this.floats[x + i] = this.floats[row + i] * Math.sqrt(width);
  }

  /** @type {(a: number, b: number, count: number) => number} */
  dot(a, b, count) {
    let sum = 0;
    for (let i = 0; i < count; i += 1) sum += this.floats[a + i] * this.floats[b + i];
    return sum;
  }
}

/** Numbers above 0 whose sum is 1. @param {Float64Array} scores */
function softmax(scores) {
  const top = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  const powers = scores.map((score) => Math.exp(score - top));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** As Gemma's weights have it. @param {number} x */
const geluByTanh = (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
