// Compares what a reader predicts with what the code shows, and opens that (see predict.py).
{
  /** @typedef {{ said: string, right: boolean }} Guess */
  /** @type {Record<string, Guess>} of this page, by the prediction's number */
  const guesses = memory.all("guesses")[memory.page] ?? {};

  const tally = () => {
    const all = Object.values(guesses);
    return `${all.filter(({ right }) => right).length} of ${all.length} guessed right on this page.`;
  };

  /** What a reader writes: 1,024, 2.5 or 2,5, 50%. A comma before three digits groups them. @type {(said: string) => number} */
  const asNumber = (said) => {
    const plain = said.replace(/[\s_%]/g, "");
    const decimal = /^-?(\d*,(?!\d{3}$)\d+|0,\d+)$/.test(plain);
    const value = Number(plain.replaceAll(",", decimal ? "." : ""));
    return plain === "" ? Number.NaN : value / (said.endsWith("%") ? 100 : 1);
  };

  const ROUNDING = 1e-9; // so that 0.55 lies within 10 % of 0.5

  for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll(".guess"))) {
    const { prediction = "", right, number, within } = form.dataset;
    const fieldset = /** @type {HTMLFieldSetElement} */ (form.querySelector("fieldset"));
    const status = /** @type {HTMLElement} */ (form.querySelector("[role=status]"));
    const input = form.querySelector("input");
    const buttons = [...form.querySelectorAll("button")];
    const answer = right ? (buttons[Number(right)].textContent ?? "") : Number(number).toLocaleString("en", { maximumFractionDigits: 9 });

    const show = (/** @type {Guess} */ guess, /** @type {string} */ after) => {
      const verdict = guess.right ? "Right" : `You said ${guess.said}`;
      status.textContent = guess.right && guess.said === answer ? `${verdict}. ${after}` : `${verdict}; it is ${answer}. ${after}`;
      form.dataset.answered = String(guess.right);
      if (input) input.readOnly = true;
      for (const button of buttons) {
        button.setAttribute("aria-disabled", "true");
        if (!input) button.setAttribute("aria-pressed", String(button.textContent === guess.said));
      }
      for (const fold of document.querySelectorAll(`.prediction-${prediction}`)) fold.setAttribute("open", "");
    };

    const compare = (/** @type {Guess} */ guess) => {
      if (form.dataset.answered) return; // the first one counts
      guesses[prediction] = guess;
      memory.keep("guesses", memory.page, guesses);
      show(guess, tally());
    };

    if (input) {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        const said = input.value.trim();
        const value = asNumber(said);
        if (!Number.isFinite(value)) {
          status.textContent = "Write a number, such as 12, 0.5 or 50%.";
          return;
        }
        const off = Math.abs(value - Number(number));
        compare({ said, right: off <= Number(within) * Math.abs(Number(number)) * (1 + ROUNDING) });
      });
    } else {
      for (const button of buttons) {
        const said = button.textContent ?? "";
        button.addEventListener("click", () => compare({ said, right: said === answer }));
      }
    }
    if (guesses[prediction]) {
      if (input) input.value = guesses[prediction].said;
      show(guesses[prediction], "");
    }
    fieldset.disabled = false;
  }
}
