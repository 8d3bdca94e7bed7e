"""The exercises of the chapter on attention: the page's own check cells turn typical wrong answers
down, with a sentence that points at the mistake, and let right ones pass."""

import pytest

from .chapter import Exercise

WEIGHTS = Exercise("text/attention", "attention-weights")
MASKS = Exercise("text/attention", "attention-masks")
BACK = Exercise("text/attention", "attention-previous")

BLANK = "def {}:\n    raise NotImplementedError()"


def weights(body: str) -> str:
    return f"def attention_weights(Q, K):\n    {body}"


def masks(*lines: str) -> str:
    return "\n    ".join(["def masked_weights(scores, real, causal):", *lines])


def back(queries: str, keys: str) -> str:
    return f"def previous_token_head(t):\n    return {queries}, {keys}"


PADDING = "allowed = real[:, None, :].expand_as(scores)"
CAUSAL = "if causal: allowed = allowed & torch.ones_like(scores).bool().tril()"
SOFTMAX = "return scores.masked_fill(~allowed, -torch.inf).softmax(-1)"

WRONG = {
    "not divided": (WEIGHTS, weights("return (Q @ K.mT).softmax(2)"), "not divided by √d"),
    "divided by d": (WEIGHTS, weights("return (Q @ K.mT / Q.shape[2]).softmax(2)"), "not by d"),
    "divided by the root of queries": (
        WEIGHTS,
        weights("return (Q @ K.mT / Q.shape[1] ** 0.5).softmax(2)"),
        "not how many queries",
    ),
    "divided by the root of keys": (
        WEIGHTS,
        weights("return (Q @ K.mT / K.shape[1] ** 0.5).softmax(2)"),
        "not how many keys",
    ),
    "divided by the root of texts": (
        WEIGHTS,
        weights("return (Q @ K.mT / len(Q) ** 0.5).softmax(2)"),
        "not how many texts",
    ),
    "d is always 4": (
        WEIGHTS,
        weights("return (Q @ K.mT / 2).softmax(2)"),
        "take it from the shapes",
    ),
    "d is always 9": (
        WEIGHTS,
        weights("return (Q @ K.mT / 3).softmax(2)"),
        "d = 16, is wrong in",
    ),
    "softmax over queries": (
        WEIGHTS,
        weights("return (Q @ K.mT / Q.shape[2] ** 0.5).softmax(1)"),
        "not along the queries",
    ),
    "softmax over texts": (
        WEIGHTS,
        weights("return (Q @ K.mT / Q.shape[2] ** 0.5).softmax(0)"),
        "not along the texts",
    ),
    "turned": (
        WEIGHTS,
        weights("return (Q @ K.mT / Q.shape[2] ** 0.5).softmax(2).mT"),
        "rows are queries, columns are keys",
    ),
    "softmax over a text": (
        WEIGHTS,
        weights("e = (Q @ K.mT / Q.shape[2] ** 0.5).exp(); return e / e.sum((1, 2), True)"),
        "not a whole text",
    ),
    "softmax over everything": (
        WEIGHTS,
        weights("e = (Q @ K.mT / Q.shape[2] ** 0.5).exp(); return e / e.sum()"),
        "not all weights",
    ),
    "divided after softmax": (
        WEIGHTS,
        weights("return (Q @ K.mT).softmax(2) / Q.shape[2] ** 0.5"),
        "divide the scores, before softmax",
    ),
    "scores": (WEIGHTS, weights("return Q @ K.mT / Q.shape[2] ** 0.5"), "these are the scores"),
    "not transposed": (WEIGHTS, weights("return (Q @ K).softmax(2)"), "your code raised Runtime"),
    "the first text only": (
        WEIGHTS,
        weights("return (Q[0] @ K[0].T / Q.shape[2] ** 0.5).softmax(1)"),
        r"has shape \(3, 5\), expected \(2, 3, 5\)",
    ),
    "every text like the first": (
        WEIGHTS,
        weights("return (Q @ K[0].T / Q.shape[2] ** 0.5).softmax(2)"),
        "is wrong in",
    ),
    "two texts": (
        WEIGHTS,
        weights(
            "return torch.stack([(Q[b] @ K[b].T / Q.shape[2] ** 0.5).softmax(1) for b in range(2)])"
        ),
        "has shape|raised IndexError",
    ),
    "as many keys as queries": (
        WEIGHTS,
        weights("return (Q @ K[:, : Q.shape[1]].mT / Q.shape[2] ** 0.5).softmax(2)"),
        "has shape",
    ),
    "rounded": (
        WEIGHTS,
        weights("return (Q @ K.mT / Q.shape[2] ** 0.5).softmax(2).round(decimals=3)"),
        "is wrong in",
    ),
    "in half precision": (
        WEIGHTS,
        weights("return (Q @ K.mT / Q.shape[2] ** 0.5).bfloat16().softmax(2)"),
        "is wrong in",
    ),
    "overflow": (
        WEIGHTS,
        weights("e = (Q @ K.mT / Q.shape[2] ** 0.5).exp(); return e / e.sum(2, keepdim=True)"),
        "subtract each row's largest",
    ),
    "less the largest of all": (
        WEIGHTS,
        weights(
            "s = Q @ K.mT / Q.shape[2] ** 0.5; e = (s - s.max()).exp(); "
            "return e / e.sum(2, keepdim=True)"
        ),
        "subtract each row's largest",
    ),
    "large scores cut off": (
        WEIGHTS,
        weights(
            "e = (Q @ K.mT / Q.shape[2] ** 0.5).clamp(-60, 60).exp(); "
            "return e / e.sum(2, keepdim=True)"
        ),
        "for keys of 101 and 100",
    ),
    "with a small number against division by 0": (
        WEIGHTS,
        weights(
            "e = (Q @ K.mT / Q.shape[2] ** 0.5).exp(); return e / (e.sum(2, keepdim=True) + 1e-3)"
        ),
        "is wrong in",
    ),
    "changes the queries": (
        WEIGHTS,
        weights("Q /= Q.shape[2] ** 0.5; return (Q @ K.mT).softmax(2)"),
        "changes `Q`",
    ),
    "no return": (WEIGHTS, weights("(Q @ K.mT).softmax(2)"), "is None"),
    "padding forgotten": (
        MASKS,
        masks("allowed = torch.ones_like(scores).bool()", CAUSAL, SOFTMAX),
        "padding is still looked at",
    ),
    "masked after softmax": (
        MASKS,
        masks(PADDING, CAUSAL, "return scores.softmax(-1) * allowed"),
        "mask before softmax",
    ),
    "filled with 0": (
        MASKS,
        masks(PADDING, CAUSAL, "return (scores * allowed).softmax(-1)"),
        "must be −∞",
    ),
    "mask inverted": (
        MASKS,
        masks(PADDING, CAUSAL, "return scores.masked_fill(allowed, -torch.inf).softmax(-1)"),
        "true where looking is allowed",
    ),
    "queries hidden": (
        MASKS,
        masks("allowed = real[:, :, None].expand_as(scores)", CAUSAL, SOFTMAX),
        "hide columns",
    ),
    "always causal": (
        MASKS,
        masks(PADDING, CAUSAL.replace("if causal", "if True"), SOFTMAX),
        "not causal",
    ),
    "never causal": (MASKS, masks(PADDING, SOFTMAX), "sees itself and what comes before"),
    "future in place of past": (
        MASKS,
        masks(PADDING, CAUSAL.replace("tril", "triu"), SOFTMAX),
        "let a token see itself",
    ),
    "not even itself": (
        MASKS,
        masks(PADDING, CAUSAL.replace("tril()", "tril(-1)"), SOFTMAX),
        "let a token see itself",
    ),
    "causal instead of padding": (
        MASKS,
        masks(PADDING, CAUSAL.replace("allowed & ", ""), SOFTMAX),
        "padding is still looked at",
    ),
    "one mask or the other": (
        MASKS,
        masks(PADDING, CAUSAL.replace("allowed & ", "allowed | "), SOFTMAX),
        "combine them with &",
    ),
    "softmax along queries": (
        MASKS,
        masks(PADDING, CAUSAL, SOFTMAX.replace("softmax(-1)", "softmax(1)")),
        "softmax along the keys",
    ),
    "the first text's padding for all": (
        MASKS,
        masks("allowed = real[:1, None, :].expand_as(scores)", CAUSAL, SOFTMAX),
        "each text has a padding of its own",
    ),
    "padding as it broadcasts": (
        MASKS,
        masks("allowed = torch.ones_like(scores).bool() & real", CAUSAL, SOFTMAX),
        "your code raised RuntimeError",
    ),
    "padding as it broadcasts, where texts are as many as tokens": (
        MASKS,
        masks(
            "fits = len(real) == real.shape[1]",
            "allowed = real.expand_as(scores) if fits else real[:, None, :].expand_as(scores)",
            CAUSAL,
            SOFTMAX,
        ),
        "3 texts, t = 3, is wrong in",
    ),
    "one text": (
        MASKS,
        masks(
            "allowed = real[0].expand_as(scores[0])",
            CAUSAL.replace("scores", "scores[0]"),
            "return scores[0].masked_fill(~allowed, -torch.inf).softmax(-1)[None]",
        ),
        "has shape",
    ),
    "three tokens": (
        MASKS,
        masks(PADDING, "if causal: allowed = allowed & torch.ones(3, 3).bool().tril()", SOFTMAX),
        "has shape",
    ),
    "all lengths like the mean": (
        MASKS,
        masks(
            "n = real.sum() // len(real)",
            "allowed = (torch.arange(real.shape[1]) < n).expand_as(scores)",
            CAUSAL,
            SOFTMAX,
        ),
        "is wrong in",
    ),
    "padding asks nobody": (
        MASKS,
        masks(
            PADDING,
            CAUSAL,
            "return scores.masked_fill(~allowed, -torch.inf).softmax(-1) * real[:, :, None]",
        ),
        "is wrong in",
    ),
    "a large finite number": (
        MASKS,
        masks(PADDING, CAUSAL, SOFTMAX.replace("-torch.inf", "-1e9")),
        "hide with −∞",
    ),
    "the lowest finite number": (
        MASKS,
        masks(PADDING, CAUSAL, SOFTMAX.replace("-torch.inf", "torch.finfo().min")),
        "hide with −∞",
    ),
    "a large finite number, added": (
        MASKS,
        masks(
            "hidden = torch.zeros_like(scores)",
            "hidden += torch.where(real, 0.0, -1e9)[:, None]",
            "if causal: hidden += torch.full_like(scores[0], -1e9).triu(1)",
            "return (scores + hidden).softmax(dim=2)",
        ),
        "hide with −∞",
    ),
    "the lowest finite number, added": (
        MASKS,
        masks(
            PADDING,
            CAUSAL,
            "return (scores + torch.where(allowed, 0.0, torch.finfo().min)).softmax(dim=2)",
        ),
        "hide with −∞",
    ),
    "powers that overflow": (
        MASKS,
        masks(PADDING, CAUSAL, "e = scores.exp() * allowed", "return e / e.sum(2, keepdim=True)"),
        "leave that to softmax",
    ),
    "changes the scores": (
        MASKS,
        masks(PADDING, CAUSAL, "return scores.masked_fill_(~allowed, -torch.inf).softmax(-1)"),
        "changes `scores`",
    ),
    "changes the mask": (
        MASKS,
        masks(
            PADDING,
            CAUSAL,
            "weights =" + SOFTMAX.removeprefix("return"),
            "real[:] = True",
            "return weights",
        ),
        "changes `real`",
    ),
    "times −∞": (
        MASKS,
        masks(PADDING, CAUSAL, "return (scores + (~allowed).float() * -torch.inf).softmax(-1)"),
        "0 was multiplied by −∞",
    ),
    "masks not returned": (MASKS, masks(PADDING, CAUSAL), "is None"),
    "looks at itself": (BACK, back("99 * torch.eye(t)", "torch.eye(t)"), "looks at itself"),
    "looks ahead": (
        BACK,
        back("99 * torch.eye(t)", "torch.eye(t).roll(-1, 1)"),
        "shift the other way",
    ),
    "looks at the first": (
        BACK,
        back("99 * torch.ones(t, t)", "torch.eye(t)[:1] * torch.eye(t)[:, :1]"),
        "all look at the first",
    ),
    "too soft": (BACK, back("torch.eye(t)", "torch.eye(t).roll(1, 1)"), "sharper: mind √t"),
    "a constant for short texts": (
        BACK,
        back("20 * torch.eye(t)", "torch.eye(t).roll(1, 1)"),
        "larger scores .* of 17 tokens, one puts only",
    ),
    "a constant for longer texts": (
        BACK,
        back("99 * torch.eye(t)", "torch.eye(t).roll(1, 1)"),
        "larger scores .* of 1000 tokens, one puts only",
    ),
    "minds √t, but not the number of keys": (
        BACK,
        back("8 * t**0.5 * torch.eye(t)", "torch.eye(t).roll(1, 1)"),
        "larger scores .* of 1000 tokens, one puts only",
    ),
    "six tokens": (BACK, back("99 * torch.eye(6)", "torch.eye(6).roll(1, 1)"), "has shape"),
    "infinite": (
        BACK,
        back("torch.eye(t) / 0", "torch.eye(t).roll(1, 1)"),
        "scores must be finite",
    ),
    "the last one forgotten": (
        BACK,
        "def previous_token_head(t):\n"
        "    W_K = torch.eye(t).roll(1, 1)\n"
        "    W_K[-2] = 0\n"
        "    return 1e4 * torch.eye(t), W_K",
        "where tokens 1 to 5 look most",
    ),
    "no text of one token": (
        BACK,
        "def previous_token_head(t):\n"
        "    W_K = torch.eye(t).roll(1, 1)\n"
        "    W_K[1, 0] = 0\n"
        "    return 1e4 * torch.eye(t), W_K",
        "your code raised IndexError",
    ),
    "one matrix": (
        BACK,
        "def previous_token_head(t):\n    return torch.eye(t).roll(1, 1)",
        "must return two matrices",
    ),
    "one number short": (BACK, back("torch.eye(t - 1)", "torch.eye(t)"), "W_Q has shape"),
    "back without return": (
        BACK,
        "def previous_token_head(t):\n    torch.eye(t)",
        "two matrices: return W_Q, W_K",
    ),
    "weights blank": (WEIGHTS, BLANK.format("attention_weights(Q, K)"), "not written yet"),
    "masks blank": (MASKS, BLANK.format("masked_weights(*all)"), "not written yet"),
    "back blank": (BACK, BLANK.format("previous_token_head(t)"), "not written yet"),
}

