// CLIP's forward pass: what clipbook.pairs.CLIP does with captions and pictures, line by line the same.
// Built in: the chapters from book/text/tokenization to book/pairs/similarity-matrix.

import { FIRST_BYTE, PAD, SPECIALS, frame, makeTokenizer } from "../../clipbook/widgets/tokenizer.js";
import { Layers } from "./layers.js";
import { prepare, readSafetensors } from "./weights.js";

/**
 * @typedef {{ context_length: number, merges: number[], classes: import("../../clipbook/widgets/tokenizer.js").Classes }} Words
 */

const MEAN = [0.48145466, 0.4578275, 0.40821073]; // of red, green and blue, in [0, 1]; clipbook.image's
const STD = [0.26862954, 0.26130258, 0.27577711];
const [TEXTS, PICTURES] = [32, 8]; // at a time

export class Clip extends Layers {
  /**
   * @param {ArrayBuffer} file the model as clipbook ships it @param {Words} words its tokenizer
   * @param {WebAssembly.Module} [module] the kernels; plain JavaScript without
   */
  constructor(file, words, module) {
    const { config, tensors } = readSafetensors(file);
    const weights = prepare(tensors);
    super(weights, module);
    this.config = config;
    this.image = config.image;
    this.text = config.text;
    this.scale = Math.exp(weights.get("log_scale")?.[0] ?? 0);
    this.tokenizer = makeTokenizer(words.merges, words.classes);
  }

  // ---- The two towers: embeddings of unit length, (batch, embed_dim)

  /** @param {string[]} texts */
  encodeTexts(texts) {
    return this.batches(texts.length, TEXTS, (from, to) => {
      const { width, context_length } = this.text;
      const ids = texts.slice(from, to).map((text) => {
        if (!/\P{White_Space}/u.test(text)) throw new RangeError("an empty caption says nothing");
        const encoded = this.tokenizer.encode(text);
        return frame(encoded, context_length).row.slice(0, encoded.length + 2);
      });
      const starts = [0];
      for (const row of ids) starts.push(starts[starts.length - 1] + row.length);
      const x = this.take(starts[ids.length] * width);
      const [table, positions] = [this.at("text_encoder.token_embedding.weight"), this.at("text_encoder.positions")];
      ids.forEach((row, text) => row.forEach((id, t) => {
        const token = x + (starts[text] + t) * width;
        for (let i = 0; i < width; i += 1)
          this.floats[token + i] = this.floats[table + id * width + i] + this.floats[positions + t * width + i];
      }));
      this.note("embedded", x, starts[ids.length], width);
      this.blocks(x, "text_encoder", this.text, starts, true);
      const last = this.take(ids.length * width); // the end token has seen all others
      ids.forEach((_, text) => {
        const token = x + (starts[text + 1] - 1) * width;
        this.floats.copyWithin(last + text * width, token, token + width);
      });
      return this.project(last, "text_encoder", ids.length, width);
    });
  }

  /** Levels 0 to 255, red, green and blue of pixel after pixel. @param {Uint8Array | Uint8ClampedArray} pixels */
  encodeImages(pixels) {
    const levels = 3 * this.image.image_size ** 2;
    if (!pixels.length || pixels.length % levels)
      throw new RangeError(`${pixels.length} levels are no pictures of ${levels}; resize them before`);
    return this.batches(pixels.length / levels, PICTURES, (from, to) => {
      const some = pixels.subarray(from * levels, to * levels);
      return this.image.patch_size ? this.vit(some, to - from) : this.cnn(some, to - from);
    });
  }

  /** @param {Uint8Array | Uint8ClampedArray} pixels @param {number} count */
  vit(pixels, count) {
    const x = this.imageTokens(pixels, count);
    return this.project(this.mean(x, count, this.patches, this.image.width), "image_encoder", count, this.image.width);
  }

  /** How many patches a picture has. */
  get patches() {
    return (this.image.image_size / this.image.patch_size) ** 2;
  }

