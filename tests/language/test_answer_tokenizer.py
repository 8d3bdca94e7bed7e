"""Words and locations as tokens, prompts and answers as one table."""

import pytest
import torch

from clipbook.language import AnswerTokenizer
from clipbook.text import Tokenizer
from tests.plain import plain_python

WORDS = Tokenizer.train(["what colour is the red circle?\n", " red circle"] * 3, 300)
TOKENIZER = AnswerTokenizer(WORDS, bins=32)
FIRST = WORDS.vocab_size


def test_a_location_is_one_token_behind_the_words():
    ids = TOKENIZER.encode("<loc0000><loc0031> red")
    assert ids[:2] == [FIRST, FIRST + 31]
    assert ids[2:] == WORDS.encode(" red")
    assert TOKENIZER.vocab_size == FIRST + 32
    assert TOKENIZER.token(FIRST + 7) == "<loc0007>"
    assert TOKENIZER.token(ids[2]) == WORDS.token(ids[2])


@pytest.mark.parametrize(
    "text", ["", "red", "<loc0003>", "a <loc0001><loc0002> b <loc0000>", "<loc1>", "é<loc0009>ü"]
)
def test_decoding_gives_the_text_back(text):
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def test_a_location_beyond_the_last_bin_is_refused():
    with pytest.raises(ValueError, match=r"<loc0032> is beyond the last of 32 bins, <loc0031>"):
        TOKENIZER.encode("<loc0032>")


def test_a_prompt_begins_with_start_and_ends_with_a_new_line():
    ids = TOKENIZER.prompt("what colour is the circle?")
    assert ids[0] == WORDS.start_id
    assert TOKENIZER.decode(ids) == "what colour is the circle?\n"


def test_words_of_an_answer_are_the_tokens_that_they_are_within_a_text():
    assert TOKENIZER.answer("red circle") == [*WORDS.encode(" red circle"), WORDS.end_id]
    box = "<loc0001><loc0002><loc0003><loc0004>"
    assert TOKENIZER.answer(f"{box} red")[4:] == [*WORDS.encode(" red"), WORDS.end_id]


def test_a_batch_tells_prompts_from_answers_and_pads_on_the_right():
    token_ids, in_prompt, in_answer = TOKENIZER.batch(["what?", "what colour is?"], ["red", "a"])
    for row, (question, answer) in enumerate([("what?", "red"), ("what colour is?", "a")]):
        assert token_ids[row][in_prompt[row]].tolist() == TOKENIZER.prompt(question)
        assert token_ids[row][in_answer[row]].tolist() == TOKENIZER.answer(answer)
        real = in_prompt[row] | in_answer[row]
        assert (token_ids[row][~real] == WORDS.pad_id).all()
        assert torch.equal(real, real.sort(descending=True).values)
        assert not (in_prompt[row] & in_answer[row]).any()


def test_no_questions_are_refused():
    with plain_python(), pytest.raises(ValueError, match="no questions; a batch needs"):
        TOKENIZER.batch([], [])
    with plain_python(), pytest.raises(ValueError, match="shorter|longer"):
        TOKENIZER.batch(["what?"], [])


@pytest.mark.parametrize(
    ("questions", "answers", "said"),
    [
        ("what?", "a red", "questions='what\\?' is one string"),
        (["what?"], "a", "answers='a' is one string"),
        (["what?"], ["a", "b"], "1 questions and 2 answers"),
        ([None], ["a"], "question=None is of type NoneType"),
        (["what?"], [5], "answer=5 is of type int"),
        (["\ud800"], ["a"], "question=.* holds half a character"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(questions, answers, said):
    with plain_python(), pytest.raises(ValueError, match=said):
        TOKENIZER.batch(questions, answers)


def test_a_prompt_that_is_changed_changes_no_other():
    TOKENIZER.prompt("what is it?").append(7)
    assert TOKENIZER.decode(TOKENIZER.prompt("what is it?")) == "what is it?\n"


@pytest.mark.parametrize("token_id", [-1, FIRST + 32, 10**30, 1.5, None])
def test_an_id_outside_the_vocabulary_is_refused(token_id):
    for read in (lambda: TOKENIZER.decode([token_id]), lambda: TOKENIZER.token(token_id)):
        with plain_python(), pytest.raises(ValueError, match="is outside the vocabulary; ids are"):
            read()


def test_the_digits_of_other_scripts_are_no_location():
    text = "<loc٠٠٠٧>"
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text
