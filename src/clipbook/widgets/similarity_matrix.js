// The similarity matrix as a figure that answers: state and checks are in similarity_matrix.py.
// Rows are pictures, columns are captions; matrices are flat arrays, row after row.

import { SCALES, colour, ink } from "./colours.js";
import {
  decode, element, field, makeChoosable, makeFigures, makeFullScreen, makeStack, makeValues, makeWidget, number, pen,
  picture, upTo, write,
} from "./kit.js";

/**
 * @typedef {"cosine" | "logits" | "row" | "column" | "sigmoid" | "gradient" | "sigmoid_gradient"} ViewName
 * @typedef {{ frames: DataView, images: string[], captions: string[], steps: number[], step: number,
 *   also_true: number[], temperature: number, bias: number, view: ViewName, selected: Cell }} Traits
 * @typedef {[number, number]} Cell its row and its column
 * @typedef {{ start: number, stride: number, length: number }} Line of a flat array
 * @typedef {ReturnType<typeof compute>} Matrix
 * @typedef {ReturnType<typeof read>} State
 * @typedef {{ label: string, reading: string, scale: number[][], range: (matrix: Matrix) => number[],
 *   digits: (matrix: Matrix) => number, ends?: string[], values: (matrix: Matrix) => Float64Array }} Kind of view
 * @typedef {{ at: (event: MouseEvent | KeyboardEvent) => Cell | undefined, focus: (cell: Cell) => void,
 *   update: (state: State) => void }} Cells
 */

// ---- Arithmetic

/**
 * Where the cells of each row or each column are in a flat array.
 * @type {(rows: number, columns: number, along: "row" | "column") => Line[]}
 */
function lines(rows, columns, along) {
  const [count, length] = along === "row" ? [rows, columns] : [columns, rows];
  const [start, stride] = along === "row" ? [columns, 1] : [1, columns];
  return upTo(count).map((k) => ({ start: k * start, stride, length }));
}

/** @type {(logits: ArrayLike<number>, line: Line) => number} */
function logSumExp(logits, { start, stride, length }) {
  const end = start + length * stride;
  let top = -Infinity;
  for (let k = start; k < end; k += stride) top = Math.max(top, logits[k]);
  let sum = 0;
  for (let k = start; k < end; k += stride) sum += Math.exp(logits[k] - top);
  return top + Math.log(sum);
}

/**
 * Softmax of logits over each row or each column.
 * @type {(logits: ArrayLike<number>, rows: number, columns: number, along: "row" | "column") => Float64Array}
 */
export function softmax(logits, rows, columns, along) {
  const result = new Float64Array(logits.length);
  for (const line of lines(rows, columns, along)) {
    const total = logSumExp(logits, line);
    for (let n = 0, k = line.start; n < line.length; n += 1, k += line.stride)
      result[k] = Math.exp(logits[k] - total);
  }
  return result;
}

/** Each logit for itself as a probability. @param {ArrayLike<number>} logits */
export const sigmoid = (logits) => Float64Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)));

/**
 * InfoNCE of a square matrix of logits, in nats: the mean of both directions' cross-entropies.
 * @param {ArrayLike<number>} logits @param {number} size
 */
export function infoNCE(logits, size) {
  const both = [...lines(size, size, "row"), ...lines(size, size, "column")];
  const own = (/** @type {number} */ k) => (k % size) * (size + 1);
  return both.reduce((sum, line, k) => sum + logSumExp(logits, line) - logits[own(k)], 0) / (2 * size);
}

/**
 * What InfoNCE gains where the logit of a cell grows by 1: its derivative, cell by cell.
 * @type {(overRow: Float64Array, overColumn: Float64Array, size: number) => Float64Array}
 */
export function gradient(overRow, overColumn, size) {
  const own = (/** @type {number} */ k) => (k % (size + 1) === 0 ? 1 : 0);
  return overRow.map((value, k) => ((value + overColumn[k]) / 2 - own(k)) / size);
}

/**
 * SigLIP's loss, in nats: all cells' surprise at being a pair or none, divided by the pairs.
 * @param {Float64Array} logits @param {number} size
 */
