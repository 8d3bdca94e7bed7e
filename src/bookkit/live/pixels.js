// Between pictures of a page and the levels that a model takes: red, green, blue of pixel after pixel.

import { element } from "../../clipbook/widgets/kit.js";

/** @param {number} side */
const sheetOf = (side) => {
  const canvas = element("canvas", { width: side, height: side });
  const sheet = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  return { canvas, sheet };
};

/** The levels of pictures as they are in the page, all of one size. @param {HTMLImageElement[]} pictures */
export async function levelsOf(pictures) {
  await Promise.all(pictures.map((picture) => picture.decode()));
  const side = pictures[0].naturalWidth;
  const { sheet } = sheetOf(side);
  const levels = pictures.flatMap((picture) => {
    sheet.drawImage(picture, 0, 0);
    return [...sheet.getImageData(0, 0, side, side).data].filter((_, k) => k % 4 < 3);
  });
  return Uint8Array.from(levels);
}

/** A picture of side × side pixels, as the address of a PNG. @type {(levels: ArrayLike<number>, side: number) => string} */
export function pictureOf(levels, side) {
  const { canvas, sheet } = sheetOf(side);
  const pixels = new ImageData(side, side);
  for (let k = 0; k < side * side; k += 1)
    pixels.data.set([levels[3 * k], levels[3 * k + 1], levels[3 * k + 2], 255], 4 * k);
  sheet.putImageData(pixels, 0, 0);
  return canvas.toDataURL();
}
