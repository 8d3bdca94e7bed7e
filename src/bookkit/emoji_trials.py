"""The fair trials of the emoji chapter: each artist left out in turn, three seeds, and baselines.

    python -m bookkit.emoji_trials [kind...]     artists, outlines, vit, positives, languages, whole

All but the last are short (STEPS steps of the preset "emoji", at 32 px instead of 48), so that they
can be made in an hour on one core; the shipped model trains twelve times as many. One artist draws
each thing of a batch, and no pictures are compared with pictures. Those in the table were run while
fewer captions were a name alone (0.4 of them). "whole" is the shipped model's recipe, both of its
presets as they are, which takes more than another hour.
What is there already is not run again. The table goes into the package,
pretrained/emoji/trials.json; the chapter reads it.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from bookkit import ROOT
from clipbook.emoji import ARTISTS, Emoji, load_emoji
from clipbook.evaluation.emoji import (
    evaluate_emoji,
    held_out_rows,
    moved,
    name_embeddings,
    picture_embeddings,
    pixel_similarities,
    ranks,
)
from clipbook.evaluation.zero_shot import class_embeddings
from clipbook.image import CNNConfig, ViTConfig, place
from clipbook.training import PRESETS, EmojiBatches, EmojiPreset, train_emoji_tokenizer
from clipbook.training.presets import Run

STEPS, SEEDS = 250, (0, 1, 2)
VIT_STEPS = 150
"""In as much time: a step of the ViT costs more, see "seconds"."""
CNN = CNNConfig(32, widths=(16, 32, 96, 192))
VIT = ViTConfig(32, patch_size=8, width=128, depth=4, heads=4, mlp_width=512)
TARGET = ROOT / "src/clipbook/pretrained/emoji/trials.json"
LEFT_OUT = {
    "twemoji": ("twemoji",),
    "noto": ("noto", "noto-v1"),
    "fluent": ("fluent",),
    "fxemoji": ("fxemoji",),
    "emojione": ("emojione",),
}
"""The first version of Noto is by the same firm, so it is left out with the second."""


def recipe(**changes: Any) -> EmojiPreset:
    preset = PRESETS["emoji"]
    assert isinstance(preset, EmojiPreset)
    training = replace(preset.training, among_pictures=0.0)
    short: dict[str, Any] = {"image": CNN, "artists_each": 1, "training": training}
    return replace(preset, **(short | changes))


def trained(run: Run) -> float:
    """Train it; the seconds of the processor that it took."""
    start = time.process_time()
    run.train(progress=False, workers=0)
    return time.process_time() - start


def baseline(emoji: Emoji, artist: str, left_out: tuple[str, ...]) -> dict[str, float]:
    """Nearest pixels among the pictures that a model may learn from."""
    known = [a.name for a in ARTISTS if a.trained and a.name not in left_out]
    rows, _ = held_out_rows(emoji, artist)
    bank = torch.cat([held_out_rows(emoji, name)[0] for name in known])
    results = {"pictures": float(len(rows))}
    for how, pictures in (
        ("as drawn", place(emoji.pictures[rows], 48)),
        ("moved, recoloured", moved(emoji.pictures[rows], 48)),
    ):
        similarities = pixel_similarities(
            pictures, place(emoji.pictures[bank], 48), emoji.concept_of[bank], len(emoji.concepts)
        )
        rank = ranks(similarities, emoji.concept_of[rows])
        results[f"{how}: first"] = (rank <= 1).float().mean().item()
        results[f"{how}: first five"] = (rank <= 5).float().mean().item()
    return results


def artists(emoji: Emoji, seed: int, artist: str) -> dict[str, Any]:
    run = recipe(left_out=LEFT_OUT[artist]).build(seed, STEPS)
    seconds = trained(run)
    found = {
        name: evaluate_emoji(run.model, run.tokenizer, emoji, name) for name in (artist, "openmoji")
    }
    return {"seconds": seconds, **found}


def outlines(emoji: Emoji, seed: int) -> dict[str, Any]:
    """Black lines drawn round a quarter of the pictures: does that help with OpenMoji's?"""
    augmentation = replace(recipe().augmentation, outlines=0.25)
    run = recipe(augmentation=augmentation).build(seed, STEPS)
    seconds = trained(run)
    found = {
        name: evaluate_emoji(run.model, run.tokenizer, emoji, name)
        for name in ("twemoji", "openmoji")
    }
    return {"seconds": seconds, **found}


def vit(emoji: Emoji, seed: int) -> dict[str, Any]:
    run = recipe(image=VIT).build(seed, VIT_STEPS)
    seconds = trained(run)
    return {
        "seconds": seconds,
        "twemoji": evaluate_emoji(run.model, run.tokenizer, emoji, "twemoji"),
    }


