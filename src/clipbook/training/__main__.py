"""Train a preset from a shell: python -m clipbook.training --preset cpu --out runs/first

Writes model.safetensors, tokenizer.json and history.json into the folder, and checkpoints from
which the same command goes on after an interruption. A folder is for one run alone. Several
processes share each batch of a preset with a ViT:

    torchrun --nproc-per-node 2 -m clipbook.training --preset shapes --out runs/shared

With --shards a preset for scenes learns from pairs of your own, see clipbook.training.pack.
The shipped model of emoji has learned in two runs, of which the second trains its texts alone:

    python -m clipbook.training --preset emoji --out runs/first
    python -m clipbook.training --preset emoji-texts --begin-with runs/first --out runs/emoji
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from clipbook.emoji import load_emoji
from clipbook.evaluation.emoji import evaluate_emoji
from clipbook.evaluation.scenes import evaluate_scenes
from clipbook.pairs import load_model, save_model
from clipbook.text import Tokenizer
from clipbook.training import command, processes
from clipbook.training.config import LOSSES
from clipbook.training.presets import PRESETS, EmojiPreset, Preset, Run
from clipbook.training.shards import read_shards
from clipbook.validation import check_folder


def main() -> None:
    parser = command.options("clipbook.training", __doc__, PRESETS)
    parser.add_argument(
        "--leave-out", nargs="+", metavar="ARTIST", help="of emoji: show none of theirs"
    )
    parser.add_argument("--loss", choices=LOSSES, help="another than the preset's")
    parser.add_argument("--shards", type=Path, help="folder with pairs of your own, packed")
    arguments = parser.parse_args()
    try:
        command.use_threads(arguments.threads)
        with processes.together():
            run(
                arguments.preset, arguments.out, arguments.seed, arguments.steps,
                arguments.leave_out, arguments.loss, arguments.shards, arguments.begin_with,
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
    loss: str | None = None, shards: Path | None = None, begin_with: Path | None = None,
) -> None:  # fmt: skip
    """Train, write the results and print what they are worth.

    Raises ValueError, before anything is written, where the folder holds something else or can't be
    made, artists are left out where there are none, shards are given to a preset for emoji, the
    weights to begin with are of another model or tokenizer, or a locked image encoder would begin
    with none; and FileNotFoundError where there are no weights to begin with.
    """
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
    if begin_with is not None:
        command.begin_with(begin_with, session.model, load_model)
        theirs = Tokenizer.load(begin_with / command.TOKENIZER)
        if theirs.merges != session.tokenizer.merges:
            raise ValueError(
                f"--begin-with {begin_with}: its weights were learned with another tokenizer, so "
                f"its token ids mean other texts than those of {preset}; give a run on such texts"
            )
    elif isinstance(recipe, EmojiPreset) and recipe.image_locked:
        raise ValueError(
            f"--preset {preset} leaves the image encoder as it is, which has learned nothing; give "
            "--begin-with the folder of a run of the preset emoji"
        )
    resumed_from = command.begin(out)
    start = time.perf_counter()
    history = session.train(folder=out, **measured(recipe, session))
    seconds = time.perf_counter() - start
    if processes.number() > 0:  # the first one tells
        return
    command.write(
        out, lambda path: save_model(session.model.cpu(), path), session.tokenizer, history
    )
    command.tell(out, resumed_from, f"{seconds:.0f} s", history)
    if isinstance(recipe, EmojiPreset):
        print(f"pictures by {', '.join(recipe.left_out[:1]) or 'nobody new'}:")
        shares = history.evaluations[-1] if history.evaluations else {}
    else:  # of pairs of one's own, nobody here knows what is true
        shares = {} if shards else evaluate_scenes(session.model, session.tokenizer)
    for name, share in shares.items():
        print(f"{name:36} {share:.3f}")


if __name__ == "__main__":
    main()
