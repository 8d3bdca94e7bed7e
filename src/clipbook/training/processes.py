"""One training run by several processes, each with its share of every batch.

They are started by torchrun and speak through torch.distributed. Each encodes its own pairs; the
embeddings are gathered, with gradients, so that each picture meets the captions of all. The mean of
the processes' losses is the loss of the whole batch, and the mean of their gradients its gradient.

Source: Radford et al. 2021, §2.5 (sharding the similarities); Zhai et al. 2023, §3.3 (the ring).
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.functional import cross_entropy, logsigmoid

from clipbook.pairs import CLIP
from clipbook.training.caching import NORMS


def count() -> int:
    """How many processes make this run; 1 where nothing has been set up."""
    return distributed.get_world_size() if _together() else 1


def number() -> int:
    """Which of them this is, from 0; the first one writes files and speaks."""
    return distributed.get_rank() if _together() else 0


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()


@contextmanager
def together() -> Iterator[None]:
    """Within it the processes that torchrun has started know of each other; without torchrun
    nothing happens. On GPUs each takes the one of its own number."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or _together():
        yield
        return
    on_gpus = torch.cuda.is_available()
    if on_gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if on_gpus else "gloo")
    try:
        yield
        wait_for_all()  # who leaves early would end what others are still told
    finally:
        distributed.destroy_process_group()


def wait_for_all() -> None:
    """Until every process has come so far."""
    if _together():
        distributed.barrier()


def share(batch: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """This process's rows of a batch, which all processes have made alike.

    Raises ValueError for a batch that can't be shared out evenly, and for labels of several true
    captions, which no loss over processes takes.
    """
    if count() == 1:
        return tuple(batch)
    pairs = len(batch[0])
    if len(batch) > 3:
        raise ValueError(
            f"the batch says which texts are true of which picture, and {count()} processes can't "
            "share that; train in one process, or leave that part out"
        )
    if pairs % count():
        raise ValueError(
            f"a batch of {pairs} pairs can't be shared by {count()} processes; make its size a "
            f"multiple of {count()}"
        )
    each = pairs // count()
    return tuple(part[number() * each : (number() + 1) * each] for part in batch)


def mean_of_all(values: Tensor) -> Tensor:
    """The mean over the processes, the same in each; without gradients."""
    if count() > 1:
        values = values.detach().clone()
        distributed.all_reduce(values)
        values /= count()
    return values


class Towers(nn.Module):
    """Both encoders, scale and bias of a model as one call, as DistributedDataParallel wants it:
    what takes part in that call gets the mean of the processes' gradients."""

    def __init__(self, model: CLIP) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, pixels: Tensor, token_ids: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        model = self.model
        bias = torch.zeros_like(model.scale) if model.bias is None else model.bias * 1
        return model.image_encoder(pixels), model.text_encoder(token_ids, mask), model.scale, bias


def spread(model: CLIP) -> nn.Module:
    """The towers, their gradients averaged over the processes where there are several.

    Raises ValueError for a batch norm, which would see a share of the batch in place of the batch.
    """
    towers = Towers(model)
    if count() == 1:
        return towers
    for name, module in model.named_modules():
        if isinstance(module, NORMS):
            raise ValueError(
                f"{name} is a batch norm, which would see the share of one of {count()} processes "
                "in place of the batch; try a preset with a ViT, or a single process"
            )
    return nn.parallel.DistributedDataParallel(towers)


def shared_info_nce(images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
    """This process's part of InfoNCE: its pictures choose among the captions of all processes, and
    its captions among all pictures. The mean over the processes is the loss of the whole batch.

    images, texts: this process's embeddings, (share, dim), as many in each.
    """
    own = number() * len(images) + torch.arange(len(images), device=images.device)
    to_texts = cross_entropy(scale * images @ gathered(texts).T, own)
    to_images = cross_entropy(scale * texts @ gathered(images).T, own)
    return (to_texts + to_images) / 2


def shared_sigmoid_loss(images: Tensor, texts: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """The same for the sigmoid loss, block by block: its pictures with the captions of one process
    at a time, where SigLIP passes the captions on in a ring."""
    loss = images.new_zeros(())
    for k, block in enumerate(gathered(texts).split(len(texts))):
        logits = scale * images @ block.T + bias
        pairs = torch.eye(len(images), dtype=torch.bool, device=images.device) & (k == number())
        loss = loss - logsigmoid(torch.where(pairs, logits, -logits)).sum() / len(images)
    return loss


SHARED_LOSSES = {
    "infonce": lambda images, texts, scale, bias: shared_info_nce(images, texts, scale),
    "sigmoid": shared_sigmoid_loss,
}


def gathered(rows: Tensor) -> Tensor:
    """The rows of all processes in their order, as many of each; gradients flow back to whose they
    are."""
    return rows if count() == 1 else _Gathered.apply(rows)


class _Gathered(Function):
    """`distributed.all_gather`, through which no gradient flows by itself."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        of_each = [torch.empty_like(rows) for _ in range(count())]
        distributed.all_gather(of_each, rows.contiguous())
        return torch.cat(of_each)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        upstream = upstream.contiguous()
        distributed.all_reduce(upstream)  # every process has used these rows
        return upstream.chunk(count())[number()]
