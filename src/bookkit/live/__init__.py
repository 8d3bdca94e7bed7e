"""The shipped models, live in the page: CLIP's forward pass, and the pictures it is given.

The JavaScript beside this module is the engine; `kernel` writes its fast part. What it shares with
Python, the tokenizers and the look of the made world, is handed to it from here, written down once.
"""

import re
from functools import cache
from typing import Any

import numpy as np

from clipbook.evaluation.answers import draw_questions
from clipbook.pretrained.shipped import FOLDERS
from clipbook.scenes import COLOURS, GROUNDS, SHAPES, SIZES, drawing, sample_pairs, world
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


@cache
def question_patterns() -> dict[str, list[str]]:
    """How the model that answers may be asked, by kind, as `questions.js` takes it: "is there {a}
    {colour} {shape}?". Read off many questions as `clipbook.scenes` draws them.
    """
    patterns: dict[str, set[str]] = {}
    for _, question in draw_questions(100):
        text = re.sub(rf"\b({'|'.join(SHAPES)})\b", "{shape}", question.text)
        text = re.sub(rf"\b({'|'.join(COLOURS)})\b", "{colour}", text)
        text = re.sub(r"\ban? \{colour\}", "{a} {colour}", text)
        patterns.setdefault(question.kind, set()).add(text)
    return {
        kind: sorted(texts, key=lambda text: (len(text), text)) for kind, texts in patterns.items()
    }


@cache
def caption_words() -> list[str]:
    """The words that captions of scenes are made of, as training had them. Read off many."""
    _, captions = sample_pairs(2_000, np.random.default_rng(0), distinct=False)
    return sorted({word for caption in captions for word in caption.split()})


def made_world() -> dict[str, Any]:
    """What scenes are made of, as `drawing.js` takes it."""
    return {
        "colours": {name: drawing.RGB[name] for name in COLOURS},
        "grounds": {name: drawing.GROUND_RGB[name] for name in GROUNDS},
        "stripe": drawing.STRIPE_RGB,
        "outlines": {name: drawing.OUTLINES[name] for name in SHAPES if name in drawing.OUTLINES},
        "radii": {name: world.RADIUS[name] for name in SIZES},
    }
