// The playground's models: what there is to say of each, and their loading, once a reader asks.

import { startModel } from "./client.js";
import { loadSheet } from "./emoji_sheet.js";
import { SIZE } from "./scene_editor.js";

/**
 * @typedef {{ live: import("./client.js").Live, sheet: import("./emoji_sheet.js").Drawing[] }} Ready
 * @typedef {{ name: string, go: string, size: number, knows: string, names: string, note: string }} About a model
 */

/** What it is called, what it costs to load, the side of its pictures, what it knows, which names it takes. @type {Map<string, About>} */
export const ABOUT = new Map([
  ["shapes", { name: "Shapes", go: "Start the model (1 MB)", size: SIZE, knows: "It has learned from coloured shapes alone.", note: "",
    names: "Of two things write a sentence about both: in training a caption told of every thing in its picture." }],
  ["emoji", { name: "Emoji", go: "Start the model and its pictures (2.2 MB)", size: 48, knows: "It has learned from emoji alone.", names: "",
    note: "This is the model that clipbook.load(\"emoji\") gives, with weights of 8 bits to be here sooner: a cosine may differ from the chapter's by up to 0.015." }],
]);

/** By model. @type {Map<string, Promise<Ready>>} */
const started = new Map();

/** @type {(model: string, given: import("./playground.js").Given) => Promise<Ready>} */
async function startAll(model, { folder, version, credits }) {
  const titles = new Map(credits.map(({ artist, title }) => [artist, title]));
  const sheet = model === "emoji" ? loadSheet(folder, version, titles) : Promise.resolve([]);
  const [live, drawings] = await Promise.all([startModel(folder, model, version), sheet]);
  return { live, sheet: drawings };
}

/** Whether somebody has asked for it. @param {string} model */
export const isStarted = (model) => started.has(model);

/** A model, loaded once, and again where it did not come. @type {(model: string, given: import("./playground.js").Given) => Promise<Ready>} */
export function start(model, given) {
  const coming = started.get(model) ?? startAll(model, given);
  started.set(model, coming);
  coming.catch(() => started.delete(model));
  return coming;
}
