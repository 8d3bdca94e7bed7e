"""The Sphinx extensions that make the site what it is: `bookkit.pages` in _config.yml loads all."""

from pathlib import Path
from urllib.parse import urlparse

from bookkit.address import pages_address

EXTENSIONS = (
    "execution_cache",
    "exercises",
    "code_folds",
    "predict",
    "widget_pictures",
    "alternative_text",
    "figures",
    "sharing",
    "footer",
    "page_links",
    "reading",
    "model_map",
    "glossary",
    "live",
    "maths",
    "markup",
    "lean_pages",
    "api",
    "teaching",
    "streams",
    "any_search",
)
SCRIPTS = Path(__file__).parent / "scripts"


def place(app, config) -> None:
    """Tell where GitHub Pages serves the repository, whose links 404.html needs from any folder."""
    config.ogp_site_url = pages_address(config.html_theme_options["repository_url"]) + "/"
    config.notfound_urls_prefix = urlparse(config.ogp_site_url).path


def add_scripts(app, config) -> None:
    """Serve the pages' scripts. Jupyter Book would link all of a folder from each page."""
    config.html_static_path += [str(script) for script in SCRIPTS.glob("*.js")]


def setup(app) -> dict:
    for name in EXTENSIONS:
        app.setup_extension(f"{__name__}.{name}")
    app.add_js_file("memory.js", priority=400, defer="defer")  # before the scripts that use it
    app.connect("config-inited", place)
    app.connect("config-inited", add_scripts)
    return {"parallel_read_safe": True}
