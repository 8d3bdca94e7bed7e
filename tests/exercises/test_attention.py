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
    "not divided": (WEIGHTS, weights("return (Q @ K.T).softmax(1)"), "not divided by √d"),
    "divided by d": (WEIGHTS, weights("return (Q @ K.T / Q.shape[1]).softmax(1)"), "not by d"),
    "divided by the root of queries": (
        WEIGHTS,
        weights("return (Q @ K.T / len(Q) ** 0.5).softmax(1)"),
        "not the number of queries",
    ),
    "divided by the root of keys": (
        WEIGHTS,
        weights("return (Q @ K.T / len(K) ** 0.5).softmax(1)"),
        "not the number of keys",
    ),
    "softmax over queries": (
        WEIGHTS,
        weights("return (Q @ K.T / Q.shape[1] ** 0.5).softmax(0)"),
        "softmax runs along the keys",
    ),
    "turned": (
        WEIGHTS,
        weights("return (Q @ K.T / Q.shape[1] ** 0.5).softmax(1).T"),
        "rows are queries, columns are keys",
    ),
    "softmax over everything": (
        WEIGHTS,
        weights("e = (Q @ K.T / Q.shape[1] ** 0.5).exp(); return e / e.sum()"),
        "not all weights together",
    ),
    "divided after softmax": (
        WEIGHTS,
        weights("return (Q @ K.T).softmax(1) / Q.shape[1] ** 0.5"),
        "divide the scores, before softmax",
    ),
    "scores": (WEIGHTS, weights("return Q @ K.T / Q.shape[1] ** 0.5"), "these are the scores"),
    "not transposed": (WEIGHTS, weights("return (Q @ K).softmax(1)"), "your code raised Runtime"),
    "no return": (WEIGHTS, weights("(Q @ K.T).softmax(1)"), "is None"),
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
        "hide columns, not rows",
    ),
    "always causal": (
        MASKS,
        masks(PADDING, CAUSAL.replace("if causal", "if True"), SOFTMAX),
        "not causal",
    ),
    "never causal": (MASKS, masks(PADDING, SOFTMAX), "the first token sees only itself"),
    "future in place of past": (
        MASKS,
        masks(PADDING, CAUSAL.replace("tril", "triu"), SOFTMAX),
        "let a token see itself and before",
    ),
    "not even itself": (
        MASKS,
        masks(PADDING, CAUSAL.replace("tril()", "tril(-1)"), SOFTMAX),
        "let a token see itself",
    ),
    "causal instead of padding": (
        MASKS,
        masks(PADDING, CAUSAL.replace("allowed & ", ""), SOFTMAX),
        "with causal, padding must stay hidden",
    ),
    "one mask or the other": (
        MASKS,
        masks(PADDING, CAUSAL.replace("allowed & ", "allowed | "), SOFTMAX),
        "combine them with &",
    ),
    "softmax along queries": (
        MASKS,
        masks(PADDING, CAUSAL, SOFTMAX.replace("softmax(-1)", "softmax(1)")),
        "take softmax along the keys",
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
    "too soft": (BACK, back("torch.eye(t)", "torch.eye(t).roll(1, 1)"), "sharper; mind the √t"),
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

WRONG_ONLY_IN_HIDING = {
    "d is always 4": (WEIGHTS, weights("return (Q @ K.T / 2).softmax(1)"), "d = 9"),
    "overflow": (
        WEIGHTS,
        weights("e = (Q @ K.T / Q.shape[1] ** 0.5).exp(); return e / e.sum(1, keepdim=True)"),
        "scores of 20,000",
    ),
    "changes the queries": (
        WEIGHTS,
        weights("Q /= Q.shape[1] ** 0.5; return (Q @ K.T).softmax(1)"),
        "copy it",
    ),
    "the first text's padding for all": (
        MASKS,
        masks("allowed = real[:1, None, :].expand_as(scores)", CAUSAL, SOFTMAX),
        "three texts",
    ),
    "sharp enough for short texts only": (
        BACK,
        back("15 * torch.eye(t)", "torch.eye(t).roll(1, 1)"),
        "of 17 tokens, one puts only",
    ),
    "six tokens": (BACK, back("99 * torch.eye(6)", "torch.eye(6).roll(1, 1)"), "has shape"),
}

RIGHT = {
    "weights, loops": (
        WEIGHTS,
        "import math\n"
        "def attention_weights(Q, K):\n"
        "    rows = []\n"
        "    for q in Q:\n"
        "        scores = torch.stack([(q * k).sum() / math.sqrt(len(k)) for k in K])\n"
        "        powers = (scores - scores.max()).exp()\n"
        "        rows.append(powers / powers.sum())\n"
        "    return torch.stack(rows)",
    ),
    "weights, queries divided first": (
        WEIGHTS,
        weights("return torch.softmax((K @ (Q / K.size(-1) ** 0.5).T).T, dim=-1)"),
    ),
    "masks, added": (
        MASKS,
        masks(
            "hidden = torch.zeros_like(scores)",
            "hidden += torch.where(real, 0.0, -1e9)[:, None]",
            "if causal: hidden += torch.full_like(scores[0], -1e9).triu(1)",
            "return (scores + hidden).softmax(dim=2)",
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


@pytest.mark.parametrize("name", WRONG_ONLY_IN_HIDING)
def test_hidden_check_turns_down_what_the_visible_one_cannot_see(name):
    exercise, answer, hint = WRONG_ONLY_IN_HIDING[name]
    exercise.assert_accepted(answer, hidden=False)
    exercise.assert_refused(answer, hint, hidden=True)


@pytest.mark.parametrize("name", RIGHT)
def test_right_answer_written_otherwise_passes_both_checks(name):
    exercise, answer = RIGHT[name]
    exercise.assert_accepted(answer)


@pytest.mark.parametrize("exercise", [WEIGHTS, MASKS, BACK])
def test_solution_of_the_page_passes_both_checks(exercise):
    exercise.assert_accepted(exercise.solution)
