"""The patch explorer in a page without kernel or network: mouse, keyboard, touch, themes."""

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from clipbook.image import patchify
from clipbook.widgets import PatchExplorer

pytestmark = pytest.mark.browser


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def expected_patches(image: np.ndarray, size: int) -> np.ndarray:
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    return patchify(pixels, size)[0].numpy()


def cell(page, patch: int):
    return page.locator(f".kit-lattice [data-choice='{patch}']")


def tile(page, patch: int):
    return page.locator(f".patches-list [data-choice='{patch}']")


def lit(page) -> list[list[str]]:
    """The patches that are lit: in the picture, in the sequence."""
    script = "all => all.map((node) => node.dataset.choice)"
    boxes = (".kit-lattice", ".patches-list")
    return [page.locator(f"{box} .kit-current").evaluate_all(script) for box in boxes]


def told(page) -> str:
    return " ".join(page.locator(".patches-panel").inner_text().split())


def order_in(page) -> list[int]:
    script = "all => all.map((node) => Number(node.dataset.choice))"
    return page.locator(".patches-list [data-choice]").evaluate_all(script)


def pixels_of(page, selector: str) -> list[list[int]]:
    """The red, green, blue, alpha … of canvases, once they are drawn."""
    page.wait_for_function(
        "document.querySelector('[data-value=numbers] :last-child').textContent.trim().length > 1"
    )
    script = """all => all.map((node) => {
        const copy = new OffscreenCanvas(node.width, node.height);
        const context = copy.getContext("2d", { willReadFrequently: true });
        context.drawImage(node, 0, 0);
        return [...context.getImageData(0, 0, node.width, node.height).data];
    })"""
    return page.locator(selector).evaluate_all(script)


@pytest.mark.parametrize(("height", "width", "size"), [(16, 16, 8), (16, 24, 4), (24, 16, 2)])
def test_the_tiles_are_patchifys_rows_number_for_number(show, height, width, size):
    image = noise(height, width)
    widget = PatchExplorer(image, patch_size=size)
    page = show(widget)
    canvases = pixels_of(page, ".patches-list canvas")
    flattened = [np.reshape(rgba, (-1, 4))[:, :3].T.flatten() for rgba in canvases]
    np.testing.assert_array_equal(flattened, expected_patches(image, size))


def test_the_panel_tells_place_index_ranges_and_numbers_as_patchify_has_them(show):
    image = noise(32, 48)
    page = show(PatchExplorer(image))
    pixels_of(page, ".patches-large")
    cell(page, 9).hover()
    row = expected_patches(image, 8)[9].astype(int)
    np.testing.assert_array_equal(row, image[8:16, 24:32].transpose(2, 0, 1).flatten())
    assert told(page) == (
        "Patch 9 position row 2, column 4 patches before it 1 × 6 + 3 = 9 pixel rows 9–16 "
        "pixel columns 25–32 in the sequence place 10 "
        f"numbers {row[0]} {row[1]} {row[2]} {row[3]} … {row[-1]}"
    )


def test_hovering_lights_a_patch_in_both_and_leaving_lights_the_selected(show):
    page = show(PatchExplorer(noise(32, 32)))
    assert lit(page) == [["0"], ["0"]]
    cell(page, 6).hover()
    assert lit(page) == [["6"], ["6"]]
    tile(page, 13).hover()
    assert lit(page) == [["13"], ["13"]]
    page.mouse.move(0, 0)
    assert lit(page) == [["0"], ["0"]]


@pytest.mark.parametrize(
    ("keys", "patch"),
    [
        (["ArrowRight", "ArrowDown"], 7),
        (["ArrowLeft", "ArrowUp"], 0),
        (["End"], 5),
        (["ArrowDown", "End", "Home"], 6),
        (["Control+End"], 23),
        (["Control+End", "ArrowDown", "ArrowUp"], 17),
        (["Control+End", "Control+Home"], 0),
    ],
)
def test_keys_move_through_the_picture_and_stay_inside(show, keys, patch):
    page = show(PatchExplorer(noise(32, 48)))
    cell(page, 0).focus()
    for key in keys:
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.dataset.choice") == str(patch)
    assert lit(page) == [[str(patch)], [str(patch)]]
    for box in ("gridcell", "option"):
        stops = page.locator(f"[role={box}][tabindex='0']")
        assert stops.get_attribute("data-choice") == str(patch)


def test_keys_in_a_shuffled_sequence_go_by_place(show):
    page = show(PatchExplorer(noise(16, 16), order=[2, 0, 3, 1]))
    tile(page, 0).focus()
    page.keyboard.press("ArrowRight")
    assert lit(page) == [["3"], ["3"]]
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    assert lit(page) == [["1"], ["1"]]
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.dataset.choice") == "2"
    assert "in the sequence place 1 " in told(page)


