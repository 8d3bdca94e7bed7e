"""The models that come with the package; their model cards are shapes/README.md, emoji/README.md
and answers/README.md beside this file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, overload

from clipbook.language import Answerer, AnswerTokenizer, load_paligemma
from clipbook.pairs import CLIP, load_model
from clipbook.pretrained.hub import NAMED
from clipbook.pretrained.library_tokenizer import LibraryTokenizer
from clipbook.pretrained.real import load_real
from clipbook.text import Tokenizer
from clipbook.training import History

FOLDERS = {
    name: Path(__file__).parent / folder
    for folder, names in {
        "shapes": ("shapes", "shapes-cnn"),
        "emoji": ("emoji",),
        "answers": ("answers",),
    }.items()
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


@overload
def load(  # type: ignore[overload-overlap]
    name: Literal["answers", "google/paligemma-3b-pt-224"], tell: Callable[[str], None] = print
) -> Answerer: ...
@overload
def load(
    name: str = "shapes", tell: Callable[[str], None] = print
) -> tuple[CLIP, Tokenizer | LibraryTokenizer]: ...
def load(
    name: str = "shapes", tell: Callable[[str], None] = print
) -> tuple[CLIP, Tokenizer | LibraryTokenizer] | Answerer:
    """A trained model and its tokenizer: in eval mode, float32, on the CPU.

    Shipped are "shapes", whose image encoder is a ViT, "shapes-cnn" and "emoji", with a CNN, and
    "answers", a PaliGemma: what is returned of it is a `clipbook.language.Answerer`, which is such
    a pair and takes questions. A name with a slash is a CLIP, SigLIP or PaliGemma of the Hugging
    Face hub, such as "openai/clip-vit-base-patch32", "google/siglip-base-patch16-224" or
    "google/paligemma-3b-pt-224": fetched once, as safetensors alone, into the hub's own cache.
    `tell` says before how much that is. It needs transformers, as do all chapters on it.

    Raises ValueError for another name, and for a model that our modules can't express or whose
    weights are damaged; ConnectionError where what is missing can't be fetched; ImportError where
    transformers is missing; PermissionError for a model of the hub whose licence has to be
    accepted first; MemoryError for one that is larger than the machine's memory.
    """
    if isinstance(name, str) and "/" in name:
        return load_real(name, tell)
    if name not in NAMES:
        raise ValueError(
            f"no model named {name!r} is shipped; try {' or '.join(NAMES)}, or one of the hub, "
            f"such as {' or '.join(NAMED)}"
        )
    tokenizer = Tokenizer.load(_folder(name) / "tokenizer.json")
    if name == "answers":
        answers = load_paligemma(_file(name, "safetensors"))
        bins = answers.config.decoder.vocab_size - tokenizer.vocab_size
        return Answerer(answers, AnswerTokenizer(tokenizer, bins))
    return load_model(_file(name, "safetensors")), tokenizer


def training_history(name: str = "shapes") -> History:
    """What was recorded while that model was trained, with the similarity matrices of
    `clipbook.scenes.EXAMPLE`, or `clipbook.emoji.EXAMPLE`, on the way."""
    return History.from_dict(_read(_file(name, "history.json")))


def model_card(name: str = "shapes") -> dict[str, float]:
    """Shares of right answers, 0 to 1, of that model, as `clipbook.evaluation.evaluate_scenes`
    measured them, `evaluate_emoji` or `evaluate_answers`."""
    return _read(_folder(name) / "card.json")["models"][name]["results"]


def emoji_trials() -> dict[str, Any]:
    """What was measured of many short runs on emoji: each artist left out in turn, and other ways
    to train, with three seeds each, beside a baseline that learns nothing.

    Under each kind of trial, name and seed: for each artist shares from 0 to 1, and the seconds
    that it took, where nothing else ran beside it; of the shipped model's recipe, "whole", under
    each of its phases. Made by `python -m bookkit.emoji_trials`.
    """
    return _read(FOLDERS["emoji"] / "trials.json")


def answer_trials() -> dict[str, Any]:
    """What was measured of many short runs of a PaliGemma: with other image encoders, other tokens
    of theirs, and another mask, with three seeds each, beside the best blind answers.

    Under "arms", each arm's name and seed: shares from 0 to 1 as `evaluate_answers` names them, of
    answers to a question's own picture, and of the first arm to another's and to none; and the
    processor's seconds. Made by `python -m bookkit.answer_trials`.
    """
    return _read(FOLDERS["answers"] / "trials.json")


def scale_trials() -> dict[str, Any]:
    """What was measured of many short runs on scenes: both losses at several batch sizes, at equal
    pairs and at equal time, with three seeds each, beside a baseline that learns nothing.

    Shares are of 256 candidates, 0 to 1; seconds are a processor's. Made by
    `python -m bookkit.scale_trials`.
    """
    return _read(Path(__file__).parent / "scale/trials.json")


def loss_bench() -> dict[str, dict[str, dict[str, float]]]:
    """Memory and time of the losses, plain and a part of the grid at a time, by name and number of
    pairs.

    MB: how far the memory of a process rose; seconds: a processor's, forward and backward. Made by
    `python -m bookkit.loss_bench`.
    """
    return _read(Path(__file__).parent / "scale/losses.json")


def loader_bench() -> dict[str, dict[str, dict[str, float]]]:
    """How fast pairs of one's own are read from a folder and from shards, and with how much memory,
    by kind and number of pairs.

    Seconds are a processor's; MB: how far the memory of a process rose. Made by
    `python -m bookkit.loader_bench`.
    """
    return _read(Path(__file__).parent / "scale/loaders.json")


def clip_runs() -> list[dict[str, Any]]:
    """29 CLIPs that were trained on open data, and OpenAI's three ViTs: what they cost and their
    zero-shot accuracy on ImageNet, 0 to 1.

    data: LAION's 80 million, 400 million or 2 thousand million pairs, or OpenAI's WIT. pairs seen:
    in all passes. GMAC a pair: thousand millions of multiplications with their additions, of one
    forward pass. Source: Cherti et al. 2023, as published in zeroshot_results.csv of
    github.com/LAION-AI/scaling-laws-openclip.
    """
    return _read(Path(__file__).parent / "scale/clip_runs.json")
