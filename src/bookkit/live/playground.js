// The playground (bookkit/pages/live.py): pictures that a reader composes, captions, the matrix of both by
// the model itself, and zero-shot over a list of names. The address holds pictures and captions.

import { element, freshId, number, upTo, write } from "../../clipbook/widgets/kit.js";
import { LONGEST, MOST_CAPTIONS, MOST_SCENES, fromHash, toHash } from "./address.js";
import { onlyTheLast, similarity, startModel } from "./client.js";
import { SIZE, inWords, makeSceneEditor, paint } from "./scene_editor.js";

/**
 * @typedef {import("./drawing.js").Scene} Scene
 * @typedef {{ folder: string, version: string, world: import("./drawing.js").World, scenes: Scene[],
 *   captions: string[], names: string[], matrix: { script: string, style: string } }} Given by the page
 */

const says = (/** @type {string} */ text) => /\P{White_Space}/u.test(text);
const clean = (/** @type {string} */ text) => text.replace(/\p{Surrogate}/gu, "\ufffd"); // half a character

/** The figure of the chapters, made anew for other pictures or captions. @param {Given["matrix"]} matrix */
function makeMatrix({ script, style }) {
  const node = element("div", { class: "play-matrix" });
  document.head.append(element("style", {}, style));
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const widget = import(address).then((module) => module.default);
  const begin = { view: "cosine", selected: [0, 0], bias: -10, steps: [0], step: 0, also_true: [] };
  /** @type {Map<string, unknown>} */
  let traits = new Map(Object.entries(begin));
  /** @type {Set<() => void>} */
  let listeners = new Set();
  let remove = () => {};

  const bytes = (/** @type {Float64Array} */ cosines) =>
    new DataView(Int16Array.from(cosines, (value) => Math.round(32_767 * Math.max(-1, Math.min(1, value)))).buffer);
  const model = {
    get: (/** @type {string} */ name) => traits.get(name),
    set(/** @type {string} */ name, /** @type {unknown} */ value) {
      traits.set(name, value);
      for (const listen of listeners) listen();
    },
    save_changes() {},
    on: (/** @type {string} */ event, /** @type {() => void} */ listen) => event === "change" && listeners.add(listen),
    off: (/** @type {string} */ _, /** @type {() => void} */ listen) => listeners.delete(listen),
  };
  return {
    node,
    /** Other pictures, captions or numbers of them. @type {(images: string[], captions: string[], cosines: Float64Array, scale: number) => Promise<void>} */
    async show(images, captions, cosines, scale) {
      const { render } = await widget;
      const [row, column] = /** @type {number[]} */ (traits.get("selected"));
      const square = images.length === captions.length;
      remove();
      listeners = new Set();
      traits = new Map([...traits, ["images", images], ["captions", captions], ["frames", bytes(cosines)],
        ["temperature", traits.get("temperature") ?? Number((1 / scale).toPrecision(3))],
        ["selected", [Math.min(row, images.length - 1), Math.min(column, captions.length - 1)]],
        ["view", traits.get("view") === "gradient" && !square ? "cosine" : traits.get("view")]]);
      remove = render({ model, el: node });
    },
    /** Other cosines of the same. @param {Float64Array} cosines */
    update: (cosines) => model.set("frames", bytes(cosines)),
  };
}

/** A list of names, and the current picture's chances for the first of them. @param {string[]} first @param {() => void} ask */
function makeNames(first, ask) {
  const typed = element("textarea", { rows: 5, id: freshId("names"), spellcheck: "false" });
  typed.value = first.join("\n");
  typed.addEventListener("input", ask);
  const best = element("ol", { class: "play-best" });
  const node = element("div", { class: "play-names" }, element("label", { for: typed.id }, "Names, one a line"), typed, best);
  return {
    node,
    names: () => [...new Set(clean(typed.value).split("\n").map((name) => name.trim()).filter(says))].slice(0, 256),
    /** @type {(names: string[], cosines: Float64Array, scale: number) => void} */
    show(names, cosines, scale) {
      const top = Math.max(...cosines);
      const weights = cosines.map((cosine) => Math.exp(scale * (cosine - top)));
      const sum = weights.reduce((total, weight) => total + weight, 0);
      const order = upTo(names.length).sort((a, b) => weights[b] - weights[a]).slice(0, 5);
      best.replaceChildren(...order.map((k) => {
        const share = weights[k] / sum;
        const bar = element("span", { class: "play-bar", "aria-hidden": "true" });
        bar.style.setProperty("--share", String(share));
        return element("li", {}, element("span", {}, names[k]), element("span", {}, number(share, 2)), bar);
      }));
    },
  };
}

