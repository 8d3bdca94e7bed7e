"""The tokenizer in JavaScript against the one in Python: the same words and ids for any text."""

import random
from pathlib import Path

import hypothesis
import pytest
import regex
from hypothesis import strategies as st

from clipbook.text import Tokenizer, split_words
from clipbook.widgets import tokenizer_explorer
from clipbook.widgets.tokenizer_explorer import character_classes
from tests.tiny import tokenizer

pytestmark = pytest.mark.browser
SOURCE = Path(tokenizer_explorer.__file__).with_suffix(".js")
LOAD = """async ([source, merges, classes]) => {
    const blob = new Blob([source], { type: "text/javascript" });
    window.widget = await import(URL.createObjectURL(blob));
    window.tokenizer = widget.makeTokenizer(merges, classes);
}"""
AWKWARD = [
    "",
    " ",
    "Pepper the aussie pup",
    "a  small\tred\r\n\r\n circle \r\n",
    "don't! stop… 3.14 ½ ² Ⅷ ٣٤",
    "naïve nai\u0308ve café cafe\u0301 — ÅÉ ǅ ﬁ",
    "日本語のテキスト 한국어 ไทย हिन्दी",
    "שלום עולם مرحبا بالعالم \u202eevil\u202c",
    "👩\u200d👩\u200d👧 🐶🏽 🇳🇱 ❤\ufe0f",
    "\x00\x1c\x1f\x85\xa0\u180e\u2007\u2028\u3000\ufeff x",
    "<start><end><pad>",
    "aaaaaaaaaaaaaaa",
    "\U0001e030\U00011f04\U0001d7d8\U00031350\U0010ffff\uffff",  # in few browsers yet
]


def hypothesis_texts(count: int) -> list[str]:
    """Texts of every kind that hypothesis thinks of: any Unicode, and captions torn to pieces."""
    pieces = [
        "a small red",
        " circle",
        "  ",
        "\r\n",
        "é",
        "e\u0301",
        "👧🏽",
        "12",
        "!",
        "aaa",
        " the",
    ]
    found: list[str] = []

    @hypothesis.settings(max_examples=count, database=None)
    @hypothesis.given(st.text() | st.lists(st.sampled_from(pieces), max_size=12).map("".join))
    def collect(text):
        found.append(text)

    collect()
    return found


def random_texts(count: int) -> list[str]:
    """Texts of characters from one small part of Unicode each, as real scripts are."""
    dice, texts = random.Random(0), []
    while len(texts) < count:
        start = dice.choice([*range(0, 0x30000, 64)])
        block = [chr(start + k) for k in range(64) if not 0xD800 <= start + k < 0xE000]
        texts.append("".join(dice.choice([*block, " ", "7"]) for _ in range(16 if block else 0)))
    return texts


@pytest.fixture(scope="module")
def page(browser):
    """A blank page with `tokenizer`, made from what the widget's state holds."""
    page = browser.new_page()
    merges = [token_id for pair in tokenizer().merges for token_id in pair]
    page.evaluate(LOAD, [SOURCE.read_text(encoding="utf-8"), merges, character_classes()])
    yield page
    page.close()


def test_ids_of_a_thousand_texts_are_pythons(page):
    texts = [*AWKWARD, *hypothesis_texts(600), *random_texts(500)]
    assert len(texts) >= 1_000
    ids = page.evaluate("(texts) => texts.map((text) => tokenizer.encode(text))", texts)
    different = [
        text for text, one in zip(texts, ids, strict=True) if tokenizer().encode(text) != one
    ]
    assert different == []


def test_steps_are_pythons(page):
    texts = [*AWKWARD, "a small red circle above a blue square, there is a picture"]
    script = (
        "(texts) => texts.map((text) => tokenizer.steps(text).map(({ words }) => words.flat()))"
    )
    assert page.evaluate(script, texts) == [tokenizer().steps(text) for text in texts]


def test_wherever_unicodes_classes_change_words_split_as_in_python(page):
    """Not as the browser's own Unicode has it, which may be older or newer."""
    kinds = [regex.compile(kind) for kind in (r"\p{L}", r"\p{N}", r"\p{White_Space}")]
    characters, before = [], None
    for number in (*range(0xD800), *range(0xE000, 0x110000)):
        kind = [bool(one.match(chr(number))) for one in kinds]
        if kind != before or number % 500 == 0:
            characters += [chr(number - 1)] if number not in (0, 0xE000) else []
            characters += [chr(number)]
        before = kind
    assert len(characters) > 5_000
    text = "".join(f"a{character}1 {character}." for character in characters)
    assert page.evaluate("(text) => tokenizer.split(text)", text) == split_words(text)


@pytest.mark.parametrize("text", ["a red \ud800 circle", "\udfff", "\ude00\ud83d"])
def test_half_a_character_is_refused_by_both(page, text):
    with pytest.raises(ValueError, match="lone surrogate"):
        tokenizer().encode(text)
    units = [
        int.from_bytes(pair, "little")
        for pair in pairs_of(text.encode("utf-16-le", "surrogatepass"))
    ]
    script = """(units) => {
        try { return tokenizer.encode(String.fromCharCode(...units)); }
        catch (error) { return String(error); }
    }"""
    assert page.evaluate(script, units).startswith("RangeError: lone surrogate at ")


def pairs_of(data: bytes) -> list[bytes]:
    return [data[k : k + 2] for k in range(0, len(data), 2)]


@pytest.mark.parametrize("text", ["", "abcd", "abcdefgh"])
def test_a_text_is_framed_padded_and_cut_as_a_batch_is(page, text):
    short = Tokenizer(context_length=6)
    row, cut = page.evaluate(
        "([ids, length]) => { const { row, cut } = widget.frame(ids, length); return [row, cut]; }",
        [short.encode(text), 6],
    )
    if text:
        assert row == short.batch([text])[0][0].tolist()
    else:
        assert row == [1, 2, 0, 0, 0, 0]
    assert cut == max(0, len(text) - 4)


def test_pieces_break_only_where_a_character_and_a_token_end(page):
    script = """([word, lengths]) => widget.cutIntoPieces(word, lengths)
        .map((piece) => piece.map(({ character }) => character).join(""))"""
    assert page.evaluate(script, ["aé日b", [1, 1, 1, 2, 1, 1]]) == ["a", "é", "日", "b"]
    assert page.evaluate(script, ["aé日b", [2, 1, 3, 1]]) == ["aé", "日", "b"]
    assert page.evaluate(script, ["aé日b", [1, 3, 3]]) == ["a", "é日b"]
