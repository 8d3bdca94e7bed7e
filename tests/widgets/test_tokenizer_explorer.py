"""The tokenizer explorer in Python: what it accepts, keeps, refuses and says."""

import gzip
import json

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from ipywidgets.embed import dependency_state

from clipbook.text import CLIPTokenizer, Tokenizer
from clipbook.widgets import TokenizerExplorer
from clipbook.widgets.tokenizer_explorer import character_classes
from tests.tiny import tokenizer

PEPPER = "Pepper the aussie pup"


def message_from_page(widget: TokenizerExplorer, **state) -> None:
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})


def test_it_begins_with_pepper_and_her_tokens():
    widget = TokenizerExplorer(tokenizer())
    assert (widget.text, widget.step) == (PEPPER, -1)
    assert widget.token_ids == tokenizer().encode(PEPPER)


def test_a_tokenizer_of_clips_kind_is_refused():
    with pytest.raises(ValueError, match=r"CLIPTokenizer.*too many.*tokenizer\.steps"):
        TokenizerExplorer(CLIPTokenizer())


def test_token_ids_are_those_of_the_step_from_bytes_to_tokens():
    widget = TokenizerExplorer(tokenizer(), step=0)
    assert widget.token_ids == [3 + byte for byte in PEPPER.encode()]
    for step, ids in enumerate(tokenizer().steps(PEPPER)):
        widget.step = step
        assert widget.token_ids == ids
    widget.step = -2
    assert widget.step == len(tokenizer().steps(PEPPER)) - 2
    assert widget.token_ids == tokenizer().steps(PEPPER)[-2]


def test_the_last_step_stays_the_last_whatever_the_text():
    widget = TokenizerExplorer(tokenizer())
    widget.text = "a small red circle"
    assert widget.step == -1
    assert widget.token_ids == tokenizer().encode("a small red circle")


def test_a_step_that_a_new_text_has_stays_and_another_becomes_the_last():
    widget = TokenizerExplorer(tokenizer(), "a small red circle", step=5)
    widget.text = "a small red square"
    assert widget.step == 5
    widget.text = "xyz"
    assert (widget.step, widget.token_ids) == (-1, tokenizer().encode("xyz"))


def test_token_ids_are_observed_once_a_change_and_cannot_be_set():
    widget = TokenizerExplorer(tokenizer())
    seen = []
    widget.observe(seen.append, names="token_ids")
    widget.text = "a red circle"
    assert [change["new"] for change in seen] == [tokenizer().encode("a red circle")]
    with pytest.raises(Exception, match="read-only"):
        widget.token_ids = [1]


def test_what_the_page_changes_is_read_in_python_and_needs_no_new_words():
    widget = TokenizerExplorer(tokenizer(), "a small red circle", step=3)
    before = widget.alternative
    message_from_page(widget, text="red", step=-1)
    assert (widget.text, widget.step) == ("red", -1)
    assert widget.token_ids == tokenizer().encode("red")
    assert widget.alternative == before
    widget.step = 0
    assert widget.alternative != before


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"text": "x" * 401}, ["401 characters", "longer than the 400", "try text[:400]"]),
        ({"text": "a \ud800"}, ["lone surrogate at", "no Unicode text; try"]),
        ({"text": "xyz", "step": 1}, ["step=1 ", "the 1 steps", "use 0 to 0, or -1"]),
        ({"step": 1.5}, ["step=1.5 is not a whole number", "0 for the bytes, or -1"]),
        ({"step": None}, ["step=None is not a whole number", "0 for the bytes, or -1"]),
        (
            {"tokenizer": None},
            ["tokenizer=None is no clipbook.text.Tokenizer", "try clipbook.load"],
        ),
        ({"text": "xyz", "step": -2}, ["step=-2 ", "the 1 steps", "use 0 to 0, or -1"]),
    ],
)
def test_bad_input_gets_value_rule_and_remedy(options, parts):
    with pytest.raises(ValueError) as error:
        TokenizerExplorer(**({"tokenizer": tokenizer()} | options))
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize(("name", "value"), [("text", "\udfff"), ("text", "x" * 401), ("step", 99)])
def test_a_refused_assignment_changes_nothing(name, value):
    widget = TokenizerExplorer(tokenizer())
    before = widget.get_state(), widget.token_ids
    with pytest.raises(ValueError, match=r"(try|use) "):
        setattr(widget, name, value)
    assert (widget.get_state(), widget.token_ids) == before


def test_classes_hold_the_characters_that_the_tokenizers_pattern_means():
    for name, ranges in character_classes().items():
        pattern = {"letters": r"\p{L}", "digits": r"\p{N}", "spaces": r"\p{White_Space}"}[name]
        numbers, end, held = [int(part, 36) for part in ranges.split()], 0, []
        for skip, more in zip(numbers[::2], numbers[1::2], strict=True):
            held += range(end + skip, end + skip + more + 1)
            end = held[-1]
        every = "".join(map(chr, range(0x110000)))
        assert held == [ord(character) for character in regex.findall(pattern, every)]


@given(st.text(max_size=40))
@settings(max_examples=40)
def test_any_text_has_words_for_it(text):
    widget = TokenizerExplorer(tokenizer(), text, step=0)
    ids = [3 + byte for byte in text.encode()]
    assert f"give {len(ids)} token" in widget.alternative


def test_alternative_tells_the_tokens_and_how_much_of_the_context_they_fill():
    words = Tokenizer([(107, 104)], 8)
    assert TokenizerExplorer(words, "the é").alternative == (
        "“the é”: 6 bytes and 1 merge give 5 tokens: “t” 119, “he” 259, “ ” 35, byte 195 198, "
        "byte 169 172. With start and end they fill 7 of 8 places; the rest is padding."
    )
    assert "fill 8 of 8 places" in TokenizerExplorer(words, "Pepper").alternative
    assert "cut off" in TokenizerExplorer(words, "Pepper ").alternative
    assert TokenizerExplorer(words, "Pepper pup", step=0).alternative.endswith(
        "6 of them fit between start and end; the rest is cut off."
    )


def test_state_stays_small():
    widget = TokenizerExplorer(tokenizer())
    state = json.dumps(dependency_state([widget], drop_defaults=False))
    assert len(gzip.compress(state.encode())) <= 15_000
