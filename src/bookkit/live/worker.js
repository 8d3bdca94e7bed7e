// The model at work beside the page, which goes on answering its reader. Messages: { id, task, ...given }
// in, { id, answer } or { id, error } out.

import { Answerer } from "./decoder.js";
import { Clip } from "./engine.js";
import { bytesOf } from "./weights.js";

/** @typedef {{ weights: string, words: import("./engine.js").Words, kernel: string }} Given of a model */

/** @type {Clip} */
let clip;
/** @type {Answerer} */
let answerer;

/** @param {string} kernel @returns {Promise<WebAssembly.Module | undefined>} none without SIMD: plain JavaScript then */
const compiled = (kernel) => WebAssembly.compile(bytesOf(kernel)).catch(() => undefined);

/** @type {Record<string, (given: any) => unknown>} */
const tasks = {
  /** @param {Given} given */
  async load({ weights, words, kernel }) {
    const module = await compiled(kernel);
    clip = new Clip(bytesOf(weights).buffer, words, module);
    return { fast: module !== undefined, scale: clip.scale, size: clip.image.image_size, width: clip.text.embed_dim };
  },
  texts: ({ texts }) => clip.encodeTexts(texts),
  images: ({ pixels }) => clip.encodeImages(pixels),
  followText: ({ text }) => clip.followText(text),
  followImage: ({ pixels }) => clip.followImage(pixels),
  /** @param {Given} given */
  async loadAnswerer({ weights, words, kernel }) {
    answerer = new Answerer(bytesOf(weights).buffer, words, await compiled(kernel));
  },
  answer: ({ pixels, question }) => answerer.answer(pixels, question),
};

addEventListener("message", async ({ data: { id, task, ...given } }) => {
  try {
    postMessage({ id, answer: await tasks[task](given) });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
});
