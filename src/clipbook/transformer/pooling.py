"""From a sequence to one vector: the first token, the last real one, the mean, or what a learned
query asks for.

Built in: book/text/text-encoder (first, last), book/image/vit (mean) and book/real/pretrained
(attention pooling).
"""

from jaxtyping import Bool, Float, Int64
from torch import Tensor, arange, full, int64, nn, randn, zeros

from clipbook.transformer.attention import MultiHeadAttention, check_mask
from clipbook.transformer.block import NORM_EPS, feed_forward
from clipbook.validation import above_zero, check_axes


def pool(
    x: Float[Tensor, "batch tokens width"],
    how: str,
    mask: Bool[Tensor, "batch tokens"] | None = None,
) -> Float[Tensor, "batch width"]:
    """how: "first" ([CLS], as in BERT), "last" (end of text, as in GPT and CLIP) or "mean".

    mask: true at real tokens, which come first; all are real without it. Raises ValueError for
    another `how`, for no tokens, for those outside a batch, for a mask of other tokens than those
    of x, and for one that isn't true first, see `clipbook.transformer.attention.check_mask`.
    """
    if how != "mean":
        return x[arange(len(x), device=x.device), pooled_places(x, how, mask)]
    _check_tokens(x, mask)
    if mask is None:
        return x.mean(dim=1)
    real = mask[..., None].to(x.dtype)
    return (x * real).sum(dim=1) / real.sum(dim=1)


def pooled_places(
    x: Float[Tensor, "batch tokens width"],
    how: str,
    mask: Bool[Tensor, "batch tokens"] | None = None,
) -> Int64[Tensor, " batch"]:
    """Which token of each row `pool` takes, "first" or "last". Raises ValueError as `pool`."""
    _check_tokens(x, mask)
    if how == "first":
        return zeros(len(x), dtype=int64, device=x.device)
    if how != "last":
        raise ValueError(f"how={how!r} is no way to pool; try 'first', 'last' or 'mean'")
    if mask is None:
        return full((len(x),), x.shape[1] - 1, device=x.device)
    return mask.shape[1] - 1 - mask.flip(1).int().argmax(dim=1)


def _check_tokens(x: Tensor, mask: Tensor | None) -> None:
    check_axes("x", x, "batch tokens width")
    if not x.shape[1]:
        raise ValueError(f"x of shape {tuple(x.shape)} holds no tokens to pool; give at least one")
    if mask is not None:
        check_mask(mask)
        if mask.shape != x.shape[:2]:
            raise ValueError(
                f"mask has the shape {tuple(mask.shape)}, x {tuple(x.shape)}; a mask says of each "
                "token whether it is real, see Tokenizer.batch"
            )


class AttentionPooling(nn.Module):
    """A learned query gathers from all tokens, and a feed-forward network works on the answer.

    The weights of the average are not the same for all tokens, as in the mean: each head of the
    query chooses them anew for every picture. Raises ValueError as `Block`.
    Source: Lee et al. 2019, §3.2 (with one seed); Zhai et al. 2022, §3.2, for pictures.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        mlp_width: int,
        activation: str = "gelu",
        norm_eps: float = NORM_EPS,
    ) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)
        self.query = nn.Parameter(randn(width) * width**-0.5)
        self.mlp_norm = nn.LayerNorm(width, above_zero("norm_eps", norm_eps, NORM_EPS))
        self.mlp = feed_forward(width, mlp_width, activation)

    def forward(self, x: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch width"]:
        return self.with_weights(x)[0]

    def with_weights(
        self, x: Float[Tensor, "batch tokens width"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch heads tokens"]]:
        """The same, with the shares that each head takes of the tokens, which sum to 1."""
        gathered, weights = self.attention.for_queries(self.query.expand(len(x), 1, -1), x)
        answer = gathered[:, 0]
        return answer + self.mlp(self.mlp_norm(answer)), weights[:, :, 0]
