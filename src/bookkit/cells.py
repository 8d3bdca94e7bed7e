"""What of an exercise's cell is shown to whom, by the marks that nbgrader knows."""

import nbformat
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

MARKS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS")


def _after(preprocessor, code: str) -> str:
    cell, _ = preprocessor(enforce_metadata=False).preprocess_cell(
        nbformat.v4.new_code_cell(code), {"language": "python"}, 0
    )
    return cell.source.rstrip("\n")


def blank(code: str) -> str:
    """The exercise without its solution, as nbgrader hands it out."""
    return _after(ClearSolutions, code)


def solved(code: str) -> str:
    """The exercise with its solution, without the marks."""
    lines = code.splitlines()
    return "\n".join(line for line in lines if not any(mark in line for mark in MARKS))


def visible(code: str) -> str:
    """A check without its hidden tests."""
    return _after(ClearHiddenTests, code).strip("\n")


def says_nothing(code: str) -> bool:
    """Whether only comments are left of a check."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in code.splitlines())