export function sigmoidLoss(logits, size) {
  const cost = (/** @type {number} */ x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))); // ln(1 + e^x)
  return logits.reduce((sum, x, k) => sum + cost(k % (size + 1) === 0 ? -x : x), 0) / size;
}

/**
 * What SigLIP's loss gains where the logit of a cell grows by 1: belief minus truth, over the pairs.
 * @param {Float64Array} beliefs the sigmoids @param {number} size
 */
export const sigmoidGradient = (beliefs, size) =>
  beliefs.map((belief, k) => (belief - (k % (size + 1) === 0 ? 1 : 0)) / size);

/**
 * In how many rows or columns of a square matrix the diagonal's cell is larger than all others.
 * @type {(values: ArrayLike<number>, size: number, along: "row" | "column") => number}
 */
export function peaksOnDiagonal(values, size, along) {
  return lines(size, size, along).filter(({ start, stride }, line) => {
    const own = values[start + line * stride];
    for (let k = 0; k < size; k += 1) if (k !== line && values[start + k * stride] >= own) return false;
    return true;
  }).length;
}

// ---- Views: one entry each; Python's VIEWS holds the same names

const slope = {
  scale: SCALES.signed,
  range: (/** @type {Matrix} */ { rows }) => [-1 / rows, 1 / rows],
  digits: (/** @type {Matrix} */ { rows }) => 2 + Math.ceil(Math.log10(rows)),
  ends: ["↑ raised", "lowered ↓"],
};
const probability = { scale: SCALES.magnitude, range: () => [0, 1], digits: () => 2 };
/** @type {Record<ViewName, Kind>} */
const VIEWS = {
  cosine: {
    label: "cosine similarity",
    reading: "How alike are the two directions? 1: the same, 0: at a right angle, −1: opposite.",
    scale: SCALES.signed,
    range: () => [-1, 1],
    digits: () => 2,
    values: (matrix) => matrix.cosines,
  },
  logits: {
    label: "logits",
    reading: "Each cosine divided by τ: what softmax starts from. The smaller τ, the farther apart.",
    scale: SCALES.signed,
    range: ({ temperature }) => [-1 / temperature, 1 / temperature],
    digits: ({ temperature }) => (temperature <= 0.01 ? 0 : temperature <= 0.3 ? 1 : 2),
    values: (matrix) => matrix.logits,
  },
  row: {
    ...probability,
    label: "softmax over each row",
    reading: "Which caption does a picture choose? Each row adds up to 1.",
    values: (matrix) => matrix.overRow,
  },
  column: {
    ...probability,
    label: "softmax over each column",
    reading: "Which picture does a caption choose? Each column adds up to 1.",
    values: (matrix) => matrix.overColumn,
  },
  sigmoid: {
    ...probability,
    label: "sigmoid of each cell",
    reading: "Are these two a pair? Each cell, logit plus b, answers for itself; nothing adds up to 1.",
    values: (matrix) => matrix.sigmoid,
  },
  gradient: {
    ...slope,
    label: "gradient of InfoNCE",
    reading: "Below 0 a higher logit would lower InfoNCE: training raises the cell. Above 0, the reverse.",
    values: (matrix) => matrix.gradient,
  },
  sigmoid_gradient: {
    ...slope,
    label: "gradient of the sigmoid loss",
    reading: "Each cell's own: its belief, the sigmoid, minus the truth, 1 or 0, and divided by the pairs.",
    values: (matrix) => matrix.sigmoidGradient,
  },
};

/** Views of a loss, which needs pairs. @param {ViewName} name */
const needsPairs = (name) => name === "gradient" || name === "sigmoid_gradient";
/** Views that the bias changes. @param {ViewName} name */
const takesBias = (name) => name === "sigmoid" || name === "sigmoid_gradient";

const MOST_PRINTED = 10; // columns; in a wider matrix the cells hold no numbers
const MOST_ELEMENTS = 256; // cells; more of them are drawn on a canvas

/**
 * How far along its view's range a value lies, 0 to 1.
 * @type {(view: { range: number[] }, value: number) => number}
 */
const shareOf = ({ range: [low, high] }, value) => (value - low) / (high - low);

