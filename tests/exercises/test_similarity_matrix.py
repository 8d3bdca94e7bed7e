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


def caption_ranks(body: str) -> str:
    return f"def caption_ranks(s):\n    (N, M), own = s.shape, s.diagonal()\n    {body}"


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
    ("no signs", "return (unit(images) @ unit(texts).T).abs()", "has lost its sign"),
    ("none below 0", "return (unit(images) @ unit(texts).T).relu()", "is cut off"),
    ("the grid's rows", "return unit(images @ texts.T)", "not the grid's rows"),
    ("angles", "return (unit(images) @ unit(texts).T).acos()", "not the angle"),
    ("distances", "return 1 - unit(images) @ unit(texts).T", "not the distance"),
    ("softmax", "return (unit(images) @ unit(texts).T).softmax(dim=1)", "without softmax"),
    ("pairs alone", "return torch.cosine_similarity(images, texts)", "your code raised Runtime"),
    ("pairs that are there", "return torch.cosine_similarity(images[:2], texts)",
     r"has shape \(2,\), expected \(3, 2\)"),
    ("without keepdim", "return (images / images.norm(dim=1)) @ (texts / texts.norm(dim=1)).T",
     "your code raised RuntimeError"),
    ("largest instead of length", "most = [x.abs().amax(dim=1, keepdim=True)"
     " for x in (images, texts)]\n"
     "    return images / most[0] @ (texts / most[1]).T", r"cosine_grid\(some"),
    ("rounded", "return (unit(images) @ unit(texts).T * 1000).round() / 1000", "4 and 7 vectors"),
    ("by heart", "return [[0.8944, 0.5077], [-0.3162, 0.9247], [0.4472, 0.9231]]",
     r"has shape \(3, 2\), expected \(4, 7\)"),
    ("a length that is never short", "lengths = images.norm(dim=1, keepdim=True).clamp(min=1)\n"
     "    return images / lengths @ unit(texts).T", "4 and 7 vectors"),
    ("a caption that is never short", "lengths = texts.norm(dim=1, keepdim=True).clamp(min=0.01)\n"
     "    return unit(images) @ (texts / lengths).T", "4 and 7 vectors"),
    ("a length made longer", "lengths = images.norm(dim=1, keepdim=True) + 1e-4\n"
     "    return images / lengths @ (texts / (texts.norm(dim=1, keepdim=True) + 1e-4)).T",
     "4 and 7 vectors"),
    ("two numbers", "lengths = [x[:, :1].hypot(x[:, 1:2]) for x in (images, texts)]\n"
     "    return images / lengths[0] @ (texts / lengths[1]).T", "4 and 7 vectors"),
    ("as many captions", "return torch.stack([torch.cosine_similarity(images, t[None])"
     " for t in texts[:2]], dim=1)", r"has shape \(4, 2\), expected \(4, 7\)"),
    ("no single picture", "return (unit(images) @ unit(texts).T).squeeze()",
     r"has shape \(\), expected \(1, 1\)"),
    ("zeros", "return unit(images) @ unit(texts).T", "picture of zeros.* is .*nan"),
    ("zeros at one side", "lengths = images.norm(dim=1, keepdim=True).clamp(min=1e-12)\n"
     "    return images / lengths @ unit(texts).T", "caption of zeros.* is .*nan"),
    ("zeros are alike", "return (unit(images) @ unit(texts).T).nan_to_num(1)",
     "picture of zeros.* is .*1, 1"),
    ("in place", "images /= images.norm(dim=1, keepdim=True)\n"
     "    return images @ unit(texts).T", "cosine_grid changes `images`"),
    ("captions in place", "texts /= texts.norm(dim=1, keepdim=True)\n"
     "    return unit(images) @ texts.T", "cosine_grid changes `texts`"),
    ("no return", "grid = unit(images) @ unit(texts).T", "is None"),
]  # fmt: skip

GRIDS_WRONG_IN_HIDING = [
    ("twenty captions", "return torch.stack([torch.cosine_similarity(images, t[None])"
     " for t in texts[:20]], dim=1)", r"has shape \(40, 20\), expected \(40, 30\)"),
]  # fmt: skip

