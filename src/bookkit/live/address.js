// What a reader has composed, as the part of an address behind its #: a link that can be sent.

import { choices, settled } from "./scene_editor.js";
import { clean } from "./texts.js";

/**
 * @typedef {import("./drawing.js").Scene} Scene
 * @typedef {import("./drawing.js").World} World
 * @typedef {{ model: string, scenes: Scene[], picks: string[], captions: string[], question: string, find: string, names?: string[] }} Composed
 *   for the model of scenes those, for the other one drawings by artists; question and what to find may be empty,
 *   and names for zero-shot are there where a reader has changed them
 */

export const MODELS = ["shapes", "emoji"];
export const [MOST_SCENES, MOST_CAPTIONS, MOST_NAMES, LONGEST] = [8, 8, 512, 120]; // LONGEST: characters of a caption

/** “grey.circle.red.small.46.24”, in hundredths. @param {Scene} scene */
const written = ({ ground, objects }) =>
  [ground, ...objects.flatMap(({ shape, colour, size, x, y }) =>
    [shape, colour, size, Math.round(100 * x), Math.round(100 * y)])].join(".");

/**
 * The scene that a text stands for, or none. @type {(text: string, world: World) => Scene | undefined}
 */
function read(text, world) {
  const [ground, ...rest] = text.split(".");
  const known = choices(world);
  const objects = [];
  for (let k = 0; k < rest.length; k += 5) {
    const [shape, colour, size, x, y] = rest.slice(k, k + 5);
    const [right, down] = [Number(x) / 100, Number(y) / 100];
    const fine = known.shape.includes(shape) && known.colour.includes(colour) && known.size.includes(size);
    if (!fine || !Number.isFinite(right) || !Number.isFinite(down)) return undefined;
    objects.push(settled({ shape, colour, size, x: right, y: down }, world));
  }
  return Object.hasOwn(world.grounds, ground) && [1, 2].includes(objects.length) ? { ground, objects } : undefined;
}

const PICK = /^[a-z\d-]+\.[\dA-F-]+$/; // “twemoji.1F436”

/** @param {Composed} composed */
export function toHash({ model, scenes, picks, captions, question, find, names }) {
  const values = new URLSearchParams();
  if (model !== MODELS[0]) values.append("model", model);
  for (const scene of scenes) values.append("picture", written(scene));
  for (const pick of picks) values.append("picture", pick);
  for (const caption of captions) values.append("caption", caption);
  if (question) values.append("question", question);
  if (find) values.append("find", find);
  for (const name of names?.length === 0 ? [""] : (names ?? [])) values.append("name", name);
  return `#${values}`;
}

/** Whether an address leads to a place of the page, and says nothing of what is composed. @param {string} hash */
export const isPlace = (hash) => !hash.includes("=");

/** What an address holds; undefined where it holds no whole state. @type {(hash: string, world: World) => Composed | undefined} */
export function fromHash(hash, world) {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const texts = (/** @type {string} */ name) => values.getAll(name).map((text) => clean(text.slice(0, LONGEST)));
  const model = texts("model")[0] ?? MODELS[0];
  const pictures = texts("picture").slice(0, MOST_SCENES);
  const captions = texts("caption").slice(0, MOST_CAPTIONS);
  const [question = ""] = texts("question");
  const [find = ""] = texts("find");
  const names = values.has("name") && values.getAll("name").map(clean).filter((text) => text !== "").slice(0, MOST_NAMES);
  const composed = model === MODELS[0];
  const scenes = composed ? pictures.map((text) => read(text, world)) : [];
  const picks = composed ? [] : pictures.filter((text) => PICK.test(text));
  const whole = /** @type {Scene[]} */ (scenes.filter((scene) => scene !== undefined));
  const all = whole.length + picks.length === pictures.length && (whole.length || !composed) && captions.length;
  return all && MODELS.includes(model) ? { model, scenes: whole, picks, captions, question, find, ...(names && { names }) } : undefined;
}
