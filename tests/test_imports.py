"""Imports point one way, as the order of the chapters does."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
ANYTHING = {"figures", "widgets", "exercises"}

# Which parts of a package a part may import, itself aside; "" is the package's own module.
MAY_IMPORT = {
    "clipbook": {
        "validation": set(),
        "streams": set(),
        "strict_json": set(),
        "files": set(),
        "scenes": set(),
        "emoji": set(),
        "transformer": set(),
        "text": {"transformer", "strict_json", "files"},
        "image": {"transformer"},
        "pairs": {"text", "image", "transformer", "strict_json", "files"},
        "language": {"pairs", "text", "image", "transformer", "strict_json", "files"},
        "training": {
            "pairs",
            "language",
            "text",
            "image",
            "scenes",
            "emoji",
            "streams",
            "strict_json",
            "files",
        },
        "evaluation": {"pairs", "language", "text", "image", "scenes", "emoji", "streams"},
        "pretrained": {
            "pairs",
            "language",
            "training",
            "text",
            "image",
            "transformer",
            "strict_json",
        },
        "": {"pretrained"},  # clipbook.load
    },
    "bookkit": {
        "": set(),
        "address": set(),
        "browser": set(),
        "cells": set(),
        "serve": {"address"},
        "bench": {"browser", "gpu_bench", "live", "pages"},
        "emoji_trials": set(),
        "answer_trials": set(),
        "loader_bench": set(),
        "gpu_bench": {"gpu_steps", "loss_bench"},
        "gpu_steps": set(),
        "loss_bench": set(),
        "scale_trials": set(),
        "mutants": set(),
        "newest": set(),
        "ship": set(),
        "chapters": set(),
        "notebooks": {"chapters"},
        "execution": {"notebooks"},
        "new_chapter": {"chapters", "notebooks"},
        "live": {"serve"},
        "predictions": set(),
        "folders": set(),
        "release": {"colab", "folders"},
        "pages": {
            "address",
            "browser",
            "cells",
            "chapters",
            "colab",
            "execution",
            "live",
            "notebooks",
            "predictions",
        },
        "colab": {"address", "cells", "folders", "notebooks"},
        "course": {"cells", "chapters", "colab", "notebooks", "pages", "predictions"},
        "audit": {"browser", "serve"},
        "pdf": {"browser", "chapters"},
        "prove": {"browser", "colab", "execution"},
    },
}
# What numbers and choices must be; where things lie.
EVERYWHERE = {"clipbook": {"validation"}, "bookkit": {""}}
# The shell commands stand above the loop that they run: they print what the model can do.
COMMANDS = {
    "clipbook/training/__main__.py": {"evaluation"},
    "clipbook/language/__main__.py": {"evaluation", "training", "pretrained"},
}


def part_of(path: Path) -> tuple[str, str]:
    """Package and part of a module: "text" for text/encoder.py, "" for the package itself."""
    package, first = path.relative_to(SOURCE).parts[:2]
    return package, "" if first == "__init__.py" else first.removesuffix(".py")


def imported_parts(source: str, package: str) -> set[str]:
    """Parts of the package that the source imports, wherever in it the import stands."""
    parts = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full, from the package's name on"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for names in (module.split(".") for module in modules):
            if names[0] == package:
                own = len(names) == 1 or names[1].isupper()  # `from bookkit import ROOT`
                parts.add("" if own else names[1])
    return parts


MODULES = sorted(SOURCE.rglob("*.py"))
RULED = [path for path in MODULES if part_of(path)[1] not in ANYTHING]
RULED = [path for path in RULED if "template" not in path.parts and path.name != "setup_cell.py"]


def test_every_part_has_its_rule():
    for path in RULED:
        package, part = part_of(path)
        assert part in MAY_IMPORT[package], (
            f"{part!r} has no line in MAY_IMPORT: what may it import?"
        )


@pytest.mark.parametrize("path", RULED, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_module_imports_only_what_comes_before_it(path):
    package, part = part_of(path)
    name = path.relative_to(SOURCE).as_posix()
    may = (
        MAY_IMPORT[package].get(part, set())
        | EVERYWHERE[package]
        | COMMANDS.get(name, set())
        | {part}
    )
    wrong = imported_parts(path.read_text("utf-8"), package) - may
    assert not wrong, f"{name} imports {sorted(wrong)}"


def test_what_readers_install_knows_nothing_of_the_books_machinery():
    for path in (SOURCE / "clipbook").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) bookkit", path.read_text("utf-8"), re.M), path


def test_the_reader_of_imports_sees_every_kind():
    source = """
import clipbook.text
from clipbook import image
from clipbook.pairs.loss import info_nce
import torch
def late():
    from clipbook.scenes import render
"""
    assert imported_parts(source, "clipbook") == {"text", "image", "pairs", "scenes"}
    assert imported_parts("from bookkit import BOOK, cells\nimport clipbook", "bookkit") == {
        "",
        "cells",
    }


def test_importing_the_package_loads_no_drawing_and_no_transformers():
    code = (
        "import sys, clipbook; print(*sorted({'matplotlib', 'transformers', 'anywidget', 'IPython'}"
        " & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
