// Retrieval in the playground: a text, and which of some hundreds of emoji fit it best, by any artist or by one.

import { element, field, freshId, number, upTo, write } from "../../clipbook/widgets/kit.js";
import { LONGEST } from "./address.js";
import { onlyTheLast, similarity } from "./client.js";
import { show } from "./scene_editor.js";
import { clean, remarkOnRest, says, sentences } from "./texts.js";

/**
 * @typedef {import("./client.js").Live} Live
 * @typedef {import("./emoji_sheet.js").Drawing} Drawing
 * @typedef {{ artist: string, title: string, by: string, licence: string, source: string, to_model: string }} Credit
 */

const [FOUND, BATCH] = [12, 32]; // pictures that are shown, and that the model looks at in one go

/** “Twemoji: …, CC BY 4.0” for each artist. @param {Credit[]} credits */
function creditsOf(credits) {
  const lines = credits.map(({ title, by, licence, source, to_model: to }) =>
    element("li", {}, element("a", { href: source }, title), ` by ${by}, ${licence}: ${to}.`));
  return element("div", { class: "play-credits" }, element("p", {}, "All drawings are shrunk to 48 px, on white:"),
    element("ul", {}, ...lines));
}

/** Embeddings of each sheet's pictures. @type {WeakMap<Drawing[], Promise<Float32Array>>} */
const looked = new WeakMap();

/** @param {Live} live @param {Drawing[]} sheet @param {(from: number) => void} tell */
async function look(live, sheet, tell) {
  const rows = new Float32Array(sheet.length * live.width);
  for (let from = 0; from < sheet.length; from += BATCH) {
    tell(from);
    const some = sheet.slice(from, from + BATCH);
    const pixels = new Uint8ClampedArray(some.length * some[0].levels.length);
    some.forEach(({ levels }, k) => pixels.set(levels, k * levels.length));
    rows.set(await live.images(pixels), from * live.width);
  }
  return rows;
}

/**
 * @param {Credit[]} credits @param {string} first text
 * @param {{ choose: (drawing: Drawing) => void, changed: (text: string) => void }} on what a reader does
 */
export function makeFinder(credits, first, { choose, changed }) {
  const canvas = element("canvas");
  const input = element("input", { type: "text", id: freshId("find"), maxlength: LONGEST, autocomplete: "off", spellcheck: "false" });
  input.value = first;
  const artists = element("select", {}, element("option", { value: "" }, "any artist"),
    ...credits.map(({ artist, title }) => element("option", { value: artist }, title)));
  const found = element("div", { class: "play-found", role: "group", "aria-label": "The pictures that fit best; choose one to take it" });
  const status = element("p", { class: "play-said", role: "status" });
  /** @type {{ live: Live, sheet: Drawing[], rows: Float32Array } | undefined} */
  let known;

  const search = onlyTheLast(async () => {
    if (!known) return;
    const { live, sheet, rows } = known;
    const text = clean(input.value);
    if (!says(text)) return write(status, "Write what to find.");
    const [rest] = await live.unread([text]);
    const fits = similarity(rows, await live.texts([text]), live.width);
    const among = upTo(sheet.length).filter((k) => !artists.value || sheet[k].artist === artists.value);
    const best = among.sort((a, b) => fits[b] - fits[a]).slice(0, FOUND);
    found.replaceChildren(...best.map((k) => {
      show(canvas, sheet[k].levels);
      const image = element("img", { src: canvas.toDataURL(), alt: sheet[k].name, title: sheet[k].name, class: "dark-light" });
      const button = element("button", { type: "button" }, image, element("span", {}, number(fits[k], 2)));
      button.addEventListener("click", () => choose(sheet[k]));
      return button;
    }));
    const name = text.trim().toLowerCase().replace(/^(an?|the) /, "");
    const named = sheet.some((drawing) => drawing.name.toLowerCase().startsWith(`${name} by `));
    const guess = named ? "" : `No picture here has the name “${name}”, so this is a guess.`;
    write(status, sentences(`Of ${among.length} pictures ${sheet[best[0]].name} fits best: ${number(fits[best[0]], 2)}.`, remarkOnRest(rest), guess));
  });
  input.addEventListener("input", () => {
    changed(clean(input.value));
    search(undefined);
  });
  artists.addEventListener("change", () => search(undefined));

  const limits = element("p", {}, "The model learned from names and lists of keywords: it knows things, and some colours. " +
    "It never read a sentence, and words that are no emoji's name or keyword it takes by their spelling.");
  return {
    node: element("div", { class: "play-finder" }, field("Text", input), field("Drawn by", artists), limits, status, found, creditsOf(credits)),
    /** Has the model look at all pictures, if it hasn't yet. @param {Live} live @param {Drawing[]} sheet */
    async begin(live, sheet) {
      write(status, `The model looks at ${sheet.length} pictures …`);
      const coming = looked.get(sheet) ?? look(live, sheet, (from) => write(status, `The model looks at ${sheet.length} pictures: ${from} …`));
      looked.set(sheet, coming);
      known = { live, sheet, rows: await coming };
      search(undefined);
    },
  };
}
