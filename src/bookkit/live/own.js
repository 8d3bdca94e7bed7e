// Below a chapter's figure (bookkit/pages/live.py): captions, a sentence, a question or a picture of a reader's
// own, in place of those that the notebook's cell was run with. The model answers here in the page, as Python's does
// in a notebook, and the figure's own widget draws what it says.

import { counted, element, freshId, number, upTo, write } from "../../clipbook/widgets/kit.js";
import { onlyTheLast, similarity, startAnswerer, startModel } from "./client.js";
import { matrixState } from "./matrix.js";
import { readPicture } from "./own_picture.js";
import { levelsOf, pictureOf } from "./pixels.js";
import { remarkOnQuestion, told } from "./questions.js";
import { clean, neverMet, remarkOnCaption, remarkOnRest, says, sentences, strangeIn } from "./texts.js";

/**
 * @typedef {import("./client.js").Live & import("./client.js").Asked} Live of which a model offers its part
 * @typedef {{ get: (name: string) => any, set: (values: Record<string, unknown>) => void }} Figure the widget's model
 * @typedef {Record<string, unknown>} State
 * @typedef {{ label: string, hint: string, control: HTMLInputElement | HTMLTextAreaElement, traits: string[],
 *   answer: (load: () => Promise<Live>) => Promise<{ state: State, said: string } | string> }} Kind of what is brought;
 *   it answers with what the widget shows then, and what one sees; or only says what is missing
 * @typedef {(figure: Figure, given: DOMStringMap) => Kind} Make given by the page: words of training, or questions of it
 */

const [MOST, LONGEST] = [16, 120]; // captions, and characters of each
const LOADS = "The model runs here in the page; the first letter loads it";
const PRIVATE = "It stays in this page.";

/** Captions for the pictures of a similarity matrix. @type {Make} */
function makeCaptions(figure, { words }) {
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
      const lines = clean(control.value).split("\n");
      const written = lines.filter(says);
      const texts = written.slice(0, MOST).map((line) => clean(line.slice(0, LONGEST)));
      if (!texts.length) return "Write a caption.";
      const live = await ready();
      const unread = await live.unread(texts);
      const remarkOn = (/** @type {number} */ k) => sentences(
        written[k].length > LONGEST ? `Only the first ${LONGEST} characters of it are taken.` : "",
        remarkOnRest(unread[k]), remarkOnCaption(texts[k], words?.split(" ")),
        written.length > MOST ? `There is room for ${MOST} lines; those behind are left out.` : "");
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
        return { state, said: `Of these, “${texts[top].trim()}” fits best, with a cosine of ${number(cosines[top], 2)}. ${remarkOn(top)}` };
      }
      const pairs = sources.length === texts.length ? " As many captions as pictures: the first counts as picture 1’s own, and so on." : "";
      const said = `“${texts[column].trim()}” fits picture ${best + 1} best, with a cosine of ${number(among(best), 2)}.${pairs} ${remarkOn(column)}`;
      return { state: { ...state, selected: [best, column] }, said };
    },
  };
}

/** Numbers from 0 to 1 as widgets take them. @param {number[]} values */
const shares = (values) => new DataView(Uint16Array.from(values, (value) => Math.round(65_535 * value)).buffer);

/** Attention weights as the widget takes them. @param {import("./client.js").Notes} notes */
function attentionState(notes) {
  const blocks = [...notes].filter(([name]) => name.endsWith(" attention")).map(([, note]) => note);
  const data = shares(blocks.flatMap(({ values }) => [...values]));
  return { data, shape: [blocks.length, ...blocks[0].shape] };
}

/** A sentence for the text encoder whose attention is shown. @type {Make} */
function makeSentence(figure, { words }) {
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
      const { tokens, rest, notes } = await (await ready()).followText(text);
      const state = { tokens, ...attentionState(notes), query: tokens.length - 1 };
      const cut = rest && ` and no more, so “${rest}” was cut off`;
      const read = `The trained text encoder reads ${counted(tokens.length, "token")}${cut}; the end token is the query.`;
      return { state, said: `${read} ${neverMet(strangeIn(text, words?.split(" ")))}` };
    },
  };
}

/** An answer as the widget takes it. @param {import("./decoder.js").Answer} answered */
const answerState = ({ answer, steps, boxes }) => ({
  answer, boxes,
  tokens: steps.map(({ token }) => token),
  candidates: steps.map(({ candidates }) => candidates.map(({ token, chance }) => [token, chance])),
});

/** A question about each of the pictures, which is answered without any, too. @type {Make} */
function makeQuestion(figure, { questions = "" }) {
  const { patterns, colours, shapes } = JSON.parse(questions);
  const control = element("input", { type: "text", maxlength: LONGEST, autocomplete: "off", spellcheck: "false" });
  control.value = figure.get("questions")[figure.get("picture")][figure.get("question")];
  const sources = /** @type {string[]} */ (figure.get("pictures"));
  return {
    label: "A question of your own about the pictures",
    hint: `Change it. The model knows nine kinds of questions; its answer to another is a guess. ${LOADS}`,
    control,
    traits: ["questions", "answers", "attention", "picture", "question", "token"],
    async answer(ready) {
      const question = clean(control.value).trim();
      if (!says(question)) return "Write a question.";
      const live = await ready();
      const levels = await levelsOf(sources.map((src) => element("img", { src })));
      const each = upTo(sources.length).map((k) => levels.subarray((k * levels.length) / sources.length, ((k + 1) * levels.length) / sources.length));
      const all = await Promise.all([undefined, ...each].map((seen) => live.answer(seen, question))).catch(String);
      if (typeof all === "string") return all.replace(/^(\w*Error: )+/, ""); // such as a location that there is none of
      const [blind, ...seeing] = all;
      const state = {
        questions: seeing.map(() => [question]),
        answers: seeing.map((one) => [[answerState(one), answerState(blind)]]),
        attention: shares(seeing.flatMap(({ steps }) => steps.flatMap(({ looks }) => [...looks]))),
        question: 0,
        token: 0,
      };
      const said = seeing.map(({ answer }, k) => `about picture ${k + 1} ${told(answer)}`).join(", ");
      return { state, said: `It says ${said}; without a picture ${told(blind.answer)}. ${remarkOnQuestion(question, patterns, colours, shapes)}` };
    },
  };
}

/** A picture for the vision transformer whose attention is shown, or to be cut into patches. @type {Make} */
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

/** @type {Record<string, Make>} */
const KINDS = {
  SimilarityMatrix: makeCaptions,
  AttentionExplorer: (figure, given) => (figure.get("grid").length ? makePicture : makeSentence)(figure, given),
  PatchExplorer: makePicture,
  AnswerExplorer: makeQuestion,
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
      coming = /** @type {Promise<any>} */ (model === "answers" ? startAnswerer(folder, version) : startModel(folder, model, version));
    }
    return coming;
  };
  const ask = onlyTheLast(async () => {
    try {
      const answered = await answer(ready);
      if (back.hidden) return; // it has been taken back meanwhile
      if (typeof answered !== "string") figure.set(answered.state);
      write(status, typeof answered === "string" ? answered : answered.said.trim());
    } catch {
      coming = undefined; // so that the next letter tries again
      const isFile = control.type === "file";
      if (isFile) control.value = ""; // so that the same one can be chosen again
      write(status, `The model could not be loaded. ${isFile ? "Choose the picture" : "Change something"} to try again.`);
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
    begin(root, figure, KINDS[wrapper.dataset.widget ?? ""](figure, root.dataset));
  };
  if (wrapper.model) make();
  else wrapper.addEventListener("hydrated", make, { once: true });
}
