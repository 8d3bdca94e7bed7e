"""The exercises of the chapter on embeddings: their own check cells turn typical wrong answers
down, with a sentence that points at the mistake, and let right ones pass."""

import pytest

from .chapter import Exercise, but, every

CHAPTER = "text/embeddings"
EXERCISES = {
    name: Exercise(CHAPTER, name) for name in ("embed-batch", "table-gradient", "shift-matrix")
}


def embed(expression: str) -> str:
    return f"def embed_batch(ids, table, positions):\n    return {expression}"


def gradient(*lines: str) -> str:
    start = (
        "def table_gradient(ids, upstream, V):",
        "grad = torch.zeros(V, upstream.shape[1])",
        *lines,
    )
    return "\n    ".join(start)


SHIFT = """
import math
def shift_matrix(k, width):
    M = torch.zeros(width, width)
    for i in range(width // 2):
        b = k / 10_000 ** (2 * i / width)
        one, two = 2 * i, 2 * i + 1
        M[one, one] = M[two, two] = math.cos(b)
        M[one, two], M[two, one] = -math.sin(b), math.sin(b)
    return M
"""


WRONG = {
    "embed-batch": {
        "no positions": (embed("table[ids]"), "positions are missing"),
        "positions by id": (embed("table[ids] + positions[ids]"), "by place, not by id"),
        "positions along the batch": (
            embed("table[ids] + positions[: len(ids), None]"), "not along the batch"
        ),
        "places from 1": (embed("table[ids] + positions[1 : ids.shape[1] + 1]"), "row 0"),
        "last places": (embed("table[ids] + positions[-ids.shape[1] :]"), "not the last"),
        "side by side": (
            embed("torch.cat([table[ids], positions[: ids.shape[1]].expand(len(ids), -1, -1)], 2)"),
            "side by side",
        ),
        "multiplied": (embed("table[ids] * positions[: ids.shape[1]]"), "don't multiply"),
        "all places": (embed("table[ids] + positions"), "your code raised RuntimeError"),
        "summed": (
            embed("(table[ids] + positions[: ids.shape[1]]).sum(1)"),
            r"has shape \(2, 2\), expected \(2, 2, 2\)",
        ),
        "no return": ("def embed_batch(ids, table, positions):\n    table[ids]", "is None"),
        "blank": ("def embed_batch(i, t, p):\n    raise NotImplementedError()", "not written yet"),
        "not run": ("", "run the cell of the exercise first"),
    },
    "table-gradient": {
        "last one wins": (gradient("grad[ids] = upstream", "return grad"), "must not replace"),
        "added where PyTorch keeps one": (
            gradient("for k in range(len(ids)):", "    grad[ids[k]] = upstream[k]", "return grad"),
            "must not replace",
        ),
        "first one wins": (
            gradient(
                "for k in reversed(range(len(ids))):",
                "    grad[ids[k]] = upstream[k]",
                "return grad",
            ),
            "the first is not all",
        ),
        "averaged": (
            gradient(
                "for one in ids.unique():",
                "    grad[one] = upstream[ids == one].mean(0)",
                "return grad",
            ),
            "don't average",
        ),
        "by place": (gradient("grad[: len(ids)] = upstream", "return grad"), "not its place"),
        "counted": (
            gradient("for one in ids:", "    grad[one] += 1", "return grad"), "don't only count"
        ),
        "one further": (
            gradient("for k in range(len(ids)):", "    grad[(ids[k] + 1) % V] += upstream[k]",
                     "return grad"),
            "one further",
        ),
        "turned round": (
            gradient("grad.index_add_(0, ids, upstream)", "return grad.T"),
            "the shape is",
        ),
        "used rows only": (
            gradient("grad.index_add_(0, ids, upstream)", "return grad[ids.unique()]"),
            "not only the used ones",
        ),
        "one-hot not turned round": (
            gradient("return torch.nn.functional.one_hot(ids, V).float() @ upstream"),
            "your code raised RuntimeError",
        ),
        "no return": (gradient("grad.index_add_(0, ids, upstream)"), "is None"),
        "blank": ("def table_gradient(i, u, v):\n    raise NotImplementedError()", "not written"),
    },
    "shift-matrix": {
        "walks back": (
            but(SHIFT, ("-math.sin(b), math.sin(b)", "math.sin(b), -math.sin(b)")), "walks back"
        ),
        "stays": ("def shift_matrix(k, width):\n    return torch.eye(width)", "stays where it is"),
        "one place only": (but(SHIFT, ("b = k /", "b = 1 /")), "walks one place"),
        "no minus": (but(SHIFT, ("-math.sin(b), math", "math.sin(b), math")), "their signs"),
        "sine and cosine exchanged": (
            SHIFT.replace("cos", "COS").replace("sin", "cos").replace("COS", "sin"), "their signs"
        ),
        "degrees": (but(SHIFT, ("b = k /", "b = math.radians(k) /")), "use radians"),
        "all hands equally fast": (
            but(SHIFT, (" / 10_000 ** (2 * i / width)", "")), "slower angle each"
        ),
        "slowed by i, not 2i": (but(SHIFT, ("2 * i / width", "i / width")), "slower angle each"),
        "sines first, then cosines": (
            but(SHIFT, ("2 * i, 2 * i + 1", "i, i + width // 2")), "mixes pairs"
        ),
        "shape of a pair": ("def shift_matrix(k, width):\n    return torch.eye(2)", "the shape of"),
        "no return": ("def shift_matrix(k, width):\n    torch.eye(width)", "is None"),
        "blank": ("def shift_matrix(k, w):\n    raise NotImplementedError()", "not written yet"),
    },
}  # fmt: skip

