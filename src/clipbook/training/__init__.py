"""One readable training loop, what it needs, and presets.

From a shell: python -m clipbook.training --preset cpu --out runs/first
"""

from clipbook.training.answers import (
    ANSWERS_PRESETS,
    AnswersPreset,
    AnswersRun,
    QuestionBatches,
    answer_text,
    first_blocks,
    train_answer_tokenizer,
)
from clipbook.training.caching import cached_backward
from clipbook.training.config import TrainingConfig
from clipbook.training.data import SceneBatches, draw
from clipbook.training.emoji import EmojiBatches, train_emoji_tokenizer
from clipbook.training.folder import FolderBatches, Pair, read_pairs
from clipbook.training.history import History
from clipbook.training.loop import train
from clipbook.training.objectives import contrastive_step
from clipbook.training.optimisers import (
    best_device,
    learning_rate_factor,
    make_optimisers,
    set_learning_rate,
)
from clipbook.training.presets import PRESETS, EmojiPreset, Preset, Run

__all__ = [
    "ANSWERS_PRESETS",
    "PRESETS",
    "AnswersPreset",
    "AnswersRun",
    "EmojiBatches",
    "EmojiPreset",
    "FolderBatches",
    "History",
    "Pair",
    "Preset",
    "QuestionBatches",
    "Run",
    "SceneBatches",
    "TrainingConfig",
    "answer_text",
    "best_device",
    "cached_backward",
    "contrastive_step",
    "draw",
    "first_blocks",
    "learning_rate_factor",
    "make_optimisers",
    "read_pairs",
    "set_learning_rate",
    "train",
    "train_answer_tokenizer",
    "train_emoji_tokenizer",
]
