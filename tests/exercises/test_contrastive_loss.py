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
    return (
        "def picture_loss(logits, right):\n"
        "    (N, M), P = logits.shape, logits.softmax(dim=1)\n"
        "    own, p = logits[range(N), right], P[range(N), right]\n"
        "    rows, columns = logits.logsumexp(dim=1), logits.logsumexp(dim=0)\n"
        f"    {body}"
    )


def loss_gradient(body: str) -> str:
    return (
        "def loss_gradient(cosines, scale):\n"
        "    N, eye, L = len(cosines), torch.eye(len(cosines)), scale * cosines\n"
        "    rows, columns = L.softmax(dim=1), L.softmax(dim=0)\n"
        f"    {body}"
    )


def loss_floor(body: str) -> str:
    return (
        "from collections import Counter\nfrom math import log, log2\n\n\n"
        "def loss_floor(captions):\n"
        "    read = [tuple(caption.split()[:4]) for caption in captions]\n"
        "    counts, N = Counter(read), len(read)\n"
        f"    {body}"
    )


NAIVE = "powers = logits.exp()\n    "
WRONG = [
    (LOSS, "along columns", picture_loss("return (columns[right] - own).mean()"), "along rows"),
    (LOSS, "both sides", picture_loss("return ((rows + columns[right]) / 2 - own).mean()"),
     "only the pictures' side"),
    (LOSS, "a sum", picture_loss("return -p.log().sum()"), "not the sum"),
    (LOSS, "log of the mean", picture_loss("return -p.mean().log()"), "first the logarithm"),
    (LOSS, "sign", picture_loss("return p.log().mean()"), "minus the logarithm"),
    (LOSS, "base 2", picture_loss("return -p.log2().mean()"), "natural logarithm"),
    (LOSS, "probabilities", picture_loss("return p.mean()"), "logarithm of the prob"),
    (LOSS, "own cell left out", picture_loss(
        "rest = logits.clone()\n"
        "    rest[range(N), right] = -torch.inf\n"
        "    return (rest.logsumexp(dim=1) - own).mean()"), "own caption is in the sum"),
    (LOSS, "all cells", picture_loss("return -P.log().mean()"), "only the own cells"),
    (LOSS, "softmax twice", picture_loss(
        "return -P.softmax(dim=1)[range(N), right].log().mean()"), "taken twice"),
    (LOSS, "one softmax", picture_loss(
        "P = logits.flatten().softmax(dim=0).reshape(logits.shape)\n"
        "    return -P[range(N), right].log().mean()"), "each row has its own softmax"),
    (LOSS, "own logit forgotten", picture_loss("return rows.mean()"), "subtract the own logit"),
    (LOSS, "a cost each", picture_loss("return -p.log()"), "one number"),
    (LOSS, "no return", picture_loss("loss = -p.log().mean()"), "is None"),
    (LOSS, "PyTorch's", "def picture_loss(logits, right):\n"
     "    return torch.nn.functional.cross_entropy(logits, right)", "without `cross_entropy`"),
    (GRADIENT, "downhill", loss_gradient("return scale * (2 * eye - rows - columns) / (2 * N)"),
     "goes downhill"),
    (GRADIENT, "not halved", loss_gradient("return scale * (rows + columns - 2 * eye) / N"),
     "mean of both sides"),
    (GRADIENT, "not over N", loss_gradient("return scale * (rows + columns - 2 * eye) / 2"),
     "mean over N pairs"),
    (GRADIENT, "a sum", loss_gradient("return scale * (rows + columns - 2 * eye)"),
     "divide by 2N"),
    (GRADIENT, "over all cells", loss_gradient(
        "return scale * (rows + columns - 2 * eye) / (2 * N * N)"), "N once too often"),
    (GRADIENT, "no identity", loss_gradient("return scale * (rows + columns) / (2 * N)"),
     "yours subtracts none"),
    (GRADIENT, "one identity", loss_gradient("return scale * (rows + columns - eye) / (2 * N)"),
     "yours subtracts one"),
    (GRADIENT, "rows", loss_gradient("return scale * (rows - eye) / N"),
     "captions' side is missing;"),
    (GRADIENT, "half of rows", loss_gradient("return scale * (rows - eye) / (2 * N)"),
     "captions' side is missing, and"),
    (GRADIENT, "columns", loss_gradient("return scale * (columns - eye) / N"),
     "pictures' side is missing;"),
    (GRADIENT, "half of columns", loss_gradient("return scale * (columns - eye) / (2 * N)"),
     "pictures' side is missing, and"),
    (GRADIENT, "transposed", loss_gradient(
        "return scale * (rows + columns - 2 * eye).T / (2 * N)"), "transposed"),
    (GRADIENT, "in the logits", loss_gradient("return (rows + columns - 2 * eye) / (2 * N)"),
     "gradient in the logits"),
    (GRADIENT, "without scale", "def loss_gradient(cosines, scale):\n"
     "    N = len(cosines)\n"
     "    both = cosines.softmax(dim=1) + cosines.softmax(dim=0)\n"
     "    return (both - 2 * torch.eye(N)) / (2 * N)", "where is the scale"),
    (GRADIENT, "autograd", "from clipbook.pairs import info_nce\n\n\n"
     "def loss_gradient(cosines, scale):\n"
     "    cosines = cosines.clone().requires_grad_()\n"
     "    info_nce(scale * cosines).backward()\n"
     "    return cosines.grad", "without `backward`"),
    (FLOOR, "over groups", loss_floor(
        "return sum(log(c) for c in counts.values()) / len(counts)"), "counts c times"),
    (FLOOR, "each group once", loss_floor(
        "return sum(log(c) for c in counts.values()) / N"), "multiply a group's cost"),
    (FLOOR, "a guess among all", loss_floor("return log(N)"), "guess among all"),
    (FLOOR, "a guess among groups", loss_floor("return log(len(counts))"), "different captions"),
    (FLOOR, "log of the mean", loss_floor("return log(sum(counts[c] for c in read) / N)"),
     "first the logarithm"),
    (FLOOR, "base 2", loss_floor("return sum(log2(counts[c]) for c in read) / N"),
     "natural logarithm"),
    (FLOOR, "largest group", loss_floor("return log(max(counts.values()))"), "largest group"),
    (FLOOR, "a sum", loss_floor("return sum(log(counts[c]) for c in read)"), "not the sum"),
    (FLOOR, "both sides added", loss_floor("return 2 * sum(log(counts[c]) for c in read) / N"),
     "mean of both sides"),
    (FLOOR, "neighbours", loss_floor(
        "from itertools import groupby\n"
        "    runs = [len(list(run)) for _, run in groupby(read)]\n"
        "    return sum(c * log(c) for c in runs) / N"), "needn't be neighbours"),
    (FLOOR, "other copies", loss_floor("return sum(counts[c] - 1 for c in read) / N"),
     "ln c, not the number of other"),
    (FLOOR, "no logarithm", loss_floor("return sum(counts[c] for c in read) / N"), "ln c, not c"),
    (FLOOR, "sign", loss_floor("return -sum(log(counts[c]) for c in read) / N"),
     "a floor is positive"),
    (FLOOR, "entropy", loss_floor("return -sum(log(counts[c] / N) for c in read) / N"),
     "share of the batch"),
    (FLOOR, "whole captions", loss_floor(
        "return sum(log(captions.count(c)) for c in captions) / N"), "after the fourth word"),
]  # fmt: skip

