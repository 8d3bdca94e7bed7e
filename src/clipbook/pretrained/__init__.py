"""Trained weights in our modules: the book's own small models, and CLIP and SigLIP themselves."""

from clipbook.pretrained.gemma import decoder_from_transformers
from clipbook.pretrained.library_tokenizer import LibraryTokenizer
from clipbook.pretrained.shipped import (
    NAMES,
    emoji_trials,
    load,
    loss_bench,
    model_card,
    scale_trials,
    training_history,
)
from clipbook.pretrained.transformers import from_transformers

__all__ = [
    "NAMES",
    "LibraryTokenizer",
    "decoder_from_transformers",
    "emoji_trials",
    "from_transformers",
    "load",
    "loss_bench",
    "model_card",
    "scale_trials",
    "training_history",
]
