"""The exercises of the chapter on the similarity matrix: the page's own check cells turn typical
wrong answers down, with a sentence that points at the mistake, and let right ones pass."""

import pytest
import torch

from clipbook.exercises import CheckFailed, check, close

from .chapter import Exercise, labels

CHAPTER = "pairs/similarity-matrix"
GRID = Exercise(CHAPTER, "cosine-grid")
RANKS = Exercise(CHAPTER, "caption-ranks")
TEMPERATURE = Exercise(CHAPTER, "which-temperature")
EXERCISES = [GRID, RANKS, TEMPERATURE]


def cosine_grid(body: str) -> str:
    return (
        "def unit(rows):\n    return rows / rows.norm(dim=1, keepdim=True)\n\n\n"
        f"def cosine_grid(images, texts):\n    {body}"
    )


def which_temperature(body: str) -> str:
    return (
        "from math import exp, log, log2, log10\n\n\n"
        f"def which_temperature(p, own, other, N):\n    {body}"
    )


GRIDS_WRONG = [
    ("no lengths", "return images @ texts.T", "unit length before the product"),
    ("pictures alone", "return unit(images) @ texts.T", "captions don't have"),
    ("captions alone", "return images @ unit(texts).T", "pictures don't have"),
    ("down the columns", "return (images / images.norm(dim=0)) @ (texts / texts.norm(dim=0)).T",
     "yours down columns"),
    ("squares", "squares = [(x**2).sum(dim=1, keepdim=True) for x in (images, texts)]\n"
     "    return (images / squares[0]) @ (texts / squares[1]).T", "not by its square"),
    ("sizes", "sizes = [x.abs().sum(dim=1, keepdim=True) for x in (images, texts)]\n"
     "    return (images / sizes[0]) @ (texts / sizes[1]).T", "root of a sum of squares"),
    ("one length for all", "return (images / images.norm()) @ (texts / texts.norm()).T",
     "not one for all"),
    ("not transposed", "return unit(images) @ unit(texts)", "transpose them"),
    ("captions in rows", "return unit(texts) @ unit(images).T", "yours are captions"),
    ("no signs", "return (unit(images) @ unit(texts).T).abs()", "below 0"),
    ("the grid's rows", "return unit(images @ texts.T)", "not the grid's rows"),
    ("angles", "return (unit(images) @ unit(texts).T).acos()", "not the angle"),
    ("pairs alone", "return torch.cosine_similarity(images, texts)",
     r"has shape \(2,\), expected \(2, 2\)"),
    ("without keepdim", "return (images / images.norm(dim=1)) @ (texts / texts.norm(dim=1)).T",
     "keepdim=True"),
    ("no return", "grid = unit(images) @ unit(texts).T", "is None"),
]  # fmt: skip

GRIDS_WRONG_IN_HIDING = [
    ("by heart", "return [[0.894, 0.508], [-0.316, 0.925]]", r"expected \(4, 7\)"),
    ("a length that is never short", "lengths = images.norm(dim=1, keepdim=True).clamp(min=1)\n"
     "    return images / lengths @ unit(texts).T", "4×7"),
    ("in place", "images /= images.norm(dim=1, keepdim=True)\n"
     "    return images @ unit(texts).T", "copy them"),
]  # fmt: skip

GRIDS_RIGHT = [
    ("torch's own", "return torch.cosine_similarity(images[:, None], texts[None], dim=-1)"),
    ("afterwards", "lengths = images.norm(dim=1)[:, None] * texts.norm(dim=1)\n"
     "    return images @ texts.T / lengths"),
    ("loops", "return [[sum(a * b) / (a.norm() * b.norm()) for b in texts] for a in images]"),
]  # fmt: skip

TEMPERATURES_WRONG = [
    ("scale", "return log((N - 1) * p / (1 - p)) / (own - other)", "that is the scale"),
    ("N", "return (own - other) / log(N * p / (1 - p))", "not N"),
    ("one wrong caption", "return (own - other) / log(p / (1 - p))", "not one"),
    ("divided once more", "return (own - other) / log(p / (1 - p) / (N - 1))", "share 1 - p"),
    ("p alone", "return (own - other) / log((N - 1) * p)", "compare p"),
    ("rest alone", "return (own - other) / log((N - 1) / (1 - p))", "gets p, not 1"),
    ("upside down", "return (own - other) / log((N - 1) * (1 - p) / p)", "upside down"),
    ("sign", "return (other - own) / log((N - 1) * p / (1 - p))", "not the other way round"),
    ("own alone", "return own / log((N - 1) * p / (1 - p))", "only the difference"),
    ("sum", "return (own + other) / log((N - 1) * p / (1 - p))", "not their sum"),
    ("base 2", "return (own - other) / log2((N - 1) * p / (1 - p))", "base 2"),
    ("base 10", "return (own - other) / log10((N - 1) * p / (1 - p))", "base 10"),
    ("no logarithm", "return (own - other) / ((N - 1) * p / (1 - p))", "take the logarithm"),
    ("cross-entropy", "return (own - other) / -log(p)", "not of the probability"),
    ("times", "return (own - other) * log((N - 1) * p / (1 - p))", "divide the cosines"),
]  # fmt: skip

