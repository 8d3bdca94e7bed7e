"""The attention explorer in a page without kernel or network: mouse, keyboard, touch, themes."""

import numpy as np
import PIL.Image
import pytest
import torch
from ipywidgets.embed import dependency_state
from playwright.sync_api import expect

import clipbook
from clipbook.widgets import AttentionExplorer

pytestmark = pytest.mark.browser
PICTURE = PIL.Image.new("RGB", (32, 32), (40, 44, 50))


def attention(layers: int, heads: int, keys: int, causal: bool = False) -> torch.Tensor:
    generator = torch.Generator().manual_seed(keys)
    scores = torch.randn(layers, heads, keys, keys, generator=generator, dtype=torch.float64)
    if causal:
        scores = scores.masked_fill(torch.ones(keys, keys).triu(1).bool(), float("-inf"))
    return (2 * scores).softmax(-1)


def of_text(keys: int = 6, causal: bool = True, **options) -> AttentionExplorer:
    tokens = [f"token{k}" for k in range(keys)]
    return AttentionExplorer(attention(2, 3, keys, causal), tokens, causal=causal, **options)


def of_picture(keys: int = 17, **options) -> AttentionExplorer:
    return AttentionExplorer(attention(3, 4, keys), image=PICTURE, **options)


def query(page, place: int):
    return page.locator(f"[data-choice='{place}']")


def numbers(page) -> list[str]:
    return page.locator(".attention-number").all_text_contents()


def finding(page) -> str:
    return page.locator(".attention-finding").inner_text()


def told(page) -> str:
    return page.locator("[data-choice].kit-current").get_attribute("data-choice")


def test_a_text_shows_the_weights_of_its_query_and_crosses_out_what_comes_later(show):
    widget = of_text(query=3, layer=0, head=1)
    page = show(widget)
    expected = [f"{weight:.2f}" for weight in widget.weights[0, 1, 3, :4]]
    assert numbers(page) == [*expected, "✕", "✕"]
    masked = page.locator(".attention-tokens .kit-hatched")
    assert masked.count() == 2
    look = masked.first.evaluate(
        "(node) => [getComputedStyle(node).backgroundImage, getComputedStyle(node).borderStyle]"
    )
    assert look[0].startswith("repeating-linear-gradient") and look[1] == "dashed"
    assert masked.first.get_attribute("aria-label") == "token4, may not be looked at"
    assert page.locator(".widget-picture").is_hidden()


def test_a_bar_is_as_long_as_its_weight(show):
    widget = of_text(causal=False, query=2)
    page = show(widget)
    widths = page.locator(".attention-bar").evaluate_all(
        "all => all.map((bar) => bar.clientWidth / bar.parentNode.clientWidth)"
    )
    row = widget.shown[2]
    np.testing.assert_allclose(widths, row / row.max(), atol=0.03)


def test_hovering_tells_a_query_and_leaving_tells_the_selected(show):
    widget = of_text(query=1)
    page = show(widget)
    before = numbers(page)
    query(page, 5).hover()
    assert numbers(page) == [f"{weight:.2f}" for weight in widget.shown[5]]
    assert finding(page).startswith("“token5” looks most at")
    page.mouse.move(0, 0)
    assert numbers(page) == before


def test_layer_and_head_are_chosen_by_mouse_and_by_key(show):
    widget = of_text(query=5)
    page = show(widget)
    page.get_by_role("group", name="Layer").get_by_role("radio", name="0").check()
    page.get_by_role("group", name="Head").get_by_role("radio", name="mean").focus()
    page.keyboard.press("ArrowLeft")
    expected = widget.weights[0, 2, 5]
    assert numbers(page) == [f"{weight:.2f}" for weight in expected]
    page.get_by_role("group", name="Layer").get_by_role("radio", name="mean").check()
    expected = widget.weights[:, 2, 5].mean(axis=0)
    assert numbers(page) == [f"{weight:.2f}" for weight in expected]


