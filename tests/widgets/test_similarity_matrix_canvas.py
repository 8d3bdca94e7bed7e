"""A similarity matrix of many cells, which are drawn on a canvas, in a page without kernel."""

import matplotlib
import numpy as np
import pytest
from playwright.sync_api import expect

from clipbook.widgets.similarity_checks import VIEWS

pytestmark = pytest.mark.browser


def told(page) -> str:
    return " ".join(page.locator(".matrix-panel").inner_text().split())


def centre(page, row: int, column: int, size: int = 64) -> tuple[float, float]:
    """Where a cell of a square canvas is on the page."""
    box = page.locator(".matrix-cells canvas").bounding_box()
    side = box["width"] / size
    return box["x"] + (column + 0.5) * side, box["y"] + (row + 0.5) * side


def colour_at(page, row: int, column: int, x: float = 0.5, y: float = 0.5) -> list[int]:
    """The colour that the canvas has at a place of a cell, 0 to 1."""
    return page.locator(".matrix-cells canvas").evaluate(
        """(canvas, [row, column, x, y]) => {
            const side = canvas.width / 64;
            const copy = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
            copy.drawImage(canvas, -Math.floor((column + x) * side), -Math.floor((row + y) * side));
            return [...copy.getImageData(0, 0, 1, 1).data.slice(0, 3)];
        }""",
        [row, column, x, y],
    )


def test_a_canvas_has_the_colours_of_the_view(show, make_matrix):
    widget = make_matrix(64, 64, 1)
    page = show(widget)
    values = widget.similarities[0]
    for row, column in ((0, 1), (3, 3), (10, 50), (63, 62)):
        expected = matplotlib.colormaps["RdBu_r"]((values[row, column] + 1) / 2)[:3]
        assert (
            np.abs(np.array(colour_at(page, row, column)) - np.multiply(expected, 255)).max() <= 8
        )
    page.get_by_label("Show").select_option("row")
    assert np.abs(np.array(colour_at(page, 10, 50)) - [0x00, 0x22, 0x4E]).max() <= 8


def test_a_canvas_frames_pairs_and_dots_false_negatives(show, make_matrix):
    true_pairs = np.zeros((64, 64), dtype=bool)
    true_pairs[4, 9] = True
    page = show(make_matrix(64, 64, 1, similarities=np.zeros((64, 64)), true_pairs=true_pairs))
    plain, black = [0xF7] * 3, [0, 0, 0]
    assert colour_at(page, 4, 8) == plain
    assert colour_at(page, 4, 9) == black
    assert colour_at(page, 4, 9, y=0.12) == plain
    assert colour_at(page, 7, 7) == plain
    assert max(colour_at(page, 7, 7, y=0.12)) < 100


def test_mouse_keys_and_thumb_do_on_a_canvas_what_they_do_on_cells(show, make_matrix):
    widget = make_matrix(64, 64)
    for touch in (False, True):
        page = show(widget, has_touch=touch, viewport={"width": 1000, "height": 1100})
        if touch:
            page.touchscreen.tap(*centre(page, 30, 12))
        else:
            page.mouse.move(*centre(page, 40, 2))
            assert f"“{widget.captions[2]}”" in told(page)
            assert page.locator(".matrix-picture").get_attribute("src") == widget.images[40]
            page.mouse.move(0, 0)
            assert page.locator(".matrix-title").inner_text() == "I1 · T1"
            page.mouse.click(*centre(page, 30, 12))
            page.mouse.move(0, 0)
        assert page.locator(".matrix-title").inner_text() == "I31 · T13"
        for key, place in (
            ("ArrowDown", (31, 12)),
            ("ArrowRight", (31, 13)),
            ("End", (31, 63)),
            ("ArrowRight", (31, 63)),
            ("PageDown", (39, 63)),
            ("Control+Home", (0, 0)),
            ("ArrowUp", (0, 0)),
        ):
            page.keyboard.press(key)
            assert page.evaluate("document.activeElement.dataset.cell") == "{},{}".format(*place)
        value = f"{widget.similarities[-1, 0, 0]:.3f}"
        expect(page.locator("[aria-live=polite]")).to_contain_text(f"cosine similarity {value}")


def test_focus_stays_in_the_grid_when_something_else_selects_a_cell(show, make_matrix):
    widget = make_matrix(20, 20, 1)
    names = ("images", "captions", "steps", "step", "temperature", "bias", "view", "also_true")
    state = {name: getattr(widget, name) for name in names} | {"selected": [0, 0]}
    focused = show(make_matrix(2, 2)).evaluate(
        """async ([source, state, frames]) => {
            const blob = new Blob([source], { type: "text/javascript" });
            const { render } = (await import(URL.createObjectURL(blob))).default;
            state.frames = Uint8Array.from(frames);
            const listeners = {};
            const model = {
                get: (key) => state[key],
                on: (event, listen) => { listeners[event] = listen; },
            };
            const el = document.createElement("div");
            document.body.append(el);
            render({ model, el });
            el.querySelector("[role=gridcell]").focus();
            state.selected = [7, 11]; // as Python would
            listeners["change"]();
            return document.activeElement.dataset.cell;
        }""",
        [widget._esm, state, list(widget.frames)],
    )
    assert focused == "7,11"


def test_a_canvas_is_a_grid_whose_selected_cell_can_be_read_out(show, make_matrix):
    widget = make_matrix(64, 64, selected=[6, 9])
    page = show(widget)
    grid = page.get_by_role("grid")
    assert (grid.get_attribute("aria-rowcount"), grid.get_attribute("aria-colcount")) == (
        "65",
        "65",
    )
    selected = page.get_by_role("gridcell")
    assert selected.count() == 1
    row = selected.locator("xpath=..")
    assert (row.get_attribute("role"), row.get_attribute("aria-rowindex")) == ("row", "8")
    assert selected.get_attribute("aria-colindex") == "11"
    value = f"{widget.similarities[-1, 6, 9]:.2f}".replace("-", "−")
    assert selected.get_attribute("aria-label") == value
    assert selected.get_attribute("aria-selected") == "true"
    box, (x, y) = selected.bounding_box(), centre(page, 6, 9)
    assert box["x"] < x < box["x"] + box["width"] and box["y"] < y < box["y"] + box["height"]
    assert page.get_by_role("rowheader").count() == 64
    assert page.get_by_role("columnheader").all_text_contents()[10] == f"{widget.captions[9]}T10"


REDRAWS = """() => {
    const slider = document.querySelector(".matrix-player input");
    const canvas = document.querySelector(".matrix-cells canvas");
    const copy = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    return Array.from({ length: 41 }, (_, k) => {
        slider.value = k % 8;
        const start = performance.now();
        slider.dispatchEvent(new Event("input"));
        document.body.getBoundingClientRect(); // the layout
        copy.drawImage(canvas, 0, 0);
        copy.getImageData(0, 0, 1, 1); // waits until the canvas is painted
        return performance.now() - start;
    });
}
"""


@pytest.mark.alone
@pytest.mark.parametrize("view", VIEWS)
def test_sixty_four_by_sixty_four_are_redrawn_within_a_frame(show, make_matrix, view):
    true_pairs = np.random.default_rng(0).random((64, 64)) < 0.1
    page = show(make_matrix(64, 64, 8, view=view, true_pairs=true_pairs))
    # Other processes may hold the machine for a while: the quietest of some rounds counts.
    medians = []
    while len(medians) < 12 and min(medians, default=17) > 16:
        medians.append(np.median(page.evaluate(REDRAWS)))
    assert min(medians) <= 16, medians
