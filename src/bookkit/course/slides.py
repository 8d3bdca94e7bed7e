"""Make slides of chapters: python -m bookkit.course.slides pairs/contrastive-loss ... --to FOLDER

One HTML file a chapter, that needs no network and no kernel: nbconvert's reveal.js slides, of the
chapter as it runs here. A slide shows the heading, formulas, lists and each passage's first or bold
sentence; the whole passage stands in the speaker's notes (press S). Exercises are left out, and
answers to questions; what is to be predicted comes as a step of its own. Where a slide begins is
guessed, unless the cell says it in its metadata, as Jupyter has it:
slideshow={"slide_type": "subslide"}; "skip" leaves it out.
"""

import argparse
import base64
import html
import re
import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat
from nbconvert.exporters import SlidesExporter

from bookkit import BUILD, notebooks
from bookkit.chapters import choose
from bookkit.colab.notebook import for_students
from bookkit.colab.publish import edition
from bookkit.pages.maths import typeset
from bookkit.pages.widget_pictures import Camera
from bookkit.predictions import predictions
from clipbook.validation import check_folder

MODULES = BUILD / "vendor/node_modules"
DECK = Path(__file__).resolve().parent / "deck"
LONGEST = 12  # lines of code that a slide shows
SENTENCE = re.compile(r"(?<=[.?!])\s+(?=[A-Z*$`])")
WHOLE = re.compile(r"^(?:#|\$\$|[-*|>] |\d+\. |!\[|```)")  # paragraphs that are not prose
FORMULA = re.compile(r"(`+[^`]*`+)|\$\$(.+?)\$\$|(?<!\\)\$([^$]+?)\$", re.S)
LEFT_OUT = ("## Exercise", "**You need**", "**Sources.**")


def gist(passage: str) -> str:
    """What a slide shows of a Markdown cell: all but prose whole, of that the sentences that count.

    These are the ones with bold words or a question in them; else the first one.
    """
    shown = []
    for paragraph in re.split(r"\n{2,}", passage.strip()):
        if WHOLE.match(paragraph):
            shown.append(paragraph)
        else:
            sentences = SENTENCE.split(paragraph)
            telling = [one for one in sentences if "**" in one or "?" in one]
            shown.append("\n".join(telling or sentences[:1]))
    return "\n\n".join(shown)


def pictures(cell: nbformat.NotebookNode, states: dict) -> list[tuple[str, str]]:
    """Address and alternative text of each picture that a cell gives: figures, still widgets."""
    told = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    found = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if view := data.get("application/vnd.jupyter.widget-view+json"):
            state = states[view["model_id"]]["state"]
            if state.get("picture"):
                found.append((state["picture"], state.get("alternative", "")))
        elif "image/svg+xml" in data:
            coded = base64.b64encode("".join(data["image/svg+xml"]).encode()).decode()
            found.append((f"data:image/svg+xml;base64,{coded}", told))
        elif "image/png" in data:
            found.append((f"data:image/png;base64,{data['image/png'].strip()}", told))
    return found


def widget_states(executed: nbformat.NotebookNode) -> dict:
    """State of each widget that the notebook has made, by its model's id."""
    states = executed.metadata.get("widgets", {})
    return states.get("application/vnd.jupyter.widget-state+json", {}).get("state", {})


