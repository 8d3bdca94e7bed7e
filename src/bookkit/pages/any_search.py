"""Let a reader search for any word, also for those that every object of JavaScript knows.

Sphinx puts the file of `html_search_scorer` into language_data.js, which the search page loads
after the search and before its index: the place for any_search.js.
"""

from pathlib import Path


def place_script(app, config) -> None:
    config.html_search_scorer = str(Path(__file__).with_suffix(".js"))


def setup(app) -> dict:
    app.connect("config-inited", place_script)
    return {"parallel_read_safe": True}
