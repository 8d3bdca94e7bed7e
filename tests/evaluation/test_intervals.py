"""Wilson's interval: against its definition, and against numbers that others published."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipbook.evaluation import wilson_interval


@given(total=st.integers(1, 5_000), share=st.floats(0, 1), z=st.floats(0.5, 4))
def test_ends_are_where_the_outcome_lies_z_deviations_away(total, share, z):
    right = round(share * total)
    for p in wilson_interval(right, total, z):
        gap = z * sqrt(p * (1 - p) / total)
        assert abs(right / total - p) == pytest.approx(gap, abs=1e-6)


def test_all_right_leaves_room_for_errors_and_nothing_right_for_luck():
    # z² / (n + z²), the closed form where the share is 0
    assert wilson_interval(0, 10) == pytest.approx((0, 1.96**2 / (10 + 1.96**2)))
    assert wilson_interval(10, 10) == pytest.approx((10 / (10 + 1.96**2), 1))


@given(total=st.integers(1, 500), right=st.integers(0, 500))
def test_wrong_answers_have_the_mirrored_interval(total, right):
    right = min(right, total)
    low, high = wilson_interval(right, total)
    assert low <= right / total <= high
    assert wilson_interval(total - right, total) == pytest.approx((1 - high, 1 - low))


def test_four_times_as_many_answers_make_it_about_half_as_wide():
    few, many = wilson_interval(300, 400), wilson_interval(1_200, 1_600)
    assert (few[1] - few[0]) / (many[1] - many[0]) == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize(
    ("right", "total", "said"),
    [
        (0, 0, "total=0 is not a whole number from 1 to"),
        (-1, 3, "right=-1 is not a whole number from 0 to 3"),
        (4, 3, "right=4 is not a whole number from 0 to 3"),
        (1, 10**400, "total=.* is not a whole number from 1 to 1,000,000,000,000,000,000; try 100"),
    ],
)
def test_impossible_counts_are_refused(right, total, said):
    with pytest.raises(ValueError, match=said):
        wilson_interval(right, total)


@pytest.mark.parametrize("z", [1e7, 1e200])
def test_more_deviations_than_a_square_holds_are_refused(z):
    with pytest.raises(
        ValueError, match=r"^z=.* is not a finite number from 0 to 1e\+06; try 1.96$"
    ):
        wilson_interval(1, 2, z)


def test_the_largest_numbers_give_an_interval():
    assert wilson_interval(1, 2, 1e6) == pytest.approx((0, 1), abs=1e-6)
    assert wilson_interval(10**18 // 2, 10**18) == pytest.approx((0.5, 0.5), abs=1e-8)