/** Letters in a line, so that a text breaks into no more lines than these. @type {(text: string, lines: number) => number} */
export function lineLength(text, lines) {
  const words = text.split(" ");
  for (let room = Math.ceil(text.length / lines); ; room += 1) {
    let [count, used] = [0, Infinity]; // lines, and letters of the last
    for (const { length } of words) {
      const fits = used + 1 + length <= room;
      if (!fits) count += 1;
      used = fits ? used + 1 + length : length;
    }
    if (count <= lines || room >= text.length) return room;
  }
}

/** As many pictures as captions: the diagonal holds the pairs. @param {Model<Traits>} model */
const isSquare = (model) => model.get("images").length === model.get("captions").length;

/** @type {WeakMap<DataView, Float64Array>} */
const decoded = new WeakMap(); // by the bytes, which are new where anything in them is
/** The cosines of the step that is shown. @param {Model<Traits>} model @param {number} size */
function cosinesOf(model, size) {
  const bytes = model.get("frames");
  const known = decoded.get(bytes) ?? decode(bytes, true);
  decoded.set(bytes, known);
  return known.subarray(size * model.get("step"), size * (model.get("step") + 1));
}

/** What every view may show. @param {Model<Traits>} model */
function compute(model) {
  const rows = model.get("images").length;
  const columns = model.get("captions").length;
  const temperature = model.get("temperature");
  const cosines = cosinesOf(model, rows * columns);
  const logits = cosines.map((value) => value / temperature);
  const biased = logits.map((value) => value + model.get("bias"));
  const overRow = softmax(logits, rows, columns, "row");
  const overColumn = softmax(logits, rows, columns, "column");
  const beliefs = sigmoid(biased);
  const slopes = isSquare(model)
    ? { gradient: gradient(overRow, overColumn, rows), sigmoidGradient: sigmoidGradient(beliefs, rows) }
    : { gradient: new Float64Array(), sigmoidGradient: new Float64Array() };
  return { rows, columns, temperature, cosines, logits, biased, overRow, overColumn, sigmoid: beliefs, ...slopes };
}

/**
 * All that is drawn, computed from the model's state, when a cell is told in full.
 * @param {Model<Traits>} model @param {Cell} current
 */
function read(model, current) {
  const matrix = compute(model);
  const asked = model.get("view");
  const name = needsPairs(asked) && !isSquare(model) ? "cosine" : asked;
  const view = VIEWS[name];
  return {
    ...matrix,
    view: { ...view, name, range: view.range(matrix), digits: view.digits(matrix) },
    values: view.values(matrix),
    current,
    k: current[0] * matrix.columns + current[1], // its place in a flat array
  };
}

/**
 * What a cell is besides its value: "pair", "also" (true of the picture as well) or "".
 * @type {(model: Model<Traits>) => (row: number, column: number) => string}
 */
const markOf = (model) => {
  const columns = model.get("captions").length;
  const also = new Set(model.get("also_true"));
  return (row, column) =>
    isSquare(model) && row === column ? "pair" : also.has(row * columns + column) ? "also" : "";
};

// ---- Controls

/** @type {(letter: string, place: number) => HTMLElement} */
const symbol = (letter, place) =>
  element("span", { class: "matrix-symbol" }, element("i", {}, letter), element("sub", {}, place + 1));
const short = (/** @type {number} */ value) => String(Number(value.toPrecision(3)));
/** A loss as it is printed: a power of ten where three decimals would show none. @param {number} loss */
export const lossText = (loss) =>
  (loss > 0 && loss < 0.0005 ? loss.toExponential(0) : loss.toFixed(3)).replace("-", "−");

/** A cell's value; what has too many digits for a cell as a power of ten. @type {(value: number, digits: number) => string} */
export const cellText = (value, digits) =>
  Math.abs(value) < 1e5 ? number(value, digits) : value.toExponential(0).replace("+", "").replace("-", "−");

/** @typedef {(value: number) => number} Scale */
const FIELDS = {
  temperature: {
    label: "Temperature", letter: "τ", slider: { min: -2, max: 1, step: 0.01 }, // of its logarithm
    toSlider: Math.log10, fromSlider: /** @type {Scale} */ ((at) => 10 ** at),
    valid: (/** @type {number} */ value) => value > 0, refusal: "A temperature is a number above 0; try 0.07.",
  },
  bias: {
    label: "Bias", letter: "b", slider: { min: -20, max: 20, step: 0.1 },
    toSlider: /** @type {Scale} */ ((value) => value), fromSlider: /** @type {Scale} */ ((at) => at),
    valid: Number.isFinite, refusal: "A bias is a number; try −10.",
  },
};

