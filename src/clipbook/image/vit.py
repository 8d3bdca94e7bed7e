"""The Vision Transformer: patches as words.

Source: Dosovitskiy et al. 2021, §3.1; the norm before the first block as in Radford et al. 2021.
Built in: book/image/vit.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from clipbook.image.patching import patchify
from clipbook.image.preprocessing import check_pixels
from clipbook.transformer import AttentionPooling, Block, Stack, pool
from clipbook.transformer.attention import check_heads
from clipbook.transformer.block import ACTIVATIONS, NORM_EPS
from clipbook.validation import (
    above_zero,
    between,
    check_fields,
    one_of,
    true_or_false,
    whole_number,
)

POOLINGS = ("mean", "first", "attention")


@dataclass(frozen=True)
class ViTConfig:
    """Sizes and choices of a `ViT`; image_size and patch_size in pixels.

    pooling: CLIP reads a class token ("first"); our default is the mean over patches, which needs
    no token that has to learn to gather. SigLIP's is `clipbook.transformer.AttentionPooling`, of
    all tokens after the last norm.
    position_std: of the position embeddings at the start. Ours are as large as what they are added
    to, so that places are learned early; CLIP draws them far smaller, at width^-½.
    input_norm, projection, patch_bias: SigLIP has no norm before the first block and ends without a
    projection, so that embed_dim is the width; its patch embedding adds a bias.
    """

    image_size: int = 32
    patch_size: int = 8
    width: int = 64
    depth: int = 3
    heads: int = 2
    mlp_width: int = 256
    embed_dim: int = 64
    pooling: str = "mean"
    position_std: float = 1.0
    activation: str = "gelu"
    norm_eps: float = NORM_EPS
    input_norm: bool = True
    projection: bool = True
    patch_bias: bool = False

    def __post_init__(self) -> None:
        check_fields(self, whole_number, "image_size", "patch_size", "width", "heads")
        check_fields(self, whole_number, "mlp_width", "embed_dim")
        check_fields(self, whole_number, "depth", least=0)
        check_fields(self, between, "position_std")
        check_fields(self, above_zero, "norm_eps")
        check_fields(self, true_or_false, "input_norm", "projection", "patch_bias")
        check_heads(self.width, self.heads)
        one_of("pooling", self.pooling, POOLINGS)
        one_of("activation", self.activation, ACTIVATIONS)
        if not self.projection and self.embed_dim != self.width:
            raise ValueError(
                f"embed_dim={self.embed_dim} is not width={self.width}, and projection=False "
                f"leaves nothing to change it; try embed_dim={self.width}"
            )
        if self.image_size % self.patch_size:
            below = self.image_size // self.patch_size * self.patch_size
            suggestions = [str(size) for size in (below, below + self.patch_size) if size > 0]
            raise ValueError(
                f"image_size={self.image_size} px is not a multiple of "
                f"patch_size={self.patch_size} px; try {' or '.join(suggestions)}"
            )

    @property
    def patches(self) -> int:
        return (self.image_size // self.patch_size) ** 2


class ViT(nn.Module):
    """Pixels → one vector of embed_dim numbers for each picture, not yet of unit length."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        values = 3 * config.patch_size**2
        self.patch_embedding = nn.Linear(values, config.width, bias=config.patch_bias)
        nn.init.normal_(self.patch_embedding.weight, std=values**-0.5)
        tokens = config.patches
        if config.pooling == "first":
            self.class_embedding = nn.Parameter(torch.randn(config.width) * config.width**-0.5)
            tokens += 1
        self.positions = nn.Parameter(config.position_std * torch.randn(tokens, config.width))
        eps = config.norm_eps
        self.input_norm = nn.LayerNorm(config.width, eps) if config.input_norm else nn.Identity()
        sizes = config.width, config.heads, config.mlp_width, config.activation, eps
        self.blocks = Stack(Block(*sizes) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width, eps)
        if config.pooling == "attention":
            self.attention_pooling = AttentionPooling(*sizes)
        self.projection: nn.Linear | nn.Identity = nn.Identity()
        if config.projection:
            self.projection = nn.Linear(config.width, config.embed_dim, bias=False)
            nn.init.normal_(self.projection.weight, std=config.width**-0.5)

    def forward(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch embed_dim"]:
        return self.projection(self.features(pixels))

    def features(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch features"]:
        """What the encoder has gathered about each picture, before the projection."""
        x = self._embed(pixels)
        if self.config.pooling == "attention":
            return self._read(self.blocks(x))
        return self.norm(self.blocks.pooled(x, self.config.pooling))

    def intermediates(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> dict[str, Float[Tensor, "batch ..."]]:
        """What each part of the encoder hands on, by name, from the first to the last.

        (batch, tokens, width): "embedded", which enters the first block, then "block 1", "block 2"
        and so on, after each; a class token comes first, if there is one. (batch, width):
        "features". (batch, embed_dim): "projected", which calling the encoder returns.
        """
        tokens = self.blocks.intermediates(self._embed(pixels))
        features = self._read(list(tokens.values())[-1])
        return {**tokens, "features": features, "projected": self.projection(features)}

    def attention_weights(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "depth batch heads tokens tokens"]:
        """The weights of every block and head: rows are queries and sum to 1."""
        weights = self.blocks.attention_weights(self._embed(pixels))
        return weights.reshape(*weights.shape[:2], self.config.heads, *weights.shape[3:])

    def _read(self, tokens: Tensor) -> Tensor:
        if self.config.pooling == "attention":
            return self.attention_pooling(self.norm(tokens))
        return self.norm(pool(tokens, self.config.pooling))

    def _embed(self, pixels: Tensor) -> Tensor:
        check_pixels(pixels, self.config.image_size)
        x = self.patch_embedding(patchify(pixels, self.config.patch_size))
        if self.config.pooling == "first":
            x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x], dim=1)
        return self.input_norm(x + self.positions)