RIGHT = {
    "weights, loops": (
        WEIGHTS,
        "import math\n"
        "def attention_weights(Q, K):\n"
        "    texts = []\n"
        "    for queries, keys in zip(Q.tolist(), K.tolist()):\n"
        "        rows = []\n"
        "        for q in queries:\n"
        "            scores = [sum(map(float.__mul__, q, k)) / math.sqrt(len(k)) for k in keys]\n"
        "            powers = [math.exp(score - max(scores)) for score in scores]\n"
        "            rows.append([power / sum(powers) for power in powers])\n"
        "        texts.append(rows)\n"
        "    return texts",
    ),
    "weights, queries divided first": (
        WEIGHTS,
        weights(
            "return torch.softmax(torch.bmm(K, (Q / K.size(-1) ** 0.5).mT).mT.double(), dim=-1)"
        ),
    ),
    "weights, numpy": (
        WEIGHTS,
        "import numpy as np\n"
        "def attention_weights(Q, K):\n"
        "    Q, K = Q.numpy(), K.numpy()\n"
        "    scores = np.einsum('btd,bsd->bts', Q, K) / np.sqrt(Q.shape[-1])\n"
        "    scores -= scores.max(axis=-1, keepdims=True)\n"
        "    powers = np.exp(scores)\n"
        "    return powers / powers.sum(axis=-1, keepdims=True)",
    ),
    "weights, one text after another": (
        WEIGHTS,
        "def one(q, k):\n"
        "    return torch.log_softmax(q @ k.T / k.shape[1] ** 0.5, dim=1).exp()\n"
        "def attention_weights(Q, K):\n"
        "    return torch.stack([one(q, k) for q, k in zip(Q, K)])",
    ),
    "masks, added": (
        MASKS,
        masks(
            "hidden = torch.zeros_like(scores)",
            "hidden += torch.where(real, 0.0, -torch.inf)[:, None]",
            "if causal: hidden += torch.full_like(scores[0], -torch.inf).triu(1)",
            "return (scores + hidden).softmax(dim=2)",
        ),
    ),
    "masks, by lengths and in float64": (
        MASKS,
        masks(
            "places = torch.arange(scores.shape[2])",
            "hidden = (places >= real.sum(1, keepdim=True))[:, None]",
            "if causal: hidden = hidden | (places[None, :] > places[:, None])",
            "return torch.where(hidden, -torch.inf, scores.double()).softmax(-1)",
        ),
    ),
    "masks, logarithms": (
        MASKS,
        masks(PADDING, CAUSAL, "return (scores + allowed.float().log()).softmax(-1)"),
    ),
    "masks, arrays": (
        MASKS,
        "import numpy as np\n"
        "def masked_weights(scores, real, causal):\n"
        "    scores, t = scores.numpy().astype(np.float64), scores.shape[1]\n"
        "    allowed = np.repeat(real.numpy()[:, None], t, axis=1)\n"
        "    allowed = np.tril(allowed) if causal else allowed\n"
        "    scores = np.where(allowed, scores, -np.inf)\n"
        "    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))\n"
        "    return powers / powers.sum(axis=-1, keepdims=True)",
    ),
    "weights, by PyTorch's attention": (
        WEIGHTS,
        weights(
            "s = torch.eye(K.shape[1]).expand(len(K), -1, -1); "
            "return torch.nn.functional.scaled_dot_product_attention(Q, K, s)"
        ),
    ),
    "masks, loops": (
        MASKS,
        masks(
            "weights = torch.zeros_like(scores)",
            "for b in range(len(scores)):",
            "    for i in range(scores.shape[1]):",
            "        seen = [j for j in range(scores.shape[2])",
            "                if real[b, j] and (not causal or j <= i)]",
            "        weights[b, i, seen] = scores[b, i, seen].softmax(0)",
            "return weights",
        ),
    ),
    "back, keys scaled and queries shifted": (
        BACK,
        back("torch.eye(t).roll(-1, 1)", "40 * t * torch.eye(t)"),
    ),
    "back, a constant that is large enough": (
        BACK,
        back("[[1e4 * (i == j) for j in range(t)] for i in range(t)]", "torch.eye(t).roll(1, 1)"),
    ),
    "back, as a list of arrays": (
        BACK,
        "import numpy as np\n"
        "def previous_token_head(t):\n"
        "    return [np.eye(t, k=1)[::-1] * t * 9, np.eye(t)[::-1]]",
    ),
    "back, by places": (
        BACK,
        "def previous_token_head(t):\n"
        "    W_Q = [[0.0] * t for _ in range(t)]\n"
        "    for i in range(1, t):\n"
        "        W_Q[i][i - 1] = 1e3\n"
        "    return torch.tensor(W_Q), torch.eye(t)",
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


@pytest.mark.parametrize("exercise", [WEIGHTS, MASKS, BACK])
def test_solution_of_the_page_passes_both_checks(exercise):
    exercise.assert_accepted(exercise.solution)
