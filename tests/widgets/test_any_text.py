"""Any text of a reader's in any widget: it widens no page, ends no script, is no name of ours."""

import numpy as np
import pytest

from clipbook.text import Tokenizer
from clipbook.widgets import AttentionExplorer, SimilarityMatrix, TokenizerExplorer
from tests.tiny import tokenizer
from tests.widgets.conftest import draw_pictures

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LONG = {
    "letters": "n" * 200,
    "wide letters": "W" * 200,
    "bytes": "ÿ" * 200,
    "ideographs": "字" * 200,
    "emoji": "👩‍🚀" * 60,
    "address": "https://example.org/" + "a-b_c/" * 30,
    "no-break spaces": "a\xa0" * 100,
    "accents": "e" + "\u0301" * 199,
    "one that arabic spells": "\ufdfd" * 100,
}


def merged(text: str) -> Tokenizer:
    """A tokenizer to which the text is one token, or nearly."""
    return Tokenizer.train([text] * 2, 259 + 500)


def matrix(texts: list[str], **options) -> SimilarityMatrix:
    count = len(texts)
    return SimilarityMatrix(np.eye(count), draw_pictures(count), texts, **options)


def attention(tokens: list[str]) -> AttentionExplorer:
    count = len(tokens)
    return AttentionExplorer(np.full((1, 1, count, count), 1 / count), tokens=tokens)


MAKE = {
    "matrix": lambda text: matrix([text, "a ring"], selected=(0, 0)),
    "dense matrix": lambda text: matrix([text, *"abcdefghijk"]),
    "canvas": lambda text: matrix([text, *"abcdefghijklmnopqrs"]),
    "tokens": lambda text: TokenizerExplorer(tokenizer(), text),
    "one token": lambda text: TokenizerExplorer(merged(text), text),
    "attention": lambda text: attention([text, "a"]),
}


@pytest.mark.browser
@pytest.mark.parametrize("window", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("kind", MAKE)
def test_no_text_widens_the_page(show, kind, window):
    page = show(*(MAKE[kind](text) for text in LONG.values()), viewport=window)
    widths = page.locator(".widget").evaluate_all("all => all.map((one) => one.scrollWidth)")
    room = page.locator("main").evaluate("main => main.clientWidth") + 4  # an outline's
    wide = {name: width for name, width in zip(LONG, widths, strict=True) if width > room}
    assert wide == {}
    assert page.evaluate("document.documentElement.scrollWidth") == window["width"]


# What ends a script, hides its end, or is no whole character; and names that every object has.
TRAPS = ["<!-- <script", "</script><b>", "--> ]]>", "a\u2028\u2029b", "&lt; &quot;", "\0 \x1b \x7f"]
TRAPS += ["{{ 1 }} ${1}", "\\u003c \\", "'\"`", "\ufeff\u202e", "$$ $5 $6"]
NAMES = [
    *("constructor", "__proto__", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"),
    *("toLocaleString", "toString", "valueOf", "__defineGetter__", "__defineSetter__"),
    *("__lookupGetter__", "__lookupSetter__"),
]


@pytest.mark.browser
def test_these_are_all_names_that_every_object_has(browser):
    tab = browser.new_page()
    assert set(NAMES) == set(tab.evaluate("Object.getOwnPropertyNames(Object.prototype)"))
    tab.close()


@pytest.mark.browser
def test_a_page_shows_every_text_as_it_was_written(show):
    """That nothing was left undrawn, and no error was in the console, is what `show` looks at."""
    texts = TRAPS + NAMES
    widgets = [matrix(texts), attention(texts), TokenizerExplorer(tokenizer(), " ".join(texts))]
    page = show(*widgets)
    captions = page.locator(".matrix-caption").evaluate_all("all => all.map((k) => k.textContent)")
    assert captions == texts
    page.get_by_role("gridcell").first.click()
    for _ in texts:
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    told = page.locator(".kit-stack > p").last.evaluate("node => node.textContent")
    assert told == f"“{texts[-1]}”"
    assert page.locator(".attention-token").count() == len(texts)
    expected = tokenizer().encode(" ".join(texts))
    assert page.locator(".tokens-list .tokens-id").count() == len(expected)
