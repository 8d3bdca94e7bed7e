"""The exercises of the chapter on training: the page's own check cells turn typical wrong answers
down, with a sentence that points at the mistake, and let right ones pass."""

import pytest

from clipbook.exercises import CheckFailed, check, close

from .chapter import Exercise, labels

CHAPTER = "pairs/training"
LOG = Exercise(CHAPTER, "read-the-log")
TRAPEZOID = Exercise(CHAPTER, "trapezoid")
CHECKPOINT = Exercise(CHAPTER, "checkpoint")

ALL = '{"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step}'


def log(
    limit: str = "math.log(N) / 2",
    *,
    of: str = "losses[k - window + 1 : k + 1]",
    start: str = "window - 1",
    give: str = "k",
) -> str:
    return (
        "import math\n\n\n"
        "def step_learned(losses, N, window):\n"
        f"    for k in range({start}, len(losses)):\n"
        f"        part = {of}\n"
        f"        if sum(part) / len(part) < {limit}:\n"
        f"            return {give}\n"
        "    return None"
    )  # fmt: skip


def trapezoid(*lines: str) -> str:
    return "def trapezoid(k, steps, peak, warmup, cooldown):\n" + "\n".join(
        f"    {line}" for line in lines
    )


def checkpoint(
    packed: str = f"copy.deepcopy({ALL})",
    *unpacking: str,
    step: str = "state['step']",
) -> str:
    unpacking = unpacking or (
        "state = copy.deepcopy(state)",
        "model.load_state_dict(state['model'])",
        "optimiser.load_state_dict(state['optimiser'])",
    )
    return (
        "import copy\n\n\n"
        f"def pack(model, optimiser, step):\n    return {packed}\n\n\n"
        "def unpack(state, model, optimiser):\n"
        + "".join(f"    {line}\n" for line in unpacking)
        + f"    return {step}"
    )


UP = "if k < warmup: return peak * (k + 1) / warmup"
DOWN = "if steps - k < cooldown: return peak * (steps - k) / cooldown"

