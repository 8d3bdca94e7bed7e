"""Print what requirements.txt lists by hand, without its pins: what `make newest` installs."""

from packaging.requirements import Requirement

from bookkit import ROOT

BOUNDS = {
    "jupyter-book": "<2",  # version 2 is another program, without Sphinx
    "pytest": "<9.2",  # with it, pytest-xdist 3.8 no longer keeps groups in one process
}
PINNED = {"mypy", "ruff"}  # new versions complain of other things, not of what the book stands on


def direct(text: str) -> list[Requirement]:
    """What stands above the line: the packages that we use ourselves."""
    lines = text.partition("# -----")[0].splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def newest(text: str) -> list[str]:
    """The same packages, each free to be the newest that there is, save a few exceptions."""
    return [
        f"{r.name}{r.specifier if r.name in PINNED else BOUNDS.get(r.name, '')}"
        for r in direct(text)
    ]


if __name__ == "__main__":
    print("\n".join(newest((ROOT / "requirements.txt").read_text("utf-8"))))
