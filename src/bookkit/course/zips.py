"""A ZIP of each chapter for instructors, made with the site: no clone and no terminal is needed.

It holds the student notebook, the guide and the slides, made of what the chapter's cells gave when
the site was built. Solutions and hidden checks are not in it. `{student-notebooks}` links to it.
"""

import copy
import zipfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nbformat
from jupyter_cache import get_cache

from bookkit import BUILD, notebooks
from bookkit.chapters import names, read
from bookkit.colab.notebook import Edition, for_students
from bookkit.colab.publish import published
from bookkit.course import slides
from bookkit.course.assignment import leaks
from bookkit.course.guide import guide, name_of
from bookkit.pages.widget_pictures import Camera

README = """\
{title}, for instructors

{stem}.ipynb        for your students: exercises are blank, visible checks are in it
{name}.md  objectives, minutes, points, open questions with a rubric
slides.html         one file that needs no network; S shows the speaker's notes

Hidden checks, solutions and grading need a clone of the repository: {guide}
"""
DATE = (1980, 1, 1, 0, 0, 0)  # so that the same book gives the same bytes


def student(page: str, edition: Edition) -> str:
    """The student notebook.

    Raises:
        ValueError: it would show a solution or a hidden check.
    """
    master = notebooks.notebook(page)
    made = for_students(master, page, edition)
    if leaked := leaks(made, master):
        raise ValueError(f"{page}: the student notebook would show {leaked}; no ZIP is made")
    return nbformat.writes(made) + "\n"


def with_pictures(
    page: str, outputs: nbformat.NotebookNode, camera: Camera
) -> nbformat.NotebookNode:
    """What slides are made of: the chapter as it has been executed, its widgets still pictures."""
    made = slides.shown(page, outputs)
    made.metadata["widgets"] = copy.deepcopy(outputs.metadata.get("widgets", {}))
    slides.photograph(made, camera)
    return made


def write(site: Path, page: str, files: dict[str, str]) -> Path:
    path = site / f"instructors/{name_of(page)}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as target:
        for name, text in files.items():
            info = zipfile.ZipInfo(f"{name_of(page)}/{name}", DATE)
            target.writestr(info, text, zipfile.ZIP_DEFLATED)
    return path


def make(app, exception) -> None:
    if exception or app.builder.format != "html":
        return
    cache, camera = get_cache(app.config.nb_execution_cache_path), Camera(BUILD / "widget-pictures")
    edition = published()
    pages = [page for page in names() if page in app.env.found_docs]
    executed = []
    for page in pages:
        _, outputs = cache.merge_match_into_notebook(notebooks.notebook(page))
        executed.append(with_pictures(page, outputs, camera))
    camera.close()
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:  # seconds a chapter
        decks = list(pool.map(slides.slides, executed))
    for page, deck in zip(pages, decks, strict=True):
        stem, name = page.rpartition("/")[2], name_of(page)
        words = {"title": read(page).title, "stem": stem, "name": name}
        words["guide"] = f"{app.config.ogp_site_url}instructors/guide.html"
        files = {
            "README.txt": README.format(**words),
            f"{stem}.ipynb": student(page, edition),
            f"{name}.md": guide(read(page)),
            "slides.html": deck,
        }
        write(Path(app.outdir), page, files)


def setup(app) -> dict:
    app.connect("build-finished", make)
    return {"parallel_read_safe": True}
