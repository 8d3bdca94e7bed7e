"""The playground in a browser, from a folder, with the network cut: what is seen is PyTorch's."""

import re
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

import clipbook
from bookkit import chapters
from bookkit.live import pictures, tries
from bookkit.pages.live import playground
from clipbook import emoji
from clipbook.emoji import load_emoji
from clipbook.evaluation.scenes import combination_names
from clipbook.image import normalise
from clipbook.scenes import EXAMPLE, RGB, Object, Scene, captions, render
from tests.bookkit.live.conftest import cosines, shapes
from tests.bookkit.live.test_pictures import levels

pytestmark = pytest.mark.browser
NAMES = [caption for _, caption in EXAMPLE] + combination_names()
STAR = "#picture=dark.star.yellow.large.50.48&caption=a+star&caption=a+ring+%26+a+%E6%98%9F"


def state_of(page) -> tuple[list[Scene], list[str]]:
    """Pictures and captions as the address holds them."""
    values = parse_qs(urlparse(page.url).fragment)
    scenes = []
    for text in values["picture"]:
        ground, *rest = text.split(".")
        groups = [rest[k : k + 5] for k in range(0, len(rest), 5)]
        things = [Object(s, c, z, int(x) / 100, int(y) / 100) for s, c, z, x, y in groups]
        scenes.append(Scene(tuple(things), ground))
    return scenes, values["caption"]


def matrix(page) -> np.ndarray:
    rows = page.locator(".play-matrix [role=row]:has([role=gridcell])").all()
    texts = [row.locator("[role=gridcell]").all_inner_texts() for row in rows]
    return np.array([[float(text.replace("−", "-")) for text in row] for row in texts])


def is_pytorchs(page) -> None:
    """Matrix, values beside the captions, and names, each to the two decimals that are shown."""
    page.wait_for_function("document.querySelector('.play-status').textContent === ''")
    page.wait_for_timeout(500)  # the address is written once a hand rests
    for tries_left in reversed(range(50)):  # and what it says may still be computed
        try:
            return shows_what_the_address_says(page)
        except AssertionError:
            if not tries_left:
                raise
            page.wait_for_timeout(200)


def shows_what_the_address_says(page) -> None:
    scenes, captions = state_of(page)
    wanted = cosines(scenes, captions)
    assert matrix(page) == pytest.approx(wanted, abs=0.0051)
    chosen = page.locator(".play-thumbnails [aria-pressed]").evaluate_all(
        "all => all.findIndex((one) => one.getAttribute('aria-pressed') === 'true')"
    )
    beside = [float(t.replace("−", "-")) for t in page.locator(".play-fit").all_inner_texts()]
    assert beside == pytest.approx(wanted[chosen].tolist(), abs=0.0051)
    names = NAMES
    logits = shapes()[0].scale.item() * torch.from_numpy(cosines([scenes[chosen]], names)[0])
    first = page.locator(".play-best li").first.locator("span").all_inner_texts()
    assert first[0] == names[int(logits.argmax())]
    assert float(first[1]) == pytest.approx(logits.softmax(0).max().item(), abs=0.0051)


def started(page):
    page.get_by_role("button", name="Start the model (1 MB)").click()
    page.locator(".play-matrix [role=grid]").wait_for()
    return page


def test_nothing_is_asked_for_before_a_click_and_then_pytorchs_numbers_are_there(open_live):
    page = open_live(playground(""))
    page.locator(".play-handle").first.wait_for()
    assert page.asked == ["page1.html", "book.css", "playground.js"]
    started(page)
    page.wait_for_function("location.hash.length > 1")
    assert state_of(page)[0] == [EXAMPLE[k][0] for k in (0, 1, 2, 5)]
    is_pytorchs(page)
    page.get_by_label("Show", exact=True).select_option("row")
    page.get_by_role("textbox", name="Caption 3").fill("something that is no shape")
    expect(page.get_by_label("Show", exact=True)).to_have_value("row")
    page.get_by_label("Show", exact=True).select_option("cosine")
    is_pytorchs(page)


def test_the_first_names_hold_one_that_is_right_of_each_of_the_books_pictures(open_live):
    page = started(open_live(playground("")))
    for k, place in enumerate((0, 1, 2, 5)):
        page.locator(".play-thumbnails button").nth(k).click()
        expect(page.locator(".play-best li").first).to_contain_text(EXAMPLE[place][1])
    first = [NAMES[int(cosines([scene], NAMES)[0].argmax())] for scene, _ in EXAMPLE]
    true = zip((scene for scene, _ in EXAMPLE), first, strict=True)
    assert all(
        name in captions(scene) or name == EXAMPLE[k][1] for k, (scene, name) in enumerate(true)
    )


