// A CLIP at work beside the page.

import { Clip } from "./engine.js";
import { compiled, serve } from "./serving.js";
import { bytesOf } from "./weights.js";

/** @type {Clip} */
let clip;

serve({
  /** @param {import("./serving.js").Given} given */
  async load({ weights, words, kernel }) {
    const module = await compiled(kernel);
    clip = new Clip(bytesOf(weights).buffer, words, module);
    return { fast: module !== undefined, scale: clip.scale, size: clip.image.image_size, width: clip.text.embed_dim };
  },
  texts: ({ texts }) => clip.encodeTexts(texts),
  unread: ({ texts }) => texts.map((/** @type {string} */ text) => clip.unread(text)),
  images: ({ pixels }) => clip.encodeImages(pixels),
  followText: ({ text }) => clip.followText(text),
  followImage: ({ pixels }) => clip.followImage(pixels),
});