WRONG_ONLY_IN_HIDING = {
    "embed-batch": {
        "two places only": (embed("table[ids] + positions[:2]"), "RuntimeError"),
        "changes its table": (
            "def embed_batch(ids, table, positions):\n"
            "    x = table[ids] + positions[: ids.shape[1]]\n"
            "    table.mul_(0)\n"
            "    return x",
            "make a new tensor",
        ),
    },
    "table-gradient": {
        "learned by heart": (
            gradient("return torch.tensor([[0, 0], [7, 10], [0, 0], [3, 4.0]])"),
            "has shape",
        ),
        "twice at most": (
            gradient(
                "for one in ids.unique():",
                "    grad[one] = upstream[ids == one][:2].sum(0)",
                "return grad",
            ),
            "is wrong in",
        ),
        "changes upstream": (
            gradient("grad.index_add_(0, ids, upstream)", "upstream.zero_()", "return grad"),
            "changes upstream",
        ),
    },
    "shift-matrix": {
        "three places always": (but(SHIFT, ("b = k /", "b = 3 /")), "is wrong in"),
        "never back": (but(SHIFT, ("b = k /", "b = abs(k) /")), "four places back"),
        "width six always": (but(SHIFT, ("2 * i / width", "2 * i / 6")), "is wrong in"),
    },
}

RIGHT = {
    "embed-batch": {
        "loops": (
            "def embed_batch(ids, table, positions):\n"
            "    return [[(table[one] + positions[k]).tolist() for k, one in enumerate(row)]"
            " for row in ids.tolist()]"
        ),
        "one-hot": (
            "from torch.nn.functional import one_hot\n"
            + embed("one_hot(ids, len(table)).to(table.dtype) @ table + positions[: ids.shape[1]]")
        ),
        "places by number": embed("table[ids] + positions[torch.arange(ids.shape[1])][None]"),
    },
    "table-gradient": {
        "one-hot, turned round": (
            gradient("return torch.nn.functional.one_hot(ids, V).float().T @ upstream")
        ),
        "index_add": gradient("return grad.index_add(0, ids, upstream)"),
        "by row": gradient("return torch.stack([upstream[ids == v].sum(0) for v in range(V)])"),
    },
    "shift-matrix": {
        "block_diag": (
            "import math\n"
            "def shift_matrix(k, width):\n"
            "    angles = [k * 10_000 ** (-2 * i / width) for i in range(width // 2)]\n"
            "    turns = [[[math.cos(b), -math.sin(b)], [math.sin(b), math.cos(b)]]"
            " for b in angles]\n"
            "    return torch.block_diag(*map(torch.tensor, turns))"
        ),
        "one step, again and again": SHIFT.replace("shift_matrix", "steps")
        + (
            "def shift_matrix(k, width):\n"
            "    one = steps(1 if k >= 0 else -1, width).double()\n"
            "    return torch.linalg.matrix_power(one, abs(k))"
        ),
        "read off the table": (
            "from clipbook.text import sinusoidal_positions\n"
            "def shift_matrix(k, width):\n"
            "    M = torch.zeros(width, width)\n"
            "    at_k = sinusoidal_positions(abs(k) + 1, width)[abs(k)]\n"
            "    for i in range(0, width, 2):\n"
            "        s, c = at_k[i] * (1 if k > 0 else -1), at_k[i + 1]\n"
            "        M[i : i + 2, i : i + 2] = torch.tensor([[c, -s], [s, c]])\n"
            "    return M"
        ),
    },
}


@pytest.mark.parametrize(("name", "kind"), every(WRONG))
def test_visible_check_turns_the_mistake_down_and_names_it(name, kind):
    EXERCISES[name].assert_refused(*WRONG[name][kind])


@pytest.mark.parametrize(("name", "kind"), every(WRONG_ONLY_IN_HIDING))
def test_hidden_check_turns_down_what_the_visible_one_cannot_see(name, kind):
    answer, hint = WRONG_ONLY_IN_HIDING[name][kind]
    EXERCISES[name].assert_accepted(answer, hidden=False)
    EXERCISES[name].assert_refused(answer, hint, hidden=True)


@pytest.mark.parametrize(("name", "kind"), every(RIGHT))
def test_right_answer_written_otherwise_passes_both_checks(name, kind):
    EXERCISES[name].assert_accepted(RIGHT[name][kind])


@pytest.mark.parametrize("name", EXERCISES)
def test_solution_of_the_page_passes_both_checks(name):
    EXERCISES[name].assert_accepted(EXERCISES[name].solution)
