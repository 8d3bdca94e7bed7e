// The grid on the cover (bookkit/pages/live.py): plays the model's training, as it was recorded, over the
// table that the page holds, and has the model itself answer captions that a reader writes.

import { SCALES, colour, ink } from "../../clipbook/widgets/colours.js";
import { decode, element, number, upTo, write } from "../../clipbook/widgets/kit.js";
import { onlyTheLast, similarity, startModel } from "./client.js";
import { levelsOf } from "./pixels.js";

/**
 * @typedef {{ folder: string, version: string, frames: string, steps: number[] }} State
 * @typedef {ReturnType<typeof makeTable>} Table
 */

const [FIRST, PACE] = [900, 150]; // ms of the noise, and of a step
const LONGEST = 120; // characters of a caption

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
    /** @param {ArrayLike<number>} cosines row after row */
    show(cosines) {
      rows.forEach((row, r) => row.forEach((cell, c) => {
        const value = cosines[r * columns + c];
        const fill = colour(SCALES.signed, (value + 1) / 2);
        cell.style.backgroundColor = `rgb(${fill})`;
        cell.style.color = ink(fill);
        write(cell, number(value, 2));
      }));
    },
    /** @param {number} column */
    light(column) {
      buttons.forEach((button, c) => button.setAttribute("aria-pressed", String(c === column)));
      for (const row of rows) row.forEach((cell, c) => cell.classList.toggle("grid-chosen", c === column));
    },
  };
}

/**
 * Play, pause, and a slider through training. `still` is for those who prefer no motion.
 * @param {Float64Array} frames @param {number[]} steps @param {Table} table
 */
function makePlayer(frames, steps, table) {
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
    show(0);
    write(button, "Pause");
    timer = setTimeout(advance, FIRST);
  };
  const advance = () => {
    show(step + 1);
    if (step === steps.length - 1) stop();
    else timer = setTimeout(advance, PACE);
  };
  const end = () => {
    stop();
    show(steps.length - 1);
  };
  button.addEventListener("click", () => (timer ? stop() : play()));
  slider.addEventListener("input", () => {
    stop();
    show(Number(slider.value));
  });
  addEventListener("beforeprint", () => timer && end());
  stop();
  show(step);
  const node = element("div", { class: "grid-player" }, button, slider, label);
  return { node, play, end, still: () => still.matches };
}

/**
 * The field in which a caption is changed, and what the model makes of it.
 * @param {State} state @param {Table} table @param {() => void} end the recording
 */
function makeEditor({ folder, version }, table, end) {
  const original = table.captions;
  const captions = [...original];
  let column = 2;
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
  const tell = (/** @type {Float64Array} */ cosines) => {
    const own = upTo(table.columns).map((row) => cosines[row * table.columns + column]);
    const best = own.indexOf(Math.max(...own));
    write(status, `Of the eight pictures “${captions[column].trim()}” fits number ${best + 1} best: ${number(own[best], 2)}.`);
  };
  const answer = onlyTheLast(async () => {
    const texts = captions.map((caption, k) => (/\P{White_Space}/u.test(caption) ? caption : original[k]));
    try {
      if (!coming) {
        write(status, "The model is on its way, 1 MB …");
        coming = start();
      }
      const { live, images } = await coming;
      const cosines = similarity(images, await live.texts(texts), live.width);
      table.show(cosines);
      if (texts[column] === captions[column]) tell(cosines);
      else write(status, "Write a caption.");
    } catch {
      coming = undefined; // so that the next letter tries again
      write(status, "The model could not be loaded. Change the caption to try again.");
    }
  });
  const choose = (/** @type {number} */ next) => {
    column = next;
    table.light(column);
    write(label, `Caption ${column + 1}`);
    input.value = captions[column];
  };
  const change = () => {
    captions[column] = input.value.replace(/\p{Surrogate}/gu, "\ufffd"); // half a character, as browsers send it
    write(/** @type {Element} */ (table.buttons[column].firstElementChild), captions[column]);
    reset.hidden = captions.every((caption, k) => caption === original[k]);
    end();
    answer(undefined);
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
  reset.addEventListener("click", () => {
    original.forEach((caption, k) => {
      captions[k] = caption;
      write(/** @type {Element} */ (table.buttons[k].firstElementChild), caption);
    });
    reset.hidden = true;
    choose(column);
    input.focus();
    answer(undefined);
  });
  choose(column);
  write(status, "Click any caption and change it: the model itself answers, here in the page.");
  return element("div", { class: "grid-editor" }, label, input, status, reset);
}

for (const figure of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".live-grid"))) {
  /** @type {State} */
  const state = JSON.parse(figure.dataset.live ?? "");
  const bytes = Uint8Array.from(atob(state.frames), (letter) => letter.charCodeAt(0));
  const table = makeTable(figure);
  const player = makePlayer(decode(bytes, true), state.steps, table);
  const editor = makeEditor(state, table, player.end);
  figure.querySelector(".grid-controls")?.append(player.node, editor);
  figure.dataset.ready = "";
  if (!player.still()) player.play();
}
