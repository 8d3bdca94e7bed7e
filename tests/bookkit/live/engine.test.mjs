// The engine in node, against what Python has worked out (test_engine.py writes the file that $EXPECTED names).

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { render } from "../../../src/bookkit/live/drawing.js";
import { similarity } from "../../../src/bookkit/live/client.js";
import { Clip } from "../../../src/bookkit/live/engine.js";
import { erf, plainKernels, simdKernels } from "../../../src/bookkit/live/kernels.js";
import { fit } from "../../../src/bookkit/live/resizing.js";
import { fromEightBits, fromHalves } from "../../../src/bookkit/live/weights.js";
import { startServed } from "./served.mjs";

const expected = JSON.parse(readFileSync(process.env.EXPECTED, "utf8"));
const bytes = (base64) => new Uint8Array(Buffer.from(base64, "base64"));
const floats = (base64) => new Float32Array(bytes(base64).buffer);
const kernel = new WebAssembly.Module(bytes(expected.kernel));
const file = (path) => {
  const { buffer, byteOffset, length } = readFileSync(path);
  return buffer.slice(byteOffset, byteOffset + length);
};

test("halves are read exactly, all that are finite", () => {
  const finite = Array.from({ length: 65_536 }, (_, k) => k).filter((half) => (half & 0x7c00) !== 0x7c00);
  const ours = fromHalves(Uint16Array.from(finite));
  const theirs = floats(expected.halves);
  assert.equal(ours.length, 63_488);
  ours.forEach((value, k) => assert.ok(Object.is(value, theirs[k]), `${finite[k]}: ${value}, not ${theirs[k]}`));
});

test("8 bits are read row by row, in a square matrix as well", () => {
  const whole = Int8Array.from([1, 2, -3, 127]);
  assert.deepEqual([...fromEightBits(whole, Float32Array.from([0.5, 2]))], [0.5, 1, -6, 254]);
});

test("plain JavaScript computes what WebAssembly does", () => {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const fast = new Float32Array(memory.buffer);
  const plain = new Float32Array(fast.length);
  for (const [rows, inner, columns, bias, add] of [[1, 1, 8, 4, 0], [2, 7, 16, 0, 1], [5, 27, 24, 4, 1], [8, 64, 32, 0, 0]]) {
    const numbers = Float32Array.from({ length: fast.length }, (_, k) => Math.sin(k * 1.7 + rows));
    for (const array of [fast, plain]) array.set(numbers);
    const call = [20_000, 100, 4_000, bias, rows, inner, columns, add];
    simdKernels(memory, kernel).matmul(...call);
    plainKernels(plain).matmul(...call);
    simdKernels(memory, kernel).gelu(24_000, 400);
    plainKernels(plain).gelu(24_000, 400);
    fast.forEach((value, k) => assert.ok(Math.abs(value - plain[k]) < 1e-5, `${call}: ${k}`));
  }
  assert.ok(Math.abs(erf(0.5) - 0.5204998778130465) < 2e-6);
});

for (const { name, path, words, texts, ids, pixels, embeddings, cosines, scale, most } of expected.models)
  for (const module of [kernel, undefined])
    test(`${name} answers as in PyTorch, ${module ? "by WebAssembly" : "in plain JavaScript"}`, () => {
      const clip = new Clip(file(path), words, module);
      texts.forEach((text, k) => assert.deepEqual(clip.tokenizer.encode(text), ids[k], JSON.stringify(text)));
      const [images, captions] = [clip.encodeImages(bytes(pixels)), clip.encodeTexts(texts)];
      const ours = similarity(images, captions, clip.text.embed_dim);
      const theirs = floats(cosines);
      assert.equal(ours.length, theirs.length);
      const worst = ours.reduce((most, value, k) => Math.max(most, Math.abs(value - theirs[k])), 0);
      assert.ok(worst < most, `a cosine is off by ${worst}`);
      const each = [...images, ...captions];
      const off = floats(embeddings).reduce((most, value, k) => Math.max(most, Math.abs(value - each[k])), 0);
      assert.ok(off < most, `a number of an embedding is off by ${off}`);
      assert.ok(Math.abs(clip.scale / scale - 1) < 1e-6);
    });

