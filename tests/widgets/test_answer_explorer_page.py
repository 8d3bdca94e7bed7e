"""The answer explorer in a page without kernel or network: mouse, keyboard, phone, themes."""

import pytest
from playwright.sync_api import expect

from bookkit.browser import violations
from clipbook.widgets import AnswerExplorer
from tests.widgets.conftest import draw_pictures
from tests.widgets.stub_answerer import StubAnswerer

pytestmark = pytest.mark.browser
QUESTIONS = [["what colour?", "detect it"], ["detect it"]]


@pytest.fixture
def explorer() -> AnswerExplorer:
    return AnswerExplorer(StubAnswerer(), draw_pictures(2), QUESTIONS)


def tokens(page) -> list[str]:
    return page.locator(".answer-tokens [role=option]").all_inner_texts()


def candidates(page, way: int) -> list[list[str]]:
    rows = page.locator(".answer-candidates").nth(way).locator("> div").all()
    return [row.inner_text().split("\n") for row in rows]


def shares(page) -> list[float]:
    script = "all => all.map((node) => Number(node.style.getPropertyValue('--share')))"
    return page.locator(".answer-patch").evaluate_all(script)


def test_the_first_look_shows_answer_blind_answer_and_candidates(show, explorer):
    page = show(explorer)
    assert tokens(page) == ["red", "<end>"]
    assert page.locator(".answer-whole").all_inner_texts() == ["red", "blue"]
    rest = [[f"other {place}", f"{0.05 - place / 100:.2f}"] for place in range(4)]
    assert candidates(page, 0) == [["red", "0.75"], *rest]
    assert candidates(page, 1) == [["blue", "0.75"], *rest]
    assert page.locator(".answer-finding").inner_text() == explorer.alternative


def test_the_page_says_what_python_says_at_every_token(show, explorer):
    page = show(explorer)
    page.get_by_label("Question").select_option("detect it")
    for token in range(6):
        page.locator(f"[data-choice='{token}']").click()
        explorer.question, explorer.token = 1, token
        assert page.locator(".answer-finding").inner_text() == explorer.describe()


def test_patches_are_as_bright_as_their_weights(show, explorer):
    page = show(explorer)
    assert shares(page) == pytest.approx([1, 0.1 / 0.5, 0, 0], abs=1e-3)
    page.get_by_text("Next token").click()
    assert shares(page) == pytest.approx([0, 1, 0.1 / 0.5, 0], abs=1e-3)


def test_the_box_lies_where_the_answer_says(show, explorer):
    page = show(explorer)
    assert page.locator(".answer-box").count() == 0
    page.get_by_label("Question").select_option("detect it")
    stage = page.locator(".kit-stage").bounding_box()
    box = page.locator(".answer-box").bounding_box()
    assert (box["y"] - stage["y"]) / stage["height"] == pytest.approx(0.5 / 8, abs=0.01)
    assert (box["x"] - stage["x"]) / stage["width"] == pytest.approx(2.5 / 8, abs=0.01)
    assert box["height"] / stage["height"] == pytest.approx(3 / 8, abs=0.01)
    assert box["width"] / stage["width"] == pytest.approx(5 / 8, abs=0.01)


def test_the_button_goes_on_until_the_last_token_and_no_further(show, explorer):
    page = show(explorer)
    button = page.get_by_role("button", name="Next token")
    button.click()
    expect(page.locator(".answer-tokens .kit-current")).to_have_text("<end>")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.click(force=True)
    expect(page.locator(".answer-tokens .kit-current")).to_have_text("<end>")


def test_another_picture_begins_anew(show, explorer):
    page = show(explorer)
    page.get_by_label("Question").select_option("detect it")
    page.get_by_text("Next token").click()
    page.locator(".answer-choice input").nth(1).check()
    assert page.get_by_label("Question").locator("option").all_inner_texts() == ["detect it"]
    expect(page.locator(".answer-tokens .kit-current")).to_have_text("<loc0000>")


def test_keys_alone_reach_everything(show, explorer):
    page = show(explorer)
    page.keyboard.press("Tab")  # pictures
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")  # question
    page.keyboard.press("Tab")  # tokens
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == "<loc0003>"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".answer-tokens .kit-current")).to_have_text("<loc0007>")


def test_a_change_is_announced_once_it_has_come_to_rest(show, explorer):
    page = show(explorer)
    page.get_by_text("Next token").click()
    live = page.locator("[aria-live=polite]")
    expect(live).to_contain_text("Token 2 of 2 is “<end>” (0.75)")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 900])
def test_it_fits_and_everyone_can_use_it(show, explorer, theme, width):
    page = show(explorer, theme=theme, viewport={"width": width, "height": 900})
    page.get_by_label("Question").select_option("detect it")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ours = [fault for fault in violations(page) if not fault.startswith("page-has-heading-one")]
    assert ours == []
