// Below a chapter's figure (bookkit/pages/live.py): captions, a sentence or a picture of a reader's own, in
// place of those that the notebook's cell was run with. The model answers here in the page, as Python's does
// in a notebook, and the figure's own widget draws what it says.

import { counted, element, freshId, number, upTo, write } from "../../clipbook/widgets/kit.js";
import { onlyTheLast, similarity, startModel } from "./client.js";
import { matrixState } from "./matrix.js";
import { readPicture } from "./own_picture.js";
import { levelsOf, pictureOf } from "./pixels.js";
import { clean, says } from "./texts.js";

/**
 * @typedef {import("./client.js").Live} Live
 * @typedef {{ get: (name: string) => any, set: (values: Record<string, unknown>) => void }} Figure the widget's model
 * @typedef {Record<string, unknown>} State
 * @typedef {{ label: string, hint: string, control: HTMLInputElement | HTMLTextAreaElement, traits: string[],
 *   answer: (load: () => Promise<Live>) => Promise<{ state: State, said: string } | string> }} Kind of what is brought;
 *   it answers with what the widget shows then, and what one sees; or only says what is missing
 */

const [MOST, LONGEST] = [16, 120]; // captions, and characters of each
const LOADS = "The model runs here in the page; the first letter loads it";
const PRIVATE = "It stays in this page.";

/** Captions for the pictures of a similarity matrix. @param {Figure} figure @returns {Kind} */
function makeCaptions(figure) {
  const first = figure.get("captions");
  const control = element("textarea", { rows: first.length + 1, spellcheck: "false" });
  control.value = first.join("\n");
  const sources = /** @type {string[]} */ (figure.get("images"));
  /** @type {Float32Array | undefined} */
  let images;
  return {
    label: `${sources.length > 1 ? "Captions" : "Names or prompts"} of your own, one a line`,
    hint: `Change a line, or add one. ${LOADS}`,
    control,
    traits: ["captions", "frames", "selected", "view"],
    async answer(ready) {
      const lines = clean(control.value).split("\n").map((line) => line.slice(0, LONGEST));
      const texts = lines.filter(says).slice(0, MOST);
      if (!texts.length) return "Write a caption.";
      const live = await ready();
      images ??= await live.images(await levelsOf(sources.map((src) => element("img", { src }))));
      const cosines = similarity(images, await live.texts(texts), live.width);
      // the caption that is being written
      const line = control.value.slice(0, control.selectionStart).split("\n").length - 1;
      const column = Math.min(lines.slice(0, line).filter(says).length, texts.length - 1);
      const among = (/** @type {number} */ row) => cosines[row * texts.length + column];
      const best = upTo(sources.length).reduce((top, row) => (among(row) > among(top) ? row : top), 0);
      const state = matrixState(figure.get, sources, texts, cosines);
      if (sources.length === 1) {
        const top = upTo(texts.length).reduce((most, k) => (cosines[k] > cosines[most] ? k : most), 0);
        return { state, said: `Of these, “${texts[top].trim()}” fits best, with a cosine of ${number(cosines[top], 2)}.` };
      }
      const pairs = sources.length === texts.length ? " As many captions as pictures: the first counts as picture 1’s own, and so on." : "";
      const said = `“${texts[column].trim()}” fits picture ${best + 1} best, with a cosine of ${number(among(best), 2)}.${pairs}`;
      return { state: { ...state, selected: [best, column] }, said };
    },
  };
}

/** Attention weights as the widget takes them. @param {import("./client.js").Notes} notes */
function attentionState(notes) {
  const blocks = [...notes].filter(([name]) => name.endsWith(" attention")).map(([, note]) => note);
  const all = blocks.flatMap(({ values }) => [...values]);
  const data = new DataView(Uint16Array.from(all, (weight) => Math.round(65_535 * weight)).buffer);
  return { data, shape: [blocks.length, ...blocks[0].shape] };
}

