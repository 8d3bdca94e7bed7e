"""Put trained models into the package: weights in float16, history, and the card's numbers.

    python -m clipbook.training --preset shapes --threads 1 --out runs/shapes
    python -m clipbook.training --preset shapes-cnn --threads 1 --out runs/shapes-cnn
    python -m clipbook.training --preset emoji --threads 1 --out runs/pictures
    python -m clipbook.training --preset emoji-texts --begin-with runs/pictures --threads 1 \
        --out runs/emoji
    python -m clipbook.language --preset answers-chapter --threads 1 --out runs/first
    python -m clipbook.language --preset answers-all --begin-with runs/first --out runs/second
    python -m clipbook.language --preset answers --begin-with runs/second --out runs/third
    python -m clipbook.language --preset answers --begin-with runs/third --seed 1 --out runs/next
    python -m clipbook.language --preset answers --begin-with runs/next --seed 2 --out runs/answers
    python -m bookkit.ship runs/shapes runs/shapes-cnn
    python -m bookkit.ship runs/emoji --after runs/pictures
    python -m bookkit.ship runs/answers --mean-with runs/next

The folders carry the names of presets; without any, the shipped models are only measured anew. The
text of the card is written by hand; this fills in the tables between their marks. That of the
sigmoid loss is what `python -m bookkit.scale_trials preset` has measured.
"""

import argparse
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from clipbook.emoji import load_emoji
from clipbook.evaluation import evaluate_answers, evaluate_emoji, evaluate_scenes
from clipbook.language import load_paligemma, save_paligemma
from clipbook.pairs import load_model, save_model
from clipbook.pretrained import shipped
from clipbook.training import History
from clipbook.training.command import HISTORY, MODEL, RESULTS, TOKENIZER

UNSEEN = ("twemoji", "openmoji")
"""Artists from whom the shipped model of emoji has not learned."""
QUESTIONS = 400
"""Of each kind that the shipped model of answers is asked."""
FRESH = 4
"""The seed of these questions; the recipe was chosen by others, of the seeds 0 to 3."""


def ship(run: Path, other: Path | None = None, before: Path | None = None) -> None:
    """Copy one run's results into the package, weights in float16: the mean of both runs' weights
    where there is another, as Wortsman et al. 2022 (model soups) do. before: the run that this one
    began with, whose history comes first."""
    folder = shipped.FOLDERS[run.name]
    weights = folder / f"{run.name}.safetensors"
    load: Callable[..., Any] = load_model
    save: Callable[..., None] = save_model
    if run.name == "answers":
        load, save = load_paligemma, save_paligemma
    model = load(run / MODEL)
    if other:
        theirs = load(other / MODEL).state_dict()
        model.load_state_dict({k: (v + theirs[k]) / 2 for k, v in model.state_dict().items()})
    save(model, weights, torch.float16)
    shutil.copy(run / TOKENIZER, folder / TOKENIZER)
    history = history_of(run)
    if before:
        history = one_after_the_other(history_of(before), history)
    for name in ("loss", "scale", "learning_rate"):
        history[name] = [float(f"{value:.4g}") for value in history[name]]
    (folder / f"{run.name}.history.json").write_text(json.dumps(history), "utf-8")


def history_of(run: Path) -> dict[str, list[Any]]:
    return History.from_dict(json.loads((run / HISTORY).read_text("utf-8"))).to_dict()


def one_after_the_other(
    first: dict[str, list[Any]], second: dict[str, list[Any]]
) -> dict[str, list[Any]]:
    """The history of both runs as if they were one; where the second begins, the first one's end
    is kept."""
    done = len(first["loss"])
    joined = {name: first[name] + second[name] for name in first}
    for steps, what in (("snapshot_steps", "snapshots"), ("evaluation_steps", "evaluations")):
        later = [k for k, step in enumerate(second[steps]) if step]
        joined[steps] = first[steps] + [done + second[steps][k] for k in later]
        joined[what] = first[what] + [second[what][k] for k in later]
    return joined


def measure(name: str) -> dict[str, float]:
    """Shares of right answers of a shipped model, rounded."""
    if name == "answers":
        answers = shipped.load("answers")
        own = evaluate_answers(answers, QUESTIONS, seed=FRESH)
        blind = evaluate_answers(answers, QUESTIONS, seed=FRESH, pictures="another's")
        means = {f"{what}, another's picture": blind[what] for what in blind if "mean" in what}
        return {what: round(share, 3) for what, share in (own | means).items()}
    model, tokenizer = shipped.load(name)
    if name == "emoji":
        emoji = load_emoji()
        shares = {
            what if what.startswith("colour") else f"{artist}, {what}": share
            for artist in UNSEEN
            for what, share in evaluate_emoji(model, tokenizer, emoji, artist).items()
        }
    else:
        shares = evaluate_scenes(model, tokenizer)
    return {what: round(share, 3) for what, share in shares.items()}


def write_card(folder: Path, names: list[str]) -> None:
    """Measure the folder's models anew, and put that into its card."""
    results = {name: measure(name) for name in names}
    about = {"models": {name: {"results": scores} for name, scores in results.items()}}
    (folder / "card.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    rows = [f"| share of right answers | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for what in results[names[0]]:
        rows.append(f"| {what} | {' | '.join(f'{results[name][what]:.3f}' for name in names)} |")
    card = folder / "README.md"
    table = "<!-- measured -->\n" + "\n".join(rows) + "\n<!-- end -->"
    text = card.read_text("utf-8")
    card.write_text(re.sub(r"<!-- measured -->.*<!-- end -->", table, text, flags=re.S), "utf-8")
    print("\n".join(rows))


def write_sigmoid(card: Path) -> None:
    """Put what was measured of the chapter's recipe with the sigmoid loss into the card."""
    runs = list(shipped.scale_trials()["preset"]["sigmoid"].values())
    rows = ["| share of right answers | mean | least | most |", "|---|---|---|---|"]
    for what in runs[0]:
        found = [run[what] for run in runs]
        digits = 0 if what == "seconds" else 3
        numbers = (f"{x:.{digits}f}" for x in (fmean(found), min(found), max(found)))
        rows.append(f"| {what} | {' | '.join(numbers)} |")
    table = "<!-- sigmoid -->\n" + "\n".join(rows) + "\n<!-- end of sigmoid -->"
    text = card.read_text("utf-8")
    text = re.sub(r"<!-- sigmoid -->.*<!-- end of sigmoid -->", table, text, flags=re.S)
    card.write_text(text, "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="*", type=Path, help="a folder that training has written")
    parser.add_argument("--mean-with", type=Path, help="the folder of a run to average with")
    parser.add_argument("--after", type=Path, help="the folder of the run that this one began with")
    asked = parser.parse_args()
    runs, other, before = asked.run, asked.mean_with, asked.after
    needed = [run / name for run in runs for name in RESULTS]
    needed += [other / MODEL] if other else []
    needed += [before / HISTORY] if before else []
    if missing := [str(path) for path in needed if not path.is_file()]:
        print(f"{', '.join(missing)}: not there; train the preset first", file=sys.stderr)
        return 2
    for run in runs:
        ship(run, other, before)
    for folder in dict.fromkeys(shipped.FOLDERS.values()):
        write_card(folder, [name for name in shipped.NAMES if shipped.FOLDERS[name] == folder])
    write_sigmoid(shipped.FOLDERS["shapes"] / "README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
