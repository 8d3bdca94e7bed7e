"""The models that come with the package; their model card is shapes/README.md beside this file."""

import json
from pathlib import Path

from clipbook.pairs import CLIP, load_model
from clipbook.text import Tokenizer
from clipbook.training import History

FOLDER = Path(__file__).parent / "shapes"
NAMES = ("shapes", "shapes-cnn")


def _file(name: str, ending: str) -> Path:
    _check_name(name)
    return FOLDER / f"{name}.{ending}"


def _check_name(name: str) -> None:
    if name not in NAMES:
        raise ValueError(f"no model named {name!r} is shipped; try {' or '.join(NAMES)}")


def load(name: str = "shapes") -> tuple[CLIP, Tokenizer]:
    """A shipped CLIP and its tokenizer: in eval mode, float32, on the CPU.

    The image encoder of "shapes" is a ViT, that of "shapes-cnn" a CNN. Raises ValueError for
    another name.
    """
    return load_model(_file(name, "safetensors")), Tokenizer.load(FOLDER / "tokenizer.json")


def training_history(name: str = "shapes") -> History:
    """What was recorded while that model was trained, with the similarity matrices of
    `clipbook.scenes.EXAMPLE` on the way."""
    return History.from_dict(json.loads(_file(name, "history.json").read_text(encoding="utf-8")))


def model_card(name: str = "shapes") -> dict[str, float]:
    """Shares of right answers, 0 to 1, of that model, as `clipbook.evaluation.evaluate_scenes`
    measured them."""
    _check_name(name)
    card = json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))
    return card["models"][name]["results"]
