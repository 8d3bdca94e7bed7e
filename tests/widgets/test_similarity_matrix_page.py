"""The similarity matrix in a page without kernel or network: mouse, keyboard, touch, themes."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from clipbook.pairs import info_nce, sigmoid_loss
from clipbook.widgets import SimilarityMatrix
from clipbook.widgets.similarity_checks import VIEWS

pytestmark = pytest.mark.browser


def cell(page, row: int, column: int):
    return page.locator(f'[data-cell="{row},{column}"]')


def number_field(page, name: str):
    return page.get_by_role("spinbutton", name=name)


def told(page) -> str:
    return " ".join(page.locator(".matrix-panel").inner_text().split())


def test_a_page_shows_the_whole_matrix_of_the_last_step(show, make_matrix):
    widget = make_matrix(3, 5)
    page = show(widget)
    texts = page.get_by_role("gridcell").all_inner_texts()
    shown = [float(text.replace("−", "-")) for text in texts]
    np.testing.assert_allclose(shown, widget.similarities[-1].flatten(), atol=0.00502)
    assert page.get_by_role("columnheader").all_text_contents()[1:] == [
        f"{caption}T{place + 1}" for place, caption in enumerate(widget.captions)
    ]
    assert page.get_by_role("rowheader").count() == 3
    assert page.locator(".widget-picture").is_hidden()


def test_hovering_tells_picture_caption_and_value_and_leaving_tells_the_selected(show, make_matrix):
    widget = make_matrix()
    page = show(widget)
    before = told(page)
    cell(page, 2, 5).hover()
    assert f"“{widget.captions[5]}”" in told(page)
    assert "not a pair" in told(page)
    assert f"cosine {widget.similarities[-1, 2, 5]:.3f}".replace("-", "−") in told(page)
    assert page.locator(".matrix-picture").get_attribute("src") == widget.images[2]
    page.mouse.move(0, 0)
    assert told(page) == before


def test_a_click_selects(show, make_matrix):
    page = show(make_matrix())
    cell(page, 4, 4).click()
    page.mouse.move(0, 0)
    assert "a matching pair" in told(page)
    assert cell(page, 4, 4).get_attribute("aria-selected") == "true"
    assert page.locator('[aria-selected="true"]').count() == 1


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (["ArrowRight", "ArrowDown"], (1, 1)),
        (["ArrowLeft", "ArrowUp"], (0, 0)),
        (["End"], (0, 4)),
        (["End", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown"], (2, 4)),
        (["ArrowDown", "End", "Home"], (1, 0)),
        (["Control+End"], (2, 4)),
        (["Control+End", "Control+Home"], (0, 0)),
    ],
)
def test_keys_move_through_the_grid_and_stay_inside(show, make_matrix, keys, place):
    page = show(make_matrix(3, 5))
    cell(page, 0, 0).focus()
    for key in keys:
        page.keyboard.press(key)
    focused = page.evaluate("document.activeElement.dataset.cell")
    assert focused == f"{place[0]},{place[1]}"
    assert page.locator('[role=gridcell][tabindex="0"]').count() == 1
    assert f"“{make_matrix(3, 5).captions[place[1]]}”" in told(page)


def test_a_resting_mouse_does_not_take_over_what_a_key_tells(show, make_matrix):
    widget = make_matrix()
    page = show(widget)
    cell(page, 6, 6).hover()
    cell(page, 0, 0).focus()
    page.keyboard.press("ArrowRight")
    page.get_by_label("Show").select_option("row")  # repaints every cell under the mouse
    page.locator(".matrix-player input").fill("3")
    page.wait_for_timeout(300)
    assert f"“{widget.captions[1]}”" in told(page)
    assert page.locator(".matrix-picture").get_attribute("src") == widget.images[0]


def test_an_event_under_a_mouse_that_rests_is_no_movement(show, make_matrix):
    widget = make_matrix()
    page = show(widget)
    page.evaluate("addEventListener('pointermove', (event) => { window.latest = event; }, true)")
    cell(page, 6, 6).hover()
    cell(page, 0, 0).focus()
    page.keyboard.press("ArrowRight")
    for kind in ("pointerover", "pointermove"):  # as browsers send them after a repaint or a scroll
        cell(page, 6, 6).evaluate(
            """(node, kind) => {
                const { screenX, screenY } = window.latest;
                const options = { bubbles: true, pointerType: "mouse", screenX, screenY };
                node.dispatchEvent(new PointerEvent(kind, options));
            }""",
            kind,
        )
    assert f"“{widget.captions[1]}”" in told(page)


def test_a_change_is_announced_once_it_has_come_to_rest(show, make_matrix):
    widget = make_matrix()
    page = show(widget)
    live = page.locator("[aria-live=polite]")
    assert live.text_content() == ""
    cell(page, 0, 0).focus()
    page.keyboard.press("ArrowRight")
    value = f"{widget.similarities[-1, 0, 1]:.3f}".replace("-", "−")
    expect(live).to_have_text(
        f"Picture 1, caption 2, “{widget.captions[1]}”: cosine similarity {value} "
        "at training step 1150, not a pair"
    )


@pytest.mark.parametrize(("view", "dimension"), [("row", 1), ("column", 0)])
def test_temperature_by_slider_and_by_number_gives_torchs_softmax(
    show, make_matrix, view, dimension
):
    widget = make_matrix(3, 5)
    page = show(widget)
    page.get_by_label("Show").select_option(view)
    slider = page.get_by_role("slider", name="Temperature")
    typed = number_field(page, "Temperature")
    cosines = torch.from_numpy(widget.similarities[-1].copy()).double()

    def expect_softmax(temperature):
        texts = page.get_by_role("gridcell").all_inner_texts()
        expected = (cosines / temperature).softmax(dimension).flatten()
        np.testing.assert_allclose([float(text) for text in texts], expected, atol=0.00502)

    expect_softmax(0.07)
    slider.fill("-0.5")  # the slider holds the logarithm to base 10
    assert typed.input_value() == "0.316"
    expect_softmax(0.316)
    typed.fill("2.5")
    assert slider.get_attribute("aria-valuetext") == "2.5"
    expect_softmax(2.5)


def test_an_impossible_temperature_is_refused_with_rule_and_remedy(show, make_matrix):
    page = show(make_matrix())
    typed = number_field(page, "Temperature")
    typed.fill("0")
    message = typed.evaluate("(input) => input.validationMessage")
    assert message == "A temperature is a number above 0; try 0.07."
    assert "÷ τ 10.9" in told(page) or "÷ τ 10.8" in told(page)  # 0.76 / 0.07: the last valid one
    typed.fill("1")
    assert typed.evaluate("(input) => input.validity.valid")


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_torchs_values(show, make_matrix, view):
    widget = make_matrix(step=3, view=view, temperature=0.2, bias=-1.5)
    page = show(widget)
    cosines = torch.from_numpy(widget.similarities[3].copy()).double()
    logits = (cosines / 0.2).requires_grad_()
    info_nce(logits).backward()
    biased = (logits.detach() - 1.5).requires_grad_()
    sigmoid_loss(biased).backward()
    expected, half_digit = {
        "cosine": (cosines, 0.005),
        "logits": (logits, 0.05),
        "row": (logits.softmax(1), 0.005),
        "column": (logits.softmax(0), 0.005),
        "sigmoid": ((logits - 1.5).sigmoid(), 0.005),
        "gradient": (logits.grad, 0.0005),
        "sigmoid_gradient": (biased.grad, 0.0005),
    }[view]
    texts = page.get_by_role("gridcell").all_inner_texts()
    shown = np.reshape([float(text.replace("−", "-")) for text in texts], (8, 8))
    np.testing.assert_allclose(shown, expected.detach(), atol=half_digit + 2e-4)
    page.locator(f'.kit-values [data-value="{view}"].kit-current').wait_for()


def test_every_view_says_how_to_read_it(show, make_matrix):
    page = show(make_matrix())
    readings, legends = set(), []
    for view in VIEWS:
        page.get_by_label("Show").select_option(view)
        readings.add(page.locator(".matrix-reading").inner_text())
        legends.append(page.locator(".matrix-ticks").inner_text().split("\n"))
    assert len(readings) == 7
    assert legends[:3] == [["−1", "0", "1"], ["−14.3", "0", "14.3"], ["0", "0.5", "1"]]
    assert legends[5] == legends[6] == ["−0.125 ↑ raised", "0", "lowered ↓ 0.125"]


def test_bias_by_slider_and_by_number_moves_the_sigmoids_and_only_they_take_it(show, make_matrix):
    widget = make_matrix()
    page = show(widget)
    bias = page.locator(".matrix-bias")
    expect(bias).to_be_hidden()
    page.get_by_label("Show").select_option("sigmoid")
    slider, typed = page.get_by_role("slider", name="Bias"), number_field(page, "Bias")
    logits = torch.from_numpy(widget.similarities[-1].copy()).double() / 0.07

    def expect_sigmoids(bias):
        texts = page.get_by_role("gridcell").all_inner_texts()
        expected = (logits + bias).sigmoid().flatten()
        np.testing.assert_allclose([float(text) for text in texts], expected, atol=0.00502)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits + bias, torch.eye(8).double(), reduction="sum"
        )
        figure = page.locator(".kit-figures > div").first
        assert float(figure.inner_text().split()[0]) == pytest.approx(loss.item() / 8, abs=0.002)
        assert "loss, sigmoid" in figure.inner_text()

    expect_sigmoids(-10)
    slider.fill("2.5")
    assert typed.input_value() == "2.5"
    expect_sigmoids(2.5)
    typed.fill("-1.25")
    expect_sigmoids(-1.25)
    page.get_by_label("Show").select_option("sigmoid_gradient")
    expect(slider).to_be_visible()
    assert "loss, sigmoid" in page.locator(".kit-figures > div").first.inner_text()
    page.get_by_label("Show").select_option("sigmoid")
    typed.fill("")
    assert typed.evaluate("(input) => input.validationMessage") == "A bias is a number; try −10."
    page.get_by_label("Show").select_option("row")
    expect(bias).to_be_hidden()


def test_reset_leads_back_to_what_it_began_with_and_stops_what_plays(show, make_matrix):
    page = show(make_matrix(step=2, view="row", selected=(1, 2)))
    page.get_by_role("button", name="Play").click()
    page.get_by_label("Show").select_option("sigmoid")
    page.get_by_role("slider", name="Temperature").fill("0.5")
    page.get_by_role("slider", name="Bias").fill("3")
    cell(page, 5, 5).click()
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_label("Show")).to_have_value("row")
    expect(number_field(page, "Temperature")).to_have_value("0.07")
    expect(cell(page, 1, 2)).to_have_attribute("aria-selected", "true")
    page.wait_for_timeout(600)  # longer than a step lasts
    expect(page.locator(".matrix-step")).to_have_text("step 100")
    page.get_by_label("Show").select_option("sigmoid")
    expect(number_field(page, "Bias")).to_have_value("-10")


def test_reset_leads_back_also_after_other_captions_came(show, make_matrix):
    page = show(make_matrix(step=2, view="sigmoid_gradient", selected=(1, 2)))
    page.get_by_role("slider", name="Temperature").fill("0.5")
    other = """(model) => model.set({ captions: ["one", "two"], view: "cosine", steps: [0], step: 0,
        frames: new DataView(new ArrayBuffer(8 * 2 * 2)), selected: [0, 0] })"""
    page.evaluate(f"({other})(document.querySelector('.widget').model)")
    expect(page.get_by_role("gridcell")).to_have_count(16)
    page.get_by_role("button", name="Reset").click()
    expect(number_field(page, "Temperature")).to_have_value("0.07")
    expect(page.get_by_label("Show")).to_have_value("cosine")  # no pairs, no gradient
    expect(cell(page, 1, 1)).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize(("letter", "number"), [("Temperature", "0.05"), ("Bias", "-5")])
def test_what_is_being_typed_stays_while_something_else_is_drawn(show, make_matrix, letter, number):
    page = show(make_matrix(view="sigmoid"))
    typed = number_field(page, letter)
    typed.select_text()
    page.keyboard.press(number[0])
    cell(page, 2, 3).hover()
    cell(page, 4, 1).hover()
    page.keyboard.type(number[1:])
    expect(typed).to_have_value(number)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fills_the_screen_and_comes_back(show, make_matrix, theme):
    page = show(make_matrix(), viewport={"width": 1280, "height": 800}, theme=theme)
    before = page.locator(".similarity-matrix").bounding_box()
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("document.fullscreenElement?.matches('.similarity-matrix')")
    root = page.locator(".similarity-matrix")
    assert root.bounding_box()["width"] == page.evaluate("innerWidth")
    assert root.evaluate("(node) => node.scrollHeight") <= page.evaluate("innerHeight")
    page.get_by_role("button", name="Leave full screen").click()
    page.wait_for_function("!document.fullscreenElement")
    assert root.bounding_box() == before


# Cells whose number is wider than what the frame of a pair leaves of them.
WIDE = """(cells) => cells.map((one) => {
  const range = document.createRange();
  range.selectNodeContents(one);
  const frame = getComputedStyle(one, "::after");
  const thick = parseFloat(frame.left) + parseFloat(frame.borderWidth);
  const inset = frame.content === "none" ? 0 : thick;
  const room = one.getBoundingClientRect().width - 2 * inset;
  return [one.textContent, range.getBoundingClientRect().width, room];
}).filter(([, number, room]) => number > room)"""


@pytest.mark.parametrize("size", [6, 8, 10])
@pytest.mark.parametrize(("width", "height"), [(390, 800), (620, 800), (1280, 800), (1280, 640)])
def test_each_number_stays_in_its_cell_on_the_page_and_on_the_whole_screen(
    show, make_matrix, size, width, height
):
    widget = make_matrix(size, size, step=0)  # whose gradients are far from 0
    page = show(widget, viewport={"width": width, "height": height})
    cells = page.locator('.matrix-grid [role="gridcell"]')
    before = cell(page, 1, 1).bounding_box()["width"]
    for whole in (False, True):
        if whole:
            page.get_by_role("button", name="Full screen").click()
            page.wait_for_function("document.fullscreenElement?.matches('.similarity-matrix')")
        for view in VIEWS:
            page.get_by_label("Show").select_option(view)
            assert cells.evaluate_all(WIDE) == [], (whole, view)
    assert width > 390 or cell(page, 1, 1).bounding_box()["width"] >= before


def test_the_buttons_keep_their_words_in_one_line_beside_a_narrow_matrix(show, make_matrix):
    for viewport in ({"width": 900, "height": 900}, {"width": 390, "height": 844}):
        page = show(make_matrix(8, 2), viewport=viewport)
        high = "(all) => all.filter((one) => one.scrollHeight > one.clientHeight).length"
        assert page.locator(".matrix-tools button").evaluate_all(high) == 0


def test_without_pairs_there_is_no_gradient(show, make_matrix):
    page = show(make_matrix(3, 5))
    for name in ("gradient", "sigmoid_gradient"):
        expect(page.locator(f'option[value="{name}"]')).to_be_disabled()
        assert page.locator(f'[data-value="{name}"]').count() == 0
    expect(page.locator('option[value="sigmoid"]')).to_be_enabled()


def test_loss_and_matches_follow_step_and_temperature(show, make_matrix):
    widget = make_matrix()
    page = show(widget)

    def figures():
        return page.locator(".kit-figure").all_inner_texts()

    def expected(step, temperature):
        cosines = torch.from_numpy(widget.similarities[step].copy()).double()
        own = torch.arange(8)
        ways = [cosines, cosines.T]
        losses = [torch.nn.functional.cross_entropy(way / temperature, own) for way in ways]
        matches = [int((way.argmax(1) == own).sum()) for way in ways]
        return float(sum(losses)) / 2, [f"{count} of 8" for count in matches]

    for step, temperature in ((4, 0.07), (4, 1), (12, 0.2)):
        page.locator(".matrix-player input").fill(str(step))
        number_field(page, "Temperature").fill(str(temperature))
        loss, matches = expected(step, temperature)
        assert float(figures()[0]) == pytest.approx(loss, abs=0.002)
        assert figures()[1:] == matches
    expect(page.locator(".matrix-step")).to_have_text("step 600")


def test_play_runs_to_the_last_step_and_stops(show, make_matrix):
    page = show(make_matrix(frames=4, step=0))
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator(".matrix-step")).to_have_text("step 150")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_pause_holds_the_step(show, make_matrix):
    page = show(make_matrix(frames=100))
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").click()
    step = page.locator(".matrix-step").inner_text()
    page.wait_for_timeout(400)
    assert page.locator(".matrix-step").inner_text() == step


def test_who_prefers_less_motion_goes_one_step_at_a_time(show, make_matrix):
    page = show(make_matrix(frames=4, step=0), reduced_motion="reduce")
    page.get_by_role("button", name="Next step").click()
    page.wait_for_timeout(700)
    assert page.locator(".matrix-step").inner_text() == "step 50"
    page.emulate_media(reduced_motion="no-preference")
    page.get_by_role("button", name="Play").click()
    page.emulate_media(reduced_motion="reduce")
    expect(page.get_by_role("button", name="Next step")).to_be_visible()


def test_without_training_there_is_no_player_and_without_pairs_no_loss(show, make_matrix):
    page = show(make_matrix(3, 5, 1))
    assert page.locator(".matrix-timeline").get_by_role("button").count() == 0
    assert page.get_by_role("button", name="Play").count() == 0
    assert page.locator(".kit-figure, .matrix-pair").count() == 0


def test_two_widgets_of_a_page_keep_apart(show, make_matrix):
    page = show(make_matrix(), make_matrix(4, 4))
    first, second = page.locator(".similarity-matrix").all()
    second.get_by_label("Show").select_option("column")
    second.locator('[data-cell="3,2"]').click()
    assert first.get_by_label("Show").input_value() == "cosine"
    assert first.locator("[aria-selected=true]").get_attribute("data-cell") == "0,0"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(ids) == len(set(ids))


def test_two_views_of_one_model_go_in_step(show, make_matrix):
    widget = make_matrix()
    page = show(widget, widget)
    first, second = page.locator(".similarity-matrix").all()
    first.get_by_label("Show").select_option("row")
    first.locator('[data-cell="3,2"]').click()
    number_field(first, "Temperature").fill("0.5")
    first.locator(".matrix-player input").fill("7")
    assert second.get_by_label("Show").input_value() == "row"
    assert second.locator("[aria-selected=true]").get_attribute("data-cell") == "3,2"
    assert number_field(second, "Temperature").input_value() == "0.5"
    assert second.locator(".matrix-step").inner_text() == "step 350"
    read = "(all) => all.map((one) => one.textContent)"
    cells = [view.get_by_role("gridcell").evaluate_all(read) for view in (first, second)]
    assert cells[0] == cells[1]


def test_nothing_moves_when_another_cell_view_or_step_is_chosen(show, make_matrix):
    for width in (900, 390):
        page = show(make_matrix(), viewport={"width": width, "height": 900})
        root = page.locator(".similarity-matrix")
        height = root.bounding_box()["height"]
        for place in ((0, 0), (1, 1), (2, 6), (7, 3)):
            cell(page, *place).click()
            for view in VIEWS:
                page.get_by_label("Show").select_option(view)
                page.locator(".matrix-player input").fill(str(place[0]))
                assert root.bounding_box()["height"] == height


@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (10, 10), (3, 24), (64, 64)])
def test_a_narrow_page_does_not_scroll_sideways(show, make_matrix, rows, columns):
    page = show(make_matrix(rows, columns), viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if columns <= 10:
        inner = page.locator(".matrix-scroll").evaluate(
            "(node) => node.scrollWidth - node.clientWidth"
        )
        assert inner <= 1


def test_a_thumb_selects_on_a_phone(show, make_matrix):
    widget = make_matrix()
    page = show(widget, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    cell(page, 3, 1).tap()
    assert f"“{widget.captions[1]}”" in told(page)
    box = cell(page, 3, 1).bounding_box()
    assert min(box["width"], box["height"]) >= 24  # WCAG 2.2, target size


def contrast(page, selector: str, background: tuple[int, int, int]) -> float:
    """Contrast of a text with a plain background, transparency mixed in."""
    script = """(node) => {
        const canvas = new OffscreenCanvas(1, 1).getContext("2d");
        canvas.fillStyle = getComputedStyle(node).color;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    }"""
    *colour, alpha = page.locator(selector).first.evaluate(script)
    mixed = np.array(colour) * alpha / 255 + np.array(background) * (1 - alpha / 255)

    def luminance(rgb):
        share = np.asarray(rgb) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted([luminance(mixed), luminance(background)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("theme", "background"), [("light", (255,) * 3), ("dark", (18,) * 3)])
def test_text_stands_out_in_both_themes(show, make_matrix, theme, background):
    page = show(make_matrix(), theme=theme)
    for selector in (
        ".matrix-reading",
        ".matrix-caption",
        ".kit-figures span:last-child",
        ".matrix-panel p",
    ):
        assert contrast(page, selector, background) >= 4.5


def test_focus_is_visible_on_every_control(show, make_matrix):
    page = show(make_matrix())
    stops = []
    while len(stops) < 6:
        page.keyboard.press("Tab")
        look = page.evaluate(
            """() => {
                const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
                return [document.activeElement.tagName, outlineStyle, parseFloat(outlineWidth)];
            }"""
        )
        stops.append(look)
    assert [tag for tag, *_ in stops] == ["SELECT", "INPUT", "INPUT", "BUTTON", "INPUT", "DIV"]
    assert all(style == "solid" and width >= 2 for _, style, width in stops)


@pytest.mark.parametrize(
    "texts", [["Pepper the aussie pup", "a rainy day"], ["hamburger sandwich hamburger sandwich"]]
)
def test_short_captions_stand_whole_above_their_columns(show, texts):
    similarities = np.zeros((1, len(texts)))
    page = show(SimilarityMatrix(similarities, [np.zeros((8, 8, 3), np.uint8)], texts))
    for caption in page.locator(".matrix-caption").all():
        cut = (
            "(node) => node.scrollWidth > node.clientWidth || node.scrollHeight > node.clientHeight"
        )
        assert not caption.evaluate(cut)


def test_a_caption_that_is_cut_shows_it(show):
    texts = ["a picture of a thing and of another thing beside it, " * 5, "a star"]
    page = show(SimilarityMatrix(np.zeros((1, 2)), [np.zeros((8, 8, 3), np.uint8)], texts))
    style = page.locator(".matrix-caption").first.evaluate(
        "(node) => [getComputedStyle(node).webkitLineClamp, node.scrollWidth > node.clientWidth]"
    )
    assert style == ["3", True]


def test_what_a_matching_pair_is_is_said_below_the_matrix(show, make_matrix):
    page = show(make_matrix())
    expect(page.locator(".matrix-key")).to_have_text("a matching pair: the same number")


def test_matching_pairs_are_marked_by_more_than_colour(show, make_matrix):
    page = show(make_matrix())
    assert page.locator(".matrix-pair").count() == 8
    border = cell(page, 3, 3).evaluate("(node) => getComputedStyle(node, '::after').borderStyle")
    assert border == "solid"


def test_false_negatives_are_marked_by_more_than_colour_and_told(show, make_matrix):
    true_pairs = np.eye(8, dtype=bool)
    true_pairs[2, 5] = true_pairs[6, 1] = True
    page = show(make_matrix(true_pairs=true_pairs))
    marked = page.locator(".matrix-also").evaluate_all("all => all.map((one) => one.dataset.cell)")
    assert marked == ["2,5", "6,1"]
    dot = cell(page, 2, 5).evaluate(
        """(node) => {
            const { width, backgroundColor } = getComputedStyle(node, "::after");
            return [parseFloat(width) > 3, backgroundColor === getComputedStyle(node).color];
        }"""
    )
    assert dot == [True, True]
    cell(page, 2, 5).click()
    assert "also true: a false negative" in told(page)
    expect(page.locator("[aria-live=polite]")).to_contain_text("also true: a false negative")
    cell(page, 5, 2).click()
    assert "not a pair" in told(page)
    assert "though not the pair: a false negative" in page.locator(".matrix-key").inner_text()


@pytest.mark.parametrize("size", [8, 12, 20])
def test_row_and_column_of_what_is_told_are_framed(show, make_matrix, size):
    page = show(make_matrix(size, size, 1))
    page.keyboard.press("Tab")
    cell(page, 0, 0).focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    box = cell(page, 3, 5).bounding_box()
    row = page.locator(".matrix-band-row").bounding_box()
    column = page.locator(".matrix-band-column").bounding_box()
    frames = [row["y"], row["height"], column["x"], column["width"]]
    assert frames == pytest.approx([box[k] for k in ("y", "height", "x", "width")], abs=1)
    assert row["width"] > size * (box["width"] - 1) and column["height"] > size * (box["width"] - 1)
    assert page.locator(".matrix-column.kit-current").inner_text().endswith("T6")


def test_forty_columns_scroll_inside_the_figure_and_can_be_read_out(show, make_matrix):
    page = show(make_matrix(4, 40))
    label = cell(page, 0, 1).get_attribute("aria-label")
    assert re.fullmatch(r"−?0\.\d\d", label)
    cell(page, 0, 0).focus()
    page.keyboard.press("End")
    expect(cell(page, 0, 39)).to_be_in_viewport()


def test_cleaning_up_stops_what_plays(show, make_matrix):
    widget = make_matrix(2, 2, 50, step=0)
    page = show(widget)
    state = {name: getattr(widget, name) for name in ("images", "captions", "steps", "step")}
    state |= {"view": "cosine", "temperature": 0.07, "bias": -10, "selected": [0, 0]}
    state["also_true"] = []
    sets = page.evaluate(
        """async ([source, state, frames]) => {
            const blob = new Blob([source], { type: "text/javascript" });
            const { render } = (await import(URL.createObjectURL(blob))).default;
            state.frames = Uint8Array.from(frames);
            let sets = 0;
            const set = (key, value) => { state[key] = value; sets += 1; };
            const model = { get: (key) => state[key], set, save_changes() {}, on() {}, off() {} };
            const el = document.createElement("div");
            const cleanup = render({ model, el });
            el.querySelector("button").click();
            await new Promise((resolve) => setTimeout(resolve, 250));
            const played = sets;
            cleanup();
            await new Promise((resolve) => setTimeout(resolve, 250));
            return [played > 0, sets - played];
        }""",
        [widget._esm, state, list(widget.frames)],
    )
    assert sets == [True, 0]


def test_controls_play_matrix_and_loss_are_seen_together(show, make_matrix):
    wide = show(
        make_matrix(), viewport={"width": 708, "height": 800}
    )  # the column of a page of 1280
    box = wide.locator(".similarity-matrix").bounding_box()
    assert box["height"] <= 800 - 56  # the page's own bar
    phone = show(make_matrix(), viewport={"width": 390, "height": 844})
    top = phone.locator(".matrix-controls").bounding_box()["y"]
    for part in (".matrix-play", ".kit-figures", ".matrix-grid"):
        box = phone.locator(part).bounding_box()
        assert box["y"] + box["height"] - top <= 844 - 56


def test_on_a_phone_play_stays_in_reach_while_the_figure_is_scrolled(show, make_matrix):
    page = show(make_matrix(), viewport={"width": 390, "height": 844})
    page.locator(".matrix-panel").evaluate("(panel) => panel.scrollIntoView()")
    play = page.get_by_role("button", name="Play")
    expect(play).to_be_in_viewport()
    before = page.locator(".matrix-step").inner_text()
    play.click()  # nothing lies over it
    expect(page.locator(".matrix-step")).not_to_have_text(before)


def test_a_loss_without_decimals_is_a_power_of_ten_and_none_is_none(show, make_matrix):
    cosines = np.where(np.eye(4), 0.9, 0.1)
    page = show(make_matrix(4, 4, frames=1, similarities=cosines[None], temperature=1e-9))
    loss = page.locator(".kit-figures > div").first.locator(".kit-figure")
    expect(loss).to_have_text("0.000")
    number_field(page, "Temperature, as a number").fill("0.05")
    expect(loss).to_have_text("3e−7")
