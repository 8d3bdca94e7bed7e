"""The shipped models, live in the page: CLIP's forward pass, and the pictures it is given.

The JavaScript beside this module is the engine; `kernel` writes its fast part. What it shares with
Python, the tokenizers and the look of the made world, is handed to it from here, written down once.
"""

from typing import Any

from clipbook.pretrained.shipped import FOLDERS
from clipbook.scenes import COLOURS, GROUNDS, SHAPES, SIZES, drawing, world
from clipbook.text import Tokenizer
from clipbook.widgets.tokenizer_explorer import character_classes


def words(model: str) -> dict[str, Any]:
    """The tokenizer of a shipped model, as `engine.js` takes it."""
    tokenizer = Tokenizer.load(FOLDERS[model] / "tokenizer.json")
    return {
        "context_length": tokenizer.context_length,
        "merges": [token_id for pair in tokenizer.merges for token_id in pair],
        "classes": character_classes(),
    }


def made_world() -> dict[str, Any]:
    """What scenes are made of, as `drawing.js` takes it."""
    return {
        "colours": {name: drawing.RGB[name] for name in COLOURS},
        "grounds": {name: drawing.GROUND_RGB[name] for name in GROUNDS},
        "stripe": drawing.STRIPE_RGB,
        "outlines": {name: drawing.OUTLINES[name] for name in SHAPES if name in drawing.OUTLINES},
        "radii": {name: world.RADIUS[name] for name in SIZES},
    }
