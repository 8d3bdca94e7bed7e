"""Ways in which a step of training reaches a GPU, for `bookkit.gpu_bench`, which tells of them."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from clipbook.image import normalise
from clipbook.pairs import CLIP
from clipbook.training import TrainingConfig
from clipbook.training.data import Batch
from clipbook.training.objectives import Objective, objective_of
from clipbook.training.optimisers import make_optimisers
from clipbook.training.step import train_step

Step = Callable[[int], object]


def plain(
    model: CLIP, batches: list[Batch], config: TrainingConfig, half: torch.dtype | None,
    *, ahead: bool = False, compiled: bool = False,
) -> Step:  # fmt: skip
    """A step of training on batch k, as the package does it."""
    device = model.device
    if compiled:
        options = {"mode": "reduce-overhead"} if device.type == "cuda" else {"backend": "eager"}
        for encoder in (model.image_encoder, model.text_encoder):
            encoder.compile(**options)
    objective, optimisers = objective_of(model, config), make_optimisers(model, config)
    scaler = torch.amp.GradScaler(device.type, enabled=half == torch.float16)
    ready: list[Sequence[Tensor]] = list(batches)
    if not compiled:
        ready = [objective.prepare(model, batch) for batch in batches]
    if ahead or compiled:
        ready = [to_device(batch, device) for batch in ready]

    def step(k: int) -> object:
        parts = to_device(ready[k % len(ready)], device)
        return train_step(model, optimisers, scaler, parts, config, half, objective)

    return step


def one_graph(
    model: CLIP, batches: list[Batch], config: TrainingConfig, half: torch.dtype | None
) -> Step:
    """The same as one CUDA graph, into whose inputs batch k is copied; on a CPU without a graph.

    The learning rate is a constant of the graph, and a step that isn't finite would be taken.
    """
    objective, optimisers = objective_of(model, config), make_optimisers(model, config)
    ready = [to_device(batch, model.device) for batch in batches]
    inputs = [part.clone() for part in ready[0]]
    work = partial(whole_step, model, optimisers, objective, inputs, config, half)
    launch: Callable[[], object] = work
    if model.device.type == "cuda":
        for group in optimisers[-1].param_groups:
            group["capturable"] = True  # AdamW counts its steps on the GPU
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):  # what is set up only once must not be recorded
            for _ in range(3):
                work()
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            work()
        launch = graph.replay

    def step(k: int) -> object:
        for part, new in zip(inputs, ready[k % len(ready)], strict=True):
            part.copy_(new)
        return launch()

    return step


def whole_step(
    model: CLIP, optimisers: list, objective: Objective, inputs: list[Tensor],
    config: TrainingConfig, half: torch.dtype | None,
) -> None:  # fmt: skip
    """`clipbook.training.step.train_step` without what asks the GPU for a number."""
    pictures, token_ids, mask = inputs
    pixels = normalise(pictures, model.config.preprocessing)
    model.zero_grad()
    objective.cost(model, half, pixels, token_ids, mask).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
    for optimiser in optimisers:
        optimiser.step()
    model.clamp_scale()


LAUNCHES: dict[str, Callable[..., Step]] = {
    "plain": plain,
    "on the GPU": partial(plain, ahead=True),
    "compiled": partial(plain, compiled=True),
    "one graph": one_graph,
}


def to_device(batch: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    return [part.to(device, non_blocking=True) for part in batch]
