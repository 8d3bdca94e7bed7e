"""The exercises of the chapter on the contrastive loss: the page's own check cells turn typical
wrong answers down, with a sentence that points at the mistake, and let right ones pass."""

import pytest

from clipbook.exercises import CheckFailed, check, close

from .chapter import Exercise, labels

CHAPTER = "pairs/contrastive-loss"
LOSS = Exercise(CHAPTER, "picture-loss")
GRADIENT = Exercise(CHAPTER, "loss-gradient")
FLOOR = Exercise(CHAPTER, "loss-floor")


def picture_loss(body: str) -> str:
    return f"def picture_loss(logits):\n    P = logits.softmax(dim=1)\n    {body}"


def loss_gradient(body: str) -> str:
    return (
        "def loss_gradient(logits):\n"
        "    N, eye = len(logits), torch.eye(len(logits))\n"
        "    rows, columns = logits.softmax(dim=1), logits.softmax(dim=0)\n"
        f"    {body}"
    )


def loss_floor(body: str) -> str:
    return (
        "from collections import Counter\nfrom math import log, log2\n\n\n"
        "def loss_floor(captions):\n"
        "    counts, N = Counter(captions), len(captions)\n"
        f"    {body}"
    )


WRONG = [
    (LOSS, "along columns", picture_loss(
        "return (logits.logsumexp(dim=0) - logits.diagonal()).mean()"), "choose along rows"),
    (LOSS, "both sides", picture_loss(
        "return ((logits.logsumexp(0) + logits.logsumexp(1)) / 2 - logits.diagonal()).mean()"),
     "only the pictures' side"),
    (LOSS, "a sum", picture_loss("return -P.diagonal().log().sum()"), "not the sum"),
    (LOSS, "log of the mean", picture_loss("return -P.diagonal().mean().log()"),
     "first the logarithm"),
    (LOSS, "sign", picture_loss("return P.diagonal().log().mean()"), "minus the logarithm"),
    (LOSS, "base 2", picture_loss("return -P.diagonal().log2().mean()"), "natural logarithm"),
    (LOSS, "probabilities", picture_loss("return P.diagonal().mean()"), "logarithm of the prob"),
    (LOSS, "own cell left out", picture_loss(
        "rest = logits.masked_fill(torch.eye(len(logits)).bool(), -torch.inf)\n"
        "    return (rest.logsumexp(dim=1) - logits.diagonal()).mean()"),
     "own caption is in the sum"),
    (LOSS, "all cells", picture_loss("return -P.log().mean()"), "only the own cells"),
    (LOSS, "softmax twice", picture_loss(
        "return -P.softmax(dim=1).diagonal().log().mean()"), "taken twice"),
    (LOSS, "one softmax", picture_loss(
        "P = logits.flatten().softmax(dim=0).reshape(logits.shape)\n"
        "    return -P.diagonal().log().mean()"), "each row has its own softmax"),
    (LOSS, "own logit forgotten", picture_loss("return logits.logsumexp(dim=1).mean()"),
     "subtract the own logit"),
    (LOSS, "a cost each", picture_loss("return -P.diagonal().log()"), "one number"),
    (LOSS, "no return", picture_loss("loss = -P.diagonal().log().mean()"), "is None"),
    (GRADIENT, "downhill", loss_gradient("return (2 * eye - rows - columns) / (2 * N)"),
     "goes downhill"),
    (GRADIENT, "not halved", loss_gradient("return (rows + columns - 2 * eye) / N"),
     "mean of both sides"),
    (GRADIENT, "not over N", loss_gradient("return (rows + columns - 2 * eye) / 2"),
     "mean over N pairs"),
    (GRADIENT, "a sum", loss_gradient("return rows + columns - 2 * eye"), "divide by 2N"),
    (GRADIENT, "over all cells", loss_gradient(
        "return (rows + columns - 2 * eye) / (2 * N * N)"), "once too often"),
    (GRADIENT, "no identity", loss_gradient("return (rows + columns) / (2 * N)"),
     "yours subtracts none"),
    (GRADIENT, "one identity", loss_gradient("return (rows + columns - eye) / (2 * N)"),
     "yours subtracts one"),
    (GRADIENT, "rows", loss_gradient("return (rows - eye) / N"), "captions' side is missing$"),
    (GRADIENT, "half of rows", loss_gradient("return (rows - eye) / (2 * N)"),
     "captions' side is missing, and"),
    (GRADIENT, "columns", loss_gradient("return (columns - eye) / N"),
     "pictures' side is missing$"),
    (GRADIENT, "half of columns", loss_gradient("return (columns - eye) / (2 * N)"),
     "pictures' side is missing, and"),
    (GRADIENT, "transposed", loss_gradient("return (rows + columns - 2 * eye).T / (2 * N)"),
     "transposed"),
    (GRADIENT, "one number", loss_gradient("return (rows + columns - 2 * eye).mean()"),
     r"has shape \(\), expected \(3, 3\)"),
    (FLOOR, "over groups", loss_floor(
        "return sum(log(c) for c in counts.values()) / len(counts)"), "counts c times"),
    (FLOOR, "each group once", loss_floor(
        "return sum(log(c) for c in counts.values()) / N"), "multiply a group's cost"),
    (FLOOR, "a guess among all", loss_floor("return log(N)"), "guess among all"),
    (FLOOR, "a guess among groups", loss_floor("return log(len(counts))"), "different captions"),
    (FLOOR, "log of the mean", loss_floor(
        "return log(sum(counts[c] for c in captions) / N)"), "first the logarithm"),
    (FLOOR, "base 2", loss_floor("return sum(log2(counts[c]) for c in captions) / N"),
     "natural logarithm"),
    (FLOOR, "largest group", loss_floor("return log(max(counts.values()))"), "largest group"),
    (FLOOR, "a sum", loss_floor("return sum(log(counts[c]) for c in captions)"), "not the sum"),
    (FLOOR, "both sides added", loss_floor(
        "return 2 * sum(log(counts[c]) for c in captions) / N"), "mean of both sides"),
    (FLOOR, "neighbours", loss_floor(
        "from itertools import groupby\n"
        "    runs = [len(list(run)) for _, run in groupby(captions)]\n"
        "    return sum(c * log(c) for c in runs) / N"), "needn't be neighbours"),
    (FLOOR, "other copies", loss_floor("return sum(counts[c] - 1 for c in captions) / N"),
     "ln c, not the number of other"),
    (FLOOR, "no logarithm", loss_floor("return sum(counts[c] for c in captions) / N"),
     "ln c, not c"),
    (FLOOR, "sign", loss_floor("return -sum(log(counts[c]) for c in captions) / N"),
     "a floor is positive"),
    (FLOOR, "entropy", loss_floor("return -sum(log(counts[c] / N) for c in captions) / N"),
     "share of the batch"),
    (FLOOR, "zero", loss_floor("return 0.0"), "above 0"),
]  # fmt: skip