/**
 * A slider and a number for one trait.
 * @param {"temperature" | "bias"} trait @param {Tools<Traits, Cell>} tools
 */
function makeField(trait, { model, change, signal }) {
  const { label, letter, toSlider, fromSlider, valid, refusal, slider: range } = FIELDS[trait];
  const slider = element("input", { type: "range", ...range });
  const typed = element("input", { type: "number", step: "any", "aria-label": `${label}, as a number` });
  slider.addEventListener("input", () => {
    change({ [trait]: Number(short(fromSlider(slider.valueAsNumber))) });
  }, { signal });
  typed.addEventListener("input", () => {
    const fine = valid(typed.valueAsNumber);
    typed.setCustomValidity(fine ? "" : refusal);
    if (fine) change({ [trait]: typed.valueAsNumber });
  }, { signal });
  typed.addEventListener("change", () => typed.reportValidity(), { signal });

  const node = field(element("span", {}, `${label} `, element("i", {}, letter)), slider, typed);
  node.classList.add(`matrix-${trait}`);
  const update = (/** @type {boolean} */ enabled) => {
    const value = model.get(trait);
    node.classList.toggle("matrix-idle", !enabled);
    slider.value = String(toSlider(value));
    slider.setAttribute("aria-valuetext", short(value));
    const beingTyped = typed.valueAsNumber === value || !typed.validity.valid; // "0." is on the way to 0.05
    if (typed.matches(":focus") && beingTyped) return;
    typed.value = short(value);
    typed.setCustomValidity("");
  };
  return { node, update };
}

/** View, temperature, bias. @param {Tools<Traits, Cell>} tools */
function makeControls(tools) {
  const { model, change, signal } = tools;
  const names = /** @type {ViewName[]} */ (Object.keys(VIEWS));
  const options = names.map((name) => element("option", { value: name }, VIEWS[name].label));
  const view = element("select", {}, ...options);
  for (const [k, name] of names.entries())
    options[k].disabled = needsPairs(name) && !isSquare(model); // no pairs, no loss, no gradient
  view.addEventListener("change", () => change({ view: /** @type {ViewName} */ (view.value) }), { signal });

  const reading = element("p", { class: "matrix-reading" });
  const [temperature, bias] = [makeField("temperature", tools), makeField("bias", tools)];
  const node = element("div", { class: "matrix-controls" }, field("Show", view), temperature.node, reading, bias.node);
  const update = (/** @type {State} */ matrix) => {
    view.value = matrix.view.name;
    write(reading, matrix.view.reading);
    temperature.update(true);
    bias.update(takesBias(matrix.view.name));
  };
  return { node, update };
}

/** The cell that an element stands for. @param {Element | null} node @returns {Cell | undefined} */
function cellOf(node) {
  const [row, column] = node?.getAttribute("data-cell")?.split(",").map(Number) ?? [];
  return row === undefined ? undefined : [row, column];
}

// ---- Cells: elements where they are few, else a canvas and one element, the selected cell

/**
 * Each cell an element; `lines` are the rows that they stand in.
 * @type {(model: Model<Traits>, lines: HTMLElement[], printed: boolean) => Cells}
 */
function elementCells(model, lines, printed) {
  const mark = markOf(model);
  const columns = model.get("captions").length;
  const cells = lines.flatMap((line, row) => {
    const inRow = upTo(columns).map((column) =>
      element("div", { role: "gridcell", tabindex: -1, "data-cell": `${row},${column}` }));
    inRow.forEach((cell, column) => mark(row, column) && cell.classList.add(`matrix-${mark(row, column)}`));
    line.append(...inRow);
    return inRow;
  });
  return {
    at: (event) => cellOf(/** @type {Element} */ (event.target).closest("[data-cell]")),
    focus: ([row, column]) => cells[row * columns + column].focus(),
    update(matrix) {
      const [row, column] = model.get("selected");
      cells.forEach((cell, k) => {
        const fill = colour(matrix.view.scale, shareOf(matrix.view, matrix.values[k]));
        const selected = k === row * columns + column;
        cell.style.backgroundColor = `rgb(${fill})`;
        cell.style.color = ink(fill);
        const text = cellText(matrix.values[k], matrix.view.digits);
        // ".102" fits where "0.102" would not
        if (printed) write(cell, matrix.view.digits > 2 ? text.replace("0.", ".") : text);
        else cell.setAttribute("aria-label", text);
        cell.tabIndex = selected ? 0 : -1;
        cell.setAttribute("aria-selected", String(selected));
      });
    },
  };
}

