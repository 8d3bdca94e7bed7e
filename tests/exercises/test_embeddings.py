"""The exercises of the chapter on embeddings: their own check cells turn typical wrong answers
down, with a sentence that points at the mistake, and let right ones pass."""

import pytest

from .chapter import Exercise, but, every

CHAPTER = "text/embeddings"
EXERCISES = {
    name: Exercise(CHAPTER, name) for name in ("embed-batch", "table-gradient", "shift-matrix")
}


def embed(expression: str) -> str:
    """T and S are looked up already, n is the number of places."""
    return (
        "def embed_batch(ids, segments, table, positions, sentences):\n"
        "    T, S, n = table[ids], sentences[segments], ids.shape[1]\n"
        f"    return {expression}"
    )


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
        "no positions": (embed("T + S"), "positions are missing"),
        "no segments": (embed("T + positions[:n]"), "segments are missing"),
        "no tokens": (embed("positions[:n] + S"), "tokens are missing"),
        "positions by id": (embed("T + positions[ids] + S"), "by place, not by id"),
        "positions by segment": (embed("T + positions[segments] + S"), "not by segment"),
        "positions along the batch": (
            embed("T + positions[: len(ids), None] + S"), "not along the batch"
        ),
        "positions along the batch, where that fits": (
            embed("T + positions[: len(ids)] + S if len(ids) == n else T + positions[:n] + S"
                  ).replace("positions[: len(ids)]", "positions[: len(ids), None]"),
            "4 texts, 4 places, is wrong",
        ),
        "places from 1": (embed("T + positions[1 : n + 1] + S"), "row 0"),
        "last places": (embed("T + positions[-n:] + S"), "not the last"),
        "segments by place": (embed("T + positions[:n] + sentences[:n]"), "RuntimeError"),
        "one segment a batch": (embed("T + positions[:n] + S[0]"), "each text has segments"),
        "one segment a text": (embed("T + positions[:n] + S[:, :1]"), "each place has a segment"),
        "segments the other way round": (
            embed("T + positions[:n] + sentences[1 - segments]"), "is wrong in"
        ),
        "side by side": (
            embed("torch.cat([T, positions[:n].expand(len(ids), -1, -1), S], 2)"), "side by side"
        ),
        "multiplied": (embed("T * positions[:n] * S"), "don't multiply"),
        "the mean": (embed("(T + positions[:n] + S) / 3"), "don't take the mean"),
        "tokens times the root of the width": (
            embed("T * table.shape[1] ** 0.5 + positions[:n] + S"), "is wrong in"
        ),
        "all places": (embed("T + positions + S"), "your code raised RuntimeError"),
        "two places only": (embed("T + positions[:2] + S"), "RuntimeError"),
        "three places only": (embed("T + positions[:3] + S"), "RuntimeError"),
        "the first text only": (embed("(T + positions[:n] + S)[0]"), "has shape"),
        "summed": (embed("(T + positions[:n] + S).sum(1)"), r"has shape \(2, 4\)"),
        "changes its table": (
            "def embed_batch(ids, segments, table, positions, sentences):\n"
            "    x = table[ids] + positions[: ids.shape[1]] + sentences[segments]\n"
            "    table.mul_(0)\n"
            "    return x",
            "changes `table`",
        ),
        "adds to the positions": (
            "def embed_batch(ids, segments, table, positions, sentences):\n"
            "    places = positions[: ids.shape[1]]\n"
            "    places += 1\n"
            "    return table[ids] + places - 1 + sentences[segments]",
            "changes `positions`",
        ),
        "no return": (embed("None"), "is None"),
        "blank": ("def embed_batch(*all):\n    raise NotImplementedError()", "not written yet"),
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
        "up to the largest id": (
            gradient("return grad.index_add(0, ids, upstream)[: ids.max() + 1]"),
            "not only up to the largest id",
        ),
        "learned by heart": (
            gradient("return torch.tensor([[0, 0], [7, 10], [0, 0], [3, 4.0], [0, 0]])"),
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
        "divided by the number of tokens": (
            gradient("return grad.index_add(0, ids, upstream) / len(ids)"), "is \\[|is wrong in"
        ),
        "absolute": (gradient("return grad.index_add(0, ids, upstream).abs()"), "is wrong in"),
        "only its first number": (
            gradient("return grad.index_add(0, ids, upstream[:, :1].expand_as(upstream))"), "wrong"
        ),
        "no batch without tokens": (
            gradient("assert len(ids)", "return grad.index_add(0, ids, upstream)"), "AssertionError"
        ),
        "changes upstream": (
            gradient("grad.index_add_(0, ids, upstream)", "upstream.zero_()", "return grad"),
            "changes `upstream`",
        ),
        "changes the ids": (
            gradient("grad.index_add_(0, ids, upstream)", "ids.zero_()", "return grad"),
            "changes `(ids|token_ids)`",
        ),
        "backward": (
            gradient("grad.requires_grad_()", "grad[ids].backward(upstream)", "return grad.grad"),
            "without `backward`",
        ),
        "backward of a sum": (
            gradient("grad.requires_grad_()", "(grad[ids] * upstream).sum().backward()",
                     "return grad.grad"),
            "without `backward`",
        ),
        "autograd.backward": (
            gradient("grad.requires_grad_()", "torch.autograd.backward(grad[ids], upstream)",
                     "return grad.grad"),
            "without `backward`",
        ),
        "autograd.grad": (
            gradient("grad.requires_grad_()",
                     "return torch.autograd.grad(grad[ids], grad, upstream)[0]"),
            "without `grad`",
        ),
        "torch.func": (
            gradient("return torch.func.vjp(lambda table: table[ids], grad)[1](upstream)[0]"),
            "without `grad`",
        ),
        "autograd.functional": (
            gradient("lookup = lambda table: table[ids]",
                     "return torch.autograd.functional.vjp(lookup, grad, upstream)[1]"),
            "without `grad`",
        ),
        "no return": (gradient("grad.index_add_(0, ids, upstream)"), "is None"),
        "blank": ("def table_gradient(i, u, v):\n    raise NotImplementedError()", "not written"),
    },
    "shift-matrix": {
        "walks back": (
            but(SHIFT, ("-math.sin(b), math.sin(b)", "math.sin(b), -math.sin(b)")), "the other way"
        ),
        "stays": ("def shift_matrix(k, width):\n    return torch.eye(width)", "stays where it is"),
        "one place only": (but(SHIFT, ("b = k /", "b = 1 /")), "walks one place, not k"),
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
        "three places always": (but(SHIFT, ("b = k /", "b = 3 /")), "does not walk k places"),
        "never back": (but(SHIFT, ("b = k /", "b = abs(k) /")), "the other way"),
        "width six always": (but(SHIFT, ("2 * i / width", "2 * i / 6")), "slower angle each"),
        "half the width": (but(SHIFT, ("2 * i / width", "i / (width // 2 - 1)")),
                           "slower angle each|ZeroDivision"),
        "1,000 for 10,000": (but(SHIFT, ("10_000", "1_000")), "slower angle each"),
        "the first pair alone": (
            but(SHIFT, ("range(width // 2)", "range(1)")), "slower angle each"
        ),
        "rounded": (but(SHIFT, ("return M", "return M.round(decimals=2)")), "in shift_matrix"),
        "small angles": (
            SHIFT.replace("math.cos(b)", "1 - b**2 / 2").replace("math.sin(b)", "b"), "their signs"
        ),
        "the step as it is read off at place 0": (
            "from clipbook.text import sinusoidal_positions\n"
            "def shift_matrix(k, width):\n"
            "    P = sinusoidal_positions(abs(k) + 2, width)\n"
            "    return torch.outer(P[0], P[abs(k)]) / P[0].square().sum()",
            "mixes pairs",
        ),
        "complex": (but(SHIFT, ("return M", "return M.to(torch.complex64)")), "complex"),
        "no return": ("def shift_matrix(k, width):\n    torch.eye(width)", "is None"),
        "blank": ("def shift_matrix(k, w):\n    raise NotImplementedError()", "not written yet"),
    },
}  # fmt: skip

