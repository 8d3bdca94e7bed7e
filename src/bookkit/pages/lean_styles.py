"""One small style sheet for all pages, and fonts that hold only the characters in use.

templates/layout.html links it. The sheets that the theme would link are joined in order, purged of
what no page and no script names (tools/vendor/purge.mjs, by PurgeCSS), and written to
_static/lean.css. What is dark is for screens alone: paper, and pages without scripts, are light.
Fonts, of icons and of formulas, are cut down to the characters that the sheet and
the formulas show.
"""

import hashlib
import html
import logging
import os
import re
import subprocess
from pathlib import Path

from fontTools import subset

from bookkit import BUILD

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every table that it prunes

VENDOR = BUILD / "vendor"
IMPORT = re.compile(r'@import "([^"]+)";')
ADDRESS = re.compile(r"""url\(\s*["']?(?!data:|[a-z]+://|#)([^"')?#]+)[^)]*\)""")
FACE = re.compile(r"@font-face\s*\{[^}]*\}")
SOURCES = re.compile(r"src:[^;}]*")
FORMULA = re.compile(
    r'<span class="katex-html".*?(?=<span class="katex-mathml"|</p>|</div>|\Z)', re.S
)
RULE = re.compile(r"([^{}@;]+)\{([^{}]*)\}")
LIGHT, DARK = (re.compile(rf"""\[data-theme=["']?{name}["']?\]""") for name in ("light", "dark"))
# What the theme's own templates link, before all others.
THEME = ("_static/styles/theme.css", "_static/styles/pydata-sphinx-theme.css")
ESCAPE = re.compile(r"\\([0-9a-f]{2,6})", re.I)


def joined(site: Path, names: list[str]) -> str:
    """The site's sheets of these names, one after the other, with addresses from _static."""

    def load(path: Path) -> str:
        def move(address: re.Match) -> str:
            target = os.path.relpath(path.parent / address[1].strip(), site / "_static")
            return f'url("{target}")'

        text = ADDRESS.sub(move, path.read_text("utf-8").lstrip("\ufeff"))
        return IMPORT.sub(lambda other: load(path.parent / other[1]), text)

    return "\n".join(load((site / name).resolve()) for name in names)


def purged(sheet: Path, files: list[Path]) -> str:
    """What is left of a style sheet when these pages and scripts are all there is."""
    command = ["node", *map(str, [VENDOR / "purge.mjs", sheet, *files])]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout


def shown(css: str, pages: list[str]) -> set[int]:
    """Code points that the sheet's own contents and the pages' formulas show."""
    points = {int(code, 16) for code in ESCAPE.findall(css)} | {0x20, 0xA0}
    for text in pages:
        for formula in FORMULA.findall(text):
            points |= set(map(ord, html.unescape(re.sub("<[^>]*>", "", formula))))
    return points


def cut(font: Path, points: set[int], target: Path) -> None:
    """Write those characters of a TrueType font to `target`, as WOFF2, without hints."""
    options = subset.Options(
        flavor="woff2", layout_features=["*"], notdef_outline=True, hinting=False
    )
    with subset.load_font(font, options) as whole:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=points)
        subsetter.subset(whole)
        subset.save_font(whole, target, options)


def with_cut_fonts(css: str, site: Path, points: set[int]) -> str:
    """The sheet with every font that has a TrueType file replaced by its subset."""

    def rewrite(face: re.Match) -> str:
        files = [site / "_static" / address for address in ADDRESS.findall(face[0])]
        font = next((file for file in files if file.suffix == ".ttf" and file.exists()), None)
        if font is None:
            return face[0]
        target = site / f"_static/fonts/{font.stem}.woff2"
        cut(font, points, target)
        return SOURCES.sub(f'src:url("fonts/{target.name}") format("woff2")', face[0])

    (site / "_static/fonts").mkdir(exist_ok=True)
    return FACE.sub(rewrite, css)


def light_on_paper(css: str) -> str:
    """The sheet, in which the dark rules hold on screens alone, and the light ones wherever these
    don't: in print, whatever the screen shows, and on a page whose scripts don't run."""

    def rewrite(rule: re.Match) -> str:
        light, dark = LIGHT.search(rule[1]), DARK.search(rule[1])
        if dark and not light:
            return f"@media screen{{{rule[0]}}}"
        if light and not dark:
            anywhere = LIGHT.sub(":not([data-theme=dark])", rule[0])
            return f"{anywhere}@media print{{{LIGHT.sub('[data-theme=dark]', rule[0])}}}"
        return rule[0]

    return RULE.sub(rewrite, css)


def linked(css_files: list) -> list[str]:
    """Names of the sheets that a page would link, in order."""
    return [*THEME, *(str(css.filename) for css in sorted(css_files, key=lambda css: css.priority))]


def one_sheet(site: Path, names: list[str], pages: dict[Path, str]) -> str:
    """Write the one sheet of all pages, and return a digest of it."""
    bare = site / "_static/lean.css"
    bare.write_text(joined(site, names), "utf-8")
    content = site.with_name("content.html")
    content.write_text("\n".join(pages.values()), "utf-8")
    css = purged(bare, [content, *site.glob("_static/**/*.js")])
    content.unlink()
    css = light_on_paper(css)
    css = with_cut_fonts(css, site, shown(css, list(pages.values())))
    bare.write_text(css, "utf-8")
    return hashlib.sha256(css.encode()).hexdigest()[:8]
