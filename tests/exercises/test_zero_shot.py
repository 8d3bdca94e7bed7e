"""The exercises of the chapter on zero-shot: the page's own check cells turn typical wrong answers
down, with a sentence that points at the mistake, and let right ones pass."""

import pytest

from clipbook.exercises import CheckFailed, ask, check, close

from .chapter import Exercise, labels

CHAPTER = "pairs/zero-shot"
ENSEMBLE = Exercise(CHAPTER, "ensemble")
RECALL = Exercise(CHAPTER, "true-recall")
NONE = Exercise(CHAPTER, "none-of-these")


def ensemble(body: str) -> str:
    return (
        "def ensemble(sentences, weights):\n"
        "    units = sentences / sentences.norm(dim=-1, keepdim=True)\n"
        "    total = (weights[:, None, None] * units).sum(dim=0)\n"
        f"    {body}"
    )


END = "return total / total.norm(dim=-1, keepdim=True)"


def true_recall(body: str) -> str:
    return (
        "def true_recall(similarities, true, k):\n"
        "    columns = similarities.topk(k, dim=1).indices\n"
        "    found = true.gather(1, columns)\n"
        f"    {body}"
    )


def none_of_these(body: str, threshold: str = "known.max(dim=1).values.min()") -> str:
    return (
        "def none_of_these(similarities, known):\n"
        f"    threshold = {threshold}\n"
        "    best, answers = similarities.max(dim=1)\n"
        f"    {body}"
    )


CHOOSE = "return torch.where(best < threshold, -1, answers)"

