// The model that answers in node, against what PyTorch answers (test_decoder.py writes the file that $EXPECTED names).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Answerer } from "../../../src/bookkit/live/decoder.js";
import { questionsAbout, remarkOnQuestion } from "../../../src/bookkit/live/questions.js";
import { startServed } from "./served.mjs";

const expected = JSON.parse(readFileSync(process.env.EXPECTED, "utf8"));
const bytes = (base64) => new Uint8Array(Buffer.from(base64, "base64"));
const kernel = new WebAssembly.Module(bytes(expected.kernel));
const file = (path) => {
  const { buffer, byteOffset, length } = readFileSync(path);
  return buffer.slice(byteOffset, byteOffset + length);
};

for (const module of [kernel, undefined])
  test(`answers are PyTorch's, token by token, ${module ? "by WebAssembly" : "in plain JavaScript"}`, () => {
    const { path, words, cases, texts, ids } = expected;
    const answerer = new Answerer(file(path), words, module);
    texts.forEach((text, k) => assert.deepEqual(answerer.words.encode(text), ids[k], JSON.stringify(text)));
    assert.ok(cases.length > 200);
    for (const { picture, question, answer, tokens, candidates, looks, boxes } of cases) {
      const ours = answerer.answer(picture ? bytes(picture) : undefined, question);
      assert.deepEqual(ours.steps.map(({ token }) => token), tokens, question);
      assert.equal(ours.answer, answer);
      assert.deepEqual(ours.boxes, boxes);
      ours.steps.forEach((step, t) => step.candidates.forEach(({ chance }, k) => {
        const theirs = candidates[t][k][1];
        assert.ok(Math.abs(chance - theirs) < 1e-5, `${question}, token ${t}, candidate ${k}: ${chance}, not ${theirs}`);
      }));
      ours.steps.forEach((step, t) => {
        assert.equal(step.looks.length, looks[t].length);
        step.looks.forEach((share, k) => assert.ok(Math.abs(share - looks[t][k]) < 1e-5, `${question}, token ${t} at patch ${k}`));
      });
    }
  });

test("the minified worker gives the same answers", async () => {
  const { path, words, cases, kernel: text, served } = expected;
  const ask = startServed(served.answerer);
  await ask("load", { weights: readFileSync(path, "base64"), words, kernel: text });
  for (const { picture, question, answer, boxes } of cases.filter((_, k) => k % 8 === 0)) {
    const ours = await ask("answer", { pixels: picture ? bytes(picture) : undefined, question });
    assert.deepEqual([ours.answer, ours.boxes], [answer, boxes], question);
  }
  await assert.rejects(ask("answer", { pixels: bytes(cases[0].picture), question: " " }), /asks nothing/);
});

test("no question, and a location that there is none of, are refused as in Python", () => {
  const { path, words, cases: [{ picture }] } = expected;
  const answerer = new Answerer(file(path), words, kernel);
  for (const question of ["", " \n"]) assert.throws(() => answerer.answer(bytes(picture), question), /asks nothing/);
  assert.throws(() => answerer.answer(bytes(picture), "detect <loc0032>"), /last of 32 bins/);
});

test("what may be asked is known for what it is, and so is what may not", () => {
  const { patterns, world, asked, free } = expected;
  const given = [patterns, Object.keys(world.colours), ["circle", "ring", ...Object.keys(world.outlines)]];
  assert.equal(Object.keys(patterns).length, 9);
  for (const { question, scene } of asked) {
    assert.equal(remarkOnQuestion(question, ...given), "", question);
    const own = questionsAbout(patterns, scene);
    assert.equal(own.length, 9);
    for (const text of own) assert.equal(remarkOnQuestion(text, ...given), "", text);
  }
  for (const question of free) assert.match(remarkOnQuestion(question, ...given), /a guess in words of/, question);
  assert.match(remarkOnQuestion("detect dog", ...given), /never met “dog”\. This is none of the nine kinds/);
  assert.match(remarkOnQuestion("is the circle red?", ...given), /^This is none of the nine kinds/);
  assert.match(remarkOnQuestion("my old grey dog", ...given), /never met “my”, “old”, “grey” and more\./);
  const scene = { ground: "dark", objects: [["star", "red", 0.2], ["ring", "orange", 0.8]].map(([shape, colour, x]) => ({ shape, colour, size: "small", x, y: 0.5 })) };
  assert.equal(questionsAbout(patterns, scene)[4], "what is left of the orange ring?");
});