RIGHT = {
    "embed-batch": {
        "loops": (
            "def embed_batch(ids, segments, table, positions, sentences):\n"
            "    texts = []\n"
            "    for row, parts in zip(ids.tolist(), segments.tolist()):\n"
            "        texts.append([(table[one] + positions[k] + sentences[part]).tolist()\n"
            "                      for k, (one, part) in enumerate(zip(row, parts))])\n"
            "    return texts"
        ),
        "one-hot": (
            "from torch.nn.functional import one_hot\n"
            + embed("one_hot(ids, len(table)).to(table.dtype) @ table + positions[:n] + S")
        ),
        "places by number": embed("T + positions[torch.arange(n)][None] + S"),
        "layers": (
            "from torch import nn\n"
            "def embed_batch(ids, segments, table, positions, sentences):\n"
            "    layers = map(nn.Embedding.from_pretrained, (table, positions, sentences))\n"
            "    places = torch.arange(ids.shape[1]).repeat(len(ids), 1)\n"
            "    return sum(layer(k) for layer, k in zip(layers, (ids, places, segments)))"
        ),
        "arrays": (
            "import numpy as np\n"
            "def embed_batch(ids, segments, table, positions, sentences):\n"
            "    x = np.take(table.numpy(), ids, axis=0).astype(np.float64)\n"
            "    x += positions.numpy()[: ids.size(1)]\n"
            "    return x + sentences.numpy()[segments.numpy()]"
        ),
    },
    "table-gradient": {
        "one-hot, turned round": (
            gradient("return torch.nn.functional.one_hot(ids, V).float().T @ upstream")
        ),
        "index_add": gradient("return grad.index_add(0, ids, upstream)"),
        "add.at": (
            "import numpy as np\n"
            "def table_gradient(ids, upstream, V):\n"
            "    grad = np.zeros((V, upstream.size(1)))\n"
            "    np.add.at(grad, ids.numpy(), upstream.numpy())\n"
            "    return grad"
        ),
        "lists": (
            "def table_gradient(ids, upstream, V):\n"
            "    rows = [[0.0] * upstream.shape[1] for _ in range(V)]\n"
            "    for one, row in zip(ids.tolist(), upstream.tolist()):\n"
            "        rows[one] = [a + b for a, b in zip(rows[one], row)]\n"
            "    return rows"
        ),
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
        "lists": (
            "from math import cos, sin\n"
            "def shift_matrix(k, width):\n"
            "    M = [[0] * width for _ in range(width)]\n"
            "    for i in range(0, width, 2):\n"
            "        b = k * 10_000 ** (-i / width)\n"
            "        M[i][i : i + 2] = [cos(b), -sin(b)]\n"
            "        M[i + 1][i : i + 2] = [sin(b), cos(b)]\n"
            "    return M"
        ),
        "complex numbers, then real ones": (
            "import numpy as np\n"
            "def shift_matrix(k, width):\n"
            "    turn = np.exp(1j * k * 10_000.0 ** (-np.arange(0, width, 2) / width))\n"
            "    M = np.kron(np.diag(turn.real), np.eye(2))\n"
            "    return M + np.kron(np.diag(turn.imag), [[0, -1], [1, 0]])"
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


@pytest.mark.parametrize(("name", "kind"), every(RIGHT))
def test_right_answer_written_otherwise_passes_both_checks(name, kind):
    EXERCISES[name].assert_accepted(RIGHT[name][kind])


@pytest.mark.parametrize("name", EXERCISES)
def test_solution_of_the_page_passes_both_checks(name):
    EXERCISES[name].assert_accepted(EXERCISES[name].solution)
