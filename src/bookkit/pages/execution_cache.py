"""Execute a chapter again when its cells change, and also when what they import does.

jupyter-cache keeps outputs by a notebook's code cells alone, so a change in the package would leave
stale outputs on the page. Hence the cache lies in a folder named by a digest of the package and of
the pinned requirements. Only what is written for people (*.md, a model's card) is left out of it:
chapters read the package's JSON, too, and its scripts and style sheets travel with each widget.
The folder is a Sphinx setting of the kind that makes every page be read again when it changes, so
one mechanism does both. Folders of older digests are removed.

The digest of these extensions is such a setting too, since what they make of a page is pickled.
"""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from bookkit import ROOT


def digest(paths: Iterable[Path]) -> str:
    """Sixteen hex digits that depend on the names and bytes of all files in `paths`."""
    total = hashlib.sha256()
    for path in sorted(p for p in paths if p.is_file() and "__pycache__" not in p.parts):
        total.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def imported() -> list[Path]:
    """What the outputs of chapters depend on, beside their cells."""
    package = [path for path in (ROOT / "src/clipbook").rglob("*") if path.suffix != ".md"]
    return [*package, ROOT / "requirements.txt", ROOT / "tools/clip/requirements.txt"]


def place_cache(app, config) -> None:
    caches = Path(app.outdir).parent / ".jupyter_cache"
    current = caches / digest(imported())
    for stale in caches.glob("*"):
        if stale != current:
            shutil.rmtree(stale, ignore_errors=True)
    config.nb_execution_cache_path = str(current)


def setup(app) -> dict:
    app.add_config_value("own_extensions", digest((ROOT / "src/bookkit").rglob("*.py")), "env")
    app.connect("config-inited", place_cache)
    return {"parallel_read_safe": True}
