"""The exercises of the first chapter: wrong answers are turned down with the mistake's name."""

import pytest
import torch

from .chapter import Exercise

SHARE = Exercise("start/contrastive-learning", "share-right")
MARGINS = Exercise("start/contrastive-learning", "margins")


def share(body: str) -> str:
    return f"def share_right(s):\n    own = torch.arange(len(s))\n    return {body}"


def margins(body: str) -> str:
    return (
        "def margins(s):\n"
        "    own, off = s.diagonal(), ~torch.eye(len(s), dtype=torch.bool)\n"
        "    low = s.masked_fill(~off, -2)\n"
        f"    return {body}"
    )


WRONG = {
    "how many": (SHARE, share("(s.argmax(dim=1) == own).sum()"), "that is how many"),
    "per cent": (
        SHARE,
        share("100 * (s.argmax(dim=1) == own).float().mean()"),
        "not in per cent",
    ),
    "share of the wrong": (
        SHARE,
        share("(s.argmax(dim=1) != own).float().mean()"),
        "share of wrong",
    ),
    "down the columns": (SHARE, share("(s.argmax(dim=0) == own).float().mean()"), "along its row"),
    "both directions": (
        SHARE,
        share("sum((s.argmax(dim=k) == own).float().mean() for k in (0, 1)) / 2"),
        "only the pictures choose",
    ),
    "lowest": (SHARE, share("(s.argmin(dim=1) == own).float().mean()"), "not the lowest"),
    "above one half": (
        SHARE,
        share("(s.diagonal() > 0.5).float().mean()"),
        "to be high is not enough",
    ),
    "mean of the diagonal": (SHARE, share("s.diagonal().mean()"), "mean of the diagonal"),
    "who": (SHARE, share("s.argmax(dim=1) == own"), "take their share"),
    "choices": (SHARE, share("s.argmax(dim=1)"), "these are the choices"),
    "no return": (SHARE, "def share_right(s):\n    s.argmax(dim=1)", "does the function end in"),
    "blank": (SHARE, "def share_right(s):\n    raise NotImplementedError()", "not written yet"),
    "own cell in the search": (
        MARGINS,
        margins("own - s.max(dim=1).values"),
        "leave the own cell out",
    ),
    "0 in the own cell": (
        MARGINS,
        margins("own - (s * off).max(dim=1).values"),
        "no cell above 0",
    ),
    "the other way round": (
        MARGINS,
        margins("low.max(dim=1).values - own"),
        "not the other way round",
    ),
    "columns": (MARGINS, margins("own - low.max(dim=0).values"), "not down its column"),
    "mean of the others": (
        MARGINS,
        margins("own - (s * off).sum(dim=1) / (len(s) - 1)"),
        "not the mean",
    ),
    "lowest other": (
        MARGINS,
        margins("own - s.masked_fill(~off, 2).min(dim=1).values"),
        "not the lowest",
    ),
    "whole grid": (MARGINS, margins("own - low.max()"), "compare within the row"),
    "highest other only": (MARGINS, margins("low.max(dim=1).values"), "subtract it"),
    "absolute": (MARGINS, margins("(own - low.max(dim=1).values).abs()"), "margin below 0"),
    "right or wrong": (MARGINS, margins("own > low.max(dim=1).values"), "not only whether"),
    "one number": (MARGINS, margins("(own - low.max(dim=1).values).mean()"), "not their mean"),
    "smallest": (MARGINS, margins("(own - low.max(dim=1).values).min()"), "not the smallest"),
    "column": (
        MARGINS,
        margins("(own - low.max(dim=1).values)[:, None]"),
        r"has shape \(3, 1\), expected \(3,\)",
    ),
    "blank margins": (
        MARGINS,
        "def margins(s):\n    raise NotImplementedError()",
        "not written yet",
    ),
    "not run": (MARGINS, "", "run the cell of the exercise first"),
}

