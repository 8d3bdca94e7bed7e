// Some hundreds of emoji on one sheet (pictures.py), as the model sees them.

import { element, upTo } from "../../clipbook/widgets/kit.js";
import { fetchFile } from "./client.js";
import { withoutAlpha } from "./resizing.js";

/** @typedef {import("./own_picture.js").Photo & { id: string, artist: string }} Drawing by an artist; `id` stands in an address */

/** @param {string} folder @param {string} version @param {Map<string, string>} titles of artists @returns {Promise<Drawing[]>} */
export async function loadSheet(folder, version, titles) {
  const { sheet, side, columns, pictures } = await fetchFile(folder, "pictures", version);
  const image = element("img", { src: `data:image/webp;base64,${sheet}` });
  await image.decode();
  const canvas = element("canvas", { width: image.naturalWidth, height: image.naturalHeight });
  const drawn = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  drawn.drawImage(image, 0, 0);
  return upTo(pictures.length).map((k) => {
    const [artist, code, name] = pictures[k];
    const { data } = drawn.getImageData((k % columns) * side, Math.floor(k / columns) * side, side, side);
    return { levels: withoutAlpha(data), name: `${name} by ${titles.get(artist)}`, id: `${artist}.${code}`, artist };
  });
}
