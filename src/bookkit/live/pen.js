// A pen for the playground's pictures, by mouse, thumb or keys: it colours the pixels that the model sees.

import { element, field } from "../../clipbook/widgets/kit.js";
import { STEPS, show } from "./scene_editor.js";

/** @typedef {import("./drawing.js").Colour} Colour */

/**
 * The levels with all pixels coloured that lie within half the pen's width of a line between two points.
 * @type {(levels: Uint8ClampedArray, from: number[], to: number[], width: number, colour: Colour) => Uint8ClampedArray}
 */
export function stroke(levels, [x0, y0], [x1, y1], width, colour) {
  const side = Math.sqrt(levels.length / 3);
  const drawn = levels.slice();
  const along = (x1 - x0) ** 2 + (y1 - y0) ** 2;
  for (let k = 0; k < side * side; k += 1) {
    const [x, y] = [(k % side) + 0.5, Math.floor(k / side) + 0.5];
    const share = along ? Math.max(0, Math.min(1, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / along)) : 0;
    const distance = Math.hypot(x - x0 - share * (x1 - x0), y - y0 - share * (y1 - y0));
    if (distance <= width / 2) drawn.set(colour, 3 * k);
  }
  return drawn;
}

/**
 * @param {HTMLElement} stage the picture, enlarged @param {HTMLCanvasElement} canvas the picture
 * @param {Record<string, Colour>} colours @param {(levels: Uint8ClampedArray) => void} change
 * @param {() => void} rest called when the pen is lifted
 */
export function makePen(stage, canvas, colours, change, rest) {
  const all = new Map(Object.entries({ ...colours, black: [0, 0, 0], white: [255, 255, 255] }));
  const ink = element("select", {}, ...[...all.keys()].map((value) => element("option", { value }, value)));
  const width = element("select", {}, ...[1, 2, 4, 8].map((value) => element("option", { value }, `${value} px`)));
  width.value = "2";
  const mark = element("span", { class: "play-pen", tabindex: "0", role: "application", hidden: "",
    "aria-label": "Pen: arrow keys move it, with the space bar held down it draws" });
  stage.append(mark);
  const node = element("div", { class: "play-menus", hidden: "" }, field("Pen", ink), field("Width", width));
  /** @type {Uint8ClampedArray} */
  let levels;
  let at = [16, 16]; // in pixels of the picture
  let down = false; // the space bar

  const place = () => {
    mark.style.setProperty("left", `${(100 * at[0]) / canvas.width}%`);
    mark.style.setProperty("top", `${(100 * at[1]) / canvas.height}%`);
  };
  const draw = (/** @type {number[]} */ to) => {
    levels = stroke(levels, at, to, Number(width.value), /** @type {Colour} */ (all.get(ink.value)));
    at = to;
    show(canvas, levels);
    place();
    change(levels);
  };
  const placeOf = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * canvas.width, ((event.clientY - box.top) / box.height) * canvas.height];
  };
  stage.addEventListener("pointerdown", (event) => {
    if (node.hidden) return;
    event.preventDefault(); // no text is selected, and no page scrolled
    mark.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    at = placeOf(event);
    draw(at);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!node.hidden && stage.hasPointerCapture(event.pointerId)) draw(placeOf(event));
  });
  stage.addEventListener("lostpointercapture", () => node.hidden || rest());
  mark.addEventListener("keydown", (event) => {
    const step = STEPS.get(event.key);
    if (!step && event.key !== " ") return;
    event.preventDefault();
    if (event.key === " " && !down) {
      down = true;
      draw(at);
    } else if (step) {
      const to = at.map((value, k) => Math.max(0.5, Math.min(canvas.width - 0.5, Math.floor(value) + 0.5 + step[k])));
      if (down) draw(to);
      else at = to;
      place();
    }
  });
  mark.addEventListener("keyup", (event) => {
    if (event.key !== " ") return;
    down = false;
    rest();
  });
  mark.addEventListener("blur", () => { // the space bar is let go elsewhere
    if (down) rest();
    down = false;
  });
  return {
    node,
    /** For a picture that may be drawn on, or for none. @param {Uint8ClampedArray | undefined} next */
    take(next) {
      node.hidden = mark.hidden = !next;
      stage.classList.toggle("play-drawn", Boolean(next));
      if (!next) return;
      levels = next;
      at = at.map((value) => Math.min(value, canvas.width - 0.5));
      place();
    },
  };
}
