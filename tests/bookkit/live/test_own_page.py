"""Fields below chapters' figures, in a browser, with the network cut: what a reader brings is
answered with PyTorch's numbers, by the figure's own widget."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from ipywidgets.embed import dependency_state
from PIL import Image
from playwright.sync_api import expect

import clipbook
from bookkit.live import files
from bookkit.pages import live, widget_pictures
from clipbook.image import normalise
from clipbook.scenes import EXAMPLE, render
from clipbook.widgets import AnswerExplorer, AttentionExplorer, PatchExplorer, SimilarityMatrix
from tests.bookkit.live.conftest import cosines, shapes

pytestmark = pytest.mark.browser
SCENES, CAPTIONS = (list(those) for those in zip(*EXAMPLE, strict=True))
OWN = ["two things, a 星 & a ring", "something blue"]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def cell(widget, model: str = "shapes") -> str:
    """What the site makes of a cell that is tagged live, and of its widget's state."""
    kind = "application/vnd.jupyter.widget"
    models = dependency_state([widget], drop_defaults=False)
    view = f'<script type="{kind}-view+json">{json.dumps({"model_id": widget.model_id})}</script>'
    state = widget_pictures.in_script({"version_major": 2, "version_minor": 0, "state": models})
    figure = widget_pictures.wrapped(view, models) + live.own("", model)
    return (
        f'<div class="cell tag_live">{figure}</div>'
        f'<script type="{kind}-state+json">{state}</script>'
        f'<script defer src="_static/live/own.js"></script>'
        f"<script>{widget_pictures.HOST.read_text('utf-8')}</script>"
    )


def matrix_of(scenes=SCENES, **options) -> SimilarityMatrix:
    pictures = [render(scene) for scene in scenes]
    captions = ["a star", "a ring", "a cross"]
    return SimilarityMatrix(cosines(scenes, captions), pictures, captions, **options)


def attention_of(text: str) -> tuple[torch.Tensor, list[str]]:
    """The trained text encoder's weights, (layers, heads, tokens, tokens), and tokens."""
    model, tokenizer = shapes()
    ids, mask = tokenizer.batch([text])
    ids = ids[:, : int(mask.sum())]
    words = [tokenizer.decode([k]).strip() for k in ids[0].tolist()]
    with torch.no_grad():
        weights = model.text_encoder.attention_weights(ids)[:, 0]
    return weights, ["<start>", *words[1:-1], "<end>"]


def attention_widget(text: str, **options) -> AttentionExplorer:
    first, tokens = attention_of(text)
    return AttentionExplorer(first, tokens=tokens, causal=True, **options)


def state(page, name: str):
    return page.evaluate(f"document.querySelector('.widget').model.get('{name}')")


def weights(page) -> np.ndarray:
    """The attention weights that the widget shows."""
    read = "new Uint16Array(document.querySelector('.widget').model.get('data').buffer)"
    return np.array(page.evaluate(f"[...{read}]")).reshape(state(page, "shape")) / 65_535


def values(page) -> np.ndarray:
    rows = page.locator("[role=row]:has([role=gridcell])").all()
    texts = [row.locator("[role=gridcell]").all_inner_texts() for row in rows]
    return np.array([[float(text.replace("−", "-")) for text in row] for row in texts])


def noise(path, size=(140, 90)) -> Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    Image.fromarray(levels).save(path)
    return Image.fromarray(levels)


@pytest.mark.parametrize(("theme", "options"), [("light", {}), ("dark", PHONE)])
def test_captions_of_ones_own_have_pytorchs_cosines_with_the_chapters_pictures(
    open_live, theme, options
):
    page = open_live(cell(matrix_of(view="row")), theme=theme, **options)
    typed = page.get_by_label("Captions of your own, one a line")
    expect(typed).to_have_value("a star\na ring\na cross")
    assert "engine.js" not in page.asked and "shapes.js" not in page.asked
    typed.fill("\n".join(["", *OWN]))
    best = cosines(SCENES, OWN)[:, 1].argmax()
    expect(page.locator(".own-status")).to_contain_text(f"blue” fits picture {best + 1} best")
    assert page.get_by_label("Show").input_value() == "row"  # as the reader had chosen it
    page.get_by_label("Show").select_option("cosine")
    assert values(page) == pytest.approx(cosines(SCENES, OWN), abs=0.0051)
    assert state(page, "selected") == [best, 1]
    assert page.evaluate("document.documentElement.scrollWidth") <= options.get("viewport", {}).get(
        "width", 900
    )
    page.get_by_role("button", name="Back to the chapter's").click()
    expect(typed).to_be_focused()
    assert state(page, "captions") == ["a star", "a ring", "a cross"]
    assert typed.input_value() == "a star\na ring\na cross"
    assert page.get_by_label("Show").input_value() == "row"


