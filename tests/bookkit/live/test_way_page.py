"""The way to a cell, in a browser: what each stage shows is what PyTorch's layers compute."""

import pytest
import torch
from playwright.sync_api import expect

from bookkit import chapters
from bookkit.pages.live import playground
from clipbook.scenes import EXAMPLE, render
from tests.bookkit.live.conftest import cosines, shapes
from tests.bookkit.live.test_playground_page import STAR, emoji_page, started, state_of

pytestmark = pytest.mark.browser


def shown_product(page) -> float:
    return float(page.locator(".way-sum").inner_text().replace("−", "-"))


def ask_for_the_way(page) -> None:
    page.get_by_role("button", name="How this number comes about").click()


@pytest.mark.parametrize("viewport", [(1280, 800), (390, 844)])
def test_a_cell_stays_in_view_and_its_way_comes_into_view_where_it_is_asked_for(
    open_live, viewport
):
    width, height = viewport
    page = started(open_live(playground(""), viewport={"width": width, "height": height}))
    for _ in range(2):  # while the way is closed, and once it is open
        page.locator("[data-cell='1,2']").scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        page.locator("[data-cell='1,2']").click()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)
        assert page.evaluate("scrollY") == before
        opener = page.get_by_role("button", name="How this number comes about")
        panel, box = page.locator(".matrix-panel").bounding_box(), opener.bounding_box()
        assert panel["x"] <= box["x"] and box["y"] + box["height"] <= panel["y"] + panel["height"]
        opener.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".way summary")).to_be_focused()
        expect(page.locator(".way summary")).to_contain_text("picture 2 and caption 2")
        expect(page.get_by_role("heading", name="Picture 2")).to_be_in_viewport()
        top = page.locator(".way summary").bounding_box()["y"]
        assert 48 <= top <= 80  # below the page's bar


@pytest.mark.parametrize("options", [{}, {"viewport": {"width": 390, "height": 844}}])
def test_a_cell_has_its_way_and_the_products_terms_add_up_to_its_cosine(open_live, options):
    page = started(open_live(playground(""), theme="dark", **options))
    page.locator("[data-cell='1,2']").click()
    expect(page.locator(".way")).not_to_have_attribute("open", "")
    ask_for_the_way(page)
    wanted = cosines([EXAMPLE[1][0]], [EXAMPLE[2][1]])[0, 0]
    expect(page.get_by_role("heading", name="Caption 3")).to_be_visible()
    assert shown_product(page) == pytest.approx(wanted, abs=0.0051)
    expect(page.locator(".way summary")).to_contain_text("picture 2 and caption 3")
    page.locator("[data-cell='1,2']").press("ArrowLeft")  # the way follows the cell
    expect(page.get_by_role("heading", name="Caption 2")).to_be_visible()
    wanted = cosines([EXAMPLE[1][0]], [EXAMPLE[1][1]])[0, 0]
    assert shown_product(page) == pytest.approx(wanted, abs=0.0051)
    page.get_by_role("textbox", name="Caption 2").fill("nothing of all that")
    expect(page.locator(".way-tokens")).to_contain_text("ng of a ll")
    wanted = cosines([EXAMPLE[1][0]], ["nothing of all that"])[0, 0]
    assert shown_product(page) == pytest.approx(wanted, abs=0.0051)
    page.get_by_role("textbox", name="Caption 2").fill("a red ring " * 10 + "and seven")
    expect(page.locator(".way")).to_contain_text("“and seven” was cut off")
    assert page.evaluate("document.documentElement.scrollWidth") <= options.get("viewport", {}).get(
        "width", 900
    )


