"""A headless Chromium, and what axe-core finds on a page in it that not everyone can use."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from bookkit import BUILD

WHOLE = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# The first one has no windows, which nobody sees here: it opens a page in half the time.
NAMES = ("chromium-headless-shell", *WHOLE)
MISSING = (
    "no Chromium found: run `apt-get install chromium`, install Chrome, or set CHROMIUM to the "
    "path of one that can be run"
)
FLAGS = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
AXE = BUILD / "vendor/node_modules/axe-core/axe.min.js"  # from npm
# Off by default in axe, and faults all the same.
EXTRA = ["label-content-name-mismatch"]


def find_chromium(*names: str) -> str | None:
    """Path of a Chromium or Chrome: $CHROMIUM if set, else the first of these, or of NAMES."""
    wanted = [os.environ["CHROMIUM"]] if os.environ.get("CHROMIUM") else names or NAMES
    return next(filter(None, map(shutil.which, wanted)), None)


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """A headless browser.

    Raises:
        FileNotFoundError: there is none on this machine.
    """
    executable = find_chromium()
    if executable is None:
        raise FileNotFoundError(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*FLAGS, *flags])
        yield browser
        browser.close()


def draw_widgets(tab) -> None:
    """Bring every widget of a Playwright tab near, so that it is drawn, and go back to the top."""
    tab.wait_for_function(
        """() => {
          const next = document.querySelector(".widget:not([data-hydrated])");
          next?.scrollIntoView({ behavior: "instant" });
          return !next;
        }""",
        timeout=15_000,
    )
    tab.evaluate("scrollTo({ top: 0, behavior: 'instant' })")


def violations(tab) -> list[str]:
    """One line for each violation on the page of a Playwright tab: rule, remedy, element."""
    draw_widgets(tab)
    tab.evaluate(
        """async () => {
          const timed = (one) => one.timeline === document.timeline // others go with scrolling
          await Promise.all(document.getAnimations().filter(timed).map((one) => one.finished))
        }"""
    )
    tab.evaluate(AXE.read_text("utf-8"))
    rules = {name: {"enabled": True} for name in EXTRA}
    found = tab.evaluate(
        """async (rules) => {
          // Thousands of words of code look like one another, and axe takes its time with each
          const seen = new Set(), again = []
          for (const word of document.querySelectorAll(".highlight pre span:not(:has(*))")) {
            const block = word.closest(".highlight"), ink = getComputedStyle(word)
            const page = getComputedStyle(word.closest("pre")).backgroundColor
            const look = [block.parentElement.className, block.checkVisibility(), page,
              ink.color, ink.backgroundColor, ink.fontWeight, ink.fontSize, ink.opacity].join()
            if (seen.has(look)) again.push(word)
            else if (word.textContent.trim().length > 1) seen.add(look) // axe passes over a letter
          }
          for (const word of again) word.replaceWith(word.textContent)
          // All that it found right is some MB, which would take longer to fetch than to find
          // No rule here reads style sheets itself, which a page in a folder could not fetch
          const options = { rules, preload: false, resultTypes: ["violations"] }
          return (await axe.run(options)).violations
        }""",
        rules,
    )
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:160]}"
        for rule in found
        for node in rule["nodes"]
    ]