/** @param {HTMLElement} root @param {Given} given */
function start(root, { folder, version, world, names: firstNames, matrix: source, ...first }) {
  let { scenes, captions } = fromHash(location.hash, world) ?? first;
  let current = 0;
  /** @type {Promise<import("./client.js").Live> | undefined} */
  let coming;
  /** @type {Map<string, Float32Array>} */
  const known = new Map(); // embeddings, by a caption or by what a picture is
  let shown = ""; // the pictures and captions that the matrix was made for

  const status = element("p", { class: "play-status", role: "status" });
  const go = element("button", { type: "button", class: "play-go" }, "Start the model (1 MB)");
  const thumbnails = element("div", { class: "play-thumbnails", role: "group", "aria-label": "Pictures" });
  const list = element("ol", { class: "play-captions" });
  const matrix = makeMatrix(source);
  const names = makeNames(firstNames, () => ask(undefined));
  const editor = makeSceneEditor(world, (scene) => {
    scenes = scenes.map((one, k) => (k === current ? scene : one));
    editor.update(scene);
    ask(undefined);
  }, () => draw());

  /** Embeddings of all, of which only the new ones are computed. @type {<One>(all: One[], key: (one: One) => string, encode: (some: One[]) => Promise<Float32Array>, width: number) => Promise<Float32Array>} */
  async function embeddings(all, key, encode, width) {
    if (known.size > 2_000) known.clear();
    const fresh = [...new Map(all.filter((one) => !known.has(key(one))).map((one) => [key(one), one])).values()];
    const made = fresh.length ? await encode(fresh) : new Float32Array();
    fresh.forEach((one, k) => known.set(key(one), made.slice(k * width, (k + 1) * width)));
    const rows = new Float32Array(all.length * width);
    all.forEach((one, k) => rows.set(/** @type {Float32Array} */ (known.get(key(one))), k * width));
    return rows;
  }
  const canvas = element("canvas", { width: SIZE, height: SIZE });
  const pictureOf = (/** @type {Scene} */ scene) => {
    paint(canvas, scene, world);
    return canvas.toDataURL();
  };
  const keyOf = (/** @type {Scene} */ scene) => `picture ${JSON.stringify(scene)}`;
  const ask = onlyTheLast(async () => {
    history.replaceState(null, "", toHash({ scenes, captions }));
    try {
      if (!coming) write(status, "The model is on its way …");
      coming ??= startModel(folder, "shapes", version);
      const live = await coming;
      go.hidden = true;
      const texts = captions.filter(says);
      const listed = names.names();
      const images = await embeddings(scenes, keyOf, (some) =>
        live.images(Uint8ClampedArray.from(some.flatMap((scene) => [...paint(canvas, scene, world)]))), live.width);
      const encode = (/** @type {string[]} */ some) => live.texts(some);
      const words = await embeddings(texts, (text) => text, encode, live.width);
      const called = await embeddings(listed, (text) => text, encode, live.width);
      const cosines = similarity(images, words, live.width);
      const made = JSON.stringify([texts, moving ? scenes.length : scenes]);
      if (!texts.length) write(status, "Write a caption.");
      else if (made === shown) matrix.update(cosines);
      else await matrix.show(scenes.map(pictureOf), texts, cosines, live.scale);
      if (texts.length) write(status, live.fast ? "" : "This browser has no WebAssembly SIMD: the model runs in plain JavaScript.");
      shown = made;
      const row = cosines.subarray(current * texts.length);
      const values = captions.map((caption) => (says(caption) ? number(row[texts.indexOf(caption)], 2) : ""));
      list.querySelectorAll(".play-fit").forEach((fit, k) => write(fit, values[k]));
      const own = images.subarray(current * live.width, (current + 1) * live.width);
      if (listed.length) names.show(listed, similarity(own, called, live.width), live.scale);
    } catch {
      coming = undefined;
      go.hidden = false;
      write(status, "The model could not be loaded. Try again.");
    }
  });
  let moving = false; // while a hand holds an object, the matrix keeps its thumbnails
  editor.node.addEventListener("pointerdown", () => { moving = true; });
  editor.node.addEventListener("lostpointercapture", () => {
    moving = false;
    ask(undefined);
  }, true);
  go.addEventListener("click", () => ask(undefined));

  function drawThumbnails() {
    const buttons = scenes.map((scene, k) => {
      const image = element("img", { src: pictureOf(scene), alt: `Picture ${k + 1}: ${inWords(scene)}`, class: "dark-light" });
      const button = element("button", { type: "button", "aria-pressed": String(k === current) }, image);
      button.addEventListener("click", () => {
        current = k;
        draw();
        ask(undefined);
        /** @type {HTMLElement} */ (thumbnails.children[k]).focus();
      });
      return button;
    });
    const add = element("button", { type: "button" }, "Add a picture");
    add.addEventListener("click", () => {
      scenes = [...scenes, { ...scenes[current], objects: scenes[current].objects.map((thing) => ({ ...thing })) }];
      current = scenes.length - 1;
      draw();
      ask(undefined);
    });
    const drop = element("button", { type: "button" }, `Remove picture ${current + 1}`);
    drop.addEventListener("click", () => {
      scenes = scenes.filter((_, k) => k !== current);
      current = Math.max(0, current - 1);
      draw();
      ask(undefined);
    });
    if (scenes.length < MOST_SCENES) buttons.push(add);
    if (scenes.length > 1) buttons.push(drop);
    thumbnails.replaceChildren(...buttons);
  }
  function drawCaptions() {
    const lines = captions.map((caption, k) => {
      const input = element("input", { type: "text", maxlength: LONGEST, "aria-label": `Caption ${k + 1}`, autocomplete: "off", spellcheck: "false" });
      input.value = caption;
      input.addEventListener("input", () => {
        captions = captions.map((one, n) => (n === k ? clean(input.value) : one));
        ask(undefined);
      });
      const drop = element("button", { type: "button", "aria-label": `Remove caption ${k + 1}` }, "×");
      drop.addEventListener("click", () => {
        captions = captions.filter((_, n) => n !== k);
        drawCaptions();
        ask(undefined);
      });
      const fit = element("span", { class: "play-fit", title: "cosine with the chosen picture" });
      return element("li", {}, input, fit, ...(captions.length > 1 ? [drop] : []));
    });
    const add = element("button", { type: "button" }, "Add a caption");
    add.addEventListener("click", () => {
      captions = [...captions, ""];
      drawCaptions();
      list.querySelectorAll("input")[captions.length - 1].focus();
    });
    // a value is that of the chosen picture, so that it is seen while that is changed
    list.replaceChildren(...lines, ...(captions.length < MOST_CAPTIONS ? [element("li", {}, add)] : []));
  }
  function draw() {
    drawThumbnails();
    editor.update(scenes[current]);
  }
  addEventListener("hashchange", () => {
    ({ scenes, captions } = fromHash(location.hash, world) ?? first);
    current = 0;
    draw();
    drawCaptions();
    ask(undefined);
  });
  const heading = (/** @type {string} */ text) => element("h2", {}, text);
  root.replaceChildren(
    heading("Pictures"), thumbnails, editor.node,
    heading("Captions"), list,
    heading("Every picture with every caption"), go, status, matrix.node,
    heading("Zero-shot: which name fits the chosen picture?"), names.node,
  );
  draw();
  drawCaptions();
}

for (const root of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".playground"))) {
  const state = root.querySelector("script[type='application/json']");
  start(root, JSON.parse(state?.textContent ?? ""));
}
