// A tokenizer as a figure that answers: state and checks are in tokenizer_explorer.py.

import { counted, element, field, makeFigures, makeWidget, signFor, upTo, write } from "./kit.js";
import { FIRST_BYTE, FIRST_MERGE, SPECIALS, frame, makeTokenizer } from "./tokenizer.js";

/**
 * @typedef {import("./tokenizer.js").Classes} Classes
 * @typedef {{ text: string, step: number, merges: number[], context_length: number, classes: Classes }} Traits
 * @typedef {ReturnType<typeof makeTokenizer>} Tokenizer
 * @typedef {ReturnType<typeof read>} State
 * @typedef {{ character: string, bytes: number }} Character
 */

// ---- Arithmetic, beside that in tokenizer.js

/** The last one of a list that holds something. @template One @param {One[]} all */
const last = (all) => all[all.length - 1];

/**
 * A word cut wherever a character and a token of the last step end together: lists of characters.
 * Earlier tokens are parts of later ones, so no step has a token that reaches over a cut.
 * @param {string} word @param {number[]} lengths
 */
export function cutIntoPieces(word, lengths) {
  const size = (/** @type {string} */ character) => new TextEncoder().encode(character).length;
  const ends = new Set();
  let end = 0;
  for (const length of lengths) {
    end += length;
    ends.add(end);
  }
  /** @type {Character[][]} */
  const pieces = [];
  /** @type {Character[]} */
  let piece = [];
  let at = 0;
  for (const character of word) {
    piece.push({ character, bytes: size(character) });
    at += size(character);
    if (!ends.has(at)) continue;
    pieces.push(piece);
    piece = [];
  }
  return pieces;
}

// ---- What is written

const SHAPELESS = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u;

/**
 * A character as something that can be seen: a space as ␣, what has no shape as its number.
 * @param {string} character
 */
function shown(character) {
  if (SHAPELESS.test(character)) return signFor(character);
  return /\p{M}/u.test(character) ? `◌${character}` : character;
}

/** A token's text, or null where its bytes are no whole characters. @param {number[]} content */
function textOf(content) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(content));
  } catch {
    return null;
  }
}

const visible = (/** @type {string} */ text) => [...text].map(shown).join("");
const bytesIn = (/** @type {number[]} */ content) =>
  `${content.length === 1 ? "byte" : "bytes"} ${content.join(" ")}`;

/** A token for the ear: “ the”, or its bytes. @param {number[]} content */
function spoken(content) {
  const text = textOf(content);
  return text === null ? bytesIn(content) : `“${text}”`;
}

/**
 * Everything that is drawn, computed from the model's state.
 * @param {Model<Traits>} model @param {Tokenizer} tokenizer
 */
function read(model, tokenizer) {
  const text = model.get("text");
  const steps = tokenizer.steps(text);
  const last = steps.length - 1;
  const step = model.get("step") < 0 ? last : Math.min(model.get("step"), last);
  const { words, made } = steps[step];
  const ids = words.flat();
  const { row, cut } = frame(ids, model.get("context_length"));
  return { text, steps, last, step, made, words, final: steps[last].words, ids, row, cut };
}

// ---- Parts

const ROWS = ["word", "character", "byte", "token"];
const hidden = (/** @type {string} */ text) => element("span", { class: "kit-hidden" }, text);

/**
 * Marks of what a token is, for the style sheet: its kind, and a hue that its id fixes.
 * @type {<Node extends HTMLElement>(node: Node, id: number, made?: number | null) => Node}
 */
function dress(node, id, made) {
  const kind = id < FIRST_BYTE ? SPECIALS[id] : id < FIRST_MERGE ? "byte" : "merged";
  node.classList.add(`tokens-${kind}`);
  node.classList.toggle("tokens-new", id === made);
  node.style.setProperty("--hue", String(Math.round((id * 137.508) % 360))); // neighbours lie far apart
  return node;
}

