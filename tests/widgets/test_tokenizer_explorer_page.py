"""The tokenizer explorer in a page without kernel or network: typing, sliding, themes, phones."""

from itertools import pairwise

import pytest
from playwright.sync_api import expect

from clipbook.text import Tokenizer
from clipbook.widgets import TokenizerExplorer
from tests.tiny import tokenizer

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


def explorer(*options, **more) -> TokenizerExplorer:
    return TokenizerExplorer(tokenizer(), *options, **more)


def ids_over(page) -> list[int]:
    """The ids under the words."""
    return [int(text) for text in page.locator(".tokens-list .tokens-id").all_inner_texts()]


def ids_of_input(page) -> list[int]:
    return [int(text) for text in page.locator(".tokens-context .tokens-id").all_inner_texts()]


def typed(page):
    return page.get_by_label("Text")


def slider(page):
    return page.get_by_role("slider", name="Merges")


def test_a_page_shows_every_token_and_the_models_input(show):
    page = show(explorer())
    ids = tokenizer().encode("Pepper the aussie pup")
    assert ids_over(page) == ids
    assert ids_of_input(page) == tokenizer().batch(["Pepper the aussie pup"])[0][0].tolist()
    assert page.locator(".tokens-context li").count() == tokenizer().context_length
    assert page.locator(".kit-figure").all_inner_texts() == ["4", "21", "21", str(len(ids))]
    assert page.locator(".widget-picture").is_hidden()


def test_characters_stand_over_their_bytes_and_a_bracket_over_each_word(show):
    page = show(explorer("the café"))
    words = page.locator(".tokens-word")
    characters = [word.locator(".tokens-character").all_inner_texts() for word in words.all()]
    assert characters == [list("the"), list("␣café")]
    assert words.nth(1).locator(".tokens-bytes span").all_inner_texts() == [
        str(byte) for byte in " café".encode()
    ]
    e = words.nth(1).locator(".tokens-character", has_text="é").bounding_box()
    last = words.nth(1).locator(".tokens-token").nth(-1).bounding_box()
    first = words.nth(1).locator(".tokens-token").nth(-2).bounding_box()
    assert first["x"] < e["x"] < last["x"] < e["x"] + e["width"] < last["x"] + last["width"]
    assert page.locator(".tokens-parted").all_inner_texts() == ["é"]


def test_a_token_is_as_wide_as_its_bytes_and_stands_beside_the_next(show):
    page = show(TokenizerExplorer(Tokenizer([(107, 104), (119, 259)]), "thexhe"))

    def expect_widths(*sizes):
        boxes = [one.bounding_box() for one in page.locator(".tokens-token").all()]
        assert [box["width"] for box in boxes] == pytest.approx(sizes, abs=0.5)
        for left, right in pairwise(boxes):
            assert left["x"] + left["width"] + 2 == pytest.approx(right["x"], abs=0.5)

    byte = page.locator(".tokens-token").nth(1).bounding_box()["width"]
    expect_widths(3 * byte + 4, byte, 2 * byte + 2)
    slider(page).fill("1")
    expect_widths(byte, 2 * byte + 2, byte, 2 * byte + 2)
    slider(page).fill("0")
    expect_widths(*[byte] * 6)


@pytest.mark.parametrize(
    "text", ["a small red circle", "naïve 👩\u200d👧 🐶", "שלום e\u0301 日本", "12 + 3!\n\tx", ""]
)
def test_typing_shows_the_ids_that_python_gives(show, text):
    page = show(explorer())
    typed(page).fill(text)
    assert ids_over(page) == tokenizer().encode(text)
    room = tokenizer().context_length - 2
    assert (
        ids_of_input(page)[: room + 1]
        == ([1, *tokenizer().encode(text)[:room], 2] + [0] * room)[: room + 1]
    )


def test_the_slider_goes_merge_after_merge_from_bytes_to_tokens(show):
    text = "a small red circle"
    steps = tokenizer().steps(text)
    page = show(explorer(text, step=0))
    slider(page).focus()
    for step, ids in enumerate(steps):
        assert ids_over(page) == ids
        expect(page.locator(".tokens-place")).to_have_text(f"{step} of {len(steps) - 1}")
        new = page.locator(".tokens-list .tokens-new .tokens-id").all_inner_texts()
        made = set(ids) - set(steps[step - 1]) if step else set()
        assert {int(one) for one in new} == made
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Home")
    assert ids_over(page) == steps[0]


def test_the_sentence_tells_which_pair_becomes_which_token(show):
    page = show(TokenizerExplorer(Tokenizer([(107, 104), (119, 259)], 8), "the", step=1))
    sentence = page.locator(".tokens-sentence")
    expect(sentence).to_have_text("h + e → he makes token 259, merge 1 of all 2")
    slider(page).fill("2")
    expect(sentence).to_have_text("t + he → the makes token 260, merge 2 of all 2")
    slider(page).fill("0")
    expect(sentence).to_contain_text("Each byte is a token")


