"""What `make test` proves, part by part, and where the time went: python -m bookkit.prove

The chapters are executed once, two at a time, with the versions that Colab has, and the site is
built from that; the package's tests run with the newest versions, those that are pinned here. A
notebook that has passed isn't run again until it, the package or the versions change. It stops at
the first part that fails.
"""

import contextlib
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from bookkit import BUILD, ROOT
from bookkit.colab import kernel

REPORTS = BUILD / "tests"
SLOWEST = 10
QUICK = "not slow and not browser and not site and not alone"
seconds: dict[str, float] = {}  # by part


@contextlib.contextmanager
def timed(part: str) -> Iterator[None]:
    print(f"\n== {part}", flush=True)
    start = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - start


def pytest(part: str, *arguments: str, **environment: str) -> None:
    with timed(part):
        report = REPORTS / f"{part.replace(' ', '-')}.xml"
        command = [sys.executable, "-m", "pytest", f"--junitxml={report}", *arguments]
        subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True)


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
        pytest("quick tests", *both, "--cov", "-m", QUICK)
        with timed("waiting for the sheets of emoji"):
            if emoji.wait():
                return emoji.returncode
        pytest("slow tests", *both, "-m", "slow and not browser and not site and not alone")
        notebooks_with_colabs_versions()
        with timed("site"):
            subprocess.run(["make", "site"], cwd=ROOT, check=True)
        pytest("site in a browser", *both, "-m", "(browser or site) and not alone")
        pytest("tests that measure time", "-m", "alone")
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    finally:
        emoji.terminate()
        tell(time.perf_counter() - start)
    return 0


if __name__ == "__main__":
    sys.exit(main())
