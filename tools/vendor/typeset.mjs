// Set formulas with KaTeX: a JSON list of {latex, display} on standard input, a list of HTML on standard
// output. A formula that KaTeX does not understand ends it, with the formula and the reason.
import { readFileSync } from "node:fs";
import katex from "katex";

/** @type {(formula: { latex: string, display: boolean }) => string} */
const set = ({ latex, display }) => {
  try {
    return katex.renderToString(latex, { displayMode: display, throwOnError: true, strict: "ignore" });
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\nThe formula: ${latex}`);
    process.exit(1);
  }
};
process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(set)));
