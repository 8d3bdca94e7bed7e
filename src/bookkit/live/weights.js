// From a safetensors file, as the package ships it, to weights as the kernels want them: float32, a matrix
// with its outputs side by side, each batch norm folded into the convolution before it.

/** @typedef {{ shape: number[], values: Float32Array }} Weight */

/** @param {string} text of base 64 */
export function bytesOf(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let k = 0; k < bytes.length; k += 1) bytes[k] = letters.charCodeAt(k);
  return bytes;
}

/** Half precision, exactly, subnormal numbers too; weights hold no infinity. @param {Uint16Array} halves */
export function fromHalves(halves) {
  const bits = new Uint32Array(halves.length);
  const values = new Float32Array(bits.buffer);
  // The exponent begins 112 lower there, so the bits, moved to their places, stand for 2^-112 as much.
  for (let k = 0; k < halves.length; k += 1) {
    bits[k] = (halves[k] & 0x7fff) << 13;
    values[k] *= halves[k] & 0x8000 ? -(2 ** 112) : 2 ** 112;
  }
  return values;
}

/**
 * Whole numbers of 8 bits, times the scale of their row (rounding.py). There are as many scales as rows, and
 * never as many as columns: so a square matrix can't be taken for its mirror image.
 * @type {(whole: Int8Array, scales: Float32Array) => Float32Array}
 */
export function fromEightBits(whole, scales) {
  const columns = whole.length / scales.length;
  const values = new Float32Array(whole.length);
  for (let row = 0, k = 0; row < scales.length; row += 1)
    for (const end = k + columns; k < end; k += 1) values[k] = whole[k] * scales[row];
  return values;
}

/**
 * All tensors of half precision, or of 8 bits, and the configuration that stands in the header.
 * @param {ArrayBuffer} file
 */
export function readSafetensors(file) {
  const length = new DataView(file).getUint32(0, true);
  const { __metadata__, ...entries } = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length)));
  /** @type {Map<string, Weight>} */
  const tensors = new Map();
  // copies, since 16-bit numbers may begin at even places only
  const bytes = (/** @type {string} */ name) =>
    file.slice(.../** @type {[number, number]} */ (entries[name].data_offsets.map((/** @type {number} */ at) => 8 + length + at)));
  const halves = (/** @type {string} */ name) => fromHalves(new Uint16Array(bytes(name)));
  const scales = new Set(Object.keys(entries).map((name) => `${name}.scale`)); // if there are any
  for (const [name, { dtype, shape }] of Object.entries(entries)) {
    const scale = `${name}.scale`;
    if (dtype === "I64" || scales.has(name)) continue; // I64: how many batches a batch norm has seen
    if (dtype === "I8" && scale in entries) tensors.set(name, { shape, values: fromEightBits(new Int8Array(bytes(name)), halves(scale)) });
    else if (dtype === "F16") tensors.set(name, { shape, values: halves(name) });
    else throw new TypeError(`${name} is of type ${dtype}; ship the model in float16`);
  }
  return { config: JSON.parse(__metadata__.config), tensors };
}

/** (rows, columns) → (columns, rows). @type {(values: ArrayLike<number>, rows: number, columns: number) => Float32Array} */
function transposed(values, rows, columns) {
  const turned = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) turned[column * rows + row] = values[row * columns + column];
  return turned;
}

/**
 * A convolution and its batch norm as one matrix ((ky, kx, in), out), its rows filled up to a multiple of
 * four with zeros, and one bias.
 * @type {(conv: Weight, norm: (name: string) => Float32Array) => [Float32Array, Float32Array]}
 */
function folded({ shape: [outputs, inputs], values }, norm) {
  const [gain, shift, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(norm);
  const scale = Float64Array.from(gain, (value, k) => value / Math.sqrt(variance[k] + 1e-5));
  const matrix = new Float32Array(roundUp(9 * inputs) * outputs);
  for (let out = 0; out < outputs; out += 1)
    for (let input = 0; input < inputs; input += 1)
      for (let k = 0; k < 9; k += 1)
        matrix[(k * inputs + input) * outputs + out] = values[(out * inputs + input) * 9 + k] * scale[out];
  return [matrix, Float32Array.from(shift, (value, k) => value - mean[k] * scale[k])];
}

/** To the next multiple of four, so that four numbers at a time are all of one thing. @param {number} count */
export const roundUp = (count) => Math.ceil(count / 4) * 4;

/**
 * Everything by name, laid out for the kernels. @param {Map<string, Weight>} tensors
 * @returns {Map<string, Float32Array>}
 */
export function prepare(tensors) {
  /** @type {Map<string, Float32Array>} */
  const ready = new Map();
  const valuesOf = (/** @type {string} */ name) => /** @type {Weight} */ (tensors.get(name)).values;
  for (const [name, weight] of tensors) {
    const { shape, values } = weight;
    if (shape.length === 4) {
      const layer = name.replace(/0\.weight$/, "");
      const [matrix, bias] = folded(weight, (part) => valuesOf(`${layer}1.${part}`));
      ready.set(`${layer}weight`, matrix).set(`${layer}bias`, bias);
    } else if (/\.(down|refine)\.1\./.test(name)) continue;
    else if (shape.length === 2 && /\.weight$/.test(name) && !/token_embedding/.test(name))
      ready.set(name, transposed(values, shape[0], shape[1]));
    else ready.set(name, values);
  }
  return ready;
}