WRONG = [
    (ENSEMBLE, "no length", ensemble("return total"), "back to unit length"),
    (ENSEMBLE, "a mean", ensemble("return total / weights.sum()"), "a mean is not of unit length"),
    (ENSEMBLE, "long ones", ensemble(
        f"total = (weights[:, None, None] * sentences).sum(dim=0)\n    {END}"), "long sentences"),
    (ENSEMBLE, "no weights", ensemble(f"total = units.sum(dim=0)\n    {END}"),
     "weights are missing"),
    (ENSEMBLE, "weights turned", ensemble(
        f"total = (weights.flip(0)[:, None, None] * units).sum(dim=0)\n    {END}"), "turned round"),
    (ENSEMBLE, "softmax", ensemble(
        "weights = weights.softmax(dim=0)\n"
        f"    total = (weights[:, None, None] * units).sum(dim=0)\n    {END}"),
     "without a softmax"),
    (ENSEMBLE, "heaviest", ensemble("return units[weights.argmax()]"), "only the heaviest"),
    (ENSEMBLE, "last", ensemble("return units[-1]"), "only the last"),
    (ENSEMBLE, "one length", ensemble("return total / total.norm()"), "row by row"),
    (ENSEMBLE, "columns", ensemble("return total / total.norm(dim=0)"), "down the columns"),
    (ENSEMBLE, "sum of 1", ensemble("return total / total.sum(dim=-1, keepdim=True)"),
     "sum of squares"),
    (ENSEMBLE, "squares", ensemble("return total / (total**2).sum(dim=-1, keepdim=True)"),
     "not by its square"),
    (ENSEMBLE, "no keepdim", ensemble("return total / total.norm(dim=-1)"),
     "raised RuntimeError in ensemble, line 4"),
    (ENSEMBLE, "no return", ensemble("total / total.norm(dim=-1, keepdim=True)"), "is None"),
    (ENSEMBLE, "complex", ensemble(f"{END} + 0j"), "complex"),
    (ENSEMBLE, "two templates", ensemble(
        f"total = weights[0] * units[0] + weights[1] * units[1]\n    {END}"),
     "5 templates|5 times"),
    (ENSEMBLE, "three classes", ensemble(f"total = total[:3]\n    {END}"), "5 templates"),
    (ENSEMBLE, "2 numbers", ensemble(
        "return total / (total[:, :1] ** 2 + total[:, 1:2] ** 2).sqrt()"), "5 templates"),
    (ENSEMBLE, "unit by the root of 2", ensemble("return total / 13.6**0.5"), "1.03"),
    (ENSEMBLE, "by heart", "def ensemble(sentences, weights):\n"
     "    return [[0.7592566, 0.6507914], [0.2169305, 0.9761871], [0.9877627, 0.1559625]]",
     "5 templates"),
    (ENSEMBLE, "weights that add up to 4", ensemble(
        f"total = total + (weights.sum() - 4) * units[0]\n    {END}"), "5 templates"),
    (ENSEMBLE, "changes the weights", ensemble(f"weights /= weights.sum()\n    {END}"),
     "changes `weights`"),
    (ENSEMBLE, "changes the sentences", ensemble(f"sentences *= 2\n    {END}"),
     "changes `sentences`"),
    (RECALL, "own", true_recall(
        "rank = (similarities >= similarities.diagonal()[:, None]).sum(dim=1)\n"
        "    return (rank <= k).float().mean()"), "only the own one"),
    (RECALL, "first", true_recall("return found[:, 0].float().mean()"), "only at the first"),
    (RECALL, "precision", true_recall("return found.float().mean()"), "the share that are"),
    (RECALL, "count", true_recall("return found.sum(dim=1).float().mean()"), "counted twice"),
    (RECALL, "number", true_recall("return found.any(dim=1).sum()"), "not their number"),
    (RECALL, "share of the true", true_recall(
        "return (found.sum(dim=1) / true.sum(dim=1).clamp(min=1)).mean()"), "how many of the true"),
    (RECALL, "captions", true_recall("return found.sum() / true.sum()"), "counts captions"),
    (RECALL, "all true", true_recall("return found.all(dim=1).float().mean()"),
     "wants all k to be true"),
    (RECALL, "all found", true_recall(
        "return (found.sum(dim=1) == true.sum(dim=1)).float().mean()"), "all of them found"),
    (RECALL, "columns", true_recall(
        "rows = similarities.topk(k, dim=0).indices\n"
        "    return true.gather(0, rows).any(dim=0).float().mean()"), "goes along columns"),
    (RECALL, "least", true_recall(
        "columns = (-similarities).topk(k, dim=1).indices\n"
        "    return true.gather(1, columns).any(dim=1).float().mean()"), "not the least"),
    (RECALL, "only describable", true_recall(
        "return found.any(dim=1).sum() / true.any(dim=1).sum()"), "see row 3"),
    (RECALL, "a value each", true_recall("return found.any(dim=1).float()"),
     r"has shape \(6,\), expected \(\)"),
    (RECALL, "by heart", true_recall("return 5 / 6"), "4×9 grid, k=1"),
    (RECALL, "always two", true_recall(
        "found = true.gather(1, similarities.topk(min(2, true.shape[1]), dim=1).indices)\n"
        "    return found.any(dim=1).float().mean()"), "k=1"),
    (RECALL, "one too many", true_recall(
        "found = true.gather(1, similarities.argsort(dim=1, descending=True)[:, : k + 1])\n"
        "    return found.any(dim=1).float().mean()"), "k=1 is 1"),
    (RECALL, "over 6 pictures", true_recall("return found.any(dim=1).sum() / 6"), "4×9 grid"),
    (RECALL, "over the captions", true_recall(
        "return found.any(dim=1).sum() / true.shape[1]"), "is 0.7143"),
    (RECALL, "only above 0", true_recall(
        "found = found & (similarities.topk(k, dim=1).values > 0)\n"
        "    return found.any(dim=1).float().mean()"), "grid, k="),
    (RECALL, "changes the grid", true_recall(
        "similarities[true] = 0\n    return found.any(dim=1).float().mean()"),
     "changes `similarities`"),
    (RECALL, "changes the truth", true_recall(
        "true[:] = False\n    return found.any(dim=1).float().mean()"), "changes `true`"),
    (NONE, "no threshold", none_of_these("return answers"), "nothing is refused"),
    (NONE, "on the threshold", none_of_these(
        "return torch.where(best > threshold, answers, -1)"), "exactly on the threshold"),
    (NONE, "turned round", none_of_these(
        "return torch.where(best < threshold, answers, -1)"), "refuses those above"),
    (NONE, "highest", none_of_these(CHOOSE, "known.max()"), "not the highest"),
    (NONE, "mean", none_of_these(CHOOSE, "known.max(dim=1).values.mean()"), "not the mean"),
    (NONE, "median", none_of_these(CHOOSE, "known.max(dim=1).values.median()"), "not the mean"),
    (NONE, "lowest of all", none_of_these(CHOOSE, "known.min()"), "first the best of each"),
    (NONE, "best of each class", none_of_these(CHOOSE, "known.max(dim=0).values.min()"),
     "first the best of each known picture"),
    (NONE, "of the new pictures", none_of_these(CHOOSE, "similarities.max(dim=1).values.min()"),
     "nothing is refused"),
    (NONE, "zero", none_of_these("return torch.where(best < threshold, 0, answers)"),
     "0 is a class"),
    (NONE, "C", none_of_these(
        "return torch.where(best < threshold, similarities.shape[1], answers)"), "not C"),
    (NONE, "from 1", none_of_these("return torch.where(best < threshold, -1, answers + 1)"),
     "counted from 0"),
    (NONE, "least", none_of_these(
        "return torch.where(best < threshold, -1, similarities.argmin(dim=1))"), "not the least"),
    (NONE, "similarities", none_of_these("return torch.where(best < threshold, -1, best)"),
     "not similarities"),
    (NONE, "left out", none_of_these("return answers[best >= threshold]"), "keep their place"),
    (NONE, "no return", none_of_these("answers[best < threshold] = -1"), "is None"),
    (NONE, "a number by heart", none_of_these(CHOOSE, "0.5"), "lower by 0.75"),
    (NONE, "of the first known", none_of_these(CHOOSE, "known[1 % len(known)].max()"),
     "the known pictures' answers"),
    (NONE, "zero where all is negative", none_of_these(
        CHOOSE, "known.max(dim=1).values.min().clamp(min=0)"), "lower by 0.75"),
    (NONE, "changes what it is given", none_of_these(
        f"similarities[best < threshold] = -1\n    {CHOOSE}"), "changes `similarities`"),
    (NONE, "changes the known", none_of_these(f"known.sort()\n    known[0] = 0\n    {CHOOSE}"),
     "changes `known`"),
]  # fmt: skip