MORE_WRONG = [  # which the class of tests/instructors/students.py needn't hand in
    (LOSS, "naive powers", picture_loss(
        NAIVE + "return -(powers[range(N), right] / powers.sum(dim=1)).log().mean()"),
     "not finite; use log-sum-exp"),
    (LOSS, "naive powers in float64", picture_loss(
        "powers = logits.double().exp()\n"
        "    return -(powers[range(N), right] / powers.sum(dim=1)).log().mean()"),
     "not finite; use log-sum-exp"),
    (LOSS, "Python's powers", "from math import exp, log\n\n\n"
     "def picture_loss(logits, right):\n"
     "    costs = [log(sum(map(exp, row))) - row[k]\n"
     "             for row, k in zip(logits.tolist(), right.tolist())]\n"
     "    return sum(costs) / len(costs)", "your code raised OverflowError"),
    (LOSS, "logarithm of softmax", picture_loss("return -p.log().mean()"),
     "not finite; use log-sum-exp"),
    (LOSS, "a small number added", picture_loss("return -(p + 1e-20).log().mean()"),
     "from -1,000 to 1,000 is"),
    (LOSS, "one maximum for all rows", picture_loss(
        "L = logits - logits.max()\n"
        "    return (L.exp().sum(dim=1).log() - L[range(N), right]).mean()"),
     "not finite; use log-sum-exp"),
    (LOSS, "cut at 50", picture_loss(
        "L = logits.clamp(-50, 50)\n"
        "    return (L.logsumexp(dim=1) - L[range(N), right]).mean()"), "from -1,000 to 1,000 is"),
    (LOSS, "maximum instead of log-sum-exp", picture_loss(
        "return (logits.max(dim=1).values - own).mean()"), r"right_3\) is 1.333"),
    (LOSS, "the diagonal", picture_loss("return (rows - logits.diagonal()).mean()"),
     "is in column right"),
    (LOSS, "rows and columns swapped", "def picture_loss(logits, right):\n"
     "    own = logits[right, torch.arange(len(right))]\n"
     "    return (logits.logsumexp(dim=1) - own).mean()", r"not logits\[right"),
    (LOSS, "over captions", picture_loss("return (rows - own).sum() / M"), "divides by the cap"),
    (LOSS, "one minus", picture_loss("return (1 - p).mean()"), r"right_3\) is"),
    (LOSS, "who is right", picture_loss("return (P.argmax(dim=1) == right).float().mean()"),
     r"right_3\) is"),
    (LOSS, "sorted", picture_loss(
        "return (rows - logits[range(N), right.sort().values]).mean()"), "in column right"),
    (LOSS, "a permutation", picture_loss(
        "order = right.argsort()\n"
        "    return (rows[order] - logits[order].diagonal()).mean()"), "6×6"),
    (LOSS, "three pictures", picture_loss("return -p.log().sum() / 3"), "6×6"),
    (LOSS, "by heart", picture_loss("return 1.733761"), "1×1"),
    (LOSS, "PyTorch's module", "def picture_loss(logits, right):\n"
     "    return torch.nn.CrossEntropyLoss()(logits, right)", "without `cross_entropy`"),
    (LOSS, "PyTorch's other half", picture_loss(
        "return torch.nn.functional.nll_loss(logits.log_softmax(dim=1), right)"),
     "without `nll_loss`"),
    (LOSS, "changes its logits", picture_loss(
        "logits -= logits.max(dim=1, keepdim=True).values\n"
        "    return (logits.logsumexp(dim=1) - logits[range(N), right]).mean()"),
     "picture_loss changes `logits`"),
    (LOSS, "changes the places", picture_loss("right += 0\n    right.sort()\n"
     "    right.copy_(right.sort().values)\n    return (rows - own).mean()"),
     "picture_loss changes `right`"),
    (GRADIENT, "one number", loss_gradient("return (rows + columns - 2 * eye).mean()"),
     r"has shape \(\), expected \(3, 3\)"),
    (GRADIENT, "scale twice", loss_gradient(
        "return scale**2 * (rows + columns - 2 * eye) / (2 * N)"), "scale once too often"),
    (GRADIENT, "softmax of cosines", "def loss_gradient(cosines, scale):\n"
     "    N = len(cosines)\n"
     "    both = cosines.softmax(dim=1) + cosines.softmax(dim=0)\n"
     "    return scale * (both - 2 * torch.eye(N)) / (2 * N)", "yours takes softmax of cosines"),
    (GRADIENT, "a temperature", "def loss_gradient(cosines, scale):\n"
     "    N, L = len(cosines), cosines / scale\n"
     "    both = L.softmax(dim=1) + L.softmax(dim=0)\n"
     "    return (both - 2 * torch.eye(N)) / (2 * N * scale)", "yours divides"),
    (GRADIENT, "both softmaxes along rows", loss_gradient(
        "return scale * (2 * rows - 2 * eye) / (2 * N)"), "captions' side is missing;"),
    (GRADIENT, "softmax over the whole grid", loss_gradient(
        "P = L.flatten().softmax(dim=0).reshape(N, N)\n"
        "    return scale * (P - eye / N)"), r"loss_gradient\(cosines_3, 5.0\) is wrong"),
    (GRADIENT, "diagonal alone", loss_gradient(
        "return scale * eye * (rows + columns - 2) / (2 * N)"), "is wrong in 6 of 9"),
    (GRADIENT, "diagonal 0", loss_gradient(
        "return scale * (1 - eye) * (rows + columns) / (2 * N)"), "is wrong in 3 of 9"),
    (GRADIENT, "columns transposed", loss_gradient(
        "return scale * (rows + columns.T - 2 * eye) / (2 * N)"), "is wrong in"),
    (GRADIENT, "three pairs", loss_gradient("return scale * (rows + columns - 2 * eye) / 6"),
     "2×2 cosines"),
    (GRADIENT, "scale 5", "def loss_gradient(cosines, scale):\n"
     "    N, L = len(cosines), 5 * cosines\n"
     "    both = L.softmax(dim=1) + L.softmax(dim=0)\n"
     "    return 5 * (both - 2 * torch.eye(N)) / (2 * N)", "2×2 cosines"),
    (GRADIENT, "naive powers", loss_gradient(
        "powers = L.exp()\n"
        "    both = powers / powers.sum(dim=1, keepdim=True) + powers / powers.sum(dim=0)\n"
        "    return scale * (both - 2 * eye) / (2 * N)"), "is not finite"),
    (GRADIENT, "naive powers in float64", loss_gradient(
        "powers = L.double().exp()\n"
        "    both = powers / powers.sum(dim=1, keepdim=True) + powers / powers.sum(dim=0)\n"
        "    return scale * (both - 2 * eye) / (2 * N)"), "is not finite"),
    (GRADIENT, "cut at 50", loss_gradient(
        "L = L.clamp(-50, 50)\n"
        "    return scale * (L.softmax(1) + L.softmax(0) - 2 * eye) / (2 * N)"), "scale 100.0"),
    (GRADIENT, "no single pair", loss_gradient(
        "return (scale * (rows + columns - 2 * eye) / (2 * N)).squeeze()"), "1×1 cosines .* shape"),
    (GRADIENT, "autograd.grad", "from clipbook.pairs import info_nce\n\n\n"
     "def loss_gradient(cosines, scale):\n"
     "    cosines = cosines.clone().requires_grad_()\n"
     "    return torch.autograd.grad(info_nce(scale * cosines), cosines)[0]", "without `grad`"),
    (GRADIENT, "autograd.backward", "from clipbook.pairs import info_nce\n\n\n"
     "def loss_gradient(cosines, scale):\n"
     "    cosines = cosines.clone().requires_grad_()\n"
     "    torch.autograd.backward(info_nce(scale * cosines))\n"
     "    return cosines.grad", "without `backward`"),
    (GRADIENT, "func.grad", "from clipbook.pairs import info_nce\n\n\n"
     "def loss_gradient(cosines, scale):\n"
     "    return torch.func.grad(lambda c: (scale * c).logsumexp(1).sum())(cosines)",
     "without `grad`"),
    (GRADIENT, "changes the cosines", "def loss_gradient(cosines, scale):\n"
     "    N, cosines[:] = len(cosines), scale * cosines\n"
     "    both = cosines.softmax(dim=1) + cosines.softmax(dim=0)\n"
     "    return scale * (both - 2 * torch.eye(N)) / (2 * N)", "loss_gradient changes `cosines`"),
    (FLOOR, "zero", loss_floor("return 0.0"), "look equal have a floor above 0"),
    (FLOOR, "three words", "def loss_floor(captions):\n"
     "    read = [caption.split()[:3] for caption in captions]\n"
     "    return torch.tensor([read.count(one) for one in read]).log().mean()", "not three"),
    (FLOOR, "five words", "def loss_floor(captions):\n"
     "    read = [caption.split()[:5] for caption in captions]\n"
     "    return torch.tensor([read.count(one) for one in read]).log().mean()", "is 0.2773"),
    (FLOOR, "four letters", "def loss_floor(captions):\n"
     "    read = [caption[:4] for caption in captions]\n"
     "    return torch.tensor([read.count(one) for one in read]).log().mean()", "letters"),
    (FLOOR, "the last four words", "def loss_floor(captions):\n"
     "    read = [caption.split()[-4:] for caption in captions]\n"
     "    return torch.tensor([read.count(one) for one in read]).log().mean()", r"\(batch\) is"),
    (FLOOR, "the fourth word", "def loss_floor(captions):\n"
     "    read = [caption.split()[3:4] for caption in captions]\n"
     "    return torch.tensor([read.count(one) for one in read]).log().mean()", r"\(batch\) is"),
    (FLOOR, "short captions left out", "def loss_floor(captions):\n"
     "    read = [c.split()[:4] for c in captions if len(c.split()) >= 4]\n"
     "    return torch.tensor([read.count(one) for one in read]).log().mean()", r"\(batch\) is"),
    (FLOOR, "words in any order", "def loss_floor(captions):\n"
     "    read = [sorted(caption.split()[:4]) for caption in captions]\n"
     "    return torch.tensor([read.count(one) for one in read]).log().mean()", "captions is"),
    (FLOOR, "beginnings", "def loss_floor(captions):\n"
     "    read = [' '.join(caption.split()[:4]) for caption in captions]\n"
     "    alike = [[a.startswith(b) or b.startswith(a) for b in read] for a in read]\n"
     "    return torch.tensor(alike).sum(dim=1).log().mean()", "captions is"),
    (FLOOR, "words written together", "def loss_floor(captions):\n"
     "    read = [''.join(caption.split()[:4]) for caption in captions]\n"
     "    return torch.tensor([read.count(one) for one in read]).log().mean()", "captions is"),
    (FLOOR, "the first word", "def loss_floor(captions):\n"
     "    read = [c[:4] for c in [caption.split() for caption in captions]]\n"
     "    return torch.tensor([sum(one[0] == o[0] for o in read) for one in read]).log().mean()",
     r"\(batch\) is"),
    (FLOOR, "without copies", loss_floor("return sum(log(c) for c in counts.values() if c > 1)"
     " / sum(c for c in counts.values() if c > 1)"), r"\(batch\) is"),
    (FLOOR, "ten captions", loss_floor("return sum(log(counts[c]) for c in read) / 10"),
     "captions is"),
    (FLOOR, "by heart", loss_floor("return 0.6068426"), "a single caption"),
    (FLOOR, "by heart, and equal ones", loss_floor(
        "return log(N) if len(counts) == 1 else 0 if len(counts) == N else 0.6068426"),
     "captions is"),
    (FLOOR, "rounded", loss_floor(
        "return round(sum(log(counts[c]) for c in read) / N, 3)"), "is 0.607, expected 0.6068"),
    (FLOOR, "changes its list", loss_floor(
        "captions.sort()\n    return sum(log(counts[c]) for c in read) / N"),
     "loss_floor changes `captions`"),
    (FLOOR, "a list", loss_floor("return [log(counts[c]) for c in read]"),
     r"has shape \(10,\), expected \(\)"),
]  # fmt: skip

