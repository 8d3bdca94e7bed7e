"""What every exercise's checks must do, whatever it asks: the book's own answers, dressed up.

An answer that changes what it is given is refused, one that returns its numbers in another type is
not, and the visible check asks more than one question.
"""

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from .chapter import EXERCISES, Exercise

HERE = re.compile("### BEGIN SOLUTION.*?### END SOLUTION", re.S)  # what students write themselves
# An answer whose type the task itself fixes, and why.
TYPE_MATTERS: dict[str, str] = {}
# An answer that may change what it is given, since the task says so.
MAY_CHANGE: dict[str, str] = {}


def dressed(exercise: Exercise, dress: Callable[[Callable], Callable]) -> dict:
    """Names that the book's own answer leaves behind, its functions dressed up."""
    names = exercise.define(exercise.solution)
    for name in re.findall(r"^def (\w+)", exercise.solution, re.M):
        names[name] = functools.wraps(names[name])(dress(names[name]))
    return names


def checked(exercise: Exercise, names: dict) -> str:
    """What the checks say; empty if they accept."""
    return exercise.visible_says(names) or exercise.hidden_says(names)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_book_s_own_answer_passes_both_checks(name):
    exercise = EXERCISES[name]
    assert checked(exercise, exercise.define(exercise.solution)) == ""


@pytest.mark.parametrize("name", EXERCISES)
def test_blank_exercise_earns_nothing_in_either_check(name):
    exercise = EXERCISES[name]
    blank, count = HERE.subn("raise NotImplementedError()", exercise.solution)
    assert count >= 1
    names = exercise.define(blank)
    assert "not written yet" in exercise.visible_says(names)
    assert "not written yet" in exercise.hidden_says(names)


@pytest.mark.parametrize("name", EXERCISES)
def test_exercise_that_was_not_run_is_asked_for(name):
    exercise = EXERCISES[name]
    assert "run the cell of the exercise first" in exercise.visible_says(exercise.define(""))


@pytest.mark.parametrize("name", EXERCISES)
def test_answer_without_return_is_told_so(name):
    def dress(answer: Callable) -> Callable:
        return lambda *arguments, **named: None

    exercise = EXERCISES[name]
    said = exercise.visible_says(dressed(exercise, dress))
    assert re.search(r"\breturns?\b", said), said


def vandalise(value: Any) -> bool:
    """Change a value in place, if it can be."""
    if isinstance(value, Tensor):
        if not value.numel():
            return False
        with torch.no_grad():
            value.copy_(~value if value.dtype == torch.bool else value + 1)
    elif isinstance(value, np.ndarray):
        value += 1
    elif isinstance(value, Image.Image):
        value.paste(Image.eval(value, lambda level: 255 - level))
    elif isinstance(value, nn.Module):
        return bool([vandalise(one.data) for one in value.parameters()])
    elif isinstance(value, dict) and value:
        value.pop(next(iter(value)))
    elif isinstance(value, list) and value:
        value.pop()
    else:
        return isinstance(value, tuple) and True in [vandalise(one) for one in value]
    return True


CHANGEABLE = (Tensor, np.ndarray, Image.Image, nn.Module, dict, list, tuple)


@pytest.mark.parametrize("name", EXERCISES)
def test_answer_that_changes_what_it_is_given_is_refused(name):
    if name in MAY_CHANGE:
        pytest.skip(MAY_CHANGE[name])
    exercise = EXERCISES[name]
    given: set[str] = set()
    changed: set[str] = set()

    def watched(answer: Callable) -> Callable:
        def noted(*arguments: Any, **named: Any) -> Any:
            bound = inspect.signature(answer).bind(*arguments, **named).arguments
            given.update(kind for kind, value in bound.items() if isinstance(value, CHANGEABLE))
            return answer(*arguments, **named)

        return noted

    assert checked(exercise, dressed(exercise, watched)) == ""
    for kind in sorted(given):  # one argument at a time

        def dress(answer: Callable, kind: str = kind) -> Callable:
            def vandal(*arguments: Any, **named: Any) -> Any:
                result = answer(*arguments, **named)
                bound = inspect.signature(answer).bind(*arguments, **named).arguments
                if kind in bound and bound[kind] is not result and vandalise(bound[kind]):
                    changed.add(kind)
                return result

            return vandal

        said = checked(exercise, dressed(exercise, dress))
        if kind in changed:
            assert "change" in said, (kind, said)
    if not changed:
        pytest.skip("is given nothing that could be changed")


def numbers_as(kind: Callable[[Tensor], Any]) -> Callable[[Any], Any]:
    """Turn every tensor of a result, in whatever tuples and lists, into another type."""

    def turned(result: Any) -> Any:
        if isinstance(result, Tensor):
            return kind(result.detach())
        if isinstance(result, tuple | list):
            return type(result)(turned(one) for one in result)
        return result

    return turned


def strides_backwards(values: Tensor) -> Any:
    array = values.numpy()
    return np.ascontiguousarray(array[::-1])[::-1] if array.ndim else array


MANY = 100_000  # numbers whose list takes seconds; the checks ask for fewer as well
TYPES = {
    "float64": lambda values: values.double() if values.is_floating_point() else values,
    "array": lambda values: values.numpy(),
    "array with negative strides": strides_backwards,
    "list": lambda values: values.tolist() if values.numel() < MANY else values,
    "list of rows": lambda values: list(values) if values.ndim else values,
}


@pytest.mark.parametrize("name", EXERCISES)
def test_right_numbers_pass_in_whatever_type(name):
    if name in TYPE_MATTERS:
        pytest.skip(TYPE_MATTERS[name])
    tensors: list[bool] = []
    for what, kind in TYPES.items():

        def dress(answer: Callable, kind: Callable = kind) -> Callable:
            def other(*arguments: Any, **named: Any) -> Any:
                result = answer(*arguments, **named)
                parts = result if isinstance(result, tuple | list) else [result]
                tensors.extend(isinstance(one, Tensor) for one in parts)
                return numbers_as(kind)(result)

            return other

        assert checked(EXERCISES[name], dressed(EXERCISES[name], dress)) == "", what
        if not any(tensors):
            pytest.skip("returns no tensor")


@pytest.mark.parametrize("name", EXERCISES)
def test_the_visible_check_asks_more_than_one_question(name):
    questions: set[str] = set()

    def dress(answer: Callable) -> Callable:
        def asked(*arguments: Any, **named: Any) -> Any:
            questions.add(repr((arguments, named)))
            return answer(*arguments, **named)

        return asked

    exercise = EXERCISES[name]
    if not re.search(r"^def ", exercise.solution, re.M):
        pytest.skip("the answer is no function")
    assert exercise.visible_says(dressed(exercise, dress)) == ""
    assert len(questions) >= 2
