"""Change the package in small ways, one at a time, and see whether a test fails each time.

python -m bookkit.mutants [part...]        text, transformer, image, pairs, training by default

mutmut makes the changes ("mutants") in a copy of the repository in _build/mutants, and runs for
each the tests of its part that call the changed function. A change that no test notices is a fault
of the tests, unless survivors.toml names it with a reason: it prints the others and ends in 1. Not
changed are error messages, decorated functions and what stands outside of functions.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from bookkit import BUILD, ROOT

WORK = BUILD / "mutants/work"
PARTS = ("text", "transformer", "image", "pairs", "training")
CONFIG = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = {files}
pytest_add_cli_args = ["-p", "no:cacheprovider", "-o", "pythonpath=", "-m", "not slow"]
pytest_add_cli_args_test_selection = {tests}
do_not_mutate_patterns = ['^\\s*raise ', '^\\s*r?f?"']
"""
SURVIVED = ("survived", "no tests", "suspicious")


def prepare(parts: list[str]) -> None:
    """A copy of the package and its tests, with mutmut's configuration."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, WORK / name, ignore=shutil.ignore_patterns("__pycache__"))
    files = json.dumps([f"src/clipbook/{part}/*.py" for part in parts])
    tests = json.dumps([f"tests/{part}" for part in parts])
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (WORK / "pyproject.toml").write_text(project + CONFIG.format(files=files, tests=tests), "utf-8")


def mutmut(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mutmut", *arguments]
    environment = os.environ | {"CI": "true"}  # hypothesis tries the same examples every time
    return subprocess.run(command, cwd=WORK, env=environment, text=True, **options)


def line(name: str, diff: str) -> str:
    """A mutant as survivors.toml names it: the function, and the lines before and after."""
    function = re.sub(r"\.x(_|ǁ)|ǁ", ".", name.rpartition("__mutmut_")[0])
    changed = [
        row for row in diff.splitlines() if row[:1] in "-+" and row[:3] not in ("---", "+++")
    ]
    old, new = (" ".join(row[1:].strip() for row in changed if row[0] == side) for side in "-+")
    return f"{function}: {old} → {new}"


def survivors() -> list[str]:
    found = mutmut("results", capture_output=True, check=True).stdout.splitlines()
    states = [row.strip().rpartition(": ") for row in found]
    names = [name for name, _, state in states if state in SURVIVED]
    shown = [mutmut("show", name, capture_output=True, check=True).stdout for name in names]
    return [line(name, diff) for name, diff in zip(names, shown, strict=True)]


def named() -> dict[str, str]:
    """The reason of each change that survivors.toml names."""
    said = tomllib.loads(Path(__file__).with_name("survivors.toml").read_text("utf-8"))
    return {change: group["reason"] for group in said["survivors"] for change in group["changes"]}


def main(parts: list[str]) -> int:
    if unknown := set(parts) - set(PARTS):
        print(f"no part is called {' or '.join(sorted(unknown))}; try {' '.join(PARTS)}")
        return 2
    parts = parts or list(PARTS)
    prepare(parts)
    done = mutmut("run", "--max-children", str(os.cpu_count() or 1))
    if done.returncode:
        return done.returncode
    left = set(survivors())
    known = {change for change in named() if change.split(".")[1] in parts}
    for title, changes in [
        ("No test notices", left - known),
        ("survivors.toml names what a test notices, or what is gone", known - left),
    ]:
        if changes:
            print(f"\n{title}:", *sorted(changes), sep="\n  ")
    print(f"\n{len(left)} changes survived, {len(left & known)} of them named with a reason.")
    return int(left != known)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
