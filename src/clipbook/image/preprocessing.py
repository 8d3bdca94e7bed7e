"""From any picture to pixels: RGB, short side resized, centre cropped, normalised.

The same steps, numbers and rounding as CLIP's; unlike CLIP's, it turns pictures upright by their
EXIF orientation and scales 16-bit greys. Source: Radford et al. 2021; mean and standard deviation
from its published code. Built in: book/image/preprocessing.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageOps
from torch import Tensor

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Of the red, green and blue values, in [0, 1], of CLIP's training pictures."""

Picture = Image.Image | str | Path


def open_picture(picture: Picture) -> Image.Image:
    """The picture, upright and in RGB, from a Pillow image in any mode or from a file.

    What is transparent lies on white, as in transformers 5.23; OpenAI's own code drops transparency
    and shows what lies under it. Raises ValueError, naming the file, where nothing can be read or
    the data end too early.
    """
    try:
        if isinstance(picture, Image.Image):
            image = ImageOps.exif_transpose(picture)
        else:
            with Image.open(picture) as opened:  # and close it, whatever it holds
                image = ImageOps.exif_transpose(opened)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        name = getattr(picture, "filename", "") or picture
        raise ValueError(
            f"{name} can't be read as a picture ({error}); it may be truncated or of a format "
            "that Pillow doesn't know: save it again as PNG or JPEG"
        ) from error
    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow would clip rather than scale
        grey = np.asarray(image).astype(np.float64).clip(0, 65_535) / 257
        image = Image.fromarray(grey.round().astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")


def _resize_and_crop(image: Image.Image, size: int) -> Image.Image:
    width, height = image.size
    short = min(width, height)
    if (width, height) != (size, size):
        scaled = int(size * width / short), int(size * height / short)
        image = image.resize(scaled, Image.Resampling.BICUBIC)
    left, top = (image.width - size) // 2, (image.height - size) // 2
    return image.crop((left, top, left + size, top + size))


def normalise(
    pictures: UInt8[Tensor, "batch height width 3"],
) -> Float[Tensor, "batch 3 height width"]:
    """Grey levels 0 to 255 → [0, 1] → minus the mean, divided by the standard deviation."""
    mean = torch.tensor(MEAN, device=pictures.device)
    std = torch.tensor(STD, device=pictures.device)
    return ((pictures / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()


def preprocess(
    pictures: Picture | Sequence[Picture], size: int = 32
) -> Float[Tensor, "batch 3 size size"]:
    """Pixels of one or more pictures, ready for an image encoder.

    Raises ValueError for no pictures, a size below 1 px, or a picture that can't be read.
    """
    if size < 1:
        raise ValueError(f"size={size} px is no picture; try 32")
    if isinstance(pictures, Image.Image | str | Path):
        pictures = [pictures]
    if not pictures:
        raise ValueError("pictures is empty; a batch needs at least one picture")
    square = [np.asarray(_resize_and_crop(open_picture(one), size)) for one in pictures]
    return normalise(torch.from_numpy(np.stack(square)))
