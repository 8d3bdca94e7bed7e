"""What the commands that train have in common: options, and what lies in the folder of a run."""

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from clipbook.files import write_whole
from clipbook.pairs.saving import load_weights
from clipbook.training import checkpoints
from clipbook.training.history import History
from clipbook.validation import whole_number

MODEL, TOKENIZER, HISTORY = "model.safetensors", "tokenizer.json", "history.json"
RESULTS = (MODEL, TOKENIZER, HISTORY)
MOST_THREADS = 1_024


def options(
    module: str, description: str | None, presets: Iterable[str]
) -> argparse.ArgumentParser:
    """A parser that knows the options that all of the commands have."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--preset", choices=presets, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="train shorter or longer than the preset does")
    parser.add_argument("--threads", type=int, help="CPU threads; all cores by default")
    parser.add_argument(
        "--begin-with", type=Path, metavar="RUN", help="folder of a run, whose weights to take"
    )
    return parser


def use_threads(threads: int | None) -> None:
    """Raises ValueError for what is no number of threads."""
    if threads is not None:
        torch.set_num_threads(whole_number("threads", threads, 1, most=MOST_THREADS))
    torch.set_flush_denormal(True)  # numbers too small to matter slow a CPU down


def begin_with(folder: Path, model: nn.Module, load: Callable[[Path], nn.Module]) -> None:
    """Give the model the weights that another run has written, read by `load`.

    Raises FileNotFoundError where there are none, and ValueError for those of another model.
    """
    path = folder / MODEL
    load_weights(model, load(path).state_dict(), str(path))


def begin(out: Path) -> int:
    """Make the folder; the step that its newest checkpoint goes on from.

    Raises ValueError where it holds results of nobody knows which run.
    """
    resumed_from = checkpoints.newest_step(out)
    results = [name for name in RESULTS if (out / name).exists()]
    if results and not resumed_from:
        raise ValueError(
            f"{out} holds {' and '.join(results)}, and no checkpoint that says which run they are "
            "of; move them away, or give --out another folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    return resumed_from


def write(out: Path, save_model: Callable[[Path], None], tokenizer: Any, history: History) -> None:
    """The results, each whole or not at all."""
    save_model(out / MODEL)
    tokenizer.save(out / TOKENIZER)
    text = json.dumps(history.to_dict())
    write_whole(out / HISTORY, lambda path: path.write_text(text, encoding="utf-8"))


def tell(out: Path, resumed_from: int, time_taken: str, history: History) -> None:
    """Print what was done: time_taken in words."""
    last = len(history.loss)
    done = f"trained from step {resumed_from} to {last} in {time_taken}"
    if resumed_from == last:
        done = "this very run had been finished there before; nothing was trained again"
    print(f"{done}; last loss {history.loss[-1]:.3f}; written to {out}")
