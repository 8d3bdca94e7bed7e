// A scene to be composed by mouse, thumb or keys: the picture that the model sees, enlarged, with a handle
// over each of its objects, and what else there is to choose of the one that is selected.

import { element, field, write } from "../../clipbook/widgets/kit.js";
import { render } from "./drawing.js";

/**
 * @typedef {import("./drawing.js").Scene} Scene
 * @typedef {import("./drawing.js").Thing} Thing
 * @typedef {import("./drawing.js").World} World
 */

export const SIZE = 32; // px of a scene's picture
export const STEPS = new Map([["ArrowLeft", [-1, 0]], ["ArrowRight", [1, 0]], ["ArrowUp", [0, -1]], ["ArrowDown", [0, 1]]]);

/** What an object may be, in the words of captions. @param {World} world */
export const choices = (world) => ({
  shape: ["circle", "ring", ...Object.keys(world.outlines)],
  colour: Object.keys(world.colours),
  size: Object.keys(world.radii),
});

/** In hundredths of the picture's side, and whole within it. @type {(thing: Thing, world: World) => Thing} */
export function settled(thing, world) {
  const margin = world.radii[thing.size];
  const inside = (/** @type {number} */ at) => Math.round(100 * Math.max(margin, Math.min(1 - margin, at))) / 100;
  return { ...thing, x: inside(thing.x), y: inside(thing.y) };
}

/** Puts a picture, a square, on a canvas. @type {(canvas: HTMLCanvasElement, levels: Uint8ClampedArray) => Uint8ClampedArray} */
export function show(canvas, levels) {
  const side = Math.sqrt(levels.length / 3);
  if (canvas.width !== side) [canvas.width, canvas.height] = [side, side];
  const pixels = new ImageData(side, side);
  for (let k = 0; k < side * side; k += 1)
    pixels.data.set([levels[3 * k], levels[3 * k + 1], levels[3 * k + 2], 255], 4 * k);
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(pixels, 0, 0);
  return levels;
}

/** Draws a scene there. @type {(canvas: HTMLCanvasElement, scene: Scene, world: World) => Uint8ClampedArray} */
export const paint = (canvas, scene, world) => show(canvas, render(scene, world, SIZE));

/** “red circle” @param {Thing} thing */
const nameOf = ({ colour, shape }) => `${colour} ${shape}`;

/** A scene in words. @param {Scene} scene */
export const inWords = ({ objects, ground }) => `${objects.map(nameOf).join(" and ")} on a ${ground} background`;

/** Whether two objects lie on one another, as none do in training. @type {(scene: Scene, world: World) => boolean} */
const overlap = ({ objects: [one, two] }, { radii }) =>
  two !== undefined && Math.hypot(one.x - two.x, one.y - two.y) < radii[one.size] + radii[two.size];

/**
 * The editor. `change` gets the scene as a reader has changed it, `rest` is called when a hand has let go.
 * @param {World} world @param {(scene: Scene) => void} change @param {() => void} rest
 */
