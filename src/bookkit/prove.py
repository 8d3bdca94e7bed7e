"""What `make test` proves, part by part, and where the time went: python -m bookkit.prove [--again]

The chapters are executed once, one a core, with the versions that Colab has, and the site is
built from that; the package's tests run with the newest versions, those that are pinned here. It
stops at the first part that fails. Tests that have passed aren't run again until a file changes
that they may read, or what is installed; a notebook, until it, the package or the versions change.
--again runs all tests.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from bookkit import BUILD, ROOT
from bookkit.browser import find_chromium
from bookkit.colab import kernel
from bookkit.execution import digest

REPORTS = BUILD / "tests"
PASSED = REPORTS / "passed.json"
SLOWEST = 10
OF_THE_PACKAGE = ("emoji", "evaluation", "fuzz", "image", "language", "pairs", "pretrained",
                  "scenes", "text", "training", "transformer")  # fmt: skip
"""Folders of tests that read the package and the machinery, and nothing of the book."""

PACKAGE = tuple(f"tests/{name}" for name in OF_THE_PACKAGE)
OF_THE_BOOK = ("book", "tests/bookkit", "tests/exercises", "tests/site", "tests/widgets")
PLAIN = "not browser and not site and not alone"
seconds: dict[str, float] = {}  # by part


@contextlib.contextmanager
def timed(part: str) -> Iterator[None]:
    print(f"\n== {part}", flush=True)
    start = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - start


def installed() -> str:
    """Versions of Python, of what is installed beside it, and of the browser."""
    names = sorted(f"{one.name} {one.version}" for one in importlib.metadata.distributions())
    chromium = find_chromium()
    browser = (
        chromium and subprocess.run([chromium, "--version"], capture_output=True, text=True).stdout
    )
    return "\n".join([sys.version, str(browser), *names])


def state(*left_out: str) -> str:
    """A digest of what is installed and of the repository's files, without folders `left_out`.

    Nothing where git can't list them: then nobody knows what has changed.
    """
    rest = [f":(exclude){folder}" for folder in left_out]
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", ".", *rest]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # no git, or a copy that it knows nothing of
        return ""
    names = done.stdout.split("\0")
    return digest([ROOT / name for name in names if name], installed())


def marked(*marks: str) -> list[str]:
    """Files of tests in which one of these marks stands: pytest need not import the others."""
    pattern = re.compile(rf"\bmark\.({'|'.join(marks)})\b")
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [
        str(path.relative_to(ROOT)) for path in files if pattern.search(path.read_text("utf-8"))
    ]


def known() -> dict[str, str]:
    """The state in which each part passed; nothing where a run was ended while it wrote."""
    try:
        return dict(json.loads(PASSED.read_text("utf-8")))
    except (OSError, TypeError, ValueError):
        return {}


def pytest(part: str, *arguments: str, unread: tuple[str, ...] = ()) -> None:
    """Run tests, unless they passed with the same files but for those in the folders `unread`."""
    passed = known()
    now = state(*unread)
    if passed.pop(part, None) == now != "":
        print(f"\n== {part}: passed before with the same files (make test AGAIN=1 runs all)")
        return
    PASSED.write_text(json.dumps(passed), "utf-8")
    with timed(part):
        report = REPORTS / f"{part.replace(' ', '-')}.xml"
        command = [sys.executable, "-m", "pytest", f"--junitxml={report}", *arguments]
        subprocess.run(command, cwd=ROOT, check=True)
    PASSED.write_text(json.dumps(passed | {part: now}), "utf-8")


def notebooks_with_colabs_versions() -> None:
    with timed("notebooks, with Colab's versions"):
        command = [sys.executable, "-m", "bookkit.execution", "--kernel", kernel.NAME]
        there = os.environ | {"JUPYTER_PATH": str(kernel.make())}
        subprocess.run(command, cwd=ROOT, env=there, check=True)


def slowest() -> list[tuple[float, str]]:
    """Seconds and name of the tests that took longest, in all parts."""
    cases = [case for report in REPORTS.glob("*.xml") for case in ET.parse(report).iter("testcase")]
    names = [f"{case.get('classname')}::{case.get('name')}" for case in cases]
    times = [float(case.get("time", 0)) for case in cases]
    return sorted(zip(times, names, strict=True), reverse=True)[:SLOWEST]


def tell(in_all: float) -> None:
    """Where the time went."""
    print("\nseconds  part")
    for part, time_taken in seconds.items():
        print(f"{time_taken:7.0f}  {part}")
    print(f"{in_all:7.0f}  in all\n\nseconds  the {SLOWEST} slowest tests")
    for time_taken, name in slowest():
        print(f"{time_taken:7.1f}  {name}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--again", action="store_true", help="also what has passed already")
    if parser.parse_args().again:
        PASSED.unlink(missing_ok=True)
    REPORTS.mkdir(parents=True, exist_ok=True)
    for report in REPORTS.glob("*.xml"):
        report.unlink()
    start = time.perf_counter()
    both = ("-n", "2", "--dist", "loadgroup")
    # needs npm's registry and, the first time, a minute; then the sheets are in the cache
    emoji = subprocess.Popen([sys.executable, "-m", "clipbook.emoji"], cwd=ROOT)
    try:
        with timed("lint"):
            subprocess.run(["make", "lint"], cwd=ROOT, check=True)
        with timed("waiting for the sheets of emoji"):
            if emoji.wait():
                return emoji.returncode
        pytest("package", *both, "-m", PLAIN, *PACKAGE, unread=OF_THE_BOOK)
        others = [f"--ignore={folder}" for folder in PACKAGE]
        pytest("book and its machinery", *both, "-m", PLAIN, *others, unread=PACKAGE)
        notebooks_with_colabs_versions()
        with timed("site"):
            subprocess.run(["make", "site"], cwd=ROOT, check=True)
        pages = ("-m", "(browser or site) and not alone", *marked("browser", "site"))
        pytest("site in a browser", *both, *pages, unread=PACKAGE)
        pytest("tests that measure time", "-m", "alone", *marked("alone"))
    except subprocess.CalledProcessError as failed:
        print(failed.stderr or "", end="", file=sys.stderr)
        return failed.returncode
    finally:
        emoji.terminate()
        tell(time.perf_counter() - start)
    return 0


if __name__ == "__main__":
    sys.exit(main())
