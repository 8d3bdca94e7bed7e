// What every widget of the book is made with. It imports nothing: kit.py puts it before a widget's own
// source, so that JupyterLab, Colab and a page without kernel get one module.

// ---- Numbers and words

/** 0, 1, 2, … below a count. @param {number} count */
export const upTo = (count) => Array.from({ length: count }, (_, k) => k);

/**
 * Values from 16-bit integers, little endian, the largest standing for 1 (encoding.py, `quantise`).
 * @param {ArrayBuffer | ArrayBufferView} bytes @param {boolean} signed
 */
export function decode(bytes, signed) {
  const view = ArrayBuffer.isView(bytes)
    ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new DataView(bytes);
  const value = (/** @type {number} */ at) =>
    signed ? view.getInt16(at, true) / 32767 : view.getUint16(at, true) / 65535;
  return Float64Array.from({ length: view.byteLength / 2 }, (_, k) => value(2 * k));
}

/** A number as it is printed: with a real minus sign, and none before 0. @param {number} value @param {number} digits */
export const number = (value, digits) =>
  value.toFixed(digits).replace(/^-(?=0\.?0*$)/, "").replace("-", "−");

/** “1 token”, “2 tokens”. @param {number} count @param {string} noun */
export const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

const SIGNS = new Map([[" ", "␣"], ["\n", "↵"], ["\t", "⇥"]]);
/** What stands for a character that has no shape: a sign, or its number in Unicode. @param {string} character */
export const signFor = (character) =>
  SIGNS.get(character) ?? Number(character.codePointAt(0)).toString(16).toUpperCase().padStart(4, "0");

// ---- Elements

/** An element with attributes and children. @type {Make} */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(.../** @type {(Node | string)[]} */ (children));
  return node;
}

/**
 * Changes a text only where it differs, since each change makes the browser look again.
 * @param {Element} node @param {string} text
 */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** An id that nothing else on the page has, be it made by another widget's kit. @param {string} name */
export const freshId = (name) => `${name}-${Math.random().toString(36).slice(2)}`;

/**
 * A picture, its pixels seen where they are few. "dark-light" tells the book's theme to leave it as it is.
 * @param {string} source @param {string} alternative @param {string} [name]
 */
export function picture(source, alternative, name = "") {
  const image = element("img", { src: source, alt: alternative, class: `${name} dark-light` });
  image.addEventListener("load", () => {
    const large = Math.max(image.naturalWidth, image.naturalHeight) >= 100; // px
    image.classList.toggle("kit-smooth", large);
  });
  return image;
}

/**
 * What draws on a canvas.
 * @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2DSettings} [settings]
 */
export const pen = (canvas, settings) =>
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", settings));

// ---- Parts that several widgets have

/**
 * A control behind its name.
 * @param {string | Node} name @param {HTMLElement} control @param {...Node} more
 */
export function field(name, control, ...more) {
  control.id ||= freshId("control");
  return element("div", { class: "kit-field" }, element("label", { for: control.id }, name), control, ...more);
}

/** A text that takes the room of the longest of all that it may be. @param {string[]} texts */
export function makeStack(texts) {
  const visible = element("p");
  const ghosts = texts.map((text) => element("p", { "aria-hidden": "true" }, text));
  const update = (/** @type {string} */ text) => write(visible, text);
  return { node: element("div", { class: "kit-stack" }, ...ghosts, visible), update };
}

/**
 * Names and values, line after line, one of which may stand out.
 * @param {Record<string, string>} names by the key of their value
 */
export function makeValues(names) {
  const lines = Object.entries(names).map(([key, name]) => {
    const value = element("span");
    return { key, value, node: element("div", { "data-value": key }, element("span", {}, name), value) };
  });
  /** @type {(values: Record<string, string>, current?: string) => void} */
  const update = (values, current) => {
    for (const { key, value, node } of lines) {
      write(value, values[key]);
      node.classList.toggle("kit-current", key === current);
    }
  };
  return { node: element("div", { class: "kit-values" }, ...lines.map(({ node }) => node)), update };
}

/** A few numbers, printed large over what they count. @param {number} count */
export function makeFigures(count) {
  const figures = upTo(count).map(() => {
    const [value, name] = [element("span", { class: "kit-figure" }), element("span")];
    return { value, name, node: element("div", {}, value, name) };
  });
  const update = (/** @type {[string, string][]} */ texts) =>
    texts.forEach(([value, name], k) => {
      write(figures[k].value, value);
      write(figures[k].name, name);
    });
  return { node: element("div", { class: "kit-figures" }, ...figures.map(({ node }) => node)), update };
}

