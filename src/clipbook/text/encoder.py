"""The text encoder: token and position embeddings, a stack of blocks, pooling, projection.

Source: Radford et al. 2021, §2.4. Built in: book/text/text-encoder.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from clipbook.transformer import Block, allowed_keys, pool, run_blocks
from clipbook.transformer.block import ACTIVATIONS

POOLINGS = ("last", "first")
POSITIONS = ("learned", "sinusoidal")


@dataclass(frozen=True)
class TextConfig:
    """Sizes and choices of a `TextEncoder`.

    pooling: "last" reads the end token of a causal stack (as CLIP and GPT), "first" the start
    token, which plays [CLS], of a bidirectional one (as BERT).
    positions: "learned" as in CLIP, or "sinusoidal" (Vaswani et al. 2017, §3.5).
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

    def __post_init__(self) -> None:
        for name, known in (("pooling", POOLINGS), ("positions", POSITIONS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name}={getattr(self, name)!r}; try {' or '.join(known)}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation={self.activation!r}; try {' or '.join(ACTIVATIONS)}")
        if self.heads < 1 or self.width % self.heads:
            raise ValueError(
                f"width={self.width} is not a multiple of heads={self.heads}; try heads=1 or 2"
            )

    @property
    def causal(self) -> bool:
        return self.pooling == "last"


def sinusoidal_positions(tokens: int, width: int) -> Float[Tensor, "tokens width"]:
    """Sines and cosines of the position, from fast to slow along the width (even)."""
    if width % 2:
        raise ValueError(f"width={width} is odd; sines and cosines come in pairs, try {width + 1}")
    position = torch.arange(tokens)[:, None]
    frequency = 10_000 ** (-torch.arange(0, width, 2) / width)
    angles = position * frequency
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


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
            fixed = sinusoidal_positions(config.context_length, config.width)
            self.register_buffer("positions", fixed, persistent=False)
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.mlp_width, config.activation)
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        self.projection = nn.Linear(config.width, config.embed_dim, bias=False)
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
        Raises ValueError for more tokens than the context, ids outside the vocabulary, or a mask
        that begins with padding.
        """
        self._check(token_ids, mask)
        if mask is not None:  # columns of nothing but padding cost time and change nothing
            used = int(mask.any(dim=0).sum())
            token_ids, mask = token_ids[:, :used], mask[:, :used]
        tokens = token_ids.shape[1]
        x = self.token_embedding(token_ids) + self.positions[:tokens]
        x = run_blocks(self.blocks, x, self._allowed(tokens, mask, x.device))
        return self.norm(pool(x, self.config.pooling, mask))

    def attention_weights(
        self,
        token_ids: Int64[Tensor, "batch context"],
        mask: Bool[Tensor, "batch context"] | None = None,
    ) -> Float[Tensor, "depth batch heads context context"]:
        """The weights of every layer and head: rows are queries and sum to 1."""
        self._check(token_ids, mask)
        tokens = token_ids.shape[1]
        x = self.token_embedding(token_ids) + self.positions[:tokens]
        allowed, found = self._allowed(tokens, mask, x.device), []
        for block in self.blocks:
            assert isinstance(block, Block)
            x, weights = block.with_weights(x, allowed)
            found.append(weights)
        return torch.stack(found)

    def _allowed(self, tokens: int, mask: Tensor | None, device: torch.device) -> Tensor | None:
        if self.config.causal:  # padding comes last, so no real token can see it anyway
            return allowed_keys(tokens, causal=True, device=device)
        return allowed_keys(tokens, mask)

    def _check(self, token_ids: Tensor, mask: Tensor | None) -> None:
        if mask is not None and not mask[:, 0].all():
            raise ValueError(
                f"mask[{int(mask[:, 0].int().argmin())}] begins with padding; real tokens come "
                "first, and each text has some; see Tokenizer.batch"
            )
        if token_ids.shape[1] > self.config.context_length:
            raise ValueError(
                f"{token_ids.shape[1]} tokens are more than context_length="
                f"{self.config.context_length}; shorten the texts with Tokenizer.batch"
            )
        low, high = int(token_ids.min()), int(token_ids.max())
        if low < 0 or high >= self.config.vocab_size:
            raise ValueError(
                f"token ids from {low} to {high} don't fit vocab_size={self.config.vocab_size}; "
                "use the tokenizer that the model was trained with"
            )
