"""What makes it see: the fair trials of the chapter on PaliGemma, three seeds each.

    python -m bookkit.answer_trials [arm...]

Every run is short (STEPS steps of the preset "answers-trial", of 32 questions); the shipped model
is deeper and has trained on some forty times as many questions. What is there already is not run
again. The table goes into the package, pretrained/answers/trials.json; the chapter reads it. In the
one that is there, the blind shares of "detect" and of the boxes were counted anew, over 1,000
questions, when the baseline had learned to look for the best square.
"""

import json
import sys
import time
from dataclasses import replace
from typing import Any

import torch

from bookkit import ROOT
from clipbook.evaluation.answers import blind_baseline, evaluate_answers
from clipbook.pretrained import load
from clipbook.training import ANSWERS_PRESETS

STEPS, SEEDS, QUESTIONS = 400, (0, 1, 2), 60
"""Questions of each kind, of seen and never-seen combinations each."""
TARGET = ROOT / "src/clipbook/pretrained/answers/trials.json"
ARMS: dict[str, dict[str, Any]] = {
    "contrastive, frozen": {},
    "random, frozen": {"image": "random, frozen"},
    "from scratch": {"image": "from scratch", "image_rate": 2 / 3},
    "contrastive, full rate": {"image": "trained"},
    "contrastive, a tenth": {"image": "trained", "image_rate": 0.1},
    "causal mask": {"prefix": False},
    "after block 1": {"blocks": 1},
    "after block 3": {"blocks": 3},
}
"""What differs from the first; two thirds of the rate are those that the encoder was trained with
before, see the preset "shapes"."""


def run(arm: str, seed: int) -> dict[str, Any]:
    changes = dict(ARMS[arm])
    preset = ANSWERS_PRESETS["answers-trial"]
    training = replace(preset.training, image_rate=changes.pop("image_rate", 1.0))
    recipe = replace(preset, training=training, **changes)
    session = recipe.build(load("shapes")[0], seed, STEPS)
    start = time.process_time()
    session.train(progress=False, workers=0)
    seconds = time.process_time() - start
    found = {"seconds": seconds, "own": evaluate_answers(session.answerer, QUESTIONS)}
    if arm == next(iter(ARMS)):
        for pictures in ("another's", "none"):
            found[pictures] = evaluate_answers(session.answerer, QUESTIONS, pictures=pictures)
    return found


def main(arms: list[str]) -> int:
    if unknown := set(arms) - ARMS.keys():
        print(f"no arm is called {' or '.join(sorted(unknown))}; try {', '.join(ARMS)}")
        return 2
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    table: dict[str, Any] = json.loads(TARGET.read_text("utf-8")) if TARGET.exists() else {}
    table |= {"steps": STEPS, "questions": QUESTIONS}
    table["blind"] = rounded(blind_baseline(QUESTIONS))
    for seed in SEEDS:
        for arm in arms or ARMS:
            runs = table.setdefault("arms", {}).setdefault(arm, {})
            if str(seed) not in runs:
                runs[str(seed)] = rounded(run(arm, seed))
                TARGET.parent.mkdir(exist_ok=True)
                TARGET.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
                print(arm, seed, json.dumps(runs[str(seed)]), flush=True)
    return 0


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