WRONG = [
    (LOG, "one loss", log(of="losses[k:k + 1]", start="0"), "a single low loss"),
    (LOG, "one loss, later", log(of="losses[k:k + 1]"), "a single low loss"),
    (LOG, "too early", log(of="losses[max(0, k - window + 1) : k + 1]", start="0"),
     "a single low loss|have no mean"),
    (LOG, "not halved", log("math.log(N)"), "half of ln N, not ln N"),
    (LOG, "base 2", log("math.log2(N) / 2"), "base 2"),
    (LOG, "base 10", log("math.log10(N) / 2"), "base 10"),
    (LOG, "half of N", log("N / 2"), "the logarithm of N"),
    (LOG, "start of the window", log(give="k - window + 1"), "not at its beginning"),
    (LOG, "counted from 1", log(give="k + 1"), "counted from 0"),
    (LOG, "step left out", log(of="losses[k - window : k]", start="window"), "its own window"),
    (LOG, "every loss", log(of="[max(losses[k - window + 1 : k + 1])]"), "not every single loss"),
    (LOG, "blocks", log().replace("len(losses)):", "len(losses), window):"),
     "the windows overlap"),
    (LOG, "mean from the beginning", log(of="losses[: k + 1]"), "returns None, expected 16"),
    (LOG, "the loss itself", log(give="sum(part) / len(part)"), "not the mean"),
    (LOG, "yes", log(give="True"), "not yes or no"),
    (TRAPEZOID, "from 0", trapezoid("if k < warmup: return peak * k / warmup", DOWN,
                                    "return peak"), "step 0 has peak / warmup, not 0"),
    (TRAPEZOID, "to 0", trapezoid(
        UP, "left = steps - k - 1", "if left < cooldown: return peak * left / cooldown",
        "return peak"), "the last step has peak / cooldown, not 0"),
    (TRAPEZOID, "both ends 0", trapezoid(
        "left = steps - k - 1",
        "return peak * min(k / warmup, left / cooldown, 1)"), "yours have 0"),
    (TRAPEZOID, "no peak", trapezoid(UP.replace("peak * ", ""), DOWN.replace("peak * ", ""),
                                     "return 1.0"), "a share of `peak`"),
    (TRAPEZOID, "exchanged", trapezoid(
        "warmup, cooldown = cooldown, warmup", UP, DOWN, "return peak"), "are exchanged"),
    (TRAPEZOID, "no end", trapezoid(UP, "return peak"), "never cools down"),
    (TRAPEZOID, "no beginning", trapezoid(DOWN, "return peak"), "never warms up"),
    (TRAPEZOID, "no level", trapezoid(UP, "return peak * (steps - k) / (steps - warmup + 1)"),
     "the cool-down begins"),
    (TRAPEZOID, "a way without return", trapezoid(UP, DOWN), "end in `return`"),
    (CHECKPOINT, "no optimiser", checkpoint(
        "copy.deepcopy({'model': model.state_dict(), 'step': step})",
        "model.load_state_dict(state['model'])"), "optimiser's memory"),
    (CHECKPOINT, "no weights", checkpoint(
        f"copy.deepcopy({ALL})", "optimiser.load_state_dict(state['optimiser'])"),
     "weights .* are not what they were"),
    (CHECKPOINT, "parameters only", checkpoint(
        "copy.deepcopy({'model': dict(model.named_parameters()), "
        "'optimiser': optimiser.state_dict(), 'step': step})",
        "model.load_state_dict(state['model'], strict=False)",
        "optimiser.load_state_dict(state['optimiser'])"), "the buffers .* are not what they were"),
    (CHECKPOINT, "another name for it", checkpoint(
        "copy.deepcopy({'model': model, 'optimiser': optimiser, 'step': step})",
        "model = state['model']", "optimiser = state['optimiser']"), "weights .* are not"),
    (CHECKPOINT, "no copy on either side", checkpoint(
        ALL, "model.load_state_dict(state['model'])",
        "optimiser.load_state_dict(state['optimiser'])"), "the same tensors: copy them"),
    (CHECKPOINT, "no step", checkpoint(step="None"), "returns None"),
    (CHECKPOINT, "one step left out", checkpoint(step="state['step'] + 1"), "returns 6"),
    (CHECKPOINT, "from the start", checkpoint(step="0"), "returns 0"),
    (CHECKPOINT, "a tuple", checkpoint(
        "(copy.deepcopy(model.state_dict()), copy.deepcopy(optimiser.state_dict()), step)",
        "model.load_state_dict(state[0])", "optimiser.load_state_dict(state[1])",
        step="state[2]"), "a dictionary, not tuple"),
    (LOG, "by heart", log(give="16"), "first loss is low enough"),
    (LOG, "windows of four", log(of="losses[max(0, k - 3) : k + 1]"), "window=3"),
    (LOG, "N of 16", log("math.log(16) / 2"), "for a log that falls at once"),
    (LOG, "last step for never", log().replace("return None", "return len(losses) - 1"),
     "never falls, return None"),
    (LOG, "minus one for never", log().replace("return None", "return -1"), "not -1"),
    (LOG, "found or None", "import math\n\n\n"
     "def step_learned(losses, N, window):\n"
     "    found = None\n"
     "    for k in reversed(range(window - 1, len(losses))):\n"
     "        if sum(losses[k - window + 1 : k + 1]) / window < math.log(N) / 2:\n"
     "            found = k\n"
     "    return found or None", "first loss is low enough and the window is 1, step_learned ret"),
    (LOG, "at most half", log().replace("<", "<="), "never below"),
    (LOG, "short windows too", log(of="losses[max(0, k - window + 1) : k + 1]",
     start="min(window, len(losses)) - 1"), "shorter than the window"),
    (LOG, "changes the log", log().replace("    for", "    losses.append(9.0)\n    for", 1),
     "changes `losses`"),
    (TRAPEZOID, "division by zero", trapezoid(
        "return peak * min((k + 1) / warmup, (steps - k) / cooldown, 1)"), "ZeroDivisionError"),
    (TRAPEZOID, "all or nothing", trapezoid(
        "if not warmup or not cooldown: return peak", UP, DOWN, "return peak"),
     "warmup=3 and cooldown=0"),
    (TRAPEZOID, "no warm-up, no cool-down", trapezoid(
        "if not warmup: return peak", UP, DOWN, "return peak"), "warmup=0 and cooldown=3"),
    (TRAPEZOID, "twelve steps", trapezoid(UP, DOWN.replace("steps", "12"), "return peak"),
     "of 7 steps"),
    (TRAPEZOID, "peak of 0.8", trapezoid(
        UP.replace("peak", "0.8"), DOWN.replace("peak", "0.8"), "return 0.8"), "of 4 steps"),
    (CHECKPOINT, "no copy", checkpoint(ALL), "after it was packed: copy"),
    (CHECKPOINT, "a flat copy", checkpoint(f"copy.copy({ALL})"), "after it was packed: copy"),
    (CHECKPOINT, "a step by heart", checkpoint(step="5"), "returns 5, expected 8"),
    (CHECKPOINT, "emptied by unpacking", checkpoint(
        f"copy.deepcopy({ALL})", "model.load_state_dict(state.pop('model'))",
        "optimiser.load_state_dict(state.pop('optimiser'))"), "changes the checkpoint"),
    (CHECKPOINT, "no learning rate", checkpoint(
        "copy.deepcopy({'model': model.state_dict(), 'optimiser': optimiser.state_dict()['state'], "
        "'step': step})", "state = copy.deepcopy(state)",
        "model.load_state_dict(state['model'])",
        "whole = optimiser.state_dict() | {'state': state['optimiser']}",
        "optimiser.load_state_dict(whole)"), "the learning rate is 0.3"),
    (CHECKPOINT, "one checkpoint for all", (
        "import copy\n\nSTATE = {}\n\n\n"
        "def pack(model, optimiser, step):\n"
        f"    STATE.update(copy.deepcopy({ALL}))\n"
        "    return STATE\n\n\n"
        "def unpack(state, model, optimiser):\n"
        "    state = copy.deepcopy(state)\n"
        "    model.load_state_dict(state['model'])\n"
        "    optimiser.load_state_dict(state['optimiser'])\n"
        "    return state['step']"), "returns 8, expected 5"),
    (CHECKPOINT, "packing stops the model", checkpoint(
        f"(model[0].weight.data.zero_(), copy.deepcopy({ALL}))[1]"), "pack changes the model"),
]  # fmt: skip

