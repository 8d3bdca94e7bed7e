"""Boxes as words, and how much two of them overlap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipbook.language import Box, box_to_text, iou, read_boxes
from tests.plain import plain_python

SIDE = st.floats(0, 1, allow_subnormal=False)


def test_a_box_by_hand():
    assert box_to_text((0.0, 0.25, 0.5, 1.0), 32) == "<loc0000><loc0008><loc0016><loc0031>"
    text = "<loc0000><loc0008><loc0016><loc0031> red circle"
    assert read_boxes(text, 32) == [(Box(0.5 / 32, 8.5 / 32, 16.5 / 32, 31.5 / 32), "red circle")]


@given(st.tuples(SIDE, SIDE, SIDE, SIDE), st.integers(1, 1024))
def test_what_is_read_is_within_half_a_bin(box, bins):
    [(read, _)] = read_boxes(box_to_text(box, bins), bins)
    assert all(abs(a - b) <= 0.5 / bins + 1e-9 for a, b in zip(box, read, strict=True))


def test_several_boxes_keep_their_names():
    one = box_to_text((0.1, 0.1, 0.2, 0.2), 1024)
    found = read_boxes(f"{one} cat ; {one} a dog", 1024)
    assert [name for _, name in found] == ["cat", "a dog"]


@pytest.mark.parametrize(
    "text",
    ["", "red circle", "<loc0001><loc0002><loc0003> red circle", "<loc0001>" * 3 + "<loc0032>"],
)
def test_what_is_no_box_is_passed_over(text):
    assert read_boxes(text, 32) == []


@pytest.mark.parametrize("side", [-0.01, 1.01, float("nan")])
def test_a_side_outside_the_picture_is_refused(side):
    with pytest.raises(ValueError, match=r"right=.* is not a finite number from 0 to 1"):
        box_to_text((0.0, 0.0, 0.5, side), 32)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0, 0, 1, 1), (0, 0, 1, 1), 1),
        ((0, 0, 1, 1), (0, 0, 0.5, 1), 0.5),
        ((0, 0, 0.2, 0.2), (0.1, 0.1, 0.3, 0.3), 1 / 7),  # one of four quarters in common
        ((0, 0, 0.2, 0.4), (0, 0.2, 0.4, 0.4), 1 / 3),  # 0.04 of 0.12: not square
        ((0, 0, 0.2, 0.2), (0.2, 0, 0.4, 0.2), 0),  # they touch
        ((0, 0, 0.1, 0.1), (0.5, 0.5, 0.9, 0.9), 0),  # apart both ways: no area below 0
        ((0.5, 0.5, 0.1, 0.1), (0, 0, 1, 1), 0),  # bottom above top
        ((0.3, 0.3, 0.3, 0.3), (0.3, 0.3, 0.3, 0.3), 0),
    ],
)
def test_overlap_by_hand(first, second, expected):
    assert iou(first, second) == pytest.approx(expected)
    assert iou(second, first) == pytest.approx(expected)


@pytest.mark.parametrize("box", [(0.1, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5), 0.5, None])
def test_a_box_of_another_number_of_sides_is_refused(box):
    with (
        plain_python(),
        pytest.raises(
            ValueError, match="has not four sides, each a number; give top, left, bottom, right"
        ),
    ):
        box_to_text(box, 32)


def test_bins_whose_numbers_four_digits_cannot_tell_are_refused():
    box = (0.0, 0.0, 1.0, 1.0)
    assert read_boxes(box_to_text(box, 10_000), 10_000)
    with pytest.raises(ValueError, match="bins=10001 is not a whole number from 1 to 10,000"):
        box_to_text(box, 10_001)


@pytest.mark.parametrize("box", [(0, 0, 1), (0, 0, 1, 1, 1), 0.5, None])
@pytest.mark.parametrize("name", ["first", "second"])
def test_overlap_is_of_boxes_with_four_sides(name, box):
    boxes = {"first": (0, 0, 1, 1), "second": (0, 0, 1, 1), name: box}
    with (
        plain_python(),
        pytest.raises(ValueError, match=f"^{name}=.* has not four sides, each a number; give"),
    ):
        iou(**boxes)


@pytest.mark.parametrize("text", [None, 5, b"<loc0001>"])
def test_boxes_are_read_from_a_text_alone(text):
    with plain_python(), pytest.raises(ValueError, match="^text=.*; give a string$"):
        read_boxes(text, 32)
