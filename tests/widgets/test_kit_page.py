"""What every widget gets from the kit, in a page: keys, cleaning up, its look; the smallest one."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from clipbook.text import Tokenizer
from clipbook.widgets import (
    AnswerExplorer,
    AttentionExplorer,
    PatchExplorer,
    SimilarityMatrix,
    TokenizerExplorer,
    __all__,
)
from tests.widgets.conftest import draw_pictures, word_captions
from tests.widgets.stub_answerer import StubAnswerer

pytestmark = pytest.mark.browser
CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"
EQUAL = np.full((1, 2, 4, 4), 0.25)
QUESTIONS = [["what colour?"], ["detect it", "what colour?"]]
MADE = {
    "SimilarityMatrix": lambda: SimilarityMatrix(np.eye(2), draw_pictures(2), word_captions(2)),
    "TokenizerExplorer": lambda: TokenizerExplorer(Tokenizer([(107, 104)]), "the pup"),
    "PatchExplorer": lambda: PatchExplorer(draw_pictures(1)[0], patch_size=16),
    "AttentionExplorer": lambda: AttentionExplorer(EQUAL, image=draw_pictures(1)[0]),
    "AnswerExplorer": lambda: AnswerExplorer(StubAnswerer(), draw_pictures(2), QUESTIONS),
}


def test_every_widget_is_tried_here():
    assert set(MADE) == set(__all__)


@pytest.mark.parametrize("name", MADE)
def test_jupyterlab_is_asked_to_leave_the_keys_of_whatever_has_the_focus_alone(show, name):
    page = show(MADE[name]())
    every = page.locator("select, input:not(:disabled), button, textarea, [tabindex='0']").all()
    controls = [control for control in every if control.is_visible()]
    assert len(controls) >= 2
    for control in controls:
        control.focus()
        assert control.get_attribute("data-lm-suppress-shortcuts") == "true"


@pytest.mark.parametrize("name", MADE)
def test_cleaning_up_leaves_no_element_or_listener(show, name):
    widget = MADE[name]()
    state = {key: value for key, value in widget.get_state().items() if key[0] != "_"}
    data = {key: list(value) for key, value in state.items() if isinstance(value, bytes)}
    texts = {key: value for key, value in state.items() if key not in data and key != "layout"}
    before, after, elements = show(widget).evaluate(
        """async ([source, state, data]) => {
            const blob = new Blob([source], { type: "text/javascript" });
            const { render } = (await import(URL.createObjectURL(blob))).default;
            for (const [key, bytes] of Object.entries(data)) state[key] = Uint8Array.from(bytes);
            const listeners = new Set();
            const model = {
                get: (key) => state[key], set() {}, save_changes() {},
                on: (event) => listeners.add(event), off: (event) => listeners.delete(event),
            };
            const el = document.createElement("div");
            const cleanup = render({ model, el });
            const before = listeners.size;
            cleanup();
            return [before, listeners.size, el.childElementCount];
        }""",
        [widget._esm, texts, data],
    )
    assert before >= 1
    assert (after, elements) == (0, 0)


def test_no_id_or_group_of_radio_buttons_is_two_widgets(show):
    widgets = [make() for make in [*MADE.values()] * 2]
    page = show(*widgets, *widgets)
    ids = page.locator("[id]").evaluate_all("all => all.map((node) => node.id)")
    assert len(ids) == len(set(ids)) >= 2 * len(widgets)
    for radio in page.get_by_role("radio", name="mean").all():
        radio.check()
    assert page.get_by_role("radio", name="mean", checked=True).count() == 8


def looks(page) -> dict[str, list]:
    """What the style sheets make of every element, by the widget's class."""
    return page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".kit")].map((root) => [
            root.classList[1],
            [root, ...root.querySelectorAll("*")].map((node) => {
                const look = getComputedStyle(node);
                const place = /^(top|right|bottom|left|inset)|origin/;
                const names = [...look].filter((name) => !place.test(name));
                return names.map((name) => `${name}: ${look.getPropertyValue(name)}`).join("; ");
            }),
        ]))"""
    )


def test_a_widget_looks_the_same_whatever_widgets_are_on_the_page(show):
    """The kit's style sheet is there once a kind of widget, and before another one's own."""
    widgets = [make() for make in MADE.values()]
    forwards, backwards = looks(show(*widgets)), looks(show(*widgets[::-1]))
    assert len(forwards) == len(MADE)
    for name, elements in forwards.items():
        for one, other in zip(elements, backwards[name], strict=True):
            assert set(one.split("; ")) ^ set(other.split("; ")) == set(), name


@pytest.mark.parametrize("name", MADE)
def test_a_widget_looks_as_it_does_alone_when_another_kind_comes_after_it(show, name):
    """Each kind brings the kit's style sheet, which must not undo what an earlier one says."""
    last = "AnswerExplorer" if name == "PatchExplorer" else "PatchExplorer"
    widget = MADE[name]()
    (alone,) = looks(show(widget)).values()
    together = looks(show(widget, MADE[last]()))
    for one, other in zip(alone, next(iter(together.values())), strict=True):
        assert set(one.split("; ")) ^ set(other.split("; ")) == set()


@pytest.fixture
def counter(tmp_path, monkeypatch):
    """The module of the smallest widget, from the lines in CONTRIBUTING.md."""
    blocks = re.findall(r"```(py|js|css) counter\n(.*?)```", CONTRIBUTING.read_text("utf-8"), re.S)
    assert [kind for kind, _ in blocks] == ["py", "js", "css"]
    for kind, text in blocks:
        (tmp_path / f"counter.{kind}").write_text(text, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("counter")
    del sys.modules["counter"]


def test_the_smallest_widget_counts_tells_and_says_so(show, counter):
    widget = counter.Counter(3)
    assert widget.alternative == "The count is 3."
    widget.count = 4
    assert widget.alternative == "The count is 4."
    page = show(widget)
    group = page.get_by_role("group", name="Counter")
    expect(group.locator(".counter-count")).to_have_text("4")
    group.get_by_role("button", name="Add one").focus()
    page.keyboard.press("Enter")
    expect(group.locator(".counter-count")).to_have_text("5")
    expect(group.locator("[aria-live=polite]")).to_have_text("The count is 5.")