WRONG_ONLY_IN_HIDING = [
    (RECALL, "small grids only", true_recall(
        "if similarities.shape[1] > 9:\n        return 0.5\n"
        "    return found.any(dim=1).float().mean()"), "k="),
    (NONE, "50 at once", none_of_these(f"similarities = similarities[:20]\n"
        "    best, answers = similarities.max(dim=1)\n"
        f"    {CHOOSE}"), "50 pictures"),
]  # fmt: skip

RIGHT = [
    (ENSEMBLE, "normalize", "from torch.nn.functional import normalize\n\n\n"
        "def ensemble(sentences, weights):\n"
        "    weighted = normalize(sentences, dim=2) * weights.view(-1, 1, 1)\n"
        "    return normalize(weighted.mean(dim=0), dim=1)"),
    (ENSEMBLE, "einsum", ensemble(f"total = torch.einsum('t,tcd->cd', weights, units)\n    {END}")),
    (ENSEMBLE, "numpy", "import numpy as np\n\n\n"
        "def ensemble(sentences, weights):\n"
        "    s, w = sentences.double().numpy(), weights.double().numpy()\n"
        "    units = s / np.linalg.norm(s, axis=-1, keepdims=True)\n"
        "    total = np.tensordot(w, units, axes=1)\n"
        "    return total / np.linalg.norm(total, axis=-1, keepdims=True)"),
    (ENSEMBLE, "loop", "def ensemble(sentences, weights):\n"
        "    rows = []\n"
        "    for k in range(sentences.shape[1]):\n"
        "        total = sum(w * s / (s @ s).sqrt() for w, s in zip(weights, sentences[:, k]))\n"
        "        rows.append((total / (total @ total).sqrt()).tolist())\n"
        "    return rows"),
    (RECALL, "ranks", true_recall(
        "rank = similarities.argsort(dim=1, descending=True).argsort(dim=1)\n"
        "    return ((rank < k) & true).any(dim=1).double().mean()")),
    (RECALL, "best true one", true_recall(
        "best = similarities.masked_fill(~true, -torch.inf).max(dim=1).values\n"
        "    higher = (similarities > best[:, None]).sum(dim=1)\n"
        "    return ((higher < k) & true.any(dim=1)).float().mean().item()")),
    (NONE, "in place", none_of_these("answers[best < threshold] = -1\n    return answers")),
    (NONE, "loop", none_of_these(
        "return [int(row.argmax()) if row.max() >= threshold else -1 for row in similarities]",
        "min(row.max() for row in known)")),
]  # fmt: skip

EXERCISES = [ENSEMBLE, RECALL, NONE]


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
    names |= {"ask": ask, "check": check, "close": close}
    for cell in (exercise.visible, exercise.hidden):
        with pytest.raises(CheckFailed, match="not written yet"):
            exec(cell, dict(names))
