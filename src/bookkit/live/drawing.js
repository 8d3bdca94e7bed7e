// A scene as clipbook.scenes.render draws it, pixel by pixel: four times too large, then averaged down.
// Ellipse and polygon fill the pixels that Pillow 13 fills; what the world looks like comes from Python.

/**
 * @typedef {[number, number, number]} Colour
 * @typedef {{ shape: string, colour: string, size: string, x: number, y: number }} Thing
 * @typedef {{ objects: Thing[], ground: string }} Scene
 * @typedef {{ colours: Record<string, Colour>, grounds: Record<string, Colour>, stripe: Colour,
 *   outlines: Record<string, [number, number][]>, radii: Record<string, number> }} World
 * @typedef {{ side: number, pixels: Uint8ClampedArray }} Sheet square, RGB
 * @typedef {{ x0: number, y0: number, low: number, high: number, slope: number }} Edge of a polygon
 */

const OVERSAMPLING = 4;
const float = Math.fround; // Pillow reckons edges in single precision

/** @type {(sheet: Sheet, left: number, y: number, right: number, colour: Colour) => void} */
function line({ side, pixels }, left, y, right, [red, green, blue]) {
  if (y < 0 || y >= side) return;
  const end = 3 * (y * side + Math.min(right, side - 1));
  for (let at = 3 * (y * side + Math.max(0, left)); at <= end; at += 3) {
    pixels[at] = red;
    pixels[at + 1] = green;
    pixels[at + 2] = blue;
  }
}

// ---- Ellipses, on a grid of half pixels around the middle, which may lie between two pixels

/**
 * A quarter of an ellipse, from its side to its top: at each height y, the x of its first and of its last
 * point there. Of the ways on from a point, up, slanting or inwards, it takes the one that strays least.
 * @param {number} a @param {number} b its width and its height, less a pixel
 */
function quarter(a, b) {
  /** @type {Map<number, { outer: number, inner: number }>} */
  const reach = new Map();
  const error = (/** @type {number[]} */ [x, y]) => Math.abs(a * a * y * y + b * b * x * x - a * a * b * b);
  let [x, y] = [a, b % 2];
  while (a >= 0 && b >= 0) {
    reach.set(y, { outer: reach.get(y)?.outer ?? x, inner: x });
    if (x === a % 2 && y === b) break;
    const ways = x > 1 ? [[x, y + 2], [x - 2, y + 2], [x - 2, y]] : [[x, y + 2]];
    [x, y] = ways.reduce((best, way) => (error(way) < error(best) ? way : best));
  }
  return reach;
}

/**
 * All within a box, or a ring of some thickness along its edge.
 * @type {(sheet: Sheet, box: number[], colour: Colour, thickness?: number) => void}
 */
function ellipse(sheet, box, colour, thickness = Infinity) {
  const [left, top, right, bottom] = box.map(Math.trunc);
  const [a, b] = [right - left, bottom - top];
  const hole = quarter(a - 2 * (thickness - 1), b - 2 * (thickness - 1));
  for (const [y, { outer }] of quarter(a, b)) {
    const inner = hole.get(y)?.inner ?? a % 2;
    for (const row of [top + (b - y) / 2, top + (b + y) / 2]) {
      line(sheet, left + (a - outer) / 2, row, left + (a - inner) / 2, colour);
      line(sheet, left + (a + inner) / 2, row, left + (a + outer) / 2, colour);
    }
  }
}

// ---- Polygons, row by row, between every second edge that the row meets and the next. (Pillow draws a
// corner farther out than a pixel from the row beside it in another way; no outline of ours has one.)

/** @type {(edge: Edge, y: number) => number} */
const crossing = ({ x0, y0, slope }, y) => float(float(float(y - y0) * slope) + x0);

/** @type {(sheet: Sheet, corners: number[][], colour: Colour) => void} */
function polygon(sheet, corners, colour) {
  const points = corners.map((point) => point.map(Math.trunc));
  /** @type {Edge[]} */
  const edges = [];
  points.forEach(([x0, y0], k) => {
    const [x1, y1] = points[(k + 1) % points.length];
    if (y0 === y1) return line(sheet, Math.min(x0, x1), y0, Math.max(x0, x1), colour);
    edges.push({ x0, y0, low: Math.min(y0, y1), high: Math.max(y0, y1), slope: float((x1 - x0) / (y1 - y0)) });
  });
  const [first, last] = [Math.min(...points.map(([, y]) => y)), Math.max(...points.map(([, y]) => y))];
  for (let y = first; y <= last; y += 1) {
    /** @type {number[]} */
    const met = [];
    for (const edge of edges) {
      if (y < edge.low || y > edge.high) continue;
      met.push(crossing(edge, y));
      if (y === edge.high && y < last) met.push(crossing(edge, y)); // so that the row is between two
    }
    met.sort((one, two) => one - two);
    for (let k = 1; k < met.length; k += 2)
      line(sheet, Math.floor(float(met[k - 1] + 0.5)), y, Math.ceil(float(met[k] - 0.5)), colour);
  }
}

// ---- The scene

/** @type {(sheet: Sheet, thing: Thing, world: World) => void} */
function draw(sheet, { shape, colour: name, size, x: right, y: down }, { colours, outlines, radii }) {
  const { side } = sheet;
  const [x, y, radius, colour] = [right * side, down * side, radii[size] * side, colours[name]];
  const box = [x - radius, y - radius, x + radius, y + radius];
  if (shape === "circle") ellipse(sheet, box, colour);
  else if (shape === "ring") ellipse(sheet, box, colour, Math.round(0.38 * radius));
  else polygon(sheet, outlines[shape].map(([a, b]) => [x + radius * a, y + radius * b]), colour);
}

/** Each square of four by four pixels as one, its levels rounded. @param {Sheet} sheet */
function averaged({ side, pixels }) {
  const size = side / OVERSAMPLING;
  const picture = new Uint8ClampedArray(3 * size * size);
  for (let k = 0; k < picture.length; k += 1) {
    const corner = OVERSAMPLING * (Math.floor(k / (3 * size)) * 3 * side + Math.floor((k / 3) % size) * 3) + (k % 3);
    let sum = 8; // half of sixteen
    for (let at = corner; at < corner + OVERSAMPLING * 3 * side; at += 3 * side)
      sum += pixels[at] + pixels[at + 3] + pixels[at + 6] + pixels[at + 9];
    picture[k] = sum >> 4;
  }
  return picture;
}

/** The levels of a picture of size × size pixels, RGB. @type {(scene: Scene, world: World, size: number) => Uint8ClampedArray} */
export function render({ objects, ground }, world, size) {
  const side = size * OVERSAMPLING;
  const sheet = { side, pixels: new Uint8ClampedArray(3 * side * side) };
  for (let y = 0; y < side; y += 1) {
    const stripe = ground === "striped" && Math.floor((8 * y) / side) % 2 === 0;
    line(sheet, 0, y, side - 1, stripe ? world.stripe : world.grounds[ground]);
  }
  for (const thing of objects) draw(sheet, thing, world);
  return averaged(sheet);
}
