// What the model that answers may be asked: nine kinds of questions, in the words that it learned. Their patterns,
// such as “is there {a} {colour} {shape}?”, come from Python.

import { neverMet, strangeIn, wordsOf } from "./texts.js";

/**
 * @typedef {Record<string, string[]>} Patterns by kind
 * @typedef {import("./drawing.js").Scene} Scene
 * @typedef {import("./drawing.js").Thing} Thing
 */

/** @type {(pattern: string, thing: { colour: string, shape: string }) => string} */
const filled = (pattern, { colour, shape }) =>
  pattern.replace("{a}", /^[aeiou]/.test(colour) ? "an" : "a").replace("{colour}", colour).replace("{shape}", shape);

/** Where one thing lies of another, in the words of captions. @type {(one: Thing, other: Thing) => string} */
function side(one, other) {
  const [right, down] = [one.x - other.x, one.y - other.y];
  if (Math.abs(right) > Math.abs(down)) return right < 0 ? "left of" : "right of";
  return down < 0 ? "above" : "below";
}

/** A question of each kind about a scene; where there is none, about a red circle. @type {(patterns: Patterns, scene?: Scene) => string[]} */
export function questionsAbout(patterns, scene) {
  const [thing, other] = scene?.objects ?? [];
  return Object.values(patterns).map((texts) => {
    const beside = other && texts.find((text) => text.startsWith(`what is ${side(thing, other)} `));
    if (beside) return filled(beside, other);
    return filled(texts[0], thing ?? { colour: "red", shape: "circle" });
  });
}

/**
 * What is to be said of a question that the model has not learned to answer; nothing of one that it has.
 * @type {(question: string, patterns: Patterns, colours: string[], shapes: string[]) => string}
 */
export function remarkOnQuestion(question, patterns, colours, shapes) {
  const texts = Object.values(patterns).flat();
  const learned = texts.some((text) => {
    const plain = text.replace(/[?]/g, "\\?").replace("{a}", "an?");
    return new RegExp(`^${plain.replace("{colour}", `(${colours.join("|")})`).replace("{shape}", `(${shapes.join("|")})`)}$`).test(question);
  });
  if (learned) return "";
  const known = [...texts.flatMap(wordsOf), ...colours, ...shapes, "an"];
  return [neverMet(strangeIn(question, known)), "This is none of the nine kinds of questions that it learned:",
    "it answers all the same, and what it says is a guess in words of coloured shapes."].join(" ").trim();
}

/** An answer that is told; the model may end before its first word. @param {string} answer */
export const told = (answer) => (answer ? `“${answer}”` : "no word");
