"""The contrastive losses of batches whose grid doesn't fit into memory: some rows at a time.

No more than chunk × N logits are ever there. They are computed again in the backward pass, from
the embeddings, as in gradient checkpointing (Chen et al. 2016); the sums that make a softmax of
them are kept, one number a row and one a column. The sigmoid needs no sums, so its gradient is had
at once.

Built in: book/scale/large-batches.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipbook.validation import whole_number

CHUNK = 256
"""Rows at a time: more are no faster."""


def chunked_info_nce(
    image_embeddings: Float[Tensor, "images dim"],
    text_embeddings: Float[Tensor, "texts dim"],
    scale: Float[Tensor, ""],
    chunk: int = CHUNK,
) -> Float[Tensor, ""]:
    """`clipbook.pairs.info_nce` of the scaled similarities, and its gradients, to rounding.

    Rows have unit length; image i belongs to text i. chunk: rows of the grid at a time. Gradients
    can be had once, not differentiated again. Raises ValueError where there are not as many images
    as texts, or none, and for a chunk below 1.
    Source: Radford et al. 2021, figure 3.
    """
    chunk = _checked(image_embeddings, text_embeddings, chunk)
    loss: Tensor = _InfoNCE.apply(image_embeddings, text_embeddings, scale, chunk)
    return loss


def chunked_sigmoid_loss(
    image_embeddings: Float[Tensor, "images dim"],
    text_embeddings: Float[Tensor, "texts dim"],
    scale: Float[Tensor, ""],
    bias: Float[Tensor, ""],
    chunk: int = CHUNK,
) -> Float[Tensor, ""]:
    """The same for `clipbook.pairs.sigmoid_loss` of the scaled similarities plus the bias.

    Source: Zhai et al. 2023, §3.3.
    """
    chunk = _checked(image_embeddings, text_embeddings, chunk)
    loss: Tensor = _Sigmoid.apply(image_embeddings, text_embeddings, scale, bias, chunk)
    return loss


class _InfoNCE(Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, texts: Tensor, scale: Tensor, chunk: int) -> Tensor:
        pairs, grid = len(images), images.new_empty(min(chunk, len(images)), len(texts))
        powers, rows = torch.empty_like(grid), images.new_empty(pairs)
        largest, sums = images.new_full((pairs,), -torch.inf), images.new_zeros(pairs)
        for i in range(0, pairs, chunk):
            part = images[i : i + chunk]
            logits = torch.mm(scale * part, texts.T, out=grid[: len(part)])
            power = powers[: len(part)]
            peak = logits.amax(dim=1)
            torch.sub(logits, peak[:, None], out=power).exp_()
            rows[i : i + chunk] = peak + power.sum(dim=1).log()
            # log-sum-exp over a column, of which the rows come in turns
            higher = torch.maximum(largest, logits.amax(dim=0))
            torch.sub(logits, higher, out=power).exp_()
            sums = sums * (largest - higher).exp() + power.sum(dim=0)
            largest = higher
        columns = largest + sums.log()
        ctx.save_for_backward(images, texts, scale, rows, columns)
        ctx.chunk = chunk
        return (rows + columns).mean() / 2 - scale * (images * texts).sum() / pairs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        images, texts, scale, rows, columns = ctx.saved_tensors
        pairs, chunk = len(images), ctx.chunk
        grid = images.new_empty(min(chunk, pairs), pairs)
        powers, of_images, of_texts = (torch.empty_like(k) for k in (grid, images, texts))
        of_texts.zero_()
        for i in range(0, pairs, chunk):
            part = images[i : i + chunk]
            logits = torch.mm(scale * part, texts.T, out=grid[: len(part)])
            power = powers[: len(part)]
            torch.sub(logits, rows[i : i + chunk, None], out=power).exp_()
            power += logits.sub_(columns).exp_()  # softmax along rows, and along columns
            power.diagonal(i).sub_(2)
            torch.mm(power, texts, out=of_images[i : i + chunk])
            of_texts.addmm_(power.T, part)
        factor = upstream / (2 * pairs)
        of_scale = factor * (of_images * images).sum()
        return of_images.mul_(factor * scale), of_texts.mul_(factor * scale), of_scale, None


class _Sigmoid(Function):
    @staticmethod
    def forward(
        ctx: Any, images: Tensor, texts: Tensor, scale: Tensor, bias: Tensor, chunk: int
    ) -> Tensor:
        pairs, grid = len(images), images.new_empty(min(chunk, len(images)), len(texts))
        of_images, of_texts = torch.empty_like(images), torch.zeros_like(texts)
        loss, of_bias = images.new_zeros(()), images.new_zeros(())
        for i in range(0, pairs, chunk):
            part = images[i : i + chunk]
            logits = torch.mm(scale * part, texts.T, out=grid[: len(part)]).add_(bias)
            own = logits.diagonal(i)
            loss -= own.sum()  # softplus(-x) = softplus(x) - x
            loss += torch.nn.functional.softplus(logits, threshold=30).sum()
            belief = logits.sigmoid_()
            own.sub_(1)
            of_bias += belief.sum()
            torch.mm(belief, texts, out=of_images[i : i + chunk])
            of_texts.addmm_(belief.T, part)
        of_scale = (of_images * images).sum()
        of_images, of_texts = of_images.mul_(scale), of_texts.mul_(scale)
        ctx.save_for_backward(of_images, of_texts, of_scale, of_bias)
        return loss / pairs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradients = ctx.saved_tensors
        factor = upstream / len(gradients[0])
        return *(factor * gradient for gradient in gradients), None


def _checked(images: Tensor, texts: Tensor, chunk: int) -> int:
    if len(images) != len(texts) or not len(images):
        raise ValueError(
            f"{len(images)} images and {len(texts)} texts; image i belongs to text i, so as many "
            "of both are needed, and at least one"
        )
    return whole_number("chunk", chunk, CHUNK)
