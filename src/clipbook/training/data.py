"""Batches of scenes as tensors.

Batch k is made from the seed and k alone. So a run that was stopped goes on with the very
batches that it would have had, batches can be made ahead on another core, and no two runs of one
seed differ.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from clipbook.scenes import Scene, render, sample_pairs
from clipbook.scenes.drawing import checked_side
from clipbook.streams import stream
from clipbook.text import Tokenizer
from clipbook.training.identity import identify_tokenizer
from clipbook.validation import LARGEST_SEED, between, true_or_false, whole_number

Batch = tuple[
    UInt8[Tensor, "batch height width 3"],
    Int64[Tensor, "batch context"],
    Bool[Tensor, "batch context"],
]


def draw(scenes: Sequence[Scene], size: int = 32) -> UInt8[Tensor, "scenes size size 3"]:
    """Scenes as RGB levels, 0 to 255, of size × size pixels. Raises ValueError for no scenes, and
    as `clipbook.scenes.render`."""
    if not len(scenes):
        raise ValueError("scenes is empty; a batch needs at least one scene")
    return torch.from_numpy(np.stack([np.asarray(render(scene, size)) for scene in scenes]))


class SceneBatches(Dataset):
    """Batch k of an endless stream: pictures (uint8), token ids and mask.

    twins and distinct: see `clipbook.scenes.sample_pairs`. Raises ValueError for numbers that make
    no sense.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        batch_size: int = 128,
        image_size: int = 32,
        *,
        seed: int = 0,
        twins: float = 0.6,
        distinct: bool = True,
    ) -> None:
        self.tokenizer = tokenizer
        self.batch_size = whole_number("batch_size", batch_size, 128)
        self.image_size = checked_side(image_size)
        self.seed = whole_number("seed", seed, 0, least=0, most=LARGEST_SEED)
        self.twins = between("twins", twins, 0.6, most=1)
        self.distinct = true_or_false("distinct", distinct, True)

    def __getitem__(self, k: int) -> Batch:
        generator = stream("training", self.seed, k)
        scenes, captions = sample_pairs(
            self.batch_size, generator, twins=self.twins, distinct=self.distinct
        )
        return draw(scenes, self.image_size), *self.tokenizer.batch(captions)

    def identity(self) -> dict[str, object]:
        """All that decides the batches."""
        settings = {**vars(self), "tokenizer": identify_tokenizer(self.tokenizer)}
        return {"kind": type(self).__name__, **settings}


def train_tokenizer(pairs: int = 5_000, vocab_size: int = 512) -> Tokenizer:
    """The tokenizer of this world's captions: every word of theirs becomes one token."""
    _, captions = sample_pairs(pairs, stream("tokenizer"), distinct=False)
    return Tokenizer.train(captions, vocab_size)
