"""The fair trials of the part on scale: losses and batch sizes, three seeds, and a baseline.

    python -m bookkit.scale_trials [kind...]     rates, pairs, start, time, baseline, preset

All runs draw from one pool of pairs a seed: blocks of 256, none of whose captions is true of
another scene of its block, cut into batches of N. So every batch size sees the same pairs in the
same order. A kind is one question:

- rates: the learning rate of each loss and batch size, on pairs and test pairs of their own
- pairs: both losses at each batch size, after PAIRS pairs, at the rate that was chosen so
- start: the sigmoid at N = 64 with a bias that begins elsewhere than at -10
- time: InfoNCE at each batch size, given as much time as N = 64 takes
- baseline: the caption of the training picture whose pixels are nearest
- preset: `cpu`, the recipe of the training chapter, with the sigmoid loss, for the model card;
  the rates are those chosen for InfoNCE

What is there already is not run again. All of it takes a quarter of an hour of one core. The table
goes into the package, pretrained/scale/trials.json; the chapters read it.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from math import log
from typing import Any

import torch
from torch import Tensor

from bookkit import ROOT
from clipbook.evaluation import evaluate_scenes, recall_at_k
from clipbook.image import CNNConfig, normalise
from clipbook.pairs import CLIP, CLIPConfig
from clipbook.streams import torch_stream
from clipbook.text import TextConfig, Tokenizer
from clipbook.training import PRESETS, Preset, SceneBatches, TrainingConfig, train
from clipbook.training.data import Batch, train_tokenizer

SIZES, SEEDS = (16, 32, 64, 128, 256), (0, 1, 2)
RATES = (5e-4, 1e-3, 2e-3, 4e-3, 8e-3)
BLOCK, PAIRS, TESTED = 256, 10_240, 4
"""Pairs of a block; of a run; blocks of the test."""
CHOOSING = 100
"""The seed of what the rates are chosen on."""
STARTS = {"infonce": (0.07, None), "sigmoid": (0.1, -10.0)}
"""Temperature and bias of the beginning: CLIP's, and SigLIP's."""
TARGET = ROOT / "src/clipbook/pretrained/scale/trials.json"
Table = dict[str, Any]


@cache
def block(tokenizer: Tokenizer, seed: int, k: int) -> Batch:
    return SceneBatches(tokenizer, BLOCK, seed=seed, twins=0.0)[k]


def blocks(tokenizer: Tokenizer, seed: int, first: int, count: int) -> list[Batch]:
    return [block(tokenizer, seed, k) for k in range(first, first + count)]


def tested(tokenizer: Tokenizer, seed: int) -> list[Batch]:
    """Blocks that no run trains on: their numbers lie beyond all of them."""
    return blocks(tokenizer, seed, 10**6, TESTED)


def cut(pool: list[Batch], size: int) -> list[tuple[Tensor, ...]]:
    """The blocks as batches of that size, in order."""
    return [
        tuple(part[k : k + size] for part in block) for block in pool for k in range(0, BLOCK, size)
    ]


def fresh(tokenizer: Tokenizer, seed: int, temperature: float, bias: float | None) -> CLIP:
    text = TextConfig(tokenizer.vocab_size, tokenizer.context_length, depth=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_stream("scale trials: weights", seed).initial_seed())
        return CLIP(CLIPConfig(CNNConfig(widths=(16, 32)), text, temperature, bias))


def share(model: CLIP, blocks_of_test: list[Batch]) -> float:
    """How often the own one of 256 comes first, the mean of both directions."""
    found: list[float] = []
    with torch.no_grad():
        for pictures, token_ids, mask in blocks_of_test:
            images = model.encode_image(normalise(pictures, model.config.preprocessing))
            found += recall_at_k(images @ model.encode_text(token_ids, mask).T)
    return statistics.mean(found)


def one_run(
    tokenizer: Tokenizer, seed: int, loss: str, size: int, rate: float, *,
    pairs: int = PAIRS, start: tuple[float, float | None] | None = None,
) -> dict[str, float]:  # fmt: skip
    batches = cut(blocks(tokenizer, seed, 0, pairs // BLOCK), size)
    model = fresh(tokenizer, seed, *(start or STARTS[loss]))
    config = TrainingConfig(
        steps=len(batches), learning_rate=rate, loss=loss, optimiser="adamw",
        warmup_steps=round(len(batches) / 20), snapshots=0,
    )  # fmt: skip
    began = time.process_time()
    history = train(model, batches, config, workers=0, progress=False, device="cpu")
    seconds = time.process_time() - began
    return {
        "share": share(model, tested(tokenizer, seed)),
        "seconds": seconds,
        "steps": len(batches),
        "scale": history.scale[-1],
    } | ({} if model.bias is None else {"bias": model.bias.item()})


def best_rate(table: Table, loss: str, size: int) -> float:
    """The rate whose model found most in the choosing."""
    found: dict[str, dict[str, float]] = table["rates"][loss][str(size)]
    return float(max(found, key=lambda rate: found[rate]["share"]))


def fair_time(table: Table, size: int) -> int:
    """Pairs that a batch size gets through while N = 64 takes PAIRS, in whole blocks."""
    seconds = {
        n: statistics.median(run["seconds"] for run in table["pairs"]["infonce"][str(n)].values())
        for n in (64, size)
    }
    return BLOCK * round(PAIRS / BLOCK * seconds[64] / seconds[size])


def baseline(tokenizer: Tokenizer, seed: int) -> dict[str, float]:
    """Each test picture gets the words of the training picture with the nearest pixels, each
    caption the share of them that it holds."""
    known = blocks(tokenizer, seed, 0, PAIRS // BLOCK)
    bank = torch.cat([pictures.flatten(1) for pictures, *_ in known]).float() / 255
    words = torch.cat([bag(token_ids, mask, tokenizer) for _, token_ids, mask in known])
    found: list[float] = []
    for pictures, token_ids, mask in tested(tokenizer, seed):
        nearest = torch.cdist(pictures.flatten(1).float() / 255, bank).argmin(dim=1)
        overlap = words[nearest] @ bag(token_ids, mask, tokenizer).T
        found += recall_at_k(overlap)
    return {"share": statistics.mean(found)}


def bag(token_ids: Tensor, mask: Tensor, tokenizer: Tokenizer) -> Tensor:
    """Which tokens a caption holds, as a vector of unit length."""
    held = torch.zeros(len(token_ids), tokenizer.vocab_size)
    held.scatter_(1, token_ids.where(mask, 0), 1.0)
    held[:, 0] = 0
    return torch.nn.functional.normalize(held, dim=1)


def preset_run(seed: int) -> dict[str, float]:
    """The preset with the sigmoid loss, measured as the shipped models are."""
    preset = PRESETS["cpu"]
    assert isinstance(preset, Preset)
    config = replace(preset.training, loss="sigmoid", snapshots=0)
    run = replace(preset, training=config).build(seed)
    began = time.process_time()
    run.train(workers=0, progress=False)
    seconds = time.process_time() - began
    return {**evaluate_scenes(run.model, run.tokenizer), "seconds": seconds}


def trials(kind: str, table: Table) -> Iterator[tuple[tuple[str, ...], Callable[[], Table]]]:
    """Where each result of that kind stands, and how it is had."""
    tokenizer = train_tokenizer()
    both = [(loss, size) for size in SIZES for loss in ("infonce", "sigmoid")]
    if kind == "rates":
        for loss, size in both:
            for rate in RATES:
                trial = partial(one_run, tokenizer, CHOOSING, loss, size, rate)
                yield (loss, str(size), str(rate)), trial
        return
    for seed in SEEDS:
        run = partial(one_run, tokenizer, seed)
        if kind == "baseline":
            yield (str(seed),), partial(baseline, tokenizer, seed)
        for loss, size in both if kind == "pairs" else ():
            trial = partial(run, loss, size, best_rate(table, loss, size))
            yield (loss, str(size), str(seed)), trial
        if kind == "preset":
            yield ("sigmoid", str(seed)), partial(preset_run, seed)
        for bias in (0.0, round(-log(63), 2)) if kind == "start" else ():
            rate = best_rate(table, "sigmoid", 64)
            yield (f"{bias:g}", str(seed)), partial(run, "sigmoid", 64, rate, start=(0.1, bias))
        for size in SIZES if kind == "time" else ():
            rate, pairs = best_rate(table, "infonce", size), fair_time(table, size)
            yield (str(size), str(seed)), partial(run, "infonce", size, rate, pairs=pairs)


KINDS = ("rates", "pairs", "start", "time", "baseline", "preset")


def main(kinds: list[str]) -> int:
    if unknown := set(kinds) - set(KINDS):
        print(f"no kind is called {' or '.join(sorted(unknown))}; try {' '.join(KINDS)}")
        return 2
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    table: Table = json.loads(TARGET.read_text("utf-8")) if TARGET.exists() else {}
    table |= {"pairs of a run": PAIRS, "candidates": BLOCK}
    for kind in kinds or KINDS:
        for (*path, last), trial in trials(kind, table):
            place = table.setdefault(kind, {})
            for name in path:
                place = place.setdefault(name, {})
            if last not in place:
                place[last] = {name: float(f"{value:.4g}") for name, value in trial().items()}
                TARGET.parent.mkdir(exist_ok=True)
                TARGET.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
                print(kind, *path, last, json.dumps(place[last]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
