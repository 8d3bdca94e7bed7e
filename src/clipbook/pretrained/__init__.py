"""Trained weights in our modules: the book's own small model, and real CLIP weights."""

from clipbook.pretrained.gemma import decoder_from_transformers
from clipbook.pretrained.shipped import NAMES, load, model_card, training_history
from clipbook.pretrained.transformers import from_transformers

__all__ = [
    "NAMES",
    "decoder_from_transformers",
    "from_transformers",
    "load",
    "model_card",
    "training_history",
]
