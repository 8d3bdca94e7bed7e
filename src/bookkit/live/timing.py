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

from bookkit import BOOK, serve
from bookkit.live import files, kernel, words
from clipbook.evaluation.scenes import combination_names
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
    const answers = name === "answers";
    const live = answers
        ? await startAnswerer("live/", version) : await startModel("live/", name, version);
    const ready = performance.now() - start, painted = [];
    for (const caption of captions) {
        const pressed = performance.now();
        if (answers) await live.answer(new Uint8ClampedArray(3072), "how many shapes?");
        else await live.texts([caption]);
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
        painted.push(performance.now() - pressed);
    }
    return [ready, painted.sort((a, b) => a - b)[painted.length >> 1]];
}"""


def measure(browser: Browser, name: str) -> dict[str, dict[str, float]]:
    """Milliseconds of `caption`, `picture`, `grid` (8 × 8 from nothing) and 64 `names`, or of two
    answers, of `count` and `caption`, each for `simd` and `plain`; `ratio` is that of the quickest
    calls, which a busy machine changes least.
    """
    given: dict[str, Any] = {
        "weights": files.text_of(files.weights(name)),
        "answers": name == "answers",
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


DRAG = """async (frames) => {
    const handle = document.querySelector(".play-handle"), box = handle.getBoundingClientRect();
    handle.setPointerCapture = () => {}; // the hand is one of ours, which no browser knows
    handle.hasPointerCapture = () => true;
    const send = (type, x, y) => handle.dispatchEvent(
        new PointerEvent(type, { bubbles: true, pointerId: 7, clientX: x, clientY: y }));
    const moved = [], late = [];
    new MutationObserver(() => late.push(performance.now() - moved[moved.length - 1]))
        .observe(document.querySelector(".play-matrix"), { subtree: true, attributes: true });
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    send("pointerdown", x, y);
    for (let k = 0; k < frames; k += 1) { // to and fro, so that the cosine always changes
        await new Promise(requestAnimationFrame);
        moved.push(performance.now());
        send("pointermove", x + 60 * Math.sin(k / 9), y + 20 * Math.cos(k / 7));
    }
    const seconds = (performance.now() - moved[0]) / 1000;
    return [frames / seconds, late.length / seconds, late.sort((a, b) => a - b)[late.length >> 1]];
}"""


def dragging(browser: Browser, body: str, frames: int = 240) -> tuple[float, float, float]:
    """While a hand drags an object in the playground, and moves before each frame: frames and
    changes of its row in a second, and how many milliseconds a change comes after its move.
    body: the playground, as `bookkit.pages.live` makes it."""
    with tempfile.TemporaryDirectory() as folder:
        files.write(Path(folder))
        style = (BOOK / "_static/book.css").read_text("utf-8")
        page = Path(folder, "index.html")
        page.write_text(f"<!doctype html><style>{style}</style>{body}", "utf-8")
        tab = browser.new_page()
        tab.goto(page.as_uri())
        tab.locator(".play-go").click()
        tab.locator(".play-matrix [role=grid]").wait_for()
        painted, followed, late = tab.evaluate(DRAG, frames)
        tab.close()
    return painted, followed, late