/**
 * All cells on a canvas. What has the focus and is read out is an element over the selected one.
 * @type {(model: Model<Traits>, lines: HTMLElement[], body: HTMLElement) => Cells}
 */
function canvasCells(model, lines, body) {
  const mark = markOf(model);
  const [rows, columns] = [lines.length, model.get("captions").length];
  const side = Math.min(64, Math.ceil(1200 / columns)); // device pixels; the page scales them
  const canvas = element("canvas", { width: columns * side, height: rows * side, "aria-hidden": "true" });
  const small = element("canvas", { width: columns, height: rows }); // a pixel a cell
  const [large, dots] = [pen(canvas), pen(small)];
  const pixels = dots.createImageData(columns, rows);
  const marked = upTo(rows * columns).map((k) => [Math.floor(k / columns), k % columns])
    .map(([row, column]) => ({ row, column, mark: mark(row, column) })).filter((cell) => cell.mark);
  let cell = element("div");
  body.append(canvas);

  const paint = (/** @type {State} */ { view, values }) => {
    values.forEach((value, k) => pixels.data.set([...colour(view.scale, shareOf(view, value)), 255], 4 * k));
    dots.putImageData(pixels, 0, 0);
    large.imageSmoothingEnabled = false;
    large.drawImage(small, 0, 0, canvas.width, canvas.height);
    const line = Math.max(1, side / 14);
    large.lineWidth = line;
    for (const { row, column, mark } of marked) {
      const at = 4 * (row * columns + column);
      large.fillStyle = large.strokeStyle = ink([...pixels.data.subarray(at, at + 3)]);
      const [x, y] = [column * side, row * side];
      large.beginPath();
      if (mark === "pair") large.rect(x + 1.5 * line, y + 1.5 * line, side - 3 * line, side - 3 * line);
      else large.arc(x + side / 2, y + side / 2, side / 6, 0, 7);
      if (mark === "pair") large.stroke();
      else large.fill();
    }
  };
  const place = (/** @type {Cell} */ [row, column]) => {
    const next = element("div", { role: "gridcell", tabindex: 0, "data-cell": `${row},${column}`,
      "aria-colindex": column + 2, "aria-selected": "true", style: `grid-column: ${column + 2}` });
    const focused = cell.matches(":focus");
    lines[row].append(next);
    if (focused) next.focus();
    cell.remove();
    cell = next;
  };
  return {
    at(event) {
      if (!(event instanceof MouseEvent)) return cellOf(/** @type {Element} */ (event.target));
      const box = canvas.getBoundingClientRect();
      const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
      const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
      return row >= 0 && row < rows && column >= 0 && column < columns ? [row, column] : undefined;
    },
    focus: () => cell.focus(),
    update(matrix) {
      const selected = model.get("selected");
      paint(matrix);
      if (cell.dataset.cell !== String(selected)) place(selected);
      const [row, column] = selected;
      cell.setAttribute("aria-label", number(matrix.values[row * columns + column], matrix.view.digits));
    },
  };
}

