// The similarity matrix as a figure that answers: state and checks are in similarity_matrix.py.
// One module without imports, so that it runs in JupyterLab, in Colab and in a page without kernel.
// Rows are pictures, columns are captions; matrices are flat arrays, row after row.

// ---- Arithmetic

/** Cosines from 16-bit integers, little endian, 32767 standing for 1 (encoding.py, `quantise`). */
export function decode(bytes) {
  const view = ArrayBuffer.isView(bytes)
    ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new DataView(bytes);
  const count = view.byteLength / 2;
  return Float64Array.from({ length: count }, (_, k) => view.getInt16(2 * k, true) / 32767);
}

/** Places of the cells of each row or each column ("row" | "column"), as a list of lists. */
function lines(rows, columns, along) {
  const range = (length) => Array.from({ length }, (_, k) => k);
  return along === "row"
    ? range(rows).map((row) => range(columns).map((column) => row * columns + column))
    : range(columns).map((column) => range(rows).map((row) => row * columns + column));
}

function logSumExp(logits, places) {
  const top = Math.max(...places.map((k) => logits[k]));
  return top + Math.log(places.reduce((sum, k) => sum + Math.exp(logits[k] - top), 0));
}

/** Softmax of logits over each row or each column. */
export function softmax(logits, rows, columns, along) {
  const result = new Float64Array(logits.length);
  for (const places of lines(rows, columns, along)) {
    const total = logSumExp(logits, places);
    for (const k of places) result[k] = Math.exp(logits[k] - total);
  }
  return result;
}

/** InfoNCE of a square matrix of logits, in nats: the mean of both directions' cross-entropies. */
export function infoNCE(logits, size) {
  const cost = (places, k) => logSumExp(logits, places) - logits[places[k]];
  const both = [...lines(size, size, "row"), ...lines(size, size, "column")];
  return both.reduce((sum, places, k) => sum + cost(places, k % size), 0) / (2 * size);
}

/** In how many rows or columns of a square matrix the diagonal's cell is larger than all others. */
export function peaksOnDiagonal(values, size, along) {
  return lines(size, size, along).filter((places, line) =>
    places.every((place, k) => k === line || values[place] < values[places[line]]),
  ).length;
}

// ---- Colours

// matplotlib's cividis and RdBu_r at equal distances
const CIVIDIS = "00224e 083370 35456c 4f576c 666970 7d7c78 948e77 aea371 c8b866 e5cf52 fee838";
const RED_BLUE = "053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f";
const channels = (hex) => [0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16));
const stops = (text) => text.split(" ").map(channels);
export const SCALES = { magnitude: stops(CIVIDIS), signed: stops(RED_BLUE) };

/** The colour [red, green, blue] at a share, 0 to 1, of a scale. */
export function colour(scale, share) {
  const at = Math.min(1, Math.max(0, share)) * (scale.length - 1);
  const left = Math.min(scale.length - 2, Math.floor(at));
  const mix = (value, k) => Math.round(value + (at - left) * (scale[left + 1][k] - value));
  return scale[left].map(mix);
}

/** Black or white, whichever stands out more from a colour (WCAG's relative luminance). */
export function ink(rgb) {
  const linear = (k) => (k <= 10 ? k / 3294 : ((k / 255 + 0.055) / 1.055) ** 2.4);
  const [red, green, blue] = rgb.map(linear);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}

// ---- Views: one entry each; Python's VIEWS holds the same names

const VIEWS = {
  cosine: {
    label: "cosine similarity",
    reading: "How alike are the two directions? 1: the same, 0: at a right angle, −1: opposite.",
    scale: SCALES.signed,
    range: [-1, 1],
    values: (matrix) => matrix.cosines,
  },
  row: {
    label: "softmax over each row",
    reading: "Which caption does a picture choose? Each row adds up to 1.",
    scale: SCALES.magnitude,
    range: [0, 1],
    values: (matrix) => matrix.overRow,
  },
  column: {
    label: "softmax over each column",
    reading: "Which picture does a caption choose? Each column adds up to 1.",
    scale: SCALES.magnitude,
    range: [0, 1],
    values: (matrix) => matrix.overColumn,
  },
};

