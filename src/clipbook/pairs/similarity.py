"""The similarity matrix: rows are images, columns are texts."""

from jaxtyping import Float
from torch import Tensor

from clipbook.validation import check_axes, check_fractions

TOLERANCE = 1e-2
"""How far from 1 a row's length may be: room for half precision, not for a forgotten norm."""


def similarity(
    image_embeddings: Float[Tensor, "images dim"],
    text_embeddings: Float[Tensor, "texts dim"],
) -> Float[Tensor, "images texts"]:
    """Cosine of every image with every text, in [-1, 1].

    Raises ValueError for rows that are not of unit length, rows of different widths or types, whole
    numbers, and for a row alone, which is row[None].
    Source: Radford et al. 2021, §2.3.
    """
    for name, rows in (("image", image_embeddings), ("text", text_embeddings)):
        check_axes(f"{name}_embeddings", rows, "rows dim")
        check_fractions(f"{name}_embeddings", rows)
        lengths = rows.detach().float().norm(dim=-1)
        if not len(rows):
            continue
        worst = int((lengths - 1).abs().argmax())
        if not abs(lengths[worst] - 1) <= TOLERANCE:  # so that NaN is caught as well
            raise ValueError(
                f"{name}_embeddings[{worst}] has length {lengths[worst]:.3g}, a cosine needs 1; "
                "try torch.nn.functional.normalize(embeddings, dim=-1)"
            )
    widths = image_embeddings.shape[1], text_embeddings.shape[1]
    if widths[0] != widths[1]:
        raise ValueError(
            f"rows of {widths[0]} numbers in image_embeddings and of {widths[1]} in "
            "text_embeddings; give both of one model, whose towers end in the same space"
        )
    kinds = image_embeddings.dtype, text_embeddings.dtype
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"image_embeddings hold {kinds[0]}, text_embeddings {kinds[1]}; try "
            "text_embeddings.to(image_embeddings)"
        )
    return image_embeddings @ text_embeddings.T