/** Pictures, captions and cells. @param {Tools<Traits, Cell>} tools */
function makeGrid(tools) {
  const { model, root } = tools;
  const images = model.get("images");
  const captions = model.get("captions");
  const [rows, columns] = [images.length, captions.length];
  const printed = columns <= MOST_PRINTED;
  const many = rows * columns > MOST_ELEMENTS;
  const grid = element("div", { class: "matrix-grid", role: "grid", "aria-rowcount": rows + 1,
    "aria-label": `Similarities of ${rows} pictures (rows) and ${columns} captions (columns)`,
    "aria-colcount": columns + 1 });
  /** @type {(node: HTMLElement, place: number) => boolean} */
  const tick = (node, place) => node.classList.toggle("matrix-tick", place === 0 || place % 8 === 7);

  const names = isSquare(model) ? captions : images.map((_, row) => `picture ${row + 1}`);
  const heads = captions.map((caption, column) =>
    element("div", { role: "columnheader", class: "matrix-column" },
      element("span", { class: "matrix-caption" }, caption), symbol("T", column)));
  const sides = images.map((source, row) =>
    element("div", { role: "rowheader", class: "matrix-row" }, symbol("I", row),
      picture(source, names[row], "matrix-thumbnail")));
  for (const nodes of [heads, sides]) nodes.forEach(tick);
  const lines = sides.map((side, row) => element("div", { role: "row", "aria-rowindex": row + 2 }, side));
  const corner = element("div", { role: "columnheader" }, element("span", { class: "kit-hidden" }, "picture"));
  // these frame the row and the column of the current cell
  const bands = ["row", "column"].map((along) =>
    element("div", { class: `matrix-band matrix-band-${along}`, "aria-hidden": "true" }));
  const body = element("div", { role: "rowgroup", class: "matrix-cells" }, ...lines, ...bands);
  grid.append(element("div", { role: "row", "aria-rowindex": 1 }, corner, ...heads), body);
  const cells = many ? canvasCells(model, lines, body) : elementCells(model, lines, printed);

  /** @type {(cell: Cell, key: string, all: boolean) => Cell | undefined} */
  const lead = ([row, column], key, all) => {
    /** @type {Map<string, Cell>} */
    const targets = new Map([
      ["ArrowUp", [Math.max(0, row - 1), column]],
      ["ArrowDown", [Math.min(rows - 1, row + 1), column]],
      ["ArrowLeft", [row, Math.max(0, column - 1)]],
      ["ArrowRight", [row, Math.min(columns - 1, column + 1)]],
      ["PageUp", [Math.max(0, row - 8), column]],
      ["PageDown", [Math.min(rows - 1, row + 8), column]],
      ["Home", [all ? 0 : row, 0]],
      ["End", [all ? rows - 1 : row, columns - 1]],
    ]);
    return targets.get(key);
  };
  makeChoosable(grid, { at: cells.at, focus: cells.focus, lead }, tools);

  const update = (/** @type {State} */ matrix) => {
    const [row, column] = matrix.current;
    cells.update(matrix);
    heads.forEach((head, k) => head.classList.toggle("kit-current", k === column));
    sides.forEach((side, k) => side.classList.toggle("kit-current", k === row));
    body.style.setProperty("--current-row", String(row));
    body.style.setProperty("--current-column", String(column));
  };

  const most = columns <= 8 ? 3 : printed ? 2 : 1; // lines of a caption
  const style = {
    "--rows": rows,
    "--columns": columns,
    "--longest": Math.max(...captions.map((text) => lineLength(text, most))),
    "--lines": most,
  };
  for (const [name, value] of Object.entries(style)) root.style.setProperty(name, String(value));
  root.classList.toggle("matrix-dense", !printed && !many);
  root.classList.toggle("matrix-many", many);
  return { node: element("div", { class: "matrix-scroll" }, grid), update };
}

// ---- What is told beside and below the matrix

/**
 * The view's colours, with a marker at the current cell's value, and what the marks mean.
 * @param {Model<Traits>} model
 */