const MOST_PRINTED = 10; // columns; in a wider matrix the cells hold no numbers
const SLIDER = [0.01, 10]; // temperatures at its ends; others can be typed

/** How far along its view's range a value lies, 0 to 1. */
const shareOf = ({ range: [low, high] }, value) => (value - low) / (high - low);

/** All that is drawn, computed from the model's state. */
function read(model) {
  const rows = model.get("images").length;
  const columns = model.get("captions").length;
  const frame = rows * columns * model.get("step");
  const temperature = model.get("temperature");
  const cosines = decode(model.get("frames")).subarray(frame, frame + rows * columns);
  const logits = cosines.map((value) => value / temperature);
  const matrix = { rows, columns, temperature, cosines, logits };
  matrix.overRow = softmax(logits, rows, columns, "row");
  matrix.overColumn = softmax(logits, rows, columns, "column");
  matrix.view = VIEWS[model.get("view")];
  matrix.values = matrix.view.values(matrix);
  return matrix;
}

// ---- Elements

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Changes a text only where it differs, since each change makes the browser look again. */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const number = (value, digits) => value.toFixed(digits).replace(/^-(?=0\.?0*$)/, "").replace("-", "−");
const symbol = (letter, place) =>
  element("span", { class: "matrix-symbol" }, element("i", {}, letter), element("sub", {}, place + 1));
const short = (value) => String(Number(value.toPrecision(3)));
// "dark-light" tells the book's theme to leave a picture as it is in dark mode
const picture = (source, alternative, name) =>
  element("img", { src: source, alt: alternative, class: `${name} dark-light` });
let count = 0; // of views on the page, for ids

/** View, temperature. */
function makeControls(model, change, signal) {
  const id = `similarity-matrix-${++count}`;
  const options = Object.entries(VIEWS).map(([name, { label }]) => element("option", { value: name }, label));
  const view = element("select", { id: `${id}-view` }, ...options);
  const [min, max] = SLIDER.map(Math.log10);
  const slider = element("input", { type: "range", id: `${id}-slider`, min, max, step: 0.01 });
  const typed = element("input", {
    type: "number", min: 0, step: "any", "aria-label": "Temperature, as a number",
  });
  const reading = element("p", { class: "matrix-reading" });

  view.addEventListener("change", () => change({ view: view.value }), { signal });
  const slide = () => change({ temperature: Number(short(10 ** slider.value)) });
  slider.addEventListener("input", slide, { signal });
  typed.addEventListener("input", () => {
    const valid = typed.valueAsNumber > 0;
    typed.setCustomValidity(valid ? "" : "A temperature is a number above 0; try 0.07.");
    if (valid) change({ temperature: typed.valueAsNumber });
  }, { signal });
  typed.addEventListener("change", () => typed.reportValidity(), { signal });

  const node = element("div", { class: "matrix-controls" },
    element("div", { class: "matrix-field" }, element("label", { for: view.id }, "Show"), view),
    element("div", { class: "matrix-field matrix-temperature" },
      element("label", { for: slider.id }, "Temperature ", element("i", {}, "τ")), slider, typed),
    reading);
  const update = (matrix) => {
    view.value = model.get("view");
    write(reading, matrix.view.reading);
    slider.value = Math.log10(matrix.temperature);
    slider.setAttribute("aria-valuetext", short(matrix.temperature));
    if (typed.matches(":focus") && typed.valueAsNumber === matrix.temperature) return; // being typed
    typed.value = short(matrix.temperature);
    typed.setCustomValidity("");
  };
  return { node, update };
}