def test_names_of_one_thing_are_confused_where_there_are_two_as_its_try_says(open_live):
    page = open_live(playground(""))
    page.get_by_role("button", name="Two things, one name").click()
    expect(page.locator(".play-tried")).to_be_in_viewport()
    expect(page.locator(".play-best li").first).to_contain_text("a pink ring")
    typed = page.get_by_label("Names, one a line")
    typed.fill(typed.input_value() + "\na pink heart left of a green ring")
    expect(page.locator(".play-best li").first).to_contain_text("a pink heart left of a green ring")


def test_words_that_no_caption_of_training_had_are_named(open_live):
    page = started(open_live(playground(""), hash=STAR))
    captions, names = page.locator(".play-strange").all()
    expect(captions).to_have_text(
        "In training the model never met “星”: its number for such a text is a guess."
    )
    expect(names).to_have_text("")
    page.get_by_role("textbox", name="Caption 2").fill("a ring")
    expect(captions).to_have_text("")
    page.get_by_label("Names, one a line").fill("my grandmother")
    expect(names).to_contain_text("never met “my”, “grandmother”:")


def test_an_answer_without_a_word_is_told_in_words(open_live):
    page = open_live(playground(""), hash="#picture=dark.star.yellow.large.50.48&caption=a+star")
    assert clipbook.load("answers").ask(render(EXAMPLE[2][0]), "who painted this?") == ""
    page.get_by_label("Question", exact=True).fill("who painted this?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".play-answer")).to_have_text("(no word: it ends at once)")
    expect(page.locator(".play-said")).to_contain_text("It answers no word.")


def test_an_object_is_dragged_and_its_row_follows_while_it_moves(open_live):
    page = started(open_live(playground(""), hash=STAR))
    page.locator(".play-stage").scroll_into_view_if_needed()
    before, stage = matrix(page), page.locator(".play-stage").bounding_box()
    x, y = stage["x"] + stage["width"] / 2 + 20, stage["y"] + stage["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 80, y - 64, steps=4)
    page.wait_for_function("location.hash.includes('large.25.28')")  # not where the hand took it
    page.wait_for_timeout(500)
    assert np.abs(matrix(page) - before).max() > 0.01
    page.mouse.up()
    is_pytorchs(page)


def test_a_press_of_the_mouse_on_a_menu_moves_nothing(open_live):
    page = started(open_live(playground(""), hash=STAR))
    page.get_by_role("button", name="what colour is the star?").click()
    expect(page.locator(".play-answer")).to_have_text("yellow")
    menu = page.get_by_label("Colour", exact=True)
    # An open menu is a window of its own that may set the value as it closes: this one stays shut.
    menu.evaluate("menu => menu.addEventListener('mousedown', (event) => event.preventDefault())")
    menu.click(position={"x": 5, "y": 5})
    page.get_by_label("Colour", exact=True).select_option("purple")
    expect(page.locator(".play-answer")).to_have_text("purple")
    thumbnail = page.locator(".matrix-grid img").first.get_attribute("src")
    page.get_by_label("Colour", exact=True).select_option("red")
    expect(page.locator(".play-answer")).to_have_text("red")
    expect(page.locator(".matrix-grid img").first).not_to_have_attribute("src", thumbnail)


def test_a_question_is_asked_again_once_a_hand_lets_go(open_live):
    page = open_live(playground(""), reduced_motion="reduce")
    page.get_by_role("button", name="Ask what is above").click()
    expect(page.locator(".play-answer")).to_have_text("a red circle")
    page.locator(".play-stage").scroll_into_view_if_needed()
    handle = page.get_by_role("button", name=re.compile("blue square,")).bounding_box()
    stage = page.locator(".play-stage").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 0.15, stage["y"] + 2, steps=6)
    page.mouse.up()
    picture = seen(page)
    wanted = clipbook.load("answers").ask(
        Image.fromarray(picture), "what is above the blue square?"
    )
    assert wanted != "a red circle"
    expect(page.locator(".play-answer")).to_have_text(wanted)


def test_a_link_within_the_page_leaves_what_is_composed(open_live):
    page = started(open_live(playground(""), hash=STAR))
    page.get_by_role("textbox", name="Caption 1").fill("a star, again")
    for place in ("#playground", "#"):
        page.evaluate(f"location.hash = '{place}'")
        page.wait_for_function("location.hash.includes('again')")
        expect(page.get_by_role("textbox", name="Caption 1")).to_have_value("a star, again")


def test_the_way_back_from_a_try_leads_to_what_was_composed(open_live):
    page = open_live(playground(""), hash=STAR)
    page.get_by_role("button", name="Draw on a copy with a pen").click()
    page.get_by_role("textbox", name="Caption 1").fill("mine")
    page.get_by_role("button", name="Find a red fruit").click()
    expect(page.get_by_role("radio", name="Emoji")).to_be_checked()
    page.get_by_role("button", name="Copy link").evaluate(  # which writes the address, in between
        "button => addEventListener('popstate', () => button.click())"
    )
    page.go_back()
    expect(page.get_by_role("radio", name="Shapes")).to_be_checked()
    expect(page.get_by_role("textbox", name="Caption 1")).to_have_value("mine")
    expect(page.get_by_role("button", name="Picture 2: a drawing")).to_be_visible()


def test_without_names_there_is_no_best_one_and_the_address_knows(open_live):
    page = started(open_live(playground(""), hash=STAR))
    page.get_by_label("Names, one a line").fill(" ")
    expect(page.locator(".play-best li")).to_have_count(0)
    expect(page.locator(".play-names .play-strange")).to_have_text("Write a name.")
    page.wait_for_function("location.hash.endsWith('name=')")
    again = open_live(playground(""), hash="#" + page.url.partition("#")[2])
    expect(again.get_by_label("Names, one a line")).to_have_value("")


def test_pictures_for_which_there_is_no_room_are_said_to_be_left_out(open_live, tmp_path):
    page = started(open_live(playground(""), hash=STAR))
    for k in range(9):
        Image.new("RGB", (40, 40), (20 * k, 90, 90)).save(tmp_path / f"{k}.png")
    field = page.get_by_label("A picture of your own")
    field.set_input_files([tmp_path / f"{k}.png" for k in range(9)])
    expect(page.locator(".play-thumbnails img")).to_have_count(8)
    expect(page.locator(".play-full")).to_have_text(
        "There is room for 8 pictures: 2 were left out."
    )
    expect(field).to_be_hidden()
    page.get_by_role("button", name="Exchange two colours").click()
    expect(page.locator(".play-thumbnails img").nth(8)).to_be_visible()  # more than eight
    expect(page.get_by_label("A picture of your own")).to_be_hidden()
    expect(page.get_by_role("button", name="Draw on a copy with a pen")).to_be_hidden()


def test_the_focus_stays_where_a_button_was_made_anew(open_live):
    page = started(open_live(playground(""), hash=STAR))
    page.get_by_role("button", name="Add a picture").press("Enter")
    expect(page.get_by_role("button", name="Picture 2:")).to_be_focused()
    page.get_by_role("button", name="Remove picture 2").press("Enter")
    expect(page.get_by_role("button", name="Picture 1:")).to_be_focused()
    page.get_by_role("button", name="Remove caption 2").press("Enter")
    expect(page.get_by_role("textbox", name="Caption 1")).to_be_focused()


def test_keys_move_and_menus_change_what_is_selected_on_a_phone(open_live):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    page = started(open_live(playground(""), theme="dark", hash=STAR, **phone))
    page.get_by_role("button", name="yellow star, 50 %").focus()
    for key in ("ArrowLeft", "Shift+ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    page.get_by_label("Colour", exact=True).select_option("cyan")
    page.get_by_role("button", name="Add an object").tap()
    page.get_by_label("Shape", exact=True).select_option("ring")
    page.get_by_label("Background", exact=True).select_option("striped")
    page.wait_for_function("location.hash.includes('striped')")
    (scene,), _ = state_of(page)
    assert scene.objects[0] == Object("star", "cyan", "large", 0.49, 0.54)
    assert (scene.objects[1].shape, scene.ground) == ("ring", "striped")
    is_pytorchs(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_pictures_and_captions_come_and_go_up_to_eight(open_live):
    page = started(open_live(playground(""), hash=STAR))
    for _ in range(7):
        page.get_by_role("button", name="Add a picture").click()
    assert page.get_by_role("button", name="Add a picture").count() == 0
    page.get_by_role("button", name="Remove picture 8").click()
    page.get_by_role("button", name="Picture 2:").click()
    page.get_by_label("Size", exact=True).select_option("small")
    page.get_by_role("button", name="Add a caption").click()
    expect(page.get_by_role("textbox", name="Caption 3")).to_be_focused()
    page.keyboard.type("a small star")
    page.get_by_role("button", name="Remove caption 1").click()
    page.wait_for_function("!location.hash.includes('caption=a+star')")
    scenes, captions = state_of(page)
    assert len(scenes) == 7 and scenes[1].objects[0].size == "small"
    assert captions == ["a ring & a 星", "a small star"]
    is_pytorchs(page)


@pytest.mark.parametrize(
    "hash",
    ["#picture=dark.star.yellow", "#caption=a", "#picture=x&caption=a", "#%E0%A4%A", "#toString=1"],
)
def test_an_address_that_says_nothing_whole_gives_the_beginning(open_live, hash):
    page = open_live(playground(""), hash=hash)
    expect(page.get_by_role("textbox", name="Caption 1")).to_have_value(EXAMPLE[0][1])
    expect(page.locator(".play-thumbnails img")).to_have_count(4)


def test_an_object_that_an_address_puts_outside_is_put_inside_and_overlap_is_told(open_live):
    page = open_live(
        playground(""), hash="#picture=grey.ring.red.large.0.999.star.pink.small.30.70&caption=a"
    )
    expect(
        page.get_by_role("button", name="red ring, 23 % from the left, 77 % from the top")
    ).to_be_visible()
    expect(page.locator(".play-remark")).to_have_text(
        "The objects overlap: in training none ever did."
    )


def test_a_picture_of_ones_own_is_seen_as_preprocess_sees_it(open_live, tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (90, 140, 3), np.uint8)
    levels[20:60, 40:100] = [222, 45, 38]
    Image.fromarray(levels).save(tmp_path / "noise.png")
    page = started(open_live(playground(""), hash=STAR))
    page.get_by_label("A picture of your own").set_input_files(tmp_path / "noise.png")
    page.get_by_role("button", name="Picture 2: noise.png").wait_for()
    expect(page.locator(".play-remark")).to_contain_text("What the model sees of noise.png")
    expect(page.get_by_label("Shape", exact=True)).to_be_hidden()
    expect(page.locator(".play-matrix [role=gridcell]")).to_have_count(4)
    model, tokenizer = shapes()
    with torch.no_grad():
        image = model.encode_image(model.preprocess(Image.fromarray(levels)))
        wanted = image @ model.encode_text(*tokenizer.batch(state_of(page)[1])).T
    assert matrix(page)[1] == pytest.approx(wanted[0].tolist(), abs=0.0051)
    page.get_by_role("button", name="Remove picture 2").click()
    page.get_by_label("A picture of your own").set_input_files(__file__)
    expect(page.locator(".play-status")).to_contain_text("no picture that this browser can read")
    assert "noise" not in page.url


@pytest.mark.parametrize("viewport", [(1280, 800), (390, 844)])
def test_a_picture_that_is_dropped_is_seen_as_a_chosen_one_is(open_live, tmp_path, viewport):
    width, height = viewport
    page = open_live(playground(""), hash=STAR, viewport={"width": width, "height": height})
    levels = np.random.default_rng(0).integers(0, 256, (90, 140, 3), np.uint8)
    Image.fromarray(levels).save(tmp_path / "noise.png")
    page.get_by_label("A picture of your own").set_input_files(tmp_path / "noise.png")
    page.get_by_role("button", name="Picture 2: noise.png").wait_for()
    chosen = seen(page)
    page.get_by_role("button", name="Remove picture 2").click()
    script = """([bytes, type]) => {
        const data = new DataTransfer();
        data.items.add(new File([Uint8Array.from(bytes)], "dropped.png"));
        const event = new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data });
        document.querySelector(".play-stage").dispatchEvent(event);
        return document.querySelectorAll(".play-dropping").length;
    }"""
    content = list((tmp_path / "noise.png").read_bytes())
    assert page.evaluate(script, [content, "dragover"]) == 1
    assert page.evaluate(script, [content, "drop"]) == 0
    page.get_by_role("button", name="Picture 2: dropped.png").wait_for()
    assert (seen(page) == chosen).all()
    expect(page.locator(".play-remark")).to_contain_text("What the model sees of dropped.png")


def test_the_matrix_stands_beside_the_picture_where_there_is_room(open_live):
    page = started(open_live(playground(""), viewport={"width": 1280, "height": 800}))
    stage, grid = (page.locator(part).bounding_box() for part in (".play-stage", ".matrix-grid"))
    assert grid["x"] >= stage["x"] + stage["width"]
    assert max(stage["y"] + stage["height"], grid["y"] + grid["height"]) - stage["y"] <= 800


def test_what_to_try_sets_all_of_the_state_and_says_where_to_look(open_live):
    page = open_live(playground(""))
    listed = tries.tries("")
    links = [link for one in listed for link in re.findall(r'href="([^"]+)\.html"', one["said"])]
    assert set(links) <= set(chapters.names())
    for one in listed[:-1]:
        page.get_by_role("button", name=one["name"]).click()
        expect(page.locator(".play-tried")).to_be_in_viewport()
        expect(page.locator(".play-matrix [role=grid]")).to_be_visible()
        page.wait_for_function("document.querySelector('.play-status').textContent === ''")
        state = one["state"]
        if "captions" in state:
            values = [field.input_value() for field in page.locator(".play-captions input").all()]
            assert values == state["captions"]
        if "scenes" in state:
            pictures_shown = page.locator(".play-thumbnails [aria-pressed]")
            expect(pictures_shown).to_have_count(len(state["scenes"]))
        if "question" in state:
            expect(page.get_by_label("Question", exact=True)).to_have_value(state["question"])
            wanted = clipbook.load("answers").ask(render(EXAMPLE[0][0]), state["question"])
            expect(page.locator(".play-answer")).to_have_text(wanted)
    page.get_by_role("button", name=listed[-1]["name"]).click()
    expect(page.get_by_role("radio", name="Emoji")).to_be_checked()
    expect(page.locator(".play-found img").first).to_be_visible(timeout=60_000)
    page.go_back()
    expect(page.get_by_role("radio", name="Shapes")).to_be_checked()


def test_what_of_a_caption_or_a_name_is_cut_off_is_said(open_live):
    page = started(open_live(playground(""), hash=STAR))
    made, named = (
        page.locator(".play-made .play-strange"),
        page.locator(".play-names .play-strange"),
    )
    long = "a red ring " * 10
    page.get_by_role("textbox", name="Caption 2").fill(f"{long}and seven")
    expect(made).to_contain_text("Caption 2 has more tokens than the model has places: “and seven”")
    page.get_by_role("textbox", name="Caption 2").fill("a ring")
    expect(made).not_to_contain_text("cut off")
    page.get_by_label("Names, one a line").fill(f"{long}and seven")
    expect(named).to_contain_text("The first name has more tokens than the model has places: “and")
    page.get_by_label("Names, one a line").fill("\n".join(f"a star {k}" for k in range(513)))
    expect(named).to_contain_text("Only the first 512 names are compared.")


def test_names_that_a_reader_writes_are_in_the_address(open_live):
    page = started(open_live(playground(""), hash=STAR))
    assert "name=" not in page.url
    names = page.get_by_label("Names, one a line")
    names.fill("a star & a 星\na ring")
    page.wait_for_function("location.hash.includes('name=a+ring')")
    again = started(open_live(playground(""), hash=page.url.partition("#")[2].join(["#", ""])))
    expect(again.get_by_label("Names, one a line")).to_have_value("a star & a 星\na ring")
    expect(again.locator(".play-best li")).to_have_count(2)
    again.get_by_role("radio", name="Emoji").check()
    again.get_by_role("radio", name="Shapes").check()
    expect(again.get_by_label("Names, one a line")).to_have_value("a star & a 星\na ring")


def test_a_link_is_copied_that_holds_what_is_shown(open_live):
    page = open_live(playground(""), hash=STAR)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("textbox", name="Caption 1").fill("a star, again")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("Copied: it holds all but what you draw or bring.")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "caption=a+star%2C+again" in copied and copied == page.url


def test_it_answers_questions_of_each_kind_as_pytorch_does_and_draws_boxes(open_live):
    page = open_live(playground(""), reduced_motion="no-preference")
    assert "answers.js" not in page.asked
    answerer = clipbook.load("answers")
    questions = page.locator(".play-samples button").all_inner_texts()
    assert len(questions) == 9 and questions[0] == "what colour is the circle?"
    for sample in page.locator(".play-samples button").all():
        sample.click()
        question = sample.inner_text()
        wanted = answerer.explain(render(EXAMPLE[0][0]), question)
        expect(page.locator(".play-ask .kit-hidden").first).to_have_text(
            f"It answers “{wanted.answer}”."
        )
        expect(page.locator(".play-answer")).to_have_text(wanted.answer)
        lines = page.locator(".play-tokens li").all_inner_texts()
        chances = [float(line.split("\n")[1]) for line in lines]
        best = [candidates[0][1] for candidates in wanted.candidates]
        assert chances == pytest.approx(best, abs=0.00051)
    assert page.asked.count("answers.js") == 1 and "shapes.js" not in page.asked
    box, stage = (
        page.locator(f".play-reply {part}").bounding_box() for part in (".play-box", "canvas")
    )
    [(top, left, bottom, right)] = answerer.detect(render(EXAMPLE[0][0]), "red circle")
    sides = [box["y"] - stage["y"], box["x"] - stage["x"], box["height"], box["width"]]
    shares = [side / stage["width"] for side in sides]
    assert shares == pytest.approx([top, left, bottom - top, right - left], abs=0.01)


def test_a_question_comes_by_address_is_asked_by_keys_and_follows_the_picture(open_live):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    hash = f"{STAR}&question=what+colour+is+the+star%3F"
    page = open_live(playground(""), theme="dark", hash=hash, **phone)
    expect(page.get_by_label("Question", exact=True)).to_have_value("what colour is the star?")
    expect(page.locator(".play-answer")).to_have_text("yellow")  # a link with a question asks it
    page.get_by_label("Question", exact=True).fill("how large is the yellow star?")
    page.get_by_label("Question", exact=True).press("Enter")
    expect(page.locator(".play-answer")).to_have_text("large")
    page.get_by_label("Question", exact=True).fill("what colour is the star?")
    page.get_by_label("Question", exact=True).press("Enter")
    page.get_by_label("Colour", exact=True).select_option("purple")
    expect(page.locator(".play-answer")).to_have_text("purple")
    page.get_by_role("button", name="detect purple star").tap()
    expect(page.locator(".play-box")).to_have_count(1)
    page.wait_for_function("location.hash.includes('question=detect+purple+star')")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_it_never_learned_to_answer_is_said_to_be_a_guess(open_live):
    page = open_live(playground(""), hash=STAR)
    page.get_by_label("Question", exact=True).fill("who is the president?")
    page.get_by_role("button", name="Ask", exact=True).click()
    said = page.locator(".play-said")
    expect(said).to_contain_text("In training the model never met “who”, “president”.")
    expect(said).to_contain_text("none of the nine kinds of questions")
    page.get_by_label("Question", exact=True).fill("is the star yellow?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(said).not_to_contain_text("never met")
    expect(said).to_contain_text("none of the nine kinds of questions")
    page.get_by_label("Question", exact=True).fill("detect <loc0099>")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(said).to_have_text("<loc0099> is beyond the last of 32 bins")
    page.get_by_label("Question", exact=True).fill("  ")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(said).to_have_text("Write a question, or choose one.")


def test_a_model_that_did_not_come_is_asked_for_again(open_live, folder):
    file = folder / "live/answers.js"
    page = open_live(playground(""), hash=STAR)
    held = file.rename(folder / "held")
    page.get_by_role("button", name="how many shapes?").click()
    expect(page.locator(".play-said")).to_have_text(
        "The model that answers could not be loaded. Ask again."
    )
    open_live.faults.clear()
    held.rename(file)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".play-answer")).to_have_text("one")


def seen(page, stage: str = ".play-stage") -> np.ndarray:
    """The levels on a canvas, (side, side, 3)."""
    levels = page.locator(f"{stage} canvas").evaluate(
        """(canvas) => [...canvas.getContext("2d")
            .getImageData(0, 0, canvas.width, canvas.height).data]"""
    )
    side = round((len(levels) / 4) ** 0.5)
    return np.array(levels, np.uint8).reshape(side, side, 4)[..., :3]


@torch.no_grad()
def by_pytorch(name: str, pixels: np.ndarray, captions: list[str]) -> np.ndarray:
    """Cosines of pictures, (pictures, side, side, 3), with captions."""
    model, tokenizer = clipbook.load(name)
    images = model.encode_image(normalise(torch.from_numpy(pixels)))
    return (images @ model.encode_text(*tokenizer.batch(captions)).T).numpy()


@pytest.mark.parametrize("touch", [False, True])
def test_a_pen_draws_on_a_copy_by_hand_and_by_keys_what_the_model_then_sees(open_live, touch):
    page = started(open_live(playground(""), hash=STAR, has_touch=touch))
    page.get_by_role("button", name="Draw on a copy with a pen").click()
    page.get_by_label("Pen", exact=True).select_option("red")
    page.get_by_label("Width", exact=True).select_option("4")
    page.locator(".play-stage").scroll_into_view_if_needed()
    box = page.locator(".play-stage").bounding_box()
    x, y, side = box["x"], box["y"], box["width"]
    before = seen(page)
    if touch:
        page.touchscreen.tap(x + side / 2, y + side / 4)
    else:
        page.mouse.move(x + 2, y + side / 4)
        page.mouse.down()
        page.mouse.move(x + side - 2, y + side / 4, steps=2)
        page.mouse.up()
    after = seen(page)
    changed = (after != before).any(axis=2)
    assert (after[changed] == RGB["red"]).all()
    assert changed.sum() == (12 if touch else pytest.approx(4 * 32, abs=12))
    page.get_by_label("Pen", exact=True).select_option("white")
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowDown")
    assert (seen(page) == after).all()  # it has moved, and not drawn
    page.keyboard.down(" ")
    for _ in range(9):
        page.keyboard.press("ArrowDown")
    page.keyboard.up(" ")
    assert (seen(page) == 255).all(axis=2).sum() >= 36
    expect(page.get_by_role("button", name="Picture 2: a drawing")).to_be_visible()
    expect(page.locator(".play-matrix [role=gridcell]")).to_have_count(4)
    page.wait_for_timeout(500)
    wanted = by_pytorch("shapes", seen(page)[None], ["a star", "a ring & a 星"])
    assert matrix(page)[1] == pytest.approx(wanted[0].tolist(), abs=0.0051)
    assert (seen(page, ".play-seen") == seen(page)).all()  # what is asked about


def emoji_page(open_live, **options):
    page = open_live(playground(""), **options)
    page.get_by_role("radio", name="Emoji").check()
    looked = page.locator(".play-finder .play-said")
    expect(looked).to_contain_text("fits best", timeout=30_000)  # at 633 pictures
    page.wait_for_timeout(500)
    return page


def found(page) -> list[tuple[str, float]]:
    buttons = page.locator(".play-found button").all()
    return [
        (button.locator("img").get_attribute("alt"), float(button.inner_text().replace("−", "-")))
        for button in buttons
    ]


def test_emoji_come_once_they_are_chosen_and_with_8_bits_their_cosines_are_near_pytorchs(open_live):
    page = open_live(playground(""))
    page.get_by_role("radio", name="Emoji").wait_for()
    assert page.asked == ["page1.html", "book.css", "playground.js"]
    page.get_by_role("radio", name="Emoji").check()
    expect(page.locator(".playground")).to_contain_text("differ from the chapter's by up to 0.015")
    expect(page.locator(".play-credits")).to_contain_text("CC BY-SA 4.0")
    expect(page.locator(".play-thumbnails img")).to_have_count(4)
    page.locator(".play-matrix [role=grid]").wait_for()
    names, captions = (list(texts) for texts in zip(*emoji.EXAMPLE[:4], strict=True))
    drawings = [load_emoji().picture(name, "twemoji") for name in names]
    model, tokenizer = clipbook.load("emoji")
    with torch.no_grad():
        images = model.encode_image(model.preprocess(drawings))
        wanted = (images @ model.encode_text(*tokenizer.batch(captions)).T).numpy()
    assert matrix(page) == pytest.approx(wanted, abs=0.0201)
    expect(page.locator(".play-best li").first).to_contain_text("dog face")


def test_a_text_finds_pictures_by_any_artist_or_by_one_and_a_click_takes_them(open_live):
    page = emoji_page(open_live)
    page.get_by_label("Text", exact=True).fill("a red fruit")
    expect(page.locator(".play-found img").first).to_have_attribute("alt", re.compile("red apple"))
    listed = pictures.sheet()["pictures"]
    titles = {credit["artist"]: credit["title"] for credit in pictures.credit()}
    wanted = by_pytorch("emoji", levels(), ["a red fruit"])[:, 0]
    by_name = {
        f"{name} by {titles[artist]}": cosine
        for (artist, _, name), cosine in zip(listed, wanted.tolist(), strict=True)
    }
    first = found(page)
    assert len(first) == 12
    assert [cosine for _, cosine in first] == sorted([cosine for _, cosine in first])[::-1]
    for name, cosine in first:
        assert cosine == pytest.approx(by_name[name], abs=0.0201)
    best = sorted(by_name, key=by_name.__getitem__)[-8:]
    assert set(best) <= {name for name, _ in first}
    page.get_by_label("Drawn by", exact=True).select_option("openmoji")
    expect(page.locator(".play-finder .play-said")).to_contain_text("by OpenMoji fits best")
    assert all(name.endswith("by OpenMoji") for name, _ in found(page))
    said = page.locator(".play-finder .play-said")
    expect(said).to_contain_text("No picture here has the name “red fruit”, so this is a guess.")
    page.get_by_label("Text", exact=True).fill("A dog face")
    expect(said).to_contain_text("fits best")
    expect(said).not_to_contain_text("guess")
    taken = found(page)[0][0]
    page.locator(".play-found button").first.click()
    expect(page.get_by_role("button", name=f"Picture 5: {taken}")).to_be_visible()
    page.wait_for_function("location.hash.includes('picture=openmoji.')")
    assert "find=A+dog+face" in page.url and "model=emoji" in page.url


def test_an_address_names_emoji_and_each_model_keeps_what_it_had(open_live):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    hash = (
        "#model=emoji&picture=noto.1F419&picture=twemoji.1F0CF&picture=noto.FFFF&caption=an+octopus"
    )
    page = open_live(playground(""), theme="dark", hash=hash, **phone)
    expect(page.locator(".play-thumbnails")).to_have_text("The pictures come with the model.")
    page.get_by_role("textbox", name="Caption 1").fill("an octopus, sea")
    expect(page.get_by_role("button", name="Picture 1: octopus by Noto Emoji")).to_be_visible()
    expect(page.locator(".play-thumbnails img")).to_have_count(2)
    page.wait_for_timeout(500)
    page.get_by_role("radio", name="Emoji").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="Shapes")).to_be_focused()
    expect(page.get_by_role("textbox", name="Caption 1")).to_have_value(EXAMPLE[0][1])
    page.get_by_role("radio", name="Emoji").tap()
    expect(page.get_by_role("textbox", name="Caption 1")).to_have_value("an octopus, sea")
    expect(page.get_by_role("button", name="Picture 1: octopus by Noto Emoji")).to_be_visible()
    expect(page.locator(".play-matrix [role=gridcell]")).to_have_count(2)
    page.wait_for_function("location.hash.includes('model=emoji&picture=noto.1F419')")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_link_that_is_followed_within_the_page_changes_the_model(open_live, tmp_path):
    page = open_live(playground(""), hash=STAR)
    page.evaluate("location.hash = '#model=emoji&picture=noto.1F419&caption=an+octopus'")
    expect(page.get_by_role("radio", name="Emoji")).to_be_checked()
    page.get_by_role("button", name="Start the model and its pictures").click()
    expect(page.locator(".play-matrix [role=gridcell]")).to_have_count(1)
    levels = np.random.default_rng(0).integers(0, 256, (90, 140, 3), np.uint8)
    Image.fromarray(levels).save(tmp_path / "own.png")
    page.get_by_label("A picture of your own").set_input_files(tmp_path / "own.png")
    expect(page.locator(".play-matrix [role=gridcell]")).to_have_count(2)
    model, tokenizer = clipbook.load("emoji")
    with torch.no_grad():
        image = model.encode_image(model.preprocess(Image.fromarray(levels)))
        wanted = image @ model.encode_text(*tokenizer.batch(["an octopus"])).T
    assert matrix(page)[1] == pytest.approx(wanted[0].tolist(), abs=0.0201)
    page.evaluate(f"location.hash = '{STAR}'")
    expect(page.get_by_role("radio", name="Shapes")).to_be_checked()
    expect(page.get_by_role("textbox", name="Caption 1")).to_have_value("a star")


