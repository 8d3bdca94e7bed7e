"""What the site serves of the live models: the engine, the models and the pages' scripts.

Each file is a script, since a page that is opened from a folder may fetch nothing else: the engine
and a model call a function of the page's with what they hold, and are asked for by `client.js`.
"""

import base64
import functools
import hashlib
import json
from pathlib import Path

from bookkit.live import kernel, pictures, rounding, words
from clipbook.pretrained.shipped import FOLDERS
from clipbook.widgets.kit import joined

HERE = Path(__file__).parent
MODELS = ("shapes", "emoji", "answers")
ROUNDED = ("emoji",)
PAGES = ("grid", "own", "playground")
"""The scripts that pages begin with."""


def text_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def call(name: str, content: dict) -> str:
    return f"clipbookLive({json.dumps(name)}, {json.dumps(content, separators=(',', ':'))});\n"


def engine() -> str:
    source = joined(HERE / "worker.js")
    return call("engine", {"source": source, "kernel": text_of(kernel.assembled())})


def weights(name: str) -> bytes:
    """As the package ships them, or in 8 bits, where they would be too many to wait for."""
    path = FOLDERS[name] / f"{name}.safetensors"
    return rounding.in_eight_bits(path) if name in ROUNDED else path.read_bytes()


def model(name: str) -> str:
    return call(name, {"words": words(name), "weights": text_of(weights(name))})


def page(name: str) -> str:
    """A page's script, whose names are its own."""
    return f"(() => {{\n{joined(HERE / f'{name}.js')}}})();\n"


@functools.cache
def files() -> dict[str, str]:
    """Text by its place in the site; the style sheets are made for what is in _static."""
    made = {"live/engine.js": engine()}
    made["live/pictures.js"] = call("pictures", pictures.sheet())
    made |= {f"live/{name}.js": model(name) for name in MODELS}
    return made | {f"_static/live/{name}.js": page(name) for name in PAGES}


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
