// The widgets' arithmetic, without a browser: hand-worked values here, then all that Python has worked
// out with torch and the package (test_arithmetic.py writes it into the file that $EXPECTED names).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as answer_explorer from "../../src/clipbook/widgets/answer_explorer.js";
import * as attention_explorer from "../../src/clipbook/widgets/attention_explorer.js";
import * as colours from "../../src/clipbook/widgets/colours.js";
import * as kit from "../../src/clipbook/widgets/kit.js";
import * as patch_explorer from "../../src/clipbook/widgets/patch_explorer.js";
import * as similarity_matrix from "../../src/clipbook/widgets/similarity_matrix.js";
import * as tokenizer from "../../src/clipbook/widgets/tokenizer.js";
import * as tokenizer_explorer from "../../src/clipbook/widgets/tokenizer_explorer.js";

const modules = {
  answer_explorer, attention_explorer, colours, kit, patch_explorer, similarity_matrix, tokenizer, tokenizer_explorer,
};
const { number, counted, signFor, decode } = kit;
const { infoNCE, peaksOnDiagonal, gradient, sigmoidGradient, softmax } = similarity_matrix;
const { colour, ink, SCALES } = colours;
const { cutIntoPieces } = tokenizer_explorer;

test("a number has a real minus sign, and none before a zero", () => {
  assert.deepEqual([number(-0.126, 2), number(-0.001, 2), number(-0.4, 0), number(0.5, 1)],
    ["−0.13", "0.00", "0", "0.5"]);
});

test("one is singular", () => {
  assert.deepEqual([counted(0, "token"), counted(1, "token"), counted(2, "token")],
    ["0 tokens", "1 token", "2 tokens"]);
});

test("what has no shape has a sign or its number", () => {
  assert.deepEqual([" ", "\n", "\u0000", "\u{1f436}"].map(signFor), ["␣", "↵", "0000", "1F436"]);
});

test("bytes are read from where a view of them begins", () => {
  const bytes = Uint8Array.from([9, 0xff, 0x7f, 0x01, 0x80]).buffer; // 32767, then −32767 or 32769
  assert.deepEqual([...decode(new DataView(bytes, 1), true)], [1, -1]);
  assert.deepEqual([...decode(new Uint8Array(bytes, 1), false)], [32767 / 65535, 32769 / 65535]);
  assert.deepEqual([...decode(bytes.slice(1), true)], [1, -1]);
});

test("equal similarities cost the log of their number, and pull every pair alike", () => {
  assertClose(infoNCE(Array(64).fill(3), 8), Math.log(8), 1e-12);
  const share = softmax(Array(4).fill(3), 2, 2, "row");
  assertClose(share, [0.5, 0.5, 0.5, 0.5], 1e-12);
  assertClose(gradient(share, share, 2), [-0.25, 0.25, 0.25, -0.25], 1e-12);
  // belief minus truth, each over two pairs: (0.5 − 1) / 2, (0.2 − 0) / 2, (1 − 0) / 2, (0.9 − 1) / 2
  assertClose(sigmoidGradient(Float64Array.of(0.5, 0.2, 1, 0.9), 2), [-0.25, 0.1, 0.5, -0.05], 1e-12);
});

test("peaks count rows and columns apart, and no ties", () => {
  const matrix = [0.9, 0.1, 0.4, 0.3]; // row 1 prefers caption 0; column 1 prefers picture 1
  assert.equal(peaksOnDiagonal(matrix, 2, "row"), 1);
  assert.equal(peaksOnDiagonal(matrix, 2, "column"), 2);
  assert.equal(peaksOnDiagonal(Array(4).fill(0.5), 2, "row"), 0);
});

test("a loss is printed with three decimals, as a power of ten if it is smaller, and as 0 if it is 0", () => {
  assert.deepEqual([0, 2e-9, 0.0004, 0.0005, 2.0794].map(similarity_matrix.lossText),
    ["0.000", "2e−9", "4e−4", "0.001", "2.079"]);
});

test("a cell holds any value in a few characters", () => {
  const texts = [-0.001, -99_999, 366_000_000, -4e-9, -4e20].map((value) => similarity_matrix.cellText(value, 1));
  assert.deepEqual(texts, ["0.0", "−99999.0", "4e8", "0.0", "−4e20"]);
});

test("numbers stand out from every colour", () => {
  const linear = (level) => (level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4);
  const luminance = (rgb) =>
    [0.2126, 0.7152, 0.0722].reduce((sum, weight, k) => sum + weight * linear(rgb[k] / 255), 0);
  for (const scale of Object.values(SCALES))
    for (let k = 0; k <= 100; k += 1) {
      const fill = colour(scale, k / 100);
      const [dark, bright] = [luminance(fill), { "#000": 0, "#fff": 1 }[ink(fill)]].sort((a, b) => a - b);
      assert.ok((bright + 0.05) / (dark + 0.05) >= 4.5, `${ink(fill)} on ${fill}`);
    }
});