TEMPERATURES_WRONG_IN_HIDING = [
    ("by heart", "return 0.1448162", "own=0.4"),
    ("eight captions only", "return (own - other) / log(7 * p / (1 - p))", "own=0.4"),
    ("cosines are positive", "return (own - abs(other)) / log((N - 1) * p / (1 - p))", "own=0.4"),
    ("a search up to one half", "low, high = 1e-4, 0.5\n"
     "    for _ in range(100):\n"
     "        tau = (low + high) / 2\n"
     "        got = 1 / (1 + (N - 1) * exp(min(700, (other - own) / tau)))\n"
     "        low, high = (tau, high) if got > p else (low, tau)\n"
     "    return tau", "own=0.9"),
]  # fmt: skip

TEMPERATURES_RIGHT = [
    ("difference of logarithms",
     "return (own - other) / (log(p) - log(1 - p) + log(N - 1))"),
    ("bisection", "low, high = 1e-4, 1e4\n"
     "    for _ in range(200):\n"
     "        tau = (low * high) ** 0.5\n"
     "        got = 1 / (1 + (N - 1) * exp(min(700, (other - own) / tau)))\n"
     "        low, high = (tau, high) if got > p else (low, tau)\n"
     "    return tau"),
]  # fmt: skip

WRONG = {
    "from zero": (
        "def caption_ranks(s):\n    return (s > s.diagonal()[:, None]).sum(dim=1)",
        "",
    ),
    "from zero, ties against": (
        "def caption_ranks(s):\n    return (s >= s.diagonal()[:, None]).sum(dim=1) - 1",
        "ranks begin at 1",
    ),
    "ties in favour": (
        "def caption_ranks(s):\n    return (s > s.diagonal()[:, None]).sum(dim=1) + 1",
        "a tie counts against",
    ),
    "along columns": (
        "def caption_ranks(s):\n    return (s >= s.diagonal()).sum(dim=0)",
        "a picture looks along its row",
    ),
    "broadcast along the wrong axis": (
        "def caption_ranks(s):\n    return (s >= s.diagonal()).sum(dim=1)",
        r"row i with own cell i: shape \(N, 1\)",
    ),
    "from the least similar": (
        "def caption_ranks(s):\n    return (s <= s.diagonal()[:, None]).sum(dim=1)",
        "rank 1 is the most similar",
    ),
    "argsort taken for ranks": (
        "def caption_ranks(s):\n    return s.argsort(dim=1, descending=True).diagonal() + 1",
        "argsort tells",
    ),
    "only whether it is the first": (
        "def caption_ranks(s):\n    return s.argmax(dim=1) == torch.arange(len(s))",
        "count the captions that are as similar",
    ),
    "one number for all": (
        "def caption_ranks(s):\n    return (s >= s.diagonal()[:, None]).sum()",
        r"has shape \(\), expected \(4,\)",
    ),
    "a column": (
        "def caption_ranks(s):\n    return (s >= s.diagonal()[:, None]).sum(dim=1, keepdim=True)",
        r"has shape \(4, 1\), expected \(4,\)",
    ),
    "no return": (
        "def caption_ranks(s):\n    ranks = (s >= s.diagonal()[:, None]).sum(dim=1)",
        "is None",
    ),
    "index beyond the end": (
        "def caption_ranks(s):\n    return [s[k, len(s)] for k in range(len(s))]",
        "your code raised IndexError in <listcomp>|your code raised IndexError in caption_ranks",
    ),
    "blank": (
        "def caption_ranks(s):\n    raise NotImplementedError()",
        "not written yet",
    ),
    "not run": ("", "run the cell of the exercise first"),
}

