"""From a sequence to one vector: the first token, the last real one, or the mean.

Built in: book/text/text-encoder (first, last) and book/image/vit (mean).
"""

from jaxtyping import Bool, Float
from torch import Tensor, arange

from clipbook.transformer.attention import check_mask


def pool(
    x: Float[Tensor, "batch tokens width"],
    how: str,
    mask: Bool[Tensor, "batch tokens"] | None = None,
) -> Float[Tensor, "batch width"]:
    """how: "first" ([CLS], as in BERT), "last" (end of text, as in GPT and CLIP) or "mean".

    mask: true at real tokens, which come first; all are real without it. Raises ValueError for
    another `how`, and for another mask, see `clipbook.transformer.attention.check_mask`.
    """
    if mask is not None:
        check_mask(mask)
    if how == "first":
        return x[:, 0]
    if how == "last":
        if mask is None:
            return x[:, -1]
        last = mask.shape[1] - 1 - mask.flip(1).int().argmax(dim=1)
        return x[arange(len(x), device=x.device), last]
    if how == "mean":
        if mask is None:
            return x.mean(dim=1)
        real = mask[..., None].to(x.dtype)
        return (x * real).sum(dim=1) / real.sum(dim=1)
    raise ValueError(f"how={how!r} is no way to pool; try 'first', 'last' or 'mean'")
