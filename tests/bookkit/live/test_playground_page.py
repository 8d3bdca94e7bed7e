"""The playground in a browser, from a folder, with the network cut: what is seen is PyTorch's."""

from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from bookkit.pages.live import playground
from clipbook.evaluation.scenes import combination_names
from clipbook.scenes import EXAMPLE, Object, Scene
from tests.bookkit.live.conftest import cosines, shapes

pytestmark = pytest.mark.browser
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
    scenes, captions = state_of(page)
    wanted = cosines(scenes, captions)
    assert matrix(page) == pytest.approx(wanted, abs=0.0051)
    chosen = page.locator(".play-thumbnails [aria-pressed]").evaluate_all(
        "all => all.findIndex((one) => one.getAttribute('aria-pressed') === 'true')"
    )
    beside = [float(t.replace("−", "-")) for t in page.locator(".play-fit").all_inner_texts()]
    assert beside == pytest.approx(wanted[chosen].tolist(), abs=0.0051)
    names = combination_names()
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


def test_an_object_is_dragged_and_its_row_follows_while_it_moves(open_live):
    page = started(open_live(playground(""), hash=STAR))
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
