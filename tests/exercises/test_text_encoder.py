"""The exercises of the chapter on the text encoder: the page's own check cells turn typical wrong
answers down, with a sentence that points at the mistake, and let right ones pass."""

import pytest

from .chapter import Exercise

END = Exercise("text/text-encoder", "text-encoder-end")
ONE = Exercise("text/text-encoder", "text-encoder-exactly-one")
COUNT = Exercise("text/text-encoder", "text-encoder-count")


def end(result: str) -> str:
    return f"def end_features(x, mask):\n    rows = torch.arange(len(x))\n    return {result}"


def one(first: str, shifts: str, second: str, last: str = "torch.zeros(1)") -> str:
    return f"def exactly_one(n):\n    return {first}, {shifts}, {second}, {last}"


def network(*shifts_and_slopes: tuple[float, float], last: float = 0.0) -> str:
    """Of the sum of all inputs: a bend at each shift, and how much the slope changes there."""
    shifts = [-shift for shift, _ in shifts_and_slopes]
    slopes = [[slope] for _, slope in shifts_and_slopes]
    return one(
        f"torch.ones(n, {len(shifts)})",
        f"torch.tensor({shifts})",
        f"torch.tensor({slopes})",
        f"torch.tensor([{last}])",
    )


PARTS = {
    "words": "V * w",
    "places": "C * w",
    "depth": "n",
    "query_key_value": "3 * (w * w + w)",
    "output": "w * w + w",
    "norms": "4 * w",
    "out": "w * m + m",
    "back": "m * w + w",
    "last": "2 * w",
    "projection": "w * e",
}


def count(**changes: str) -> str:
    terms = PARTS | changes
    in_a_block = " + ".join(
        terms[name] for name in ("query_key_value", "output", "norms", "out", "back")
    )
    once = " + ".join(terms[name] for name in ("words", "places", "last", "projection"))
    return (
        "def count_weights(vocab_size, context_length, width, depth, mlp_width, embed_dim):\n"
        "    V, C, w, n, m, e = vocab_size, context_length, width, depth, mlp_width, embed_dim\n"
        f"    return {terms['depth']} * ({in_a_block}) + {once}"
    )


