// The playground (bookkit/pages/live.py): pictures that a reader composes, captions, the matrix of both by
// the model itself, and zero-shot over a list of names. The address holds pictures and captions.

import { element, freshId, number, upTo, write } from "../../clipbook/widgets/kit.js";
import { makeAsking } from "./asking.js";
import { LONGEST, MOST_CAPTIONS, MOST_SCENES, fromHash, toHash } from "./address.js";
import { onlyTheLast, similarity, startModel } from "./client.js";
import { makeMatrix } from "./matrix.js";
import { readPicture } from "./own_picture.js";
import { SIZE, inWords, makeSceneEditor, paint, show } from "./scene_editor.js";

/**
 * @typedef {import("./drawing.js").Scene} Scene
 * @typedef {import("./own_picture.js").Photo} Photo
 * @typedef {{ folder: string, version: string, world: import("./drawing.js").World, scenes: Scene[],
 *   captions: string[], question: string, names: string[], questions: import("./questions.js").Patterns,
 *   matrix: { script: string, style: string } }} Given by the page
 */

const says = (/** @type {string} */ text) => /\P{White_Space}/u.test(text);
const clean = (/** @type {string} */ text) => text.replace(/\p{Surrogate}/gu, "\ufffd"); // half a character

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
function start(root, { folder, version, world, names: firstNames, matrix: source, questions, ...first }) {
  let { scenes, captions, question } = fromHash(location.hash, world) ?? first;
  /** @type {Photo[]} */
  let photos = []; // behind the scenes; in no address
  let current = 0;
  /** @type {Promise<import("./client.js").Live> | undefined} */
  let coming;
  /** @type {Map<string, Float32Array>} */
  const known = new Map(); // embeddings, by a caption or by what a picture is
  let shown = ""; // the pictures and captions that the matrix was made for

  let moving = false; // while a hand holds an object, the matrix keeps its thumbnails

  const status = element("p", { class: "play-status", role: "status" });
  const go = element("button", { type: "button", class: "play-go" }, "Start the model (1 MB)");
  const thumbnails = element("div", { class: "play-thumbnails", role: "group", "aria-label": "Pictures" });
  const list = element("ol", { class: "play-captions" });
  const matrix = makeMatrix(source);
  const names = makeNames(firstNames, () => ask(undefined));
  const asking = makeAsking({ folder, version, world, questions }, question, (asked) => {
    question = asked;
    note();
  });
  const editor = makeSceneEditor(world, (scene) => {
    scenes = scenes.map((one, k) => (k === current ? scene : one));
    editor.update(scene);
    showToAsk();
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
  /** @typedef {Scene | Photo} Picture */
  const pictures = () => [...scenes, ...photos];
  const levelsOf = (/** @type {Picture} */ one) =>
    "levels" in one ? show(canvas, one.levels) : paint(canvas, one, world);
  const pictureOf = (/** @type {Picture} */ one) => {
    levelsOf(one);
    return canvas.toDataURL();
  };
  const keyOf = (/** @type {Picture} */ one) => `picture ${"levels" in one ? one.levels : JSON.stringify(one)}`;
  const showToAsk = () => asking.update(Uint8ClampedArray.from(levelsOf(pictures()[current])), scenes[current], moving);
  let noting = 0; // a timer: browsers refuse an address that changes a hundred times a minute
  const note = () => history.replaceState(null, "", toHash({ scenes, captions, question }));
  const ask = onlyTheLast(async () => {
    clearTimeout(noting);
    noting = setTimeout(note, 200);
    try {
      if (!coming) write(status, "The model is on its way …");
      coming ??= startModel(folder, "shapes", version);
      const live = await coming;
      go.hidden = true;
      const texts = captions.filter(says);
      const listed = names.names();
      const rows = pictures();
      const images = await embeddings(rows, keyOf, (some) =>
        live.images(Uint8ClampedArray.from(some.flatMap((one) => [...levelsOf(one)]))), live.width);
      const encode = (/** @type {string[]} */ some) => live.texts(some);
      const words = await embeddings(texts, (text) => text, encode, live.width);
      const called = await embeddings(listed, (text) => text, encode, live.width);
      const cosines = similarity(images, words, live.width);
      const made = JSON.stringify([texts, moving ? rows.length : rows.map(keyOf)]);
      if (!texts.length) write(status, "Write a caption.");
      else if (made === shown) matrix.update(cosines);
      else await matrix.show(rows.map(pictureOf), texts, cosines, live.scale);
      if (texts.length) write(status, live.fast ? "" : "This browser has no WebAssembly SIMD: the model runs in plain JavaScript.");
      shown = made;
      const row = cosines.subarray(current * texts.length);
      const values = captions.map((caption) => (says(caption) ? number(row[texts.indexOf(caption)], 2) : ""));
      list.querySelectorAll(".play-fit").forEach((fit, k) => write(fit, values[k]));
      const chosen = images.subarray(current * live.width, (current + 1) * live.width);
      if (listed.length) names.show(listed, similarity(chosen, called, live.width), live.scale);
    } catch {
      coming = undefined;
      go.hidden = false;
      write(status, "The model could not be loaded. Try again.");
    }
  });
  editor.node.addEventListener("pointerdown", () => { moving = true; });
  editor.node.addEventListener("lostpointercapture", () => {
    moving = false;
    showToAsk();
    ask(undefined);
  }, true);
  go.addEventListener("click", () => ask(undefined));

  const put = (/** @type {Scene[]} */ newScenes, /** @type {Photo[]} */ newPhotos, /** @type {number} */ chosen) => {
    [scenes, photos, current] = [newScenes, newPhotos, chosen];
    draw();
    ask(undefined);
  };
  const bring = async (/** @type {File[]} */ files) => {
    const room = MOST_SCENES - pictures().length;
    try {
      const read = await Promise.all(files.slice(0, room).map((file) => readPicture(file, SIZE)));
      if (read.length) put(scenes, [...photos, ...read], pictures().length);
    } catch {
      write(status, "That file is no picture that this browser can read.");
    }
  };
  const own = element("input", { type: "file", accept: "image/*", multiple: "", id: freshId("own") });
  const ownField = element("div", { class: "play-own" }, element("label", { for: own.id }, "A picture of your own"), own);
  own.addEventListener("change", () => {
    bring([...(own.files ?? [])]);
    own.value = "";
  });
  root.addEventListener("dragover", (event) => event.preventDefault());
  root.addEventListener("drop", (event) => {
    if (event.dataTransfer?.files.length) event.preventDefault();
    bring([...(event.dataTransfer?.files ?? [])]);
  });

  function drawThumbnails() {
    const buttons = pictures().map((one, k) => {
      const alt = `Picture ${k + 1}: ${"levels" in one ? one.name : inWords(one)}`;
      const image = element("img", { src: pictureOf(one), alt, class: "dark-light" });
      const button = element("button", { type: "button", "aria-pressed": String(k === current) }, image);
      button.addEventListener("click", () => {
        put(scenes, photos, k);
        /** @type {HTMLElement} */ (thumbnails.children[k]).focus();
      });
      return button;
    });
    const add = element("button", { type: "button" }, "Add a picture");
    add.addEventListener("click", () => put([...scenes, scenes[Math.min(current, scenes.length - 1)]], photos, scenes.length));
    const drop = element("button", { type: "button" }, `Remove picture ${current + 1}`);
    drop.addEventListener("click", () => put(scenes.filter((_, k) => k !== current),
      photos.filter((_, k) => k !== current - scenes.length), Math.max(0, current - 1)));
    if (pictures().length < MOST_SCENES) buttons.push(add);
    if (scenes.length > 1 || current >= scenes.length) buttons.push(drop);
    thumbnails.replaceChildren(...buttons);
    ownField.hidden = pictures().length === MOST_SCENES;
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
    const photo = photos[current - scenes.length];
    if (photo) editor.exhibit(photo);
    else editor.update(scenes[current]);
    showToAsk();
  }
  addEventListener("hashchange", () => {
    ({ scenes, captions, question } = fromHash(location.hash, world) ?? first);
    drawCaptions();
    put(scenes, photos, 0);
  });
  const heading = (/** @type {string} */ text) => element("h2", {}, text);
  root.replaceChildren(
    heading("Pictures"), thumbnails, ownField, editor.node,
    heading("Captions"), list,
    heading("Every picture with every caption"), go, status, matrix.node,
    heading("Zero-shot: which name fits the chosen picture?"), names.node,
    heading("Ask about the chosen picture"), asking.node,
  );
  draw();
  drawCaptions();
}

for (const root of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".playground"))) {
  const state = root.querySelector("script[type='application/json']");
  start(root, JSON.parse(state?.textContent ?? ""));
}
