"""What a student reads: one sentence for whatever is wrong, and a line if all is right."""

import sys
import warnings

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from clipbook.exercises import CheckFailed, check, close


def message(got, want, **options) -> str:
    with pytest.raises(CheckFailed) as failed:
        close(got, want, "double(x)", **options)
    return str(failed.value)


@pytest.mark.parametrize(
    "got",
    [
        torch.tensor([1, 2]),
        torch.tensor([1.0, 2.0], requires_grad=True),
        np.array([1, 2]),
        [1, 2.0],
        (torch.tensor(1), torch.tensor(2)),
        torch.tensor([1 + 1e-7, 2.0]),
    ],
)
def test_right_values_pass_whatever_holds_them(got):
    close(got, [1, 2], "double(x)")


def test_number_passes_for_a_number():
    close(torch.tensor(3.0), 3, "x")
    close(3, torch.tensor(3), "x")


def test_missing_return_is_named():
    assert "does the function end in `return`" in message(None, [1, 2])


def test_wrong_shape_tells_both_shapes():
    assert message(torch.zeros(2, 1), [0, 0]) == "double(x) has shape (2, 1), expected (2,)"


def test_few_values_are_told_in_full():
    assert message([1, 3.25], [1, 2]) == "double(x) is [1, 3.25], expected [1, 2]"


def test_of_many_values_the_first_wrong_one_is_told():
    got = torch.zeros(4, 4)
    got[1, 2] = got[3, 3] = 0.5
    assert message(got, torch.zeros(4, 4)) == (
        "double(x) is wrong in 2 of 16 places; the first is [1, 2]: 0.5, expected 0"
    )


def test_values_that_are_not_numbers_are_refused():
    assert "nan" in message(torch.tensor([float("nan")]), [1])
    for got in ("two", {"a": 1}, [[1], [1, 2]], object()):
        assert "does not hold numbers" in message(got, [1, 2])


def test_typical_mistake_is_called_by_its_name():
    mistakes = {"it adds": [2, 3], "it forgets to return a list": 4}
    assert message([2, 3], [2, 4], mistakes=mistakes).endswith("expected [2, 4]: it adds")
    assert message(4, [2, 4], mistakes=mistakes).endswith("it forgets to return a list")
    assert "it adds" not in message([9, 9], [2, 4], mistakes=mistakes)


def test_tolerance_is_kept():
    close(1.05, 1, "x", tolerance=0.1)
    assert "1.2" in message(1.2, 1, tolerance=0.1)


def run(answer) -> str:
    """What the check of an exercise says of a piece of code; empty if it says nothing."""
    try:
        with check("Exercise 1"):
            answer()
    except CheckFailed as failed:
        return str(failed)
    return ""


def test_right_answer_is_told_so(capsys):
    assert run(lambda: None) == ""
    assert capsys.readouterr().out == "✓ Exercise 1: correct\n"


def test_wrong_answer_is_told_by_exercise_and_not_called_correct(capsys):
    assert run(lambda: close(1, 2, "x")) == "Exercise 1: x is 1, expected 2"
    assert capsys.readouterr().out == ""


def test_blank_exercise_is_told_as_such():
    def blank():
        raise NotImplementedError()

    assert "not written yet" in run(blank)


def test_cell_that_was_not_run_is_asked_for():
    with pytest.raises(CheckFailed, match="name 'ranks' is not defined; run the cell"):
        exec("with check('Exercise 1'):\n    ranks([1])", {"check": check})


def test_error_inside_the_answer_is_told_with_its_line():
    def answer():
        numbers = torch.zeros(3)
        return numbers[7]

    said = run(answer)
    assert said.startswith("Exercise 1: your code raised IndexError in answer, line ")
    assert "return numbers[7]" in said
    assert "\n" not in said


def test_error_that_the_package_raises_is_told_with_the_answer_s_line():
    from clipbook.pairs import similarity

    def answer():
        return similarity(torch.ones(1, 2), torch.ones(1, 2))

    assert "in answer, line" in run(answer)


def test_long_error_is_cut_to_its_first_line():
    def answer():
        raise RuntimeError("sizes differ\nexpected one of:\n...")

    assert run(answer).endswith(": sizes differ")


def test_plain_assertion_is_told_by_its_message():
    def unequal():
        raise AssertionError("rows must add up to 1")  # as `assert` does outside of pytest

    assert run(unequal) == "Exercise 1: rows must add up to 1"


def test_answer_that_leaves_python_is_a_wrong_answer():
    assert "SystemExit" in run(lambda: sys.exit(0))


def test_interruption_is_not_an_answer():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(interrupted)


def test_nothing_goes_to_stderr(capsys):
    def noisy():
        print("look", file=sys.stderr)
        warnings.warn("deprecated", stacklevel=1)

    assert run(noisy) == ""
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "look" in shown.out


def test_notebook_shows_the_sentence_without_a_stack(capsys):
    shell = InteractiveShell.instance()
    code = "from clipbook.exercises import check\nwith check('Exercise 1'):\n    assert False, 'no'"
    outcome = shell.run_cell(code)
    shown = capsys.readouterr().out
    assert isinstance(outcome.error_in_exec, CheckFailed)
    assert "✗ Exercise 1: no" in shown
    assert "Traceback" not in shown
    assert len(shown.strip().splitlines()) == 1