GRIDS_RIGHT = [
    ("torch's own", "return torch.cosine_similarity(images[:, None], texts[None], dim=-1)"),
    ("afterwards", "lengths = images.norm(dim=1)[:, None] * texts.norm(dim=1)\n"
     "    return (images @ texts.T / lengths).nan_to_num()"),
    ("where", "grid = unit(images) @ unit(texts).T\n"
     "    return torch.where(grid.isnan(), 0, grid)"),
    ("a little longer", "lengths = images.norm(dim=1, keepdim=True) + 1e-9\n"
     "    return images / lengths @ (texts / (texts.norm(dim=1, keepdim=True) + 1e-9)).T"),
    ("normalize", "from torch.nn.functional import normalize\n"
     "    return normalize(images, dim=1) @ normalize(texts, dim=1).T"),
    ("loops", "import math\n"
     "    grid = []\n"
     "    for a in images.tolist():\n"
     "        grid.append([])\n"
     "        for b in texts.tolist():\n"
     "            long = math.hypot(*a) * math.hypot(*b)\n"
     "            grid[-1].append(sum(x * y for x, y in zip(a, b)) / long if long else 0)\n"
     "    return grid"),
    ("numpy", "import numpy as np\n"
     "    a, b = images.numpy(), texts.numpy()\n"
     "    long = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)\n"
     "    return np.divide(a @ b.T, long, out=np.zeros_like(long), where=long > 0)"),
]  # fmt: skip

RANKS_WRONG = [
    ("from zero", "return (s >= own[:, None]).sum(dim=1) - 1", "own cell counts itself"),
    ("from zero, ties in favour", "return (s > own[:, None]).sum(dim=1)",
     "begin at 1, and a tie counts against"),
    ("ties in favour", "return (s > own[:, None]).sum(dim=1) + 1", "see row 3"),
    ("ties by position", "order = s.argsort(dim=1, descending=True, stable=True)\n"
     "    return order.argsort(dim=1).diagonal() + 1", "see row 3"),
    ("ties by position, from behind", "order = s.flip(1).argsort(dim=1, descending=True,"
     " stable=True)\n"
     "    return order.argsort(dim=1).flip(1).diagonal() + 1", "where everything is equal"),
    ("ties half", "higher, equal = s > own[:, None], s == own[:, None]\n"
     "    return 1 + higher.sum(dim=1) + (equal.sum(dim=1) - 1) / 2",
     r"caption_ranks\(grid\) is \[1, 3, 1.5, 4\]"),
    ("dense", "return [len({x for x in row if x >= row[i]}) for i, row in enumerate(s.tolist())]",
     r"caption_ranks\(grid\)"),
    ("along columns", "return (s[:, :N] >= own).sum(dim=0)", "not its column"),
    ("broadcast along the wrong axis", "return (s >= own).sum(dim=1)",
     "your code raised RuntimeError"),
    ("from the least similar", "return (s <= own[:, None]).sum(dim=1)", "not the least"),
    ("the less similar", "return (s < own[:, None]).sum(dim=1)", "not the less similar"),
    ("without later captions", "return (s[:, :N] >= own[:, None]).sum(dim=1)",
     "without a picture compete"),
    ("argsort taken for ranks", "return s.argsort(dim=1, descending=True).diagonal() + 1",
     "argsort tells"),
    ("argsort taken for ranks, from zero",
     "return s.argsort(dim=1, descending=True).diagonal()", "argsort tells"),
    ("only whether it is the first", "return s.argmax(dim=1) == torch.arange(N)",
     "not only whether the own"),
    ("only whether the rank is 1", "return (s >= own[:, None]).sum(dim=1) == 1", "not only wheth"),
    ("reciprocal", "return 1 / (s >= own[:, None]).sum(dim=1)", r"caption_ranks\(grid\) is"),
    ("shares", "return (s >= own[:, None]).float().mean(dim=1)", r"caption_ranks\(grid\) is"),
    ("one number for all", "return (s >= own[:, None]).sum()",
     r"has shape \(\), expected \(4,\)"),
    ("a mean", "return (s >= own[:, None]).sum(dim=1).float().mean()",
     r"has shape \(\), expected \(4,\)"),
    ("a column", "return (s >= own[:, None]).sum(dim=1, keepdim=True)",
     r"has shape \(4, 1\), expected \(4,\)"),
    ("at most 5", "return (s >= own[:, None]).sum(dim=1).clamp(max=5)", "8×8"),
    ("nearly equal is equal", "return (s >= own[:, None] - 0.1).sum(dim=1)",
     "6×13"),
    ("four rows only", "return [sum(s[i, j] >= s[i, i] for j in range(M)) for i in range(4)]",
     "your code raised IndexError"),
    ("six captions only", "return (s[:, :6] >= own[:, None]).sum(dim=1)", "8×8"),
    ("no single picture", "return (s >= own[:, None]).sum(dim=1).squeeze()",
     r"has shape \(\), expected \(1,\)"),
    ("by heart", "return [1, 3, 2, 4]", r"has shape \(4,\), expected \(2,\)"),
    ("changes what it is given", "s -= own.clone()[:, None]\n    return (s >= 0).sum(dim=1)",
     "caption_ranks changes `s`"),
    ("no return", "ranks = (s >= own[:, None]).sum(dim=1)", "is None"),
    ("index beyond the end", "return [s[k, M] for k in range(N)]", "your code raised IndexError"),
]  # fmt: skip

RANKS_WRONG_IN_HIDING = [
    ("twenty captions only", "return (s[:, :20] >= own[:, None]).sum(dim=1)", "40×60"),
]  # fmt: skip

