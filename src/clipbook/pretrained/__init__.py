"""Trained weights in our modules: the book's own small models, and CLIP, SigLIP and PaliGemma
themselves."""

from clipbook.pretrained.gemma import decoder_from_transformers
from clipbook.pretrained.library_tokenizer import LibraryTokenizer
from clipbook.pretrained.paligemma import paligemma_from_transformers
from clipbook.pretrained.shipped import (
    NAMES,
    answer_trials,
    clip_runs,
    emoji_trials,
    load,
    loader_bench,
    loss_bench,
    model_card,
    scale_trials,
    training_history,
)
from clipbook.pretrained.transformers import from_transformers

__all__ = [
    "NAMES",
    "LibraryTokenizer",
    "answer_trials",
    "clip_runs",
    "decoder_from_transformers",
    "emoji_trials",
    "from_transformers",
    "load",
    "loader_bench",
    "loss_bench",
    "model_card",
    "paligemma_from_transformers",
    "scale_trials",
    "training_history",
]
