// Words and locations as tokens, as clipbook.language.AnswerTokenizer has them: the words' ids come first, then
// a token for each bin of a picture's side.

import { SPECIALS } from "../../clipbook/widgets/tokenizer.js";

/** @typedef {[number, number, number, number]} Box top, left, bottom, right: fractions of the picture's side */

const location = (/** @type {number} */ bin) => `<loc${String(bin).padStart(4, "0")}>`;

/** @param {ReturnType<typeof import("../../clipbook/widgets/tokenizer.js").makeTokenizer>} words @param {number} bins */
export function makeAnswerTokenizer(words, bins) {
  /** @param {number[]} ids */
  function decode(ids) {
    let text = "";
    /** @type {number[]} */
    let bytes = []; // of the words up to the next location
    const read = () => new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
    for (const id of ids) {
      if (id < words.size) bytes.push(...words.content(id));
      else [text, bytes] = [text + read() + location(id - words.size), []];
    }
    return text + read();
  }
  return {
    bins,
    decode,
    /** @param {string} text in which “<loc0007>” is one token */
    encode: (text) =>
      text.split(/<loc(\d{4})>/).flatMap((part, k) => {
        if (k % 2 === 0) return words.encode(part);
        if (Number(part) >= bins) throw new RangeError(`<loc${part}> is beyond the last of ${bins} bins`);
        return [words.size + Number(part)];
      }),
    /** One token as text to look at. @param {number} id */
    nameOf: (id) => (SPECIALS[id] ? `<${SPECIALS[id]}>` : decode([id])),
  };
}

/** The boxes that an answer tells; a side is the middle of its bin. @type {(answer: string, bins: number) => Box[]} */
export function readBoxes(answer, bins) {
  const fours = answer.match(/(?:<loc\d{4}>){4}/g) ?? [];
  return fours.map((four) => /** @type {Box} */ (
    Array.from(four.matchAll(/\d{4}/g), ([digits]) => (Number(digits) + 0.5) / bins)));
}
