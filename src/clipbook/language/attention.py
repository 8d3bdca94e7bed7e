"""Attention with fewer heads for keys and values than for queries, and with rotary positions.

Dimensions: batch b, tokens t, heads h, width w, head width d, which need not be w / h.
Source: Shazeer 2019 (one head for keys and values), Ainslie et al. 2023 (groups). Built in:
book/language/decoder.
"""

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from clipbook.language.cache import KVCache
from clipbook.language.rotary import Turns, check_head_dim, turn
from clipbook.validation import whole_number


def check_kv_heads(heads: int, kv_heads: int) -> None:
    """Raises ValueError, with numbers that would do, if the heads can't share evenly."""
    if heads % kv_heads:
        divisors = [str(n) for n in range(1, heads + 1) if heads % n == 0]
        raise ValueError(
            f"heads={heads} is not a multiple of kv_heads={kv_heads}; try "
            f"kv_heads={' or '.join(divisors)}"
        )


class GroupedQueryAttention(nn.Module):
    """Each group of query heads shares one head of keys and values.

    kv_heads=1 is multi-query attention, kv_heads=heads the usual one. No biases. Raises ValueError
    for what is no whole number above 0, for kv_heads that don't divide heads, an odd head_dim.
    """

    def __init__(self, width: int, heads: int, kv_heads: int, head_dim: int) -> None:
        super().__init__()
        width, heads = whole_number("width", width, 64), whole_number("heads", heads, 4)
        kv_heads = whole_number("kv_heads", kv_heads, 1)
        self.head_dim = whole_number("head_dim", head_dim, 16)
        check_kv_heads(heads, kv_heads)
        check_head_dim(head_dim)
        self.query = nn.Linear(width, heads * head_dim, bias=False)
        self.key = nn.Linear(width, kv_heads * head_dim, bias=False)
        self.value = nn.Linear(width, kv_heads * head_dim, bias=False)
        self.output = nn.Linear(heads * head_dim, width, bias=False)

    def forward(
        self,
        x: Float[Tensor, "batch tokens width"],
        by: Turns,
        allowed: Bool[Tensor, "..."] | None = None,
        cache: KVCache | None = None,
        block: int = 0,
    ) -> Float[Tensor, "batch tokens width"]:
        """by: see `clipbook.language.rotary.turns`. allowed: which keys each query may look at,
        those of the cache first; all without it. block: whose part of the cache it is."""
        query, key, value = self._project(x, by)
        if cache is not None:
            key, value = cache.extend(block, key, value)
        key, value = self._shared(key), self._shared(value)
        gathered = scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        return self.output(gathered.transpose(1, 2).flatten(2))  # b h t d -> b t w

    def with_weights(
        self,
        x: Float[Tensor, "batch tokens width"],
        by: Turns,
        allowed: Bool[Tensor, "..."] | None = None,
    ) -> tuple[Float[Tensor, "batch tokens width"], Float[Tensor, "batch heads tokens tokens"]]:
        """The same, step by step, with the attention weights: rows are queries and sum to 1."""
        query, key, value = self._project(x, by)
        scores = query @ self._shared(key).transpose(-1, -2) / self.head_dim**0.5  # b h t s
        if allowed is not None:
            scores = scores.masked_fill(~allowed, float("-inf"))
        weights = scores.softmax(dim=-1)
        gathered = weights @ self._shared(value)
        return self.output(gathered.transpose(1, 2).flatten(2)), weights

    def _project(self, x: Tensor, by: Turns) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, b h t d, the first two turned by their positions."""
        query, key = turn(self._split(self.query(x)), by), turn(self._split(self.key(x)), by)
        return query, key, self._split(self.value(x))

    def _shared(self, x: Tensor) -> Tensor:
        """A head of keys or values for each query head."""
        heads = self.query.out_features // self.head_dim
        return x.repeat_interleave(heads // x.shape[1], dim=1)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)  # b t hd -> b h t d
