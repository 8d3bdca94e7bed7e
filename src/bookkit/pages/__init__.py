"""The Sphinx extensions that make the site what it is: `bookkit.pages` in _config.yml loads all."""

EXTENSIONS = (
    "execution_cache",
    "exercises",
    "widget_pictures",
    "alternative_text",
    "sharing",
    "model_map",
    "not_found",
    "maths",
    "lean_pages",
    "api",
    "teaching",
    "streams",
    "any_search",
)


def setup(app) -> dict:
    for name in EXTENSIONS:
        app.setup_extension(f"{__name__}.{name}")
    return {"parallel_read_safe": True}