def test_typing_stays_at_the_last_merge_unless_the_slider_was_moved(show):
    page = show(explorer())
    typed(page).fill("a small red circle")
    assert ids_over(page) == tokenizer().encode("a small red circle")
    slider(page).fill("2")
    typed(page).fill("a small red square")
    assert ids_over(page) == tokenizer().steps("a small red square")[2]
    typed(page).fill("q")
    typed(page).fill("a small red")
    assert ids_over(page) == tokenizer().encode("a small red")


def test_what_does_not_fit_is_marked_and_said(show):
    page = show(TokenizerExplorer(Tokenizer(context_length=6), "abcdefg"))
    assert page.locator(".kit-hatched .tokens-id").all_inner_texts() == ["104", "105", "106"]
    assert ids_of_input(page) == [1, 100, 101, 102, 103, 2]
    expect(page.locator(".tokens-input > .kit-quiet")).to_have_text(
        "4 of 7 tokens fit; the last 3 are cut off."
    )
    typed(page).fill("abcde")
    expect(page.locator(".tokens-input > .kit-quiet")).to_have_text(
        "4 of 5 tokens fit; the last is cut off."
    )
    typed(page).fill("abc")
    expect(page.locator(".tokens-input > .kit-quiet")).to_have_text(
        "3 tokens, start, end, and 1 place of padding."
    )
    assert page.locator(".kit-hatched").count() == 0


def test_half_a_character_that_is_pasted_becomes_the_replacement_character(show):
    page = show(explorer())
    typed(page).evaluate(
        r"(field) => { field.value = 'a \ud83d'; field.dispatchEvent(new Event('input')); }"
    )
    assert ids_over(page) == tokenizer().encode("a \ufffd")


def test_line_ends_of_python_are_kept_until_the_reader_types(show):
    page = show(explorer("a\r\nb"))
    assert ids_over(page) == tokenizer().encode("a\r\nb")
    assert typed(page).input_value() == "a\nb"
    slider(page).focus()
    page.keyboard.press("Home")
    assert ids_over(page) == [3 + byte for byte in b"a\r\nb"]


def test_what_cannot_be_seen_is_written_as_its_number(show):
    page = show(explorer("a\u200d\x00\u0301\u202e\ufe0f "))
    shown = page.locator(".tokens-character").all_inner_texts()
    assert shown == ["a", "200D", "0000", "◌\u0301", "202E", "FE0F", "␣"]


def test_a_screen_reader_hears_each_token_and_its_id(show):
    page = show(TokenizerExplorer(Tokenizer([(107, 104)], 6), "the é"))
    tokens = page.get_by_role("list", name="Tokens").get_by_role("listitem")
    heard = [one.aria_snapshot() for one in tokens.all()]
    assert "“t”, id 119" in heard[0] and "“he”, id 259" in heard[1]
    assert "byte 195, id 198" in heard[3]
    assert "byte 169, id 172, cut off" in heard[4]
    places = page.get_by_role("list", name="The model's input").get_by_role("listitem")
    assert places.all_text_contents()[0].startswith("1, start")


def test_a_change_is_announced_once_it_has_come_to_rest(show):
    page = show(TokenizerExplorer(Tokenizer([(107, 104)], 8), "the", step=0))
    live = page.locator("[aria-live=polite]")
    assert live.text_content() == ""
    slider(page).fill("1")
    expect(live).to_have_text(
        "Merge 1 of 1: “h” and “e” become token 259. 2 tokens, start, end, and 4 places of padding."
    )


def test_two_widgets_of_a_page_keep_apart(show):
    page = show(explorer(), explorer("a red pup"))
    first, second = page.locator(".tokenizer-explorer").all()
    typed(second).fill("the")
    slider(second).fill("0")
    assert typed(first).input_value() == "Pepper the aussie pup"
    assert ids_over(first) == tokenizer().encode("Pepper the aussie pup")
    assert ids_over(second) == [3 + byte for byte in b"the"]
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(ids) == len(set(ids))


def test_two_views_of_one_model_go_in_step(show):
    widget = explorer("a small red circle")
    page = show(widget, widget)
    first, second = page.locator(".tokenizer-explorer").all()
    typed(first).fill("the blue square")
    slider(second).fill("1")
    for view in (first, second):
        assert typed(view).input_value() == "the blue square"
        assert ids_over(view) == tokenizer().steps("the blue square")[1]


def test_the_caret_stays_where_it_is_while_a_reader_types_within_a_text(show):
    page = show(explorer("a circle"))
    typed(page).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.type(" red")
    assert typed(page).input_value() == "a red circle"


