"""A small convolutional image encoder, the alternative to the ViT.

Each stage halves the picture and widens the features; the last one's are averaged over the
picture. Source: He et al. 2016 (residual stages), Radford et al. 2021, §2.4 (in CLIP). Built in:
book/image/cnn.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from clipbook.image.preprocessing import check_pixels
from clipbook.validation import check_fields, excerpt, whole_number


@dataclass(frozen=True)
class CNNConfig:
    """image_size in pixels; widths: channels of each stage, one after another."""

    image_size: int = 32
    widths: tuple[int, ...] = (32, 64, 128)
    embed_dim: int = 64

    def __post_init__(self) -> None:
        check_fields(self, whole_number, "image_size", "embed_dim")
        if not isinstance(self.widths, list | tuple) or not self.widths:
            raise ValueError(
                f"widths={excerpt(self.widths)}: a CNN needs the width of each stage; try (32, 64)"
            )
        widths = (whole_number(f"widths[{k}]", width, 32) for k, width in enumerate(self.widths))
        object.__setattr__(self, "widths", tuple(widths))
        if self.image_size < 2 ** len(self.widths):
            raise ValueError(
                f"image_size={self.image_size} px can't be halved {len(self.widths)} times; "
                f"try {2 ** len(self.widths)} px or fewer stages"
            )

    @property
    def width(self) -> int:
        """Numbers that describe a picture before the projection."""
        return self.widths[-1]


class Stage(nn.Module):
    """Look at neighbourhoods twice: first halving the picture, then as a correction."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(width_in, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.refine = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        return torch.relu(x + self.refine(x))


class CNN(nn.Module):
    """Pixels → one vector of embed_dim numbers for each picture, not yet of unit length."""

    def __init__(self, config: CNNConfig) -> None:
        super().__init__()
        self.config = config
        widths = (3, *config.widths)
        self.stages = nn.ModuleList(Stage(width_in, width) for width_in, width in pairwise(widths))
        self.norm = nn.LayerNorm(config.width)
        self.projection = nn.Linear(config.width, config.embed_dim, bias=False)
        nn.init.normal_(self.projection.weight, std=config.width**-0.5)

    def forward(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch embed_dim"]:
        return self.intermediates(pixels)["projected"]

    def features(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch features"]:
        """What the encoder has gathered about each picture, before the projection."""
        return self.intermediates(pixels)["features"]

    def intermediates(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> dict[str, Float[Tensor, "batch ..."]]:
        """What each part of the encoder hands on, by name, from the first to the last.

        (batch, widths[k - 1], height / 2^k, width / 2^k), rounded up: "stage 1", "stage 2" and so
        on, the maps after each. (batch, width): "features". (batch, embed_dim): "projected", which
        calling the encoder returns.
        """
        check_pixels(pixels, self.config.image_size)
        stages, x = {}, pixels
        for k, stage in enumerate(self.stages, 1):
            x = stages[f"stage {k}"] = stage(x)
        features = self.norm(x.mean(dim=(2, 3)))
        return {**stages, "features": features, "projected": self.projection(features)}