def cells(executed: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The chapter's cells as slides, each with nbconvert's mark of what it is."""
    states = widget_states(executed)
    asked = predictions(executed.cells)
    predicted = {executed.cells[k].id for prediction in asked for k in prediction.cells}
    made = []

    def add(cell: nbformat.NotebookNode, kind: str) -> None:
        cell.metadata["slideshow"] = {"slide_type": kind}
        made.append(cell)

    setup = next(cell for cell in executed.cells if cell.cell_type == "code")
    for cell, after in zip(executed.cells, [*executed.cells[1:], None], strict=True):
        told = cell.metadata.get("slideshow", {}).get("slide_type")
        if told == "skip":
            continue
        if cell.cell_type == "markdown":
            text = re.sub(r"<details>.*?</details>", "", cell.source, flags=re.S)
            if text.startswith(("# ", "## ", "After this")):
                kind = "slide"
            else:  # what follows code and leads to none is said when the code has been seen
                kind = "subslide" if after is not None and after.cell_type == "code" else "fragment"
            add(nbformat.v4.new_markdown_cell(gist(text)), told or kind)
            add(nbformat.v4.new_markdown_cell(text), "notes")
        elif cell is not setup:
            images = pictures(cell, states)
            hidden = "hide-input" in cell.metadata.get("tags", [])
            short = not hidden and len(cell.source.splitlines()) <= LONGEST
            if short:
                said = [
                    out for out in cell.outputs if not out.get("data", {}).keys() - {"text/plain"}
                ]
                now = [] if cell.id in predicted else said
                add(nbformat.v4.new_code_cell(cell.source, outputs=now), told or "-")
                if said != now:
                    alone = {"transient": {"remove_source": True}}
                    add(nbformat.v4.new_code_cell("", outputs=said, metadata=alone), "fragment")
            seen = "subslide" if short else "fragment" if cell.id in predicted else "-"
            for address, alt in images:
                told = html.escape(" ".join(alt.split()))  # an empty line would end the element,
                told = told.replace("$", "&#36;").replace("`", "&#96;")  # and these are Markdown's
                shown = f'<img src="{html.escape(address)}" alt="{told}">'
                add(nbformat.v4.new_markdown_cell(shown), seen)
    return made


def shown(page: str, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """What slides are made of: the chapter without exercises, with outputs where it has some."""
    made = for_students(notebook, page, edition("/clipbook-0-none.whl"))
    made.cells[0].source = notebook.cells[0].source  # without the line about copies
    made.cells = [
        cell
        for cell in made.cells
        if "nbgrader" not in cell.metadata and not cell.source.startswith(LEFT_OUT)
    ]
    return made


def executed(page: str) -> nbformat.NotebookNode:
    """The chapter without its exercises, run here from an empty folder, widgets' states kept."""
    made = shown(page, notebooks.notebook(page))
    with tempfile.TemporaryDirectory(prefix="clipbook-") as empty:
        client = nbclient.NotebookClient(made, timeout=900, resources={"metadata": {"path": empty}})
        client.execute()
    camera = Camera(BUILD / "widget-pictures")
    photograph(made, camera)
    camera.close()
    return made


def photograph(executed: nbformat.NotebookNode, camera: Camera) -> None:
    """Put a still picture of each widget into its state."""
    for model in widget_states(executed).values():
        if "_esm" in model["state"]:
            model["state"]["picture"] = camera.picture(model)


def without_formulas(text: str, kept: list[dict]) -> str:
    """Markdown with each formula put aside into `kept`, and its number in its place."""

    def aside(match: re.Match) -> str:
        if match[1]:
            return match[0]
        kept.append({"latex": match[2] or match[3], "display": bool(match[2])})
        return f"FORMULA{len(kept) - 1}STOP"

    return FORMULA.sub(aside, text)


def assets() -> dict:
    """Style sheets and scripts, fonts inside."""
    katex, reveal = MODULES / "katex/dist", MODULES / "reveal.js"

    def font(match: re.Match) -> str:
        coded = base64.b64encode((katex / match[1]).read_bytes()).decode()
        return f"src:url(data:font/woff2;base64,{coded})"

    formulas = (katex / "katex.min.css").read_text("utf-8")
    formulas = re.sub(r"src:url\((fonts/[\w-]+\.woff2)\)[^;}]*", font, formulas)
    theme = (reveal / "dist/theme/white.css").read_text("utf-8")
    sheets = [(reveal / "dist/reveal.css").read_text("utf-8"), re.sub(r"@import[^;]*;", "", theme)]
    scripts = [reveal / "dist/reveal.js", reveal / "plugin/notes/notes.js"]
    return {
        "styles": [*sheets, formulas],
        "own": (DECK / "deck.css").read_text("utf-8"),
        "scripts": [path.read_text("utf-8").replace("</script", "<\\/script") for path in scripts],
    }


def slides(notebook: nbformat.NotebookNode) -> str:
    """The HTML file of an executed chapter."""
    formulas: list[dict] = []
    title = notebook.cells[0].source.partition("\n")[0].removeprefix("# ")
    deck = nbformat.v4.new_notebook(cells=cells(notebook))
    for k, cell in enumerate(deck.cells):
        cell.id = f"cell-{k}"  # new ones get any: the same chapter gives the same bytes
        if cell.cell_type == "markdown":
            cell.source = without_formulas(cell.source, formulas)
    exporter = SlidesExporter(template_name=DECK.name, extra_template_basedirs=[str(DECK.parent)])
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    made, _ = exporter.from_notebook_node(deck, {"deck": {"title": title, **assets()}})
    shown = typeset(formulas)
    return re.sub(r"FORMULA(\d+)STOP", lambda match: shown[int(match[1])], made)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapter", nargs="+", help="such as pairs/contrastive-loss, or all")
    parser.add_argument("--to", type=Path, required=True, help="the folder to write into")
    asked = parser.parse_args()
    try:
        check_folder("--to", asked.to)
        chosen = choose(asked.chapter)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for page in chosen:
        target = asked.to / f"{page}.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(slides(executed(page)), "utf-8")
        print(f"{target}: {target.stat().st_size / 1e6:.1f} MB; arrows move, S shows the notes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
