// The playground (bookkit/pages/live.py): pictures that a reader composes, chooses or draws, captions, the matrix of
// both by the model itself, and zero-shot over a list of names; with emoji retrieval, and of scenes questions.

import { element, number, write } from "../../clipbook/widgets/kit.js";
import { makeAsking } from "./asking.js";
import { MODELS, MOST_SCENES, fromHash, toHash } from "./address.js";
import { makeBringing } from "./bringing.js";
import { makeCaptions } from "./captions.js";
import { makeMemory, onlyTheLast, similarity } from "./client.js";
import { makeFinder } from "./finder.js";
import { makeLink, noteComposed } from "./link.js";
import { makeMatrix } from "./matrix.js";
import { makeNaming } from "./naming.js";
import { readPicture } from "./own_picture.js";
import { makePen } from "./pen.js";
import { SIZE, inWords, makeSceneEditor, paint, show } from "./scene_editor.js";
import { ABOUT, isStarted, start } from "./starting.js";
import { says } from "./texts.js";
import { makeThumbnails } from "./thumbnails.js";
import { makeTries } from "./tries.js";
import { makeWay } from "./way.js";

/**
 * @typedef {import("./drawing.js").Scene} Scene
 * @typedef {import("./own_picture.js").Photo & { id?: string, drawn?: boolean }} Photo
 * @typedef {Scene | Photo} Picture
 * @typedef {import("./address.js").Composed} Composed
 * @typedef {{ first: Composed, names: string[] }} Beginning
 * @typedef {{ folder: string, version: string, world: import("./drawing.js").World,
 *   questions: import("./questions.js").Patterns, words: string[], credits: import("./finder.js").Credit[],
 *   models: Record<string, Beginning>, tries: import("./tries.js").Try[], matrix: { script: string, style: string } }} Given by the page
 */

/**
 * The whole of it for one model, and again for another one.
 * @param {HTMLElement} root @param {Given} given @param {Composed} composed @param {Photo[]} [besides] pictures of the reader's own
 * @param {Map<string, [Composed, Photo[]]>} [kept] what a reader has left with other models
 */