@pytest.mark.parametrize("width", [900, 390])
def test_nothing_moves_when_the_slider_does(show, width):
    page = show(
        explorer("a small red circle to the left of a large blue square 👧 naïve", step=0),
        viewport={"width": width, "height": 844},
    )
    look = """() => [...document.querySelectorAll(".tokens-character, .tokens-context")].map(
        (node) => [node.getBoundingClientRect().top, node.getBoundingClientRect().left])"""
    height = page.locator(".tokenizer-explorer").bounding_box()["height"]
    tops = [top for top, _ in page.evaluate(look)]
    for step in range(1, int(slider(page).get_attribute("max")) + 1):
        slider(page).fill(str(step))
        assert page.locator(".tokenizer-explorer").bounding_box()["height"] == height
        assert [top for top, _ in page.evaluate(look)] == pytest.approx(tops, abs=1)


@pytest.mark.parametrize("text", ["Pepper the aussie pup", "日本語のテキスト" * 6, "w" * 400])
def test_a_narrow_page_does_not_scroll_sideways(show, text):
    page = show(explorer(text), viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    inner = page.locator(".tokens-words").evaluate("(node) => node.scrollWidth - node.clientWidth")
    assert inner <= 1


def test_a_token_wider_than_a_phone_scrolls_inside_the_figure(show):
    doubled = [(122, 122), (259, 259), (260, 260), (261, 261)]  # w, ww, wwww, …
    page = show(TokenizerExplorer(Tokenizer(doubled), "w" * 16), viewport=PHONE)
    assert page.locator(".tokens-token").bounding_box()["width"] > 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_thumb_slides_on_a_phone(show):
    page = show(explorer(), viewport=PHONE, has_touch=True, is_mobile=True)
    box = slider(page).bounding_box()
    assert box["height"] >= 24  # WCAG 2.2, target size
    page.touchscreen.tap(box["x"] + 2, box["y"] + box["height"] / 2)
    assert ids_over(page) == tokenizer().steps("Pepper the aussie pup")[0]


CONTRAST = """(node) => {
    const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const parents = [];
    for (let one = node; one; one = one.parentElement) parents.unshift(one);
    const paint = (colour) => {
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        const linear = [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map((k) =>
            k <= 10 ? k / 3294 : ((k / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    let ground;
    for (const one of parents) ground = paint(getComputedStyle(one).backgroundColor);
    const [low, high] = [ground, paint(getComputedStyle(node).color)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_every_tokens_colour_in_both_themes(show, theme):
    merges = tokenizer().merges
    every = "".join(map(chr, range(33, 127)))
    page = show(
        TokenizerExplorer(Tokenizer(merges, 300), every + " a small red circle é"), theme=theme
    )
    for selector in (
        ".tokens-bytes",
        ".tokens-id",
        ".tokens-label",
        ".tokens-input > .kit-quiet",
        ".tokens-names",
    ):
        nodes = page.locator(selector)
        worst = nodes.evaluate_all(f"(all) => Math.min(...all.map({CONTRAST}))")
        assert worst >= 4.5, selector


def test_tokens_are_told_apart_by_more_than_colour(show):
    page = show(TokenizerExplorer(Tokenizer(context_length=6), "ab"))
    borders = page.locator(".tokens-token").evaluate_all(
        "(all) => all.map((node) => getComputedStyle(node).borderStyle)"
    )
    assert borders == ["solid"] * 2
    pad = page.locator(".tokens-pad").first
    assert pad.evaluate("(node) => getComputedStyle(node).borderStyle") == "dashed"
    assert pad.locator(".tokens-id, .tokens-label").all_inner_texts() == ["0", "pad"]


def test_one_token_has_one_colour_wherever_it_stands(show):
    page = show(explorer("aba"))
    colour = "(all) => all.map((node) => getComputedStyle(node).backgroundColor)"
    first, other, again = page.locator(".tokens-token").evaluate_all(colour)
    assert first == again != other
    assert page.locator(".tokens-context li").evaluate_all(colour)[1:4] == [first, other, first]


def test_focus_is_visible_on_every_control(show):
    page = show(explorer())
    for tag in ("TEXTAREA", "INPUT"):
        page.keyboard.press("Tab")
        look = page.evaluate(
            """() => {
                const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
                return [document.activeElement.tagName, outlineStyle, parseFloat(outlineWidth)];
            }"""
        )
        assert look == [tag, "solid", 2]


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, PHONE])
def test_a_long_text_is_scrolled_inside_the_figure_by_keys_too(show, viewport):
    page = show(explorer(), viewport=viewport)
    words = page.get_by_role("group", name="Words and their tokens")
    assert words.get_attribute("tabindex") is None
    typed(page).fill("a small red circle ☂ " * 84)  # 1,764 characters
    assert page.locator(".tokenizer-explorer").bounding_box()["height"] < 1100
    words.focus()
    page.keyboard.press("End")
    page.wait_for_function("document.querySelector('.tokens-words').scrollTop > 0")
