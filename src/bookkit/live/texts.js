// What a reader types, as the models take it.

export const says = (/** @type {string} */ text) => /\P{White_Space}/u.test(text);

/** Without halves of characters, which browsers send while one is typed. @param {string} text */
export const clean = (text) => text.replace(/\p{Surrogate}/gu, "\ufffd");

const MOST_QUOTED = 40; // characters

/** Those of the sentences that there are, as one text. @param {string[]} all */
export const sentences = (...all) => all.filter(Boolean).join(" ");

/** Of a text's end that a model left unread, if any. @param {string} rest @param {string} [what] */
export function remarkOnRest(rest, what = "It") {
  if (!rest) return "";
  const letters = [...rest];
  const quoted = letters.length > MOST_QUOTED ? `${letters.slice(0, MOST_QUOTED).join("")}…` : rest;
  return `${what} has more tokens than the model has places: “${quoted}” was cut off.`;
}

/** The words of a text. @param {string} text @returns {string[]} */
export const wordsOf = (text) => text.match(/[\p{L}\p{N}]+/gu) ?? [];

/** Those that training didn't have, where it is known what it had. @param {string} text @param {string[]} [known] */
export const strangeIn = (text, known) =>
  (known ? [...new Set(wordsOf(text))].filter((word) => !known.includes(word)) : []);

const MOST_NAMED = 3;

/** What is to be said of them; nothing where there are none. @param {string[]} strange @param {string} [so] */
export function neverMet(strange, so = "") {
  const words = strange.slice(0, MOST_NAMED).map((word) => `“${word}”`).join(", ");
  const more = strange.length > MOST_NAMED ? " and more" : "";
  return strange.length ? `In training the model never met ${words}${more}${so}.` : "";
}

/** Of a caption, to which the model gives a number all the same. @param {string} text @param {string[]} [known] */
export const remarkOnCaption = (text, known) => neverMet(strangeIn(text, known), ": its number for such a text is a guess");
