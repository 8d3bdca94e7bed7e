"""Every drawing fills the same frame, whoever drew it."""

import numpy as np
import pytest

from clipbook.emoji.drawing import MARGIN, SIDE, rasterise, svg

SQUARE = '<path fill="#f00" d="M2 3h4v4h-4z"/><path fill="#00f" d="M2 3h1v1h-1z"/>'  # blue corner
ICONS = {
    "width": 16, "height": 16,
    "icons": {"square": {"body": SQUARE}, "shifted": {"body": SQUARE, "left": 1, "top": 2}},
    "aliases": {
        "same": {"parent": "square"},
        "mirrored": {"parent": "square", "hFlip": True},
        "turned": {"parent": "mirrored", "vFlip": True},
        "back": {"parent": "mirrored", "hFlip": True},
        "shifted-mirrored": {"parent": "shifted", "hFlip": True},
    },
}  # fmt: skip


def pixels(name: str) -> np.ndarray:
    return np.asarray(rasterise(svg(ICONS, name))).astype(int)


def corner(name: str) -> str:
    """Where the blue corner of the red square is."""
    blue = pixels(name)[..., 2] > 128
    rows, columns = np.nonzero(blue)
    return ("upper" if rows.mean() < SIDE / 2 else "lower") + (
        " left" if columns.mean() < SIDE / 2 else " right"
    )


def test_what_is_drawn_fills_the_frame_but_for_the_margin():
    visible = pixels("square")[..., 3] > 128
    rows, columns = visible.any(axis=1), visible.any(axis=0)
    assert rows.shape == (SIDE,)
    assert rows[MARGIN : SIDE - MARGIN].all() and columns[MARGIN : SIDE - MARGIN].all()
    assert rows.sum() == columns.sum() == SIDE - 2 * MARGIN


def test_a_wide_drawing_lies_in_the_middle():
    icons = {"icons": {"wide": {"body": '<path d="M0 0h16v4h-16z"/>'}}}
    visible = np.asarray(rasterise(svg(icons, "wide")))[..., 3] > 128
    rows = np.nonzero(visible.any(axis=1))[0]
    assert abs(rows.mean() - (SIDE - 1) / 2) <= 0.5
    assert len(rows) == pytest.approx((SIDE - 2 * MARGIN) / 4, abs=1)


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("square", "upper left"),
        ("same", "upper left"),
        ("mirrored", "upper right"),
        ("turned", "lower right"),
        ("back", "upper left"),
        ("shifted-mirrored", "upper right"),
    ],
)
def test_another_name_may_be_the_mirror_image(name, where):
    assert corner(name) == where


def test_what_is_invisible_has_no_colour_at_the_rim():
    """A red disc on nothing stays red up to its rim: black would shine through there."""
    icons = {"icons": {"disc": {"body": '<circle cx="8" cy="8" r="5" fill="#f00"/>'}}}
    picture = np.asarray(rasterise(svg(icons, "disc"))).astype(int)
    rim = (picture[..., 3] > 60) & (picture[..., 3] < 200)
    assert rim.any() and picture[rim][:, 0].min() > 240


def test_a_drawing_of_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing is drawn"):
        rasterise(svg({"icons": {"none": {"body": "<g/>"}}}, "none"))
