"""Let a reader search for any word, be led to the section that holds it, and read prose about it.

Sphinx puts the file of `html_search_scorer` into language_data.js, which the search page loads
after the search and before its index: the place for any_search.js. Other words for a thing (EOS,
fine-tuning) stand in the glossary, where the search finds them.
"""

from pathlib import Path


def place_script(app, config) -> None:
    config.html_search_scorer = str(Path(__file__).with_suffix(".js"))


def setup(app) -> dict:
    app.connect("config-inited", place_script)
    return {"parallel_read_safe": True}
