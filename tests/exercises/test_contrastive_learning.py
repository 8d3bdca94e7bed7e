"""The exercises of the first chapter: wrong answers are turned down with the mistake's name."""

import pytest
import torch

from clipbook.exercises import CheckFailed

from .chapter import Exercise, labels

SHARE = Exercise("start/contrastive-learning", "share-right")
MARGINS = Exercise("start/contrastive-learning", "margins")
EXERCISES = [SHARE, MARGINS]


def share(body: str) -> str:
    return (
        "def share_right(s):\n"
        "    N, M = s.shape\n"
        "    own = s.diagonal()\n"
        "    rows = (s >= own[:, None]).sum(dim=1) == 1\n"
        "    columns = (s[:, :N] >= own).sum(dim=0) == 1\n"
        f"    {body}"
    )


def margins(body: str) -> str:
    return (
        "def margins(s):\n"
        "    N, M = s.shape\n"
        "    own, off = s.diagonal(), ~torch.eye(N, M, dtype=torch.bool)\n"
        "    low = s.masked_fill(~off, -2)\n"
        "    best = low.max(dim=1).values\n"
        f"    {body}"
    )


LINES = """
def others(s, i):
    row, column = s[i].tolist(), s[:, i].tolist()
    return row[:i] + row[i + 1 :] + column[:i] + column[i + 1 :]

"""
WRONG = [
    (SHARE, "how many", share("return (rows & columns).sum()"), "that is how many"),
    (SHARE, "per cent", share("return 100 * (rows & columns).float().mean()"), "not in per cent"),
    (SHARE, "over captions", share("return (rows & columns).sum() / M"), "not of captions"),
    (SHARE, "wrong ones", share("return 1 - (rows & columns).float().mean()"),
     r"share_right\(grid\) is 0.8333"),
    (SHARE, "rows", share("return rows.float().mean()"), "the column counts as well"),
    (SHARE, "rows by argmax", share(
        "return (s.argmax(dim=1) == torch.arange(N)).float().mean()"), "the column counts as well"),
    (SHARE, "columns", share("return columns.float().mean()"), "the row counts as well"),
    (SHARE, "either", share("return (rows | columns).float().mean()"), "not one of them"),
    (SHARE, "mean of both", share("return (rows.float().mean() + columns.float().mean()) / 2"),
     "mean of two shares"),
    (SHARE, "product of both", share("return rows.float().mean() * columns.float().mean()"),
     r"share_right\(tied\) is 0.375"),
    (SHARE, "lowest", share(
        "low = s.argmin(1), s.argmin(0)[:N]\n"
        "    return ((low[0] == torch.arange(N)) & (low[1] == torch.arange(N))).float().mean()"),
     r"share_right\(grid\) is 0, expected"),
    (SHARE, "above one half", share("return (own > 0.5).float().mean()"),
     r"share_right\(grid\) is 0.8333"),
    (SHARE, "mean of the diagonal", share("return own.mean()"), "mean of the diagonal"),
    (SHARE, "who", share("return rows & columns"), "take their share"),
    (SHARE, "ties count", share(
        "rows, columns = own >= s.max(dim=1).values, own >= s[:, :N].max(dim=0).values\n"
        "    return (rows & columns).float().mean()"), "equal is not enough"),
    (SHARE, "ties in rows count", share(
        "return ((own >= s.max(dim=1).values) & columns).float().mean()"),
     r"share_right\(tied\) is 0.5"),
    (SHARE, "ties in columns count", share(
        "return (rows & (own >= s[:, :N].max(dim=0).values)).float().mean()"),
     r"share_right\(tied\) is 0.5"),
    (SHARE, "ties by position", share(
        "first = s.tolist(), s.T.tolist()\n"
        "    both = [[one[i].index(max(one[i])) == i for one in first] for i in range(N)]\n"
        "    return sum(map(all, both)) / N"), "equal is not enough"),
    (SHARE, "without later captions", share(
        "rows = (s[:, :N] >= own[:, None]).sum(dim=1) == 1\n"
        "    return (rows & columns).float().mean()"), r"share_right\(tied\) is 0.5"),
    (SHARE, "square grids", share(
        "return ((s >= own[:, None]).sum(dim=1) + (s >= own).sum(dim=0) == 2).float().mean()"),
     "your code raised RuntimeError in share_right"),
    (SHARE, "whole grid", share("return (own >= s.max()).float().mean()"),
     r"share_right\(grid\) is 0, expected"),
    (SHARE, "search from 0", LINES + "def share_right(s):\n"
     "    return sum(s[i, i] > max(others(s, i), default=0) for i in range(len(s))) / len(s)",
     "single pair"),
    (SHARE, "no single pair", LINES + "def share_right(s):\n"
     "    return sum(s[i, i] > max(others(s, i)) for i in range(len(s))) / len(s)",
     "your code raised ValueError"),
    (SHARE, "six pairs", share("return (rows & columns).sum() / 6"), r"share_right\(tied\)"),
    (SHARE, "rounded", share("return round((rows & columns).float().mean().item(), 2)"),
     r"share_right\(grid\) is 0.17, expected 0.1667"),
    (SHARE, "by heart", "def share_right(s):\n    return 1 / 6", r"share_right\(tied\)"),
    (SHARE, "all by heart", "def share_right(s):\n"
     "    return {(4, 5): 1 / 4, (3, 3): 0, (1, 1): 1}.get(tuple(s.shape), 1 / 6)", "6×8 grid"),
    (SHARE, "changes the grid", share(
        "s.fill_diagonal_(-2)\n    return (rows & columns).float().mean()"),
     "share_right changes `s`"),
    (SHARE, "text", share("return '1/7'"), "does not hold numbers"),
    (SHARE, "no return", share("(rows & columns).float().mean()"), "does the function end in"),
    (SHARE, "not run", "", "run the cell of the exercise first"),
    (MARGINS, "own cell in the search", margins("return own - s.max(dim=1).values"),
     "leave the own cell out"),
    (MARGINS, "0 in the own cell", margins("return own - (s * off).max(dim=1).values"),
     "no cell above 0"),
    (MARGINS, "search from 0", margins("return own - best.clamp(min=0)"), "no cell above 0"),
    (MARGINS, "other way round", margins("return best - own"), "not the other way round"),
    (MARGINS, "columns", margins("return own - low.max(dim=0).values[:N]"), "not down its column"),
    (MARGINS, "mean of the others", margins("return own - (s * off).sum(dim=1) / (M - 1)"),
     "not the mean"),
    (MARGINS, "lowest other", margins("return own - s.masked_fill(~off, 2).min(dim=1).values"),
     "not the lowest"),
    (MARGINS, "whole grid", margins("return own - low.max()"), "compare within the row"),
    (MARGINS, "without later captions", margins("return own - low[:, :N].max(dim=1).values"),
     "captions without a picture compete"),
    (MARGINS, "highest other", margins("return best"), "subtract it"),
    (MARGINS, "second highest", margins(
        "return own - s.sort(dim=1, descending=True).values[:, 1]"), "second highest"),
    (MARGINS, "absolute", margins("return (own - best).abs()"), "margin below 0, not above"),
    (MARGINS, "wrong ones 0", margins("return (own - best).relu()"), "margin below 0, not 0"),
    (MARGINS, "right or wrong", margins("return own > best"), "not only whether"),
    (MARGINS, "signs", margins("return (own - best).sign()"), r"margins\(grid\) is \[1, -1, 1\]"),
    (MARGINS, "one number", margins("return (own - best).mean()"), "not their mean"),
    (MARGINS, "smallest", margins("return (own - best).min()"), "not the smallest"),
    (MARGINS, "rounded", margins("return [round(x, 1) for x in (own - best).tolist()]"), "1×3"),
    (MARGINS, "at most 1", margins("return (own - best).clamp(max=1)"), "above 1 or below -1"),
    (MARGINS, "at least -1", margins("return (own - best).clamp(min=-1)"), "above 1 or below -1"),
    (MARGINS, "relative", margins("return 1 - best / own"), r"margins\(grid\) is \[0.4444,"),
    (MARGINS, "next caption", margins("return own - s[range(N), [(i + 1) % M for i in range(N)]]"),
     r"margins\(grid\) is"),
    (MARGINS, "without equal cells", "def margins(s):\n"
     "    return [s[i, i] - max(x for x in s[i] if x != s[i, i]) for i in range(len(s))]",
     "your code raised ValueError"),
    (MARGINS, "without equal cells, or 0", "def margins(s):\n"
     "    found = []\n"
     "    for i, row in enumerate(s.tolist()):\n"
     "        others = [x for x in row if x != row[i]]\n"
     "        found.append(row[i] - max(others) if others else row[i])\n"
     "    return found", "all cells are equal"),
    (MARGINS, "square grids", margins(
        "return own - (s - 4 * torch.eye(len(s))).max(dim=1).values"),
     "your code raised RuntimeError in margins"),
    (MARGINS, "three pictures", margins("return [own[i] - best[i] for i in range(3)]"),
     "your code raised IndexError"),
    (MARGINS, "no single picture", margins("return (own - best).squeeze()"),
     r"has shape \(\), expected \(1,\)"),
    (MARGINS, "a column", margins("return (own - best)[:, None]"),
     r"has shape \(3, 1\), expected \(3,\)"),
    (MARGINS, "by heart", "def margins(s):\n    return [0.4, -0.3, 0.1]",
     r"has shape \(3,\), expected \(2,\)"),
    (MARGINS, "changes the grid", margins(
        "own = own.clone()\n    return own - s.fill_diagonal_(-2).max(dim=1).values"),
     "margins changes `s`"),
    (MARGINS, "not run", "", "run the cell of the exercise first"),
]  # fmt: skip