  /** A token of each patch, after the last block. @param {Uint8Array | Uint8ClampedArray} pixels @param {number} count */
  imageTokens(pixels, count) {
    const { image_size: size, patch_size: side, width } = this.image;
    const [grid, values, patches] = [size / side, 3 * side * side, this.patches];
    const [x, flat] = [this.take(count * patches * width), this.take(count * patches * values)];
    let at = flat; // of each patch all red levels, then green, then blue
    for (let k = 0; k < count * patches; k += 1) {
      const top = Math.floor(k / grid) * side; // pictures stand one below the other
      for (let channel = 0; channel < 3; channel += 1)
        for (let pixel = 0; pixel < side * side; pixel += 1, at += 1) {
          const row = top + Math.floor(pixel / side);
          const column = (k % grid) * side + (pixel % side);
          this.floats[at] = (pixels[3 * (row * size + column) + channel] / 255 - MEAN[channel]) / STD[channel];
        }
    }
    this.note("patches", flat, count * patches, values);
    const positions = this.at("image_encoder.positions");
    for (let k = 0; k < count; k += 1)
      this.floats.copyWithin(x + k * patches * width, positions, positions + patches * width);
    this.linear(x, flat, "image_encoder.patch_embedding", count * patches, values, width, 1);
    this.norm(x, x, "image_encoder.input_norm", count * patches, width);
    this.note("embedded", x, count * patches, width);
    this.blocks(x, "image_encoder", this.image, Array.from({ length: count + 1 }, (_, k) => k * patches), false);
    return x;
  }

  /** @param {Uint8Array | Uint8ClampedArray} pixels @param {number} count */
  cnn(pixels, count) {
    let [size, width] = [this.image.image_size, 3];
    let x = this.take(pixels.length);
    pixels.forEach((level, k) => {
      this.floats[x + k] = (level / 255 - MEAN[k % 3]) / STD[k % 3];
    });
    for (const [stage, wider] of this.image.widths.entries()) {
      const half = Math.ceil(size / 2);
      const y = this.take(count * half * half * wider);
      this.convolve(y, x, `image_encoder.stages.${stage}.down`, count, size, width, wider, 2, 0);
      this.convolve(y, y, `image_encoder.stages.${stage}.refine`, count, half, wider, wider, 1, 1);
      [x, size, width] = [y, half, wider];
      this.note(`stage ${stage + 1}`, x, count * size * size, width);
    }
    return this.project(this.mean(x, count, size * size, width), "image_encoder", count, width);
  }

  /** The last norm, the projection, and unit length. @type {(x: number, tower: string, rows: number, width: number) => Float32Array} */
  project(x, tower, rows, width) {
    const size = this.text.embed_dim;
    const y = this.take(rows * size);
    this.norm(x, x, `${tower}.norm`, rows, width);
    this.note("features", x, rows, width);
    this.linear(y, x, `${tower}.projection`, rows, width, size);
    const embeddings = this.floats.slice(y, y + rows * size);
    for (let row = 0; row < rows; row += 1) {
      const embedding = embeddings.subarray(row * size, (row + 1) * size);
      const length = Math.sqrt(embedding.reduce((sum, value) => sum + value * value, 0));
      for (let i = 0; i < size; i += 1) embedding[i] /= length;
    }
    this.notes?.set("embedding", { shape: [rows, size], values: embeddings });
    return embeddings;
  }

  // ---- The same for those who follow it: what a pass computes on its way, by name, each with its shape

  /** The end of a text for which there are no places. @param {string} text */
  unread(text) {
    const encoded = this.tokenizer.encode(text);
    const { cut } = frame(encoded, this.text.context_length);
    return this.written(encoded.slice(encoded.length - cut)).trim();
  }

  /** One text's pass, its tokens, and what was cut off. @param {string} text */
  followText(text) {
    const { row } = frame(this.tokenizer.encode(text), this.text.context_length);
    return {
      tokens: row.filter((id) => id !== PAD).map((id) => this.wordOf(id)),
      rest: this.unread(text),
      notes: this.followed(() => this.encodeTexts([text])),
    };
  }

  /** One picture's pass. @param {Uint8Array | Uint8ClampedArray} pixels */
  followImage(pixels) {
    return { notes: this.followed(() => this.encodeImages(pixels)) };
  }

  /** @param {() => void} pass */
  followed(pass) {
    this.notes = new Map();
    try {
      pass();
      return this.notes;
    } finally {
      this.notes = undefined;
    }
  }

  /** A token as it is written in the chapters. @param {number} id */
  wordOf(id) {
    if (id < FIRST_BYTE) return `<${SPECIALS[id]}>`;
    return this.written([id]).trim();
  }

  /** The text of tokens. @param {number[]} ids */
  written(ids) {
    return new TextDecoder().decode(Uint8Array.from(ids.flatMap(this.tokenizer.content)));
  }

  /**
   * Embeddings of many, a few at a time, each with all the scratch.
   * @type {(count: number, most: number, encode: (from: number, to: number) => Float32Array) => Float32Array}
   */
  batches(count, most, encode) {
    const size = this.text.embed_dim;
    const embeddings = new Float32Array(count * size);
    for (let from = 0; from < count; from += most) {
      this.top = this.end;
      embeddings.set(encode(from, Math.min(from + most, count)), from * size);
    }
    return embeddings;
  }
}
