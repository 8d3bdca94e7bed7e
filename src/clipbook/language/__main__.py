"""Train a model that answers: python -m clipbook.language --preset answers-chapter --out runs/first

The shipped model has learned in five such runs; each begins with what the one before has written:

    python -m clipbook.language --preset answers-all --begin-with runs/first --out runs/second
    python -m clipbook.language --preset answers --begin-with runs/second --out runs/third

and the last of these twice more, with the seeds 1 and 2.

Writes model.safetensors, tokenizer.json and history.json into the folder, and checkpoints from
which the same command goes on after an interruption. A folder is for one run alone.
"""

import time
from pathlib import Path

from clipbook.evaluation.answers import evaluate_answers
from clipbook.language import load_paligemma, save_paligemma
from clipbook.pretrained import load
from clipbook.training import ANSWERS_PRESETS, command
from clipbook.validation import check_folder

RECIPE_SEED = 1
"""Of the scenes that are asked about on the way; what is reported is of others, of seed 0."""


def main() -> None:
    parser = command.options("clipbook.language", __doc__, ANSWERS_PRESETS)
    arguments = parser.parse_args()
    try:
        command.use_threads(arguments.threads)
        run(arguments.preset, arguments.out, arguments.seed, arguments.steps, arguments.begin_with)
    except (ValueError, OSError, FloatingPointError) as error:
        parser.exit(1, f"{error}\n")


def run(
    preset: str, out: Path, seed: int, steps: int | None, begin_with: Path | None = None
) -> None:
    """Train, write the results and print what they are worth.

    Raises ValueError, before anything is written, where the folder holds something else or can't be
    made, and for weights to begin with that are of another model.
    """
    check_folder("--out", out)
    recipe = ANSWERS_PRESETS[preset]
    session = recipe.build(load("shapes")[0], seed, steps)
    model, tokenizer = session.answerer.model, session.batches.tokenizer
    if begin_with is not None:
        command.begin_with(begin_with, model, load_paligemma)
    resumed_from = command.begin(out)
    kinds, last = tuple(recipe.kinds), session.config.steps
    start, used = time.perf_counter(), time.process_time()
    history = session.train(
        folder=out,
        evaluate=lambda model: evaluate_answers(
            session.answerer, 50, kinds=kinds, seed=RECIPE_SEED
        ),
        evaluate_at=[last * k // 7 for k in range(8)],
    )
    wall, cpu = time.perf_counter() - start, time.process_time() - used
    command.write(out, lambda path: save_paligemma(model.cpu(), path), tokenizer.words, history)
    command.tell(out, resumed_from, f"{wall:.0f} s ({cpu:.0f} s of processors)", history)
    for name, share in evaluate_answers(session.answerer, kinds=kinds).items():
        print(f"{name:24} {share:.3f}")


if __name__ == "__main__":
    main()