WRONG = {
    "last column": (END, end("x[:, -1]"), "last column is padding"),
    "off by one": (
        END,
        end("x[rows, mask.sum(1).clamp(max=x.shape[1] - 1)]"),
        "off by one",
    ),
    "index beyond the end": (END, end("x[rows, mask.sum(1)]"), "your code raised IndexError"),
    "one too early": (END, end("x[rows, mask.sum(1) - 2]"), "before the last real one"),
    "first of the maxima": (END, end("x[rows, mask.int().argmax(1)]"), "the first token"),
    "length of the first text": (END, end("x[:, mask[0].sum() - 1]"), "length of its own"),
    "longest text": (END, end("x[:, mask.any(0).sum() - 1]"), "last column is padding"),
    "two texts": (END, end("x[[0, 1], mask.sum(1) - 1]"), "your code raised IndexError"),
    "never one token alone": (
        END,
        end("x[rows, (mask.sum(1) - 1).clamp(min=1)]"),
        "end_features of 3 texts, t = 4, w = 3, is wrong in",
    ),
    "largest": (
        END,
        end("x.masked_fill(~mask[..., None], -torch.inf).amax(1)"),
        "is wrong in",
    ),
    "last token that is not 0": (
        END,
        end("x[rows, (x * mask[..., None]).argmax(1)[:, 0]]"),
        "wrong",
    ),
    "end of the whole batch": (END, end("x[mask][-1]"), "has shape"),
    "ends in a row": (END, end("x[mask][mask.sum(1).cumsum(0) - 2]"), "before the last real one"),
    "doubled": (END, end("2 * x[rows, mask.sum(1) - 1]"), "is wrong in"),
    "normalised": (
        END,
        end("torch.nn.functional.normalize(x[rows, mask.sum(1) - 1])"),
        "is wrong in",
    ),
    "with an axis left": (END, end("x[rows, mask.sum(1) - 1][:, None]"), "has shape"),
    "changes its texts": (
        END,
        "def end_features(x, mask):\n"
        "    x[~mask] = 0\n"
        "    return x[torch.arange(len(x)), mask.sum(1) - 1]",
        "changes `x`",
    ),
    "changes its mask": (
        END,
        "def end_features(x, mask):\n"
        "    last = mask.sum(1) - 1\n"
        "    mask[:] = False\n"
        "    return x[torch.arange(len(x)), last]",
        "changes `mask`",
    ),
    "last column, padding hidden": (END, end("(x * mask[..., None])[:, -1]"), "hidden or not"),
    "mean of all": (END, end("x.mean(1)"), "padding and all"),
    "mean": (
        END,
        end("(x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)"),
        "mean of the real tokens",
    ),
    "sum": (END, end("(x * mask[..., None]).sum(1)"), "the sum of the real"),
    "every row with every column": (
        END,
        end("x[:, mask.sum(1) - 1]"),
        "one vector a text",
    ),
    "end without return": (END, "def end_features(x, mask):\n    x[:, -1]", "is None"),
    "end blank": (
        END,
        "def end_features(x, mask):\n    raise NotImplementedError()",
        "not written",
    ),
    "at least one": (ONE, network((0, 1), (1, -1)), "at least one"),
    "both": (ONE, network((1, 1)), "that is 'both'"),
    "sum of inputs": (ONE, network((0, 1)), "that is the sum"),
    "opposite": (ONE, network((0, -1), (1, 2), last=1.0), "that is the opposite"),
    "zeros": (ONE, network((0, 0)), "does not depend on the inputs"),
    "first input": (
        ONE,
        one("torch.eye(n)[:, :1]", "torch.zeros(1)", "torch.ones(1, 1)"),
        "only looks at the first input",
    ),
    "an odd number": (
        ONE,
        network(*[(k, (1 if k == 0 else 2) * (-1) ** k) for k in range(11)]),
        "an odd number",
    ),
    "down for ever": (ONE, network((0, 1), (1, -2)), "three must give 0, too"),
    "flat from 2, up again at 4": (
        ONE,
        network((0, 1), (1, -2), (2, 1), (4, 1)),
        r"answer to \[1, 1, 1, 1, 1\]",
    ),
    "flat from 2, down again at 8": (
        ONE,
        network((0, 1), (1, -2), (2, 1), (8, -1)),
        r"answer to \[0, 1, 1, 1, 1, 1, 1, 1, 1, 1\]",
    ),
    "two inputs": (
        ONE,
        "def exactly_one(n):\n"
        "    W_2 = torch.tensor([[1.0], [-2], [1]])\n"
        "    return torch.ones(2, 3), torch.tensor([0.0, -1, -2]), W_2, torch.zeros(1)",
        r"W_1 has shape \(2, 3\), expected \(3, 3\) for n = 3",
    ),
    "at least two": (ONE, network((1, 1), (2, -1)), "that is 'both'"),
    "half as much": (ONE, network((0, 0.5), (1, -1), (2, 0.5)), "is \\[0, 0.5, 0.5, 0\\]"),
    "the first two inputs only": (
        ONE,
        one(
            "(torch.arange(n) < 2)[:, None].float().expand(n, 3)",
            "torch.tensor([0.0, -1, -2])",
            "torch.tensor([[1.0], [-2], [1]])",
        ),
        r"answers to \[\[0, 0, 0\]",
    ),
    "differences": (
        ONE,
        one(
            "torch.cat([torch.eye(n) - torch.eye(n).roll(1, 0), torch.eye(n) * 0], 1)",
            "torch.zeros(2 * n)",
            "torch.ones(2 * n, 1)",
        ),
        r"answers to \[\[0, 0, 0\]",
    ),
    "infinite weights": (
        ONE,
        network((0, float("inf")), (1, float("inf"))).replace("inf", "torch.inf"),
        "nan|inf",
    ),
    "turned matrix": (
        ONE,
        one("torch.ones(3, n)", "torch.zeros(3)", "torch.ones(3, 1)"),
        r"W_1 has shape \(3, 2\), expected \(2, 3\)",
    ),
    "a vector for a matrix": (
        ONE,
        one("torch.ones(n, 3)", "torch.zeros(3)", "torch.ones(3)"),
        r"W_2 has shape \(3,\), expected \(3, 1\)",
    ),
    "no last shift": (
        ONE,
        "def exactly_one(n):\n    return torch.ones(n, 1), torch.zeros(1), torch.ones(1, 1)",
        "must return four tensors",
    ),
    "one without return": (ONE, "def exactly_one(n):\n    pass", "must return four tensors"),
    "one blank": (ONE, "def exactly_one(n):\n    raise NotImplementedError()", "not written"),
    "one block": (COUNT, count(depth="1"), "there are `depth` blocks"),
    "no biases": (
        COUNT,
        count(query_key_value="3 * w * w", output="w * w", out="w * m", back="m * w"),
        "but the projection has a bias",
    ),
    "no positions": (COUNT, count(places="0"), "positions are learned"),
    "no tokens": (COUNT, count(words="0"), "token embeddings are missing"),
    "gains only": (COUNT, count(norms="2 * w", last="w"), "a gain and a shift"),
    "one norm a block": (COUNT, count(norms="2 * w"), "half of that is missing"),
    "no norms in blocks": (COUNT, count(norms="0"), "its two norms, or"),
    "no biases in attention": (
        COUNT,
        count(query_key_value="3 * w * w", output="w * w"),
        "or the biases of attention",
    ),
    "no bias for queries, keys and values": (
        COUNT,
        count(query_key_value="3 * w * w"),
        "queries, keys and values have biases",
    ),
    "no bias on the way out": (COUNT, count(out="w * m"), "way out has a bias"),
    "no bias on the way back": (COUNT, count(back="m * w"), "of the network's way back"),
    "two biases of mlp_width": (COUNT, count(back="m * w + m"), "mlp_width and width numbers"),
    "network four times as wide, whatever is asked": (
        COUNT,
        count(out="4 * w * w + 4 * w", back="4 * w * w + w"),
        "not 4 times the width",
    ),
    "positions in each block": (COUNT, count(places="n * C * w"), "once, not in each block"),
    "no last norm": (COUNT, count(last="0"), "last norm is missing"),
    "no norms": (COUNT, count(norms="0", last="0"), "all norms are missing"),
    "no projection": (COUNT, count(projection="0"), "the projection is missing"),
    "projection with bias": (COUNT, count(projection="w * e + e"), "projection has no bias"),
    "no output matrix": (COUNT, count(output="0"), "attention has four matrices"),
    "one for query, key and value": (
        COUNT,
        count(query_key_value="w * w + w"),
        "a matrix each",
    ),
    "half a network": (COUNT, count(back="0"), "two layers, out and back"),
    "last norm in each block": (COUNT, count(last="2 * n * w"), "comes once, not in each"),
    "projection to the width": (COUNT, count(projection="w * w"), "embed_dim numbers"),
    "no biases in the network": (
        COUNT,
        count(out="w * m", back="m * w"),
        "both layers of the network have a bias",
    ),
    "no bias of the output": (COUNT, count(output="w * w"), "the bias of attention's output, or"),
    "one block too many": (COUNT, count(depth="(n + 1)"), "count_weights of"),
    "a head each": (COUNT, count(query_key_value="2 * 3 * (w * w + w)"), "count_weights of"),
    "CLIP's context": (COUNT, count(places="77 * w"), "count_weights of"),
    "by heart": (COUNT, "def count_weights(*sizes):\n    return 1185", "count_weights of {'vocab"),
    "for three blocks": (COUNT, count(depth="3"), "'depth': 1"),
    "in millions": (COUNT, count().replace("return ", "return 1e-6 * "), "count_weights of"),
    "count without return": (COUNT, "def count_weights(*sizes):\n    601", "is None"),
    "count blank": (
        COUNT,
        "def count_weights(*sizes):\n    raise NotImplementedError()",
        "not written",
    ),
}