def positives(emoji: Emoji, seed: int) -> dict[str, Any]:
    """Labels that say which captions are true of other pictures, too."""
    run = recipe().build(seed, STEPS)
    size = CNN.image_size
    run.batches = EmojiBatches(
        emoji, run.tokenizer, image_size=size, multi_positive=True, seed=seed
    )
    seconds = trained(run)
    return {
        "seconds": seconds,
        "twemoji": evaluate_emoji(run.model, run.tokenizer, emoji, "twemoji"),
    }


def languages(emoji: Emoji, seed: int, spoken: tuple[str, ...]) -> dict[str, Any]:
    """German names, asked of a model that has read both languages, or English alone."""
    tokenizer = train_emoji_tokenizer(emoji, ("en", "de"))  # the same for both
    run = recipe().build(seed, STEPS)
    text = replace(run.model.config.text, vocab_size=tokenizer.vocab_size)
    torch.manual_seed(seed)
    model = type(run.model)(replace(run.model.config, text=text))
    size = CNN.image_size
    batches = EmojiBatches(emoji, tokenizer, image_size=size, languages=spoken, seed=seed)
    example = run.example[0], *tokenizer.batch(["x"] * len(run.example[0]))
    run = Run(model, tokenizer, batches, run.config, example)
    seconds = trained(run)
    rows, _ = held_out_rows(emoji, "twemoji")
    images = picture_embeddings(model, place(emoji.pictures[rows], size))
    own, found = emoji.concept_of[rows], {}
    english = name_embeddings(model, tokenizer, emoji)
    names = [concept.names["de"] for concept in emoji.concepts]
    german = class_embeddings(model, tokenizer, names, ["{}"])
    same = torch.tensor([c.names["de"] == c.name for c in emoji.concepts])[own]
    for language, texts in (("English", english), ("German", german)):
        right = (ranks(images @ texts.T, own) <= 1).float()
        found[f"{language}: first"] = right.mean().item()
        found[f"{language}: first five"] = (ranks(images @ texts.T, own) <= 5).float().mean().item()
        found[f"{language}, spelled otherwise in German: first"] = right[~same].mean().item()
    return {"seconds": seconds, "twemoji": found}


def whole(emoji: Emoji, seed: int) -> dict[str, Any]:
    """The shipped model's own recipe: what its first phase came to, and then the second."""
    stages: dict[str, Any] = {}
    run: Run | None = None
    for stage in ("emoji", "emoji-texts"):
        before, run = run, PRESETS[stage].build(seed)
        if before:
            run.model.load_state_dict(before.model.state_dict())
        seconds = trained(run)
        found = {
            name: evaluate_emoji(run.model, run.tokenizer, emoji, name)
            for name in ("twemoji", "openmoji")
        }
        stages[stage] = {"seconds": seconds, **found}
    return stages


KINDS: dict[str, dict[str, Callable[[Emoji, int], dict[str, Any]]]] = {
    "artists": {
        artist: lambda emoji, seed, artist=artist: artists(emoji, seed, artist)  # type: ignore[misc]
        for artist in LEFT_OUT
    },
    "outlines": {"a quarter outlined": outlines},
    "vit": {"ViT": vit},
    "positives": {"multi-positive labels": positives},
    "languages": {
        "English and German": lambda emoji, seed: languages(emoji, seed, ("en", "de")),
        "English alone": lambda emoji, seed: languages(emoji, seed, ("en",)),
    },
    "whole": {"the preset": whole},
}


def main(kinds: list[str]) -> int:
    if unknown := set(kinds) - KINDS.keys():
        print(f"no kind is called {' or '.join(sorted(unknown))}; try {' '.join(KINDS)}")
        return 2
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    emoji = load_emoji()
    table: dict[str, Any] = json.loads(TARGET.read_text("utf-8")) if TARGET.exists() else {}
    table |= {"steps": STEPS, "steps of the ViT": VIT_STEPS}
    table["baseline"] = {
        artist: baseline(emoji, artist, LEFT_OUT.get(artist, ()))
        for artist in [*LEFT_OUT, "openmoji"]
    }
    for seed in SEEDS:
        for kind in kinds or KINDS:
            for name, trial in KINDS[kind].items():
                runs = table.setdefault(kind, {}).setdefault(name, {})
                if str(seed) not in runs:
                    runs[str(seed)] = trial(emoji, seed)
                    TARGET.parent.mkdir(exist_ok=True)
                    TARGET.write_text(json.dumps(rounded(table), indent=1) + "\n", "utf-8")
                    print(kind, name, seed, json.dumps(rounded(runs[str(seed)])), flush=True)
    return 0


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
