"""Imports point one way, as the order of the chapters does."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "clipbook"
ANYTHING = {"figures", "widgets", "exercises"}

# Which parts of the package a part may import, itself aside.
MAY_IMPORT = {
    "validation": set(),
    "streams": set(),
    "strict_json": set(),
    "scenes": set(),
    "transformer": set(),
    "text": {"transformer", "strict_json"},
    "image": {"transformer"},
    "pairs": {"text", "image", "transformer", "strict_json"},
    "training": {"pairs", "text", "image", "scenes", "streams", "strict_json"},
    "evaluation": {"pairs", "text", "image", "scenes", "streams"},
    "pretrained": {"pairs", "training", "text", "image", "transformer"},
    "": {"pretrained"},  # the package itself: clipbook.load
}
EVERYWHERE = {"validation"}  # what numbers and choices must be
# The shell command stands above the loop that it runs: it prints what the model can do.
COMMANDS = {"training/__main__.py": {"evaluation"}}


def part_of(path: Path) -> str:
    """The part that a module belongs to, such as "text" for text/encoder.py; "" for the package."""
    first = path.relative_to(SOURCE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imported_parts(source: str) -> set[str]:
    """Parts of clipbook that the source imports, wherever in it the import stands."""
    modules: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full, from clipbook.…"
            modules += [f"{node.module}.{alias.name}" for alias in node.names]
    ours = [module.split(".") for module in modules if module.split(".")[0] == "clipbook"]
    return {names[1] if len(names) > 1 else "" for names in ours}


MODULES = sorted(SOURCE.rglob("*.py"))
RULED = [path for path in MODULES if part_of(path) not in ANYTHING]


def test_every_part_has_its_rule():
    assert {part_of(path) for path in MODULES} <= MAY_IMPORT.keys() | ANYTHING


@pytest.mark.parametrize("path", RULED, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_module_imports_only_what_comes_before_it(path):
    part = part_of(path)
    extra = COMMANDS.get(path.relative_to(SOURCE).as_posix(), set())
    may = MAY_IMPORT[part] | EVERYWHERE | extra | {part}
    wrong = imported_parts(path.read_text("utf-8")) - may
    assert not wrong, f"{path.relative_to(SOURCE)} imports {sorted(wrong)}"


def test_the_reader_of_imports_sees_every_kind():
    source = """
import clipbook.text
from clipbook import image
from clipbook.pairs.loss import info_nce
import torch
def late():
    from clipbook.scenes import render
"""
    assert imported_parts(source) == {"text", "image", "pairs", "scenes"}


def test_importing_the_package_loads_no_drawing_and_no_transformers():
    code = (
        "import sys, clipbook; print(*sorted({'matplotlib', 'transformers', 'anywidget', 'IPython'}"
        " & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