def test_emoji_are_compared_by_their_own_model(open_live):
    model, tokenizer = clipbook.load("emoji")
    pictures = [render(scene, 48) for scene in SCENES[:3]]
    with torch.no_grad():
        images = model.encode_image(model.preprocess(pictures))
        texts = model.encode_text(*tokenizer.batch(OWN))
    first = SimilarityMatrix(np.zeros((3, 1)), pictures, ["a car"])
    page = open_live(cell(first, "emoji"))
    said = f"({files.megabytes('emoji')}). Its weights have 8 bits here"
    expect(page.locator(".own-status")).to_contain_text(said)
    page.get_by_label("Captions of your own, one a line").fill("\n".join(OWN))
    expect(page.locator(".own-status")).to_contain_text("fits picture")
    assert values(page) == pytest.approx((images @ texts.T).numpy(), abs=0.015 + 0.0051)
    assert "shapes.js" not in page.asked


def test_names_for_one_picture_and_none_at_all(open_live):
    page = open_live(cell(matrix_of(SCENES[:1], view="row")))
    typed = page.get_by_label("Names or prompts of your own, one a line")
    typed.fill("\n".join([*OWN, CAPTIONS[0]]))
    said = f"Of these, “{CAPTIONS[0]}” fits best, with a cosine of"
    expect(page.locator(".own-status")).to_contain_text(said)
    typed.fill(" \n\u3000")
    expect(page.locator(".own-status")).to_have_text("Write a caption.")
    assert state(page, "captions") == [*OWN, CAPTIONS[0]]


def test_words_that_training_never_had_are_named(open_live):
    page = open_live(cell(matrix_of()))
    page.get_by_label("Captions of your own").fill("my grandmother riding")
    expect(page.locator(".own-status")).to_contain_text(
        "never met “my”, “grandmother”, “riding”: its"
    )
    page.get_by_label("Captions of your own").fill("a large red ring below a pink cross")
    expect(page.locator(".own-status")).to_contain_text("“a large red ring")
    expect(page.locator(".own-status")).not_to_contain_text("never met")
    page = open_live(cell(attention_widget("a star")))
    page.get_by_label("A sentence of your own").fill("a star & my cat")
    expect(page.locator(".own-status")).to_contain_text("the model never met “my”, “cat”.")


def test_what_of_captions_is_left_out_is_said(open_live):
    page = open_live(cell(matrix_of()))
    typed, status = page.get_by_label("Captions of your own"), page.locator(".own-status")
    typed.fill("a red ring " * 10 + "and seven")
    expect(status).to_contain_text("than the model has places: “and seven” was cut off")
    typed.fill("a red ring " * 500)
    expect(status).to_contain_text("Only the first 120 characters of it are taken.")
    typed.fill("星" * 60)
    expect(status).to_contain_text(f"{'星' * 40}…” was cut off")
    typed.fill("\n".join(f"a star {k}" for k in range(17)))
    expect(status).to_contain_text("There is room for 16 lines; those behind are left out.")
    assert len(state(page, "captions")) == 16
    typed.fill("a star")
    expect(status).to_contain_text("“a star” fits")
    expect(status).not_to_contain_text("left out")
    expect(status).not_to_contain_text("cut off")