def test_shuffle_keeps_the_set_and_restore_the_order(show):
    image = noise(32, 32)
    page = show(PatchExplorer(image))
    pixels_of(page, ".patches-large")
    page.get_by_role("button", name="Shuffle").click()
    first = order_in(page)
    assert sorted(first) == list(range(16)) and first != sorted(first)
    assert "the same set of patches" in page.locator(".patches-again p:last-child").inner_text()
    (again,) = pixels_of(page, ".patches-again canvas")
    again = np.reshape(again, (32, 32, 4))[..., :3]
    np.testing.assert_array_equal(
        expected_patches(again.astype(np.uint8), 8), expected_patches(image, 8)[first]
    )
    page.get_by_role("button", name="Shuffle").click()
    assert order_in(page) != first
    page.get_by_role("button", name="Restore").click()
    assert order_in(page) == list(range(16))
    assert "Row by row" in page.locator(".patches-again p:last-child").inner_text()


def test_shuffles_are_the_same_on_every_visit(show):
    widget = PatchExplorer(noise(16, 16))
    orders = []
    for _ in range(2):
        page = show(widget)
        page.get_by_role("button", name="Shuffle").click()
        orders.append(order_in(page))
    assert orders[0] == orders[1]


def test_another_patch_size_cuts_anew_in_order(show):
    image = noise(32, 32)
    page = show(PatchExplorer(image, order=range(15, -1, -1)))
    pixels_of(page, ".patches-large")
    page.get_by_label("Patch size").select_option("4")
    assert order_in(page) == list(range(64))
    assert page.get_by_role("gridcell").count() == 64
    cell(page, 63).hover()
    assert "7 × 8 + 7 = 63 pixel rows 29–32 pixel columns 29–32" in told(page)


def test_a_change_is_announced_once_it_has_come_to_rest(show):
    page = show(PatchExplorer(noise(32, 32), order=range(15, -1, -1)))
    live = page.locator("[aria-live=polite]")
    assert live.text_content() == ""
    cell(page, 0).focus()
    page.keyboard.press("ArrowDown")
    expect(live).to_have_text(
        "Patch 4, row 2, column 1, pixel rows 9 to 16, columns 1 to 8, "
        "place 12 of the shuffled sequence of 16."
    )


def test_two_models_keep_apart_and_two_views_of_one_in_step(open_page, embed_page):
    from ipywidgets.embed import dependency_state

    one, other = PatchExplorer(noise(16, 16)), PatchExplorer(noise(16, 16))
    models = dependency_state([one], drop_defaults=False)
    models |= dependency_state([other], drop_defaults=False)
    ids = [one.model_id, one.model_id, other.model_id]
    page = open_page(embed_page(models, ids, {one.model_id: "", other.model_id: ""}))
    page.get_by_role("button", name="Shuffle").first.click()
    views = page.locator(".patch-explorer")
    expect(views).to_have_count(3)
    views.nth(1).locator(".kit-lattice [data-choice='3']").click()
    read = """all => all.map((view) => [
        [...view.querySelectorAll(".patches-list [data-choice]")].map((one) => one.dataset.choice),
        view.querySelector(".patches-name").textContent])"""
    page.mouse.move(0, 0)
    states = views.evaluate_all(read)
    assert states[0] == states[1]
    assert states[0][1] == "Patch 3"
    assert states[2] == [["0", "1", "2", "3"], "Patch 0"]
    ids = page.locator("select").evaluate_all("all => all.map((one) => one.id)")
    assert len(set(ids)) == 3


@pytest.mark.parametrize("width", [900, 390])
def test_nothing_moves_when_another_patch_is_told_or_the_order_changes(show, width):
    page = show(PatchExplorer(noise(32, 32)), viewport={"width": width, "height": 900})
    root = page.locator(".patch-explorer")
    height = root.bounding_box()["height"]
    for patch in (0, 5, 15):
        cell(page, patch).click()
        page.get_by_role("button", name="Shuffle").click()
        assert root.bounding_box()["height"] == height
        page.get_by_role("button", name="Restore").click()
        assert root.bounding_box()["height"] == height


@pytest.mark.parametrize("size", [2, 4, 8])
def test_a_narrow_page_does_not_scroll_sideways_and_tiles_suit_a_thumb(show, size):
    page = show(
        PatchExplorer(noise(32, 32), patch_size=size),
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tile(page, 3).tap()
    assert lit(page) == [["3"], ["3"]]
    box = tile(page, 3).bounding_box()
    assert min(box["width"], box["height"]) >= 24  # WCAG 2.2, target size


def test_focus_is_visible_on_every_control(show):
    page = show(PatchExplorer(noise(16, 16)))
    look = """() => {
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
        return [document.activeElement.tagName, outlineStyle, parseFloat(outlineWidth)];
    }"""
    stops = []
    while len(stops) < 5:
        page.keyboard.press("Tab")
        stops.append(page.evaluate(look))
    assert [tag for tag, *_ in stops] == ["SELECT", "BUTTON", "BUTTON", "DIV", "DIV"]
    assert all(style == "solid" and width >= 2 for _, style, width in stops)
