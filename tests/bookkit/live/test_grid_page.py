"""The grid on the cover in a browser: recorded, then live, from a folder and from a server."""

import numpy as np
import pytest
from playwright.sync_api import expect

from bookkit.live import files
from bookkit.live.kernel import assembled
from bookkit.pages.live import grid
from clipbook.pretrained import training_history
from clipbook.scenes import EXAMPLE
from tests.bookkit.live.conftest import cosines

pytestmark = pytest.mark.browser
SCENES, CAPTIONS = (list(those) for those in zip(*EXAMPLE, strict=True))
FRAMES = np.array(training_history("shapes").snapshots)


def cells(page) -> np.ndarray:
    texts = page.locator(".grid-table tbody td").all_inner_texts()
    return np.array([float(text.replace("−", "-")) for text in texts]).reshape(8, 8)


def column_is(page, column: int, caption: str) -> None:
    """The cells, once the model has answered, are PyTorch's in that column and in all others."""
    expect(page.locator(".grid-status")).to_contain_text(f"“{caption}”")
    captions = [*CAPTIONS[:column], caption, *CAPTIONS[column + 1 :]]
    assert np.abs(cells(page) - cosines(SCENES, captions)).max() < 0.0051


def test_without_scripts_and_in_print_the_end_of_training_is_there(open_live):
    page = open_live(grid(""), java_script_enabled=False)
    assert np.abs(cells(page) - FRAMES[-1]).max() < 0.0051
    assert page.locator(".grid-controls").inner_text() == ""
    pages = page.locator(".grid-table thead th").all_inner_texts()
    assert [text.strip() for text in pages] == CAPTIONS
    playing = open_live(grid(""), reduced_motion="no-preference")
    playing.locator(".live-grid[data-ready]").wait_for()
    playing.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert np.abs(cells(playing) - FRAMES[-1]).max() < 0.0051


def test_it_plays_from_noise_to_the_end_once_and_asks_for_nothing(open_live):
    page = open_live(grid(""), reduced_motion="no-preference")
    page.locator(".live-grid[data-ready]").wait_for()
    assert np.abs(cells(page) - FRAMES[0]).max() < 0.0051
    expect(page.get_by_role("button", name="Play the training")).to_be_visible()  # it has ended
    assert np.abs(cells(page) - FRAMES[-1]).max() < 0.0051
    assert page.asked == ["page1.html", "book.css", "grid.js"]


def play_and_pause(page) -> None:
    """Before the second step, however busy the machine is."""
    page.get_by_role("button", name="Play the training").evaluate(
        "button => { button.click(); button.click(); }"
    )
    expect(page.get_by_role("button", name="Play the training")).to_be_visible()


def test_who_prefers_less_motion_sees_the_end_and_may_play(open_live):
    page = open_live(grid(""))
    assert np.abs(cells(page) - FRAMES[-1]).max() < 0.0051
    play_and_pause(page)
    assert np.abs(cells(page) - FRAMES[0]).max() < 0.0051
    page.get_by_role("slider", name="Training step").press("End")
    assert np.abs(cells(page) - FRAMES[-1]).max() < 0.0051


@pytest.mark.parametrize("served", [False, True], ids=["folder", "server"])
def test_a_click_and_another_caption_make_the_model_answer(open_live, origin, served):
    page = open_live(grid(""), base=origin if served else "")
    page.get_by_role("button", name=CAPTIONS[4]).click()
    field = page.get_by_label("Caption 5")
    expect(field).to_be_focused()
    assert "shapes.js" not in page.asked
    field.fill("a cyan diamond and a purple star")
    column_is(page, 4, "a cyan diamond and a purple star")
    expect(page.locator(".grid-status")).to_contain_text("fits the picture in row 6 best")
    assert page.locator("tr:has(.grid-best)").evaluate("(row) => row.sectionRowIndex") == 5
    assert page.asked.count("shapes.js") == page.asked.count("engine.js") == 1
    page.get_by_role("button", name="Back to the first captions").click()
    column_is(page, 4, CAPTIONS[4])


def test_keys_alone_do_it_on_a_phone_in_the_dark(open_live):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    page = open_live(grid(""), theme="dark", **phone)
    page.get_by_role("button", name=CAPTIONS[0]).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("rings, 日本 👩‍🚀")
    column_is(page, 1, "rings, 日本 👩‍🚀")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".grid-table tbody td").nth(7).tap()
    expect(page.get_by_label("Caption 8")).to_have_value(CAPTIONS[7])


def test_an_empty_caption_is_asked_for_and_has_no_numbers(open_live):
    page = open_live(grid(""))
    page.get_by_label("Caption 3").fill("  ")
    expect(page.locator(".grid-status")).to_have_text("Write a caption.")
    expect(page.locator(".grid-table tbody tr td:nth-of-type(3)")).to_have_text([""] * 8)
    page.get_by_label("Caption 3").fill("a star")
    column_is(page, 2, "a star")


LONG = "a red ring " * 10 + "and seven"


