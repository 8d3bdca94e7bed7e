"""What each of several processes does in test_processes.py; torchrun starts it.

torchrun --nproc-per-node 2 -m tests.training.shared losses OUT
torchrun --nproc-per-node 2 -m tests.training.shared train OUT FOLDER STEPS LOSS
torchrun --nproc-per-node 2 -m tests.training.shared shards OUT FOLDER STEPS SHARDS
"""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn.functional import normalize

from clipbook.pairs import CLIP
from clipbook.pairs.saving import write_tensors
from clipbook.training import ShardBatches, TrainingConfig, processes, read_shards, train
from tests import tiny

CONFIG = TrainingConfig(
    steps=12, learning_rate=2e-3, optimiser="adamw", warmup_steps=2, checkpoint_every=4
)
PAIRS = 8


def model_for(loss: str) -> CLIP:
    """The same first weights for both losses, and in every process."""
    config = tiny.clip().config
    if loss == "sigmoid":
        config = replace(config, initial_temperature=0.1, initial_bias=-10.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return CLIP(config)


def embeddings() -> list[torch.Tensor]:
    return [normalize(tiny.normals(PAIRS, 6, seed=k).double(), dim=1) for k in range(2)]


def losses(out: Path) -> None:
    """Loss and gradients in all embeddings, of this process's rows; each writes its own."""
    found = {}
    for loss in ("infonce", "sigmoid"):
        leaves = [rows.requires_grad_() for rows in processes.share([*embeddings()])]
        numbers = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (14.3, -3.0)]
        value = processes.SHARED_LOSSES[loss](*leaves, *numbers)
        value.backward()
        gradients = [g.grad if g.grad is not None else torch.zeros_like(g) for g in numbers]
        found[loss] = {
            "loss": processes.mean_of_all(value).item(),
            # what DistributedDataParallel does: the mean over the processes
            "numbers": [processes.mean_of_all(g).item() for g in gradients],
            "rows": [(leaf.grad / processes.count()).tolist() for leaf in leaves],
        }
    (out / f"{processes.number()}.json").write_text(json.dumps(found), "utf-8")


def training(out: Path, folder: Path, steps: int, loss: str, batches) -> None:
    model = model_for(loss)
    config = replace(CONFIG, loss=loss)
    seen = Seen(batches, steps if steps < config.steps else None)
    history = train(model, seen, config, folder=folder, device="cpu", workers=0, progress=False)
    found = history.to_dict() | {"captions": seen.captions}
    (out / f"{processes.number()}.json").write_text(json.dumps(found), "utf-8")
    weights = {name: value.detach() for name, value in model.state_dict().items()}
    write_tensors(weights, out / f"{processes.number()}.safetensors", {})


class Seen:
    """Batches, and which captions were in each, until this process is killed."""

    def __init__(self, batches, last: int | None) -> None:
        self.batches, self.last = batches, last
        self.shared = getattr(batches, "shared", False)
        self.captions: list[list[str]] = []

    def __getitem__(self, k: int):
        if k == self.last and processes.number() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        batch = self.batches[k]
        self.captions.append([tiny.tokenizer().decode(row.tolist()) for row in batch[1]])
        return batch

    def identity(self) -> dict[str, object]:
        return self.batches.identity()


if __name__ == "__main__":
    torch.set_num_threads(1)
    kind, out, *rest = sys.argv[1:]
    with processes.together():
        if kind == "losses":
            losses(Path(out))
        elif kind == "train":
            training(Path(out), Path(rest[0]), int(rest[1]), rest[2], tiny.batches(PAIRS))
        else:
            shards, _ = read_shards(rest[2])
            batches = ShardBatches(shards, tiny.tokenizer(), PAIRS, 16, buffer=5)
            training(Path(out), Path(rest[0]), int(rest[1]), "infonce", batches)
