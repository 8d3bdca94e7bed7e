"""Small models, words and batches that the tests share."""

from functools import cache

import numpy as np
import torch

from clipbook.image import CNNConfig, ViTConfig
from clipbook.pairs import CLIP, CLIPConfig
from clipbook.scenes import sample_pairs
from clipbook.text import TextConfig, Tokenizer
from clipbook.training import SceneBatches

VIT = ViTConfig(image_size=16, patch_size=8, width=16, depth=1, heads=2, mlp_width=32, embed_dim=8)
CNN = CNNConfig(image_size=16, widths=(4, 8), embed_dim=8)


@cache
def tokenizer() -> Tokenizer:
    """A few merges, learned from captions of the world."""
    _, captions = sample_pairs(200, np.random.default_rng(5), distinct=False)
    return Tokenizer.train(captions, vocab_size=330, context_length=24)


def text_config(**changes) -> TextConfig:
    sizes = {"width": 16, "depth": 1, "heads": 2, "mlp_width": 32, "embed_dim": 8}
    return TextConfig(330, 24, **(sizes | changes))


def clip(image: ViTConfig | CNNConfig = VIT, *, seed: int = 0, temperature: float = 0.07) -> CLIP:
    """A CLIP of a few thousand weights; the seed fixes them, and nothing else is touched."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLIP(CLIPConfig(image, text_config(), temperature))


def batches(batch_size: int = 8, seed: int = 0) -> SceneBatches:
    return SceneBatches(tokenizer(), batch_size, image_size=16, seed=seed)


def normals(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers that depend on the seed alone."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
