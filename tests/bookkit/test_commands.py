"""Tools that take arguments: what they cannot do they say in a sentence, and then do nothing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


def run(folder: Path, tool: str, *arguments: str) -> tuple[int, str]:
    """How the command ends, and what it says."""
    command = [sys.executable, "-m", f"bookkit.{tool}", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("audit", ["site", "x", "table.md", "../x"], r"PAGES='../x.html' is no page of site; g"),
        ("audit", ["site", "x", "table.md", "", "a b"], r"PAGES='.html a b.html' is no page"),
        ("audit", ["nothing", "x", "table.md"], r"there is no page in nothing; make site"),
        ("pdf", ["nothing", "book.pdf"], r"there is no site in nothing; make site builds it"),
        ("ship", ["site"], r"site/model.safetensors, .*: not there; train the preset first"),
        (
            "course.slides",
            ["a\nb", "--to", "slides"],
            r"CHAPTER='a\\nb' is no chapter; give all, or of",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_writes_nothing(tmp_path, tool, arguments, said):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.html").write_text("cover")
    code, told = run(tmp_path, tool, *arguments)
    assert code in (1, 2)
    assert re.match(said, told) and told.count("\n") == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["site", "index.html"]


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["audit", "pdf", "serve", "course.slides"])
def test_without_arguments_the_usage_is_shown(tmp_path, tool):
    code, told = run(tmp_path, tool)
    assert code == 2
    assert told.startswith("usage: ") and "the following arguments are required" in told
