// The two kernels in which a model spends its time, over one array of floats: a matrix product, and GELU.
// kernel.py writes the same pair in WebAssembly, four numbers at a time; here is the plain one, which takes
// over where a browser has no SIMD. Places are counted in floats from the array's beginning.

/**
 * @typedef {object} Kernels
 * @property {(y: number, x: number, w: number, bias: number, rows: number, inner: number, columns: number,
 *   add: number) => void} matmul y = x · w + bias, or y += …, if `add` is 1: x is (rows, inner), w (inner,
 *   columns), y (rows, columns), all row after row; a bias at 0 is none; columns are a multiple of 8
 * @property {(x: number, count: number) => void} gelu of each number in its place, a multiple of 4
 */

// erf within 1.2e-6: a rational function in z² times z, where |z| ≤ 4; beyond, erf is 1 to seven digits.
const ABOVE = [
  -2.72614225801306e-10, 2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5,
  -7.34990630326855e-4, -2.95459980854025e-3, -1.60960333262415e-2,
];
const BELOW = [
  -1.45660718464996e-5, -2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3, -1.42647390514189e-2,
];

/** @type {(factors: number[], q: number) => number} */
const polynomial = (factors, q) => factors.reduce((sum, factor) => sum * q + factor, 0);

/** The error function. @param {number} x */
export function erf(x) {
  const z = Math.max(-4, Math.min(4, x));
  return (z * polynomial(ABOVE, z * z)) / polynomial(BELOW, z * z);
}

/** Without WebAssembly: two rows by four columns at a time. @param {Float32Array} floats @returns {Kernels} */
export function plainKernels(floats) {
  /** @type {Kernels["matmul"]} */
  function matmul(y, x, w, bias, rows, inner, columns, add) {
    for (let row = 0; row < rows; row += 2) {
      const [x0, y0] = [x + row * inner, y + row * columns];
      const second = row + 1 < rows;
      const [x1, y1] = second ? [x0 + inner, y0 + columns] : [x0, y0];
      for (let column = 0; column < columns; column += 4) {
        let [a, b, c, d] = [0, 0, 0, 0];
        let [e, f, g, h] = [0, 0, 0, 0];
        for (let k = 0, at = w + column; k < inner; k += 1, at += columns) {
          const s = floats[x0 + k];
          const t = floats[x1 + k];
          a += s * floats[at];
          b += s * floats[at + 1];
          c += s * floats[at + 2];
          d += s * floats[at + 3];
          e += t * floats[at];
          f += t * floats[at + 1];
          g += t * floats[at + 2];
          h += t * floats[at + 3];
        }
        store(y0 + column, bias && bias + column, add, a, b, c, d);
        if (second) store(y1 + column, bias && bias + column, add, e, f, g, h);
      }
    }
  }

  /** @type {(y: number, bias: number, add: number, a: number, b: number, c: number, d: number) => void} */
  function store(y, bias, add, a, b, c, d) {
    floats[y] = a + (bias && floats[bias]) + (add && floats[y]);
    floats[y + 1] = b + (bias && floats[bias + 1]) + (add && floats[y + 1]);
    floats[y + 2] = c + (bias && floats[bias + 2]) + (add && floats[y + 2]);
    floats[y + 3] = d + (bias && floats[bias + 3]) + (add && floats[y + 3]);
  }

  /** @type {Kernels["gelu"]} */
  function gelu(x, count) {
    for (let k = x; k < x + count; k += 1) floats[k] *= 0.5 * (1 + erf(floats[k] * Math.SQRT1_2));
  }
  return { matmul, gelu };
}

/**
 * By the module that kernel.py writes, which counts in bytes.
 * @param {WebAssembly.Memory} memory @param {WebAssembly.Module} module @returns {Kernels}
 */
export function simdKernels(memory, module) {
  const { exports } = new WebAssembly.Instance(module, { page: { memory } });
  const { matmul, gelu } = /** @type {Record<string, (...numbers: number[]) => void>} */ (exports);
  return {
    matmul: (y, x, w, bias, rows, inner, columns, add) =>
      matmul(4 * y, 4 * x, 4 * w, 4 * bias, rows, inner, columns, add),
    gelu: (x, count) => gelu(4 * x, count),
  };
}
