"""Captions: what they state, whether that is true of a scene, and how it is put into words.

A caption always speaks of every object of its picture, but seldom of every attribute. What it
says is a `Statement`; `say` puts one into words; `describes` tells of which scenes it is true, so
that the false negatives of a batch are known rather than guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from clipbook.scenes.world import (
    COLOURS,
    OPPOSITE,
    PLACES,
    RELATIONS,
    SHAPES,
    SIZES,
    Object,
    Scene,
)
from clipbook.validation import check_generator, excerpt, one_of

SIZE_WORDS = {"small": ("small", "little"), "large": ("large", "big")}
RELATION_WORDS = {
    "above": ("above", "over"),
    "below": ("below", "under"),
    "left of": ("left of", "to the left of"),
    "right of": ("right of", "to the right of"),
}
OPENINGS = ("", "", "a picture of ", "an image of ", "there is ", "we see ")
JOINERS = (" and ", " with ")

MENTION_RATES = {"shape": 0.92, "colour": 0.85, "size": 0.25, "place": 0.2, "relation": 0.9}
"""How often a caption mentions each thing, where it can."""

ATTRIBUTES = ("shape", "colour", "size", "place")


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is said of one object; None is what is left unsaid.

    Raises ValueError for what no object of this world is or has.
    """

    shape: str | None = None
    colour: str | None = None
    size: str | None = None
    place: str | None = None

    def __post_init__(self) -> None:
        if self.shape is not None:
            one_of("shape", self.shape, SHAPES)
        if self.colour is not None:
            one_of("colour", self.colour, COLOURS)
        if self.size is not None:
            one_of("size", self.size, SIZES)
        if self.place is not None:
            one_of("place", self.place, PLACES)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a caption says: a phrase for each object, and how the first lies to the second.

    Raises ValueError for what are not one or two phrases, and for a relation that is none of
    RELATIONS or has no second object.
    """

    phrases: tuple[Phrase, ...]
    relation: str | None = None

    def __post_init__(self) -> None:
        phrases = self.phrases
        if isinstance(phrases, list):
            phrases = tuple(phrases)
            object.__setattr__(self, "phrases", phrases)
        if (
            not isinstance(phrases, tuple)
            or not 1 <= len(phrases) <= 2
            or not all(isinstance(phrase, Phrase) for phrase in phrases)
        ):
            raise ValueError(
                f"phrases={excerpt(phrases)} are not one or two phrases in a tuple; try "
                "(Phrase('circle', 'red'),)"
            )
        if self.relation is None:
            return
        one_of("relation", self.relation, RELATIONS)
        if len(phrases) == 1:
            raise ValueError(
                f"relation={self.relation!r} of a single phrase: it says how the first object lies "
                "to a second; give two phrases, or no relation"
            )


def _phrase(thing: Object, mentioned: Sequence[bool]) -> Phrase:
    values = [
        getattr(thing, name) if mention else None
        for name, mention in zip(ATTRIBUTES, mentioned, strict=True)
    ]
    return Phrase(*values)


def state(scene: Scene, generator: np.random.Generator) -> Statement:
    """Something true of the scene, as a caption might say it: attributes are left out at random.

    Of each object, at least the shape or the colour is said. Raises TypeError for anything but a
    NumPy generator.
    """
    check_generator(generator)
    phrases = []
    for thing in scene.objects:
        draws = generator.random(4).tolist()
        mentioned = [
            draw < MENTION_RATES[name] for name, draw in zip(ATTRIBUTES, draws, strict=True)
        ]
        mentioned[1] |= not mentioned[0]
        phrases.append(_phrase(thing, mentioned))
    relation = scene.relation if generator.random() < MENTION_RATES["relation"] else None
    return Statement(tuple(phrases), relation)


def state_all(scene: Scene) -> Statement:
    """All that a caption can say of the scene."""
    return Statement(tuple(_phrase(thing, [True] * 4) for thing in scene.objects), scene.relation)


def say_more(
    statement: Statement, scene: Scene, generator: np.random.Generator
) -> Statement | None:
    """The statement with one more thing said, or None where nothing is left to say."""
    check_generator(generator)
    omissions: list[tuple[int, str]] = [
        (k, name)
        for k, (phrase, thing) in enumerate(zip(statement.phrases, scene.objects, strict=True))
        for name in ATTRIBUTES
        if getattr(phrase, name) != getattr(thing, name)
    ]
    if statement.relation != scene.relation:
        omissions.append((-1, "relation"))
    if not omissions:
        return None
    k, name = omissions[int(generator.integers(len(omissions)))]
    if name == "relation":
        return replace(statement, relation=scene.relation)
    phrases = list(statement.phrases)
    phrases[k] = replace(phrases[k], **{name: getattr(scene.objects[k], name)})
    return replace(statement, phrases=tuple(phrases))


def _noun(phrase: Phrase, size_word: str) -> str:
    words = [size_word, phrase.colour, phrase.shape or "shape"]
    name = " ".join(word for word in words if word)
    article = "an" if name[0] in "aeiou" else "a"
    place = f" in the {phrase.place}" if phrase.place else ""
    return f"{article} {name}{place}"


def say(statement: Statement, generator: np.random.Generator | None = None) -> str:
    """The statement in words; the wording is drawn from the generator, plainest without one.

    Raises TypeError for anything but a NumPy generator or None.
    """
    if generator is not None:
        check_generator(generator)
    draws = [0.0] * 4 if generator is None else generator.random(4).tolist()
    nouns = [
        _noun(phrase, _choose(SIZE_WORDS[phrase.size], draw) if phrase.size else "")
        for phrase, draw in zip(statement.phrases, draws, strict=False)
    ]
    opening = _choose(OPENINGS, draws[2])
    if len(nouns) == 1:
        return opening + nouns[0]
    if statement.relation:
        relation = _choose(RELATION_WORDS[statement.relation], draws[3])
        return f"{opening}{nouns[0]} {relation} {nouns[1]}"
    return opening + _choose(JOINERS, draws[3]).join(nouns)


def _choose(options: tuple[str, ...], draw: float) -> str:
    return options[int(draw * len(options))]


def captions(scene: Scene) -> list[str]:
    """Captions that are all true of the scene, from the fullest to the plainest, none twice."""
    choices = [
        (True, True, True, True),  # everything
        (True, True, True, False),
        (True, True, False, False),  # colour and shape
        (True, False, True, False),
        (True, False, False, False),  # the shape alone
        (False, True, False, False),  # the colour alone
    ]
    orders = [(scene.objects, scene.relation)]
    if len(scene.objects) == 2:
        opposite = OPPOSITE[scene.relation] if scene.relation else None
        orders.append((scene.objects[::-1], opposite))
    sentences: dict[str, None] = {}
    for mentioned in choices:
        for objects, relation in orders:
            phrases = tuple(_phrase(thing, mentioned) for thing in objects)
            for link in dict.fromkeys((relation, None)):
                sentences[say(Statement(phrases, link))] = None
    return list(sentences)


# Whatever can be said is a fact with a bit of its own: of the first object, of the second, of both.
_VALUES = (*SHAPES, *COLOURS, *SIZES, *PLACES)
_BIT: dict[object, int] = {
    **{
        (k, value): 1 << (k * len(_VALUES) + bit)
        for k in (0, 1)
        for bit, value in enumerate(_VALUES)
    },
    **{name: 1 << (2 * len(_VALUES) + bit) for bit, name in enumerate((*RELATIONS, 1, 2))},
}


def _facts(things: Sequence[Object | Phrase], relation: str | None) -> int:
    facts = _BIT[len(things)] | (_BIT[relation] if relation else 0)
    for k, thing in enumerate(things):
        for value in (thing.shape, thing.colour, thing.size, thing.place):
            if value:
                facts |= _BIT[k, value]
    return facts


@lru_cache(maxsize=2_000)  # a batch is asked again and again until its captions are clear
def _either_way(scene: Scene) -> tuple[int, int]:
    """The scene's facts, and the same with its objects in the other order."""
    opposite = OPPOSITE[scene.relation] if scene.relation else None
    return _facts(scene.objects, scene.relation), _facts(scene.objects[::-1], opposite)


def describes(statements: Sequence[Statement], scenes: Sequence[Scene]) -> np.ndarray:
    """Which statement is true of which scene: bool, (scenes, statements).

    A statement is true where all its facts are. Two objects may be named in either order. A
    caption names every object, so a statement about one object is not true of a scene with two.
    """
    stated = np.array(
        [_facts(statement.phrases, statement.relation) for statement in statements], np.uint64
    )
    facts = np.array([_either_way(scene) for scene in scenes], np.uint64).reshape(-1, 2)
    return ((stated & ~facts[:, :, None]) == 0).any(axis=1)
