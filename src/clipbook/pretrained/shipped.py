"""The models that come with the package; their model cards are shapes/README.md and
emoji/README.md beside this file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clipbook.pairs import CLIP, load_model
from clipbook.pretrained.hub import NAMED
from clipbook.pretrained.library_tokenizer import LibraryTokenizer
from clipbook.pretrained.real import load_real
from clipbook.text import Tokenizer
from clipbook.training import History

FOLDERS = {
    name: Path(__file__).parent / folder
    for folder, names in {"shapes": ("shapes", "shapes-cnn"), "emoji": ("emoji",)}.items()
    for name in names
}
NAMES = tuple(FOLDERS)


def _file(name: str, ending: str) -> Path:
    return _folder(name) / f"{name}.{ending}"


def _folder(name: str) -> Path:
    if name not in NAMES:
        raise ValueError(f"no model named {name!r} is shipped; try {' or '.join(NAMES)}")
    return FOLDERS[name]


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def load(
    name: str = "shapes", tell: Callable[[str], None] = print
) -> tuple[CLIP, Tokenizer | LibraryTokenizer]:
    """A trained model and its tokenizer: in eval mode, float32, on the CPU.

    Shipped are "shapes", whose image encoder is a ViT, and "shapes-cnn" and "emoji", with a CNN. A
    name with a slash is a CLIP or SigLIP of the Hugging Face hub, such as
    "openai/clip-vit-base-patch32" or "google/siglip-base-patch16-224": fetched once, as safetensors
    alone, into the hub's own cache. `tell` says before how much that is. It needs transformers, as
    do all chapters on it.

    Raises ValueError for another name, and for a model that our modules can't express or whose
    weights are damaged; ConnectionError where what is missing can't be fetched; ImportError where
    transformers is missing.
    """
    if isinstance(name, str) and "/" in name:
        return load_real(name, tell)
    if name not in NAMES:
        raise ValueError(
            f"no model named {name!r} is shipped; try {' or '.join(NAMES)}, or one of the hub, "
            f"such as {' or '.join(NAMED)}"
        )
    tokenizer = Tokenizer.load(_folder(name) / "tokenizer.json")
    return load_model(_file(name, "safetensors")), tokenizer


def training_history(name: str = "shapes") -> History:
    """What was recorded while that model was trained, with the similarity matrices of
    `clipbook.scenes.EXAMPLE`, or `clipbook.emoji.EXAMPLE`, on the way."""
    return History.from_dict(_read(_file(name, "history.json")))


def model_card(name: str = "shapes") -> dict[str, float]:
    """Shares of right answers, 0 to 1, of that model, as `clipbook.evaluation.evaluate_scenes`
    measured them, or `evaluate_emoji`."""
    return _read(_folder(name) / "card.json")["models"][name]["results"]


def emoji_trials() -> dict[str, Any]:
    """What was measured of many short runs on emoji: each artist left out in turn, and other ways
    to train, with three seeds each, beside a baseline that learns nothing.

    Under each kind of trial, name and seed: for each artist shares from 0 to 1, and the seconds
    that it took. Made by `python -m bookkit.emoji_trials`.
    """
    return _read(FOLDERS["emoji"] / "trials.json")


def scale_trials() -> dict[str, Any]:
    """What was measured of many short runs on scenes: both losses at several batch sizes, at equal
    pairs and at equal time, with three seeds each, beside a baseline that learns nothing.

    Shares are of 256 candidates, 0 to 1; seconds are a processor's. Made by
    `python -m bookkit.scale_trials`.
    """
    return _read(Path(__file__).parent / "scale/trials.json")


def loss_bench() -> dict[str, dict[str, dict[str, float]]]:
    """Memory and time of the losses, plain and some rows at a time, by name and number of pairs.

    MB: how far the memory of a process rose; seconds: a processor's, forward and backward. Made by
    `python -m bookkit.loss_bench`.
    """
    return _read(Path(__file__).parent / "scale/losses.json")
