// How a model serves a page from its worker, so that the page goes on answering its reader. Messages:
// { id, task, ...given } in, { id, answer } or { id, error } out.

import { bytesOf } from "./weights.js";

/** @typedef {{ weights: string, words: import("./engine.js").Words, kernel: string }} Given of a model */

/** @param {string} kernel @returns {Promise<WebAssembly.Module | undefined>} none without SIMD: plain JavaScript then */
export const compiled = (kernel) => WebAssembly.compile(bytesOf(kernel)).catch(() => undefined);

/** @param {Record<string, (given: any) => unknown>} tasks by name */
export function serve(tasks) {
  addEventListener("message", async ({ data: { id, task, ...given } }) => {
    try {
      postMessage({ id, answer: await tasks[task](given) });
    } catch (error) {
      postMessage({ id, error: String(error) });
    }
  });
}
