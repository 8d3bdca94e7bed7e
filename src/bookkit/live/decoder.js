// A picture and a question in, an answer out, token after token: what clipbook.language's PaliGemma and its
// Decoder do, line by line the same. Built in: book/language/decoder, writing and paligemma.

import { END, START } from "../../clipbook/widgets/tokenizer.js";
import { makeAnswerTokenizer, readBoxes } from "./answer_tokenizer.js";
import { Clip } from "./engine.js";

/**
 * @typedef {{ token: string, candidates: { token: string, chance: number }[], looks: Float64Array }} Step what was
 *   written; the most probable tokens before it was, with their probabilities; and how much the model looked at each
 *   patch of the picture for it, the mean over blocks and heads
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

  /** The most probable answer. @param {Uint8Array | Uint8ClampedArray | undefined} pixels of one picture, or of none @param {string} question @returns {Answer} */
  answer(pixels, question) {
    if (!/\P{White_Space}/u.test(question)) throw new RangeError("an empty question asks nothing");
    const { depth, width, kv_heads, head_dim } = this.config.decoder;
    this.top = this.end;
    const prompt = [START, ...this.words.encode(question), ...this.words.encode("\n")];
    const patches = pixels ? this.patches : 0;
    let rows = patches + prompt.length;
    const [x, most] = [this.take(rows * width), (rows + MOST_TOKENS) * kv_heads * head_dim];
    const cache = Array.from({ length: depth }, () => ({ keys: this.take(most), values: this.take(most) }));
    if (pixels) this.readPicture(x, pixels);
    prompt.forEach((id, k) => this.embed(x + (patches + k) * width, id));

    /** @type {Step[]} */
    const steps = [];
    const written = [];
    let [before, id] = [0, START];
    while (id !== END && written.length < MOST_TOKENS) {
      const looks = new Float64Array(patches);
      const chances = softmax(this.read(x, rows, before, cache, looks));
      const candidates = largest(chances, CANDIDATES).map((k) => ({ id: k, token: this.words.nameOf(k), chance: chances[k] }));
      ({ id } = candidates[0]);
      written.push(id);
      steps.push({ token: this.words.nameOf(id), candidates, looks });
      before += rows; // these are in the cache now, and only the new token is read
      rows = 1;
      this.embed(x, id);
    }
    const answer = this.words.decode(written).trim();
    return { answer, steps, boxes: readBoxes(answer, this.words.bins) };
  }

  /**
   * Logits of what comes after the last of the tokens x, which stand behind those in the cache. Each sees all:
   * picture and question each other, a token that is written what is before it. So there is no mask. To `looks` is
   * added how much the last one looks at each of as many places, the first.
   * @type {(x: number, rows: number, before: number, cache: Kept[], looks: Float64Array) => Float64Array}
   */
  read(x, rows, before, cache, looks) {
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
      this.gather(query, rows, keys, values, before + rows, looks);
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
    const logits = new Float64Array(decoder.vocab_size);
    for (let id = 0; id < logits.length; id += 1) logits[id] = this.dot(inner, table + id * width, width);
    return logits;
  }

  /** Rows of queries become what they gather; several heads of them share one of keys and values. @type {(query: number, rows: number, keys: number, values: number, tokens: number, looks: Float64Array) => void} */
  gather(query, rows, keys, values, tokens, looks) {
    const { floats } = this;
    const { heads, kv_heads, head_dim: size, depth } = this.config.decoder;
    const shares = new Float64Array(tokens);
    for (let k = 0; k < rows * heads; k += 1) {
      const at = query + k * size;
      const first = Math.floor(((k % heads) * kv_heads) / heads) * size;
      for (let s = 0; s < tokens; s += 1)
        shares[s] = this.dot(at, keys + s * kv_heads * size + first, size) / Math.sqrt(size);
      softmax(shares);
      floats.fill(0, at, at + size);
      for (let s = 0; s < tokens; s += 1) {
        const value = values + s * kv_heads * size + first;
        for (let i = 0; i < size; i += 1) floats[at + i] += shares[s] * floats[value + i];
      }
      if (k >= (rows - 1) * heads)
        for (let patch = 0; patch < looks.length; patch += 1) looks[patch] += shares[patch] / (depth * heads);
    }
  }

  /** Rotary positions: number i of a head's first half and i of its second are a point, which is turned. @type {(x: number, rows: number, heads: number, before: number) => void} */
  turn(x, rows, heads, before) {
    const { floats, config: { decoder: { head_dim: size, rope_base } } } = this;
    for (let i = 0; i < size / 2; i += 1) {
      const speed = rope_base ** ((-2 * i) / size);
      for (let row = 0; row < rows; row += 1) {
        const cos = Math.cos((before + row) * speed);
        const sin = Math.sin((before + row) * speed);
        for (let head = 0; head < heads; head += 1) {
          const first = x + (row * heads + head) * size + i;
          const second = first + size / 2;
          const a = floats[first];
          const b = floats[second];
          floats[first] = a * cos - b * sin;
          floats[second] = b * cos + a * sin;
        }
      }
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

/** In place: numbers above 0 whose sum is 1. @param {Float64Array} scores */
function softmax(scores) {
  let top = -Infinity;
  for (const score of scores) top = Math.max(top, score);
  let sum = 0;
  for (let k = 0; k < scores.length; k += 1) sum += scores[k] = Math.exp(scores[k] - top);
  for (let k = 0; k < scores.length; k += 1) scores[k] /= sum;
  return scores;
}

/** Where the largest numbers are, the largest first. @param {Float64Array} numbers @param {number} count */
function largest(numbers, count) {
  /** @type {number[]} */
  const places = [];
  for (let k = 0; k < numbers.length; k += 1) {
    let rank = places.length;
    while (rank > 0 && numbers[k] > numbers[places[rank - 1]]) rank -= 1;
    if (rank < count) places.splice(rank, 0, k);
    places.length = Math.min(places.length, count);
  }
  return places;
}

/**
 * As Gemma's weights have it: x / 2 · (1 + tanh u), which is x · sigmoid(2u), since a browser's tanh is slow.
 * @param {number} x
 */
const geluByTanh = (x) => x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