def test_a_picture_shows_the_weights_over_its_patches(show):
    widget = of_picture(keys=16, query=5)
    page = show(widget)
    row = widget.shown[5]
    assert numbers(page) == [f"{weight:.2f}".removeprefix("0") for weight in row]
    shares = page.locator(".attention-key").evaluate_all(
        "all => all.map((node) => Number(node.style.getPropertyValue('--share')))"
    )
    np.testing.assert_allclose(shares, row / row.max(), atol=1e-3)
    alphas = page.locator(".attention-key").evaluate_all(
        """all => all.map((node) => {
            const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
            canvas.fillStyle = getComputedStyle(node).backgroundColor;
            canvas.fillRect(0, 0, 1, 1);
            return canvas.getImageData(0, 0, 1, 1).data[3] / 255;
        })"""
    )
    np.testing.assert_allclose(alphas, 0.85 * row / row.max(), atol=0.01)
    keys, queries = page.locator(".attention-key"), page.get_by_role("gridcell")
    for place in (0, 5, 15):  # a key lies where the query of the same number lies
        boxes = [nodes.nth(place).bounding_box() for nodes in (keys, queries)]
        assert boxes[0]["y"] == boxes[1]["y"]
        assert boxes[0]["width"] == boxes[1]["width"]


def test_the_class_token_comes_before_the_patches(show):
    widget = of_picture(query=0)
    page = show(widget)
    assert finding(page).startswith("The class token looks most at")
    assert query(page, 0).inner_text() == "class token"
    query(page, 6).click()
    assert finding(page).startswith("Patch 5 (row 2, column 2) looks most at")
    widget.query = 6
    assert widget.alternative.endswith(f": {finding(page)}")


def test_page_and_python_tell_the_same(show):
    for widget in (of_text(query=4), of_picture(query=9, head=2), of_text(query=0)):
        page = show(widget)
        assert widget.alternative.endswith(f": {finding(page)}")


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (["ArrowDown"], 1),
        (["ArrowDown", "ArrowRight", "ArrowDown"], 6),
        (["End", "ArrowRight", "ArrowDown"], 16),
        (["End", "ArrowUp"], 12),
        (["End", "Home", "ArrowLeft", "ArrowUp"], 0),
    ],
)
def test_keys_move_through_class_token_and_patches_and_stay_inside(show, keys, place):
    page = show(of_picture())
    query(page, 0).focus()
    for key in keys:
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.dataset.choice") == str(place)
    assert told(page) == str(place)
    assert page.locator("[data-choice][tabindex='0']").count() == 1


def test_keys_move_through_tokens_in_lines(show):
    page = show(of_text(20), viewport={"width": 390, "height": 844})
    query(page, 0).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    place = int(told(page))
    boxes = [query(page, k).bounding_box() for k in (1, place)]
    assert boxes[0]["x"] == boxes[1]["x"] and boxes[0]["y"] < boxes[1]["y"]
    page.keyboard.press("End")
    assert told(page) == "19"


def test_a_resting_mouse_does_not_take_over_what_a_key_tells(show):
    page = show(of_text())
    query(page, 4).hover()
    query(page, 0).focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("group", name="Head").get_by_role("radio", name="1").check()
    assert told(page) == "1"


def test_a_change_is_announced_once_it_has_come_to_rest(show):
    page = show(of_text())
    live = page.locator("[aria-live=polite]")
    assert live.text_content() == ""
    query(page, 0).focus()
    page.keyboard.press("ArrowRight")
    expect(live).to_have_text(f"layer 1, mean of all heads: {finding(page)}")


def test_two_models_keep_apart_and_two_views_of_one_in_step(open_page, embed_page):
    one, other = of_text(query=2), of_text(query=3)
    models = dependency_state([one], drop_defaults=False)
    models |= dependency_state([other], drop_defaults=False)
    ids = [one.model_id, one.model_id, other.model_id]
    page = open_page(embed_page(models, ids, {one.model_id: "", other.model_id: ""}))
    views = page.locator(".attention-explorer")
    expect(views).to_have_count(3)
    views.nth(0).get_by_role("group", name="Head").get_by_role("radio", name="1").check()
    views.nth(1).locator("[data-choice='5']").click()
    page.mouse.move(0, 0)
    read = """all => all.map((view) => [
        view.querySelector(".attention-finding").textContent,
        [...view.querySelectorAll(":checked")].map((one) => one.value)])"""
    states = views.evaluate_all(read)
    assert states[0] == states[1]
    assert states[0][1] == ["1", "1"] and states[0][0].startswith("“token5”")
    assert states[2][1] == ["1", "mean"] and states[2][0].startswith("“token3”")


