// A picture of a reader's own: it is read in the page, and never leaves it.

import { fit, withoutAlpha } from "./resizing.js";

/** @typedef {{ levels: Uint8ClampedArray, name: string }} Photo as the model sees it */

const LARGEST = 50_000_000; // pixels; more is more memory than a phone has

/**
 * What the model sees of a file: upright, on white, size × size pixels.
 * @type {(file: File, size: number) => Promise<Photo>}
 */
export async function readPicture(file, size) {
  const image = await createImageBitmap(file);
  const { width, height } = image;
  if (width * height > LARGEST) throw new RangeError(`${width} × ${height} pixels are too many`);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const sheet = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  sheet.fillStyle = "#fff";
  sheet.fillRect(0, 0, width, height);
  sheet.drawImage(image, 0, 0);
  image.close();
  const pixels = withoutAlpha(sheet.getImageData(0, 0, width, height).data);
  return { levels: fit({ width, height, pixels }, size), name: file.name };
}
