"""Drawing scenes and batches at random, reproducibly, from a NumPy generator."""

from collections.abc import Iterator
from dataclasses import replace
from math import inf

import numpy as np

from clipbook.scenes.captions import Statement, describes, say, say_more, state, state_all
from clipbook.scenes.world import (
    CLEARLY,
    COLOURS,
    GROUNDS,
    HELD_OUT,
    RADIUS,
    SHAPES,
    SIZES,
    Object,
    Scene,
)
from clipbook.validation import between, check_generator, whole_number

ALL_COMBINATIONS = tuple((colour, shape) for colour in COLOURS for shape in SHAPES)
TRAINING = tuple(pair for pair in ALL_COMBINATIONS if pair not in HELD_OUT)
NEVER_SEEN = tuple(pair for pair in ALL_COMBINATIONS if pair in HELD_OUT)

SINGLE = 0.4
"""Share of scenes with one object."""

MIRRORED, RECOLOURED = 0.55, 0.3
"""Shares of twins that are mirrored, and that exchange colours, where there are two objects; the
rest take another shape."""

GAP = 0.02
"""Space left between two objects, as a fraction of the picture's side."""

TRIES = 50


def _thing(combinations: tuple[tuple[str, str], ...], draws: list[float]) -> Object:
    colour, shape = combinations[int(draws[0] * len(combinations))]
    size = SIZES[int(draws[1] * len(SIZES))]
    low = RADIUS[size]
    x, y = (low + draw * (1 - 2 * low) for draw in draws[2:])
    return Object(shape, colour, size, x, y)


def _pair(split: str, draws: list[float]) -> tuple[Object, Object] | None:
    """Two objects made from nine uniform draws, or None if they don't go together."""
    first_from = TRAINING if split == "train" else NEVER_SEEN
    second_from = TRAINING if split == "train" else ALL_COMBINATIONS
    first = _thing(first_from, draws[:4])
    second = _thing(second_from, draws[4:8])
    if (first.colour, first.shape) == (second.colour, second.shape):
        return None
    right, down = abs(first.x - second.x), abs(first.y - second.y)
    least = RADIUS[first.size] + RADIUS[second.size] + GAP
    if right**2 + down**2 < least**2 or abs(right - down) < CLEARLY:
        return None
    # which of the two is named first must not tell which one is the never-seen combination
    return (first, second) if draws[8] < 0.5 else (second, first)


def _stream(
    n: int, generator: np.random.Generator, split: str, objects: int | None = None
) -> Iterator[Scene]:
    """Scenes without end, of which the caller wants n; what it was given is checked at once."""
    whole_number("n", n, 8, least=0, most=inf)
    check_generator(generator)
    if split not in ("train", "held_out"):
        raise ValueError(f"split={split!r} is unknown; try 'train' or 'held_out'")
    if objects not in (None, 1, 2):
        raise ValueError(f"objects={objects!r}: a scene has 1 or 2; None mixes them")
    return _draw(generator, split, objects)


def _draw(generator: np.random.Generator, split: str, objects: int | None) -> Iterator[Scene]:
    while True:
        ground = GROUNDS[int(generator.integers(len(GROUNDS)))]
        if objects == 1 or (objects is None and generator.random() < SINGLE):
            combinations = TRAINING if split == "train" else NEVER_SEEN
            yield Scene((_thing(combinations, generator.random(4).tolist()),), ground)
            continue
        pair = None
        while pair is None:
            pair = _pair(split, generator.random(9).tolist())
        yield Scene(pair, ground)


def sample(
    n: int, generator: np.random.Generator, split: str = "train", objects: int | None = None
) -> list[Scene]:
    """n scenes, drawn independently; the same generator state gives the same scenes.

    split: "train" never contains a combination of HELD_OUT; "held_out" scenes all contain one.
    objects: 1 or 2 to fix the number of objects, None for a mixture.
    Raises ValueError for another split or number of objects, or an n that is no whole number from
    0, and TypeError for another kind of generator than NumPy's.
    """
    scenes = _stream(n, generator, split, objects)
    return [next(scenes) for _ in range(n)]


