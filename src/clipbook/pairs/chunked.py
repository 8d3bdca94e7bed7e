"""The contrastive losses of batches whose grid doesn't fit into memory: a part of it at a time.

No more than N × chunk logits are ever there: those of all images with some texts, since the
products are faster for a tall part of the grid than for as many of its rows. They are computed
again in the backward pass, from the embeddings, as in gradient checkpointing (Chen et al. 2016);
the sums that make a softmax of them are kept, one number a row and one a column. The sigmoid needs
no sums, so its gradient is had at once.

Built in: book/scale/large-batches.
"""

from numbers import Real
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipbook.validation import check_axes, check_fractions, excerpt, whole_number

CHUNK = 256
"""Texts at a time: more are no faster."""


def chunked_info_nce(
    image_embeddings: Float[Tensor, "images dim"],
    text_embeddings: Float[Tensor, "texts dim"],
    scale: Float[Tensor, ""] | int | float,
    chunk: int = CHUNK,
) -> Float[Tensor, ""]:
    """`clipbook.pairs.info_nce` of the scaled similarities, and its gradients, to rounding.

    Rows have unit length; image i belongs to text i. scale: a tensor, or a plain number. chunk:
    texts, columns of the grid, at a time.
    Gradients can be had once, not differentiated again. Raises ValueError where there are not as
    many images as texts, or none, for rows of other widths or types, for a scale that is more than
    one number, and for a chunk below 1.
    Source: Radford et al. 2021, figure 3.
    """
    chunk = _checked(image_embeddings, text_embeddings, chunk)
    scale = _as_tensor("scale", scale, image_embeddings)
    loss: Tensor = _InfoNCE.apply(image_embeddings, text_embeddings, scale, chunk)
    return loss


def chunked_sigmoid_loss(
    image_embeddings: Float[Tensor, "images dim"],
    text_embeddings: Float[Tensor, "texts dim"],
    scale: Float[Tensor, ""] | int | float,
    bias: Float[Tensor, ""] | int | float,
    chunk: int = CHUNK,
) -> Float[Tensor, ""]:
    """The same for `clipbook.pairs.sigmoid_loss` of the scaled similarities plus the bias.

    Source: Zhai et al. 2023, §3.3.
    """
    chunk = _checked(image_embeddings, text_embeddings, chunk)
    scale = _as_tensor("scale", scale, image_embeddings)
    bias = _as_tensor("bias", bias, image_embeddings)
    loss: Tensor = _Sigmoid.apply(image_embeddings, text_embeddings, scale, bias, chunk)
    return loss


class _InfoNCE(Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, texts: Tensor, scale: Tensor, chunk: int) -> Tensor:
        pairs, grid = len(images), images.new_empty(len(images), min(chunk, len(texts)))
        powers, columns = torch.empty_like(grid), images.new_empty(pairs)
        largest, sums = images.new_full((pairs,), -torch.inf), images.new_zeros(pairs)
        for j in range(0, pairs, chunk):
            part = texts[j : j + chunk]
            logits = torch.mm(images, (scale * part).T, out=grid[:, : len(part)])
            power = powers[:, : len(part)]
            peak = logits.amax(dim=0)
            torch.sub(logits, peak, out=power).exp_()
            columns[j : j + chunk] = peak + power.sum(dim=0).log()
            # log-sum-exp along a row, of which the columns come in turns
            higher = torch.maximum(largest, logits.amax(dim=1))
            sums *= (largest - higher).exp()
            sums += logits.sub_(higher[:, None]).exp_().sum(dim=1)
            largest = higher
        rows = largest + sums.log()
        ctx.save_for_backward(images, texts, scale, rows, columns)
        ctx.chunk = chunk
        return (rows + columns).mean() / 2 - scale * (images * texts).sum() / pairs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        images, texts, scale, rows, columns = ctx.saved_tensors
        pairs, chunk = len(images), ctx.chunk
        grid = images.new_empty(pairs, min(chunk, pairs))
        powers, of_images, of_texts = (torch.empty_like(k) for k in (grid, images, texts))
        of_images.zero_()
        for j in range(0, pairs, chunk):
            part = texts[j : j + chunk]
            logits = torch.mm(images, (scale * part).T, out=grid[:, : len(part)])
            power = powers[:, : len(part)]
            torch.sub(logits, rows[:, None], out=power).exp_()
            power += logits.sub_(columns[j : j + chunk]).exp_()  # softmax along rows and columns
            power.diagonal(-j).sub_(2)
            torch.mm(power.T, images, out=of_texts[j : j + chunk])
            of_images.addmm_(power, part)
        factor = upstream / (2 * pairs)
        of_scale = factor * (of_images * images).sum()
        return of_images.mul_(factor * scale), of_texts.mul_(factor * scale), of_scale, None


