"""Execute the chapters that will be read, all cores at work, before MyST-NB would do it one by one.

Where the cache lies is a Sphinx setting of the kind that makes every page be read again when it
changes, so what `bookkit.execution` says of outputs holds of pages. The digest of these extensions
is such a setting too, since what they make of a page is pickled.
"""

from pathlib import Path

from sphinx.errors import ExtensionError

from bookkit import ROOT, execution


def place_cache(app, config) -> None:
    config.nb_execution_cache_path = str(execution.cache_folder())


def execute(app, env, docnames: list[str]) -> None:
    paths = (Path(env.doc2path(name)) for name in sorted(docnames))
    failed = execution.execute(path for path in paths if path.suffix == ".ipynb")
    if failed:
        raise ExtensionError("\n\n".join(f"{path}\n{reason}" for path, reason in failed.items()))


def setup(app) -> dict:
    own = execution.digest((ROOT / "src/bookkit").rglob("*.py"))
    app.add_config_value("own_extensions", own, "env")
    app.connect("config-inited", place_cache)
    app.connect("env-before-read-docs", execute)
    return {"parallel_read_safe": True}
