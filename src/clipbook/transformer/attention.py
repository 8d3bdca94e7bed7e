"""Multi-head self-attention.

Dimensions: batch b, tokens t (as queries) and s (as keys), heads h, width w, head width w / h.
Source: Vaswani et al. 2017, §3.2. Built in: book/text/attention.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from clipbook.validation import check_axes, whole_number


def check_heads(width: int, heads: int) -> None:
    """Raises ValueError, with the nearest numbers that would do, if heads don't divide a width."""
    if width % heads:
        divisors = [h for h in range(1, width + 1) if width % h == 0]
        below = max(h for h in divisors if h < heads)
        suggestions = [str(h) for h in (below, *(h for h in divisors if h > heads))][:2]
        raise ValueError(
            f"width={width} is not a multiple of heads={heads}; try "
            f"heads={' or '.join(suggestions)}"
        )


def check_mask(mask: Bool[Tensor, "batch tokens"]) -> None:
    """Raises ValueError unless each row begins with a real token and has no gap between them.

    The rows are those of a batch, (batch, tokens): that is asked anywhere. What they hold is looked
    at on the CPU alone. On a GPU an answer to such a question must be waited for, in each forward
    pass, while no work is handed to it: so whoever moves a batch there checks it before, as
    `clipbook.training.train` and `clipbook.evaluation` do.
    """
    check_axes("mask", mask, "batch tokens")
    if mask.device.type != "cpu":
        return
    if mask.dtype != torch.bool:
        raise ValueError(f"mask holds {mask.dtype}, true or false are needed; try mask.bool()")
    wrong = ~mask[:, :1].any(dim=1) | (mask[:, 1:] & ~mask[:, :-1]).any(dim=1)
    if wrong.any():
        k = int(wrong.int().argmax())
        problem = "has padding between real tokens" if mask[k, :1].any() else "begins with padding"
        raise ValueError(
            f"mask[{k}] {problem}; real tokens come first, and each text has some; "
            "see Tokenizer.batch"
        )


def allowed_keys(
    tokens: int,
    mask: Bool[Tensor, "batch tokens"] | None = None,
    *,
    causal: bool = False,
    device: torch.device | None = None,
) -> Bool[Tensor, "..."] | None:
    """Which key each query may look at, to be broadcast over (batch, heads, query, key).

    mask: true at real tokens, which come first; padding is no key. causal: a token sees itself
    and those before. Without either the result is None: every token may look at every token.
    Raises ValueError for another mask, see `check_mask`, and for one of other tokens.
    """
    if mask is not None:
        check_mask(mask)
        if mask.shape[1] != tokens:
            raise ValueError(
                f"mask is {tuple(mask.shape)} for {tokens} tokens; it says of each whether it is "
                "real"
            )
    allowed = None
    if causal:
        where = device or (mask.device if mask is not None else None)
        allowed = torch.ones(tokens, tokens, dtype=torch.bool, device=where).tril()[None, None]
    if mask is not None:
        real = mask[:, None, None, :]
        allowed = real if allowed is None else allowed & real
    return allowed


class MultiHeadAttention(nn.Module):
    """Every token gathers from all that it may look at what its query asks for, once per head.

    Equal to `torch.nn.MultiheadAttention` with the same weights. Raises ValueError for what is no
    whole number above 0, or if the heads don't divide the width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        width, heads = whole_number("width", width, 64), whole_number("heads", heads, 2)
        check_heads(width, heads)
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self,
        x: Float[Tensor, "batch tokens width"],
        allowed: Bool[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "batch tokens width"]:
        """allowed: see `allowed_keys`; a query must be allowed at least one key."""
        query, key, value = self._split(x)
        gathered = scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        return self._join(gathered)

    def with_weights(
        self,
        x: Float[Tensor, "batch tokens width"],
        allowed: Bool[Tensor, "..."] | None = None,
    ) -> tuple[Float[Tensor, "batch tokens width"], Float[Tensor, "batch heads tokens tokens"]]:
        """The same, step by step, with the attention weights: rows are queries and sum to 1."""
        query, key, value = self._split(x)
        weights = self._weights(query, key, allowed)
        return self._join(weights @ value), weights

    def for_queries(
        self,
        queries: Float[Tensor, "batch queries width"],
        x: Float[Tensor, "batch tokens width"],
        allowed: Bool[Tensor, "..."] | None = None,
    ) -> tuple[Float[Tensor, "batch queries width"], Float[Tensor, "batch heads queries tokens"]]:
        """What other queries than the tokens of x gather from these, and their attention weights.

        The layers are the same: queries pass the first third of `query_key_value`, x the rest.
        """
        b, q, w = queries.shape
        weight, bias = self.query_key_value.weight, self.query_key_value.bias
        split = self.heads, w // self.heads
        query = linear(queries, weight[:w], bias[:w]).view(b, q, *split).transpose(1, 2)  # b h q
        key_value = linear(x, weight[w:], bias[w:]).view(b, -1, 2, *split)
        key, value = key_value.permute(2, 0, 3, 1, 4)  # two of: b h t w/h
        weights = self._weights(query, key, allowed)
        return self._join(weights @ value), weights

    def _weights(self, query: Tensor, key: Tensor, allowed: Tensor | None) -> Tensor:
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5  # b h t s
        if allowed is not None:
            scores = scores.masked_fill(~allowed, float("-inf"))
        return scores.softmax(dim=-1)

    def _split(self, x: Tensor) -> tuple[Tensor, ...]:
        b, t, w = x.shape
        parts = self.query_key_value(x).view(b, t, 3, self.heads, w // self.heads)
        return parts.permute(2, 0, 3, 1, 4).unbind(0)  # three of: b h t w/h

    def _join(self, gathered: Tensor) -> Tensor:
        return self.output(gathered.transpose(1, 2).flatten(2))  # b h t w/h -> b t w
