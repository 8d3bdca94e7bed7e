"""How well a model answers questions about scenes that training did not draw.

Built in: book/language/paligemma.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from clipbook.language import Answerer, iou, read_boxes
from clipbook.scenes import KINDS, Question, Scene, draw_question, is_right, render, sample
from clipbook.scenes.questions import Box
from clipbook.streams import stream
from clipbook.text.texts import checked_texts
from clipbook.validation import one_of, whole_number

SPLITS = {"seen": "train", "never seen": "held_out"}
PICTURES = ("own", "another's", "none")
OVERLAP = 0.5
"""The least IoU of a box that counts as right."""

BOX = "box IoU"
COUNTED = 40_000
"""Questions from which the blind baseline learns."""

Asked = list[tuple[Scene, Question]]


def draw_questions(
    n: int, split: str = "seen", *, kinds: Iterable[str] = KINDS, seed: int = 0
) -> Asked:
    """n questions of each kind, each about a scene of its own.

    split: "never seen" asks of combinations that no training scene holds. Raises ValueError for
    another split, no number, no kinds, and one that isn't asked of scenes.
    """
    one_of("split", split, SPLITS)
    n = whole_number("n", n, 200)
    asked: Asked = []
    for place, kind in enumerate(_checked_kinds(kinds), 1):
        generator = stream(f"questions of the evaluation, {split}, {kind}", seed)
        while len(asked) < n * place:
            scene = sample(1, generator, SPLITS[split])[0]
            question = draw_question(scene, kind, generator, never_seen=split == "never seen")
            if question:
                asked.append((scene, question))
    return asked


def _checked_kinds(kinds: Iterable[str]) -> list[str]:
    """Each kind once. Raises ValueError for a single string, no kinds, and what is none."""
    several = list(dict.fromkeys(checked_texts(kinds, "kinds")))
    for kind in several:
        one_of("kind", kind, KINDS)
    return several


def grade(question: Question, scene: Scene, answer: str, bins: int) -> tuple[bool, float]:
    """Whether an answer is right, and the IoU of the first box that it tells; 0 without one.

    A box is right where it overlaps the true one by more than half, and its name is right.
    """
    if question.box is None:
        return is_right(question, scene, answer), 0.0
    boxes = read_boxes(answer, bins)
    if not boxes:
        return False, 0.0
    box, name = boxes[0]
    overlap = iou(question.box, box)
    return overlap > OVERLAP and name == question.answer, overlap


def evaluate_answers(
    answerer: Answerer,
    n: int = 200,
    *,
    kinds: Iterable[str] = KINDS,
    seed: int = 0,
    pictures: str = "own",
) -> dict[str, float]:
    """Shares of right answers, 0 to 1, for each kind, of seen and never-seen combinations: n
    questions each, about scenes that training did not draw; their mean, and the mean IoU of boxes.

    pictures: what is shown: each question's own, another question's of the same kind, or none.
    Raises ValueError for other choices, and for a single question, where there is no other.
    """
    one_of("pictures", pictures, PICTURES)
    n = whole_number("n", n, 200, least=2 if pictures == "another's" else 1)
    results: dict[str, float] = {}
    size, kinds = answerer.model.config.image.image_size, _checked_kinds(kinds)
    for split in SPLITS:
        asked = draw_questions(n, split, kinds=kinds, seed=seed)
        shown = None
        if pictures != "none":
            scenes = [scene for scene, _ in asked]
            if pictures == "another's":  # of the next question of that kind
                scenes = [scenes[k // n * n + (k + 1) % n] for k in range(len(scenes))]
            shown = np.stack([np.asarray(render(scene, size)) for scene in scenes])
        answers = answerer.ask_all(shown, [question.text for _, question in asked])
        results |= _shares(asked, answers, answerer.tokenizer.bins, split)
    return results


def blind_baseline(
    n: int = 200, *, kinds: Iterable[str] = KINDS, seed: int = 0
) -> dict[str, float]:
    """The same of the best that can be answered without a picture: to each question its commonest
    answer among training's questions, to one that is not among them the commonest of its kind, and
    the square that is right most often. It is counted, so no model that doesn't look can do much
    better but by luck. The mean IoU is that of another square, which has the largest.
    """
    kinds = _checked_kinds(kinds)
    generator = stream("blind baseline", seed)
    by_text: dict[str, Counter[str]] = {}
    by_kind: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    boxes: list[Box] = []
    for k in range(COUNTED):
        scene = sample(1, generator)[0]
        question = draw_question(scene, kinds[k % len(kinds)], generator)
        if question:
            by_text.setdefault(question.text, Counter())[question.answer] += 1
            by_kind[question.kind][question.answer] += 1
            boxes += [question.box] if question.box else []
    often, near = _best_squares(boxes[:1_000])
    results: dict[str, float] = {}
    for split in SPLITS:
        rights: dict[str, list[bool]] = {}
        overlaps = []
        for scene, question in draw_questions(n, split, kinds=kinds, seed=seed):
            counter = by_text.get(question.text) or by_kind[question.kind]
            right = is_right(question, scene, counter.most_common(1)[0][0])
            if question.box:
                overlaps.append(iou(question.box, near))
                right = iou(question.box, often) > OVERLAP
            rights.setdefault(question.kind, []).append(right)
        results |= _summary(rights, overlaps, split)
    return results


def _best_squares(boxes: list[Box]) -> tuple[Box, Box]:
    """Of squares all over the picture, the one that is right for most of the boxes, and the one
    with the largest mean IoU."""
    middles, halves = (0.25, 0.375, 0.5, 0.625, 0.75), (0.12, 0.16, 0.2, 0.25)
    squares = [(y - h, x - h, y + h, x + h) for h in halves for y in middles for x in middles]
    overlaps = np.array([[iou(box, square) for box in boxes] for square in squares])
    often, near = (overlaps > OVERLAP).sum(axis=1), overlaps.sum(axis=1)
    return squares[int(often.argmax())], squares[int(near.argmax())]


def _shares(asked: Asked, answers: list[str], bins: int, split: str) -> dict[str, float]:
    rights: dict[str, list[bool]] = {}
    overlaps = []
    for (scene, question), answer in zip(asked, answers, strict=True):
        right, overlap = grade(question, scene, answer, bins)
        rights.setdefault(question.kind, []).append(right)
        if question.box:
            overlaps.append(overlap)
    return _summary(rights, overlaps, split)


def _summary(rights: dict[str, list[bool]], overlaps: list[float], split: str) -> dict[str, float]:
    shares = {kind: sum(right) / len(right) for kind, right in rights.items()}
    results = {f"{kind}, {split}": share for kind, share in shares.items()}
    results[f"mean, {split}"] = sum(shares.values()) / len(shares)
    if overlaps:
        results[f"{BOX}, {split}"] = sum(overlaps) / len(overlaps)
    return results