/**
 * A picture under a lattice of cells; `grid` and `row` are what its lines are to those who hear it.
 * @param {HTMLElement} image @param {HTMLElement[]} cells row by row @param {number} columns
 * @param {Record<string, string>} [grid] @param {Record<string, string>} [row]
 */
export function makeStage(image, cells, columns, grid = { role: "presentation" }, row = {}) {
  const lines = upTo(cells.length / columns).map((k) =>
    element("div", row, ...cells.slice(k * columns, (k + 1) * columns)));
  const lattice = element("div", { class: "kit-lattice", ...grid }, ...lines);
  const node = element("div", { class: "kit-stage" }, image, lattice);
  node.style.setProperty("--columns", String(columns));
  node.style.aspectRatio = `${columns} / ${lines.length}`;
  return node;
}

/**
 * A button that shows a widget on the whole screen, where that is allowed.
 * @param {HTMLElement} root @param {AbortSignal} signal
 */
export function makeFullScreen(root, signal) {
  const button = element("button", { type: "button" }, "Full screen");
  button.hidden = !document.fullscreenEnabled;
  const shown = () => document.fullscreenElement === root;
  button.addEventListener("click", () => (shown() ? document.exitFullscreen() : root.requestFullscreen()), { signal });
  document.addEventListener("fullscreenchange", () => write(button, shown() ? "Leave full screen" : "Full screen"), { signal });
  return button;
}

// ---- Choosing: what the mouse points at is current, what is clicked or led to by keys is selected

/**
 * Lets mouse, thumb and keys choose among what a box shows.
 * @template Choice
 * @param {HTMLElement} box
 * @param {{ at: (event: MouseEvent | KeyboardEvent) => Choice | undefined, focus: (choice: Choice) => void,
 *   lead: (choice: Choice, key: string, all: boolean) => Choice | undefined }} ways what an event is about;
 *   what gives it the focus; where a key leads from it
 * @param {Choosing<Choice>} tools
 */
export function makeChoosable(box, { at, focus, lead }, { select, point, signal }) {
  let resting = ""; // where the mouse was last; a repaint beneath it is no movement
  box.addEventListener("pointermove", (event) => {
    const place = `${event.screenX} ${event.screenY}`;
    if (event.pointerType !== "touch" && place !== resting) point(at(event));
    resting = place;
  }, { signal });
  box.addEventListener("pointerleave", () => point(), { signal });
  const choose = (/** @type {Choice} */ choice) => {
    select(choice);
    focus(choice);
  };
  box.addEventListener("click", (event) => {
    const choice = at(event);
    if (choice !== undefined) choose(choice);
  }, { signal });
  box.addEventListener("keydown", (event) => {
    const from = at(event);
    if (from === undefined || event.altKey) return;
    const to = lead(from, event.key, event.ctrlKey || event.metaKey);
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    choose(to);
  }, { signal });
}

/**
 * The node that an arrow key leads to, by where the nodes are drawn; Left and Right keep order.
 * @param {HTMLElement[]} nodes @param {number} k @param {string} key
 */
function neighbour(nodes, k, key) {
  if (key === "ArrowLeft") return Math.max(0, k - 1);
  if (key === "ArrowRight") return Math.min(nodes.length - 1, k + 1);
  const up = key === "ArrowUp";
  const boxes = nodes.map((node) => node.getBoundingClientRect());
  const beyond = upTo(nodes.length).filter((j) =>
    up ? boxes[j].bottom <= boxes[k].top + 1 : boxes[j].top >= boxes[k].bottom - 1);
  const far = (/** @type {number} */ j) =>
    Math.abs(boxes[j].top - boxes[k].top) * 1000 + Math.abs(boxes[j].left - boxes[k].left);
  return beyond.reduce((best, j) => (best === k || far(j) < far(best) ? j : best), k);
}

/** @param {HTMLElement} box */
const nodesIn = (box) => [.../** @type {NodeListOf<HTMLElement>} */ (box.querySelectorAll("[data-choice]"))];

/**
 * The same among a box's nodes that have a number, `data-choice`. Keys lead as the nodes are seen;
 * Home and End to the ends of a `line` of that many nodes, with Ctrl of all.
 * @type {(box: HTMLElement, tools: Choosing<number>, line?: () => number) => void}
 */
