// A question about a picture, answered token by token: what is kept is in answer_explorer.py.

import {
  decode, element, field, freshId, light, makeNodesChoosable, makeStage, makeWidget, number, picture, signFor,
  upTo, write,
} from "./kit.js";

/**
 * @typedef {[text: string, p: number]} Candidate
 * @typedef {{ answer: string, tokens: string[], candidates: Candidate[][], boxes: number[][] }} Way
 * @typedef {{ pictures: string[], questions: string[][], answers: Way[][][], attention: DataView, grid: number[],
 *   picture: number, question: number, token: number }} Traits
 * @typedef {ReturnType<typeof read>} State
 * @typedef {{ node: HTMLElement, update: (state: State) => void }} Part
 */

// ---- Arithmetic

/**
 * Where the weights of a picture's question begin among those of all.
 * @param {Way[][][]} answers @param {number} patches @param {number} picture @param {number} question
 */
export function startOf(answers, patches, picture, question) {
  const before = [...answers.slice(0, picture).flat(), ...answers[picture].slice(0, question)];
  return before.reduce((sum, [seeing]) => sum + seeing.tokens.length * patches, 0);
}

/**
 * Everything that is drawn, computed from the model's state, for a token of the answer.
 * @param {Model<Traits>} model @param {ArrayLike<number>} weights @param {number} token
 */
function read(model, weights, token) {
  const [shown, question] = [model.get("picture"), model.get("question")];
  const [rows, columns] = model.get("grid");
  const [seeing, blind] = model.get("answers")[shown][question];
  const current = Math.min(token, seeing.tokens.length - 1);
  const start = startOf(model.get("answers"), rows * columns, shown, question) + current * rows * columns;
  const row = upTo(rows * columns).map((patch) => weights[start + patch]);
  return { shown, question, asked: model.get("questions")[shown][question], seeing, blind, token: current, row };
}

// ---- What is written

/** A token as something that can be seen. @param {string} token */
const visible = (token) => token.trim().replace(/[\p{Cc}\p{Noncharacter_Code_Point}]/gu, signFor) || "␣";

/** An answer that is told; the model may end before its first word. @param {string} answer */
const told = (answer) => (answer ? `“${answer}”` : "no word");

/**
 * The answer, with and without the picture, and the token that is looked at, as in Python's `describe`.
 * @param {State} state @param {number} columns
 */
function finding({ asked, seeing, blind, token, row }, columns) {
  const [text, p] = seeing.candidates[token][0];
  const patch = row.indexOf(Math.max(...row));
  return `Asked “${asked}”, it answers ${told(seeing.answer)}; without the picture, ${told(blind.answer)}. ` +
    `Token ${token + 1} of ${seeing.tokens.length} is “${text.trim()}” (${number(p, 2)}); before it the model ` +
    `looks most at row ${Math.floor(patch / columns) + 1}, column ${(patch % columns) + 1} (${number(row[patch], 2)}).`;
}

// ---- Parts

/** Small pictures, of which one is pressed. @param {Tools<Traits, number>} tools */
function makePictureChoice({ model, change, signal }) {
  const group = freshId("picture");
  const inputs = model.get("pictures").map((_, value) => element("input", { type: "radio", name: group, value }));
  const labels = inputs.map((input, k) =>
    element("label", {}, input, element("span", {}, picture(model.get("pictures")[k], `picture ${k + 1}`))));
  const node = element("fieldset", { class: "answer-choice" }, element("legend", {}, "Picture"),
    element("div", { class: "kit-segments" }, ...labels));
  node.addEventListener("change", ({ target }) => {
    const { value } = /** @type {HTMLInputElement} */ (target);
    change({ token: 0, question: 0, picture: Number(value) }); // one by one: each must make sense
  }, { signal });
  const update = (/** @type {State} */ { shown }) => {
    inputs.forEach((input, k) => {
      input.checked = k === shown;
    });
  };
  return { node, update };
}

/** The questions of the picture. @param {Tools<Traits, number>} tools */
function makeQuestionChoice({ model, change, signal }) {
  const select = element("select", { class: "answer-question" });
  select.addEventListener("change", () => change({ token: 0, question: Number(select.value) }), { signal });
  let filled = -1; // the picture whose questions it offers
  const update = (/** @type {State} */ { shown, question }) => {
    if (filled !== shown) {
      const texts = model.get("questions")[shown];
      select.replaceChildren(...texts.map((text, value) => element("option", { value }, text)));
      filled = shown;
    }
    select.value = String(question);
  };
  return { node: field("Question", select), update };
}

