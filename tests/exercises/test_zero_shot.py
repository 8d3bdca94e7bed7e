"""The exercises of the chapter on zero-shot: the page's own check cells turn typical wrong answers
down, with a sentence that points at the mistake, and let right ones pass."""

import pytest

from clipbook.exercises import CheckFailed, check, close

from .chapter import Exercise, labels

CHAPTER = "pairs/zero-shot"
ENSEMBLE = Exercise(CHAPTER, "ensemble")
RECALL = Exercise(CHAPTER, "true-recall")
NONE = Exercise(CHAPTER, "none-of-these")


def ensemble(body: str) -> str:
    return f"def ensemble(embeddings):\n    mean = embeddings.mean(dim=0)\n    {body}"


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
    (ENSEMBLE, "no length", ensemble("return mean"), "back to unit length"),
    (ENSEMBLE, "a sum", ensemble("return embeddings.sum(dim=0)"), "a sum is longer"),
    (ENSEMBLE, "over classes", ensemble(
        "mean = embeddings.mean(dim=1)\n    return mean / mean.norm(dim=-1, keepdim=True)"),
     "over the classes"),
    (ENSEMBLE, "one length", ensemble("return mean / mean.norm()"), "row by row"),
    (ENSEMBLE, "columns", ensemble("return mean / mean.norm(dim=0)"), "down the columns"),
    (ENSEMBLE, "sum of 1", ensemble("return mean / mean.sum(dim=-1, keepdim=True)"),
     "sum of squares"),
    (ENSEMBLE, "first", ensemble("return embeddings[0]"), "only the first"),
    (ENSEMBLE, "last", ensemble("return embeddings[-1]"), "only the last"),
    (ENSEMBLE, "squares", ensemble("return mean / (mean**2).sum(dim=-1, keepdim=True)"),
     "not by its square"),
    (ENSEMBLE, "no keepdim", ensemble("return mean / mean.norm(dim=-1)"),
     "raised RuntimeError in ensemble, line 3"),
    (ENSEMBLE, "no return", ensemble("mean / mean.norm(dim=-1, keepdim=True)"), "is None"),
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
]  # fmt: skip

WRONG_ONLY_IN_HIDING = [
    (ENSEMBLE, "two templates", ensemble(
        "both = embeddings[0] + embeddings[1]\n"
        "    return both / both.norm(dim=-1, keepdim=True)"), "1 templates|IndexError"),
    (ENSEMBLE, "changes what it is given", ensemble(
        "embeddings *= 2\n    return mean / mean.norm(dim=-1, keepdim=True)"), "copy them"),
    (RECALL, "by heart", true_recall("return 5 / 6"), "k=1"),
    (RECALL, "always two", true_recall(
        "found = true.gather(1, similarities.topk(2, dim=1).indices)\n"
        "    return found.any(dim=1).float().mean()"), "k=1"),
    (RECALL, "one too many", true_recall(
        "found = true.gather(1, similarities.argsort(dim=1, descending=True)[:, : k + 1])\n"
        "    return found.any(dim=1).float().mean()"), "k=1"),
    (NONE, "a number by heart", none_of_these(CHOOSE, "0.5"), "50 pictures|strange"),
    (NONE, "of the first known", none_of_these(CHOOSE, "known[1].max()"), "50 pictures"),
    (NONE, "changes what it is given", none_of_these(
        "similarities[best < threshold] = -1\n"
        "    return torch.where(best < threshold, -1, answers)"), "copy them"),
]  # fmt: skip

RIGHT = [
    (ENSEMBLE, "normalize", ensemble("return torch.nn.functional.normalize(mean, dim=-1)")),
    (ENSEMBLE, "loop", "def ensemble(embeddings):\n"
        "    rows = []\n"
        "    for k in range(embeddings.shape[1]):\n"
        "        total = sum(embeddings[:, k])\n"
        "        rows.append(total / (total @ total).sqrt())\n"
        "    return torch.stack(rows)"),
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
    names |= {"check": check, "close": close}
    for cell in (exercise.visible, exercise.hidden):
        with pytest.raises(CheckFailed, match="not written yet"):
            exec(cell, dict(names))