export function makeNodesChoosable(box, tools, line = () => Infinity) {
  const choiceOf = (/** @type {Element | null} */ node) =>
    node ? Number(/** @type {HTMLElement} */ (node).dataset.choice) : undefined;
  const placeOf = (/** @type {number} */ choice) => nodesIn(box).findIndex((node) => choiceOf(node) === choice);
  makeChoosable(box, {
    at: (event) => choiceOf(/** @type {Element} */ (event.target).closest("[data-choice]")),
    focus: (choice) => nodesIn(box)[placeOf(choice)].focus(),
    lead(choice, key, whole) {
      const [nodes, k] = [nodesIn(box), placeOf(choice)];
      const length = Math.min(whole ? Infinity : line(), nodes.length);
      const start = k - (k % length);
      const to = key === "Home" ? start : key === "End" ? start + length - 1
        : key.startsWith("Arrow") ? neighbour(nodes, k, key) : -1;
      return choiceOf(nodes[to] ?? null);
    },
  }, tools);
}

/**
 * Of a box's nodes with `data-choice` one is the current one; the selected one is where the tab key leads.
 * @param {HTMLElement} box @param {number} current @param {number} selected
 */
export function light(box, current, selected) {
  for (const node of nodesIn(box)) {
    const choice = Number(node.dataset.choice);
    node.classList.toggle("kit-current", choice === current);
    node.tabIndex = choice === selected ? 0 : -1;
    node.setAttribute("aria-selected", String(choice === selected));
  }
}

// ---- The widget

/**
 * What a host asks of a module. `build` makes the parts, and says how to read the model's state for
 * them; the kit draws them again whenever that changes, tells those who hear the page what has
 * changed, and cleans up.
 * @template Traits, State, [Choice=never]
 * @param {string} name the class of its element
 * @param {string} label for those who hear it
 * @param {(tools: Tools<Traits, Choice>) => Built<State, Choice>} build
 * @param {{ choice?: keyof Traits & string, rebuilt?: (keyof Traits & string)[] }} [traits] the one that
 *   a reader chooses with `point` and `select`; those that `build` itself reads, and that may change
 */
export function makeWidget(name, label, build, { choice, rebuilt = [] } = {}) {
  /** @type {(view: View<Traits>) => () => void} */
  function render({ model, el }) {
    const root = element("div", { class: `kit ${name}`, role: "group", "aria-label": label });
    const live = element("div", { class: "kit-hidden", "aria-live": "polite" });
    let inside = new AbortController();
    let announcing = 0; // a timer
    /** @type {Choice | undefined} */
    let hovered; // by the mouse, current instead of what is selected
    /** @type {Built<State, Choice>} */
    let built;

    const change = (/** @type {Partial<Traits>} */ values) => {
      for (const [trait, value] of Object.entries(values)) model.set(trait, value);
      model.save_changes();
    };
    const selected = () => /** @type {Choice} */ (choice && model.get(choice));
    const draw = () => {
      const state = built.read(hovered ?? selected());
      for (const part of built.parts) part.update(state);
    };
    const point = (/** @type {Choice | undefined} */ value) => {
      if (String(value) === String(hovered)) return;
      hovered = value;
      draw();
    };
    const select = (/** @type {Choice} */ value) => {
      point(undefined); // a key or a tap counts more than a mouse that rests elsewhere
      change(/** @type {Partial<Traits>} */ ({ [/** @type {string} */ (choice)]: value }));
    };
    const announce = () => {
      const text = built.announce(built.read(selected()));
      if (text) write(live, text);
    };
    const follow = () => {
      draw();
      clearTimeout(announcing);
      announcing = setTimeout(announce, 300); // once, when keys or a slider have come to rest
    };
    const start = () => {
      inside.abort();
      inside = new AbortController();
      hovered = undefined;
      built = build({ model, root, change, draw, select, point, signal: inside.signal });
      root.replaceChildren(...built.nodes, live);
      draw();
    };

    // else JupyterLab would take arrow keys and letters for its own commands
    root.addEventListener("focusin", ({ target }) => {
      /** @type {HTMLElement} */ (target).dataset.lmSuppressShortcuts = "true";
    });
    start();
    for (const trait of rebuilt) model.on(`change:${trait}`, start);
    model.on("change", follow);
    el.append(root);
    return () => {
      inside.abort();
      clearTimeout(announcing);
      for (const trait of rebuilt) model.off(`change:${trait}`, start);
      model.off("change", follow);
      root.remove();
    };
  }
  return { render };
}
