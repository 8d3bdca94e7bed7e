"""The emoji of the playground, and the model that sees them with weights of 8 bits."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

import clipbook
from bookkit.live import files, pictures
from bookkit.live.rounding import rounded
from clipbook.emoji import ARTISTS, load_emoji
from clipbook.image import normalise, preprocess
from tests.bookkit.live.test_engine import model, run_in_node


def levels() -> np.ndarray:
    """All pictures of the sheet, (pictures, side, side, 3)."""
    sheet, side = pictures.sheet(), pictures.SIDE
    with Image.open(io.BytesIO(base64.b64decode(sheet["sheet"]))) as image:
        whole = np.asarray(image.convert("RGB"))
    rows, columns = whole.shape[0] // side, pictures.COLUMNS
    cells = whole.reshape(rows, side, columns, side, 3).swapaxes(1, 2)
    return cells.reshape(-1, side, side, 3)[: len(sheet["pictures"])]


def test_some_hundreds_are_handed_out_as_the_model_sees_them():
    seen, listed = levels(), pictures.sheet()["pictures"]
    assert 500 < len(listed) == len(seen) < 800
    assert len({(artist, code) for artist, code, _ in listed}) == len(listed)
    for k in (0, 1, 250, 400, len(listed) - 1):
        artist, _, name = listed[k]
        wanted = preprocess(load_emoji().picture(name, artist), pictures.SIDE)
        assert torch.equal(normalise(torch.from_numpy(seen[k : k + 1].copy())), wanted), name


def test_every_artist_shown_is_credited_with_licence_and_source():
    artists = {artist.name: artist for artist in ARTISTS}
    credited = {credit["artist"]: credit for credit in pictures.credit()}
    assert set(credited) == {artist for artist, _, _ in pictures.sheet()["pictures"]}
    for name, credit in credited.items():
        assert credit["licence"] == artists[name].licence
        assert credit["by"] == artists[name].credit and credit["source"].startswith("https://")


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (2, 3, 3, 3)])
def test_rounding_keeps_each_row_within_half_a_step_of_its_own_scale(shape):
    values = np.random.default_rng(0).standard_normal(shape).astype("f2")
    values[0], values[1] = 100 * values[0], 0
    whole, scales = rounded(values)
    assert (whole.dtype, whole.shape, scales.shape) == (np.int8, shape, shape[:1])
    scale = scales.astype("f4").reshape(-1, *[1] * (len(shape) - 1))
    assert (np.abs(whole * scale - values) <= 0.51 * scale + 1e-6).all()


@pytest.mark.slow
def test_with_8_bits_a_cosine_is_pytorchs_within_0_015(tmp_path):
    assert len(files.weights("emoji")) <= 1_300_000
    (tmp_path / "emoji.safetensors").write_bytes(files.weights("emoji"))
    captions = [f"a picture of {name}" for name in pictures.names()[:100]] + pictures.names()[100:]
    given = model("emoji", levels()[::3], captions)
    given |= {"path": str(tmp_path / "emoji.safetensors"), "most": 0.015}
    nothing = {"scenes": [], "resized": [], "everywhere": []}
    run_in_node("engine.test.mjs", tmp_path, models=[model("shapes"), given], **nothing)


@torch.no_grad()
def test_what_the_playground_says_of_finding_emoji_is_so():
    clip, tokenizer = clipbook.load("emoji")
    images = clip.encode_image(normalise(torch.from_numpy(levels())))
    fits = images @ clip.encode_text(*tokenizer.batch(["a red fruit", "happy", "two dogs"])).T
    listed = pictures.sheet()["pictures"]
    fruit, happy, dogs = ([listed[k] for k in row.tolist()] for row in fits.T.argsort(-1, True))
    assert {name for _, _, name in fruit[:8]} == {"red apple", "peach", "tomato"}
    assert {artist for artist, _, _ in fruit[:8]} == set(pictures.SHOWN)
    assert sum("face" in name for _, _, name in happy[:6]) >= 4
    assert any("anxious" in name or "worried" in name for _, _, name in happy[:6])
    assert dogs[0][2] == "dog face"