for (const kernels of [expected.kernel, "AAAA"])
  test(`the minified worker answers as in PyTorch, ${kernels === "AAAA" ? "without SIMD too" : "by WebAssembly"}`, async () => {
    const [{ path, words, texts, pixels, cosines, scale }] = expected.models;
    const ask = startServed(expected.served.engine);
    const said = await ask("load", { weights: readFileSync(path, "base64"), words, kernel: kernels });
    assert.deepEqual([said.fast, said.size], [kernels !== "AAAA", 32]);
    assert.ok(Math.abs(said.scale / scale - 1) < 1e-6);
    const [images, captions] = [await ask("images", { pixels: bytes(pixels) }), await ask("texts", { texts })];
    const ours = similarity(images, captions, said.width);
    floats(cosines).forEach((cosine, k) => assert.ok(Math.abs(ours[k] - cosine) < 1e-5, `cosine ${k}: ${ours[k]}`));
    await assert.rejects(ask("texts", { texts: [" "] }), /an empty caption says nothing/);
  });

// of 8 bits only the cosines are promised
for (const { name, path, words, followed, most } of expected.models.filter(({ most }) => most < 1e-4))
  test(`${name} keeps on its way what PyTorch's layers compute`, () => {
    const clip = new Clip(file(path), words, kernel);
    const image = clip.followImage(bytes(followed.pixels));
    const text = clip.followText(followed.text);
    assert.deepEqual(text.tokens, followed.tokens);
    for (const [ours, theirs] of [[image.notes, followed.image], [text.notes, followed.caption]]) {
      assert.deepEqual([...ours.keys()].sort(), Object.keys(theirs).sort());
      for (const [stage, { shape, values }] of ours) {
        assert.deepEqual(shape, theirs[stage].shape, stage);
        const wanted = floats(theirs[stage].values);
        assert.equal(values.length, wanted.length);
        // of an attention weight and an embedding; of what runs through the blocks, that share of its largest number
        const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        const worst = values.reduce((far, value, k) => Math.max(far, Math.abs(value - wanted[k]) / scale), 0);
        assert.ok(worst < most, `${stage} is off by ${worst}`);
      }
    }
    assert.equal(clip.notes, undefined); // a pass that nobody follows keeps nothing
    assert.throws(() => clip.followText(" "), RangeError);
    assert.equal(clip.notes, undefined);
  });

test("what says nothing, and half a character, are refused as in Python", () => {
  const [{ path, words }] = expected.models;
  const clip = new Clip(file(path), words, kernel);
  for (const text of ["", "  ", "\u3000"]) assert.throws(() => clip.encodeTexts(["a star", text]), RangeError);
  assert.throws(() => clip.encodeTexts(["a \ud800"]), /lone surrogate/);
  assert.throws(() => clip.encodeImages(new Uint8Array(100)), /no pictures/);
  assert.throws(() => clip.encodeImages(new Uint8Array(0)), /no pictures/);
});

test("a batch gives what its parts give", () => {
  const [{ path, words, texts, pixels }] = expected.models;
  const clip = new Clip(file(path), words, kernel);
  const size = clip.text.embed_dim;
  const captions = clip.encodeTexts(texts);
  const pictures = clip.encodeImages(bytes(pixels));
  for (const k of [0, 31, 32, texts.length - 1])
    assert.deepEqual(clip.encodeTexts([texts[k]]), captions.subarray(k * size, (k + 1) * size));
  for (const k of [0, 7, 8]) {
    const one = clip.encodeImages(bytes(pixels).subarray(k * 3072, (k + 1) * 3072));
    one.forEach((value, i) => assert.ok(Math.abs(value - pictures[k * size + i]) < 1e-6));
  }
});

test(`${expected.scenes.length} scenes are drawn as Pillow draws them`, () => {
  for (const { scene, size, picture } of expected.scenes)
    assert.deepEqual(Buffer.from(render(scene, expected.world, size)).toString("base64"), picture, JSON.stringify(scene));
});

test(`${expected.resized.length} pictures are resized as Pillow resizes them`, () => {
  for (const { width, height, pixels, size, square } of expected.resized) {
    const ours = fit({ width, height, pixels: new Uint8ClampedArray(bytes(pixels)) }, size);
    assert.deepEqual(Buffer.from(ours).toString("base64"), square, `${width} × ${height} to ${size}`);
  }
});

for (const { shape, size, places, digests } of expected.everywhere)
  test(`a ${size} ${shape} is Pillow's at each of ${places.length ** 2} places`, () => {
    places.forEach((x, k) => {
      const hash = createHash("sha256");
      for (const y of places)
        hash.update(render({ objects: [{ shape, colour: "red", size, x, y }], ground: "grey" }, expected.world, 32));
      assert.equal(hash.digest("hex"), digests[k], `x = ${x}`);
    });
  });
