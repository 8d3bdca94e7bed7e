"""Time and peak memory of the losses, plain and a part of the grid at a time, forward and backward.

    python -m bookkit.loss_bench [pairs...]      1024 4096 16384 by default; 32768 chunked alone

Each measurement is a process of its own, one thread, which says how far its resident memory rose
above what it held before the loss. Plain and chunked take turns, ROUNDS times. The table goes into
the package, pretrained/scale/losses.json; the chapter on large batches reads it.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from bookkit import ROOT
from clipbook.pairs import chunked_info_nce, chunked_sigmoid_loss, info_nce, sigmoid_loss
from clipbook.streams import torch_stream

SIZES, DIM, ROUNDS = (1_024, 4_096, 16_384), 512, 2
LARGEST_PLAIN = 16_384
TARGET = ROOT / "src/clipbook/pretrained/scale/losses.json"

LOSSES: dict[str, Callable[..., Tensor]] = {
    "infonce, plain": lambda images, texts, scale, bias: info_nce(scale * images @ texts.T),
    "infonce, chunked": lambda images, texts, scale, bias: chunked_info_nce(images, texts, scale),
    "sigmoid, plain": lambda images, texts, scale, bias: sigmoid_loss(
        scale * images @ texts.T + bias
    ),
    "sigmoid, chunked": chunked_sigmoid_loss,
}


def peak() -> float:
    """The most that this process has had in memory, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def measure(name: str, pairs: int) -> dict[str, float]:
    """One loss and its gradients, in this process."""
    torch.set_num_threads(1)
    generator = torch_stream("loss bench")
    images, texts = (
        normalize(torch.randn(pairs, DIM, generator=generator), dim=1).requires_grad_()
        for _ in range(2)
    )
    scale, bias = (torch.tensor(value, requires_grad=True) for value in (20.0, -10.0))
    small = [rows[:64] for rows in (images, texts)]
    LOSSES[name](*small, scale, bias).backward()  # what is loaded only once
    for leaf in (images, texts, scale, bias):
        leaf.grad = None
    before, began = peak(), time.process_time()
    loss = LOSSES[name](images, texts, scale, bias)
    loss.backward()
    seconds = time.process_time() - began
    return {"loss": loss.item(), "MB": peak() - before, "seconds": seconds}


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--one"]:
        print(json.dumps(measure(arguments[1], int(arguments[2]))))
        return 0
    table: dict[str, dict[str, dict[str, float]]] = {}
    if TARGET.exists():
        table = json.loads(TARGET.read_text("utf-8"))
    for pairs in map(int, arguments or SIZES):
        names = [name for name in LOSSES if pairs <= LARGEST_PLAIN or "chunked" in name]
        found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for name in names * ROUNDS:
            command = [sys.executable, "-m", "bookkit.loss_bench", "--one", name, str(pairs)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[name].append(json.loads(done.stdout))
        for name, runs in found.items():
            median = {what: statistics.median(run[what] for run in runs) for what in runs[0]}
            rounded = {what: float(f"{value:.4g}") for what, value in median.items()}
            table.setdefault(name, {})[str(pairs)] = rounded
            print(f"{name:18} N = {pairs:6,}: {json.dumps(rounded)}", flush=True)
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
