"""Train a preset from a shell: python -m clipbook.training --preset cpu --out runs/first

Writes model.safetensors, tokenizer.json and history.json into the folder, and checkpoints from
which the same command goes on after an interruption. A folder is for one run alone. Several
processes share each batch of a preset with a ViT:

    torchrun --nproc-per-node 2 -m clipbook.training --preset shapes --out runs/shared

With --shards a preset for scenes learns from pairs of your own, see clipbook.training.pack.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from clipbook.emoji import load_emoji
from clipbook.evaluation.emoji import evaluate_emoji
from clipbook.evaluation.scenes import evaluate_scenes
from clipbook.files import write_whole
from clipbook.pairs import save_model
from clipbook.training import checkpoints, processes
from clipbook.training.config import LOSSES
from clipbook.training.presets import PRESETS, EmojiPreset, Preset, Run
from clipbook.training.shards import read_shards
from clipbook.validation import check_folder, whole_number

MODEL, TOKENIZER, HISTORY = "model.safetensors", "tokenizer.json", "history.json"
MOST_THREADS = 1_024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m clipbook.training", description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="train shorter or longer than the preset does")
    parser.add_argument(
        "--leave-out", nargs="+", metavar="ARTIST", help="of emoji: show none of theirs"
    )
    parser.add_argument("--loss", choices=LOSSES, help="another than the preset's")
    parser.add_argument("--shards", type=Path, help="folder with pairs of your own, packed")
    parser.add_argument("--threads", type=int, help="CPU threads; all cores by default")
    arguments = parser.parse_args()
    try:
        if arguments.threads is not None:
            whole_number("threads", arguments.threads, 1, most=MOST_THREADS)
            torch.set_num_threads(arguments.threads)
        with processes.together():
            run(
                arguments.preset, arguments.out, arguments.seed, arguments.steps,
                arguments.leave_out, arguments.loss, arguments.shards,
            )  # fmt: skip
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        parser.exit(1, f"{error}\n")


def measured(recipe: Preset | EmojiPreset, session: Run) -> dict[str, Any]:
    """What is measured on the way: emoji by the first of the artists who were left out."""
    if not isinstance(recipe, EmojiPreset) or not recipe.left_out:
        return {}
    emoji, artist = load_emoji(), recipe.left_out[0]
    return {
        "evaluate": lambda model: evaluate_emoji(model, session.tokenizer, emoji, artist),
        "evaluate_at": [0, *(session.config.steps // 2**k for k in range(6))],
    }


def run(
    preset: str, out: Path, seed: int, steps: int | None, left_out: list[str] | None = None,
    loss: str | None = None, shards: Path | None = None,
) -> None:  # fmt: skip
    """Train, write the results and print what they are worth.

    Raises ValueError, before anything is written, where the folder holds something else or can't be
    made, artists are left out where there are none, or shards are given to a preset for emoji.
    """
    torch.set_flush_denormal(True)  # numbers too small to matter slow a CPU down
    check_folder("--out", out)
    recipe = PRESETS[preset]
    if left_out is not None:
        if not isinstance(recipe, EmojiPreset):
            raise ValueError(f"--leave-out {left_out[0]}: {preset} has no artists; try emoji")
        recipe = replace(recipe, left_out=tuple(left_out))
    if loss is not None:
        recipe = replace(recipe, training=replace(recipe.training, loss=loss))
    if shards is None:
        session = recipe.build(seed, steps)
    elif isinstance(recipe, Preset):
        pairs, problems = read_shards(shards)
        if problems and processes.number() == 0:
            print(f"left out, {len(problems)} in all: {problems[0]}")
        session = recipe.build(seed, steps, pairs)
    else:
        raise ValueError(f"--shards {shards}: {preset} learns emoji alone; try shapes")
    resumed_from = checkpoints.newest_step(out)
    results = [name for name in (MODEL, TOKENIZER, HISTORY) if (out / name).exists()]
    if results and not resumed_from:
        raise ValueError(
            f"{out} holds {' and '.join(results)}, and no checkpoint that says which run they are "
            "of; move them away, or give --out another folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    history = session.train(folder=out, **measured(recipe, session))
    seconds = time.perf_counter() - start
    if processes.number() > 0:  # the first one tells
        return
    save_model(session.model.cpu(), out / MODEL)
    session.tokenizer.save(out / TOKENIZER)
    text = json.dumps(history.to_dict())
    write_whole(out / HISTORY, lambda path: path.write_text(text, encoding="utf-8"))
    if resumed_from == session.config.steps:
        summary = "this very run had been finished there before; nothing was trained again"
    else:
        summary = f"trained from step {resumed_from} to {session.config.steps} in {seconds:.0f} s"
    print(f"{summary}; last loss {history.loss[-1]:.3f}; written to {out}")
    if isinstance(recipe, EmojiPreset):
        print(f"pictures by {', '.join(recipe.left_out[:1]) or 'nobody new'}:")
        shares = history.evaluations[-1] if history.evaluations else {}
    else:  # of pairs of one's own, nobody here knows what is true
        shares = {} if shards else evaluate_scenes(session.model, session.tokenizer)
    for name, share in shares.items():
        print(f"{name:36} {share:.3f}")


if __name__ == "__main__":
    main()