WRONG_ONLY_IN_HIDING = {
    "share by heart": (SHARE, "def share_right(s):\n    return 0.4", "7×7"),
    "share of five": (
        SHARE,
        "def share_right(s):\n    return sum(s[k].argmax() == k for k in range(5)) / 5",
        "7×7",
    ),
    "share among columns": (
        SHARE,
        "def share_right(s):\n"
        "    return sum(s[k].argmax() == k for k in range(len(s))) / s.shape[1]",
        "2 pictures among 3 captions",
    ),
    "margins by heart": (
        MARGINS,
        "def margins(s):\n    return [0.5, -0.1, 0.1]",
        r"has shape \(3,\), expected \(8,\)",
    ),
    "margins change the grid": (
        MARGINS,
        "def margins(s):\n"
        "    own = s.diagonal().clone()\n"
        "    return own - s.fill_diagonal_(-2).max(dim=1).values",
        "margins changes the grid",
    ),
    "margins from the second highest, right or not": (
        MARGINS,
        "def margins(s):\n"
        "    top = s.sort(dim=1, descending=True).values\n"
        "    best = torch.where(s.argmax(dim=1) == torch.arange(len(s)), top[:, 1], top[:, 0])\n"
        "    return (s.diagonal() - best).clamp(min=-0.12)",
        "8×8",
    ),
}

RIGHT = {
    "share by a loop": (
        SHARE,
        "def share_right(s):\n"
        "    right = 0\n"
        "    for i, row in enumerate(s.tolist()):\n"
        "        right += row.index(max(row)) == i\n"
        "    return right / len(s)",
    ),
    "share of yeses": (
        SHARE,
        "def share_right(s):\n"
        "    return sum(int(s[i].argmax()) == i for i in range(len(s))) / len(s)",
    ),
    "share by numpy": (
        SHARE,
        "def share_right(s):\n"
        "    s = s.numpy()\n"
        "    return (s.argmax(axis=1) == range(len(s))).mean()",
    ),
    "share by comparison": (
        SHARE,
        "def share_right(s):\n    return (s.diagonal() >= s.max(dim=1).values).double().mean()",
    ),
    "margins by a loop": (
        MARGINS,
        "def margins(s):\n"
        "    found = []\n"
        "    for i, row in enumerate(s.tolist()):\n"
        "        own = row.pop(i)\n"
        "        found.append(own - max(row))\n"
        "    return found",
    ),
    "margins as a list of cells": (
        MARGINS,
        "def margins(s):\n"
        "    n = range(len(s))\n"
        "    return [s[i, i] - max(s[i, j] for j in n if j != i) for i in n]",
    ),
    "margins by subtraction": (
        MARGINS,
        "def margins(s):\n    return s.diagonal() - (s - 4 * torch.eye(len(s))).max(dim=1).values",
    ),
    "margins by infinity": (
        MARGINS,
        "def margins(s):\n"
        "    s = s.numpy().copy()\n"
        "    own = s.diagonal().copy()\n"
        "    s[range(len(s)), range(len(s))] = -float('inf')\n"
        "    return own - s.max(axis=1)",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_visible_check_turns_the_mistake_down_and_names_it(name):
    exercise, answer, hint = WRONG[name]
    exercise.assert_refused(answer, hint)


@pytest.mark.parametrize("name", WRONG_ONLY_IN_HIDING)
def test_hidden_check_turns_down_what_the_visible_one_cannot_see(name):
    exercise, answer, hint = WRONG_ONLY_IN_HIDING[name]
    exercise.assert_accepted(answer, hidden=False)
    exercise.assert_refused(answer, hint, hidden=True)


@pytest.mark.parametrize("name", RIGHT)
def test_right_answer_written_otherwise_passes_both_checks(name):
    exercise, answer = RIGHT[name]
    exercise.assert_accepted(answer)


@pytest.mark.parametrize("exercise", [SHARE, MARGINS])
def test_solution_of_the_page_passes_both_checks(exercise):
    exercise.assert_accepted(exercise.solution)


@pytest.mark.parametrize(
    ("exercise", "name"), [(SHARE, "share_right"), (MARGINS, "margins")], ids=["share", "margins"]
)
def test_a_blank_answer_earns_no_point_of_the_hidden_check(exercise, name):
    from clipbook.exercises import CheckFailed

    blank = exercise.define(f"def {name}(s):\n    raise NotImplementedError()")
    with pytest.raises((CheckFailed, NameError)):
        exec(exercise.hidden, blank)


def test_share_agrees_with_the_package_s_recall_and_with_the_margins():
    from clipbook.evaluation import recall_at_k

    grid = torch.rand(30, 30, generator=torch.Generator().manual_seed(0))
    found = SHARE.define(SHARE.solution)["share_right"](grid)
    assert found == pytest.approx(recall_at_k(grid, 1)[0])
    above = MARGINS.define(MARGINS.solution)["margins"](grid) > 0
    assert above.float().mean() == found
