"""How fast the live models answer in a headless Chromium: `make bench` prints it.

Times are those of the worker, the best of several medians, by WebAssembly and in plain JavaScript
in turns, so that a busy machine slows both.
"""

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from bookkit.live import files, kernel, words
from clipbook.evaluation.scenes import combination_names
from clipbook.pretrained.shipped import FOLDERS
from clipbook.widgets.kit import joined

IN_WORKER = """([source, given]) => new Promise((resolve, reject) => {
    const blob = new Blob([source], { type: "text/javascript" });
    const worker = new Worker(URL.createObjectURL(blob));
    worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); };
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(given);
})"""


def measure(browser: Browser, name: str) -> dict[str, dict[str, float]]:
    """Milliseconds of `caption`, `picture`, `grid` (8 × 8 from nothing) and 64 `names`, each for
    `simd` and `plain`."""
    weights = (FOLDERS[name] / f"{name}.safetensors").read_bytes()
    given: dict[str, Any] = {
        "weights": files.text_of(weights),
        "words": words(name),
        "kernel": files.text_of(kernel.assembled()),
        "names": combination_names(),
    }
    source = joined(Path(__file__).with_suffix(".js"))
    tab = browser.new_page()
    result = tab.evaluate(IN_WORKER, [source, given])
    tab.close()
    return result