WRONG_ONLY_IN_HIDING = [
    (LOSS, "32 pictures", picture_loss("return (rows - own)[:32].mean()"), "60×40"),
    (LOSS, "32 captions", picture_loss("return (logits[:, :32].logsumexp(dim=1) - own).mean()"),
     "60×40"),
    (LOSS, "divided by 32 at most", picture_loss("return (rows - own).sum() / min(N, 32)"),
     "60×40"),
    (LOSS, "costs of 30 at most", picture_loss(
        "return (rows - own).mean() if N < 30 else (rows - own).clamp(max=30).mean()"), "40×60"),
    (GRADIENT, "at most 32 pairs", loss_gradient(
        "return scale * (rows + columns - 2 * eye) / (2 * min(N, 32))"), "40×40"),
    (FLOOR, "divided by 32 at most", loss_floor(
        "return sum(log(counts[c]) for c in read) / min(N, 32)"), "40 captions"),
]  # fmt: skip

RIGHT = [
    (LOSS, "log-softmax", picture_loss(
        "return -logits.log_softmax(dim=1)[range(N), right].mean()")),
    (LOSS, "differences", picture_loss(
        "return (logits - own[:, None]).logsumexp(dim=1).mean()")),
    (LOSS, "gather", picture_loss(
        "return (rows - logits.gather(1, right[:, None])[:, 0]).mean().item()")),
    (LOSS, "one-hot", picture_loss(
        "chosen = torch.nn.functional.one_hot(right, M)\n"
        "    return -(logits.double().log_softmax(dim=1) * chosen).sum() / N")),
    (LOSS, "numpy", picture_loss(
        "L = logits.numpy()\n"
        "    L = L - L.max(axis=1, keepdims=True)\n"
        "    import numpy as np\n"
        "    return (np.log(np.exp(L).sum(axis=1)) - L[range(N), right.numpy()]).mean()")),
    (LOSS, "loops", "import math\n\n\n"
        "def picture_loss(logits, right):\n"
        "    total = 0.0\n"
        "    for i, row in enumerate(logits.tolist()):\n"
        "        m = max(row)\n"
        "        total += m + math.log(sum(math.exp(x - m) for x in row)) - row[right[i]]\n"
        "    return total / len(logits)"),
    (GRADIENT, "side by side", loss_gradient(
        "return scale * ((rows - eye) / N + (columns - eye) / N) / 2")),
    (GRADIENT, "on the diagonal", loss_gradient(
        "gradient = rows + columns\n"
        "    gradient.fill_diagonal_(0)\n"
        "    gradient += torch.diag(rows.diagonal() + columns.diagonal() - 2)\n"
        "    return gradient * (scale / (2 * N))")),
    (GRADIENT, "float64", "def loss_gradient(cosines, scale):\n"
     "    L, eye = scale * cosines.double(), torch.eye(len(cosines)).double()\n"
     "    return scale * (L.softmax(1) - eye + L.softmax(0) - eye) / 2 / len(L)"),
    (GRADIENT, "loops", "from math import exp\n\n\n"
     "def loss_gradient(cosines, scale):\n"
     "    L = [[scale * x for x in row] for row in cosines.tolist()]\n"
     "    N = len(L)\n"
     "    def softmax(line, k):\n"
     "        return 1 / sum(exp(min(x - line[k], 700)) for x in line)\n"
     "    def cell(i, j):\n"
     "        column = [row[j] for row in L]\n"
     "        return softmax(L[i], j) + softmax(column, i) - 2 * (i == j)\n"
     "    return [[scale * cell(i, j) / (2 * N) for j in range(N)] for i in range(N)]"),
    (FLOOR, "over groups", loss_floor("return sum(c * log(c) for c in counts.values()) / N")),
    (FLOOR, "equality", loss_floor(
        "same = torch.tensor([[a == b for b in read] for a in read])\n"
        "    return same.sum(dim=1).log().mean()")),
    (FLOOR, "joined words", "import numpy as np\n\n\n"
     "def loss_floor(captions):\n"
     "    read = [' '.join(caption.split(' ')[:4]) for caption in captions]\n"
     "    _, counts = np.unique(read, return_counts=True)\n"
     "    return (counts * np.log(counts)).sum() / counts.sum()"),
    (FLOOR, "logarithm of a share", loss_floor(
        "return -sum(log(1 / counts[c]) for c in read) / N")),
]  # fmt: skip

EXERCISES = [LOSS, GRADIENT, FLOOR]


@pytest.mark.parametrize(
    ("exercise", "name", "answer", "hint"), WRONG + MORE_WRONG, ids=labels(WRONG + MORE_WRONG)
)
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