WRONG_ONLY_IN_HIDING = [
    (LOSS, "by heart", picture_loss("return 1.3178219"), "7×7"),
    (LOSS, "naive powers", picture_loss(
        "powers = logits.exp()\n"
        "    return -(powers.diagonal() / powers.sum(dim=1)).log().mean()"), "5×5|log-sum-exp"),
    (LOSS, "three rows only", picture_loss("return -P.diagonal()[:3].log().mean()"), "7×7"),
    (LOSS, "changes its logits", picture_loss(
        "logits -= logits.max(dim=1, keepdim=True).values\n"
        "    return (logits.logsumexp(dim=1) - logits.diagonal()).mean()"), "copy them"),
    (GRADIENT, "three pairs only", loss_gradient("return (rows + columns - 2 * eye) / 6"), "6×6"),
    (GRADIENT, "naive powers", loss_gradient(
        "powers = logits.exp()\n"
        "    both = powers / powers.sum(dim=1, keepdim=True) + powers / powers.sum(dim=0)\n"
        "    return (both - 2 * eye) / (2 * N)"), "large logits"),
    (FLOOR, "by heart", loss_floor("return 0.6688759"), "8 captions"),
    (FLOOR, "seven captions only", loss_floor("return sum(log(counts[c]) for c in captions) / 7"),
     "8 captions"),
    (FLOOR, "changes its list", loss_floor(
        "captions.sort()\n    return sum(log(counts[c]) for c in captions) / N"), "copy it"),
]  # fmt: skip

RIGHT = [
    (LOSS, "log-softmax", picture_loss("return -logits.log_softmax(dim=1).diagonal().mean()")),
    (LOSS, "differences", picture_loss(
        "gaps = logits - logits.diagonal()[:, None]\n    return gaps.logsumexp(dim=1).mean()")),
    (LOSS, "loops", "import math\n\n\n"
        "def picture_loss(logits):\n"
        "    total = 0.0\n"
        "    for i, row in enumerate(logits.tolist()):\n"
        "        m = max(row)\n"
        "        total += m + math.log(sum(math.exp(x - m) for x in row)) - row[i]\n"
        "    return total / len(logits)"),
    (GRADIENT, "side by side", loss_gradient(
        "return ((rows - eye) / N + (columns - eye) / N) / 2")),
    (GRADIENT, "on the diagonal", loss_gradient(
        "gradient = rows + columns\n"
        "    gradient.fill_diagonal_(0)\n"
        "    gradient += torch.diag(rows.diagonal() + columns.diagonal() - 2)\n"
        "    return gradient / (2 * N)")),
    (FLOOR, "over groups", loss_floor("return sum(c * log(c) for c in counts.values()) / N")),
    (FLOOR, "equality", loss_floor(
        "same = torch.tensor([[a == b for b in captions] for a in captions])\n"
        "    return same.sum(dim=1).log().mean()")),
]  # fmt: skip

EXERCISES = [LOSS, GRADIENT, FLOOR]


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
    names |= {"check": check, "close": close}
    for cell in (exercise.visible, exercise.hidden):
        with pytest.raises(CheckFailed, match="not written yet"):
            exec(cell, dict(names))
