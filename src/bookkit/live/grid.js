// The grid on the cover (bookkit/pages/live.py): plays the model's training, as it was recorded, over the
// table that the page holds, and has the model itself answer captions that a reader writes.

import { SCALES, colour, ink } from "../../clipbook/widgets/colours.js";
import { decode, element, number, upTo, write } from "../../clipbook/widgets/kit.js";
import { onlyTheLast, similarity, startModel } from "./client.js";
import { levelsOf } from "./pixels.js";
import { clean, remarkOnCaption, remarkOnRest, says, sentences } from "./texts.js";

/**
 * @typedef {{ folder: string, version: string, words: string[], frames: string, steps: number[] }} State
 * @typedef {ReturnType<typeof makeTable>} Table
 */

const [FIRST, PACE] = [900, 150]; // ms of the noise, and of a step
const LONGEST = 120; // characters of a caption
const INVITATION = "Choose any caption and change it: the model itself answers, here in the page.";

/** The table's cells, to be written and coloured anew. @param {HTMLElement} figure */
function makeTable(figure) {
  const rows = [...figure.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("td")]);
  const buttons = [.../** @type {NodeListOf<HTMLButtonElement>} */ (figure.querySelectorAll(".grid-caption"))];
  const pictures = [.../** @type {NodeListOf<HTMLImageElement>} */ (figure.querySelectorAll("tbody img"))];
  const columns = buttons.length;
  return {
    buttons,
    pictures,
    columns,
    cells: rows,
    captions: buttons.map((button) => button.textContent.trim()),
    /** @param {ArrayLike<number>} cosines row after row; NaN where there is nothing to show */
    show(cosines) {
      rows.forEach((row, r) => row.forEach((cell, c) => {
        const value = cosines[r * columns + c];
        const known = !Number.isNaN(value);
        const fill = colour(SCALES.signed, known ? (value + 1) / 2 : 0.5);
        cell.style.backgroundColor = `rgb(${fill})`;
        cell.style.color = ink(fill);
        write(cell, known ? number(value, 2) : "");
      }));
    },
    /** @param {number} column @param {number} [best] the row that fits it best */
    light(column, best) {
      buttons.forEach((button, c) => button.setAttribute("aria-pressed", String(c === column)));
      pictures.forEach((picture, r) => picture.classList.toggle("grid-best", r === best));
      for (const row of rows) row.forEach((cell, c) => cell.classList.toggle("grid-chosen", c === column));
    },
  };
}

/**
 * Play, pause, and a slider through training. `still` is for those who prefer no motion.
 * @param {Float64Array} frames @param {number[]} steps @param {Table} table @param {() => void} begin with the
 * captions that were recorded
 */
function makePlayer(frames, steps, table, begin) {
  const size = frames.length / steps.length;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const button = element("button", { type: "button", class: "grid-play" });
  const slider = element("input", { type: "range", min: 0, max: steps.length - 1, "aria-label": "Training step" });
  const label = element("span", { class: "grid-step" });
  let [step, timer] = [steps.length - 1, 0]; // no timer where nothing plays

  const show = (/** @type {number} */ next) => {
    step = next;
    table.show(frames.subarray(size * step, size * (step + 1)));
    slider.value = String(step);
    slider.setAttribute("aria-valuetext", `step ${steps[step]}`);
    write(label, `step ${steps[step].toLocaleString("en")}`);
  };
  const stop = () => {
    clearTimeout(timer);
    timer = 0;
    write(button, "Play the training");
  };
  const play = () => {
    begin();
    show(0);
    write(button, "Pause");
    timer = setTimeout(advance, FIRST);
  };
  const advance = () => {
    show(step + 1);
    if (step === steps.length - 1) stop();
    else timer = setTimeout(advance, PACE);
  };
  /** @param {boolean[]} [own] columns of a reader's own, of which nothing was recorded */
  const end = (own) => {
    stop();
    show(steps.length - 1);
    if (own) table.show(frames.slice(-size).map((cosine, k) => (own[k % table.columns] ? NaN : cosine)));
  };
  button.addEventListener("click", () => (timer ? stop() : play()));
  slider.addEventListener("input", () => {
    const chosen = Number(slider.value);
    begin();
    show(chosen);
  });
  addEventListener("beforeprint", () => timer && end());
  stop();
  show(step);
  const node = element("div", { class: "grid-player" }, button, slider, label);
  return { node, play, end, still: () => still.matches };
}

