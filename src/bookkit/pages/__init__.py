"""The Sphinx extensions that make the site what it is: `bookkit.pages` in _config.yml loads all."""

from urllib.parse import urlparse

from bookkit.address import pages_address

EXTENSIONS = (
    "execution_cache",
    "exercises",
    "widget_pictures",
    "alternative_text",
    "sharing",
    "model_map",
    "live",
    "maths",
    "markup",
    "lean_pages",
    "api",
    "teaching",
    "streams",
    "any_search",
)


def place(app, config) -> None:
    """Tell where GitHub Pages serves the repository, whose links 404.html needs from any folder."""
    config.ogp_site_url = pages_address(config.html_theme_options["repository_url"]) + "/"
    config.notfound_urls_prefix = urlparse(config.ogp_site_url).path


def setup(app) -> dict:
    for name in EXTENSIONS:
        app.setup_extension(f"{__name__}.{name}")
    app.connect("config-inited", place)
    return {"parallel_read_safe": True}