/** Pictures, captions and cells. `point` gets the cell under the mouse, if there is one. */
function makeGrid(model, select, point, signal) {
  const images = model.get("images");
  const captions = model.get("captions");
  const [rows, columns] = [images.length, captions.length];
  const printed = columns <= MOST_PRINTED;
  const name = `Similarities of ${rows} pictures (rows) and ${columns} captions (columns)`;
  const grid = element("div", { class: "matrix-grid", role: "grid", "aria-label": name });

  const corner = element("span", { class: "matrix-hidden" }, "picture");
  const heads = captions.map((caption, column) =>
    element("div", { role: "columnheader", class: "matrix-column" },
      element("span", { class: "matrix-caption" }, caption), symbol("T", column)));
  grid.append(element("div", { role: "row" }, element("div", { role: "columnheader" }, corner), ...heads));
  const cells = [];
  const sides = images.map((source, row) => {
    const alternative = rows === columns ? captions[row] : `picture ${row + 1}`;
    const side = element("div", { role: "rowheader", class: "matrix-row" },
      symbol("I", row), picture(source, alternative, "matrix-thumbnail"));
    const line = captions.map((_, column) =>
      element("div", { role: "gridcell", tabindex: -1, "data-cell": `${row},${column}` }));
    if (rows === columns) line[row].classList.add("matrix-pair");
    cells.push(...line);
    grid.append(element("div", { role: "row" }, side, ...line));
    return side;
  });

  const cellOf = (event) => event.target.closest("[data-cell]")?.dataset.cell.split(",").map(Number);
  let resting = ""; // where the mouse was last; a repaint beneath it is no movement
  grid.addEventListener("pointermove", (event) => {
    const place = `${event.screenX} ${event.screenY}`;
    if (event.pointerType !== "touch" && place !== resting) point(cellOf(event));
    resting = place;
  }, { signal });
  grid.addEventListener("pointerleave", () => point(), { signal });
  grid.addEventListener("click", (event) => cellOf(event) && select(...cellOf(event)), { signal });
  grid.addEventListener("keydown", (event) => {
    const [row, column] = cellOf(event) ?? [];
    const all = event.ctrlKey || event.metaKey;
    const target = {
      ArrowUp: [Math.max(0, row - 1), column],
      ArrowDown: [Math.min(rows - 1, row + 1), column],
      ArrowLeft: [row, Math.max(0, column - 1)],
      ArrowRight: [row, Math.min(columns - 1, column + 1)],
      Home: [all ? 0 : row, 0],
      End: [all ? rows - 1 : row, columns - 1],
    }[event.key];
    if (row === undefined || !target || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    select(...target);
    cells[target[0] * columns + target[1]].focus();
  }, { signal });

  const update = (matrix, told) => {
    const [row, column] = model.get("selected");
    cells.forEach((cell, k) => {
      const fill = colour(matrix.view.scale, shareOf(matrix.view, matrix.values[k]));
      const selected = k === row * columns + column;
      cell.style.backgroundColor = `rgb(${fill})`;
      cell.style.color = ink(fill);
      const text = number(matrix.values[k], 2);
      if (printed) write(cell, text);
      else cell.setAttribute("aria-label", text);
      cell.tabIndex = selected ? 0 : -1;
      cell.setAttribute("aria-selected", selected);
    });
    heads.forEach((head, k) => head.classList.toggle("matrix-told", k === told[1]));
    sides.forEach((side, k) => side.classList.toggle("matrix-told", k === told[0]));
  };

  const style = {
    "--columns": columns,
    "--longest": Math.max(...captions.map((text) => text.length)),
    "--lines": columns <= 8 ? 3 : printed ? 2 : 1,
  };
  return { node: element("div", { class: "matrix-scroll" }, grid), update, style, dense: !printed };
}

/** The view's colours, with a marker at the value that is told. */
function makeLegend() {
  const scale = element("div", { class: "matrix-scale" });
  const marker = element("div", { class: "matrix-marker" });
  const ticks = element("div", { class: "matrix-ticks" }, ...[0, 1, 2].map(() => element("span")));
  const node = element("div", { class: "matrix-legend", "aria-hidden": "true" }, marker, scale, ticks);

  const update = ({ view, values, columns }, [row, column]) => {
    const colours = view.scale.map((stop) => `rgb(${stop})`);
    scale.style.backgroundImage = `linear-gradient(to right, ${colours})`;
    marker.style.left = `${100 * shareOf(view, values[row * columns + column])}%`;
    const [low, high] = view.range;
    const shown = [low, (low + high) / 2, high];
    shown.forEach((value, k) => write(ticks.children[k], number(value, value % 1 ? 1 : 0)));
  };
  return { node, update };
}

const pairing = ({ rows, columns }, row, column) =>
  rows !== columns ? "" : row === column ? "a matching pair" : "not a pair";

/** One cell told in full: picture, caption, values. */
function makePanel(model) {
  const captions = model.get("captions");
  const image = picture(model.get("images")[0], "", "matrix-picture");
  const title = element("div", { class: "matrix-title" });
  const kind = element("div", { class: "matrix-kind" });
  // all captions lie beneath the one that is shown, so that the panel is as high as any needs
  const caption = element("p", {});
  const ghosts = captions.map((text) => element("p", { "aria-hidden": "true" }, `“${text}”`));
  const names = { cosine: "cosine", logit: "cosine ÷ τ", row: "softmax, row", column: "softmax, column" };
  const values = {};
  const entries = Object.entries(names).map(([name, label]) => {
    values[name] = element("span");
    return element("div", { "data-value": name }, element("span", {}, label), values[name]);
  });
  const stack = element("div", { class: "matrix-stack" }, ...ghosts, caption);
  const about = element("div", {}, title, kind, stack);
  const list = element("div", { class: "matrix-values" }, ...entries);
  const node = element("div", { class: "matrix-panel" }, image, about, list);

  const update = (matrix, [row, column]) => {
    const k = row * matrix.columns + column;
    const source = model.get("images")[row];
    if (image.getAttribute("src") !== source) image.src = source;
    title.replaceChildren(symbol("I", row), " · ", symbol("T", column));
    write(kind, pairing(matrix, row, column));
    write(caption, `“${captions[column]}”`);
    write(values.cosine, number(matrix.cosines[k], 3));
    write(values.logit, number(matrix.logits[k], 2));
    write(values.row, number(matrix.overRow[k], 3));
    write(values.column, number(matrix.overColumn[k], 3));
    const view = model.get("view");
    for (const entry of entries) entry.classList.toggle("matrix-told", entry.dataset.value === view);
  };
  return { node, update };
}

/** The slider through training, and what training has reached. */
function makeTimeline(model, change, signal) {
  const steps = model.get("steps");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const button = element("button", { type: "button", class: "matrix-play" });
  const slider = element("input", { type: "range", max: steps.length - 1, "aria-label": "Training step" });
  const label = element("span", { class: "matrix-step" });
  label.style.setProperty("--digits", 5 + Math.max(...steps.map((step) => String(step).length)));
  const figures = ["loss", "pictures find their caption", "captions find their picture"].map((name) => {
    const value = element("span", { class: "matrix-figure" });
    return { value, node: element("div", {}, value, element("span", {}, name)) };
  });
  let timer = null;

  const face = () => {
    button.dataset.shape = timer !== null ? "pause" : "play";
    write(button, timer !== null ? "Pause" : still.matches ? "Next step" : "Play");
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    face();
  };
  const advance = () => {
    const step = model.get("step") + 1;
    if (step < steps.length) change({ step });
    if (step >= steps.length - 1) stop();
  };
  button.addEventListener("click", () => {
    if (timer !== null) return stop();
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
  const square = model.get("images").length === model.get("captions").length;
  if (square) node.append(element("div", { class: "matrix-figures" }, ...figures.map(({ node }) => node)));

  const update = (matrix) => {
    slider.value = model.get("step");
    slider.setAttribute("aria-valuetext", `step ${steps[model.get("step")]}`);
    write(label, `step ${steps[model.get("step")]}`);
    if (!square) return;
    const loss = infoNCE(matrix.logits, matrix.rows);
    const share = (along) => `${peaksOnDiagonal(matrix.cosines, matrix.rows, along)} of ${matrix.rows}`;
    const texts = [loss < 0.0005 ? loss.toExponential(0) : loss.toFixed(3), share("row"), share("column")];
    texts.forEach((text, k) => write(figures[k].value, text.replace("-", "−")));
  };
  return { node, update, playing: () => timer !== null };
}

// ---- The widget

const DRAWN_FROM = ["frames", "step", "temperature", "view", "selected"];
const BUILT_FROM = ["images", "captions", "steps"];

function render({ model, el }) {
  const naming = { role: "group", "aria-label": "Similarity matrix" };
  const root = element("div", { class: "similarity-matrix", ...naming });
  const live = element("div", { class: "matrix-hidden", "aria-live": "polite" });
  let inside, parts, announcing;
  let pointed; // the cell under the mouse, told instead of the selected one

  const change = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
  };
  const tell = (told) => {
    const matrix = read(model);
    for (const part of parts) part.update(matrix, told);
  };
  const point = (cell) => {
    if (String(cell) === String(pointed)) return;
    pointed = cell;
    tell(cell ?? model.get("selected"));
  };
  const select = (row, column) => {
    point(); // a key or a tap counts more than a mouse that rests elsewhere
    change({ selected: [row, column] });
  };
  const announce = () => {
    if (parts.some((part) => part.playing?.())) return;
    const [row, column] = model.get("selected");
    const matrix = read(model);
    const k = row * matrix.columns + column;
    const cell = `Picture ${row + 1}, caption ${column + 1}, “${model.get("captions")[column]}”: `;
    const value = `${matrix.view.label} ${number(matrix.values[k], 3)}`;
    const steps = model.get("steps");
    const time = steps.length > 1 ? ` at training step ${steps[model.get("step")]}` : "";
    write(live, [cell + value + time, pairing(matrix, row, column)].filter(Boolean).join(", "));
  };
  const draw = () => {
    tell(pointed ?? model.get("selected"));
    clearTimeout(announcing);
    announcing = setTimeout(announce, 300); // once, when a slider has come to rest
  };
  const build = () => {
    inside?.abort();
    inside = new AbortController();
    pointed = undefined;
    const { signal } = inside;
    const controls = makeControls(model, change, signal);
    const grid = makeGrid(model, select, point, signal);
    const legend = makeLegend();
    const panel = makePanel(model);
    const timeline = makeTimeline(model, change, signal);
    parts = [controls, grid, legend, panel, timeline];
    root.classList.toggle("matrix-dense", grid.dense);
    for (const [name, value] of Object.entries(grid.style)) root.style.setProperty(name, value);
    const matrix = element("div", {}, grid.node, legend.node);
    const body = element("div", { class: "matrix-body" }, matrix, panel.node);
    root.replaceChildren(controls.node, body, timeline.node, live);
    // JupyterLab would take arrow keys and letters for its own commands
    for (const node of root.querySelectorAll("select, input, button, [tabindex]"))
      node.dataset.lmSuppressShortcuts = "true";
    tell(model.get("selected"));
  };

  for (const name of DRAWN_FROM) model.on(`change:${name}`, draw);
  for (const name of BUILT_FROM) model.on(`change:${name}`, build);
  build();
  el.append(root);
  return () => {
    inside.abort();
    clearTimeout(announcing);
    for (const name of DRAWN_FROM) model.off(`change:${name}`, draw);
    for (const name of BUILT_FROM) model.off(`change:${name}`, build);
    root.remove();
  };
}

export default { render };
