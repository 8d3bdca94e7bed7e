"""The whole model: two towers into one space, and a learned scale.

Source: Radford et al. 2021, §2.3 to 2.5; the bias: Zhai et al. 2023, §3.2. Built in:
book/pairs/similarity-matrix and book/pairs/training.
"""

from dataclasses import dataclass, field
from math import log
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn.functional import normalize

from clipbook.image import CNN, CNNConfig, Preprocessing, ViT, ViTConfig, preprocess
from clipbook.image.preprocessing import in_precision_of
from clipbook.pairs.similarity import similarity
from clipbook.text import TextConfig, TextEncoder
from clipbook.validation import between, check_fields, excerpt

LARGEST_SCALE = 100.0
"""CLIP keeps the scale at most here, "to prevent training instability" (§2.5)."""


@dataclass(frozen=True)
class CLIPConfig:
    """The two towers, which must agree on embed_dim.

    initial_temperature: 1 / scale before training, from 0.01 to a million.
    initial_bias: what SigLIP adds to every logit, before training; without a number, nothing is.
    preprocessing: how the model takes its pictures. Raises ValueError for what is no config of its
    tower, towers that disagree, another temperature, and what is no bias or preprocessing.
    """

    image: ViTConfig | CNNConfig = field(default_factory=ViTConfig)
    text: TextConfig = field(default_factory=TextConfig)
    initial_temperature: float = 0.07
    initial_bias: float | None = None
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    def __post_init__(self) -> None:
        for name, value, kinds in (
            ("image", self.image, (ViTConfig, CNNConfig)),
            ("text", self.text, (TextConfig,)),
        ):
            if not isinstance(value, kinds):
                names = " or ".join(kind.__name__ for kind in kinds)
                raise ValueError(
                    f"{name}={excerpt(value)} is no config of its tower; try a {names}"
                )
        if not isinstance(self.preprocessing, Preprocessing):
            raise ValueError(
                f"preprocessing={excerpt(self.preprocessing)} says nothing of pictures; try "
                "Preprocessing()"
            )
        if self.image.embed_dim != self.text.embed_dim:
            raise ValueError(
                f"image.embed_dim={self.image.embed_dim} and text.embed_dim="
                f"{self.text.embed_dim} differ; both towers must end in the same space"
            )
        # above a million all logits are equal in float32, and nothing is learned
        check_fields(self, between, "initial_temperature", least=1 / LARGEST_SCALE, most=1e6)
        if self.initial_bias is not None:
            bias = between("initial_bias", self.initial_bias, -10.0, least=-1e6, most=1e6)
            object.__setattr__(self, "initial_bias", bias)


class CLIP(nn.Module):
    """Pictures and texts → embeddings of unit length → logits, rows images, columns texts."""

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        self.config = config
        image = config.image
        self.image_encoder = ViT(image) if isinstance(image, ViTConfig) else CNN(image)
        self.text_encoder = TextEncoder(config.text)
        self.log_scale = nn.Parameter(torch.tensor(-log(config.initial_temperature)))
        self.bias: nn.Parameter | None = None
        if config.initial_bias is not None:
            self.bias = nn.Parameter(torch.tensor(config.initial_bias))

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.log_scale.device

    @property
    def scale(self) -> Float[Tensor, ""]:
        """1 / temperature."""
        return self.log_scale.exp()

    def preprocess(self, pictures: Any) -> Float[Tensor, "batch 3 size size"]:
        """Pixels of one or more pictures as this model takes them: in its size, by its own steps
        and numbers, on its device.

        pictures: as `clipbook.image.preprocess`, and refused alike.
        """
        config = self.config
        return preprocess(pictures, config.image.image_size, config.preprocessing).to(self.device)

    def encode_image(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch embed_dim"]:
        """Embeddings of unit length, in the weights' precision."""
        pixels = in_precision_of(self.log_scale, pixels)
        return normalize(self.image_encoder(pixels), dim=-1)

    def encode_text(
        self,
        token_ids: Int64[Tensor, "batch context"],
        mask: Bool[Tensor, "batch context"] | None = None,
    ) -> Float[Tensor, "batch embed_dim"]:
        """Embeddings of unit length; mask: true at real tokens, which come first."""
        return normalize(self.text_encoder(token_ids, mask), dim=-1)

    def logits(
        self,
        image_embeddings: Float[Tensor, "images embed_dim"],
        text_embeddings: Float[Tensor, "texts embed_dim"],
    ) -> Float[Tensor, "images texts"]:
        """Similarities times the scale, plus the bias where there is one.

        Raises ValueError for rows that are not of unit length.
        """
        return self.scaled(similarity(image_embeddings, text_embeddings))

    def forward(
        self,
        pixels: Float[Tensor, "images 3 height width"],
        token_ids: Int64[Tensor, "texts context"],
        mask: Bool[Tensor, "texts context"] | None = None,
    ) -> Float[Tensor, "images texts"]:
        """Logits of every picture with every text."""
        images, texts = self.encode_image(pixels), self.encode_text(token_ids, mask)
        # both are of unit length; `logits` would look whether they are, and a GPU would wait
        return self.scaled(images @ texts.T)

    def scaled(self, similarities: Float[Tensor, "images texts"]) -> Float[Tensor, "images texts"]:
        """Logits of similarities that are known already: times the scale, plus the bias."""
        logits = self.scale * similarities
        return logits if self.bias is None else logits + self.bias

    @torch.no_grad()
    def clamp_scale(self) -> None:
        """Keep the scale at most LARGEST_SCALE; called after each step of the optimiser."""
        self.log_scale.clamp_(max=log(LARGEST_SCALE))
