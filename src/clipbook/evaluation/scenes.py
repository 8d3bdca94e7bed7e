"""How well a model knows the world of `clipbook.scenes`: the numbers on a model card."""

from collections.abc import Sequence

import torch
from torch import Tensor

from clipbook.evaluation.retrieval import recall_at_k
from clipbook.evaluation.zero_shot import class_embeddings, encode_captions
from clipbook.pairs import CLIP, similarity
from clipbook.pairs.modes import evaluating
from clipbook.scenes import (
    COLOURS,
    SHAPES,
    Phrase,
    Scene,
    Statement,
    describes,
    render,
    sample,
    say,
)
from clipbook.scenes.world import OPPOSITE
from clipbook.streams import stream
from clipbook.text import AnyTokenizer
from clipbook.validation import whole_number

CLASSES = tuple((colour, shape) for colour in COLOURS for shape in SHAPES)
"""The 64 combinations of colour and shape, in the order of `combination_names`."""

PAIRS_OF_SCENES = 500


def combination_names() -> list[str]:
    """The 64 classes of colour and shape, as a caption names them."""
    return [say(Statement((Phrase(shape, colour),))) for colour, shape in CLASSES]


def evaluate_scenes(
    model: CLIP, tokenizer: AnyTokenizer, *, scenes: int = 1_000, seed: int = 0
) -> dict[str, float]:
    """Shares of right answers, 0 to 1, on scenes that training did not draw, in eval mode.

    "… seen" and "… never seen": zero-shot among the 64 combinations on one-object scenes, both
    right, then colour and shape alone. The rest on 500 two-object scenes that contain a
    never-seen combination, and of which no caption is true of another's picture: retrieval both
    ways, and how often the true caption beats the same one with both colours exchanged, or with
    the relation turned round. Raises ValueError for fewer scenes than one.
    """
    whole_number("scenes", scenes, 1_000)
    with evaluating(model):
        return _classify_single_scenes(model, tokenizer, scenes, seed) | _compare_pairs(
            model, tokenizer, seed
        )


def _classify_single_scenes(
    model: CLIP, tokenizer: AnyTokenizer, scenes: int, seed: int
) -> dict[str, float]:
    """Zero-shot on scenes of one object."""
    results: dict[str, float] = {}
    classes = class_embeddings(model, tokenizer, combination_names())
    for name, split in (("seen", "train"), ("never seen", "held_out")):
        sampled = sample(scenes, stream(f"evaluation, {split}", seed), split, objects=1)
        answers = (_embed(model, sampled) @ classes.T).argmax(dim=1).cpu()
        truth = torch.tensor(
            [CLASSES.index((scene.objects[0].colour, scene.objects[0].shape)) for scene in sampled]
        )
        results[f"colour and shape, {name}"] = _share(answers == truth)
        results[f"colour, {name}"] = _share(answers // len(SHAPES) == truth // len(SHAPES))
        results[f"shape, {name}"] = _share(answers % len(SHAPES) == truth % len(SHAPES))
    return results


def _compare_pairs(model: CLIP, tokenizer: AnyTokenizer, seed: int) -> dict[str, float]:
    """Retrieval and twins, on scenes of two objects."""
    results: dict[str, float] = {}
    scenes = _distinct_scenes(
        sample(2 * PAIRS_OF_SCENES, stream("evaluation, pairs", seed), "held_out", objects=2)
    )
    images = _embed(model, scenes)
    statements = [_plain_statement(scene) for scene in scenes]
    texts = _say_and_embed(model, tokenizer, statements)
    to_text, to_image = recall_at_k(similarity(images, texts))
    results["picture to caption, first of 500"] = to_text
    results["caption to picture, first of 500"] = to_image

    true_similarity = (images * texts).sum(dim=1)
    for name, change in (("colours exchanged", _exchange_colours), ("relation turned", _turn)):
        twins = [change(statement) for statement in statements]
        differs = [a != b for a, b in zip(twins, statements, strict=True)]
        twin_similarity = (images * _say_and_embed(model, tokenizer, twins)).sum(dim=1)
        results[f"beats its twin, {name}"] = _share(
            (true_similarity > twin_similarity).cpu()[differs]
        )
    return results


def _share(correct: Tensor) -> float:
    return correct.float().mean().item()


def _embed(model: CLIP, scenes: Sequence[Scene]) -> Tensor:
    size = model.config.image.image_size
    return model.encode_image(model.preprocess([render(scene, size) for scene in scenes]))


def _say_and_embed(model: CLIP, tokenizer: AnyTokenizer, statements: Sequence[Statement]) -> Tensor:
    return encode_captions(model, tokenizer, [say(statement) for statement in statements])


def _distinct_scenes(scenes: Sequence[Scene]) -> list[Scene]:
    """The first 500 scenes whose plain captions are true of no scene before them, nor the reverse:
    a caption that is true of two pictures would count as an error where there is none."""
    matches = describes([_plain_statement(scene) for scene in scenes], scenes)
    clash, chosen = matches | matches.T, list[int]()
    for k in range(len(scenes)):
        if not clash[k, chosen].any():
            chosen.append(k)
    return [scenes[k] for k in chosen[:PAIRS_OF_SCENES]]


def _plain_statement(scene: Scene) -> Statement:
    """Shape, colour, size and relation, but no places: "a small red circle above a …"."""
    phrases = tuple(Phrase(thing.shape, thing.colour, thing.size) for thing in scene.objects)
    return Statement(phrases, scene.relation)


def _exchange_colours(statement: Statement) -> Statement:
    first, second = statement.phrases
    return Statement(
        (
            Phrase(first.shape, second.colour, first.size),
            Phrase(second.shape, first.colour, second.size),
        ),
        statement.relation,
    )


def _turn(statement: Statement) -> Statement:
    assert statement.relation, "a sampled pair stands in a relation"
    return Statement(statement.phrases, OPPOSITE[statement.relation])
