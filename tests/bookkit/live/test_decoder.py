"""The model that answers, run by node, against PyTorch; see decoder.test.mjs."""

from dataclasses import asdict, replace

import numpy as np
import pytest

import clipbook
from bookkit.live import question_patterns, words
from clipbook.evaluation.answers import SPLITS, draw_questions
from clipbook.language import read_boxes
from clipbook.pretrained.shipped import FOLDERS
from clipbook.scenes import EXAMPLE, Scene, render
from tests.bookkit.live.test_engine import ODD, any_texts, packed, run_in_node

FREE = ["detect dog", "who are you?", "is the circle red?", "detect <loc0005> star", "日本語?"]


def answers() -> dict:
    """What PyTorch answers to questions of each kind, to some that it never learned, and to some
    without a picture."""
    answerer = clipbook.load("answers")
    asked = [
        (scene, question.text)
        for split in SPLITS
        for scene, question in draw_questions(12, split, seed=5)
    ]
    asked += [(scene, text) for (scene, _), text in zip(EXAMPLE, FREE, strict=False)]
    asked += [(None, text) for _, text in asked[:9]]
    cases = []
    for scene, question in asked:
        picture = scene and render(scene)
        explained = answerer.explain(picture, question)
        boxes = read_boxes(explained.answer, answerer.tokenizer.bins)
        cases.append(
            {
                "picture": packed(np.asarray(picture)) if picture else None,
                "question": question,
                "answer": explained.answer,
                "tokens": explained.tokens,
                "candidates": explained.candidates,
                "looks": explained.attention.mean(dim=(1, 2)).tolist(),
                "boxes": [box for box, _ in boxes],
            }
        )
    texts = ["<loc0000><loc0031> a star<loc0007>", *ODD, *any_texts(100)]
    return {
        "path": str(FOLDERS["answers"] / "answers.safetensors"),
        "words": words("answers"),
        "cases": cases,
        "patterns": question_patterns(),
        "asked": [
            {"question": question.text, "scene": asdict(scene)}
            for scene, question in draw_questions(40, seed=9)
        ],
        "free": FREE,
        "texts": texts,
        "ids": [answerer.tokenizer.encode(text) for text in texts],
    }


def test_what_the_playground_says_about_its_answers_is_so():
    scene, answerer = EXAMPLE[0][0], clipbook.load("answers")
    circle, square = scene.objects
    asked = "what is above the blue square?"
    assert answerer.ask(render(scene), asked) == "a red circle"
    for y in (0.7, 0.77, 0.84):
        things = replace(circle, y=y), replace(square, y=0.25)
        assert answerer.ask(render(Scene(things, scene.ground)), asked) == "nothing"
    explained = answerer.explain(render(scene), "detect red circle")
    for (first, _), *others in explained.candidates[:4]:
        for other, _ in others[:2]:
            assert abs(int(other[4:8]) - int(first[4:8])) <= 2


@pytest.mark.slow
def test_it_answers_as_pytorch_does_token_by_token(tmp_path):
    run_in_node("decoder.test.mjs", tmp_path, **answers())
