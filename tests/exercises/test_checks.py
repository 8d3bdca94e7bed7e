"""What a student reads: one sentence for whatever is wrong, and a line if all is right."""

import sys
import textwrap
import warnings

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from clipbook.exercises import CheckFailed, ask, check, close, same, without

from .chapter import run as run_cell


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
    assert message([2, 3], [2, 4], mistakes=mistakes) == (
        "it adds; double(x) is [2, 3], expected [2, 4]"
    )
    assert message(4, [2, 4], mistakes=mistakes).startswith("it forgets to return a list; ")
    assert "it adds" not in message([9, 9], [2, 4], mistakes=mistakes)


def test_mistake_is_not_named_where_two_would_fit():
    said = message([2, 3], [2, 4], mistakes={"it adds": [2, 3], "it counts": [2, 3]})
    assert said == "double(x) is [2, 3], expected [2, 4]"


def test_numbers_that_look_alike_are_told_with_the_digits_that_differ():
    assert message(0.14481, 0.14484) == "double(x) is 0.14481, expected 0.14484"


def test_whole_numbers_are_told_whole():
    assert message([22_980, 3], [22_981, 3]) == "double(x) is [22980, 3], expected [22981, 3]"
    assert message(-1_234_567, 22_980.25) == "double(x) is -1234567, expected 22980"
    assert message(22_980.25, 22_980) == "double(x) is 22980.2, expected 22980"
    assert message(1e30, float("inf")) == "double(x) is 1e+30, expected inf"


def test_complex_numbers_are_refused():
    for got in (torch.tensor([1 + 0j, 2]), [1 + 1j, 2], np.array([1j, 2])):
        assert "complex" in message(got, [1, 2])


@pytest.mark.parametrize(
    "got",
    [
        torch.tensor([[1.0, 2], [3, 4]]).double(),
        torch.tensor([[1, 2], [3, 4]]).bfloat16(),
        np.array([[3.0, 4], [1, 2]])[::-1],
        np.array([[1, 2], [3, 4]], dtype=np.uint16),
        [torch.tensor([1, 2]), np.array([3, 4])],
        [[torch.tensor(1), 2], (3, np.float32(4))],
        [range(1, 3), range(3, 5)],
    ],
)
def test_numbers_may_come_in_any_type(got):
    close(got, [[1, 2], [3, 4]], "x")


def test_texts_in_lists_are_compared_exactly():
    same([("a", "b")], (["a", "b"],), "pairs")
    same(np.array(["a"]), ["a"], "letters")
    for got, want in ((["a"], ["b"]), ("a", ["a"]), (["a", "b"], ["a"])):
        with pytest.raises(CheckFailed, match=r"^pairs is .*, expected "):
            same(got, want, "pairs")
    with pytest.raises(CheckFailed, match=r"^turn it round; pairs is \['ba'\], expected \['ab'\]$"):
        same(["ba"], ["ab"], "pairs", mistakes={"turn it round": ("ba",)})
    with pytest.raises(CheckFailed, match="does the function end in `return`"):
        same(None, ["ab"], "pairs")


def test_long_values_are_cut():
    with pytest.raises(CheckFailed) as failed:
        same(["word"] * 9_000, ["other"] * 9_000, "words")
    assert len(str(failed.value)) < 400


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


def asked(answer: str, question: str = "ask(answer, torch.zeros(3))") -> str:
    """What a check says that asks an answer of another cell."""
    names = {"torch": torch, "ask": ask, "close": close, "check": check, "without": without}
    run_cell(textwrap.dedent(answer), names, "answer")
    try:
        run_cell(f"with check('Exercise 1'):\n    {question}", names, "check")
    except CheckFailed as failed:
        said = str(failed)
        assert "\n" not in said
        assert len(said) < 400
        return said.removeprefix("Exercise 1: ")
    return ""


def test_error_inside_the_answer_is_told_with_its_line():
    said = asked("def answer(x):\n    return x[7]")
    assert said.startswith("your code raised IndexError in answer, line 2 (`return x[7]`): ")


def test_error_that_the_package_raises_is_told_with_the_answer_s_line():
    code = """
    from clipbook.pairs import similarity
    def answer(x):
        return similarity(torch.ones(1, 2), torch.ones(1, 2))
    """
    assert "in answer, line 4 (`return similarity(" in asked(code)


def test_error_in_what_the_check_hands_over_is_told_with_the_line_that_called_it():
    said = asked("def answer(f):\n    return f(1)", "ask(answer, lambda x: x.missing)")
    assert said.startswith("your code raised AttributeError in answer, line 2 (`return f(1)`)")


def test_function_of_an_earlier_check_cell_is_not_called_the_student_s():
    names = {"check": check, "ask": ask}
    run_cell("def expect(x):\n    assert x == 2, 'not 2'\nwith check('A'): pass", names, "first")
    with pytest.raises(CheckFailed, match="^B: not 2$"):
        run_cell("with check('B'):\n    expect(3)", names, "second")


