// What clipbook.text.Tokenizer does with a text, for the widget that shows it and for the model that runs in
// a page (src/bookkit/live). Like the kit it imports nothing, so that either can be joined with it.

/** @typedef {{ letters: string, digits: string, spaces: string }} Classes of characters, as ranges */

export const [PAD, START, END] = [0, 1, 2];
export const SPECIALS = ["pad", "start", "end"];
export const FIRST_BYTE = SPECIALS.length;
export const FIRST_MERGE = FIRST_BYTE + 256;

/**
 * The inside of a regular expression's [...] from ranges in base 36 (`character_classes`).
 * @param {string} ranges
 */
function inBrackets(ranges) {
  const numbers = ranges.split(" ").map((digits) => parseInt(digits, 36));
  let [inside, end] = ["", 0];
  for (let k = 0; k < numbers.length; k += 2) {
    const first = end + numbers[k];
    end = first + numbers[k + 1];
    inside += `\\u{${first.toString(16)}}-\\u{${end.toString(16)}}`;
  }
  return inside;
}

/** Splits texts into words, by Python's Unicode instead of the browser's. @param {Classes} classes */
export function makeSplit(classes) {
  const [letters, digits, spaces] = [classes.letters, classes.digits, classes.spaces].map(inBrackets);
  const word = new RegExp(
    ` ?[${letters}]+| ?[${digits}]+| ?[^${spaces}${letters}${digits}]+` +
      `|[${spaces}]+(?![^${spaces}])|[${spaces}]+`, "gu");
  return (/** @type {string} */ text) => text.match(word) ?? [];
}

/**
 * Replaces every occurrence of the pair by `made`, from left to right.
 * @type {(ids: number[], pair: number[], made: number) => number[]}
 */
function merge(ids, [left, right], made) {
  const merged = [];
  for (let k = 0; k < ids.length; k += 1) {
    const found = ids[k] === left && ids[k + 1] === right;
    merged.push(found ? made : ids[k]);
    if (found) k += 1;
  }
  return merged;
}

/**
 * What a tokenizer does with a text. `merges` is flat: left, right, left, right, …
 * `steps(text)` lists, from bytes to tokens, {words: ids of each word, made: the new token or null}.
 * @param {number[]} merges @param {Classes} classes
 */
export function makeTokenizer(merges, classes) {
  const cut = makeSplit(classes);
  const pairs = Array.from({ length: merges.length / 2 }, (_, k) => merges.slice(2 * k, 2 * k + 2));
  const ranks = new Map(pairs.map((pair, rank) => [String(pair), rank]));
  /** @type {number[][]} */
  const contents = Array.from({ length: FIRST_MERGE }, (_, id) => (id < FIRST_BYTE ? [] : [id - FIRST_BYTE]));
  for (const [left, right] of pairs) contents.push([...contents[left], ...contents[right]]);

  const split = (/** @type {string} */ text) => {
    const half = text.search(/\p{Surrogate}/u);
    if (half >= 0) throw new RangeError(`lone surrogate at ${half}: half a character is no Unicode text`);
    return cut(text);
  };
  const merging = (/** @type {string[]} */ texts) => {
    let words = texts.map((word) => Array.from(new TextEncoder().encode(word), (byte) => FIRST_BYTE + byte));
    /** @type {{ words: number[][], made: number | null }[]} */
    const found = [{ words, made: null }];
    for (;;) {
      const known = words.flatMap((ids) =>
        ids.slice(1).map((right, k) => ranks.get(`${ids[k]},${right}`) ?? Infinity));
      const rank = known.reduce((least, one) => Math.min(least, one), Infinity);
      if (rank === Infinity) return found;
      words = words.map((ids) => merge(ids, pairs[rank], FIRST_MERGE + rank));
      found.push({ words, made: FIRST_MERGE + rank });
    }
  };
  /** @type {Map<string, number[]>} */
  const idsOf = new Map(); // of words met before
  const encodeWord = (/** @type {string} */ word) => {
    const ids = idsOf.get(word) ?? merging([word]).slice(-1)[0].words[0];
    if (idsOf.size >= 10_000) idsOf.clear(); // however much text comes by
    idsOf.set(word, ids);
    return ids;
  };
  return {
    split,
    steps: (/** @type {string} */ text) => merging(split(text)),
    encode: (/** @type {string} */ text) => split(text).flatMap(encodeWord),
    content: (/** @type {number} */ id) => contents[id],
    parts: (/** @type {number} */ id) => pairs[id - FIRST_MERGE],
    size: FIRST_MERGE + pairs.length,
  };
}

/**
 * The ids as the model gets them, `length` in all, and how many tokens are cut off.
 * @param {number[]} ids @param {number} length
 */
export function frame(ids, length) {
  const fitting = ids.slice(0, length - 2);
  const row = [START, ...fitting, END];
  return { row: [...row, ...Array(length - row.length).fill(PAD)], cut: ids.length - fitting.length };
}
