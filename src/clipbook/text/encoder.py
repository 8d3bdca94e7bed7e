"""The text encoder: token and position embeddings, a stack of blocks, pooling, projection.

Source: Radford et al. 2021, §2.4. Built in: book/text/text-encoder.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from clipbook.text.texts import check_whole
from clipbook.transformer import Block, Stack, allowed_keys, pool
from clipbook.transformer.attention import check_heads, check_mask
from clipbook.transformer.block import ACTIVATIONS, NORM_EPS
from clipbook.validation import (
    above_zero,
    check_axes,
    check_fields,
    one_of,
    true_or_false,
    whole_number,
)

POOLINGS = ("last", "first", "last_place")
POSITIONS = ("learned", "sinusoidal")


@dataclass(frozen=True)
class TextConfig:
    """Sizes and choices of a `TextEncoder`.

    pooling: "last" reads the end token of a causal stack (as CLIP and GPT), "first" the start
    token, which plays [CLS], of a bidirectional one (as BERT). "last_place" is SigLIP's: the last
    place of the context, padding or not, of a bidirectional stack that reads padding like words.
    positions: "learned" as in CLIP, or "sinusoidal" (Vaswani et al. 2017, §3.5).
    projection_bias: SigLIP's projection adds one.
    """

    vocab_size: int = 512
    context_length: int = 32
    width: int = 64
    depth: int = 2
    heads: int = 2
    mlp_width: int = 256
    embed_dim: int = 64
    pooling: str = "last"
    positions: str = "learned"
    activation: str = "gelu"
    norm_eps: float = NORM_EPS
    projection_bias: bool = False

    def __post_init__(self) -> None:
        check_fields(self, whole_number, "vocab_size", "context_length", "width", "heads")
        check_fields(self, whole_number, "mlp_width", "embed_dim")
        check_fields(self, whole_number, "depth", least=0)
        check_fields(self, above_zero, "norm_eps")
        check_fields(self, true_or_false, "projection_bias")
        check_heads(self.width, self.heads)
        one_of("pooling", self.pooling, POOLINGS)
        one_of("positions", self.positions, POSITIONS)
        one_of("activation", self.activation, ACTIVATIONS)
        if self.positions == "sinusoidal":
            sinusoidal_positions(1, self.width)  # which refuses an odd width

    @property
    def causal(self) -> bool:
        return self.pooling == "last"

    @property
    def reads_padding(self) -> bool:
        return self.pooling == "last_place"


def sinusoidal_positions(tokens: int, width: int) -> Float[Tensor, "tokens width"]:
    """Sines and cosines of the position, from fast to slow along the width.

    Raises ValueError for an odd width, and for numbers that are no sizes.
    Source: Vaswani et al. 2017, §3.5.
    """
    tokens, width = whole_number("tokens", tokens, 32, least=0), whole_number("width", width, 64)
    if width % 2:
        raise ValueError(f"width={width} is odd; sines and cosines come in pairs, try {width + 1}")
    position = torch.arange(tokens)[:, None]
    frequency = 10_000 ** (-torch.arange(0, width, 2) / width)
    angles = position * frequency
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def check_texts(token_ids: Tensor, mask: Tensor | None, config: TextConfig) -> None:
    """Raises ValueError for texts that an encoder of this config can't read rightly.

    That is: what are no whole numbers, no texts, one outside a batch, more tokens than the context,
    or fewer where padding is read, ids outside the vocabulary, or a mask that has another shape or
    is not true at the first tokens of each text alone. What lies on a GPU is not looked into, see
    `clipbook.transformer.attention.check_mask`.
    """
    check_axes("token_ids", token_ids, "batch tokens")
    if mask is not None and mask.shape != token_ids.shape:
        raise ValueError(
            f"mask has the shape {tuple(mask.shape)}, token_ids {tuple(token_ids.shape)}; a mask "
            "says of each token whether it is real, see Tokenizer.batch"
        )
    check_whole(token_ids)
    if not token_ids.numel():
        raise ValueError(f"token_ids {tuple(token_ids.shape)} hold no tokens; give at least one")
    if token_ids.shape[1] > config.context_length:
        raise ValueError(
            f"{token_ids.shape[1]} tokens are more than context_length={config.context_length}; "
            "shorten the texts with Tokenizer.batch"
        )
    if config.reads_padding and token_ids.shape[1] < config.context_length:
        raise ValueError(
            f"{token_ids.shape[1]} tokens are fewer than context_length={config.context_length}, "
            "and this encoder reads the last place; pad the texts with Tokenizer.batch"
        )
    if mask is not None:
        check_mask(mask)
    if token_ids.device.type != "cpu":
        return
    low, high = int(token_ids.min()), int(token_ids.max())
    if low < 0 or high >= config.vocab_size:
        raise ValueError(
            f"token ids from {low} to {high} don't fit vocab_size={config.vocab_size}; use the "
            "tokenizer that the model was trained with"
        )


def without_padding(token_ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Without the columns of nothing but padding, which cost time and change nothing.

    What lies on a GPU comes back whole, for counting columns there would make it wait.
    """
    longest = int(mask.sum(dim=1).max()) if mask.device.type == "cpu" else mask.shape[1]
    return token_ids[:, :longest], mask[:, :longest]