def test_error_in_the_check_is_not_called_the_student_s():
    said = asked("def answer(x):\n    return 3", "ask(answer, 1).shape")
    assert said.startswith("the check can't use what your code gave it (AttributeError: 'int'")
    said = asked("answer = lambda: 3", "ask(answer, 1)")
    assert said.startswith("your function can't be called as the task says (TypeError: ")
    assert asked("answer = 3").startswith("3 is no function")


def test_assertion_of_the_answer_is_an_error_of_its_own():
    said = asked("def answer(x):\n    assert x.ndim == 2")
    assert said == "your code raised AssertionError in answer, line 2 (`assert x.ndim == 2`)"


def test_blank_is_what_the_stub_raises_and_not_what_torch_does():
    assert "not written yet" in asked("def answer(x):\n    raise NotImplementedError()")
    said = asked("def answer(x):\n    return torch.nn.Module()(x)")
    assert said.startswith("your code raised NotImplementedError in answer, line 2")


def test_long_error_is_cut():
    assert asked("def answer(x):\n    raise RuntimeError('sizes differ\\nexpected:')").endswith(
        ": sizes differ"
    )
    asked("def answer(x):\n    raise RuntimeError('x' * 20_000)")


@pytest.mark.parametrize(
    ("given", "change"),
    [
        ("torch.zeros(3)", "x += 1"),
        ("torch.tensor([1.0, float('nan')])", "x[1] = 0"),
        ("torch.zeros(3, requires_grad=True) * 1", "x.detach()[0] = 1"),
        ("__import__('numpy').zeros(3)", "x[0] = 1"),
        ("[3, 1]", "x.sort()"),
        ("[torch.zeros(2)]", "x[0][0] = 1"),
        ("{'a': [1], 'b': 2}", "x['a'].append(2)"),
        ("torch.nn.Linear(2, 2)", "x.eval()"),
        ("torch.nn.BatchNorm1d(2)", "x(torch.ones(3, 2))"),
        ("__import__('PIL.Image').Image.new('L', (2, 2))", "x.putpixel((0, 0), 9)"),
    ],
)
def test_answer_that_changes_what_it_is_given_is_refused(given, change):
    said = asked(f"def answer(x):\n    {change}", f"ask(answer, {given})")
    assert said == "answer changes `x`, which it is given; work on a copy"
    assert asked(f"def answer(x):\n    {change}", f"ask(answer, x={given})") == said
    assert asked("def answer(x):\n    return x", f"ask(answer, {given})") == ""


@pytest.mark.parametrize(
    "code",
    [
        "torch.nn.functional.conv2d(image, kernel)",
        "torch.conv2d(image, kernel)",
        "torch.nn.Conv2d(1, 1, 2)(image)",
        "torch.nn.functional.cross_entropy(image[0, 0], torch.tensor([0, 1, 0]))",
        "torch.nn.CrossEntropyLoss()(image[0, 0], torch.tensor([0, 1, 0]))",
        "kernel.requires_grad_().sum().backward()",
        "torch.autograd.grad(kernel.requires_grad_().sum(), kernel)",
        "torch.func.grad(torch.sum)(kernel)",
        "torch.func.jacrev(torch.sum)(kernel)",
        "torch.func.jacfwd(torch.sum)(kernel)",
        "torch.func.jvp(torch.sum, (kernel,), (kernel,))",
        "torch.autograd.functional.jacobian(torch.sum, kernel)",
        "torch.autograd.functional.vjp(torch.sum, kernel)",
        "torch.ops.aten.conv2d(image, kernel)",
        "torch.ops.aten.conv2d.default(image, kernel)",
        "torch.ops.aten.convolution(image, kernel, None, [1], [0], [1], False, [0], 1)",
    ],
)
def test_what_the_task_forbids_is_refused(code):
    answer = f"""
    image, kernel = torch.zeros(1, 1, 3, 3), torch.ones(1, 1, 2, 2)
    def answer():
        {code}
    """
    forbidden = (
        "torch.conv2d, torch.nn.functional.cross_entropy, torch.Tensor.backward, "
        "torch.autograd.grad"
    )
    said = asked(
        answer, f"with without({forbidden}): ask(answer)".replace(": ask", ":\n        ask")
    )
    assert said.startswith("the task asks for it without ")
    assert asked(answer, "ask(answer)") == ""


def test_function_of_the_package_is_refused_by_whatever_name():
    answer = """
    from clipbook.language import next_token_loss as given
    def helper(x):
        return given(x, torch.zeros(1, 3, dtype=torch.long))
    def answer(x):
        return helper(x)
    """
    forbidding = "from clipbook.language import next_token_loss\nwith without(next_token_loss):"
    asking = "\n        ask(answer, torch.zeros(1, 3, 4))"
    said = asked(answer, forbidding.replace("\n", "\n    ") + asking)
    assert said == "the task asks for it without `next_token_loss`; yours calls it"
    assert asked(answer, "ask(answer, torch.zeros(1, 3, 4))") == ""
    assert sys.getprofile() is None


def test_where_no_gradient_is_forbidden_it_may_be_taken_in_any_way():
    answer = "def answer(x):\n    return torch.func.jacfwd(torch.sin)(x)"
    assert asked(answer, "with without(torch.conv2d): ask(answer, torch.zeros(3))"
                 .replace(": ask", ":\n        ask")) == ""  # fmt: skip


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
