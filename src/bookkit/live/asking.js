// The playground's questions: the model that answers is asked about the chosen picture, and what it writes is
// shown token after token, with what else was probable. Its file is loaded with the first question.

import { element, freshId, number, write } from "../../clipbook/widgets/kit.js";
import { LONGEST } from "./address.js";
import { onlyTheLast, startAnswerer } from "./client.js";
import { questionsAbout, remarkOnQuestion, told } from "./questions.js";
import { SIZE, choices, show } from "./scene_editor.js";

/**
 * @typedef {import("./decoder.js").Answer} Answer
 * @typedef {import("./decoder.js").Step} Step
 * @typedef {{ folder: string, version: string, world: import("./drawing.js").World,
 *   questions: import("./questions.js").Patterns }} Given by the page
 */

const PAUSE = 160; // ms between two tokens

/** A token with its spaces seen. @param {string} token */
const seen = (token) => token.replace(/ /g, "␣").replace(/\n/g, "↵");

/** A line for a token: itself, its probability, and what else was probable. @param {Step} step */
function lineOf({ token, candidates: [{ chance }, ...others] }) {
  const bar = element("span", { class: "play-bar", "aria-hidden": "true" });
  bar.style.setProperty("--share", String(chance));
  const rest = others.map((other) => `${seen(other.token)}\u00a0${number(other.chance, 3)}`).join("   ");
  return element("li", {}, element("code", {}, seen(token)), element("span", {}, number(chance, 3)), bar,
    element("span", { class: "play-others" }, element("span", { class: "kit-hidden" }, "else: "), rest));
}

/** The model, which a page loads once. @type {Promise<import("./client.js").Asked> | undefined} */
let coming;

/** @param {Given} given @param {string} first question @param {(question: string) => void} changed */
export function makeAsking({ folder, version, world, questions: patterns }, first, changed) {
  const known = choices(world);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  /** @type {Uint8ClampedArray} */
  let levels;
  let asked = ""; // the question to which an answer is shown

  const input = element("input", { type: "text", id: freshId("question"), maxlength: LONGEST, autocomplete: "off", spellcheck: "false" });
  input.value = first;
  const send = element("button", { type: "submit" }, "Ask");
  const form = element("form", { class: "play-question" }, element("label", { for: input.id }, "Question"), input, send);
  const samples = Object.keys(patterns).map(() => element("button", { type: "button" }));
  const group = element("div", { class: "play-samples", role: "group", "aria-label": "One question of each kind that it has learned" }, ...samples);
  const status = element("p", { class: "play-said", role: "status" });
  const canvas = element("canvas", { width: SIZE, height: SIZE, "aria-hidden": "true" });
  const stage = element("div", { class: "play-seen" }, canvas);
  const words = element("p", { class: "play-answer", "aria-hidden": "true" });
  const lines = element("ol", { class: "play-tokens", "aria-label": "The answer's tokens, each with its probability and what else was probable" });
  const reply = element("div", { class: "play-reply", hidden: "" }, stage, element("div", {}, words, lines));

  const clear = () => {
    stage.replaceChildren(canvas);
    lines.replaceChildren();
    write(words, "");
  };
  /** @param {Answer} answer @param {boolean} slowly */
  async function tell({ answer, steps, boxes }, slowly) {
    clear();
    reply.hidden = false;
    for (const step of steps) {
      if (slowly && !still.matches && lines.children.length) await new Promise((resolve) => setTimeout(resolve, PAUSE));
      lines.append(lineOf(step));
      if (step !== steps[steps.length - 1]) words.append(step.token);
    }
    write(words, answer || "(no word: it ends at once)");
    for (const [top, left, bottom, right] of boxes) {
      const box = element("span", { class: "play-box" });
      const sides = { left, top, width: right - left, height: bottom - top };
      for (const [side, share] of Object.entries(sides)) box.style.setProperty(side, `${100 * share}%`);
      stage.append(box);
    }
  }
  let due = false; // to be asked again, since the picture has changed
  const run = onlyTheLast(async (/** @type {boolean} */ slowly) => {
    const question = asked;
    if (!coming) write(status, "The model that answers is on its way (1.2 MB) …");
    coming ??= startAnswerer(folder, version);
    const live = await coming.catch(() => undefined);
    if (!live) {
      coming = undefined;
      write(status, "The model that answers could not be loaded. Ask again.");
      return;
    }
    try {
      const answer = await live.answer(levels, question);
      if (!asked) return; // the field was emptied meanwhile
      await tell(answer, slowly);
      status.replaceChildren(element("span", { class: "kit-hidden" }, `It answers ${told(answer.answer)}. `),
        remarkOnQuestion(question, patterns, known.colour, known.shape));
    } catch (error) {
      reply.hidden = true; // such as a location that there is none of
      write(status, String(error).replace(/^(\w*Error: )+/, ""));
    }
  });
  const ask = () => {
    const question = input.value.replace(/\p{Surrogate}/gu, "\ufffd").trim();
    changed(question);
    asked = question;
    reply.hidden ||= !question; // no answer stands beside an empty field
    if (!question) return write(status, "Write a question, or choose one.");
    run(true);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  for (const sample of samples)
    sample.addEventListener("click", () => {
      input.value = sample.textContent ?? "";
      ask();
    });
  const about = element("p", {}, "Here a second model answers, the one that ", element("code", {}, 'clipbook.load("answers")'),
    " gives. It has learned nine kinds of questions about pictures of coloured shapes; the first question loads it (1.2 MB).");
  return {
    node: element("div", { class: "play-ask" }, about, form, group, status, reply),
    ask,
    /** Another picture; `moving` while a hand changes it. @type {(levels: Uint8ClampedArray, scene: import("./drawing.js").Scene | undefined, moving: boolean) => void} */
    update(next, scene, moving) {
      const same = levels?.every((level, k) => level === next[k]);
      due ||= !same;
      levels = next;
      show(canvas, levels);
      questionsAbout(patterns, scene).forEach((text, k) => write(samples[k], text));
      if (!same) stage.replaceChildren(canvas); // a box was that of the picture before
      if (!asked || !due || moving) return;
      due = false;
      run(false);
    },
  };
}