def test_as_many_captions_as_pictures_are_said_to_count_as_pairs(open_live):
    page = open_live(cell(matrix_of(SCENES[:2])))
    page.get_by_label("Captions of your own, one a line").fill("\n".join(OWN))
    expect(page.locator(".own-status")).to_contain_text("the first counts as picture 1’s own")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("a red ring", ""),
        ("a red ring " * 10 + "and seven", " and no more, so “and seven” was cut off"),
        ("Ünï 星 " + "long " * 40, " and no more, so “"),
    ],
)
def test_a_sentence_of_ones_own_has_the_trained_encoders_attention(open_live, text, rest):
    page = open_live(cell(attention_widget("a yellow star above a green ring", layer=0, head=1)))
    page.get_by_role("option", name="star,").click()
    typed = page.get_by_label("A sentence of your own")
    expect(typed).to_have_value("a yellow star above a green ring")
    typed.fill(text)
    wanted, words = attention_of(text)
    expect(page.locator(".own-status")).to_contain_text(f"reads {len(words)} tokens{rest}")
    assert state(page, "tokens") == words
    assert state(page, "query") == len(words) - 1
    assert (state(page, "layer"), state(page, "head")) == (0, 1)
    assert weights(page) == pytest.approx(wanted.numpy(), abs=2e-5)
    typed.fill(" ")
    expect(page.locator(".own-status")).to_have_text("Write a sentence.")


@pytest.mark.parametrize(("theme", "options"), [("light", {}), ("dark", PHONE)])
def test_a_question_of_ones_own_is_answered_about_each_picture_and_about_none(
    open_live, theme, options
):
    answerer, pictures = clipbook.load("answers"), [render(scene) for scene in SCENES[:2]]
    first = AnswerExplorer(answerer, pictures, [["caption", "how many shapes?"], ["caption"]])
    page = open_live(cell(first, "answers"), theme=theme, **options)
    typed = page.get_by_label("A question of your own about the pictures")
    expect(typed).to_have_value("caption")
    assert "answerer.js" not in page.asked and "answers.js" not in page.asked
    typed.fill("what shape is red?")
    one, two, none = (answerer.ask(picture, "what shape is red?") for picture in [*pictures, None])
    said = f"It says about picture 1 “{one}”, about picture 2 “{two}”; without a picture “{none}”."
    expect(page.locator(".own-status")).to_contain_text(said)
    page.get_by_role("radio", name="picture 2").check(force=True)
    told = answerer.explain(pictures[1], "what shape is red?")
    patch = told.attention.mean(dim=(1, 2))[0].argmax().item()
    where = f"looks most at row {patch // 4 + 1}, column {patch % 4 + 1}"
    expect(page.locator(".answer-finding")).to_contain_text(f"it answers “{two}”; without the")
    expect(page.locator(".answer-finding")).to_contain_text(where)
    best = page.locator(".answer-candidates").first.locator("div > span:last-child").first
    expect(best).to_have_text(f"{told.candidates[0][0][1]:.2f}")
    typed.fill("detect <loc0099>")
    expect(page.locator(".own-status")).to_have_text("<loc0099> is beyond the last of 32 bins")
    typed.fill(" ")
    expect(page.locator(".own-status")).to_have_text("Write a question.")
    page.get_by_role("button", name="Back to the chapter's").click()
    assert state(page, "questions") == [["caption", "how many shapes?"], ["caption"]]
    expect(page.get_by_label("Question", exact=True)).to_have_value("0")
    assert page.evaluate("document.documentElement.scrollWidth") <= options.get("viewport", {}).get(
        "width", 900
    )


def test_an_answer_to_what_was_never_learned_is_said_to_be_a_guess_and_no_word_is_told(open_live):
    answerer, pictures = clipbook.load("answers"), [render(scene) for scene in SCENES[2:3]]
    page = open_live(cell(AnswerExplorer(answerer, pictures, [["caption"]]), "answers"))
    typed, status = page.get_by_label("A question of your own"), page.locator(".own-status")
    typed.fill("who painted this?")
    expect(status).to_contain_text("It says about picture 1 no word; without a picture “one”.")
    expect(status).to_contain_text("the model never met “who”, “painted”, “this”. This is none of")
    expect(page.locator(".answer-finding")).to_contain_text("it answers no word; without")
    typed.fill("what colour is the star?")
    expect(status).to_have_text(
        re.compile("about picture 1 “yellow”; without a picture “[a-z]+”\\.$")
    )