/** The text, and the slider through its merges. @param {Tools<Traits, never>} tools */
function makeControls({ change, signal }) {
  const typed = element("textarea", {
    rows: 2, maxlength: 400, dir: "auto", spellcheck: "false", autocapitalize: "off", autocomplete: "off",
  });
  const slider = element("input", { type: "range", min: 0, step: 1 });
  const place = element("output", { class: "tokens-place" });
  // as browsers do on sending
  const clean = (/** @type {string} */ text) => text.replace(/\p{Surrogate}/gu, "\ufffd");
  typed.addEventListener("input", () => change({ text: clean(typed.value) }), { signal });
  slider.addEventListener("input", () => {
    const step = Number(slider.value);
    change({ step: step === Number(slider.max) ? -1 : step });
  }, { signal });

  const node = element("div", { class: "tokens-controls" }, field("Text", typed), field("Merges", slider, place));
  place.htmlFor.value = slider.id;
  const update = (/** @type {State} */ { text, last, step, ids }) => {
    const lines = (/** @type {string} */ value) => value.replace(/\r\n?/g, "\n"); // a text field knows no other
    if (clean(typed.value) !== lines(text)) typed.value = text;
    slider.max = String(last);
    slider.value = String(step);
    slider.disabled = last === 0;
    slider.setAttribute("aria-valuetext", `${step} of ${last}, ${counted(ids.length, "token")}`);
    write(place, `${step} of ${last}`);
  };
  return { node, update };
}

/** The merge that was done last, in a sentence. @param {Tokenizer} tokenizer */
function makeSentence(tokenizer) {
  const node = element("p", { class: "tokens-sentence" });
  /** @type {(id: number, made?: number) => HTMLElement} */
  const chip = (id, made) => {
    const content = tokenizer.content(id);
    const text = textOf(content);
    const inside = element("bdi", {}, text === null ? bytesIn(content) : visible(text));
    return dress(element("span", { class: "tokens-chip" }, inside), id, made);
  };
  const update = (/** @type {State} */ { made, text, last }) => {
    if (made === null) {
      const start = text ? "Each byte is a token of its own" : "Type something";
      write(node, `${start}${text && last ? "; move the slider to merge pairs" : ""}.`);
      return;
    }
    const [left, right] = tokenizer.parts(made);
    const rank = made - FIRST_MERGE + 1;
    const name = `makes token ${made}, merge ${rank} of all ${tokenizer.size - FIRST_MERGE}`;
    node.replaceChildren(chip(left), " + ", chip(right), " → ", chip(made, made), " ",
      element("span", { class: "tokens-made" }, name));
  };
  return { node, update };
}

/**
 * Words, characters, bytes and tokens, one above the other.
 * @param {Tokenizer} tokenizer @param {number} length
 */
function makeWords(tokenizer, length) {
  const names = element("div", { class: "tokens-names", "aria-hidden": "true" },
    ...ROWS.map((name) => element("div", { class: `tokens-name-${name}` }, name)));
  const list = element("div", { class: "tokens-list", role: "list", "aria-label": "Tokens" });
  const node = element("div", { class: "tokens-words", role: "group", "aria-label": "Words and their tokens" }, names, list);

  /** @type {(id: number, at: number, made: number | null, cut: boolean) => HTMLElement} */
  const drawToken = (id, at, made, cut) => {
    const content = tokenizer.content(id);
    const bytes = content.map((byte) => element("span", {}, byte));
    const token = dress(element("div", { class: "tokens-token", role: "listitem" },
      hidden(`${spoken(content)}, id ${id}${cut ? ", cut off" : ""}`),
      element("div", { class: "tokens-bytes", "aria-hidden": "true" }, ...bytes),
      element("div", { class: "tokens-id", "aria-hidden": "true" }, id)), id, made);
    token.style.gridColumn = `${at + 1} / span ${content.length}`;
    token.classList.toggle("kit-hatched", cut);
    return token;
  };
  /** @type {(characters: Character[], tokens: HTMLElement[]) => HTMLElement} */
  const drawPiece = (characters, tokens) => {
    const piece = element("div", { class: "tokens-piece" }, ...tokens);
    const ends = new Set(tokens.map((token) => Number(token.style.gridColumnStart)));
    let at = 1;
    for (const { character, bytes } of characters) {
      const text = shown(character);
      const mark = element("bdi", { class: "tokens-character", "aria-hidden": "true" }, text);
      mark.style.gridColumn = `${at} / span ${bytes}`;
      const parted = upTo(bytes - 1).some((k) => ends.has(at + k + 1));
      mark.classList.toggle("tokens-parted", parted);
      mark.classList.toggle("tokens-code", text !== character && text.length > 3);
      mark.classList.toggle("tokens-blank", text !== character);
      piece.append(mark);
      at += bytes;
    }
    piece.style.setProperty("--bytes", String(at - 1));
    return piece;
  };
  const update = (/** @type {State} */ { text, words, final, made }) => {
    let place = 0;
    const drawn = tokenizer.split(text).map((word, k) => {
      const lengths = final[k].map((id) => tokenizer.content(id).length);
      const rest = [...words[k]];
      const pieces = cutIntoPieces(word, lengths).map((characters) => {
        const size = characters.reduce((sum, { bytes }) => sum + bytes, 0);
        const tokens = [];
        for (let at = 0; at < size; place += 1) {
          const id = /** @type {number} */ (rest.shift());
          tokens.push(drawToken(id, at, made, place >= length - 2));
          at += tokenizer.content(id).length;
        }
        return drawPiece(characters, tokens);
      });
      pieces[0].classList.add("tokens-first");
      last(pieces).classList.add("tokens-last");
      return element("div", { class: "tokens-word" }, ...pieces);
    });
    list.replaceChildren(...drawn);
    // where it scrolls, keys scroll it, too
    if (node.scrollHeight > node.clientHeight + 1) node.tabIndex = 0;
    else node.removeAttribute("tabindex");
  };
  return { node, update };
}

