"""The repository agrees with itself: address, version, pins, licence, workflows."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from bookkit.address import address, slug

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
KEPT = ["*.md", "*.toml", "*.yml", "*.cff", "src/bookkit/*", "book/**/*", ".github/**/*"]


def texts(root: Path) -> dict[str, str]:
    """Every text file that a reader of the repository may take the address from."""
    paths = {p for pattern in KEPT for p in root.glob(pattern) if p.is_file()}
    kept = {".md", ".toml", ".yml", ".cff", ".py", ".ipynb"}
    return {p.relative_to(root).as_posix(): p.read_text("utf-8") for p in paths if p.suffix in kept}


def places(root: Path, owner_and_name: str) -> set[str]:
    """Files in which a GitHub or Colab address has this owner and name."""
    pattern = re.compile(rf"(?:github\.com|/github)/{re.escape(owner_and_name)}\b")
    return {name for name, text in texts(root).items() if pattern.search(text)}


def test_every_place_has_the_same_address():
    here = slug(address())
    expected = {
        "pyproject.toml",
        "_config.yml",
        "CITATION.cff",
        "README.md",
        "src/bookkit/setup_cell.py",
    }
    expected |= {name for name in texts(ROOT) if name.endswith(".ipynb")}
    assert expected <= places(ROOT, here)
    if here != "OWNER/clipbook":
        assert places(ROOT, "OWNER/clipbook") == set()


@pytest.mark.slow
def test_the_address_can_be_set_everywhere(tmp_path):
    for part in ["book", "src/bookkit"]:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.glob("*.*"):
        if path.is_file():
            shutil.copy(path, tmp_path)
    before = places(tmp_path, slug(address()))
    command = [sys.executable, "-m", "bookkit.address", "https://github.com/some-one/a.book/"]
    place = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(tmp_path / "src")}}
    subprocess.run(command, check=True, capture_output=True, **place)
    assert places(tmp_path, slug(address())) == set()
    assert places(tmp_path, "some-one/a.book") == before
    check = [sys.executable, "-m", "bookkit.notebooks", "--check"]
    assert subprocess.run(check, **place).returncode == 0


@pytest.mark.parametrize(
    "url", ["", "github.com/a/b", "https://gitlab.com/a/b", "https://github.com/a"]
)
def test_an_address_that_is_not_githubs_is_refused_with_the_remedy(url):
    with pytest.raises(ValueError, match=r"URL=https://github.com/owner/name"):
        slug(url)


@pytest.mark.parametrize("end", ["", "/", ".git"])
def test_an_address_may_end_as_browsers_and_git_write_it(end):
    assert slug(f"https://github.com/some-one/a.book{end}") == "some-one/a.book"


def test_version_is_the_same_everywhere():
    assert CITATION["version"] == PROJECT["version"]
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_citation_has_what_the_format_demands():
    assert CITATION["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "license"} <= set(CITATION)


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all(len(r.specifier) == 1 and str(r.specifier).startswith("==") for r in wanted)
    return {r.name.lower(): str(r.specifier)[2:] for r in wanted}


def test_pins_are_exact_and_portable():
    assert not [version for version in pins().values() if "+" in version or "*" in version]


def test_pins_satisfy_the_packages_own_bounds():
    pinned = pins()
    for dependency in map(Requirement, PROJECT["dependencies"]):
        assert dependency.specifier.contains(pinned[dependency.name])


def test_every_pin_can_be_installed_by_the_oldest_python_that_the_readme_names():
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert f"They need Python {oldest} or newer" in (ROOT / "README.md").read_text("utf-8")
    wanted = {name: metadata(name).get("Requires-Python") or "" for name in pins()}
    assert not {k: v for k, v in wanted.items() if not SpecifierSet(v).contains(f"{oldest}.0")}


def test_the_chapter_takes_the_version_of_open_clip_that_is_pinned():
    """Without what it asks for, which would bring torchvision and another torch."""
    lines = (ROOT / "tools/clip/requirements.txt").read_text("utf-8").splitlines()
    (pin,) = [line for line in lines if line.startswith("open-clip-torch")]
    chapter = (ROOT / "book/text/tokenization.py").read_text("utf-8")
    assert re.findall(r"open-clip-torch==[\w.]+", chapter) == [pin]
    assert f"--no-deps --retries 0 {pin}" in chapter
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "--no-deps -r tools/clip/requirements.txt" in makefile


def test_vendored_packages_are_pinned_and_name_no_registry():
    locks = list((ROOT / "tools").glob("*/package-lock.json"))
    assert {lock.parent.name for lock in locks} == {"audit", "lint", "vendor"}
    for lock in locks:
        text = lock.read_text("utf-8")
        assert '"integrity"' in text
        assert '"resolved"' not in text


@pytest.mark.parametrize(
    ("target", "variables", "arguments"),
    [
        ("assignment", {"CHAPTER": "ODD", "COURSE": "ODD"}, ["*WORDS", "--to", "ODD"]),
        ("assignment", {"CHAPTER": "all"}, ["all", "--to", "course"]),
        ("slides", {"CHAPTER": "ODD"}, ["*WORDS", "--to", "_build/slides"]),
        ("audit", {"PAGES": "ODD"}, ["_build/audit.md", "*WORDS"]),
        ("serve", {"PORT": "ODD"}, ["_build/html", "ODD"]),
        ("serve", {}, ["_build/html", "8000"]),
        ("repository", {"URL": "ODD"}, ["ODD"]),
        ("release", {"TAG": "ODD"}, ["_build/release", "ODD"]),
        ("colab", {"CHAPTER": "ODD"}, ["--chapters", "*WORDS"]),
        ("colab", {"VERSIONS": "ODD"}, ["--environments", "*WORDS"]),
        ("colab-pins", {"LIST": "ODD"}, ["ODD"]),
        ("test", {"AGAIN": "1"}, ["bookkit.prove", "--again"]),
        ("colab-branch", {"PUSH": "ODD"}, ["_build/colab", "--push", "ODD"]),
    ],
)
def test_what_is_typed_after_a_target_reaches_its_tool_as_it_is(target, variables, arguments):
    odd = '../it\'s (a) "b" $HOME $(shell pwd) `id`; rm x > y * \\ #'
    told = [f"{name}={odd if value == 'ODD' else value}" for name, value in variables.items()]
    command = ["make", "--dry-run", "--no-print-directory", target, *told]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    expected = [
        word
        for one in arguments
        for word in (odd.split() if one == "*WORDS" else [odd if one == "ODD" else one])
    ]
    assert shlex.split(done.stdout.splitlines()[-1])[-len(expected) :] == expected


def test_help_names_every_target():
    text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)[1].split()
    shown = re.findall(r"make ([a-z-]+)", text.stdout)
    assert set(phony) - {"serve", "lint"} <= set(shown)
