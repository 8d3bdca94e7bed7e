"""From any picture to pixels: RGB, short side resized, centre cropped, normalised.

The same steps and numbers as CLIP's; unlike CLIP's, it turns pictures upright by their EXIF
orientation and scales 16-bit greys. The crop begins where transformers' begins, at half of what is
left over, rounded down. CLIP's own code crops by torchvision, which rounds halves to the even
number: where the resized long side is longer than `size` by 3, 7, 11, ... px, its crop lies one
pixel further right or down. Source: Radford et al. 2021; mean and standard deviation from its
published code. Built in: book/image/preprocessing.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from clipbook.image.reading import open_picture
from clipbook.validation import (
    LARGEST_SIDE,
    above_zero,
    between,
    check_axes,
    check_fractions,
    excerpt,
    one_of,
    whole_number,
)

MEAN = (0.48145466, 0.4578275, 0.40821073)
"""Mean of the red, green and blue values, in [0, 1], of CLIP's training pictures."""

STD = (0.26862954, 0.26130258, 0.27577711)
"""Their standard deviations."""

FITS = ("crop", "stretch")

_SQUARES = 100  # that are left of a strip, side by side, before it grows
_NOT_SEVERAL = (str, bytes, Mapping, Set)  # pictures: one path, the bytes of one, names, no order


@dataclass(frozen=True)
class Preprocessing:
    """How a model takes its pictures; the size is its image encoder's.

    fit: "crop", as CLIP, resizes the short side and cuts the middle out; "stretch", as SigLIP,
    resizes both sides, so that nothing is lost but the proportions. mean, std: what is taken from
    red, green and blue, in [0, 1], and what the rest is divided by. Raises ValueError for another
    fit, and for what are not three numbers.
    """

    fit: str = "crop"
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD

    def __post_init__(self) -> None:
        one_of("fit", self.fit, FITS)
        for name, check in (("mean", partial(between, most=1.0)), ("std", above_zero)):
            values = getattr(self, name)
            if not isinstance(values, list | tuple) or len(values) != 3:
                raise ValueError(
                    f"{name}={excerpt(values)} is not three numbers; try (0.5, 0.5, 0.5)"
                )
            numbers = tuple(check(f"{name}[{k}]", value, 0.5) for k, value in enumerate(values))
            object.__setattr__(self, name, numbers)


CLIPS = Preprocessing()


def _fitted(image: Image.Image, size: int, fit: str) -> Image.Image:
    if fit == "crop":
        return _resize_and_crop(image, size)
    return image.resize((size, size), Image.Resampling.BICUBIC)


def _resize_and_crop(image: Image.Image, size: int) -> Image.Image:
    image = _without_far_ends(image, size)
    width, height = image.size
    short = min(width, height)
    if (width, height) != (size, size):
        scaled = int(size * width / short), int(size * height / short)
        image = image.resize(scaled, Image.Resampling.BICUBIC)
    left, top = (image.width - size) // 2, (image.height - size) // 2
    return image.crop((left, top, left + size, top + size))


def _without_far_ends(image: Image.Image, size: int) -> Image.Image:
    """Of a strip that is to grow, the middle, so that its size in memory stays within bounds.

    Both ends lose the same number of whole squares, so that no pixel is resized otherwise. Only
    where size × long side / short side is no whole number, the scale itself changes, and with it a
    level by 2 at most.
    """
    short = min(image.size)
    if short >= size:
        return image
    left, top = (max(0, side // short - _SQUARES) // 2 * short for side in image.size)
    return image.crop((left, top, image.width - left, image.height - top))


def normalise(
    pictures: UInt8[Tensor, "batch height width 3"], config: Preprocessing = CLIPS
) -> Float[Tensor, "batch 3 height width"]:
    """RGB levels 0 to 255 → [0, 1] → minus the mean, divided by the deviation; channels first.

    Raises ValueError for what are no such levels, such as numbers that are in [0, 1] already.
    """
    kind, shape = getattr(pictures, "dtype", type(pictures).__name__), np.shape(pictures)
    if kind != torch.uint8 or len(shape) != 4 or shape[3] != 3:
        raise ValueError(
            f"pictures are {tuple(shape)} of {kind}; give levels 0 to 255 in torch.uint8, (batch, "
            "height, width, 3), or try preprocess, which takes any picture"
        )
    mean = torch.tensor(config.mean, device=pictures.device)
    std = torch.tensor(config.std, device=pictures.device)
    return ((pictures / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()


def preprocess(
    pictures: Any, size: int = 32, config: Preprocessing = CLIPS
) -> Float[Tensor, "batch 3 size size"]:
    """Pixels of one or more pictures, ready for an image encoder.

    pictures: what `open_picture` takes, or several: in a list, a tuple, an iterator, or one uint8
    array (batch, height, width, 3). size: in px, 1 to 4,096. config: CLIP's steps and numbers, or
    another model's.

    Raises ValueError for no pictures, another size, what is no picture, or a picture that can't be
    read; of several, it says which.
    """
    size = whole_number("size", size, 32, most=LARGEST_SIDE)
    if not _several(pictures):
        squares = [_fitted(open_picture(pictures), size, config.fit)]
    else:
        squares = []
        for place, picture in enumerate(pictures):
            try:
                squares.append(_fitted(open_picture(picture), size, config.fit))
            except ValueError as error:
                raise ValueError(f"pictures[{place}]: {error}") from error
    if not squares:
        raise ValueError("pictures is empty; a batch needs at least one picture")
    return normalise(torch.from_numpy(np.stack([np.asarray(square) for square in squares])), config)


def in_precision_of(weight: Tensor, pixels: Tensor) -> Tensor:
    """The pixels for a model whose weights are like this one: in its precision, float32 or half.

    Raises ValueError for levels 0 to 255, which no encoder reads, and for what is no tensor.
    """
    check_axes("pixels", pixels, "batch channels height width")
    if not pixels.is_floating_point():
        raise ValueError(
            f"pixels are of {pixels.dtype}; an encoder takes what normalise or preprocess gives"
        )
    return pixels.to(weight.dtype)


def check_pixels(pixels: Tensor, size: int) -> None:
    """Raises ValueError unless pixels are RGB pictures of size × size: (batch, 3, size, size)."""
    if not isinstance(pixels, Tensor):
        check_axes("pixels", pixels, "batch 3 height width")
    check_fractions("pixels", pixels)
    if pixels.ndim != 4 or pixels.shape[1:] != (3, size, size):
        raise ValueError(
            f"pixels have shape {tuple(pixels.shape)}, the encoder takes (batch, 3, {size}, "
            f"{size}); try model.preprocess(pictures), or preprocess(pictures, size={size})"
        )


def _several(pictures: Any) -> bool:
    if isinstance(pictures, np.ndarray | Tensor):
        return pictures.ndim == 4
    return (
        isinstance(pictures, Iterable)
        and not isinstance(pictures, _NOT_SEVERAL)
        and not hasattr(pictures, "read")  # an open file gives lines
    )
