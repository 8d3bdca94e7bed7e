"""Any text as a caption, a title or a name: it is taken, or a ValueError says what is wrong."""

import contextlib
import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from anywidget import AnyWidget
from hypothesis import given, settings
from hypothesis import strategies as st

from clipbook import figures, widgets
from clipbook.evaluation import zero_shot
from clipbook.text import Tokenizer, split_words
from tests import tiny
from tests.fuzz.strategies import TEXTS, pictures

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:::PIL")]


def is_unicode(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


@given(TEXTS)
def test_texts_come_back_from_their_tokens(clock, text):
    tokenizer = tiny.tokenizer()
    takers = [split_words, tokenizer.encode, tokenizer.steps, lambda one: tokenizer.batch([one])]
    with clock:
        if not is_unicode(text):
            for take in takers:
                with pytest.raises(ValueError, match="half a character"):
                    take(text)
            return
        assert "".join(split_words(text)) == text
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert tokenizer.steps(text)[-1] == ids
        for token_id in ids:
            assert tokenizer.token(token_id)


@given(st.lists(TEXTS, max_size=5), st.integers(200, 300), st.integers(-1, 40))
def test_any_texts_train_a_tokenizer_or_are_refused(folder, clock, texts, vocab_size, length):
    sound = texts and all(map(is_unicode, texts)) and vocab_size >= 259 and length >= 2
    with clock:
        if not sound:
            with pytest.raises(ValueError):
                Tokenizer.train(texts, vocab_size, length)
            return
        trained = Tokenizer.train(texts, vocab_size, length)
        trained.save(folder / "tokenizer.json")
        again = Tokenizer.load(folder / "tokenizer.json")
        for text in texts:
            assert again.decode(again.encode(text)) == text
        with contextlib.suppress(ValueError):  # a text that says nothing
            token_ids, mask = again.batch(texts)
            assert token_ids.shape == mask.shape == (len(texts), length)


@given(st.lists(TEXTS, max_size=4), st.lists(TEXTS | TEXTS.map("{} ".__add__), max_size=3))
def test_any_names_are_classes_or_are_refused(clock, names, templates):
    asked = tiny.clip(), tiny.tokenizer(), torch.zeros(2, 3, 16, 16), names, templates
    captions = [template.replace("{}", name) for template in templates for name in names]
    sound = captions and all(is_unicode(one) and one.strip() for one in captions)
    with clock:
        if not (sound and all("{}" in template for template in templates)):
            with pytest.raises(ValueError):
                zero_shot(*asked)
            return
        shares = zero_shot(*asked)
        assert shares.shape == (2, len(names))
        assert torch.allclose(shares.sum(dim=1), torch.ones(2))


fewer = settings(max_examples=max(1, settings.default.max_examples // 20))
"""For what draws, which takes a hundred times as long as all else."""


def check_figures(texts: list[str], *makers: Callable[[], figures.Card]) -> None:
    """Each is drawn, or says that it holds half a character."""
    for make in makers:
        try:
            assert make()._repr_png_()[0].startswith(b"\x89PNG")
        except ValueError as error:
            assert "half a character" in str(error)
            assert not all(map(is_unicode, texts))


NUMBERS = st.floats(-1, 1, width=32)


@fewer
@given(pictures(), TEXTS)
def test_figures_of_pictures_write_any_text(clock, picture, text):
    with clock:
        check_figures(
            [text],
            lambda: figures.pairs_strip([picture], [text], across=1),
            lambda: figures.picture_row({text: picture}),
            lambda: figures.similarity_heatmap([[0.5]], [picture], [text]),
        )


@fewer
@given(
    st.lists(TEXTS, min_size=2, max_size=2, unique=True), st.lists(NUMBERS, min_size=4, max_size=4)
)
def test_figures_of_numbers_write_any_text(clock, names, numbers):
    matrix = np.reshape(numbers, (2, 2))
    one, other = names
    with clock:
        check_figures(
            names,
            lambda: figures.token_heatmap(matrix, names, names, signed=True),
            lambda: figures.curves({one: ([0, 1], [1, 2]), other: ([0, 1], [2, 3])}, one, other),
            lambda: figures.interval_chart({one: (0.1, 0.2, 0.3), other: (0.2, 0.3, 0.5)}, one),
            lambda: figures.signed_maps({one: matrix, other: matrix}, one, other),
        )


def check_widget(make: Callable[[], AnyWidget], sound: bool) -> None:
    """It is made if what it is given is sound; then its state can stand in a page, in UTF-8."""
    try:
        widget = make()
    except ValueError:
        assert not sound
        return
    state = widget.get_state()
    texts = {name: value for name, value in state.items() if not isinstance(value, bytes)}
    json.dumps(texts, ensure_ascii=False).encode()
    assert widget.alternative
    widget.close()


@fewer
@given(pictures(), TEXTS, st.floats(-1.25, 1.25, width=32))
def test_matrices_take_any_captions(clock, picture, text, value):
    sound = is_unicode(text) and text.strip() and abs(value) <= 1
    with clock:
        check_widget(lambda: widgets.SimilarityMatrix([[value]], [picture], [text]), bool(sound))


@fewer
@given(TEXTS, st.integers(-3, 40))
def test_tokenizer_explorers_take_any_text(clock, text, step):
    sound = is_unicode(text) and len(text) <= 400 and step in (-1, 0)
    with clock:
        check_widget(lambda: widgets.TokenizerExplorer(tiny.tokenizer(), text, step), sound)


@given(pictures(["L", "RGB", "RGBA", "CMYK"]), st.integers(1, 5), st.integers(-1, 17))
def test_patch_explorers_take_any_picture(clock, picture, wide, patch_size):
    picture = picture.resize((8 * wide, 16))
    with clock:
        check_widget(lambda: widgets.PatchExplorer(picture, patch_size), patch_size == 4)


@given(st.lists(TEXTS, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_attention_explorers_take_any_tokens(clock, tokens, more, causal):
    keys = len(tokens) + more
    weights = np.tril(np.ones((1, 1, keys, keys))) if causal else np.ones((1, 1, keys, keys))
    weights /= weights.sum(axis=-1, keepdims=True)
    sound = not more and all(map(is_unicode, tokens))
    with clock:
        check_widget(lambda: widgets.AttentionExplorer(weights, tokens, causal=causal), sound)
