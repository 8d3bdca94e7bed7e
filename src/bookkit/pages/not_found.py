"""Write 404.html, which GitHub Pages serves for every address that it does not have.

Such an address may lie in any folder, so links are absolute: the page's base is the folder that
GitHub Pages serves the repository from; under any other host, the top. It needs no other file.
"""

from pathlib import Path
from urllib.parse import urlparse

from bookkit.address import pages_address

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="description" content="The CLIP Book has no page at this address.">
<title>No such page — The CLIP Book</title>
<base href="{base}">
<script>
if (!location.hostname.endsWith(".github.io")) document.querySelector("base").href = "/";
</script>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.125rem/1.6 system-ui, sans-serif; margin: 18vh auto 0; max-width: 34rem;
  padding: 0 1.25rem; }}
svg {{ height: 3.5rem; width: 3.5rem; }}
h1 {{ font-size: 1.75rem; line-height: 1.25; }}
a {{ color: LinkText; }}
</style>
</head>
<body>
<main>
{logo}
<h1>There is no page here</h1>
<p>Perhaps a chapter has moved. <a href="index.html">The cover of The CLIP Book</a> shows the whole
model and lists every chapter; or <a href="search.html">search the book</a>.</p>
</main>
</body>
</html>
"""


def page(repository: str, logo: str) -> str:
    """The page as HTML; `logo` is an SVG to stand in it."""
    base = urlparse(pages_address(repository)).path.rstrip("/") + "/"
    return PAGE.format(base=base, logo=logo.replace("<svg ", '<svg aria-hidden="true" ', 1).strip())


def write(app, exception) -> None:
    if exception or app.builder.format != "html":
        return
    logo = (Path(app.srcdir) / "_static/logo.svg").read_text("utf-8")
    text = page(app.config.html_theme_options["repository_url"], logo)
    (Path(app.outdir) / "404.html").write_text(text, "utf-8")


def setup(app) -> dict:
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