WRONG_ONLY_IN_HIDING = {
    "learned by heart": (
        "def caption_ranks(s):\n    return [4, 3, 2, 1]",
        r"has shape \(4,\), expected \(9,\)",
    ),
    "four rows only": (
        "def caption_ranks(s):\n"
        "    return [sum(s[i, j] >= s[i, i] for j in range(4)) for i in range(len(s))]",
        "9×9",
    ),
    "ties by position, as argsort of argsort has it": (
        "def caption_ranks(s):\n"
        "    order = s.argsort(dim=1, descending=True, stable=True)\n"
        "    return order.argsort(dim=1).diagonal() + 1",
        "where everything is equal",
    ),
    "changes what it is given": (
        "def caption_ranks(s):\n"
        "    s -= s.diagonal().clone()[:, None]\n"
        "    return (s >= 0).sum(dim=1)",
        "copy it",
    ),
}

RIGHT = {
    "loops": (
        "def caption_ranks(s):\n"
        "    ranks = []\n"
        "    for i, row in enumerate(s.tolist()):\n"
        "        ranks.append(sum(value >= row[i] for value in row))\n"
        "    return ranks"
    ),
    "sorting": (
        "def caption_ranks(s):\n"
        "    ordered, own = s.sort(dim=1).values, s.diagonal().contiguous()\n"
        "    return len(s) - torch.searchsorted(ordered, own[:, None])[:, 0]"
    ),
    "numpy": (
        "def caption_ranks(s):\n"
        "    s = s.numpy()\n"
        "    return (s >= s.diagonal()[:, None]).sum(axis=1)"
    ),
    "the other way round": (
        "def caption_ranks(s):\n    return len(s) - (s < s.diagonal()[:, None]).sum(dim=1)"
    ),
}


CASES_WRONG = [
    *((GRID, name, cosine_grid(body), hint) for name, body, hint in GRIDS_WRONG),
    *((RANKS, name, *case) for name, case in WRONG.items()),
    *(
        (TEMPERATURE, name, which_temperature(body), hint)
        for name, body, hint in TEMPERATURES_WRONG
    ),
]
CASES_WRONG_ONLY_IN_HIDING = [
    *((GRID, name, cosine_grid(body), hint) for name, body, hint in GRIDS_WRONG_IN_HIDING),
    *((RANKS, name, *case) for name, case in WRONG_ONLY_IN_HIDING.items()),
    *(
        (TEMPERATURE, name, which_temperature(body), hint)
        for name, body, hint in TEMPERATURES_WRONG_IN_HIDING
    ),
]
CASES_RIGHT = [
    *((GRID, name, cosine_grid(body)) for name, body in GRIDS_RIGHT),
    *((RANKS, name, answer) for name, answer in RIGHT.items()),
    *((TEMPERATURE, name, which_temperature(body)) for name, body in TEMPERATURES_RIGHT),
]


@pytest.mark.parametrize(
    ("exercise", "name", "answer", "hint"), CASES_WRONG, ids=labels(CASES_WRONG)
)
def test_visible_check_turns_the_mistake_down_and_names_it(exercise, name, answer, hint):
    exercise.assert_refused(answer, hint)


@pytest.mark.parametrize(
    ("exercise", "name", "answer", "hint"),
    CASES_WRONG_ONLY_IN_HIDING,
    ids=labels(CASES_WRONG_ONLY_IN_HIDING),
)
def test_hidden_check_turns_down_what_the_visible_one_cannot_see(exercise, name, answer, hint):
    exercise.assert_accepted(answer, hidden=False)
    exercise.assert_refused(answer, hint, hidden=True)


@pytest.mark.parametrize(("exercise", "name", "answer"), CASES_RIGHT, ids=labels(CASES_RIGHT))
def test_right_answer_written_otherwise_passes_both_checks(exercise, name, answer):
    exercise.assert_accepted(answer)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_solution_of_the_page_passes_both_checks(exercise):
    exercise.assert_accepted(exercise.solution)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_blank_answer_earns_nothing_in_either_check(exercise):
    head = next(line for line in exercise.solution.splitlines() if line.startswith("def "))
    names = exercise.define(f"{head}\n    raise NotImplementedError()")
    names |= {"check": check, "close": close}
    for cell in (exercise.visible, exercise.hidden):
        with pytest.raises(CheckFailed, match="not written yet"):
            exec(cell, dict(names))


def test_ranks_agree_with_the_package_s_recall():
    from clipbook.evaluation import recall_at_k

    similarities = torch.rand(20, 20, generator=torch.Generator().manual_seed(0))
    ranks = RANKS.define(RANKS.solution)["caption_ranks"](similarities)
    for k in (1, 3, 20):
        share = (ranks <= k).float().mean().item()
        assert share == pytest.approx(recall_at_k(similarities, k)[0])
