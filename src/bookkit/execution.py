"""Execute chapters, as many at once as there are cores: python -m bookkit.execution [--kernel NAME]

Each runs in an empty folder, as on Colab, and what it shows goes into jupyter-cache's cache, from
which the site is built. A chapter is executed again when its cells change, and also when what they
import does: jupyter-cache tells outputs apart by a notebook's code cells alone, so the cache lies
in a folder named by a digest of the package and of the pinned versions. Only what is written for
people (*.md, a model's card) is left out of it: chapters read the package's JSON, too, and its
scripts and style sheets travel with each widget. Folders of older digests are removed.
"""

import argparse
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.executors.utils import single_nb_execution
from nbclient.exceptions import DeadKernelError

from bookkit import BUILD, ROOT, notebooks

CACHES = BUILD / ".jupyter_cache"
TIMEOUT = 900  # seconds a cell: training takes two minutes on a quiet machine


def digest(paths: Iterable[Path], more: str = "") -> str:
    """Sixteen hex digits of the names and bytes of all files in `paths`, and of `more`."""
    total = hashlib.sha256(more.encode())
    for path in sorted(p for p in paths if p.is_file() and "__pycache__" not in p.parts):
        total.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def imported() -> list[Path]:
    """What the outputs of chapters depend on, beside their cells."""
    package = [path for path in (ROOT / "src/clipbook").rglob("*") if path.suffix != ".md"]
    pins = ("requirements.txt", "tools/clip/requirements.txt", "src/bookkit/colab/image.toml")
    return [*package, *(ROOT / name for name in pins)]


def cache_folder() -> Path:
    """Where what the chapters show lies now."""
    current = CACHES / digest(imported())
    for stale in CACHES.glob("*"):
        if stale != current:
            shutil.rmtree(stale, ignore_errors=True)
    return current


def is_cached(cache: JupyterCacheAbstract, notebook: Path, kernel: str) -> bool:
    """Whether that kernel, or any if it has no name, has executed the notebook as it stands."""
    try:
        record = cache.match_cache_notebook(nbformat.read(notebook, 4))
    except KeyError:
        return False
    return kernel in ("", record.data.get("kernel"))


def run(notebook: Path, kernel: str) -> tuple[nbformat.NotebookNode, float, str]:
    """Execute a notebook in an empty folder: with its outputs, seconds, and what went wrong."""
    named = {"kernel_name": kernel} if kernel else {}
    read = nbformat.read(notebook, 4)
    with tempfile.TemporaryDirectory(prefix="clipbook-") as empty:
        try:
            done = single_nb_execution(read, empty, TIMEOUT, False, **named)
        except DeadKernelError as dead:
            return read, 0, str(dead)
    return read, done.time, done.exc_string or ""


def execute(paths: Iterable[Path], kernel: str = "") -> dict[Path, str]:
    """Execute the notebooks that are not in the cache; what went wrong in each that failed.

    Args:
        paths: of .ipynb files.
        kernel: the name of the Jupyter kernel; each notebook's own without.
    """
    cache = get_cache(cache_folder())
    missing = [path for path in paths if not is_cached(cache, path, kernel)]
    failed = {}
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        kernels = [kernel] * len(missing)
        done = zip(missing, pool.map(run, missing, kernels), strict=True)
        for path, (notebook, seconds, wrong) in done:
            if wrong:
                failed[path] = wrong
                continue
            data = {"execution_seconds": seconds, "kernel": kernel}
            bundle = CacheBundleIn(notebook, str(path), data=data)
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
            print(f"{seconds:6.0f} s  {path.relative_to(ROOT)}", flush=True)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kernel", default="", help="the name of a Jupyter kernel")
    kernel = parser.parse_args().kernel
    failed = execute([path.with_suffix(".ipynb") for path in notebooks.sources().values()], kernel)
    for path, reason in failed.items():
        print(f"\n{path.relative_to(ROOT)}\n{reason}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
