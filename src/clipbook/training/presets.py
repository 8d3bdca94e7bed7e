"""Recipes, from the quick one of the training chapter to that of the shipped model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from clipbook.emoji import load_emoji
from clipbook.image import Augmentation, CNNConfig, ViTConfig
from clipbook.pairs import CLIP, CLIPConfig
from clipbook.scenes import EXAMPLE
from clipbook.streams import torch_stream
from clipbook.text import TextConfig, Tokenizer
from clipbook.training.config import TrainingConfig
from clipbook.training.data import Batch, SceneBatches, draw, train_tokenizer
from clipbook.training.emoji import EmojiBatches, emoji_example, train_emoji_tokenizer
from clipbook.training.history import History
from clipbook.training.loop import train
from clipbook.training.shard_batches import ShardBatches
from clipbook.training.shards import Shard, captions_tokenizer, check_shards, first_pairs
from clipbook.validation import between, check_fields, true_or_false, whole_number

Built = TypeVar("Built", bound=nn.Module)


@dataclass(frozen=True)
class Preset:
    """An image encoder, its data and its training; the text encoder is the same in all.

    twins: see `clipbook.scenes.sample_pairs`. Raises ValueError for numbers that make no sense.
    """

    image: ViTConfig | CNNConfig = field(default_factory=ViTConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    batch_size: int = 128
    twins: float = 0.7

    def __post_init__(self) -> None:
        check_fields(self, whole_number, "batch_size")
        check_fields(self, between, "twins", most=1)

    def build(
        self, seed: int = 0, steps: int | None = None, shards: Sequence[Shard] | None = None
    ) -> "Run":
        """A model with fresh weights, and the batches to train it on; the seed fixes both.

        steps: those of the preset, if not given. shards: pairs of one's own, of
        `clipbook.training.read_shards`, in place of scenes; the tokenizer is made of their
        captions, and the first of them are the example. Raises ValueError for what are no shards.
        """
        if shards is not None:
            check_shards(shards)
        config = self.training if steps is None else replace(self.training, steps=steps)
        tokenizer = train_tokenizer() if shards is None else captions_tokenizer(shards)
        text = TextConfig(tokenizer.vocab_size, tokenizer.context_length)
        model = fresh(lambda: CLIP(CLIPConfig(self.image, text, *_start(config))), seed)
        size = self.image.image_size
        if shards is not None:
            own = ShardBatches(shards, tokenizer, self.batch_size, size, seed=seed)
            first = first_pairs(shards, len(EXAMPLE), tokenizer, size)
            return Run(model, tokenizer, own, config, first)
        batches = SceneBatches(tokenizer, self.batch_size, size, seed=seed, twins=self.twins)
        scenes, captions = zip(*EXAMPLE, strict=True)
        example = draw(scenes, size), *tokenizer.batch(captions)
        return Run(model, tokenizer, batches, config, example)


@dataclass(frozen=True)
class EmojiPreset:
    """An image encoder, and how it learns emoji: the data are by several artists.

    left_out: the artists of whom nothing is shown; to find out what a model makes of their
    pictures. artists_each: see `EmojiBatches`. image_locked: the image encoder stays as it is, as
    in locked-image tuning (Zhai et al. 2022); for a model that has learned. Raises ValueError for
    numbers that make no sense.
    """

    image: ViTConfig | CNNConfig
    training: TrainingConfig
    batch_size: int = 256
    augmentation: Augmentation = field(default_factory=Augmentation)
    left_out: tuple[str, ...] = ("twemoji",)
    artists_each: int = 1
    image_locked: bool = False

    def __post_init__(self) -> None:
        check_fields(self, whole_number, "batch_size", "artists_each")
        check_fields(self, true_or_false, "image_locked")

    def build(self, seed: int = 0, steps: int | None = None) -> "Run":
        """A model with fresh weights, and the batches to train it on; the seed fixes both.

        steps: those of the preset, if not given. Raises OSError where the emoji can't be had.
        """
        config = self.training if steps is None else replace(self.training, steps=steps)
        emoji = load_emoji()
        tokenizer = train_emoji_tokenizer(emoji)
        text = TextConfig(
            tokenizer.vocab_size, tokenizer.context_length, width=96, heads=4, mlp_width=384
        )
        model = fresh(lambda: CLIP(CLIPConfig(self.image, text, *_start(config))), seed)
        model.image_encoder.requires_grad_(not self.image_locked)
        size = self.image.image_size
        batches = EmojiBatches(
            emoji, tokenizer, self.batch_size, size, left_out=self.left_out,
            artists_each=self.artists_each, augmentation=self.augmentation, seed=seed,
        )  # fmt: skip
        return Run(model, tokenizer, batches, config, emoji_example(emoji, tokenizer, size))


@dataclass
class Run:
    """A model, its tokenizer and data, ready to be trained; snapshots are of the example."""

    model: CLIP
    tokenizer: Tokenizer
    batches: SceneBatches | EmojiBatches | ShardBatches
    config: TrainingConfig
    example: Batch

    def train(self, folder: Path | None = None, **options: Any) -> History:
        """See `clipbook.training.train`, which takes the other options."""
        return train(
            self.model, self.batches, self.config, example=self.example, folder=folder, **options
        )


def _start(config: TrainingConfig) -> tuple[float, float | None]:
    """Temperature and bias before training: CLIP's, and SigLIP's (Zhai et al. 2023, §3.2)."""
    return (0.1, -10.0) if config.loss == "sigmoid" else (0.07, None)


def fresh(build: Callable[[], Built], seed: int) -> Built:
    """What `build` makes: a model whose first weights the seed fixes, whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(torch_stream("initial weights", seed).initial_seed())
        return build()


EMOJI_CNN = CNNConfig(48, widths=(16, 32, 96, 192))
PRESETS: dict[str, Preset | EmojiPreset] = {
    # the training chapter: within two minutes on two CPU cores
    "cpu": Preset(
        CNNConfig(widths=(16, 32, 64)),
        TrainingConfig(steps=2_400, learning_rate=2e-3, matrix_rate=5.0),
        batch_size=64,
        twins=0.4,
    ),
    # the shipped models; on a GPU, such as Colab's T4, the training chapter takes the first
    "shapes": Preset(
        ViTConfig(width=96, heads=4, mlp_width=384), TrainingConfig(steps=10_000), batch_size=128
    ),
    "shapes-cnn": Preset(
        CNNConfig(widths=(16, 32, 64)), TrainingConfig(steps=12_000), batch_size=64
    ),
    # real pictures: the shipped model in two phases, and a larger one for those who have a GPU
    "emoji": EmojiPreset(
        EMOJI_CNN,
        TrainingConfig(steps=3_000, learning_rate=2e-3, among_pictures=1.0),
        artists_each=2,
    ),
    "emoji-texts": EmojiPreset(
        EMOJI_CNN, TrainingConfig(steps=800, alignment=20.0), artists_each=2, image_locked=True
    ),
    "emoji-gpu": EmojiPreset(
        ViTConfig(64, patch_size=8, width=192, depth=6, heads=6, mlp_width=768),
        TrainingConfig(steps=20_000),
        batch_size=512,
    ),
}
"""Presets by name: that of the training chapter, and those of the shipped models."""
