"""Make a folder to teach from: python -m bookkit.course.assignment <chapter>... --to course

Chapters are named as in _toc.yml; `all` stands for every one. The folder is an nbgrader course:
student notebooks in release/, everything that grades them, and a guide to each chapter in guides/.
A folder that is there already keeps what else is in it, such as submissions and grades.

Checks that nobody may find in a public repository go into private/<part>-<chapter>.py of that
folder: cells in the percent format of the chapters, each with the metadata of a hidden check.
"""

import argparse
import os
import shlex
import shutil
import sys
from pathlib import Path

import jupytext
import nbformat

from bookkit.cells import MARKS
from bookkit.chapters import Chapter, choose, read_all
from bookkit.course.guide import guide, name_of, readme
from bookkit.notebooks import notebook

TEMPLATE = Path(__file__).resolve().parent / "template"
WRITTEN = ("README.md", "look.py", "jupyter", "guides", "source", "release")


def master(page: str, private: Path) -> nbformat.NotebookNode:
    """The chapter's notebook, with the instructor's own hidden checks at its end.

    Raises ValueError where such a check is not marked as one, for then students would see it.
    """
    result = notebook(page)
    own = private / f"{name_of(page)}.py"
    if own.exists():
        for cell in jupytext.reads(own.read_text("utf-8"), fmt="py:percent").cells:
            graded = cell.metadata.get("nbgrader", {}).get("grade")
            if cell.cell_type != "code" or not graded or "BEGIN HIDDEN TESTS" not in cell.source:
                raise ValueError(
                    f"{own}: the cell {cell.source[:40]!r} is no hidden check; give it nbgrader's "
                    "metadata and put its code between ### BEGIN HIDDEN TESTS and ### END HIDDEN "
                    "TESTS, as in a chapter"
                )
            result.cells.append(cell)
    return result


def leaks(student: nbformat.NotebookNode, source: nbformat.NotebookNode) -> list[str]:
    """Lines of solutions and hidden checks, and marks of them, that a student's notebook holds."""
    secret: set[str] = set()
    public: set[str] = set()
    for cell in source.cells:
        inside = False
        for line in cell.source.splitlines():
            if any(mark in line for mark in MARKS):
                inside = "BEGIN" in line
            elif cell.cell_type == "code":
                (secret if inside else public).add(line.strip())
    text = nbformat.writes(student)
    given = {line.strip() for cell in student.cells for line in cell.source.splitlines()}
    leaked = [line for line in secret - public if len(line) > 8 and line in given]
    return [*leaked, *(mark for mark in MARKS if mark in text)]


def check_place(course: Path) -> None:
    """Raises ValueError where a course can't work, or would overwrite what is there."""
    if set("$[*?") & set(str(course)):
        raise ValueError(
            f"COURSE={course}: nbgrader would look elsewhere, as $, [, * and ? in a path have a "
            "meaning of their own; give a folder whose path has none of them"
        )
    lost = [name for name in WRITTEN if (course / name).exists()]
    config = course / "nbgrader_config.py"
    if lost and not (config.exists() and "`make assignment`" in config.read_text("utf-8")):
        raise ValueError(
            f"COURSE={course} is no course of this book, and its {', '.join(lost)} would be "
            "overwritten; give a new folder"
        )


def copy_template(course: Path) -> list[str]:
    """Put in what grades; the files that were changed there, which are left."""
    changed = []
    for path in TEMPLATE.rglob("*"):
        name = path.relative_to(TEMPLATE)
        if path.is_file() and "__pycache__" not in name.parts:
            target = course / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copy(path, target)
            elif target.read_bytes() != path.read_bytes():
                changed.append(str(name))
    return sorted(changed)


def make(chosen: list[Chapter], course: Path) -> None:
    """Write the course folder.

    Raises ValueError where a chapter can't be made an assignment, or the folder holds other things.
    """
    check_place(course)
    (course / "guides").mkdir(parents=True, exist_ok=True)
    for name in copy_template(course):
        print(f"{course / name} was changed and stays so; delete it to have the book's")
    for chapter in chosen:
        name = name_of(chapter.page)
        source = course / "source" / name
        source.mkdir(parents=True, exist_ok=True)
        stem = Path(chapter.page).name
        nbformat.write(master(chapter.page, course / "private"), source / f"{stem}.ipynb")
        (course / "guides" / f"{name}.md").write_text(guide(chapter), "utf-8")
    names = sorted(path.name for path in (course / "source").iterdir() if path.is_dir())
    (course / "README.md").write_text(readme(names), "utf-8")
    generate([chapter.page for chapter in chosen], course)


def generate(pages: list[str], course: Path) -> None:
    """Let nbgrader write the student notebooks, then look whether a secret is left in one."""
    api = open_course(course)
    for page in pages:
        name, stem = name_of(page), Path(page).name
        result = api.generate_assignment(name)
        if not result["success"]:
            raise ValueError(f"{page}: nbgrader made no assignment of it:\n{result['log']}")
        source, student = (
            nbformat.read(course / kind / name / f"{stem}.ipynb", 4)
            for kind in ("source", "release")
        )
        if leaked := leaks(student, source):
            shutil.rmtree(course / "release" / name)
            raise ValueError(f"{page}: the student notebook would show {leaked}; release removed")


def open_course(course: Path):
    """nbgrader's programming interface, with the configuration of the course."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config.loader import PyFileConfigLoader

    os.environ["PATH"] = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]
    config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    return NbGraderAPI(config=config)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapter", nargs="+", help="such as pairs/contrastive-loss, or all")
    parser.add_argument("--to", type=Path, default=Path("course"), help="the folder to write")
    asked = parser.parse_args()
    course = asked.to.resolve()
    try:
        chosen = read_all(choose(asked.chapter))
        make(chosen, course)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"COURSE={course}: {error.strerror}; give a folder to write in", file=sys.stderr)
        return 2
    for chapter in chosen:
        name = name_of(chapter.page)
        print(f"{course}/release/{name}/{Path(chapter.page).name}.ipynb: {chapter.points} points")
    print(f"Guides are in {course}/guides. Hand out what is in release/, keep the rest.")
    next_step = f"cd {shlex.quote(str(course))} && nbgrader zip_collect …"
    print(f"What comes next is in {course}/README.md:  {next_step}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