@pytest.mark.parametrize("make", [of_text, of_picture])
@pytest.mark.parametrize("width", [900, 390])
def test_nothing_moves_when_another_query_layer_or_head_is_chosen(show, make, width):
    page = show(make(), viewport={"width": width, "height": 900})
    root = page.locator(".attention-explorer")
    height = root.bounding_box()["height"]
    for place in range(page.locator("[data-choice]").count()):
        query(page, place).click()
        assert root.bounding_box()["height"] == height
    for label in page.locator(".kit-segments label").all():
        label.click()
        assert root.bounding_box()["height"] == height


@pytest.mark.parametrize("make", [of_text, of_picture])
def test_a_thumb_chooses_a_query_on_a_phone(show, make):
    page = show(make(), viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    query(page, 5).tap()
    assert told(page) == "5"
    for box in (query(page, 5).bounding_box(), page.locator("label").first.bounding_box()):
        assert min(box["width"], box["height"]) >= 24  # WCAG 2.2, target size


def contrasts(page, selector: str, background: tuple[int, int, int]) -> list[float]:
    """Contrast of texts with what is painted behind them, on a plain page."""
    script = """(all) => all.map((node) => {
        const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
        const paint = (colour) => {
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
            return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
        };
        paint("BACKGROUND");
        const behind = [];
        for (let box = node; box; box = box.parentElement)
            behind.unshift(getComputedStyle(box).backgroundColor);
        const back = behind.map(paint).at(-1);
        return [paint(getComputedStyle(node).color), back];
    })"""

    def luminance(rgb):
        share = np.asarray(rgb) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    plain = script.replace("BACKGROUND", f"rgb{background}")
    found = []
    for colours in page.locator(selector).evaluate_all(plain):
        low, high = sorted(map(luminance, colours))
        found.append((high + 0.05) / (low + 0.05))
    return found


@pytest.mark.parametrize(("theme", "background"), [("light", (255,) * 3), ("dark", (18,) * 3)])
def test_text_stands_out_in_both_themes(show, theme, background):
    page = show(of_text(query=4), of_picture(), theme=theme)
    for selector in (
        ".kit-quiet",
        ".attention-legend",
        ".attention-token",
        ".attention-number",
        ".attention-key > span:first-child",
        ".kit-segments span",
    ):
        assert min(contrasts(page, selector, background)) >= 4.5, selector


def test_focus_is_visible_on_every_control(show):
    page = show(of_picture())
    look = """() => {
        const focused = document.activeElement;
        const { outlineStyle, outlineWidth } =
            getComputedStyle(focused.type === "radio" ? focused.nextSibling : focused);
        return [focused.tagName, outlineStyle, parseFloat(outlineWidth)];
    }"""
    stops = []
    while len(stops) < 3:
        page.keyboard.press("Tab")
        stops.append(page.evaluate(look))
    assert [tag for tag, *_ in stops] == ["INPUT", "INPUT", "DIV"]
    assert all(style == "solid" and width >= 2 for _, style, width in stops)


def test_the_shipped_models_weights_on_a_caption_and_a_picture_are_shown(show):
    model, tokenizer = clipbook.load("shapes")
    ids, mask = tokenizer.batch(["a red circle above a blue square"])
    real = int(mask.sum())
    with torch.no_grad():
        text = model.text_encoder.attention_weights(ids, mask)[:, 0, :, :real, :real]
        image = model.image_encoder.attention_weights(clipbook.image.preprocess(PICTURE))[:, 0]
    tokens = [tokenizer.token(int(one)) for one in ids[0, :real]]
    causal = model.text_encoder.config.causal
    page = show(
        AttentionExplorer(text, tokens=tokens, causal=causal, query=-1),
        AttentionExplorer(image, image=PICTURE),
    )
    expected = [f"{float(weight):.2f}" for weight in text[-1].mean(0)[-1]]
    assert numbers(page)[:real] == expected
    assert page.get_by_role("gridcell").count() == image.shape[-1]