def test_what_a_caption_has_too_much_is_said(open_live):
    page = open_live(grid(""))
    page.get_by_label("Caption 3").fill(LONG)
    column_is(page, 2, LONG)
    status = page.locator(".grid-status")
    expect(status).to_contain_text("more tokens than the model has places: “and seven” was cut off")
    page.get_by_label("Caption 3").fill("a red ring")
    expect(status).to_contain_text("“a red ring” fits")
    expect(status).not_to_contain_text("cut off")


@pytest.mark.parametrize("by_slider", [False, True])
def test_the_recording_is_of_the_first_captions(open_live, by_slider):
    page = open_live(grid(""))
    page.get_by_label("Caption 3").fill("a star")
    column_is(page, 2, "a star")
    if by_slider:
        page.get_by_role("slider", name="Training step").press("Home")
    else:
        play_and_pause(page)
    assert np.abs(cells(page) - FRAMES[0]).max() < 0.0051
    heads = page.locator(".grid-caption").all_inner_texts()
    assert [text.strip() for text in heads] == CAPTIONS
    expect(page.get_by_label("Caption 3")).to_have_value(CAPTIONS[2])
    expect(page.locator(".grid-status")).to_contain_text("Choose any caption and change it")
    expect(page.get_by_role("button", name="Back to the first captions")).to_be_hidden()
    page.get_by_label("Caption 3").fill("a ring")
    column_is(page, 2, "a ring")


def test_no_number_of_another_caption_stands_under_ones_own(open_live, origin):
    page = open_live(grid(""), base=origin)
    page.context.route("**/shapes.js*", lambda route: route.abort())
    page.get_by_label("Caption 3").fill("a ring")
    expect(page.locator(".grid-status")).to_contain_text("could not be loaded")
    expect(page.locator(".grid-table tbody tr td:nth-of-type(3)")).to_have_text([""] * 8)
    others = page.locator(".grid-table tbody tr td:nth-of-type(4)").all_inner_texts()
    shown = [float(text.replace("−", "-")) for text in others]
    assert shown == pytest.approx(FRAMES[-1][:, 3].tolist(), abs=0.0051)
    open_live.faults.clear()


def test_an_answer_that_comes_too_late_is_not_shown(open_live, origin):
    page = open_live(grid(""), base=origin)
    held = []
    page.context.route("**/shapes.js*", lambda route: held.append(route))
    field = page.get_by_label("Caption 3")
    field.fill("a r")
    field.fill("a ri")
    expect(page.locator(".grid-status")).to_contain_text("on its way")
    page.get_by_role("slider", name="Training step").press("Home")
    assert held
    for route in held:
        route.continue_()
    page.wait_for_timeout(1500)
    assert np.abs(cells(page) - FRAMES[0]).max() < 0.0051
    expect(page.locator(".grid-status")).to_contain_text("Choose any caption and change it")


def test_the_recording_says_nothing_of_the_model_as_it_is(open_live):
    page = open_live(grid(""))
    page.get_by_label("Caption 3").fill("a star")
    column_is(page, 2, "a star")
    page.get_by_role("button", name="Back to the first captions").click()
    column_is(page, 2, CAPTIONS[2])
    page.get_by_role("slider", name="Training step").press("Home")
    expect(page.locator(".grid-status")).to_contain_text("Choose any caption and change it")
    expect(page.locator(".grid-best")).to_have_count(0)


def test_after_an_answer_what_is_said_is_of_the_caption_that_is_chosen(open_live):
    page = open_live(grid(""))
    page.get_by_label("Caption 3").fill("my grandmother riding a bicycle")
    column_is(page, 2, "my grandmother riding a bicycle")
    status = page.locator(".grid-status")
    expect(status).to_contain_text(
        "In training the model never met “my”, “grandmother”, “riding” and more: its number"
    )
    page.get_by_role("button", name=CAPTIONS[0]).click()
    best = cosines(SCENES[:1], CAPTIONS[:1])[0, 0]
    expect(status).to_have_text(f"“{CAPTIONS[0]}” fits the picture in row 1 best: {best:.2f}.")
    page.locator(".grid-table tbody td").nth(7).click()
    expect(status).to_contain_text(f"“{CAPTIONS[7]}” fits the picture in row 8 best")


def test_a_failed_load_says_so_and_the_next_letter_tries_again(open_live, origin):
    page = open_live(grid(""), base=origin)
    page.context.route("**/shapes.js*", lambda route: route.abort())
    page.get_by_label("Caption 3").fill("a star")
    expect(page.locator(".grid-status")).to_contain_text("could not be loaded")
    page.context.unroute("**/shapes.js*")
    page.get_by_label("Caption 3").fill("a large star")
    column_is(page, 2, "a large star")
    assert any("ERR_FAILED" in fault for fault in open_live.faults)
    open_live.faults.clear()


def test_without_simd_plain_javascript_answers(open_live, origin):
    page = open_live(grid(""), base=origin)
    kernel = files.text_of(assembled())
    broken = files.engine("engine").replace(kernel, "AAAA")  # no module at all
    assert broken != files.engine("engine")
    answer = {"body": broken, "content_type": "text/javascript"}
    given = []
    page.context.route(
        "**/engine.js*", lambda route: given.append(route) or route.fulfill(**answer)
    )
    page.get_by_label("Caption 3").fill("a small star")
    column_is(page, 2, "a small star")
    assert len(given) == 1