WRONG_ONLY_IN_HIDING = [
    (SHARE, "twenty pairs", share("return (rows & columns)[:20].float().mean()"), "40×60"),
    (MARGINS, "twenty captions", margins("return own - low[:, :20].max(dim=1).values"), "40×60"),
]  # fmt: skip

RIGHT = [
    (SHARE, "sums", share("return (rows & columns).double().mean()")),
    (SHARE, "loops", LINES + "def share_right(s):\n"
     "    right = 0\n"
     "    for i in range(len(s)):\n"
     "        if all(x < s[i, i] for x in others(s, i)):\n"
     "            right += 1\n"
     "    return right / len(s)"),
    (SHARE, "numpy", "import numpy as np\n\n\n"
     "def share_right(s):\n"
     "    s = s.numpy()\n"
     "    others = s.copy()\n"
     "    np.fill_diagonal(others, -np.inf)\n"
     "    best = np.maximum(others.max(axis=1, initial=-9), others.max(axis=0)[: len(s)])\n"
     "    return np.mean(np.diag(s) > best)"),
    (SHARE, "sets", "def share_right(s):\n"
     "    N = len(s)\n"
     "    lines = [(s[i].tolist(), s[:, i].tolist()) for i in range(N)]\n"
     "    wins = [line.index(max(line)) == i and line.count(max(line)) == 1\n"
     "            for i, both in enumerate(lines) for line in both]\n"
     "    return sum(wins[2 * i] and wins[2 * i + 1] for i in range(N)) / N"),
    (MARGINS, "a loop", "def margins(s):\n"
     "    found = []\n"
     "    for i, row in enumerate(s.tolist()):\n"
     "        own = row.pop(i)\n"
     "        found.append(own - max(row))\n"
     "    return found"),
    (MARGINS, "cells", "def margins(s):\n"
     "    N, M = s.shape\n"
     "    return [s[i, i] - max(s[i, j] for j in range(M) if j != i) for i in range(N)]"),
    (MARGINS, "subtraction", margins(
        "return own - (s.double() - 4 * torch.eye(N, M)).max(dim=1).values")),
    (MARGINS, "the two highest", margins(
        "top = s.topk(2, dim=1).values\n"
        "    return torch.where(own == top[:, 0], own - top[:, 1], own - top[:, 0])")),
    (MARGINS, "infinity", "def margins(s):\n"
     "    s = s.numpy().copy()\n"
     "    own = s.diagonal().copy()\n"
     "    s[range(len(s)), range(len(s))] = -float('inf')\n"
     "    return own - s.max(axis=1)"),
]  # fmt: skip