def test_each_stage_has_its_shape_its_numbers_and_a_chapter_that_there_is(open_live):
    page = started(open_live(playground(""), hash=STAR))
    page.locator(".way summary").focus()
    page.keyboard.press("Enter")
    page.locator(".way-sum").wait_for()
    names = page.locator(".way-name").all_inner_texts()
    assert [" ".join(name.split()) for name in names[:4]] == [
        "Pixels (C, s, s) = (3, 32, 32)",
        "Patches (n, Cp²) = (16, 192)",
        "Patch embeddings (n, w) = (16, 96)",
        "Block 1 (h, n, n) = (4, 16, 16), then (n, w) = (16, 96)",
    ]
    tokens = len(shapes()[1].encode("a star")) + 2
    assert f"(t, w) = ({tokens}, 64)" in " ".join(names)
    links = page.locator(".way a").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
    assert {link.removesuffix(".html") for link in links} <= set(chapters.names())
    figures = page.locator(".way canvas")
    assert figures.count() == page.locator(".way canvas[role=img][aria-label]").count() > 15
    model, _ = shapes()
    with torch.no_grad():
        pixels = model.preprocess([render(state_of(page)[0][0])])
        stream = model.image_encoder.intermediates(pixels)["block 2"]
    ends = page.get_by_role("img", name="16 rows of 96 numbers").nth(2).get_attribute("aria-label")
    assert ends.endswith(f"to {stream.abs().max():.2f}")


def test_attention_names_tokens_and_patches_beside_its_rows_and_above_its_columns(open_live):
    page = started(open_live(playground(""), hash=STAR))
    page.locator(".way summary").click()
    page.locator(".way-sum").wait_for()
    tokens = page.locator(".way-tokens bdi").all_inner_texts()
    patches = [f"{row},{column}" for row in range(1, 5) for column in range(1, 5)]
    for tower, names in (("Picture 1", patches), ("Caption 1", tokens)):
        section = page.locator(".way section", has=page.get_by_role("heading", name=tower))
        left, above = (section.locator(f".way-{side}").first for side in ("left", "above"))
        for axis in (left, above):
            shown = [text for text in axis.locator("bdi").all_text_contents() if text]
            assert shown == names * (len(shown) // len(names)) and shown
        canvas = section.locator(".way-labelled canvas").first.bounding_box()
        rows, columns = left.bounding_box(), above.bounding_box()
        assert rows["height"] == pytest.approx(canvas["height"], abs=1)
        assert columns["width"] == pytest.approx(canvas["width"], abs=1)
    head = page.locator(".way-labelled canvas").first
    head.hover(position={"x": 3, "y": 3})
    expect(page.locator(".way-picture figcaption", has_text="from “1,1” to “1,1”")).to_have_count(1)


def test_terms_are_the_products_of_both_embeddings(open_live):
    page = started(open_live(playground(""), hash=STAR))
    page.locator(".way summary").click()
    page.locator(".way-sum").wait_for()
    (scene,), captions = state_of(page)
    model, tokenizer = shapes()
    with torch.no_grad():
        image = model.encode_image(model.preprocess([render(scene)]))[0]
        text = model.encode_text(*tokenizer.batch(captions[:1]))[0]
    k = int((image * text).argmax())
    said = page.locator(".way-product p").last.inner_text().replace("−", "-")
    number = f"Most adds number {k + 1}, {image[k]:.2f} × {text[k]:.2f} = {image[k] * text[k]:.3f}"
    assert said.startswith(number)


def test_pointing_at_a_pixel_tells_its_number(open_live):
    page = started(open_live(playground(""), hash=STAR))
    page.locator(".way summary").click()
    page.locator(".way-sum").wait_for()
    canvas = page.get_by_role("img", name="16 rows of 96 numbers").nth(1)  # after the first block
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] * 40.5 / 96, "y": box["height"] * 2.5 / 16})
    model, _ = shapes()
    with torch.no_grad():
        pixels = model.preprocess([render(state_of(page)[0][0])])
        stream = model.image_encoder.intermediates(pixels)["block 1"][0]
    told = page.locator(".way-picture figcaption", has_text="row 3, number 41")
    expect(told).to_have_text(f"row 3, number 41: {stream[2, 40]:.2f}".replace("-", "−"))
    page.mouse.move(0, 0)
    expect(told).to_have_count(0)


def test_of_an_emoji_the_way_shows_the_cnns_maps(open_live):
    page = emoji_page(open_live)
    page.locator("[data-cell='1,2']").click()
    ask_for_the_way(page)
    page.locator(".way-sum").wait_for()
    names = [" ".join(name.split()) for name in page.locator(".way-name").all_inner_texts()]
    assert names[:3] == [
        "Pixels (C, s, s) = (3, 48, 48)",
        "Stage 1 (C, s, s) = (16, 24, 24)",
        "Stage 2 (C, s, s) = (32, 12, 12)",
    ]
    assert page.locator(".way-sum").inner_text() == page.locator("[data-cell='1,2']").inner_text()