RANKS_RIGHT = [
    ("loops", "return [sum(x >= row[i] for x in row) for i, row in enumerate(s.tolist())]"),
    ("sorting", "ordered = s.sort(dim=1).values\n"
     "    return M - torch.searchsorted(ordered, own[:, None].contiguous())[:, 0]"),
    ("numpy", "s = s.numpy()\n    return (s >= s.diagonal()[:, None]).sum(axis=1)"),
    ("the other way round", "return M - (s < own[:, None]).sum(dim=1)"),
    ("one more for each rival", "rivals = (s >= own[:, None]) & ~torch.eye(N, M).bool()\n"
     "    return 1.0 + rivals.sum(dim=1)"),
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
    ("by heart", "return 0.1448179", "the own caption's share"),
    ("rounded", "return round((own - other) / log((N - 1) * p / (1 - p)), 3)", "is 0.145, expect"),
    ("eight captions only", "return (own - other) / log(7 * p / (1 - p))", "0.4, -0.2, 2"),
    ("cosines are positive", "return (own - abs(other)) / log((N - 1) * p / (1 - p))",
     "0.4, -0.2, 2"),
    ("own is positive", "return (abs(own) - other) / log((N - 1) * p / (1 - p))",
     "-0.3, -0.4, 1000"),
    ("difference of sizes", "return abs(abs(own) - abs(other)) / log((N - 1) * p / (1 - p))",
     "0.4, -0.2, 2"),
    ("at most 1", "return min(1, (own - other) / log((N - 1) * p / (1 - p)))", "1, -1, 8"),
    ("a search up to one half", "low, high = 1e-4, 0.5\n"
     "    for _ in range(100):\n"
     "        tau = (low + high) / 2\n"
     "        got = 1 / (1 + (N - 1) * exp(min(700, (other - own) / tau)))\n"
     "        low, high = (tau, high) if got > p else (low, tau)\n"
     "    return tau", "share"),
    ("approximately", "return (own - other) / log(N * p / (1 - p) - 0.9 * p / (1 - p))", "is 0.14"),
    ("whole numbers", "return int(own - other) / log((N - 1) * p / (1 - p))", "is 0, expected"),
    ("all probabilities", "return [p] + [(1 - p) / (N - 1)] * (N - 1)",
     r"has shape \(8,\), expected \(\)"),
    ("no return", "tau = (own - other) / log((N - 1) * p / (1 - p))", "is None"),
]  # fmt: skip

TEMPERATURES_WRONG_IN_HIDING = [
    ("at most 1,000 captions", "N = min(N, 1000)\n"
     "    return (own - other) / log((N - 1) * p / (1 - p))", "32768"),
]  # fmt: skip

TEMPERATURES_RIGHT = [
    ("difference of logarithms",
     "return (own - other) / (log(p) - log(1 - p) + log(N - 1))"),
    ("torch", "return (own - other) / torch.tensor((N - 1) * p / (1 - p)).log()"),
    ("numpy", "import numpy as np\n"
     "    return np.float32(own - other) / np.log((N - 1) * p / (1 - p), dtype=np.float64)"),
    ("bisection", "low, high = 1e-4, 1e4\n"
     "    for _ in range(200):\n"
     "        tau = (low * high) ** 0.5\n"
     "        got = 1 / (1 + (N - 1) * exp(min(700, (other - own) / tau)))\n"
     "        low, high = (tau, high) if got > p else (low, tau)\n"
     "    return tau"),
]  # fmt: skip


WRITTEN = {GRID: cosine_grid, RANKS: caption_ranks, TEMPERATURE: which_temperature}
NOT_ANSWERED = [
    (RANKS, "blank", "def caption_ranks(s):\n    raise NotImplementedError()", "not written yet"),
    (RANKS, "not run", "", "run the cell of the exercise first"),
]


def whole(**answers: list) -> list:
    """Cases with their exercise, and their answers as functions."""
    by_name = {"grid": GRID, "ranks": RANKS, "temperature": TEMPERATURE}
    return [
        (by_name[name], label, WRITTEN[by_name[name]](body), *hint)
        for name, cases in answers.items()
        for label, body, *hint in cases
    ]


CASES_WRONG = NOT_ANSWERED + whole(
    grid=GRIDS_WRONG, ranks=RANKS_WRONG, temperature=TEMPERATURES_WRONG
)
CASES_WRONG_ONLY_IN_HIDING = whole(
    grid=GRIDS_WRONG_IN_HIDING,
    ranks=RANKS_WRONG_IN_HIDING,
    temperature=TEMPERATURES_WRONG_IN_HIDING,
)
CASES_RIGHT = whole(grid=GRIDS_RIGHT, ranks=RANKS_RIGHT, temperature=TEMPERATURES_RIGHT)


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