/** The picture under the weights of its patches, and the boxes that the answer tells. @param {Model<Traits>} model */
function makeLook(model) {
  const [rows, columns] = model.get("grid");
  const cells = upTo(rows * columns).map(() => element("div", { class: "answer-patch" }));
  const image = picture("", "");
  const stage = makeStage(image, cells, columns, { role: "img" });
  const boxes = element("div", { class: "answer-boxes", "aria-hidden": "true" });
  stage.append(boxes);
  const update = (/** @type {State} */ state) => {
    const { shown, row, seeing, asked } = state;
    const source = model.get("pictures")[shown];
    if (image.getAttribute("src") !== source) image.setAttribute("src", source);
    const most = Math.max(...row);
    cells.forEach((cell, k) => cell.style.setProperty("--share", String(row[k] / most)));
    stage.querySelector(".kit-lattice")?.setAttribute("aria-label",
      `The picture that is asked “${asked}”${seeing.boxes.length ? ", with the box of the answer" : ""}`);
    boxes.replaceChildren(...seeing.boxes.map(([top, left, bottom, right]) => {
      const box = element("div", { class: "answer-box" });
      Object.assign(box.style, { top: `${100 * top}%`, left: `${100 * left}%`,
        height: `${100 * (bottom - top)}%`, width: `${100 * (right - left)}%` });
      return box;
    }));
  };
  const node = element("div", {}, element("p", { class: "kit-quiet" }, "Where it looks before this token"), stage);
  return { node, update };
}

/** The answer's tokens; what comes after the current one isn't written yet. @param {Tools<Traits, number>} tools */
function makeTokens(tools) {
  const { model, select, signal } = tools;
  const list = element("div", {
    class: "answer-tokens", role: "listbox", "aria-label": "Answer", "aria-orientation": "horizontal",
  });
  const next = element("button", { type: "button" }, "Next token");
  makeNodesChoosable(list, tools);
  next.addEventListener("click", () => {
    if (next.getAttribute("aria-disabled") !== "true") select(model.get("token") + 1);
  }, { signal });
  /** @type {string[]} */
  let filled = [];
  const update = (/** @type {State} */ { seeing, token }) => {
    if (filled !== seeing.tokens) {
      list.replaceChildren(...seeing.tokens.map((text, k) =>
        element("div", { role: "option", "data-choice": k }, element("bdi", {}, visible(text)))));
      filled = seeing.tokens;
    }
    light(list, token, model.get("token"));
    [...list.children].forEach((node, k) => node.classList.toggle("answer-later", k > token));
    next.setAttribute("aria-disabled", String(model.get("token") >= seeing.tokens.length - 1));
  };
  return { node: element("div", { class: "answer-line" }, list, next), update };
}

/**
 * The most probable tokens as bars. `way` chooses whose they are.
 * @param {string} title @param {(state: State) => Way} way @param {number} count
 */
function makeCandidates(title, way, count) {
  const rows = upTo(count).map(() => {
    const [text, bar, value] = [element("bdi"), element("span", { class: "answer-bar" }), element("span")];
    const node = element("div", {}, text, element("span", { class: "answer-track" }, bar), value);
    return { node, text, bar, value };
  });
  const answer = element("bdi", { class: "answer-whole" });
  const node = element("div", { class: "answer-candidates" },
    element("p", { class: "kit-quiet" }, title), answer, ...rows.map((row) => row.node));
  const update = (/** @type {State} */ state) => {
    const { answer: whole, candidates } = way(state);
    write(answer, whole || "(nothing)");
    const several = candidates[Math.min(state.token, candidates.length - 1)];
    rows.forEach(({ node: line, text, bar, value }, k) => {
      line.hidden = k >= several.length;
      if (line.hidden) return;
      write(text, visible(several[k][0]));
      bar.style.width = `${100 * several[k][1]}%`;
      write(value, number(several[k][1], 2));
    });
  };
  return { node, update };
}

// ---- The widget

/** @param {Tools<Traits, number>} tools */
function build(tools) {
  const { model } = tools;
  const weights = decode(model.get("attention"), false);
  const [, columns] = model.get("grid");
  const lists = model.get("answers").flat(2).flatMap((way) => way.candidates);
  const count = Math.max(...lists.map((several) => several.length));
  const choices = [makePictureChoice(tools), makeQuestionChoice(tools)];
  const look = makeLook(model);
  const tokens = makeTokens(tools);
  const ways = [
    makeCandidates("With the picture", (state) => state.seeing, count),
    makeCandidates("Without the picture", (state) => state.blind, count),
  ];
  const both = element("div", { class: "answer-ways" }, ...ways.map(({ node }) => node));
  const side = element("div", {}, tokens.node, both);
  const sentence = element("p", { class: "answer-finding" });
  const tell = (/** @type {State} */ state) => write(sentence, finding(state, columns));
  return {
    nodes: [
      element("div", { class: "kit-controls" }, ...choices.map(({ node }) => node)),
      element("div", { class: "answer-body" }, look.node, side),
      sentence,
    ],
    parts: [...choices, look, tokens, ...ways, { update: tell }],
    read: (/** @type {number} */ token) => read(model, weights, token),
    announce: (/** @type {State} */ state) => finding(state, columns),
  };
}

export default makeWidget("answer-explorer", "A picture that answers", build, {
  choice: "token",
  rebuilt: ["attention"], // changes with what is asked
});
