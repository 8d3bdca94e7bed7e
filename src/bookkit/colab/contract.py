"""The promise that every chapter runs in Colab, alone: python -m bookkit.colab.contract [--help]

A published notebook lies in an empty folder and is run from top to bottom, in an environment of
its own that lacks the package, as a fresh machine does. Its set-up cell installs the package from
the wheel beside the published notebooks, by the line that takes it from GitHub elsewhere. Then: no
cell fails, the set-up cell takes at most 20 seconds, and the environment has gained what it
lacked and nothing else, no version in it being another one.

Three environments differ in what the package's dependencies are:

    colab     as image.toml says, without what Colab lacks
    lowest    the lowest versions that pyproject.toml allows, as uv finds them
    newest    none but torch: uv takes the newest of each

All else is borrowed from the environment that runs this, torch (several hundred megabytes, and
built for a kind of machine) in every case, and so is Python. A table of the seconds goes into
_build/colab.md.
"""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
import tomllib
import venv
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import distribution, distributions, version
from pathlib import Path

import nbclient
import nbformat
from packaging.requirements import Requirement

from bookkit import BUILD, ROOT, notebooks
from bookkit.colab import image
from bookkit.colab.publish import publish

ENVIRONMENTS = ("colab", "lowest", "newest")
SETUP_SECONDS = 20
BORROWED = "torch"  # in every environment: built for this machine, and too large to take again
USED = {"scikit-image", "transformers"}  # by chapters, beside what the package needs
VERSIONS = (
    "import importlib.metadata as m, json;"
    "print(json.dumps({d.name: d.version for d in reversed(list(m.distributions()))}))"
)


@dataclass(frozen=True)
class Environment:
    """What a kind of environment has: folders of packages, the first one's going first."""

    name: str
    folders: tuple[Path, ...]

    def fresh(self, home: Path) -> Path:
        """Python of a new environment in `home`, with a kernel called as this is."""
        venv.create(home, with_pip=False)
        python = home / "bin/python"
        ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        packages = Path(
            subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
        )
        (packages / "lent.pth").write_text("".join(f"{folder}\n" for folder in self.folders))
        kernel = home / f"share/jupyter/kernels/{self.name}"
        kernel.mkdir(parents=True)
        argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        said = {"argv": argv, "display_name": self.name, "language": "python"}
        (kernel / "kernel.json").write_text(json.dumps(said))
        return python


@dataclass(frozen=True)
class Run:
    """What a notebook did in an environment."""

    setup: float  # seconds of the set-up cell
    seconds: float  # of all cells
    said: str  # what the set-up cell printed
    error: str  # the first cell's error, empty if none
    gained: frozenset[str]  # packages that the set-up cell brought
    changed: dict[str, tuple[str, str]]  # version before and after, by package

    def broken(self) -> list[str]:
        """A sentence for each promise that is not kept."""
        said = [self.error] if self.error else []
        if self.setup > SETUP_SECONDS:
            said.append(f"the set-up cell took {self.setup:.0f} s, more than {SETUP_SECONDS} s")
        said += [f"{name} {a} became {b}" for name, (a, b) in sorted(self.changed.items())]
        extra = sorted(self.gained - set(image.load().absent))
        said += [f"it installed {name}, which Colab has" for name in extra]
        return said


def dependencies() -> list[Requirement]:
    """What the package needs, as pyproject.toml says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [Requirement(line) for line in project["dependencies"]]


def lend(folder: Path, without: set[str]) -> Path:
    """Links to every package of this environment but those, and but the book's own."""
    installed = {image.normal(one.name) for one in distributions()}
    hidden = {
        path.parts[0]
        for name in installed & (without | {"clipbook"})
        for path in distribution(name).files or []
    }
    folder.mkdir(parents=True)
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.name not in hidden and path.suffix != ".pth":
            (folder / path.name).symlink_to(path)
    return folder


