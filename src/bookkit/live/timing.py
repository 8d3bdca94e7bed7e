"""How fast the live models answer in a headless Chromium: `make bench` prints it.

Times are those of the worker, the best of several medians, by WebAssembly and in plain JavaScript
in turns, so that a busy machine slows both.
"""

import re
import statistics
import tempfile
import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from bookkit import serve
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

IN_PAGE = """async ([name, version, captions]) => {
    const start = performance.now();
    const live = await startModel("live/", name, version);
    const ready = performance.now() - start, painted = [];
    for (const caption of captions) {
        const pressed = performance.now();
        await live.texts([caption]);
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
        painted.push(performance.now() - pressed);
    }
    live.end();
    return [ready, painted.sort((a, b) => a - b)[painted.length >> 1]];
}"""


def measure(browser: Browser, name: str) -> dict[str, dict[str, float]]:
    """Milliseconds of `caption`, `picture`, `grid` (8 × 8 from nothing) and 64 `names`, each for
    `simd` and `plain`; `ratio` is that of the quickest calls, which a busy machine changes least.
    """
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


def waits(browser: Browser, name: str, tries: int = 5) -> tuple[float, float]:
    """Milliseconds from a click until a model can answer, and from a key until its answer is
    painted: the medians of several pages that have nothing in a cache."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        files.write(Path(folder))
        client = re.sub("^export ", "", joined(files.HERE / "client.js"), flags=re.M)
        Path(folder, "index.html").write_text(f"<!doctype html><script>{client}</script>")
        with serve.bind(folder, 0) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            for _ in range(tries):
                tab = browser.new_page()
                tab.goto(f"http://127.0.0.1:{server.server_port}/index.html")
                given = [name, files.version(), combination_names()[:20]]
                found.append(tab.evaluate(IN_PAGE, given))
                tab.close()
            server.shutdown()
    ready, painted = (statistics.median(values) for values in zip(*found, strict=True))
    return ready, painted