WRONG_ONLY_IN_HIDING = [
    (LOG, "zeros don't count", log(of="[x for x in losses[k - window + 1 : k + 1] if x] or [9]")
     .replace("sum(part) / len(part)", "sum(part) / window"), "with one loss"),
    (TRAPEZOID, "at most a hundred steps", trapezoid(
        "steps = min(steps, 100)", UP, DOWN, "return peak"), "of 200 steps"),
    (CHECKPOINT, "copied only in pack", checkpoint(
        f"copy.deepcopy({ALL})", "model.load_state_dict(state['model'])",
        "optimiser.load_state_dict(state['optimiser'])"), "second time.* copy the tensors"),
]  # fmt: skip

RIGHT = [
    (LOG, "a running sum",
     "from math import log\n\n\n"
     "def step_learned(losses, N, window):\n"
     "    total = 0.0\n"
     "    for k, loss in enumerate(losses):\n"
     "        total += loss - (losses[k - window] if k >= window else 0)\n"
     "        if k + 1 >= window and total < window * log(N) / 2:\n"
     "            return k"),
    (LOG, "unfold",
     "def step_learned(losses, N, window):\n"
     "    if len(losses) < window:\n"
     "        return None\n"
     "    means = torch.tensor(losses).double().unfold(0, window, 1).mean(dim=1)\n"
     "    below = (means < torch.tensor(float(N)).log() / 2).nonzero()\n"
     "    return below[0].item() + window - 1 if len(below) else None"),
    (TRAPEZOID, "the least of three", trapezoid(
        "rise = (k + 1) / warmup if warmup else 1",
        "fall = (steps - k) / cooldown if cooldown else 1",
        "return peak * min(1, rise, fall)")),
    (TRAPEZOID, "a list", trapezoid(
        "rates = [peak * i / warmup for i in range(1, warmup + 1)]",
        "rates += [peak] * (steps - warmup - cooldown)",
        "rates += [peak * i / cooldown for i in range(cooldown, 0, -1)]",
        "return rates[k]")),
    (CHECKPOINT, "through a file", (
        "import io\n\n\n"
        "def pack(model, optimiser, step):\n"
        "    file = io.BytesIO()\n"
        "    torch.save([model.state_dict(), optimiser.state_dict(), step], file)\n"
        "    return {'bytes': file.getvalue()}\n\n\n"
        "def unpack(state, model, optimiser):\n"
        "    weights, memory, step = torch.load(io.BytesIO(state['bytes']))\n"
        "    model.load_state_dict(weights)\n"
        "    optimiser.load_state_dict(memory)\n"
        "    return step")),
    (CHECKPOINT, "piece by piece", checkpoint(
        "{'a': {n: t.clone() for n, t in model.state_dict().items()}, "
        "'b': copy.deepcopy(optimiser.state_dict()), 'c': step}",
        "model.load_state_dict(state['a'])",
        "optimiser.load_state_dict(copy.deepcopy(state['b']))", step="state['c']")),
]  # fmt: skip

EXERCISES = [LOG, TRAPEZOID, CHECKPOINT]


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
    heads = [line for line in exercise.solution.splitlines() if line.startswith("def ")]
    blank = "\n\n\n".join(f"{head}\n    raise NotImplementedError()" for head in heads)
    names = exercise.define(blank) | {"check": check, "close": close}
    if exercise is CHECKPOINT:  # the hidden check uses what the visible one has defined
        with pytest.raises(CheckFailed):
            exec(exercise.visible, names)
    for cell in (exercise.visible, exercise.hidden):
        with pytest.raises(CheckFailed, match="not written yet"):
            exec(cell, names)
