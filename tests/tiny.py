"""Small models, words and batches that the tests share."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageDraw

from clipbook.emoji import ARTIST_NAMES, HELD_OUT, Concept, Emoji
from clipbook.emoji import EXAMPLE as EMOJI
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


@cache
def emoji() -> Emoji:
    """The held-out concepts, the example's and some siblings, each a plain disc or square: by the
    first four artists and OpenMoji, whose pictures differ in size and shade."""
    names = [*HELD_OUT, *(name for name, _ in EMOJI), "red heart", "red circle", "red square"]
    names += ["blue heart", "three o'clock", "left arrow", "grinning cat", "red house", "boat"]
    names += ["fish", "bread", "lemon"]
    concepts = tuple(
        Concept(f"{k:X}", "?", name, tuple(name.split()), "objects", "tool", {"en": name})
        for k, name in enumerate(names)
    )
    pictures, concept_of, artist_of = [], [], []
    for artist in (0, 1, 2, 3, len(ARTIST_NAMES) - 1):
        for k in range(len(names)):
            picture = Image.new("RGBA", (64, 64))
            side = 20 + 4 * artist + 3 * (k % 4)
            box = (32 - side // 2, 32 - side // 2, 32 + side // 2, 32 + side // 2)
            draw = ImageDraw.Draw(picture)
            (draw.ellipse if k % 2 else draw.rectangle)(
                box, (8 * k, 255 - 5 * k, 60 * (k % 5), 255)
            )
            pictures.append(np.asarray(picture))
            concept_of.append(k)
            artist_of.append(artist)
    return Emoji(
        concepts, torch.from_numpy(np.stack(pictures)),
        torch.tensor(concept_of), torch.tensor(artist_of),
    )  # fmt: skip


@contextmanager
def drawing_nothing() -> Iterator[None]:
    """Within it, PyTorch's random numbers stay where they were."""
    before = torch.get_rng_state()
    yield
    assert torch.equal(torch.get_rng_state(), before)


def normals(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers that depend on the seed alone."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
