"""At the foot of each page: how to cite the book, its licences, its version and date.

All is from CITATION.cff, which a test holds to the version of the package; the date is that of the
last commit, or of the build where there is none.
"""

import datetime
import html
import subprocess

import yaml

from bookkit import ROOT
from bookkit.address import address, pages_address


def day() -> datetime.date:
    """When the book was changed last."""
    command = ["git", "log", "-1", "--format=%cs", "--", "."]  # not of a repository around it
    try:
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    except OSError:  # without git
        said = ""
    return datetime.date.fromisoformat(said) if said else datetime.date.today()


def footer(citation: dict, date: datetime.date) -> str:
    """The footer's HTML."""
    authors = ", ".join(author["name"] for author in citation["authors"])
    title, version, where = citation["title"], citation["version"], pages_address(address())
    plain = f"{authors} ({date.year}). {title}, version {version}. {where}"
    bibtex = (
        f"@misc{{clipbook,\n  author  = {{{{{authors}}}}},\n  title   = {{{{{title}}}}},\n"
        f"  year    = {{{date.year}}},\n  version = {{{version}}},\n  url     = {{{where}}},\n}}"
    )
    licence = f'<a href="{address()}/blob/main/LICENSE">MIT (code), CC BY 4.0 (text)</a>'
    return (
        f"<p>Version {version}, {date.day} {date:%B %Y}. Licence: {licence}.</p>"
        f"<details><summary>Cite this</summary><p>{html.escape(plain)}</p>"
        f"<pre>{html.escape(bibtex)}</pre></details>"
    )


def place(app, config) -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    config.html_theme_options["extra_footer"] = footer(citation, day())


def setup(app) -> dict:
    app.connect("config-inited", place)
    return {"parallel_read_safe": True}