test("pieces break only where a character and a token end", () => {
  const pieces = (word, lengths) =>
    cutIntoPieces(word, lengths).map((piece) => piece.map(({ character }) => character).join(""));
  assert.deepEqual(pieces("aé日b", [1, 1, 1, 2, 1, 1]), ["a", "é", "日", "b"]);
  assert.deepEqual(pieces("aé日b", [2, 1, 3, 1]), ["aé", "日", "b"]);
  assert.deepEqual(pieces("aé日b", [1, 3, 3]), ["a", "é日b"]);
});

test("every order of three patches is as likely as another", () => {
  const counts = new Map();
  for (let seed = 0; seed < 6000; seed += 1) {
    const order = String(patch_explorer.shuffled(3, seed));
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const count of counts.values()) assert.ok(Math.abs(count - 1000) <= 120, `${[...counts]}`);
});

test("a patch knows its pixels", () => {
  assert.deepEqual(patch_explorer.placeOf(9, 6, 8), { row: 1, column: 3, top: 8, left: 24, bottom: 16, right: 32 });
  assert.deepEqual(patch_explorer.flatten([1, 2, 3, 255, 4, 5, 6, 255]), [1, 4, 2, 5, 3, 6]);
});

test("half a character is refused", () => {
  const classes = { letters: "2p p", digits: "1c 9", spaces: "w 0" }; // a to z, 0 to 9, the space
  const { encode } = tokenizer.makeTokenizer([], classes);
  assert.deepEqual(encode("a 1"), [100, 35, 52]);
  for (const half of ["a red \ud800 circle", "\udfff", "\ude00\ud83d"])
    assert.throws(() => encode(half), { name: "RangeError", message: /^lone surrogate at / });
});

// ---- What Python has worked out

/** Numbers within a distance, in lists and objects with the same keys. */
function assertClose(actual, expected, within, values) {
  if (typeof expected === "number" && Math.abs(actual - expected) <= within) return;
  if (typeof expected === "number")
    assert.fail(`${JSON.stringify(values).slice(0, 300)} gives ${actual} instead of ${expected}`);
  assert.deepEqual(Object.keys(actual), Object.keys(expected));
  for (const key of Object.keys(expected)) assertClose(actual[key], expected[key], within, values);
}

const { EXPECTED } = process.env;
const python = EXPECTED ? JSON.parse(readFileSync(EXPECTED, "utf8")) : { functions: [] };

for (const { module, name, cases } of python.functions)
  test(`${name} is Python's, ${cases.length} times`, () => {
    assert.ok(cases.length > 0);
    for (const { values, expected, within } of cases)
      assertClose(modules[module][name](...values), expected, within, values);
  });

if (EXPECTED) {
  test("a page reads the bytes that Python writes", () => {
    for (const { bytes, signed, values } of python.quantised)
      assertClose(decode(Uint8Array.from(bytes), signed), values, 0.5001 / (signed ? 32767 : 65535), values);
  });

  const { merges, classes, ids, steps, text, words } = python.tokenizer;
  const trained = tokenizer.makeTokenizer(merges, classes);

  test(`tokens of ${ids.length} texts are Python's`, () => {
    for (const [text, expected] of ids) assert.deepEqual(trained.encode(text), expected, JSON.stringify(text));
  });

  test("steps from bytes to tokens are Python's", () => {
    for (const [text, expected] of steps)
      assert.deepEqual(trained.steps(text).map(({ words }) => words.flat()), expected, JSON.stringify(text));
  });

  test("wherever Unicode's classes change, words split as in Python, not as the browser's Unicode has it", () => {
    assert.deepEqual(trained.split(text), words);
  });
}

test("weights of a question begin behind those of all questions before it", () => {
  const asked = (...lengths) => lengths.map((length) => [{ tokens: Array(length) }, { tokens: Array(9) }]);
  const answers = [asked(2, 5), asked(3, 1)];
  const starts = [[0, 0], [0, 1], [1, 0], [1, 1]].map((at) => answer_explorer.startOf(answers, 4, ...at));
  assert.deepEqual(starts, [0, 8, 28, 40]);
});

test("a text breaks into a few lines between words", () => {
  assert.equal(similarity_matrix.lineLength("Pepper the aussie pup", 3), 10); // Pepper the | aussie pup
  assert.equal(similarity_matrix.lineLength("one two six", 3), 4);
  assert.equal(similarity_matrix.lineLength("one two six", 1), 11);
  assert.equal(similarity_matrix.lineLength("", 3), 0);
});
