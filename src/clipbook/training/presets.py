"""Recipes, from the quick one of the training chapter to that of the shipped model."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from clipbook.image import CNNConfig, ViTConfig
from clipbook.pairs import CLIP, CLIPConfig
from clipbook.scenes import EXAMPLE
from clipbook.streams import torch_stream
from clipbook.text import TextConfig, Tokenizer
from clipbook.training.config import TrainingConfig
from clipbook.training.data import Batch, SceneBatches, draw, train_tokenizer
from clipbook.training.history import History
from clipbook.training.loop import train
from clipbook.validation import between, check_fields, whole_number


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

    def build(self, seed: int = 0, steps: int | None = None) -> "Run":
        """A model with fresh weights, and the batches to train it on; the seed fixes both.

        steps: those of the preset, if not given.
        """
        config = self.training if steps is None else replace(self.training, steps=steps)
        tokenizer = train_tokenizer()
        text = TextConfig(tokenizer.vocab_size, tokenizer.context_length)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch_stream("initial weights", seed).initial_seed())
            model = CLIP(CLIPConfig(self.image, text))
        size = self.image.image_size
        batches = SceneBatches(tokenizer, self.batch_size, size, seed=seed, twins=self.twins)
        return Run(model, tokenizer, batches, config)


@dataclass
class Run:
    """A model, its tokenizer and data, ready to be trained."""

    model: CLIP
    tokenizer: Tokenizer
    batches: SceneBatches
    config: TrainingConfig

    def train(self, folder: Path | None = None, *, progress: bool = True) -> History:
        """See `clipbook.training.train`; snapshots are of `clipbook.scenes.EXAMPLE`."""
        return train(
            self.model, self.batches, self.config,
            example=self.example(), folder=folder, progress=progress,
        )  # fmt: skip

    def example(self) -> Batch:
        """The running example as a batch."""
        scenes, captions = zip(*EXAMPLE, strict=True)
        return draw(scenes, self.batches.image_size), *self.tokenizer.batch(captions)


PRESETS = {
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
}
"""Presets by name: that of the training chapter, and those of the shipped models."""
