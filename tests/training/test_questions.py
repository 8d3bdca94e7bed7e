"""clipbook.training.questions: what is asked, of which scenes, and in which tokens."""

from collections import Counter

import pytest
import torch

from clipbook.evaluation import draw_questions
from clipbook.scenes import HELD_OUT, KINDS, sample
from clipbook.streams import stream
from clipbook.training import QuestionBatches, answer_text, train_answer_tokenizer
from clipbook.training import questions as questions_module
from clipbook.training.identity import identify_tokenizer
from tests.plain import plain_python

TOKENIZER = train_answer_tokenizer()


def batches(**choices) -> QuestionBatches:
    return QuestionBatches(TOKENIZER, 16, 16, **choices)


def test_every_word_of_questions_and_answers_is_one_token():
    for scene, question in draw_questions(40, "never seen") + draw_questions(40):
        words = len(question.text.rstrip("?").split()) + question.text.count("?")
        assert len(TOKENIZER.prompt(question.text)) == words + 2, question.text
        assert len(TOKENIZER.answer(question.answer)) == len(question.answer.split()) + 1
        del scene


def test_a_batch_holds_pictures_questions_and_answers():
    pictures, token_ids, in_prompt, in_answer = batches(seed=3)[5]
    assert pictures.shape == (16, 16, 16, 3)
    assert pictures.dtype == torch.uint8
    for row, (_, question) in enumerate(batches(seed=3).questions(5)):
        assert TOKENIZER.decode(token_ids[row][in_prompt[row]].tolist()) == f"{question.text}\n"
        answer = TOKENIZER.decode(token_ids[row][in_answer[row]].tolist()).strip()
        assert answer == answer_text(question)


def test_a_batch_depends_on_seed_and_number_alone():
    for first, second in zip(batches(seed=1)[2], batches(seed=1)[2], strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(batches(seed=1)[2][0], batches(seed=2)[2][0])
    assert not torch.equal(batches(seed=1)[2][0], batches(seed=1)[3][0])


def test_kinds_are_asked_as_often_as_they_are_told_and_scenes_are_as_full():
    asked = batches(kinds={"exists": 3.0, "detect": 1.0}, two=0.25)
    drawn = [pair for k in range(50) for pair in asked.questions(k)]
    kinds = Counter(question.kind for _, question in drawn)
    assert kinds.keys() == {"exists", "detect"}
    assert 2 < kinds["exists"] / kinds["detect"] < 4.5
    two = sum(len(scene.objects) == 2 for scene, _ in drawn)
    assert 0.15 < two / len(drawn) < 0.35


def test_training_shows_no_combination_that_was_kept_back():
    for k in range(20):
        for scene, question in batches().questions(k):
            assert not scene.held_out
            assert not any(f"{c} {s}" in question.text + question.answer for c, s in HELD_OUT)


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"kinds": {}}, "asks nothing"),
        ({"kinds": ("colour", "shape")}, "asks nothing; try {'colour': 1.0}"),
        ({"kinds": "colour"}, "kinds='colour' asks nothing"),
        (
            {"kinds": {"size": 1e308, "shape": 1.0}},
            r"kinds\['size'\]=1e.308 is not a finite number",
        ),
        ({"kinds": {"weight": 1.0}}, "kind='weight'; try colour"),
        ({"kinds": {"size": 0.0}}, r"kinds\['size'\]=0.0 is not a finite number above 0"),
        ({"kinds": {"size": 0.0}}, r"kinds\['size'\].*try 1.0$"),
        ({"two": 1.5}, "two=1.5.*try 0.8$"),
        ({"seed": -1}, "seed=-1.*try 0$"),
        ({"seed": 2**64}, "seed=18446744073709551616.*try 0$"),
        ({"batch_size": 0}, "batch_size=0.*try 64$"),
        ({"image_size": 7}, "image_size=7 is not a whole number from 8.*try 32$"),
    ],
)
def test_batches_that_make_no_sense_are_refused(choices, said):
    with plain_python(), pytest.raises(ValueError, match=said):
        QuestionBatches(TOKENIZER, **choices)


def test_batches_without_choices_are_64_questions_of_every_kind_alike():
    plain = QuestionBatches(TOKENIZER)
    chosen = QuestionBatches(TOKENIZER, 64, 32, kinds=dict.fromkeys(KINDS, 1.0), two=0.8, seed=0)
    assert plain.identity() == chosen.identity()


def test_batches_are_known_by_all_that_decides_them():
    plain = batches().identity()
    words = {"words": identify_tokenizer(TOKENIZER.words), "bins": TOKENIZER.bins}
    assert (plain["kind"], plain["tokenizer"]) == ("QuestionBatches", words)
    others = [{"kinds": {"size": 1.0}}, {"two": 0.5}, {"seed": 1}, {"seed": 10**18}]
    assert all(batches(**other).identity() != plain for other in others)


def test_questions_have_a_stream_of_their_own(monkeypatch):
    asked = []
    drawn = []
    monkeypatch.setattr(questions_module, "stream", lambda *of: asked.append(of) or stream(*of))
    monkeypatch.setattr(
        questions_module, "sample", lambda n, *of, **how: drawn.append(n) or sample(n, *of, **how)
    )
    batches(seed=3).questions(5)
    assert asked == [("questions", 3, 5)]
    assert set(drawn) == {1}, "no scene is drawn in vain"


def test_boxes_are_written_in_the_bins_of_the_tokenizer():
    coarse = train_answer_tokenizer(bins=8)
    asked = QuestionBatches(coarse, 8, 16, kinds={"detect": 1.0})
    _, token_ids, _, in_answer = asked[0]
    for row, (_, question) in enumerate(asked.questions(0)):
        answer = coarse.decode(token_ids[row][in_answer[row]].tolist()).strip()
        assert answer == answer_text(question, 8) != answer_text(question)


def test_pictures_of_questions_have_sizes_that_can_be_drawn():
    with pytest.raises(ValueError, match="^image_size=4097 is not a whole number from 8 to 4,096"):
        QuestionBatches(TOKENIZER, 8, 4097)


def test_kinds_named_in_another_order_are_the_same_run():
    first = batches(kinds={"colour": 1.0, "count": 2.0})
    second = batches(kinds={"count": 2.0, "colour": 1.0})
    assert first.identity() == second.identity()
    assert first.questions(0) == second.questions(0)
