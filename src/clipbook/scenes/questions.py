"""Questions about scenes, of nine kinds, and their answers.

A question names an object by its colour and shape, unless one of them is what it asks for. It is
never asked where it has no clear answer: `draw_question` returns None then.
"""

from dataclasses import dataclass

import numpy as np

from clipbook.scenes.captions import Phrase, Statement, say
from clipbook.scenes.drawing import OUTLINES
from clipbook.scenes.sampling import NEVER_SEEN, TRAINING
from clipbook.scenes.world import (
    COLOURS,
    HELD_OUT,
    OPPOSITE,
    RADIUS,
    RELATIONS,
    SHAPES,
    Object,
    Scene,
)
from clipbook.validation import check_generator, one_of

KINDS = ("colour", "shape", "size", "place", "beside", "count", "exists", "caption", "detect")
NUMBERS = ("none", "one", "two")
CAPTION = "caption"

TRUE_RELATION = 0.65
"""Share of questions "what is above …?" that ask in the direction in which there is something."""

NEAR = 0.7
"""Share of combinations asked for in vain that share the colour or the shape with an object."""

Box = tuple[float, float, float, float]
"""Top, left, bottom, right: fractions of the picture's side, from its top left corner."""


@dataclass(frozen=True, slots=True)
class Question:
    """text: what is asked. answer: in words. about: the object in question, if there is one.

    box: where that object is drawn, for kind "detect" alone, whose answer is its name.
    """

    kind: str
    text: str
    answer: str
    about: Object | None = None
    box: Box | None = None


def name_of(thing: Object) -> str:
    """Colour and shape: "red circle"."""
    return f"{thing.colour} {thing.shape}"


def with_article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def box_of(thing: Object) -> Box:
    """The smallest box around what is drawn of the object."""
    radius = RADIUS[thing.size]
    xs, ys = zip(*OUTLINES.get(thing.shape, [(-1, -1), (1, 1)]), strict=True)
    top, left = thing.y + radius * min(ys), thing.x + radius * min(xs)
    return top, left, thing.y + radius * max(ys), thing.x + radius * max(xs)


def caption_answers(scene: Scene) -> list[str]:
    """The plain captions with colours, shapes and the relation: in both orders where there are two
    objects, since both are right."""
    phrases = tuple(Phrase(thing.shape, thing.colour) for thing in scene.objects)
    answers = [say(Statement(phrases, scene.relation))]
    if len(phrases) == 2:
        turned = OPPOSITE[scene.relation] if scene.relation else None
        answers.append(say(Statement(phrases[::-1], turned)))
    return answers


def draw_question(
    scene: Scene, kind: str, generator: np.random.Generator, *, never_seen: bool = False
) -> Question | None:
    """A question of that kind about the scene, or None where the draw has no clear answer.

    never_seen: ask of a combination of HELD_OUT, which "count" doesn't name; of another scene than
    one that holds such a combination, only "exists" and "count" can be asked so. Training never
    asks of one, not even in vain. Raises ValueError for a kind that is none of KINDS, TypeError for
    another kind of generator than NumPy's.
    """
    one_of("kind", kind, KINDS)
    check_generator(generator)
    things = scene.objects
    if kind == "count":
        return _count(scene, generator)
    if kind == "exists":
        return _exists(scene, generator, never_seen)
    k = int(generator.integers(len(things)))
    if never_seen:
        places = [i for i, o in enumerate(things) if (o.colour, o.shape) in HELD_OUT]
        if not places:
            return None
        k = places[0]
    thing, others = things[k], things[:k] + things[k + 1 :]
    name = name_of(thing)
    if kind == "beside":
        return _beside(scene, k, generator)
    if kind == "colour" and all(other.shape != thing.shape for other in others):
        return Question(kind, f"what colour is the {thing.shape}?", thing.colour, thing)
    if kind == "shape" and all(other.colour != thing.colour for other in others):
        return Question(kind, f"what shape is {thing.colour}?", thing.shape, thing)
    if kind == "size":
        return Question(kind, f"how large is the {name}?", thing.size, thing)
    if kind == "place" and thing.place:
        return Question(kind, f"where is the {name}?", thing.place, thing)
    if kind == "caption":
        return Question(kind, CAPTION, caption_answers(scene)[k])
    if kind == "detect":
        return Question(kind, f"detect {name}", name, thing, box_of(thing))
    return None


def is_right(question: Question, scene: Scene, answer: str) -> bool:
    """Whether an answer in words is right: a caption may begin with either object."""
    if question.kind == "caption":
        return answer in caption_answers(scene)
    return answer == question.answer


def _beside(scene: Scene, k: int, generator: np.random.Generator) -> Question | None:
    """What lies above, below, left or right of the other object: thing k, or nothing."""
    if not scene.relation:
        return None
    true = scene.relation if k == 0 else OPPOSITE[scene.relation]
    asked = true
    if generator.random() >= TRUE_RELATION:
        asked = RELATIONS[int(generator.integers(len(RELATIONS)))]
    thing, other = scene.objects[k], scene.objects[1 - k]
    answer = with_article(name_of(thing)) if asked == true else "nothing"
    return Question("beside", f"what is {asked} the {name_of(other)}?", answer, thing)


def _count(scene: Scene, generator: np.random.Generator) -> Question:
    things = scene.objects
    of, own = generator.random(2).tolist()
    thing = things[int(generator.integers(len(things)))]
    if of < 0.4:
        return Question("count", "how many shapes?", NUMBERS[len(things)])
    if of < 0.7:
        colour = thing.colour if own < 0.5 else COLOURS[int(generator.integers(len(COLOURS)))]
        total = sum(other.colour == colour for other in things)
        return Question("count", f"how many {colour} shapes?", NUMBERS[total])
    shape = thing.shape if own < 0.5 else SHAPES[int(generator.integers(len(SHAPES)))]
    total = sum(other.shape == shape for other in things)
    return Question("count", f"how many shapes are a {shape}?", NUMBERS[total])


def _exists(scene: Scene, generator: np.random.Generator, never_seen: bool) -> Question | None:
    """Half of the questions are answered by yes."""
    pool = NEVER_SEEN if never_seen else TRAINING
    inside = [o for o in scene.objects if (o.colour, o.shape) in pool]
    if generator.random() < 0.5:
        if not inside:
            return None
        thing = inside[int(generator.integers(len(inside)))]
        return Question("exists", f"is there {with_article(name_of(thing))}?", "yes", thing)
    present = {(thing.colour, thing.shape) for thing in scene.objects}
    absent = [pair for pair in pool if pair not in present]
    near = [
        (colour, shape)
        for colour, shape in absent
        if any(thing.colour == colour or thing.shape == shape for thing in scene.objects)
    ]
    if near and generator.random() < NEAR:
        absent = near
    colour, shape = absent[int(generator.integers(len(absent)))]
    return Question("exists", f"is there {with_article(f'{colour} {shape}')}?", "no")
