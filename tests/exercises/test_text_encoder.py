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
    "last column, padding hidden": (END, end("(x * mask[..., None])[:, -1]"), "hidden or not"),
    "mean of all": (END, end("x.mean(1)"), "padding and all"),
    "mean": (
        END,
        end("(x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)"),
        "mean of the real tokens",
    ),
    "sum": (END, end("(x * mask[..., None]).sum(1)"), "their sum"),
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
    "one norm a block": (COUNT, count(norms="2 * w"), "two norms"),
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
    "no bias on the way back": (COUNT, count(back="m * w"), "way back has a bias"),
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
    "no output matrix": (COUNT, count(output="0"), "also has the output matrix"),
    "one for query, key and value": (
        COUNT,
        count(query_key_value="w * w + w"),
        "a matrix each",
    ),
    "half a network": (COUNT, count(back="0"), "two layers, out and back"),
    "count without return": (COUNT, "def count_weights(**sizes):\n    601", "is None"),
    "count blank": (
        COUNT,
        "def count_weights(**sizes):\n    raise NotImplementedError()",
        "not written",
    ),
}

WRONG_ONLY_IN_HIDING = {
    "two texts": (END, end("x[[0, 1], mask.sum(1) - 1]"), "your code raised IndexError"),
    "never one token alone": (
        END,
        end("x[rows, (mask.sum(1) - 1).clamp(min=1)]"),
        "the end tokens of five texts",
    ),
    "an odd number": (
        ONE,
        network(*[(k, (1 if k == 0 else 2) * (-1) ** k) for k in range(7)]),
        "an odd number",
    ),
    "down for ever": (ONE, network((0, 1), (1, -2)), "three must give 0, too"),
    "largest": (
        END,
        end("x.masked_fill(~mask[..., None], -torch.inf).amax(1)"),
        "the end tokens of five texts",
    ),
    "by heart": (COUNT, "def count_weights(**sizes):\n    return 601", "count_weights of {"),
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


@pytest.mark.parametrize("name", WRONG_ONLY_IN_HIDING)
def test_hidden_check_turns_down_what_the_visible_one_cannot_see(name):
    exercise, answer, hint = WRONG_ONLY_IN_HIDING[name]
    exercise.assert_accepted(answer, hidden=False)
    exercise.assert_refused(answer, hint, hidden=True)


@pytest.mark.parametrize("name", RIGHT)
def test_right_answer_written_otherwise_passes_both_checks(name):
    exercise, answer = RIGHT[name]
    exercise.assert_accepted(answer)


@pytest.mark.parametrize("exercise", [END, ONE, COUNT])
def test_solution_of_the_page_passes_both_checks(exercise):
    exercise.assert_accepted(exercise.solution)
