"""Put trained models into the package: weights in float16, history, and the card's numbers.

    python -m clipbook.training --preset shapes --threads 1 --out runs/shapes
    python -m clipbook.training --preset shapes-cnn --threads 1 --out runs/shapes-cnn
    python -m bookkit.ship runs/shapes runs/shapes-cnn

The folders carry the names of presets; without any, the shipped models are only measured anew. The
text of the card is written by hand; this fills in the table between its two marks.
"""

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

import torch

from clipbook.evaluation.scenes import evaluate_scenes
from clipbook.pairs import load_model, save_model
from clipbook.pretrained import shipped

NEEDED = ("model.safetensors", "tokenizer.json", "history.json")


def ship(run: Path) -> None:
    """Copy one run's results into the package, weights in float16."""
    target = shipped.FOLDER / f"{run.name}.safetensors"
    save_model(load_model(run / "model.safetensors"), target, torch.float16)
    shutil.copy(run / "tokenizer.json", shipped.FOLDER / "tokenizer.json")
    history = json.loads((run / "history.json").read_text("utf-8"))
    for name in ("loss", "scale", "learning_rate"):
        history[name] = [float(f"{value:.4g}") for value in history[name]]
    (shipped.FOLDER / f"{run.name}.history.json").write_text(json.dumps(history), "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="*", type=Path, help="a folder that training has written")
    runs = parser.parse_args().run
    needed = [run / name for run in runs for name in NEEDED]
    if missing := [str(path) for path in needed if not path.is_file()]:
        print(f"{', '.join(missing)}: not there; train the preset first", file=sys.stderr)
        return 2
    for run in runs:
        ship(run)
    names = shipped.NAMES
    measured = {name: evaluate_scenes(*shipped.load(name)) for name in names}
    results = {name: {k: round(v, 3) for k, v in told.items()} for name, told in measured.items()}
    about = {"models": {name: {"results": told} for name, told in results.items()}}
    (shipped.FOLDER / "card.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    rows = [f"| share of right answers | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for what in results[names[0]]:
        rows.append(f"| {what} | {' | '.join(f'{results[name][what]:.3f}' for name in names)} |")
    card = shipped.FOLDER / "README.md"
    table = "<!-- measured -->\n" + "\n".join(rows) + "\n<!-- end -->"
    text = card.read_text("utf-8")
    card.write_text(re.sub(r"<!-- measured -->.*<!-- end -->", table, text, flags=re.S), "utf-8")
    print("\n".join(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