export function makeSceneEditor(world, change, rest) {
  /** @type {Scene} */
  let scene = { objects: [], ground: "dark" };
  let selected = 0;
  const canvas = element("canvas", { width: SIZE, height: SIZE, role: "img" });
  const handles = [0, 1].map((k) => element("button", { type: "button", class: "play-handle", "data-object": k }));
  const stage = element("div", { class: "play-stage" }, canvas, ...handles);
  const remark = element("p", { class: "play-remark", role: "status" });

  const put = (/** @type {Thing[]} */ objects) => change({ ...scene, objects });
  const edit = (/** @type {Partial<Thing>} */ values, k = selected) =>
    put(scene.objects.map((thing, n) => (n === k ? settled({ ...thing, ...values }, world) : thing)));
  const select = (/** @type {number} */ k) => {
    selected = k;
    update(scene);
  };

  const placeOf = (/** @type {PointerEvent} */ event) => {
    const box = stage.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  };
  let held = { x: 0, y: 0 }; // where in the object the hand has taken it

  handles.forEach((handle, k) => {
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      select(k);
      const { x, y } = placeOf(event);
      held = { x: x - scene.objects[k].x, y: y - scene.objects[k].y };
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const { x, y } = placeOf(event);
      edit({ x: x - held.x, y: y - held.y }, k);
    });
    handle.addEventListener("lostpointercapture", rest);
    handle.addEventListener("focus", () => select(k));
    handle.addEventListener("keydown", (event) => {
      const step = STEPS.get(event.key);
      if (!step) return;
      event.preventDefault();
      const far = event.shiftKey ? 0.05 : 0.01;
      const { x, y } = scene.objects[k];
      edit({ x: x + step[0] * far, y: y + step[1] * far }, k);
      rest();
    });
  });

  const menus = Object.entries(choices(world)).map(([trait, values]) => {
    const menu = element("select", {}, ...values.map((value) => element("option", { value }, value)));
    menu.addEventListener("change", () => {
      edit({ [trait]: menu.value });
      rest();
    });
    return { trait, menu, node: field(trait[0].toUpperCase() + trait.slice(1), menu) };
  });
  const ground = element("select", {}, ...Object.keys(world.grounds).map((value) => element("option", { value }, value)));
  ground.addEventListener("change", () => {
    change({ ...scene, ground: ground.value });
    rest();
  });
  const more = element("button", { type: "button" });
  more.addEventListener("click", () => {
    if (scene.objects.length === 2) put(scene.objects.filter((_, k) => k !== selected));
    else {
      const { x, y } = scene.objects[0];
      put([...scene.objects, settled({ shape: "star", colour: "yellow", size: "small", x: x < 0.5 ? 0.8 : 0.2, y: y < 0.5 ? 0.8 : 0.2 }, world)]);
      selected = 1;
    }
    rest();
    update(scene);
  });
  const controls = element("div", { class: "play-menus" }, ...menus.map((menu) => menu.node), field("Background", ground), more);
  const node = element("div", { class: "play-editor" }, stage, controls, remark);

  /** @param {Scene} next */
  function update(next) {
    scene = next;
    selected = Math.min(selected, scene.objects.length - 1);
    canvas.setAttribute("aria-label", `A ${inWords(scene)}`);
    paint(canvas, scene, world);
    controls.hidden = false;
    handles.forEach((handle, k) => {
      const thing = scene.objects[k];
      handle.hidden = !thing;
      if (!thing) return;
      const radius = world.radii[thing.size];
      const place = { left: thing.x - radius, top: thing.y - radius, width: 2 * radius, height: 2 * radius };
      for (const [side, share] of Object.entries(place)) handle.style.setProperty(side, `${100 * share}%`);
      handle.classList.toggle("play-selected", k === selected && scene.objects.length > 1);
      handle.setAttribute("aria-label", `${nameOf(thing)}, ${Math.round(100 * thing.x)} % from the left, ` +
        `${Math.round(100 * thing.y)} % from the top; arrow keys move it`);
    });
    const thing = scene.objects[selected];
    for (const { trait, menu } of menus) menu.value = thing[/** @type {keyof Thing & "shape"} */ (trait)];
    ground.value = scene.ground;
    write(more, scene.objects.length === 2 ? `Remove the ${nameOf(thing)}` : "Add an object");
    write(remark, overlap(scene, world) ? "The objects overlap: in training none ever did." : "");
  }
  /** A picture that is not composed, and what is to be said of it. @type {(photo: { levels: Uint8ClampedArray, name: string }, said: string) => void} */
  function exhibit({ levels, name }, said) {
    canvas.setAttribute("aria-label", name);
    show(canvas, levels);
    for (const part of [controls, ...handles]) part.hidden = true;
    write(remark, said);
  }
  return { node, stage, canvas, update, exhibit };
}