function makeLegend(model) {
  const scale = element("div", { class: "matrix-scale" });
  const marker = element("div", { class: "matrix-marker" });
  const ticks = element("div", { class: "matrix-ticks" }, ...[0, 1, 2].map(() => element("span")));
  const square = isSquare(model);
  const keys = [];
  if (square) keys.push(["pair", "a matching pair: the same number"]);
  if (model.get("also_true").length)
    keys.push(["also", square ? "also true, though not the pair: a false negative" : "true of the picture"]);
  const key = element("div", { class: "matrix-key" }, ...keys.map(([mark, text]) =>
    element("span", {}, element("span", { class: `matrix-mark matrix-mark-${mark}` }), text)));
  const bar = element("div", { class: "matrix-legend" }, marker, scale, ticks);
  const node = element("div", { class: "matrix-below", "aria-hidden": "true" }, bar, key);

  const update = (/** @type {State} */ { view, values, k }) => {
    const colours = view.scale.map((stop) => `rgb(${stop})`);
    scale.style.backgroundImage = `linear-gradient(to right, ${colours})`;
    marker.style.left = `${100 * shareOf(view, values[k])}%`;
    const [low, high] = view.range;
    const [left, right] = view.ends ?? ["", ""];
    const texts = [low, (low + high) / 2, high].map((value) => short(value).replace("-", "−"));
    const ends = [`${texts[0]} ${left}`, texts[1], `${right} ${texts[2]}`];
    ends.forEach((text, place) => write(ticks.children[place], text.trim()));
  };
  return { node, update };
}

/**
 * What a cell is, in words; "" where nothing is known of it.
 * @param {Model<Traits>} model @param {Cell} cell
 */
function kindOf(model, cell) {
  const square = isSquare(model);
  const mark = markOf(model)(...cell);
  if (mark === "pair") return "a matching pair";
  if (mark === "also") return square ? "also true: a false negative" : "true of the picture";
  return square ? "not a pair" : "";
}

/** The panel's values: their names, and their decimal places. @type {Record<ViewName, [string, number]>} */
const PANEL = {
  cosine: ["cosine", 3], logits: ["logit, cosine ÷ τ", 2], row: ["softmax, row", 3],
  column: ["softmax, column", 3], sigmoid: ["sigmoid, logit + b", 3], gradient: ["gradient", 4],
  sigmoid_gradient: ["gradient, sigmoid", 4],
};

/** One cell told in full: picture, caption, values. @param {Model<Traits>} model */
function makePanel(model) {
  const captions = model.get("captions").map((text) => `“${text}”`);
  const image = picture(model.get("images")[0], "", "matrix-picture");
  const title = element("div", { class: "matrix-title" });
  const kind = element("div", { class: "matrix-kind" });
  const caption = makeStack(captions);
  const lines = /** @type {[ViewName, [string, number]][]} */ (Object.entries(PANEL))
    .filter(([name]) => !needsPairs(name) || isSquare(model));
  const values = makeValues(Object.fromEntries(lines.map(([name, [label]]) => [name, label])));
  const about = element("div", {}, title, kind, caption.node);
  const node = element("div", { class: "matrix-panel" }, image, about, values.node);

  const update = (/** @type {State} */ matrix) => {
    const [row, column] = matrix.current;
    const source = model.get("images")[row];
    if (image.getAttribute("src") !== source) image.src = source;
    title.replaceChildren(symbol("I", row), " · ", symbol("T", column));
    write(kind, kindOf(model, matrix.current));
    caption.update(captions[column]);
    values.update(Object.fromEntries(lines.map(([name, [, digits]]) =>
      [name, number(VIEWS[name].values(matrix)[matrix.k], digits)])), matrix.view.name);
  };
  return { node, update };
}

/**
 * The slider through training, and what training has reached.
 * @param {Tools<Traits, Cell>} tools
 */