class TextEncoder(nn.Module):
    """Token ids → one vector of embed_dim numbers for each text, not yet of unit length."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.width)
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        if config.positions == "learned":
            self.positions = nn.Parameter(0.01 * torch.randn(config.context_length, config.width))
        else:
            waves = sinusoidal_positions(config.context_length, config.width)
            self.register_buffer("positions", waves, persistent=False)
        sizes = config.width, config.heads, config.mlp_width, config.activation, config.norm_eps
        self.blocks = Stack(Block(*sizes) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width, config.norm_eps)
        self.projection = nn.Linear(config.width, config.embed_dim, bias=config.projection_bias)
        nn.init.normal_(self.projection.weight, std=config.width**-0.5)

    def forward(
        self,
        token_ids: Int64[Tensor, "batch context"],
        mask: Bool[Tensor, "batch context"] | None = None,
    ) -> Float[Tensor, "batch embed_dim"]:
        return self.projection(self.features(token_ids, mask))

    def features(
        self,
        token_ids: Int64[Tensor, "batch context"],
        mask: Bool[Tensor, "batch context"] | None = None,
    ) -> Float[Tensor, "batch width"]:
        """What the encoder has gathered about each text, before the projection.

        mask: true at real tokens, which come first; without it, all are real.
        Raises ValueError for more tokens than the context, and, on the CPU, for ids outside the
        vocabulary or a mask in which real tokens don't come first, see `check_texts`.
        """
        check_texts(token_ids, mask, self.config)
        if mask is not None and not self.config.reads_padding:
            token_ids, mask = without_padding(token_ids, mask)
        x, allowed = self._embed(token_ids, mask)
        return self.norm(self.blocks.pooled(x, *self._pooling(mask), allowed))

    def intermediates(
        self,
        token_ids: Int64[Tensor, "batch context"],
        mask: Bool[Tensor, "batch context"] | None = None,
    ) -> dict[str, Float[Tensor, "batch ..."]]:
        """What each part of the encoder hands on, by name, from the first to the last.

        (batch, context, width): "embedded", which enters the first block, then "block 1", "block 2"
        and so on, after each; padding is among them. (batch, width): "features". (batch,
        embed_dim): "projected", which calling the encoder returns. Raises as `features`.
        """
        check_texts(token_ids, mask, self.config)
        tokens = self.blocks.intermediates(*self._embed(token_ids, mask))
        features = self.norm(pool(list(tokens.values())[-1], *self._pooling(mask)))
        return {**tokens, "features": features, "projected": self.projection(features)}

    def attention_weights(
        self,
        token_ids: Int64[Tensor, "batch context"],
        mask: Bool[Tensor, "batch context"] | None = None,
    ) -> Float[Tensor, "depth batch heads context context"]:
        """The weights of every block and head: rows are queries and sum to 1."""
        check_texts(token_ids, mask, self.config)
        weights = self.blocks.attention_weights(*self._embed(token_ids, mask))
        return weights.reshape(*weights.shape[:2], self.config.heads, *weights.shape[3:])

    def _embed(self, token_ids: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """What enters the first block, and which keys each query may look at there."""
        tokens = token_ids.shape[1]
        x = self.token_embedding(token_ids) + self.positions[:tokens]
        if self.config.causal:  # padding comes last, so no real token can see it anyway
            return x, allowed_keys(tokens, causal=True, device=x.device)
        return x, allowed_keys(tokens, None if self.config.reads_padding else mask)

    def _pooling(self, mask: Tensor | None) -> tuple[str, Tensor | None]:
        return ("last", None) if self.config.reads_padding else (self.config.pooling, mask)