def environment(name: str, home: Path) -> Environment:
    """Make what an environment's runs share, in `home`.

    Raises:
        subprocess.CalledProcessError: something cannot be installed; its stderr says why.
    """
    colab = image.load()
    needs = {image.normal(need.name): str(need) for need in dependencies()}
    wanted = {
        "colab": {one: f"{one}=={pin}" for one, pin in colab.pins.items()},
        "lowest": needs,
        "newest": {one: one for one in {*needs, *USED} - set(colab.absent)},
    }[name]
    brought = set(colab.absent) if name != "lowest" else {"clipbook"}
    lent = lend(home / "lent", ({*wanted} | brought) - {BORROWED})
    uv = [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable]
    uv += ["--target", str(home / "own")]
    uv += ["--resolution", "lowest-direct" if name == "lowest" else "highest"]
    listed = [line for one, line in sorted(wanted.items()) if one != BORROWED]
    subprocess.run([*uv, *listed], check=True, capture_output=True, text=True)
    return Environment(name, (home / "own", lent))


def versions(python: Path) -> dict[str, str]:
    """Version of every package that an environment sees, by its name."""
    done = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=True)
    return {image.normal(name): found for name, found in json.loads(done.stdout).items()}


def run(notebook: Path, there: Environment) -> Run:
    """Run a published notebook in a fresh environment of that kind, from an empty folder."""
    read = nbformat.read(notebook, 4)
    with tempfile.TemporaryDirectory(prefix="clipbook-") as home:
        python = there.fresh(Path(home, "venv"))
        before = versions(python)
        empty = Path(home, "empty")
        empty.mkdir()
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
        client = nbclient.NotebookClient(
            read, kernel_name=there.name, timeout=900, record_timing=True
        )
        client.create_kernel_manager().kernel_spec_manager.kernel_dirs = [
            f"{home}/venv/share/jupyter/kernels"
        ]
        start, error = time.perf_counter(), ""
        try:
            client.execute(env=kept, cwd=str(empty))
        except nbclient.exceptions.CellExecutionError as failed:
            error = f"{failed.ename}: {failed.evalue}"
        except (nbclient.exceptions.CellTimeoutError, nbclient.exceptions.DeadKernelError) as cut:
            error = str(cut)
        seconds = time.perf_counter() - start
        after = versions(python)
    setup = next(cell for cell in read.cells if cell.cell_type == "code")
    return Run(
        setup=_seconds(setup),
        seconds=seconds,
        said="".join(one.text for one in setup.outputs if one.output_type == "stream"),
        error=error,
        gained=frozenset(after.keys() - before.keys()),
        changed={n: (v, after.get(n, "")) for n, v in before.items() if after.get(n, "") != v},
    )


def _seconds(cell: nbformat.NotebookNode) -> float:
    at = cell.metadata["execution"]
    start, end = (
        datetime.fromisoformat(at[moment])
        for moment in ("iopub.execute_input", "shell.execute_reply")
    )
    return (end - start).total_seconds()


def row(page: str, name: str, done: Run) -> str:
    """A line of the table."""
    said = " ".join("; ".join(done.broken()).replace("|", "/").split()) or "kept"
    new = ", ".join(sorted(done.gained))
    return f"| {page} | {name} | {done.setup:.1f} | {done.seconds:.1f} | {new} | {said} |"


HEAD = """\
Python {python} and torch {torch} in all;
Colab has Python {colab.python} and torch {colab.pins[torch]}.

| chapter | environment | set-up, s | all, s | installed | contract |
|---|---|---:|---:|---|---|
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environments", nargs="+", default=ENVIRONMENTS, choices=ENVIRONMENTS)
    parser.add_argument("--chapters", nargs="+", choices=notebooks.sources(), help="these only")
    asked = parser.parse_args()
    try:
        return run_all(asked.environments, asked.chapters or [*notebooks.sources()])
    except subprocess.CalledProcessError as failed:
        print(failed.stderr or failed, file=sys.stderr)
        return 1


def run_all(environments: list[str], pages: list[str]) -> int:
    """Print and write the table; 1 where a chapter broke the contract."""
    rows, failed = [], False
    with tempfile.TemporaryDirectory(prefix="clipbook-") as home:
        branch = Path(home, "branch")
        publish(branch, branch.as_uri())
        for name in environments:
            there = environment(name, Path(home, name))
            for page in pages:
                done = run(branch / f"book/{page}.ipynb", there)
                failed |= bool(done.broken())
                rows.append(row(page, name, done))
                print(rows[-1], flush=True)
    python = sys.version.split()[0]
    head = HEAD.format(python=python, torch=version(BORROWED), colab=image.load())
    table = BUILD / "colab.md"
    table.parent.mkdir(exist_ok=True)
    table.write_text(head + "\n".join(rows) + "\n", "utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