/**
 * The field in which a caption is changed, and what the model makes of it.
 * @param {State} state @param {Table} table @param {(own: boolean[]) => void} end the recording,
 * but for columns of the reader's own
 */
function makeEditor({ folder, version, words }, table, end) {
  const original = table.captions;
  const captions = [...original];
  let column = 2;
  /** @type {Float64Array | undefined} */
  let cosines; // of all captions as they are now, once the model has answered
  let unread = /** @type {string[]} */ ([]); // what it had no place for
  const input = element("input", { type: "text", id: "grid-input", maxlength: LONGEST, autocomplete: "off", spellcheck: "false" });
  const label = element("label", { for: "grid-input" });
  const status = element("p", { class: "grid-status", role: "status" });
  const reset = element("button", { type: "button", hidden: "" }, "Back to the first captions");
  /** @type {Promise<{ live: import("./client.js").Live, images: Float32Array }> | undefined} */
  let coming;

  const start = async () => {
    const live = await startModel(folder, "shapes", version);
    return { live, images: await live.images(await levelsOf(table.pictures)) };
  };
  const tell = () => {
    const caption = captions[column];
    const own = upTo(cosines ? table.columns : 0).map((row) => cosines?.[row * table.columns + column] ?? NaN);
    const best = own.indexOf(Math.max(...own)); // none for no caption, which has no numbers
    table.light(column, best);
    if (!says(caption)) write(status, "Write a caption.");
    else if (best >= 0)
      write(status, sentences(`“${caption.trim()}” fits the picture in row ${best + 1} best: ${number(own[best], 2)}.`,
        remarkOnRest(unread[column]), remarkOnCaption(caption, words)));
  };
  let edits = 0; // so that no answer is shown that comes after the next edit
  const answer = onlyTheLast(async (/** @type {number} */ asked) => {
    const [empty, texts] = [captions.map((text) => !says(text)), captions.map((text, k) => (says(text) ? text : original[k]))];
    try {
      if (!coming) {
        write(status, "The model is on its way, 1 MB …");
        coming = start();
      }
      const { live, images } = await coming;
      const [rests, embeddings] = await Promise.all([live.unread(texts), live.texts(texts)]);
      if (asked !== edits) return;
      unread = rests;
      cosines = similarity(images, embeddings, live.width)
        .map((value, k) => (empty[k % table.columns] ? NaN : value));
      table.show(cosines);
      tell();
    } catch {
      coming = undefined; // so that the next letter tries again
      if (asked === edits) write(status, "The model could not be loaded. Change the caption to try again.");
    }
  });
  const choose = (/** @type {number} */ next) => {
    column = next;
    tell();
    write(label, `Caption ${column + 1}`);
    input.value = captions[column];
  };
  const change = () => {
    edits += 1;
    captions[column] = clean(input.value);
    cosines = undefined;
    write(/** @type {Element} */ (table.buttons[column].firstElementChild), captions[column]);
    const own = captions.map((caption, k) => caption !== original[k]);
    reset.hidden = !own.includes(true);
    end(own);
    answer(edits);
  };
  input.addEventListener("input", change);
  table.buttons.forEach((button, k) => {
    button.disabled = false;
    button.addEventListener("click", () => {
      choose(k);
      input.focus();
      input.select();
    });
  });
  table.cells.forEach((row) => row.forEach((cell, c) => cell.addEventListener("click", () => choose(c))));
  const back = () => {
    edits += 1;
    end([]);
    cosines = undefined;
    original.forEach((caption, k) => {
      captions[k] = caption;
      write(/** @type {Element} */ (table.buttons[k].firstElementChild), caption);
    });
    reset.hidden = true;
    choose(column);
    write(status, INVITATION);
  };
  reset.addEventListener("click", () => {
    back();
    input.focus();
    answer(edits);
  });
  choose(column);
  write(status, INVITATION);
  return { node: element("div", { class: "grid-editor" }, label, input, status, reset), back };
}

for (const figure of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".live-grid"))) {
  /** @type {State} */
  const state = JSON.parse(figure.dataset.live ?? "");
  const bytes = Uint8Array.from(atob(state.frames), (letter) => letter.charCodeAt(0));
  const table = makeTable(figure);
  const player = makePlayer(decode(bytes, true), state.steps, table, () => editor.back());
  const editor = makeEditor(state, table, player.end);
  figure.querySelector(".grid-controls")?.append(player.node, editor.node);
  figure.dataset.ready = "";
  if (!player.still()) player.play();
}
