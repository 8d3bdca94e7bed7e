"""Train a preset from a shell: python -m clipbook.training --preset cpu --out runs/first

Writes model.safetensors, tokenizer.json and history.json into the folder, and a checkpoint from
which the same command goes on after an interruption.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from clipbook.evaluation.scenes import evaluate_scenes
from clipbook.pairs import save_model
from clipbook.training.presets import PRESETS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m clipbook.training", description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="train shorter or longer than the preset does")
    parser.add_argument("--threads", type=int, help="CPU threads; all cores by default")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)  # numbers too small to matter slow a CPU down

    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    run = PRESETS[arguments.preset].build(arguments.seed, arguments.steps)
    started = time.perf_counter()
    history = run.train(folder=out)
    seconds = time.perf_counter() - started
    save_model(run.model.cpu(), out / "model.safetensors")
    run.tokenizer.save(out / "tokenizer.json")
    (out / "history.json").write_text(json.dumps(history.to_dict()), encoding="utf-8")
    print(f"trained for {seconds:.0f} s; last loss {history.loss[-1]:.3f}; written to {out}")
    for name, share in evaluate_scenes(run.model, run.tokenizer).items():
        print(f"{name:36} {share:.3f}")


if __name__ == "__main__":
    main()
