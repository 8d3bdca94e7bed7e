"""Make what the branch for Colab holds: notebooks for readers and for students, and the package.

python -m bookkit.colab.publish FOLDER                    write it into FOLDER
python -m bookkit.colab.publish FOLDER --push REMOTE      and add it to REMOTE's branch `colab`

book/<part>/<chapter>.ipynb       for readers; the site's Colab buttons open these
student/<part>/<chapter>.ipynb    for students
clipbook-<version>-...whl         what their set-up cells install
"""

import argparse
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
from pybtex.database import parse_file

from bookkit import BOOK, ROOT, notebooks
from bookkit.address import BRANCH, address
from bookkit.colab.notebook import Edition, for_readers, for_students
from bookkit.folders import make_empty

OWN = ("book", "student", "README.md", "*.whl")
README = """\
# The CLIP Book, for Google Colab

Made from {address}, version {version}, by its `make colab-branch`; nothing here is edited by hand.
Readers' notebooks are in `book`, students' in `student`. Each installs the wheel of its version.
"""


def wheel(folder: Path) -> Path:
    """The package, built into the folder; the same source gives the same bytes."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    (built,) = Path(folder).glob("*.whl")
    return built


def edition(package: str) -> Edition:
    """What a copy of this book is stamped with, given the address of the package's wheel."""
    return Edition(
        address=address(),
        version=package.rpartition("/")[2].split("-")[1],
        package=package,
        pages=frozenset(notebooks.sources()),
        sources=parse_file(BOOK / "references.bib"),
        book=BOOK,
    )


def published() -> Edition:
    """The edition that the branch holds, as GitHub serves it, without building its wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return edition(served(f"{project['name']}-{project['version']}-py3-none-any.whl"))


def served(name: str) -> str:
    """Where GitHub serves a file of the branch."""
    return f"{address()}/raw/{BRANCH}/{name}"


def publish(folder: Path, files: str = "") -> None:
    """Write the branch's files into the folder, which is emptied first.

    files: the address below which they will be read; else, where GitHub serves the branch.

    Raises:
        ValueError: the folder holds something else than the branch, or is none.
    """
    make_empty(folder, OWN, "branch")
    package = wheel(folder)
    stamp = edition(f"{files}/{package.name}" if files else served(package.name))
    for page in notebooks.sources():
        master = notebooks.notebook(page)
        for name, make in {"book": for_readers, "student": for_students}.items():
            path = folder / name / f"{page}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(nbformat.writes(make(master, page, stamp)) + "\n", "utf-8")
    text = README.format(address=stamp.address, version=stamp.version)
    (folder / "README.md").write_text(text, "utf-8")


def push(folder: Path, remote: str, root: Path = ROOT) -> None:
    """Add a commit that holds the folder's files to the remote's branch `colab`.

    Wheels of earlier versions stay, since copies of notebooks that people have saved install them.
    Neither the working tree nor the index of the repository at `root` changes.
    """
    variables = {
        f"GIT_{who}_{what}": "The CLIP Book"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    variables["GIT_INDEX_FILE"] = str(folder.resolve().with_suffix(".index"))

    def git(*arguments, cwd: Path = root) -> str:
        command = ["git", *map(str, arguments)]
        environment = os.environ | variables
        done = subprocess.run(
            command, cwd=cwd, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    tip = git("ls-remote", remote, f"refs/heads/{BRANCH}").split()[:1]
    git("read-tree", "--empty")
    if tip:
        git("fetch", "--quiet", "--depth=1", remote, f"refs/heads/{BRANCH}")
        git("read-tree", *tip)
        replaced = [name for name in git("ls-files").splitlines() if not name.endswith(".whl")]
        git("rm", "--cached", "--force", "--quiet", "--", *replaced)
    repository = f"--git-dir={git('rev-parse', '--absolute-git-dir')}"
    git(repository, "--work-tree=.", "add", "--force", "--ignore-removal", ".", cwd=folder)
    version = next(folder.glob("*.whl")).name.split("-")[1]
    parents = [part for commit in tip for part in ("-p", commit)]
    message = f"Publish version {version} for Colab"
    commit = git("commit-tree", git("write-tree"), *parents, "-m", message)
    git("push", "--quiet", remote, f"{commit}:refs/heads/{BRANCH}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--push", metavar="REMOTE", help="a repository's name or address")
    asked = parser.parse_args()
    try:
        publish(asked.folder)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{asked.folder} holds the branch for Colab: {len(notebooks.sources())} notebooks")
    if "/OWNER/" in address():
        print("Their set-up cells stop until the address is set: make repository URL=...")
    if asked.push:
        try:
            push(asked.folder, asked.push)
        except subprocess.CalledProcessError as error:
            print(f"cannot push to {asked.push}: {error.stderr.strip()}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