def test_pictures_that_did_not_come_are_asked_for_again(open_live, folder):
    file = folder / "live/pictures.js"
    page = open_live(playground(""))
    held = file.rename(folder / "held")
    page.get_by_role("radio", name="Emoji").check()
    expect(page.locator(".play-status")).to_have_text("The model could not be loaded. Try again.")
    open_live.faults.clear()
    held.rename(file)
    page.get_by_role("button", name="Start the model").click()
    expect(page.locator(".play-thumbnails img")).to_have_count(4)


def test_a_space_bar_that_is_let_go_elsewhere_lifts_the_pen(open_live):
    page = started(open_live(playground(""), hash=STAR))
    page.get_by_role("button", name="Draw on a copy with a pen").click()
    pen = page.get_by_role("application", name="Pen")
    pen.focus()
    page.keyboard.down(" ")
    page.keyboard.press("Tab")
    page.keyboard.up(" ")
    pen.focus()
    before = seen(page)
    page.keyboard.press("ArrowDown")
    assert (seen(page) == before).all()


def test_a_link_holds_names_of_any_length_and_no_half_of_a_character(open_live):
    name = "a very " * 30 + "long name"
    hash = f"{STAR}&caption={'a' * 119}%F0%9F%98%80&name={name.replace(' ', '+')}&name=a+ring"
    page = started(open_live(playground(""), hash=hash))
    expect(page.get_by_label("Names, one a line")).to_have_value(f"{name}\na ring")
    expect(page.locator(".play-status")).to_have_text("")
    expect(page.locator(".play-matrix [role=gridcell]")).to_have_count(3)