/** How many words, characters, bytes and tokens. */
function makeSizes() {
  const figures = makeFigures(ROWS.length);
  const update = (/** @type {State} */ { text, words, ids }) => {
    const sizes = [words.length, [...text].length, new TextEncoder().encode(text).length, ids.length];
    figures.update(sizes.map((size, k) => [String(size), size === 1 ? ROWS[k] : `${ROWS[k]}s`]));
  };
  return { node: figures.node, update };
}

/** What becomes of the tokens in the model's context. @param {State} state */
function fate({ ids, cut, row }) {
  const places = row.length;
  if (cut) return `${places - 2} of ${ids.length} tokens fit; the last ${cut === 1 ? "is" : `${cut} are`} cut off.`;
  const padding = places - 2 - ids.length;
  return `${counted(ids.length, "token")}, start, end, and ${counted(padding, "place")} of padding.`;
}

/** The ids as the model gets them. @param {Tokenizer} tokenizer @param {number} length */
function makeContext(tokenizer, length) {
  const title = element("p", { class: "tokens-title" }, `What the model gets: ${length} ids`);
  const sentence = element("p", { class: "kit-quiet" });
  const list = element("ol", { class: "tokens-context", "aria-label": "The model's input" });
  const node = element("div", { class: "tokens-input" }, title, sentence, list);
  /** @type {(id: number, made: number | null) => HTMLElement} */
  const draw = (id, made) => {
    const content = tokenizer.content(id);
    const special = id < FIRST_BYTE;
    const text = special ? SPECIALS[id] : textOf(content);
    const raw = text === null;
    const label = raw ? content.join(" ") : special ? text : visible(text);
    const written = element("bdi", { class: "tokens-label", "aria-hidden": "true" }, label);
    written.classList.toggle("tokens-raw", raw);
    const ear = hidden(`, ${special ? text : spoken(content)}`);
    return dress(element("li", {}, element("span", { class: "tokens-id" }, id), ear, written), id, made);
  };
  const update = (/** @type {State} */ state) => {
    write(sentence, fate(state));
    list.replaceChildren(...state.row.map((id) => draw(id, state.made)));
  };
  return { node, update };
}

// ---- The widget

/** @param {Tools<Traits, never>} tools */
function build({ model, change, ...tools }) {
  const tokenizer = makeTokenizer(model.get("merges"), model.get("classes"));
  const length = model.get("context_length");
  const changeText = (/** @type {Partial<Traits>} */ values) => {
    // a step that a new text does not have becomes its last, as in Python
    const steps = tokenizer.steps(values.text ?? model.get("text"));
    const step = values.step ?? model.get("step");
    change({ ...values, step: step < steps.length ? step : -1 });
  };
  const parts = [
    makeControls({ ...tools, model, change: changeText }),
    makeSentence(tokenizer),
    makeWords(tokenizer, length),
    makeSizes(),
    makeContext(tokenizer, length),
  ];
  return {
    nodes: parts.map(({ node }) => node),
    parts,
    read: () => read(model, tokenizer),
    announce(/** @type {State} */ state) {
      const { made, step, last } = state;
      const pair = made === null ? "" : tokenizer.parts(made).map((id) => spoken(tokenizer.content(id)));
      const merged = pair && `: ${pair.join(" and ")} become token ${made}`;
      return `Merge ${step} of ${last}${merged}. ${fate(state)}`;
    },
  };
}

export default makeWidget("tokenizer-explorer", "Tokenizer", build);