function begin(root, given, composed, besides = [], kept = new Map()) {
  const { folder, version, world, matrix: source, questions, credits, models } = given;
  let { model, scenes, picks, captions, question, find } = composed;
  const about = /** @type {import("./starting.js").About} */ (ABOUT.get(model));
  const end = new AbortController(); // of what listens to more than its own part of the page
  let photos = besides; // behind the scenes; only those by artists are in the address
  let current = 0;
  const embeddings = makeMemory(); // by a caption or by what a picture is
  let shown = ""; // the pictures and captions that the matrix was made for
  let read = ""; // the captions and names of which
  /** @type {string[]} */
  let unread = []; // the models left this unread

  let moving = false; // while a hand holds an object, the matrix keeps its thumbnails

  const status = element("p", { class: "play-status", role: "status" });
  const go = element("button", { type: "button", class: "play-go" }, about.go);
  const thumbnails = makeThumbnails({
    choose: (k) => putAndFocus(scenes, photos, k),
    add: () => putAndFocus([...scenes, scenes[Math.min(current, scenes.length - 1)]], photos, scenes.length),
    remove: () => putAndFocus(scenes.filter((_, k) => k !== current), photos.filter((_, k) => k !== current - scenes.length),
      Math.max(0, current - 1)),
  });
  const met = model === "shapes" ? given.words : undefined; // in training; the other model never read a sentence
  const list = makeCaptions(met, (next) => {
    captions = next;
    ask(undefined);
  });
  const way = makeWay();
  const matrix = makeMatrix(source, way.choose, way.opener);
  const naming = makeNaming(composed.names ?? models[model].names, about.names, met, () => ask(undefined));
  const asking = makeAsking({ folder, version, world, questions }, question, (asked) => {
    question = asked;
    link.note();
  });
  const finder = makeFinder(credits, find, {
    choose: (drawing) => pictures().length < MOST_SCENES && put(scenes, [...photos, drawing], pictures().length),
    changed(text) {
      find = text;
      ask(undefined);
    },
  });
  let looked = false; // at the pictures to be found
  const editor = makeSceneEditor(world, (scene) => {
    scenes = scenes.map((one, k) => (k === current ? scene : one));
    editor.update(scene);
    showToAsk();
    ask(undefined);
  }, () => draw());
  const pen = makePen(editor.stage, editor.canvas, world.colours, (levels) => {
    photos = photos.map((one, k) => (k === current - scenes.length ? { ...one, levels } : one));
    showToAsk();
    ask(undefined);
  }, () => draw());
  editor.stage.after(pen.node);
  const copy = element("button", { type: "button", class: "play-copy" }, "Draw on a copy with a pen");
  copy.addEventListener("click", () => {
    const levels = Uint8ClampedArray.from(levelsOf(pictures()[current]));
    put(scenes, [...photos, { levels, name: "a drawing", drawn: true }], pictures().length);
  });

  const canvas = element("canvas", { width: SIZE, height: SIZE });
  const pictures = () => [...scenes, ...photos];
  const levelsOf = (/** @type {Picture} */ one) =>
    "levels" in one ? show(canvas, one.levels) : paint(canvas, one, world);
  const pictureOf = (/** @type {Picture} */ one) => {
    levelsOf(one);
    return canvas.toDataURL();
  };
  const keyOf = (/** @type {Picture} */ one) =>
    `picture ${"levels" in one ? String.fromCharCode(...one.levels) : JSON.stringify(one)}`;
  const showToAsk = () => model === "shapes" && asking.update(Uint8ClampedArray.from(levelsOf(pictures()[current])), scenes[current], moving);
  /** @returns {Composed} */
  const state = () => {
    const ids = photos.flatMap(({ id }) => id ?? []);
    const names = naming.names();
    const changed = names.join("\n") !== models[model].names.join("\n");
    return { model, scenes, picks: picks.length ? picks : ids, captions, question, find, ...(changed && { names }) };
  };
  const link = makeLink(state, end.signal, () => {
    kept.set(model, [state(), ownPhotos()]);
    end.abort();
    const next = fromHash(location.hash, world) ?? models[model].first;
    begin(root, given, next, kept.get(next.model)?.[1], kept);
  });
  const ask = onlyTheLast(async () => {
    link.noteSoon();
    try {
      if (!go.hidden) write(status, "The model is on its way …");
      const { live, sheet } = await start(model, given);
      go.hidden = true;
      hang(sheet);
      const texts = captions.filter(says);
      const listed = naming.names();
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
      const all = JSON.stringify([texts, listed]);
      if (all !== read) [unread, read] = [await live.unread([...texts, ...listed]), all]; // not in each frame of a drag
      list.cut(texts, unread.slice(0, texts.length));
      if (texts.length && !moving) way.update({ live, texts, cosines, levels: (row) => levelsOf(rows[row]) });
      shown = made;
      const row = cosines.subarray(current * texts.length);
      list.fit(captions.map((caption) => (says(caption) ? number(row[texts.indexOf(caption)], 2) : "")));
      const chosen = images.subarray(current * live.width, (current + 1) * live.width);
      naming.show(listed, similarity(chosen, called, live.width), live.scale, unread.slice(texts.length));
      if (sheet.length && !looked && !end.signal.aborted) {
        looked = true;
        finder.begin(live, sheet);
      }
    } catch {
      go.hidden = false;
      write(status, "The model could not be loaded. Try again.");
    }
  });
  editor.node.addEventListener("pointerdown", (event) => { // of an object or the pen, not of a menu
    moving = event.composedPath().some((one) => one instanceof Element && one.hasPointerCapture(event.pointerId));
  });
  editor.node.addEventListener("lostpointercapture", () => {
    moving = false;
    showToAsk();
    ask(undefined);
  }, true);
  go.addEventListener("click", () => ask(undefined));

  /** The drawings that the address names, once they have come; of none the first ones. @param {import("./emoji_sheet.js").Drawing[]} sheet */
  function hang(sheet) {
    if (!sheet.length || (!picks.length && photos.length)) return;
    const named = (/** @type {string[]} */ ids) => ids.flatMap((id) => sheet.find((one) => one.id === id) ?? []);
    const found = named(picks);
    const all = [...(found.length ? found : named(models[model].first.picks)), ...photos];
    photos = all.slice(0, MOST_SCENES);
    sayNoRoom(all.length - photos.length);
    picks = [];
    draw();
  }
  const put = (/** @type {Scene[]} */ newScenes, /** @type {Photo[]} */ newPhotos, /** @type {number} */ chosen) => {
    [scenes, photos, current] = [newScenes, newPhotos, chosen];
    draw();
    ask(undefined);
  };
  /** By a button that is made anew. @type {typeof put} */
  const putAndFocus = (newScenes, newPhotos, chosen) => {
    put(newScenes, newPhotos, chosen);
    thumbnails.focus(chosen);
  };
  const bring = async (/** @type {File[]} */ files) => {
    try {
      const read = await Promise.all(files.slice(0, MOST_SCENES).map((file) => readPicture(file, about.size)));
      const taken = read.slice(0, Math.max(0, MOST_SCENES - pictures().length));
      sayNoRoom(files.length - taken.length);
      if (end.signal.aborted) kept.set(model, [state(), [...ownPhotos(), ...taken]]); // for when a reader comes back
      else if (taken.length) put(scenes, [...photos, ...taken], pictures().length);
    } catch {
      write(status, "That file is no picture that this browser can read.");
    }
  };
  const ownField = makeBringing(root, end.signal, bring);
  const noRoom = element("p", { class: "play-full", role: "status" });
  const sayNoRoom = (/** @type {number} */ leftOut) =>
    write(noRoom, leftOut > 0 ? `There is room for ${MOST_SCENES} pictures: ${leftOut} were left out.` : "");
  function draw() {
    const none = !pictures().length; // they come with the model
    const full = pictures().length >= MOST_SCENES;
    editor.node.hidden = none;
    ownField.hidden = copy.hidden = none || full;
    if (none) return thumbnails.node.replaceChildren("The pictures come with the model.");
    const small = pictures().map((one) => ({ src: pictureOf(one), alt: "levels" in one ? one.name : inWords(one) }));
    const only = scenes.length ? scenes.length === 1 && current === 0 : photos.length === 1;
    thumbnails.show(small, current, { more: !full && scenes.length > 0, fewer: !only });
    const photo = photos[current - scenes.length];
    const sees = `What the model sees of ${photo?.name}: ${about.size} × ${about.size} pixels. ${about.knows}`;
    if (photo) editor.exhibit(photo, photo.drawn ? "Draw by hand, or with the arrow keys while the space bar is held down." : sees);
    else editor.update(scenes[current]);
    pen.take(photo?.drawn ? photo.levels : undefined);
    showToAsk();
  }
  const choices = MODELS.map((name) => {
    const radio = element("input", { type: "radio", name: "play-model", id: `play-${name}`, value: name });
    radio.checked = name === model;
    radio.addEventListener("change", () => {
      const [left, photosLeft] = kept.get(name) ?? [models[name].first, []];
      kept.set(model, [state(), ownPhotos()]);
      end.abort();
      start(name, given);
      begin(root, given, left, photosLeft, kept);
      document.getElementById(radio.id)?.focus();
    });
    return element("label", { for: radio.id }, radio, ` ${ABOUT.get(name)?.name}`);
  });
  const ownPhotos = () => photos.filter(({ id }) => !id);
  const heading = (/** @type {string} */ text) => element("h2", {}, text);
  const emoji = model === "emoji";
  const part = (/** @type {string} */ name, /** @type {(Node | string)[]} */ ...nodes) => element("div", { class: name }, ...nodes);
  root.replaceChildren(
    part("play-top", element("fieldset", { class: "play-models" }, element("legend", {}, "Model"), ...choices), ...link.nodes),
    ...(emoji ? [element("p", {}, about.note), go, status] : []),
    part("play-bench",
      part("play-made", heading("Pictures"), thumbnails.node, ownField, noRoom, editor.node, copy, heading("Captions"), list.node),
      part("play-compared", heading("Every picture with every caption"), ...(emoji ? [] : [go, status]), matrix.node)),
    ...(emoji ? [heading("Retrieval: which pictures fit a text?"), finder.node] : []),
    heading("Zero-shot: which name fits the chosen picture?"), naming.node,
    ...(emoji ? [] : [heading("Ask about the chosen picture"), asking.node]),
    way.node,
  );
  draw();
  list.show(captions);
  if (isStarted(model)) ask(undefined);
  if (question && !emoji) asking.ask();
}

for (const root of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".playground"))) {
  const text = root.querySelector("script[type='application/json']")?.textContent ?? "";
  const given = /** @type {Given} */ (JSON.parse(text));
  const main = element("div");
  const tries = makeTries(main, given.tries, (state) => {
    start(state.model, given);
    noteComposed(); // for the way back
    history.pushState(null, "", toHash({ ...given.models[state.model].first, ...state }));
    dispatchEvent(new Event("hashchange"));
  });
  root.replaceChildren(tries, main);
  begin(main, given, fromHash(location.hash, given.world) ?? given.models[MODELS[0]].first);
}