class _Sigmoid(Function):
    @staticmethod
    def forward(
        ctx: Any, images: Tensor, texts: Tensor, scale: Tensor, bias: Tensor, chunk: int
    ) -> Tensor:
        pairs, grid = len(images), images.new_empty(len(images), min(chunk, len(texts)))
        of_images, of_texts = torch.zeros_like(images), torch.empty_like(texts)
        wide = torch.promote_types(images.dtype, torch.float32)  # sums of N² cells
        loss, of_bias = (images.new_zeros((), dtype=wide) for _ in range(2))
        for j in range(0, pairs, chunk):
            part = texts[j : j + chunk]
            logits = torch.mm(images, (scale * part).T, out=grid[:, : len(part)]).add_(bias)
            own = logits.diagonal(-j)
            loss -= own.sum(dtype=wide)  # softplus(-x) = softplus(x) - x
            loss += torch.nn.functional.softplus(logits, threshold=30).sum(dtype=wide)
            belief = logits.sigmoid_()
            own.sub_(1)
            of_bias += belief.sum(dtype=wide)
            torch.mm(belief.T, images, out=of_texts[j : j + chunk])
            of_images.addmm_(belief, part)
        of_scale = (of_images * images).sum(dtype=wide)
        of_images, of_texts = of_images.mul_(scale), of_texts.mul_(scale)
        ctx.save_for_backward(of_images, of_texts, of_scale, of_bias)
        return (loss / pairs).to(images.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradients = ctx.saved_tensors
        factor = upstream / len(gradients[0])
        return *(factor * gradient for gradient in gradients), None


def _as_tensor(name: str, number: Tensor | int | float, rows: Tensor) -> Tensor:
    """A plain number with all digits that the rows have, in float32 at least; a tensor as it is.

    Raises ValueError for what is no number, and for several.
    """
    if isinstance(number, Tensor) and not number.ndim:
        return number
    if isinstance(number, bool) or not isinstance(number, Real):
        what = f"of shape {tuple(number.shape)}" if isinstance(number, Tensor) else "no number"
        raise ValueError(f"{name}={excerpt(number)} is {what}, and one number is needed; try 10.0")
    return torch.as_tensor(number, dtype=torch.promote_types(rows.dtype, torch.float32))


def _checked(images: Tensor, texts: Tensor, chunk: int) -> int:
    for name, rows in (("image_embeddings", images), ("text_embeddings", texts)):
        check_axes(name, rows, "rows dim")
        check_fractions(name, rows)
    if len(images) != len(texts) or not len(images):
        raise ValueError(
            f"{len(images)} images and {len(texts)} texts; image i belongs to text i, so as many "
            "of both are needed, and at least one"
        )
    if images.shape[1:] != texts.shape[1:]:
        raise ValueError(
            f"images of shape {tuple(images.shape)} and texts {tuple(texts.shape)}; both need rows "
            "of one width"
        )
    if images.dtype != texts.dtype:
        raise ValueError(
            f"images hold {images.dtype}, texts {texts.dtype}; both need numbers of one type: try "
            "texts.to(images)"
        )
    return whole_number("chunk", chunk, CHUNK)
