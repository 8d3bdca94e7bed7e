"""Trained weights in our modules: the book's own small models, and CLIP and SigLIP themselves."""

from clipbook.pretrained.library_tokenizer import LibraryTokenizer
from clipbook.pretrained.shipped import NAMES, load, model_card, training_history
from clipbook.pretrained.transformers import from_transformers

__all__ = [
    "NAMES",
    "LibraryTokenizer",
    "from_transformers",
    "load",
    "model_card",
    "training_history",
]
