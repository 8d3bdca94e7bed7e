"""Time what readers wait for: rendering, training against transformers' CLIPModel, the models that
run in the page, and a GPU where there is one.

Both models have the same sizes and the same weights at the start, and are trained by the same
loop on the same batches, in turns, so that a busy machine slows both. Run it with `make bench`.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import transformers
from torch import Tensor, nn
from torch.utils.data import Dataset

from bookkit import gpu_bench
from bookkit.browser import chromium
from bookkit.live import files, timing
from bookkit.pages.live import playground
from clipbook.pairs import CLIP
from clipbook.pretrained import from_transformers
from clipbook.scenes import render, sample
from clipbook.text import TextConfig
from clipbook.training import SceneBatches, TrainingConfig, train
from clipbook.training.data import train_tokenizer
from clipbook.training.identity import Batches
from clipbook.training.optimisers import best_device

BATCH_SIZE, ROUNDS, WARM_UP, STEPS = 128, 5, 4, 20


class Drawn(Dataset):
    """Batches made beforehand, so that only training is timed."""

    def __init__(self, batches: Batches, count: int) -> None:
        self.ready = [batches[k] for k in range(count)]

    def __getitem__(self, k: int) -> Sequence[Tensor]:
        return self.ready[k]


class ImageTower(nn.Module):
    def __init__(self, model: transformers.CLIPModel) -> None:
        super().__init__()
        self.tower, self.projection = model.vision_model, model.visual_projection

    def forward(self, pixels: Tensor) -> Tensor:
        return self.projection(self.tower(pixels).pooler_output)


class TextTower(nn.Module):
    def __init__(self, model: transformers.CLIPModel) -> None:
        super().__init__()
        self.tower, self.projection = model.text_model, model.text_projection

    def forward(self, token_ids: Tensor, mask: Tensor) -> Tensor:
        return self.projection(self.tower(token_ids, attention_mask=mask.long()).pooler_output)


def theirs_in_our_loop(model: transformers.CLIPModel) -> CLIP:
    """Our CLIP around their towers, so that the same loop trains both."""
    ours = from_transformers(model)
    ours.add_module("image_encoder", ImageTower(model))
    ours.add_module("text_encoder", TextTower(model))
    return ours


def their_model(vocab_size: int, end_id: int) -> transformers.CLIPModel:
    text = TextConfig(vocab_size)  # our default sizes
    tower = {"hidden_size": 64, "intermediate_size": 256, "num_attention_heads": 2}
    config = transformers.CLIPConfig(
        text_config=tower
        | {
            "vocab_size": vocab_size,
            "max_position_embeddings": text.context_length,
            "num_hidden_layers": text.depth,
            "eos_token_id": end_id,
            "hidden_act": "gelu",
        },
        vision_config=tower
        | {"image_size": 32, "patch_size": 8, "num_hidden_layers": 3, "hidden_act": "gelu"},
        projection_dim=64,
    )
    return transformers.CLIPModel(config)


def seconds(model: CLIP, batches: Dataset, config: TrainingConfig) -> float:
    started = time.perf_counter()
    train(model, batches, config, workers=0, progress=False)
    return time.perf_counter() - started


def rendering() -> None:
    scenes = sample(3_000, np.random.default_rng(0))
    started = time.perf_counter()
    for scene in scenes:
        render(scene)
    print(f"rendering, one core     {len(scenes) / (time.perf_counter() - started):8.0f} images/s")


def training() -> None:
    # id 2 makes transformers pick the highest id instead of the end token, so ids move up by one
    tokenizer = train_tokenizer()
    batches = Drawn(SceneBatches(tokenizer, BATCH_SIZE), STEPS)
    batches.ready = [(pictures, ids + 1, mask) for pictures, ids, mask in batches.ready]
    torch.manual_seed(0)
    theirs = their_model(tokenizer.vocab_size + 1, end_id=3)
    plain = TrainingConfig(
        steps=STEPS, optimiser="adamw", warmup_steps=1, learning_rate=1e-4, snapshots=0
    )
    pair = {"clipbook": from_transformers(theirs), "transformers": theirs_in_our_loop(theirs)}
    times: dict[str, list[float]] = {name: [] for name in pair}
    for _ in range(ROUNDS):
        for name, model in pair.items():
            seconds(model, batches, replace(plain, steps=WARM_UP))
            times[name].append(seconds(model, batches, plain))
    rate = {name: STEPS / statistics.median(spent) for name, spent in times.items()}
    ratios = [b / a for a, b in zip(*times.values(), strict=True)]
    print(
        f"training, texts padded to the longest: clipbook {rate['clipbook']:.1f} steps/s, "
        f"transformers {rate['transformers']:.1f} steps/s; median ratio "
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f} in {ROUNDS} "
        "rounds)"
    )


def live() -> None:
    """The shipped models in a headless Chromium."""
    with chromium() as browser:
        for name in files.MODELS:
            for task, times in timing.measure(browser, name).items():
                print(
                    f"{name} in the page, {task:8}{times['simd']:7.2f} ms by WebAssembly, "
                    f"{times['plain']:7.2f} in plain JavaScript, {times['ratio']:.1f} times"
                )
            ready, painted = timing.waits(browser, name)
            print(
                f"{name}: ready {ready:.0f} ms after the click, a key is painted in {painted:.0f}"
            )
        frames, rows, late = timing.dragging(browser, playground(""))
        print(
            f"a dragged object's row follows {rows:.0f} times in a second of {frames:.0f} frames, "
            f"{late:.1f} ms behind"
        )


if __name__ == "__main__":
    print(
        f"torch {torch.__version__}, transformers {transformers.__version__}, {best_device()}, "
        f"{torch.get_num_threads()} threads, batch {BATCH_SIZE}"
    )
    live()
    rendering()
    training()
    if best_device().type == "cuda":
        gpu_bench.main([])
