// The model at work beside the page, which goes on answering its reader. Messages: { id, task, ...given }
// in, { id, answer } or { id, error } out.

import { Clip } from "./engine.js";
import { bytesOf } from "./weights.js";

/** @type {Clip} */
let clip;

/** @type {Record<string, (given: any) => unknown>} */
const tasks = {
  /** @param {{ weights: string, words: import("./engine.js").Words, kernel: string }} given */
  async load({ weights, words, kernel }) {
    const module = await WebAssembly.compile(bytesOf(kernel)).catch(() => undefined); // no SIMD: plain JavaScript
    clip = new Clip(bytesOf(weights).buffer, words, module);
    return { fast: module !== undefined, scale: clip.scale, size: clip.image.image_size, width: clip.text.embed_dim };
  },
  texts: ({ texts }) => clip.encodeTexts(texts),
  images: ({ pixels }) => clip.encodeImages(pixels),
  followText: ({ text }) => clip.followText(text),
  followImage: ({ pixels }) => clip.followImage(pixels),
};

addEventListener("message", async ({ data: { id, task, ...given } }) => {
  try {
    postMessage({ id, answer: await tasks[task](given) });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
});