def test_a_picture_of_ones_own_has_the_trained_vits_attention(open_live, tmp_path):
    model, _ = shapes()
    seen = normalise(torch.from_numpy(np.asarray(render(SCENES[4]))[None].copy()))
    with torch.no_grad():
        first = model.image_encoder.attention_weights(seen)[:, 0]
    page = open_live(cell(AttentionExplorer(first, image=render(SCENES[4]), query=5)))
    brought = noise(tmp_path / "noise.png")
    page.get_by_label("A picture of your own").set_input_files(tmp_path / "noise.png")
    expect(page.locator(".own-status")).to_contain_text("The middle of noise.png, 32 × 32 pixels")
    with torch.no_grad():
        wanted = model.image_encoder.attention_weights(model.preprocess([brought]))[:, 0]
    assert weights(page) == pytest.approx(wanted.numpy(), abs=2e-5)
    page.get_by_label("A picture of your own").set_input_files(__file__)
    expect(page.locator(".own-status")).to_contain_text("no picture that this browser can read")
    page.get_by_role("button", name="Back to the chapter's").click()
    assert weights(page) == pytest.approx(first.numpy(), abs=1e-5)


def test_a_picture_of_ones_own_is_cut_into_patches_without_a_model(open_live, tmp_path):
    from clipbook.image.preprocessing import _resize_and_crop

    page = open_live(cell(PatchExplorer(render(SCENES[0], 96), patch_size=16)))
    page.get_by_role("button", name="Shuffle").click()
    order = state(page, "order")
    brought = noise(tmp_path / "mine.png")
    page.get_by_label("A picture of your own").set_input_files(tmp_path / "mine.png")
    expect(page.locator(".own-status")).to_contain_text("96 × 96 pixels. It stays in this page.")
    shown = base64.b64decode(state(page, "image").partition(",")[2])
    levels = np.asarray(Image.open(io.BytesIO(shown)).convert("RGB"))
    assert np.array_equal(levels, np.asarray(_resize_and_crop(brought, 96)))
    assert state(page, "order") == order
    number = levels[:16, :16].transpose(2, 0, 1).flatten()[0]
    page.get_by_role("gridcell", name="patch 0,").click()
    expect(page.locator(".patches-panel")).to_contain_text(f"{number} ")
    assert "engine.js" not in page.asked


def test_a_failed_load_is_said_and_the_next_letter_tries_again(open_live, origin):
    page = open_live(cell(matrix_of()), base=origin)
    page.context.route("**/shapes.js*", lambda route: route.abort())
    typed = page.get_by_label("Captions of your own, one a line")
    typed.fill("a star, again")
    expect(page.locator(".own-status")).to_contain_text("could not be loaded")
    page.context.unroute("**/shapes.js*")
    typed.press("End")
    page.keyboard.type("!")
    expect(page.locator(".own-status")).to_contain_text("“a star, again!” fits picture")
    assert any("ERR_FAILED" in fault for fault in open_live.faults)
    open_live.faults.clear()


@pytest.mark.parametrize("options", [{"java_script_enabled": False}, {}])
def test_on_paper_and_without_scripts_the_figure_stands_alone(open_live, options):
    page = open_live(cell(matrix_of()), **options)
    if not options:
        page.get_by_label("Captions of your own, one a line").wait_for()
        page.emulate_media(media="print")
    assert not page.locator(".own").is_visible()


def test_a_picture_can_be_chosen_again_where_the_model_did_not_come(open_live, origin, tmp_path):
    model, _ = shapes()
    seen = normalise(torch.from_numpy(np.asarray(render(SCENES[4]))[None].copy()))
    with torch.no_grad():
        first = model.image_encoder.attention_weights(seen)[:, 0]
    figure = AttentionExplorer(first, image=render(SCENES[4]), query=5)
    page = open_live(cell(figure), base=origin)
    noise(tmp_path / "noise.png")
    field, status = page.get_by_label("A picture of your own"), page.locator(".own-status")
    page.context.route("**/shapes.js*", lambda route: route.abort())
    field.set_input_files(tmp_path / "noise.png")
    expect(status).to_have_text("The model could not be loaded. Choose the picture to try again.")
    page.context.unroute("**/shapes.js*")
    field.set_input_files(tmp_path / "noise.png")
    expect(status).to_contain_text("The middle of noise.png")
    open_live.faults.clear()
