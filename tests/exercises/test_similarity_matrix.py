"""The exercise of the chapter on the similarity matrix: the page's own check cells turn typical
wrong answers down, with a sentence that points at the mistake, and let right ones pass."""

import pytest
import torch

from .chapter import Exercise

RANKS = Exercise("pairs/similarity-matrix", "caption-ranks")

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


@pytest.mark.parametrize("name", WRONG)
def test_visible_check_turns_the_mistake_down_and_names_it(name):
    answer, hint = WRONG[name]
    RANKS.assert_refused(answer, hint)


@pytest.mark.parametrize("name", WRONG_ONLY_IN_HIDING)
def test_hidden_check_turns_down_what_the_visible_one_cannot_see(name):
    answer, hint = WRONG_ONLY_IN_HIDING[name]
    RANKS.assert_accepted(answer, hidden=False)
    RANKS.assert_refused(answer, hint, hidden=True)


@pytest.mark.parametrize("name", RIGHT)
def test_right_answer_written_otherwise_passes_both_checks(name):
    RANKS.assert_accepted(RIGHT[name])


def test_solution_of_the_page_passes_both_checks():
    RANKS.assert_accepted(RANKS.solution)


def test_ranks_agree_with_the_package_s_recall():
    from clipbook.evaluation import recall_at_k

    similarities = torch.rand(20, 20, generator=torch.Generator().manual_seed(0))
    ranks = RANKS.define(RANKS.solution)["caption_ranks"](similarities)
    for k in (1, 3, 20):
        share = (ranks <= k).float().mean().item()
        assert share == pytest.approx(recall_at_k(similarities, k)[0])