def test_an_emptied_question_has_no_answer(open_live):
    page = open_live(playground(""), hash=STAR, reduced_motion="reduce")
    page.get_by_role("button", name="what colour is the star?").click()
    expect(page.locator(".play-answer")).to_have_text("yellow")
    page.get_by_role("textbox", name="Question").fill("")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".play-reply")).to_be_hidden()
    page.get_by_label("Colour", exact=True).select_option("purple")
    page.wait_for_timeout(500)
    expect(page.locator(".play-reply")).to_be_hidden()
    expect(page.locator(".play-ask .play-said")).to_have_text("Write a question, or choose one.")


def test_the_model_that_answers_is_loaded_once(open_live):
    page = open_live(playground(""), hash=STAR, reduced_motion="reduce")
    for _ in range(3):
        page.get_by_role("button", name="Ask what is above").click()
        expect(page.locator(".play-answer")).to_have_text("a red circle")
    assert len(page.workers) == 2  # the one that compares, and the one that answers


def test_pictures_that_come_twice_at_once_share_the_room(open_live):
    page = started(open_live(playground(""), hash=STAR))
    page.get_by_label("A picture of your own").evaluate("""async (field) => {
      const blank = await new Promise((resolve) => Object.assign(document.createElement("canvas"),
        { width: 9, height: 9 }).toBlob(resolve));
      for (const name of ["first", "second"]) {
        const brought = new DataTransfer();
        for (const k of "01234")
          brought.items.add(new File([blank], `${name} ${k}.png`, { type: "image/png" }));
        field.files = brought.files;
        field.dispatchEvent(new Event("change"));
      }
    }""")
    expect(page.locator(".play-thumbnails img")).to_have_count(8)
    expect(page.locator(".play-full")).to_have_text(
        "There is room for 8 pictures: 3 were left out."
    )


def test_what_comes_in_place_of_the_model_is_no_model_and_it_is_asked_for_again(open_live, origin):
    page = open_live(playground(""), base=origin, hash=STAR)
    portal = {"body": "// please log in", "content_type": "text/javascript"}
    page.context.route("**/shapes.js*", lambda route: route.fulfill(**portal))
    page.get_by_role("button", name="Start the model (1 MB)").click()
    expect(page.locator(".play-status")).to_contain_text("could not be loaded. Try again.")
    page.context.unroute("**/shapes.js*")
    started(page)
