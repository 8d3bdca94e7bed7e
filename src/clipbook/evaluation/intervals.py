"""How far a share of right answers can be trusted.

Built in: book/pairs/zero-shot.
"""

from math import sqrt

from clipbook.validation import above_zero, between, whole_number

MOST_ANSWERS = 10**18
MOST_DEVIATIONS = 1e6
"""Larger numbers are slips, and their squares have no room in a float."""


def wilson_interval(right: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """The accuracies, lowest and highest, of which `right` of `total` is a plausible outcome.

    z: how many standard deviations are plausible; 1.96 gives intervals of which 95 in 100 hold
    the truth. Unlike "share ± z deviations" it has a width where nothing or all is right. Raises
    ValueError for counts that are not 0 ≤ right ≤ total with total ≥ 1, for more than 10^18, and
    for a z that is not above 0, or is above a million.

    Source: Wilson 1927.
    """
    total = whole_number("total", total, 100, most=MOST_ANSWERS)
    right = whole_number("right", right, total, least=0, most=total)
    z = between("z", above_zero("z", z, 1.96), 1.96, most=MOST_DEVIATIONS)
    share, spread = right / total, z**2 / total
    middle = share + spread / 2
    half = z * sqrt(share * (1 - share) / total + spread / (4 * total))
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    return (0.0 if right == 0 else low), (1.0 if right == total else high)
