"""Ask axe-core, vendored from npm, what of a page cannot be used by everyone."""

from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "_build/vendor/node_modules/axe-core/axe.min.js"
# Off by default in axe, and faults all the same.
EXTRA = ["label-content-name-mismatch"]


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
        "async () => { await Promise.all(document.getAnimations().map(a => a.finished)); }"
    )
    tab.evaluate(SCRIPT.read_text("utf-8"))
    rules = {name: {"enabled": True} for name in EXTRA}
    found = tab.evaluate("(rules) => axe.run({ rules })", rules)
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:160]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