@pytest.mark.parametrize(("exercise", "name", "answer", "hint"), WRONG, ids=labels(WRONG))
def test_visible_check_turns_the_mistake_down_and_names_it(exercise, name, answer, hint):
    exercise.assert_refused(answer, hint)


@pytest.mark.parametrize(
    ("exercise", "name", "answer", "hint"), WRONG_ONLY_IN_HIDING, ids=labels(WRONG_ONLY_IN_HIDING)
)
def test_hidden_check_turns_down_what_the_visible_one_cannot_see(exercise, name, answer, hint):
    exercise.assert_accepted(answer, hidden=False)
    exercise.assert_refused(answer, hint, hidden=True)


@pytest.mark.parametrize(("exercise", "name", "answer"), RIGHT, ids=labels(RIGHT))
def test_right_answer_written_otherwise_passes_both_checks(exercise, name, answer):
    exercise.assert_accepted(answer)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_solution_of_the_page_passes_both_checks(exercise):
    exercise.assert_accepted(exercise.solution)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_blank_answer_earns_nothing_in_either_check(exercise):
    head = next(line for line in exercise.solution.splitlines() if line.startswith("def "))
    names = exercise.define(f"{head}\n    raise NotImplementedError()")
    for cell in (exercise.visible, exercise.hidden):
        with pytest.raises(CheckFailed, match="not written yet"):
            exec(cell, dict(names))


def test_pair_is_right_if_picture_and_caption_have_a_margin_above_0():
    grid = torch.rand(30, 30, generator=torch.Generator().manual_seed(0))
    share = SHARE.define(SHARE.solution)["share_right"](grid)
    found = MARGINS.define(MARGINS.solution)["margins"]
    assert share == ((found(grid) > 0) & (found(grid.T) > 0)).float().mean()
