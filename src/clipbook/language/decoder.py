"""The decoder: a stack of causal blocks that says of each token what may come next, as Gemma does.

Not in it: dropout, learned positions, a soft cap on logits (Gemma 2), sliding windows (Gemma 3).
Source: Gemma Team 2024, §2. Built in: book/language/decoder.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from clipbook.language.attention import GroupedQueryAttention, check_kv_heads
from clipbook.language.cache import KVCache
from clipbook.language.layers import GeGLU, RMSNorm
from clipbook.language.rotary import Turns, check_head_dim, turns
from clipbook.text.texts import check_whole
from clipbook.validation import above_zero, check_axes, check_fields, whole_number


@dataclass(frozen=True)
class DecoderConfig:
    """Sizes of a `Decoder`.

    kv_heads: heads for keys and values, which divide heads; 1 as in Gemma 2B. head_dim: numbers of
    a head, which need not be width / heads. rope_base: see `rotary`. norm_eps: of each `RMSNorm`.
    There is no context length: rotary positions have no table that could end.
    """

    vocab_size: int = 512
    width: int = 64
    depth: int = 2
    heads: int = 4
    kv_heads: int = 1
    head_dim: int = 16
    mlp_width: int = 128
    rope_base: float = 10_000.0
    norm_eps: float = 1e-6

    def __post_init__(self) -> None:
        check_fields(self, whole_number, "vocab_size", "width", "heads", "kv_heads", "head_dim")
        check_fields(self, whole_number, "mlp_width")
        check_fields(self, whole_number, "depth", least=0)
        check_fields(self, above_zero, "rope_base", "norm_eps")
        check_kv_heads(self.heads, self.kv_heads)
        check_head_dim(self.head_dim)


def check_token_ids(token_ids: Int64[Tensor, "batch tokens"], vocab_size: int) -> None:
    """Raises ValueError for no tokens or no whole numbers, a text outside a batch and, on the CPU,
    for ids outside the vocabulary."""
    check_axes("token_ids", token_ids, "batch tokens")
    check_whole(token_ids)
    if not token_ids.numel():
        raise ValueError(f"token_ids {tuple(token_ids.shape)} hold no tokens; give at least one")
    if token_ids.device.type != "cpu":
        return
    low, high = int(token_ids.min()), int(token_ids.max())
    if low < 0 or high >= vocab_size:
        raise ValueError(
            f"token ids from {low} to {high} don't fit vocab_size={vocab_size}; use the "
            "tokenizer that the model was trained with"
        )


class DecoderBlock(nn.Module):
    """Attention, then GeGLU, each on a normed input and added to what was there: pre-norm."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.width, config.norm_eps)
        self.attention = GroupedQueryAttention(
            config.width, config.heads, config.kv_heads, config.head_dim
        )
        self.mlp_norm = RMSNorm(config.width, config.norm_eps)
        self.mlp: nn.Module = GeGLU(config.width, config.mlp_width)

    def forward(
        self,
        x: Float[Tensor, "batch tokens width"],
        by: Turns,
        allowed: Bool[Tensor, "..."] | None = None,
        cache: KVCache | None = None,
        block: int = 0,
    ) -> Float[Tensor, "batch tokens width"]:
        """The arguments of `GroupedQueryAttention`."""
        x = x + self.attention(self.attention_norm(x), by, allowed, cache, block)
        return x + self.mlp(self.mlp_norm(x))

    def with_weights(
        self,
        x: Float[Tensor, "batch tokens width"],
        by: Turns,
        allowed: Bool[Tensor, "..."] | None = None,
    ) -> tuple[Float[Tensor, "batch tokens width"], Float[Tensor, "batch heads tokens tokens"]]:
        """The same, with the attention weights."""
        gathered, weights = self.attention.with_weights(self.attention_norm(x), by, allowed)
        x = x + gathered
        return x + self.mlp(self.mlp_norm(x)), weights


class Decoder(nn.Module):
    """Token ids → logits of the next token, at every place.

    Equal to `transformers.GemmaForCausalLM` with the same weights, see
    `clipbook.pretrained.decoder_from_transformers`. The table of token embeddings is used twice:
    its rows, times √width, are what enters, and their dot products with the last features are the
    logits.
    """

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.width)
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        self.blocks = nn.ModuleList(DecoderBlock(config) for _ in range(config.depth))
        self.norm = RMSNorm(config.width, config.norm_eps)

    def forward(
        self, token_ids: Int64[Tensor, "batch tokens"], cache: KVCache | None = None
    ) -> Float[Tensor, "batch tokens vocab_size"]:
        """Row i scores what comes after token i, which sees itself and what is before it.

        Padding behind a text needs no mask: no real token can see it. With a cache, token_ids are
        those that come after what it has read. Raises ValueError as `embed`.
        """
        return self.logits(self.features(self.embed(token_ids), cache=cache))

    def embed(
        self, token_ids: Int64[Tensor, "batch tokens"]
    ) -> Float[Tensor, "batch tokens width"]:
        """Rows of the table, times √width.

        Raises ValueError for no tokens, for a text outside a batch, which is token_ids[None], and,
        on the CPU, for ids outside the vocabulary.
        """
        check_token_ids(token_ids, self.config.vocab_size)
        return self.token_embedding(token_ids) * self.config.width**0.5

    def features(
        self,
        embeddings: Float[Tensor, "batch tokens width"],
        *,
        allowed: Bool[Tensor, "..."] | None = None,
        positions: Int64[Tensor, "... tokens"] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "batch tokens width"]:
        """What the stack makes of vectors, which `embed` gives of tokens; others may stand there.

        allowed: which keys each query may look at, true where it may, to be broadcast over (batch,
        heads, query, key), keys of the cache first; causal without it. positions: (tokens) or
        (batch, tokens); without it they go on from what the cache has read, or from 0.
        """
        tokens, device = embeddings.shape[1], embeddings.device
        before = 0 if cache is None else cache.tokens
        if positions is None:
            positions = torch.arange(before, before + tokens, device=device)
        if allowed is None and tokens > 1:  # a single token may see all: none comes after it
            ones = torch.ones(tokens, before + tokens, dtype=torch.bool, device=device)
            allowed = ones.tril(before)
        by = turns(positions, self.config.head_dim, self.config.rope_base)
        x = embeddings
        for k, block in enumerate(self.blocks):
            x = block(x, by, allowed, cache, k)
        return self.norm(x)

    def attention_weights(
        self,
        embeddings: Float[Tensor, "batch tokens width"],
        *,
        allowed: Bool[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "depth batch heads tokens tokens"]:
        """The weights of every block and head: rows are queries and sum to 1. allowed: as in
        `features`, causal without it."""
        tokens, device = embeddings.shape[1], embeddings.device
        if allowed is None:
            allowed = torch.ones(tokens, tokens, dtype=torch.bool, device=device).tril()
        positions = torch.arange(tokens, device=device)
        by = turns(positions, self.config.head_dim, self.config.rope_base)
        x, weights = embeddings, list[Tensor]()
        for block in self.blocks:
            assert isinstance(block, DecoderBlock)
            x, block_weights = block.with_weights(x, by, allowed)
            weights.append(block_weights)
        if not weights:  # a decoder without blocks
            return embeddings.new_zeros(0, len(embeddings), self.config.heads, tokens, tokens)
        return torch.stack(weights)

    def logits(self, features: Float[Tensor, "... width"]) -> Float[Tensor, "... vocab_size"]:
        """Dot products of features with every row of the table, which isn't scaled here."""
        return features @ self.token_embedding.weight.T
