// Drop from a style sheet what no page and no script names: node purge.mjs sheet.css file...
// Prints the sheet that is left. A class, id or tag stays as soon as it occurs as a word anywhere
// in the files, so a class that a script sets stays too. Attributes (data-theme, aria-expanded) are
// set by scripts under other names, and are never a reason to drop a rule.
import { readFileSync } from "node:fs";
import { PurgeCSS } from "purgecss";

const [sheet, ...files] = process.argv.slice(2);
const css = readFileSync(sheet, "utf8");
const words = (/** @type {string} */ text) => text.match(/[\w-]+/g) ?? [];
const attributes = [...css.matchAll(/\[\s*([\w-]+)/g)].map((match) => match[1]);
const values = [...css.matchAll(/\[[^\]=]+=\s*["']?([^\]"']+)/g)].map((match) => match[1]);
const [result] = await new PurgeCSS().purge({
  content: files,
  css: [{ raw: css }],
  defaultExtractor: words,
  dynamicAttributes: attributes,
  safelist: values,
  keyframes: true,
});
process.stdout.write(result.css);
