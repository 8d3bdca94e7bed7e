"""Checks of exercises: what is wrong with an answer, in one sentence.

A cell that checks an answer reads

    with check("Exercise 1"):
        close(ask(double, [1, 2]), [2, 4], "double([1, 2])", mistakes={"it squares": [1, 4]})

It prints a line if all is right. Otherwise it raises `CheckFailed`, which IPython, Colab and
Jupyter show as its message alone, while nbgrader and a site build still see a failure.
Nothing goes to stderr, for which nbgrader would take the points away.

Checks compare values; they don't grade style, and they don't guard against an answer that is
written to deceive them.
"""

import sys
import sysconfig
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

_OURS = str(Path(__file__).parents[1])
_LIBRARIES = tuple(sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib"))
_ASKING = str(Path(__file__).with_name("asking.py"))
_CHECK_CELLS: set[str] = set()
"""Cells in which a check has begun: what is defined there isn't the student's."""
LONGEST = 160
"""Characters of a value or of an error that a message quotes."""


class CheckFailed(AssertionError):
    """An answer is wrong; the message is one sentence that says how."""

    def _render_traceback_(self) -> list[str]:
        """What IPython prints in place of the stack of frames."""
        return [f"\x1b[31m✗ {self}\x1b[0m"]


@contextmanager
def check(name: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into a `CheckFailed` that begins with the exercise's name.

    An answer that is not written yet, an `assert` with a message and an exception of the answer's
    own code (told with the line that raised it) are all put into a sentence. Warnings are silenced
    and stderr goes to stdout.
    """
    _CHECK_CELLS.add(sys._getframe(2).f_code.co_filename)  # 1 is contextlib's __enter__
    try:
        with warnings.catch_warnings(), redirect_stderr(sys.stdout):
            warnings.simplefilter("ignore")
            yield
    except (Exception, SystemExit) as error:
        raise CheckFailed(f"{name}: {_sentence(error)}") from None
    print(f"✓ {name}: correct")


def cut(text: str, longest: int = LONGEST) -> str:
    """The text in one line, and no longer than a message should be."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _sentence(error: BaseException) -> str:
    if isinstance(error, NotImplementedError) and not error.args:  # torch's own have a message
        return (
            "not written yet; put your code in place of `raise NotImplementedError()`, run that "
            "cell, then this one"
        )
    frames = traceback.extract_tb(error.__traceback__)
    line = _line_of_the_answer(frames)
    if isinstance(error, CheckFailed) or (isinstance(error, AssertionError) and not line):
        return str(error) or "a condition is not met"
    kind, message = type(error).__name__, cut(str(error).partition("\n")[0])
    description = f"{kind}: {message}" if message else kind
    if line:
        return f"your code raised {kind} {line}" + (f": {message}" if message else "")
    if isinstance(error, NameError):
        return f"{error}; run the cell of the exercise first"
    if any(frame.filename == _ASKING for frame in frames):
        return f"your function can't be called as the task says ({description})"
    return f"the check can't use what your code gave it ({description}); see what the task asks for"


def _line_of_the_answer(frames: traceback.StackSummary) -> str:
    """Function and line of the student's cell where an error came up; empty if in none.

    What a check defines, such as a function that it hands to an answer, isn't the student's: their
    line that called it is.
    """
    student_frames = [
        frame
        for frame in frames
        if not frame.filename.startswith((_OURS, *_LIBRARIES))
        and frame.filename not in _CHECK_CELLS
    ]
    if not student_frames:
        return ""
    last = student_frames[-1]
    place = f"in line {last.lineno} of its cell"
    if last.name != "<module>":
        place = f"in {last.name}, line {last.lineno}"
    return place + (f" (`{cut(last.line, 80)}`)" if last.line else "")
