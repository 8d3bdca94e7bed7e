"""One readable training loop, what it needs, and presets.

From a shell: python -m clipbook.training --preset cpu --out runs/first
"""

from clipbook.training.answers import (
    ANSWERS_PRESETS,
    AnswersPreset,
    AnswersRun,
    first_blocks,
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
from clipbook.training.packing import index_shards, pack_shards
from clipbook.training.presets import PRESETS, EmojiPreset, Preset, Run
from clipbook.training.questions import QuestionBatches, answer_text, train_answer_tokenizer
from clipbook.training.shard_batches import ShardBatches
from clipbook.training.shards import Shard, read_shards

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
    "Shard",
    "ShardBatches",
    "TrainingConfig",
    "answer_text",
    "best_device",
    "cached_backward",
    "contrastive_step",
    "draw",
    "first_blocks",
    "index_shards",
    "learning_rate_factor",
    "make_optimisers",
    "pack_shards",
    "read_pairs",
    "read_shards",
    "set_learning_rate",
    "train",
    "train_answer_tokenizer",
    "train_emoji_tokenizer",
]
