"""The form of answers/<part>/<chapter>.txt: what is read, and what is refused with which words."""

import textwrap

import pytest

from . import entries

DOUBLE = """
A note, which is not read.

# double

## frame

    import math

    def double(x):
        y = 2 * x
        return y

## wrong

squares: not the square
    2 * x → x**2
nothing: is missing
    y = 2 * x →
    y = 0
    y = y + 0
    return y →

## frame: by adding

    def double(x):
        return x + x

## right

a whole answer
    def double(x):
        return x * 2
"""


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "FOLDER", tmp_path)

    def read(text: str) -> list[entries.Answer]:
        (tmp_path / "chapter.txt").write_text(text, "utf-8")
        return entries.read("chapter")

    return read


def test_frames_changes_and_whole_answers_become_what_a_student_hands_in(read):
    frame, squares, nothing, adding, whole = read(DOUBLE)
    assert (frame.kind, frame.label) == (entries.FRAME, "the frame")
    assert squares == entries.Answer(
        "chapter", "double", "wrong", "squares", "not the square",
        frame.code.replace("2 * x", "x**2"),
    )  # fmt: skip
    assert nothing.code.splitlines()[2:] == [
        "def double(x):", "    y = 0", "    y = y + 0", "    ",
    ]  # fmt: skip
    assert (adding.label, adding.code) == ("by adding", "def double(x):\n    return x + x")
    assert (whole.kind, whole.words) == ("right", "")
    assert whole.code == "def double(x):\n    return x * 2"


def test_lines_stand_where_the_frame_has_a_gap(read):
    text = (
        "# double\n## frame\n    def double(x):\n        if x:\n            ...\n        return 0\n"
    )
    (answer,) = read(f"{text}## right\ntwo lines\n    y = 2 * x\n    return y\n")
    assert answer.code == textwrap.dedent("""\
        def double(x):
            if x:
                y = 2 * x
                return y
            return 0""")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("2 * x → x**2", "3 * x → x**2"), "chapter double squares: `3 * x` is 0 times in the fra"),
        (("2 * x → x**2", "y → x"), "chapter double squares: `y` is 2 times in the frame"),
        (("    2 * x → x**2", "    return x**2"), "squares: neither a whole answer nor"),
        (("squares: not the square", "squares"), "squares: a wrong answer, and no other, has"),
        (("a whole answer", "a whole answer: in words"), "a whole answer: a wrong answer, and no"),
        (("## right", "## rihgt"), "chapter double: there is no section 'rihgt'"),
    ],
)
def test_entry_that_is_none_is_refused_by_its_name(read, change, said):
    with pytest.raises(ValueError, match=said.replace("*", r"\*")):
        read(DOUBLE.replace(*change))
