"""What the site serves of the live models: the engines, the models and the pages' scripts.

Each file is a script, since a page that is opened from a folder may fetch nothing else: an engine
and a model call a function of the page's with what they hold, and are asked for by `client.js`.
Scripts are minified, by esbuild from npm, on their way to readers; nothing else reads them so.
"""

import base64
import functools
import hashlib
import json
import subprocess
from pathlib import Path

from bookkit import BUILD
from bookkit.live import kernel, pictures, rounding, words
from clipbook.pretrained.shipped import FOLDERS
from clipbook.widgets.kit import joined

HERE = Path(__file__).parent
MODELS = ("shapes", "emoji", "answers")
ROUNDED = ("emoji",)
ENGINES = {"engine": "worker", "answerer": "answer_worker"}
"""Scripts of their workers: of a CLIP, and of the model that answers, which has a decoder too."""
PAGES = ("grid", "own", "playground")
"""The scripts that pages begin with."""
ESBUILD = BUILD / "vendor/node_modules/.bin/esbuild"


def text_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def call(name: str, content: dict) -> str:
    return f"clipbookLive({json.dumps(name)}, {json.dumps(content, separators=(',', ':'))});\n"


def minified(name: str) -> str:
    """A script with all that it imports, less what it doesn't use; its names are its own."""
    options = ["--minify", "--format=iife", "--target=es2022", "--log-level=warning"]
    script = joined(HERE / f"{name}.js")
    done = subprocess.run(
        [ESBUILD, *options], input=script, stdout=subprocess.PIPE, encoding="utf-8", check=True
    )
    return done.stdout


def engine(name: str) -> str:
    """The script of a worker, and the kernels."""
    source = minified(ENGINES[name])
    return call(name, {"source": source, "kernel": text_of(kernel.assembled())})


def weights(name: str) -> bytes:
    """As the package ships them, or in 8 bits, where they would be too many to wait for."""
    path = FOLDERS[name] / f"{name}.safetensors"
    return rounding.in_eight_bits(path) if name in ROUNDED else path.read_bytes()


def model(name: str) -> str:
    return call(name, {"words": words(name), "weights": text_of(weights(name))})


@functools.cache
def files() -> dict[str, str]:
    """Text by its place in the site; the style sheets are made for what is in _static."""
    made = {f"live/{name}.js": engine(name) for name in ENGINES}
    made["live/pictures.js"] = call("pictures", pictures.sheet())
    made |= {f"live/{name}.js": model(name) for name in MODELS}
    return made | {f"_static/live/{name}.js": minified(name) for name in PAGES}


def megabytes(name: str) -> str:
    """What a reader waits for, compressed: base 64 is a third longer than what it stands for."""
    return f"{len(files()[f'live/{name}.js']) * 3 / 4 / 1e6:.1f}".removesuffix(".0") + " MB"


@functools.cache
def version() -> str:
    """A few digits that change with any of the files, for the caches of browsers."""
    everything = "".join(files().values())
    return hashlib.sha256(everything.encode()).hexdigest()[:8]


def write(site: Path) -> None:
    """All of them into the folder of a built site."""
    for place, text in files().items():
        path = site / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
