"""Train a model that answers: python -m clipbook.language --preset answers-chapter --out runs/first

The shipped model has learned in five such runs; each begins with what the one before has written:

    python -m clipbook.language --preset answers-all --begin-with runs/first --out runs/second
    python -m clipbook.language --preset answers --begin-with runs/second --out runs/third

and the last of these twice more, with the seeds 1 and 2.

Writes model.safetensors, tokenizer.json and history.json into the folder, and checkpoints from
which the same command goes on after an interruption. A folder is for one run alone.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from clipbook.evaluation.answers import evaluate_answers
from clipbook.files import write_whole
from clipbook.language import load_paligemma, save_paligemma
from clipbook.pairs.saving import load_weights
from clipbook.pretrained import load
from clipbook.training import ANSWERS_PRESETS, checkpoints
from clipbook.validation import check_folder, whole_number

MODEL, TOKENIZER, HISTORY = "model.safetensors", "tokenizer.json", "history.json"
RECIPE_SEED = 1
"""Of the scenes that are asked about on the way; what is reported is of others, of seed 0."""
MOST_THREADS = 1_024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m clipbook.language", description=__doc__)
    parser.add_argument("--preset", choices=ANSWERS_PRESETS, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="train shorter or longer than the preset does")
    parser.add_argument(
        "--begin-with", type=Path, help="the folder of a run, whose weights to take"
    )
    parser.add_argument("--threads", type=int, help="CPU threads; all cores by default")
    arguments = parser.parse_args()
    try:
        if arguments.threads is not None:
            whole_number("threads", arguments.threads, 1, most=MOST_THREADS)
            torch.set_num_threads(arguments.threads)
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
    torch.set_flush_denormal(True)
    check_folder("--out", out)
    recipe = ANSWERS_PRESETS[preset]
    session = recipe.build(load("shapes")[0], seed, steps)
    model, tokenizer = session.answerer.model, session.batches.tokenizer
    if begin_with is not None:
        learned = load_paligemma(begin_with / MODEL)
        load_weights(model, learned.state_dict(), str(begin_with / MODEL))
    resumed_from = checkpoints.newest_step(out)
    results = [name for name in (MODEL, TOKENIZER, HISTORY) if (out / name).exists()]
    if results and not resumed_from:
        raise ValueError(
            f"{out} holds {' and '.join(results)}, and no checkpoint that says which run they are "
            "of; move them away, or give --out another folder"
        )
    out.mkdir(parents=True, exist_ok=True)
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
    save_paligemma(model.cpu(), out / MODEL)
    tokenizer.words.save(out / TOKENIZER)
    text = json.dumps(history.to_dict())
    write_whole(out / HISTORY, lambda path: path.write_text(text, encoding="utf-8"))
    print(
        f"trained from step {resumed_from} to {last} in {wall:.0f} s ({cpu:.0f} s of processors); "
        f"last loss {history.loss[-1]:.3f}; written to {out}"
    )
    for name, share in evaluate_answers(session.answerer, kinds=kinds).items():
        print(f"{name:24} {share:.3f}")


if __name__ == "__main__":
    main()
