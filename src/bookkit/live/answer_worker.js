// The model that answers at work beside the page: CLIP's engine, and the decoder on top of it.

import { Answerer } from "./decoder.js";
import { compiled, serve } from "./serving.js";
import { bytesOf } from "./weights.js";

/** @type {Answerer} */
let answerer;

serve({
  /** @param {import("./serving.js").Given} given */
  async load({ weights, words, kernel }) {
    answerer = new Answerer(bytesOf(weights).buffer, words, await compiled(kernel));
  },
  answer: ({ pixels, question }) => answerer.answer(pixels, question),
});