def _mirrored(place: float) -> float:
    """1 − place, so that the one edge of where things may stand becomes the other."""
    return round(1 - place, 12)


def twin(scene: Scene, generator: np.random.Generator) -> Scene | None:
    """A scene that differs in one respect only, so that a caption must be read closely.

    The scene is mirrored, so that places and the relation turn round; or its objects exchange
    their colours; or one object takes another shape. None where the result would be of the other
    split or hold a combination twice, or where no caption could tell it from the scene.
    Raises TypeError for another kind of generator than NumPy's.
    """
    check_generator(generator)
    kind, choice = generator.random(2).tolist()
    things = list(scene.objects)
    if kind < MIRRORED:
        upright = scene.relation in ("above", "below") if len(things) == 2 else choice < 0.5
        things = [
            replace(thing, y=_mirrored(thing.y))
            if upright
            else replace(thing, x=_mirrored(thing.x))
            for thing in things
        ]
    elif kind < MIRRORED + RECOLOURED and len(things) == 2:
        first, second = things
        things = [replace(first, colour=second.colour), replace(second, colour=first.colour)]
    else:
        k = int(choice * 2) % len(things)
        things[k] = replace(things[k], shape=SHAPES[int(choice * 1e6) % len(SHAPES)])
    if len({(thing.colour, thing.shape) for thing in things}) < len(things):
        return None
    candidate = Scene(tuple(things), scene.ground)
    looks_the_same = describes([state_all(scene)], [candidate])[0, 0]
    return None if looks_the_same or candidate.held_out != scene.held_out else candidate


def sample_pairs(
    n: int,
    generator: np.random.Generator,
    split: str = "train",
    *,
    twins: float = 0.0,
    distinct: bool = True,
) -> tuple[list[Scene], list[str]]:
    """A batch: n scenes, and a caption for each.

    twins: how often, 0 to 1, the next scene is a `twin` of the one before, where it has one.
    distinct: no caption is true of another scene of the batch. Without it there are false
    negatives: captions that count as wrong although they are true.
    Raises ValueError where n scenes can't be told apart by captions, or twins is no share, and
    otherwise as `sample`.
    """
    fresh = _stream(n, generator, split)
    between("twins", twins, 0.6, most=1)
    scenes: list[Scene] = []
    while len(scenes) < n:
        partner = twin(scenes[-1], generator) if scenes and generator.random() < twins else None
        scenes.append(partner or next(fresh))
    statements = [state(scene, generator) for scene in scenes]
    if distinct:
        _tell_apart(scenes, statements, fresh, generator)
    return scenes, [say(statement, generator) for statement in statements]


def _tell_apart(
    scenes: list[Scene],
    statements: list[Statement],
    fresh: Iterator[Scene],
    generator: np.random.Generator,
) -> None:
    """Say more, one thing at a time, until every statement is true of its own scene alone.

    Where nothing is left to say, the scene is replaced by another.
    """
    unclear = list(range(len(scenes)))
    for _ in range(TRIES):
        matches = describes([statements[k] for k in unclear], scenes).sum(axis=0)
        unclear = [
            k for k, scenes_described in zip(unclear, matches, strict=True) if scenes_described > 1
        ]
        if not unclear:
            return
        for k in unclear:
            statement = say_more(statements[k], scenes[k], generator)
            if statement is None:
                scenes[k] = next(fresh)
                statement = state(scenes[k], generator)
                unclear = list(range(len(scenes)))  # others may be true of the new scene
            statements[k] = statement
    raise ValueError(
        f"{len(scenes)} scenes can't be told apart by captions; try a smaller batch, "
        "or distinct=False to allow false negatives"
    )