RIGHT = {
    "end, flipped": (
        END,
        end("x[rows, mask.shape[1] - 1 - mask.flip(1).int().argmax(1)]"),
    ),
    "end, one text after another": (
        END,
        "def end_features(x, mask):\n"
        "    return torch.stack([text[real][-1] for text, real in zip(x, mask)])",
    ),
    "end, by product": (
        END,
        "def end_features(x, mask):\n"
        "    after = torch.cat([mask[:, 1:], torch.zeros_like(mask[:, :1])], dim=1)\n"
        "    return torch.einsum('bt,btw->bw', (mask & ~after).float(), x)",
    ),
    "end, gathered": (
        END,
        "def end_features(x, mask):\n"
        "    last = (mask.sum(1) - 1)[:, None, None].expand(-1, 1, x.size(2))\n"
        "    return x.gather(1, last).squeeze(1).double()",
    ),
    "end, lists": (
        END,
        "def end_features(x, mask):\n"
        "    return [text[sum(real) - 1] for text, real in zip(x.tolist(), mask.tolist())]",
    ),
    "end, arrays": (
        END,
        "import numpy as np\n"
        "def end_features(x, mask):\n"
        "    last = np.array([np.flatnonzero(real).max() for real in mask.numpy()])\n"
        "    return x.numpy()[np.arange(len(x)), last]",
    ),
    "one, lists": (
        ONE,
        "def exactly_one(n):\n    return [[[1, 1, 1]] * n, (0, -1, -2), [[1], [-2], [1]], [0]]",
    ),
    "one, arrays": (
        ONE,
        "import numpy as np\n"
        "def exactly_one(n):\n"
        "    W_2 = np.array([[1.0], [-2.0], [1.0]])[::-1]\n"
        "    return np.ones((n, 3)), np.arange(3)[::-1] * -1.0, W_2, np.zeros(1)",
    ),
    "one, steep": (ONE, network((0.5, 2), (1, -4), (1.5, 2))),
    "one, from above": (ONE, network((-1, 1), (0, 0), (1, -2), (2, 1), last=-1.0)),
    "one, a hat for each input": (
        ONE,
        "def exactly_one(n):\n"
        "    # input k counts unless another is 1 as well\n"
        "    W_1 = 2 * torch.eye(n) - torch.ones(n, n)\n"
        "    return W_1, torch.zeros(n), torch.ones(n, 1), torch.zeros(1)",
    ),
    "count, in steps": (
        COUNT,
        "def count_weights(vocab_size, context_length, width, depth, mlp_width, embed_dim):\n"
        "    total = vocab_size * width + context_length * width\n"
        "    for _ in range(depth):\n"
        "        total += 4 * width * (width + 1)\n"
        "        total += mlp_width * (width + 1) + width * (mlp_width + 1)\n"
        "        total += 2 * (width + width)\n"
        "    return total + width + width + embed_dim * width",
    ),
    "count, built and counted": (
        COUNT,
        "def count_weights(vocab_size, context_length, width, depth, mlp_width, embed_dim):\n"
        "    nn = torch.nn\n"
        "    layer = nn.TransformerEncoderLayer(width, 1, mlp_width, device='meta')\n"
        "    rest = [nn.Embedding(vocab_size, width, device='meta'),\n"
        "            nn.Embedding(context_length, width, device='meta'),\n"
        "            nn.LayerNorm(width, device='meta'),\n"
        "            nn.Linear(width, embed_dim, bias=False, device='meta')]\n"
        "    parts = [layer] * depth + rest\n"
        "    return sum(p.numel() for part in parts for p in part.parameters())",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_visible_check_turns_the_mistake_down_and_names_it(name):
    exercise, answer, hint = WRONG[name]
    exercise.assert_refused(answer, hint)


@pytest.mark.parametrize("name", RIGHT)
def test_right_answer_written_otherwise_passes_both_checks(name):
    exercise, answer = RIGHT[name]
    exercise.assert_accepted(answer)


@pytest.mark.parametrize("exercise", [END, ONE, COUNT])
def test_solution_of_the_page_passes_both_checks(exercise):
    exercise.assert_accepted(exercise.solution)
