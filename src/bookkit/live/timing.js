// How long a model takes in a worker, by WebAssembly and in plain JavaScript in turns (bookkit.bench asks).

import { Answerer } from "./decoder.js";
import { Clip } from "./engine.js";
import { bytesOf } from "./weights.js";

const [WARM_UP, TRIES, ROUNDS] = [20, 9, 6];

/** Milliseconds of the median call, in the best of several rounds. @param {number[][]} rounds */
const best = (rounds) => Math.min(...rounds.map((times) => times.sort((a, b) => a - b)[times.length >> 1]));

/** The quickest call of all, which no neighbour has held up. @param {number[][]} rounds */
const quickest = (rounds) => Math.min(...rounds.flat());

/** Pictures of any levels. @param {number} count */
const levelsOf = (count) => Uint8Array.from({ length: count }, (_, k) => (k * 7919) % 256);

/** What is asked of a CLIP, each time something else. @type {(size: number, names: string[]) => Record<string, (clip: Clip, k: number) => void>} */
function clipTasks(size, names) {
  const levels = 3 * size ** 2;
  const pixels = levelsOf(8 * levels);
  return {
    caption: (clip, k) => clip.encodeTexts([names[k % names.length]]),
    picture: (clip, k) => clip.encodeImages(pixels.subarray((k % 8) * levels, ((k % 8) + 1) * levels)),
    grid(clip, k) {
      clip.encodeImages(pixels);
      clip.encodeTexts(names.slice(k % 8, (k % 8) + 8));
    },
    names: (clip) => clip.encodeTexts(names.slice(0, 64)),
  };
}

/** Of the model that answers: questions whose answers have a few tokens, and many. @type {(size: number) => Record<string, (answerer: Answerer) => void>} */
function answerTasks(size) {
  const pixels = levelsOf(3 * size ** 2);
  return {
    count: (answerer) => answerer.answer(pixels, "how many shapes?"),
    caption: (answerer) => answerer.answer(pixels, "caption"),
  };
}

/** @typedef {{ weights: string, words: import("./engine.js").Words, kernel: string, names: string[], answers: boolean }} Given */

/** @param {Given} given */
function measured({ weights, words, kernel, names, answers }) {
  const file = () => bytesOf(weights).buffer;
  const Model = answers ? Answerer : Clip;
  const kinds = { simd: new Model(file(), words, new WebAssembly.Module(bytesOf(kernel))), plain: new Model(file(), words) };
  const size = kinds.simd.image.image_size;
  /** @type {Record<string, (model: any, k: number) => void>} */
  const tasks = answers ? answerTasks(size) : clipTasks(size, names);
  /** @type {Record<string, Record<string, number>>} */
  const result = {};
  for (const [task, run] of Object.entries(tasks)) {
    const calls = task === "caption" && !answers ? 8 : 1; // since clocks are coarse
    /** @type {Record<string, number[][]>} */
    const times = { simd: [], plain: [] };
    for (let round = 0; round <= ROUNDS; round += 1)
      for (const [kind, clip] of Object.entries(kinds)) {
        const spent = [];
        for (let k = 0; k < (round ? TRIES : WARM_UP); k += 1) {
          const start = performance.now();
          for (let n = 0; n < calls; n += 1) run(clip, calls * k + n);
          spent.push((performance.now() - start) / calls);
        }
        if (round) times[kind].push(spent);
      }
    const ratio = quickest(times.plain) / quickest(times.simd);
    result[task] = { simd: best(times.simd), plain: best(times.plain), ratio };
  }
  return result;
}

addEventListener("message", ({ data }) => postMessage(measured(data)));