/** A sentence for the text encoder whose attention is shown. @param {Figure} figure @returns {Kind} */
function makeSentence(figure) {
  const control = element("input", { type: "text", maxlength: LONGEST, autocomplete: "off", spellcheck: "false" });
  control.value = figure.get("tokens").slice(1, -1).join(" ");
  return {
    label: "A sentence of your own",
    hint: `Change it. ${LOADS}`,
    control,
    traits: ["data", "shape", "tokens", "query"],
    async answer(ready) {
      const text = clean(control.value);
      if (!says(text)) return "Write a sentence.";
      const { tokens, notes } = await (await ready()).followText(text);
      const state = { tokens, ...attentionState(notes), query: tokens.length - 1 };
      return { state, said: `The trained text encoder reads ${counted(tokens.length, "token")}; the end token is the query.` };
    },
  };
}

/** A picture for the vision transformer whose attention is shown, or to be cut into patches. @param {Figure} figure @returns {Kind} */
function makePicture(figure) {
  const control = element("input", { type: "file", accept: "image/*" });
  const asks = figure.get("data") !== undefined; // for what a model makes of it
  return {
    label: "A picture of your own",
    hint: PRIVATE,
    control,
    traits: asks ? ["data", "image"] : ["image"],
    async answer(ready) {
      const [file] = control.files ?? [];
      if (!file) return PRIVATE;
      const live = asks ? await ready() : undefined;
      const side = live ? live.size : figure.get("width");
      const photo = await readPicture(file, side).catch(() => undefined);
      if (!photo) return "That file is no picture that this browser can read.";
      const image = pictureOf(photo.levels, side);
      const seen = `The middle of ${photo.name}, ${side} × ${side} pixels. ${PRIVATE}`;
      if (!live) return { state: { image }, said: seen };
      const { data } = attentionState((await live.followImage(photo.levels)).notes);
      return { state: { image, data }, said: `${seen} The model has learned from coloured shapes alone.` };
    },
  };
}

/** @type {Record<string, (figure: Figure) => Kind>} */
const KINDS = {
  SimilarityMatrix: makeCaptions,
  AttentionExplorer: (figure) => (figure.get("grid").length ? makePicture : makeSentence)(figure),
  PatchExplorer: makePicture,
};

/** @param {HTMLElement} root @param {Figure} figure @param {Kind} kind */
function begin(root, figure, { label, hint, control, traits, answer }) {
  const { folder = "", version = "", model = "", size = "", note = "" } = root.dataset;
  const before = hint.endsWith(LOADS) ? `${hint} (${size}). ${note}`.trim() : hint;
  const first = Object.fromEntries(traits.map((name) => [name, figure.get(name)]));
  const begun = control.value;
  const status = element("p", { class: "own-status", role: "status" }, before);
  const back = element("button", { type: "button", hidden: "" }, "Back to the chapter's");
  /** @type {Promise<Live> | undefined} */
  let coming;
  const ready = () => {
    if (!coming) {
      write(status, `The model is on its way, ${size} …`);
      coming = startModel(folder, model, version);
    }
    return coming;
  };
  const ask = onlyTheLast(async () => {
    try {
      const answered = await answer(ready);
      if (back.hidden) return; // it has been taken back meanwhile
      if (typeof answered !== "string") figure.set(answered.state);
      write(status, typeof answered === "string" ? answered : answered.said);
    } catch {
      coming = undefined; // so that the next letter tries again
      write(status, "The model could not be loaded. Change something to try again.");
    }
  });
  control.addEventListener(control.type === "file" ? "change" : "input", () => {
    back.hidden = false;
    ask(undefined);
  });
  back.addEventListener("click", () => {
    control.value = begun;
    back.hidden = true;
    figure.set(first);
    write(status, before);
    control.focus();
  });
  control.id = freshId("own");
  root.replaceChildren(element("label", { for: control.id }, label), control, element("div", {}, status, back));
}

for (const root of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".own"))) {
  const wrapper = /** @type {HTMLElement & { model?: Figure }} */ (root.parentElement?.querySelector(".widget"));
  const make = () => {
    const figure = /** @type {Figure} */ (wrapper.model);
    begin(root, figure, KINDS[wrapper.dataset.widget ?? ""](figure));
  };
  if (wrapper.model) make();
  else wrapper.addEventListener("hydrated", make, { once: true });
}
