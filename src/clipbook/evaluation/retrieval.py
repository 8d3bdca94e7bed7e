"""Retrieval: find the caption of a picture among many, and the picture of a caption.

Built in: book/pairs/zero-shot.
"""

from jaxtyping import Float
from torch import Tensor

from clipbook.validation import check_axes, whole_number


def recall_at_k(similarities: Float[Tensor, "images texts"], k: int = 1) -> tuple[float, float]:
    """Share of pictures whose own caption is among the k most similar, then the same for captions.

    Image i belongs to text i. Equal similarities are counted against the model: a constant
    matrix finds nothing. Raises ValueError for a matrix that isn't square or k outside 1 to N.
    """
    check_axes("similarities", similarities, "images texts")
    images, texts = similarities.shape
    if images != texts or not images:
        raise ValueError(
            f"similarities are {images}×{texts}; image i belongs to text i, so the matrix must be "
            "square, of one pair at least"
        )
    k = whole_number("k", k, 1, most=images)
    matching = similarities.diagonal()
    # "not below" rather than "at least", so that NaN counts against the model too
    to_text = ((~(similarities < matching[:, None])).sum(dim=1) <= k).float().mean()
    to_image = ((~(similarities < matching[None])).sum(dim=0) <= k).float().mean()
    return to_text.item(), to_image.item()
