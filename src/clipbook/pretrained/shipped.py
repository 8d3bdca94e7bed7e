"""The models that come with the package; their model card is shapes/README.md beside this file."""

import json
from collections.abc import Callable
from pathlib import Path

from clipbook.pairs import CLIP, load_model
from clipbook.pretrained.hub import NAMED
from clipbook.pretrained.library_tokenizer import LibraryTokenizer
from clipbook.pretrained.real import load_real
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


def load(
    name: str = "shapes", tell: Callable[[str], None] = print
) -> tuple[CLIP, Tokenizer | LibraryTokenizer]:
    """A trained model and its tokenizer: in eval mode, float32, on the CPU.

    The image encoder of "shapes", which is shipped, is a ViT, that of "shapes-cnn" a CNN. A name
    with a slash is a CLIP or SigLIP of the Hugging Face hub, such as "openai/clip-vit-base-patch32"
    or "google/siglip-base-patch16-224": fetched once, as safetensors alone, into the hub's own
    cache. `tell` says before how much that is. It needs transformers, as do all chapters on it.

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
