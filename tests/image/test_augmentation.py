"""Changed pictures: exactly as told where told, within bounds where drawn."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from PIL import Image

from clipbook.image import Augmentation, place
from clipbook.streams import stream
from tests.plain import plain_python

STILL = Augmentation(turn=0.0, shift=0.0, smallest=1.0, largest=1.0, colours=0.0, backgrounds=0.0)


def a_picture(channels: int = 4, size: int = 32) -> torch.Tensor:
    """Red on the left half, blue on the right, transparent in a frame of 4 px."""
    picture = torch.zeros(size, size, channels, dtype=torch.uint8)
    picture[:, : size // 2, 0] = 255
    picture[:, size // 2 :, 2] = 255
    if channels == 4:
        picture[4:-4, 4:-4, 3] = 255
    return picture


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("channels", [3, 4])
def test_nothing_asked_changes_nothing(channels):
    picture = a_picture(channels)
    want = np.asarray(
        Image.alpha_composite(
            Image.new("RGBA", (32, 32), "white"), Image.fromarray(picture.numpy()).convert("RGBA")
        ).convert("RGB")
    )
    for got in (place(picture[None], 32)[0], STILL(picture[None], 32, rng())[0]):
        assert np.abs(got.numpy().astype(int) - want.astype(int)).max() <= 1


def test_a_quarter_turn_is_pillows():
    picture = a_picture(3)
    got = place(picture[None], 32, angle=torch.tensor([torch.pi / 2]))[0]
    turned = [np.rot90(picture.numpy(), k) for k in (1, 3)]
    assert any(np.abs(got.numpy().astype(int) - t.astype(int)).max() <= 1 for t in turned)


def test_a_shift_of_a_quarter_moves_by_a_quarter():
    got = place(a_picture()[None], 32, shift=torch.tensor([[0.5, 0.0]]))[0]  # half of half the side
    dark = (got != 255).any(dim=2)
    columns = dark.any(dim=0).nonzero()[:, 0]
    assert columns.min() == 0 and columns.max() == 27 - 8


def test_half_the_scale_takes_half_the_side():
    got = place(a_picture()[None], 32, scale=torch.tensor([0.5]))[0]
    assert (got != 255).any(dim=2).any(dim=0).sum() == pytest.approx(12, abs=1)


def test_a_mirrored_picture_has_left_and_right_exchanged():
    got = place(a_picture(3)[None], 32, mirrored=torch.tensor([True]))[0]
    assert torch.equal(got, a_picture(3).flip(1))


def test_the_background_shows_where_nothing_is_drawn():
    got = place(a_picture()[None], 32, backgrounds=torch.tensor([[0.0, 1.0, 0.0]]))[0]
    assert got[0, 0].tolist() == [0, 255, 0]
    assert got[16, 8].tolist() == [255, 0, 0]


def test_colours_change_the_drawing_and_not_the_background():
    grey = place(a_picture()[None], 32, colours=torch.tensor([[0.0, 1.0, 0.0]]))[0]
    assert grey[16, 8].tolist() == [85, 85, 85]
    assert grey[0, 0].tolist() == [255, 255, 255]


def test_an_outline_is_black_and_lies_at_rim_and_edges():
    picture = a_picture()
    picture[:, 16:] |= 128  # lighter than the left half
    got = place(picture[None], 32, outlined=torch.tensor([True]))[0]
    black = (got < 100).all(dim=2)
    assert black[3:6, 10].any() and black[10, 14:18].any()
    assert not black[10, 9] and not black[0, 0]
    plain = place(picture[None], 32, outlined=torch.tensor([False]))[0]
    assert not (plain < 100).all(dim=2).any()


def test_the_generator_decides_and_every_picture_has_its_own_draws():
    batch = a_picture()[None].repeat(6, 1, 1, 1)
    strong = Augmentation(outlines=0.5)
    first, again = (strong(batch, 24, rng(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, strong(batch, 24, rng(4)))
    assert len({row.numpy().tobytes() for row in first}) == 6
    assert first.shape == (6, 24, 24, 3) and first.dtype == torch.uint8


def test_only_what_may_be_mirrored_is():
    batch = a_picture(3)[None].repeat(40, 1, 1, 1)
    may = np.arange(40) % 2 == 0
    got = STILL(batch, 32, rng(), may)
    mirrored = np.array([torch.equal(row, a_picture(3).flip(1)) for row in got])
    assert not mirrored[~may].any()
    assert 4 <= mirrored.sum() <= 16
    assert not any(torch.equal(row, a_picture(3).flip(1)) for row in STILL(batch, 32, rng()))


def test_backgrounds_come_as_often_as_asked():
    empty = torch.zeros(400, 8, 8, 4, dtype=torch.uint8)
    white = (Augmentation(backgrounds=0.6)(empty, 8, rng()) == 255).all(dim=3).all(dim=2).all(dim=1)
    assert white.float().mean() == pytest.approx(0.4, abs=0.08)


@pytest.mark.parametrize("field", [field.name for field in fields(Augmentation)])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1", None, -5])
def test_nonsense_is_refused_by_name(field, value):
    with plain_python(), pytest.raises(ValueError, match=f"{field}=.*try"):
        Augmentation(**{field: value})


def test_smallest_above_largest_is_refused():
    with pytest.raises(ValueError, match=r"smallest=1.2 is above largest=1.1; exchange"):
        Augmentation(smallest=1.2)


@pytest.mark.parametrize("generator", [0, None, torch.Generator(), np.random])
def test_changes_are_drawn_from_a_generator_of_numpys(generator):
    with plain_python(), pytest.raises(TypeError, match=r"try clipbook.streams.stream\("):
        STILL(a_picture()[None], 32, generator)


@pytest.mark.parametrize("size", [0, -3, 32.5, True, 10**9])
def test_a_size_that_makes_no_sense_is_refused(size):
    with plain_python(), pytest.raises(ValueError, match="size=.* is not a whole number from 1 to"):
        place(a_picture()[None], size)


@pytest.mark.parametrize(
    "pictures", [a_picture()[None] / 255, a_picture(), a_picture()[None, ..., :2]]
)
def test_what_are_no_such_pictures_is_refused(pictures):
    with plain_python(), pytest.raises(ValueError, match="give levels 0 to 255 in torch.uint8"):
        place(pictures, 32)


@pytest.mark.parametrize("kind", [list, torch.tensor])
def test_what_may_be_mirrored_may_be_said_by_any_list(kind):
    pictures, mirror = a_picture()[None].repeat(8, 1, 1, 1), [True, False] * 4
    expected = STILL(pictures, 32, rng(), np.array(mirror))
    with plain_python():
        assert torch.equal(STILL(pictures, 32, rng(), kind(mirror)), expected)


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (0, 8, 8, 4), (1, 0, 8, 4)])
def test_no_pictures_are_refused(shape):
    with pytest.raises(ValueError, match=r"\(batch, height, width, 3 or 4\), one pixel at least$"):
        place(torch.zeros(shape, dtype=torch.uint8), 8)


@pytest.mark.parametrize("channels", [3, 4])
def test_pictures_may_lie_on_another_device_than_what_is_drawn(channels):
    """Tensors on "meta" are on another device, as a GPU's are, and have no values."""
    pictures = a_picture(channels)[None].to("meta")
    told = {name: torch.zeros(1) for name in ("angle", "scale", "mirrored")}
    told |= {name: torch.zeros(1, count) for name, count in (("shift", 2), ("colours", 3))}
    for got in (
        place(pictures, 16),
        place(pictures, 16, **told, backgrounds=torch.ones(1, 3), outlined=torch.ones(1)),
        Augmentation(outlines=1.0)(pictures, 16, rng(), np.ones(1, dtype=bool)),
    ):
        assert got.device.type == "meta" and got.shape == (1, 16, 16, 3)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("angle", 0.5, "angle=0.5 is of type float, and a tensor is needed"),
        ("angle", torch.zeros(3), r"angle of shape \(3,\) for 2 pictures; give it \(2,\)"),
        ("scale", torch.zeros(2), r"scale=\[0.0, 0.0\] is not above 0 everywhere"),
        ("scale", torch.full((2,), torch.nan), r"scale=\[nan, nan\] is not above 0"),
        ("shift", torch.zeros(2), r"shift of shape \(2,\) where \(batch, numbers\) is needed"),
        (
            "colours",
            torch.zeros(2, 4),
            r"colours of shape \(2, 4\) for 2 pictures; give it \(2, 3\)",
        ),
        ("mirrored", np.zeros(2), "mirrored=.* is of type ndarray"),
        ("outlined", [True, False], "outlined=.* is of type list"),
    ],
)
def test_what_is_said_of_pictures_is_said_of_each(name, value, said):
    two = torch.zeros(2, 8, 8, 3, dtype=torch.uint8)
    with plain_python(), pytest.raises(ValueError, match=said):
        place(two, 8, **{name: value})


@pytest.mark.parametrize("mirror", [np.array([1, 0]), np.array([True] * 3), [True], "no"])
def test_what_may_be_mirrored_is_said_of_each_picture(mirror):
    two = torch.zeros(2, 8, 8, 3, dtype=torch.uint8)
    with plain_python(), pytest.raises(ValueError, match="say true or false of each of 2 pictures"):
        Augmentation()(two, 8, stream("tests"), mirror)


def test_a_call_that_is_refused_draws_nothing():
    two, generator = torch.zeros(2, 8, 8, 3, dtype=torch.uint8), stream("tests")
    for pictures, size in ((two, -1), (two.float(), 8)):
        with plain_python(), pytest.raises(ValueError):
            Augmentation()(pictures, size, generator)
    assert generator.integers(10**9) == stream("tests").integers(10**9)
