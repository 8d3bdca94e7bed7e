// What a reader has composed, as the part of an address behind its #: a link that can be sent.

import { choices, settled } from "./scene_editor.js";

/**
 * @typedef {import("./drawing.js").Scene} Scene
 * @typedef {import("./drawing.js").World} World
 * @typedef {{ scenes: Scene[], captions: string[], question: string }} Composed the question may be none
 */

export const [MOST_SCENES, MOST_CAPTIONS, LONGEST] = [8, 8, 120]; // LONGEST: characters of a caption

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

/** @param {Composed} composed */
export function toHash({ scenes, captions, question }) {
  const values = new URLSearchParams();
  for (const scene of scenes) values.append("picture", written(scene));
  for (const caption of captions) values.append("caption", caption);
  if (question) values.append("question", question);
  return `#${values}`;
}

/** What an address holds; undefined where it holds no whole state. @type {(hash: string, world: World) => Composed | undefined} */
export function fromHash(hash, world) {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const scenes = values.getAll("picture").slice(0, MOST_SCENES).map((text) => read(text, world));
  const captions = values.getAll("caption").slice(0, MOST_CAPTIONS).map((text) => text.slice(0, LONGEST));
  const question = (values.get("question") ?? "").slice(0, LONGEST);
  const whole = /** @type {Scene[]} */ (scenes.filter((scene) => scene !== undefined));
  return whole.length && whole.length === scenes.length && captions.length ? { scenes: whole, captions, question } : undefined;
}
