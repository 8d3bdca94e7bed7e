// The page's side of a model: fetches engine and weights once a reader asks, and hands texts and pictures to
// the worker. Files are scripts that call a function, since from file:// nothing else may be fetched.

/**
 * @typedef {Map<string, import("./layers.js").Note>} Notes
 * @typedef {{ fast: boolean, scale: number, size: number, width: number }} Facts of a model
 * @typedef {Facts & { texts: (texts: string[]) => Promise<Float32Array>,
 *   unread: (texts: string[]) => Promise<string[]>,
 *   images: (pixels: Uint8Array | Uint8ClampedArray) => Promise<Float32Array>,
 *   followText: (text: string) => Promise<{ tokens: string[], rest: string, notes: Notes }>,
 *   followImage: (pixels: Uint8Array | Uint8ClampedArray) => Promise<{ notes: Notes }>, end: () => void }} Live
 * @typedef {{ answer: (pixels: Uint8Array | Uint8ClampedArray | undefined, question: string) =>
 *   Promise<import("./decoder.js").Answer> }} Asked
 */

/** @type {Map<string, any>} */
const received = new Map();
/** @type {any} */ (globalThis).clipbookLive = (/** @type {string} */ name, /** @type {any} */ content) =>
  received.set(name, content);

/** @type {Map<string, Promise<any>>} */
const asked = new Map();

/**
 * What a file of the folder says; asked for once, and again where it did not come.
 * @param {string} folder its address, with a slash @param {string} name @param {string} version
 */
export function fetchFile(folder, name, version) {
  const known = asked.get(name);
  if (known) return known;
  const coming = new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${folder}${name}.js?v=${version}`;
    const end = () => {
      script.remove();
      if (received.has(name)) return resolve(received.get(name));
      asked.delete(name); // it did not come, or something else came in its place
      reject(new Error(`${name} could not be loaded`));
    };
    script.addEventListener("load", end);
    script.addEventListener("error", end);
    document.head.append(script);
  });
  asked.set(name, coming);
  return coming;
}

/**
 * A worker with a model, and what its loading said. Requests are answered in their order. Rejects where a file
 * does not come. @type {(folder: string, engineName: string, name: string, version: string) => Promise<{
 *   worker: Worker, said: any, ask: (task: string, given: object) => Promise<any> }>}
 */
async function startWorker(folder, engineName, name, version) {
  const [engine, model] = await Promise.all([engineName, name].map((file) => fetchFile(folder, file, version)));
  const address = URL.createObjectURL(new Blob([engine.source], { type: "text/javascript" }));
  const worker = new Worker(address);
  /** @type {Map<number, { resolve: (answer: any) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  let count = 0;
  const ask = (/** @type {string} */ task, /** @type {object} */ given) =>
    new Promise((resolve, reject) => {
      count += 1;
      waiting.set(count, { resolve, reject });
      worker.postMessage({ id: count, task, ...given });
    });
  worker.addEventListener("message", ({ data: { id, answer, error } }) => {
    const { resolve, reject } = /** @type {any} */ (waiting.get(id));
    waiting.delete(id);
    if (error === undefined) resolve(answer);
    else reject(new Error(error));
  });
  worker.addEventListener("error", ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(message || "the worker could not start"));
    waiting.clear();
  });
  try {
    const said = await ask("load", { ...model, kernel: engine.kernel });
    return { worker, said, ask };
  } catch (error) {
    worker.terminate();
    throw error;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** A CLIP that compares. @param {string} folder @param {string} name @param {string} version @returns {Promise<Live>} */
export async function startModel(folder, name, version) {
  const { worker, said, ask } = await startWorker(folder, "engine", name, version);
  return {
    ...said,
    texts: (texts) => ask("texts", { texts }),
    unread: (texts) => ask("unread", { texts }),
    images: (pixels) => ask("images", { pixels }),
    followText: (text) => ask("followText", { text }),
    followImage: (pixels) => ask("followImage", { pixels }),
    end: () => worker.terminate(),
  };
}

/** The model that answers questions about a picture. @param {string} folder @param {string} version @returns {Promise<Asked>} */
export async function startAnswerer(folder, version) {
  const { ask } = await startWorker(folder, "answerer", "answers", version);
  return { answer: (pixels, question) => ask("answer", { pixels, question }) };
}

/**
 * Cosines of unit rows: every picture with every text, row after row.
 * @type {(images: Float32Array, texts: Float32Array, width: number) => Float64Array}
 */
export function similarity(images, texts, width) {
  const [rows, columns] = [images.length / width, texts.length / width];
  return Float64Array.from({ length: rows * columns }, (_, k) => {
    const [image, text] = [Math.floor(k / columns) * width, (k % columns) * width];
    let cosine = 0;
    for (let i = 0; i < width; i += 1) cosine += images[image + i] * texts[text + i];
    return cosine;
  });
}

/**
 * Embeddings of all, of which only the new ones are computed.
 * @returns {<One>(all: One[], key: (one: One) => string, encode: (some: One[]) => Promise<Float32Array>, width: number) => Promise<Float32Array>}
 */
export function makeMemory() {
  /** @type {Map<string, Float32Array>} */
  const known = new Map();
  return async (all, key, encode, width) => {
    if (known.size > 2_000) known.clear();
    const fresh = [...new Map(all.filter((one) => !known.has(key(one))).map((one) => [key(one), one])).values()];
    const made = fresh.length ? await encode(fresh) : new Float32Array();
    fresh.forEach((one, k) => known.set(key(one), made.slice(k * width, (k + 1) * width)));
    const rows = new Float32Array(all.length * width);
    all.forEach((one, k) => rows.set(/** @type {Float32Array} */ (known.get(key(one))), k * width));
    return rows;
  };
}

/**
 * Runs a task for what was asked for last: what is asked while it runs waits, and only the last of that.
 * @template Given @param {(given: Given) => Promise<void>} task @returns {(given: Given) => void}
 */
export function onlyTheLast(task) {
  let running = false;
  /** @type {{ given: Given } | undefined} */
  let next;
  const run = async () => {
    running = true;
    try {
      while (next) {
        const { given } = next;
        next = undefined;
        await task(given);
      }
    } finally {
      running = false;
    }
  };
  return (given) => {
    next = { given };
    if (!running) run();
  };
}