function makeTimeline({ model, change, signal }) {
  const steps = model.get("steps");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const button = element("button", { type: "button", class: "matrix-play" });
  const slider = element("input", { type: "range", max: steps.length - 1, "aria-label": "Training step" });
  const label = element("span", { class: "matrix-step" });
  label.style.setProperty("--digits", String(5 + Math.max(...steps.map((step) => String(step).length))));
  const figures = makeFigures(3);
  let timer = 0; // 0 where nothing plays

  const face = () => {
    button.dataset.shape = timer ? "pause" : "play";
    write(button, timer ? "Pause" : still.matches ? "Next step" : "Play");
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    face();
  };
  const advance = () => {
    const step = model.get("step") + 1;
    if (step < steps.length) change({ step });
    if (step >= steps.length - 1) stop();
  };
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (model.get("step") === steps.length - 1) change({ step: 0 });
    else if (still.matches) change({ step: model.get("step") + 1 });
    if (still.matches) return;
    timer = setInterval(advance, Math.min(500, Math.max(100, 5000 / steps.length)));
    face();
  }, { signal });
  slider.addEventListener("input", () => {
    stop();
    change({ step: Number(slider.value) });
  }, { signal });
  still.addEventListener("change", stop, { signal });
  signal.addEventListener("abort", () => clearInterval(timer));
  face();

  const node = element("div", { class: "matrix-timeline" });
  if (steps.length > 1) node.append(element("div", { class: "matrix-player" }, button, slider, label));
  const square = isSquare(model);
  if (square) node.append(figures.node);

  const update = (/** @type {State} */ matrix) => {
    slider.value = String(model.get("step"));
    slider.setAttribute("aria-valuetext", `step ${steps[model.get("step")]}`);
    write(label, `step ${steps[model.get("step")]}`);
    if (!square) return;
    const sigmoids = takesBias(matrix.view.name);
    const loss = sigmoids ? sigmoidLoss(matrix.biased, matrix.rows) : infoNCE(matrix.logits, matrix.rows);
    const peaks = (/** @type {"row" | "column"} */ along) =>
      `${peaksOnDiagonal(matrix.cosines, matrix.rows, along)} of ${matrix.rows}`;
    figures.update([
      [lossText(loss), `loss, ${sigmoids ? "sigmoid" : "InfoNCE"}`],
      [peaks("row"), "pictures find their caption"],
      [peaks("column"), "captions find their picture"],
    ]);
  };
  return { node, update, stop, playing: () => timer !== 0 };
}

/** @type {WeakMap<object, Record<string, any>>} */
const FIRST = new WeakMap(); // what each figure began with

/**
 * Back to what the figure began with, and the whole screen for it.
 * @param {Tools<Traits, Cell>} tools @param {() => void} stop what plays
 */
function makeTools({ model, root, change, signal }, stop) {
  /** @type {(keyof Traits & string)[]} */
  const chosen = ["view", "temperature", "bias", "step", "selected"];
  const first = FIRST.get(model) ?? Object.fromEntries(chosen.map((name) => [name, model.get(name)]));
  FIRST.set(model, first); // made anew for other captions, the figure still began as it began
  const reset = element("button", { type: "button" }, "Reset");
  reset.addEventListener("click", () => {
    stop();
    const [row, column] = first.selected;
    change({ // as far as the figure still has it
      ...first,
      view: needsPairs(first.view) && !isSquare(model) ? "cosine" : first.view,
      step: Math.min(first.step, model.get("steps").length - 1),
      selected: [Math.min(row, model.get("images").length - 1), Math.min(column, model.get("captions").length - 1)],
    });
  }, { signal });
  return element("div", { class: "matrix-tools" }, reset, makeFullScreen(root, signal));
}

// ---- The widget

/** @param {Tools<Traits, Cell>} tools */
function build(tools) {
  const { model } = tools;
  const [controls, grid, legend] = [makeControls(tools), makeGrid(tools), makeLegend(model)];
  const [panel, timeline] = [makePanel(model), makeTimeline(tools)];
  const foot = element("div", { class: "matrix-foot" }, legend.node, makeTools(tools, timeline.stop));
  const matrix = element("div", { class: "matrix-whole" }, grid.node, foot);
  return {
    // what a hand needs comes first, so that on a phone it is near the matrix; with room it stands beside
    nodes: [controls.node, element("div", { class: "matrix-body" }, timeline.node, matrix, panel.node)],
    parts: [controls, grid, legend, panel, timeline],
    read: (/** @type {Cell} */ current) => read(model, current),
    announce(/** @type {State} */ { current, view, values, k }) {
      if (timeline.playing()) return undefined;
      const [row, column] = current;
      const cell = `Picture ${row + 1}, caption ${column + 1}, “${model.get("captions")[column]}”: `;
      const value = `${view.label} ${number(values[k], view.digits + 1)}`;
      const steps = model.get("steps");
      const time = steps.length > 1 ? ` at training step ${steps[model.get("step")]}` : "";
      return [cell + value + time, kindOf(model, current)].filter(Boolean).join(", ");
    },
  };
}

export default makeWidget("similarity-matrix", "Similarity matrix", build, {
  choice: "selected",
  rebuilt: ["images", "captions", "also_true", "steps"],
});
