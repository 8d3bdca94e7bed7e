"""How fast a GPU trains, and what the losses cost there: tables in Markdown.

    python -m bookkit.gpu_bench              minutes; without a GPU it says so, and ends in 1
    python -m bookkit.gpu_bench --tiny       all of it on a CPU, in sizes whose numbers say nothing

Steps a second of the preset `shapes`, by batch, precision and how the work reaches the GPU. Plain:
as `clipbook.training.train` does, with batches that were made before. On the GPU: they lie there
already. Compiled: so, and torch.compile records the encoders as CUDA graphs. One graph: so, and the
whole step with its optimisers is a single CUDA graph, in which nothing waits for the processor. For
the last two all texts are padded to the same length. float16 has no such graph, since its gradient
scaler waits. What fails has the error in its cell, and the others go on.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import normalize

from bookkit.gpu_steps import LAUNCHES, Step
from bookkit.loss_bench import DIM, LARGEST_PLAIN, LOSSES
from clipbook.image import ViTConfig
from clipbook.pairs import CLIP, CLIPConfig
from clipbook.streams import torch_stream
from clipbook.text import TextConfig, Tokenizer
from clipbook.training import PRESETS, SceneBatches, TrainingConfig, train
from clipbook.training.data import train_tokenizer
from clipbook.training.optimisers import best_device

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
DRAWN, ROUNDS = 4, 5


@dataclass(frozen=True)
class Sizes:
    """steps: timed at once, after as many that warm up. pairs: of the losses."""

    batches: tuple[int, ...] = (128, 512, 2_048)
    steps: int = 50
    pairs: tuple[int, ...] = (4_096, LARGEST_PLAIN, 2 * LARGEST_PLAIN)


def whole_recipe() -> tuple[CLIP, Tokenizer, TrainingConfig]:
    run = PRESETS["shapes"].build()
    return run.model, run.tokenizer, run.config


def tiny_recipe() -> tuple[CLIP, Tokenizer, TrainingConfig]:
    tokenizer = train_tokenizer(pairs=50, vocab_size=270)
    image = ViTConfig(32, width=16, depth=1, heads=2, mlp_width=32, embed_dim=8)
    text = TextConfig(
        tokenizer.vocab_size, tokenizer.context_length, 16, 1, 2, mlp_width=32, embed_dim=8
    )
    return CLIP(CLIPConfig(image, text)), tokenizer, TrainingConfig()


def seconds(work: Callable[[], object]) -> float:
    """Until the device has done all of it."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def training(sizes: Sizes, tiny: bool, device: torch.device) -> Iterator[list[str]]:
    """A row for each batch and precision: steps a second, and how many times the plain ones."""
    model, tokenizer, config = tiny_recipe() if tiny else whole_recipe()
    for size in sizes.batches:
        batches = [SceneBatches(tokenizer, size, distinct=False)[k] for k in range(DRAWN)]
        for precision, half in PRECISIONS.items():
            rates: dict[str, float] = {}
            cells = []
            for name, launch in LAUNCHES.items():
                if name == "one graph" and half == torch.float16:
                    cells.append("–")
                    continue
                try:
                    step = launch(deepcopy(model).to(device).train(), batches, config, half)
                    rates[name] = rate(step, sizes.steps)
                    times = rates[name] / rates.get("plain", float("nan"))
                    cells.append(f"{rates[name]:.1f} ({times:.2f} ×)")
                except Exception as error:  # a compiler's or a driver's: whatever it may be
                    cells.append(failure(error))
            yield [f"{size:,}", precision, *cells]


def beside(sizes: Sizes, tiny: bool, device: torch.device) -> float:
    """Steps a second where another core makes the batches meanwhile."""
    model, tokenizer, config = tiny_recipe() if tiny else whole_recipe()
    batches = SceneBatches(tokenizer, sizes.batches[0])
    config = replace(config, steps=10 * sizes.steps)
    work = partial(train, model, batches, config, device=device, workers=1, progress=False)
    return config.steps / seconds(work)


def rate(step: Step, steps: int) -> float:
    """Steps a second: the median of some rounds, after one that warms up."""

    def several() -> None:
        for k in range(steps):
            step(k)

    several()
    return steps / statistics.median(seconds(several) for _ in range(ROUNDS))


def losses(sizes: Sizes, device: torch.device) -> Iterator[list[str]]:
    """A row for each loss and number of pairs: milliseconds, and MB beyond the embeddings."""
    for name, loss in LOSSES.items():
        for pairs in sizes.pairs:
            generator = torch_stream("loss bench")
            leaves = [normalize(torch.randn(pairs, DIM, generator=generator)) for _ in range(2)]
            leaves += [torch.tensor(20.0), torch.tensor(-10.0)]
            taken = [leaf.to(device).requires_grad_() for leaf in leaves]

            def work(loss: Callable[..., Tensor] = loss, taken: list[Tensor] = taken) -> None:
                for leaf in taken:
                    leaf.grad = None
                loss(*taken).backward()

            try:
                work()  # what is loaded only once
                memory = "–"
                if device.type == "cuda":
                    torch.cuda.reset_peak_memory_stats()
                    before = torch.cuda.memory_allocated()
                    work()
                    memory = f"{(torch.cuda.max_memory_allocated() - before) / 1e6:,.0f}"
                spent = statistics.median(seconds(work) for _ in range(ROUNDS))
                yield [name, f"{pairs:,}", f"{spent * 1e3:,.1f}", memory]
            except Exception as error:  # too little memory, say
                yield [name, f"{pairs:,}", failure(error), "–"]


def failure(error: Exception) -> str:
    """The first words of an error, as a cell of a table."""
    text = str(error).strip().partition("\n")[0].replace("|", "/")
    return f"{type(error).__name__}: {text}"[:80]


def show(head: list[str], rows: Iterator[list[str]]) -> None:
    """A table in Markdown, each row as soon as it is measured."""
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
    print()


def main(arguments: list[str]) -> int:
    tiny, device = arguments == ["--tiny"], best_device()
    if arguments and not tiny:
        print(f"{' '.join(arguments)} is no option; try --tiny, or none")
        return 2
    if tiny:
        device = torch.device("cpu")
    elif device.type != "cuda":
        print("There is no GPU here, so nothing was measured; --tiny tries the script on a CPU.")
        return 1
    sizes = Sizes((4,), 1, (64,)) if tiny else Sizes()
    where = torch.cuda.get_device_name() if device.type == "cuda" else "a CPU, tiny sizes"
    print(f"torch {torch.__version__}, {where}\n\nSteps a second, and how many times plain:\n")
    show(["batch", "precision", *LAUNCHES], training(sizes, tiny, device))
    print(
        f"Batches of {sizes.batches[0]} made meanwhile by another core: "
        f"{beside(sizes, tiny, device):.1f} steps a second\n"
    )
    print(f"Losses and their gradients, embeddings of {DIM} numbers:\n")
    show(["loss", "pairs", "ms", "MB"], losses(sizes, device))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
