// Colours of numbers, for every widget that shows some. Like the kit it imports nothing.

// matplotlib's cividis and RdBu_r at equal distances
const CIVIDIS = "00224e 083370 35456c 4f576c 666970 7d7c78 948e77 aea371 c8b866 e5cf52 fee838";
const RED_BLUE = "053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f";
const channels = (/** @type {string} */ hex) => [0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16));
const stops = (/** @type {string} */ text) => text.split(" ").map(channels);
export const SCALES = { magnitude: stops(CIVIDIS), signed: stops(RED_BLUE) };

/**
 * The colour [red, green, blue] at a share, 0 to 1, of a scale.
 * @type {(scale: number[][], share: number) => number[]}
 */
export function colour(scale, share) {
  const at = Math.min(1, Math.max(0, share)) * (scale.length - 1);
  const left = Math.min(scale.length - 2, Math.floor(at));
  /** @type {(value: number, k: number) => number} */
  const mix = (value, k) => Math.round(value + (at - left) * (scale[left + 1][k] - value));
  return scale[left].map(mix);
}

/** Black or white, whichever stands out more from a colour (WCAG's relative luminance). @param {number[]} rgb */
export function ink(rgb) {
  const linear = (/** @type {number} */ k) => (k <= 10 ? k / 3294 : ((k / 255 + 0.055) / 1.055) ** 2.4);
  const [red, green, blue] = rgb.map(linear);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}
