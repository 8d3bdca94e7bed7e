"""Mend what axe-core finds wrong with the theme's pages; lean_pages.py applies it to each."""

import re

SUMMARY = re.compile(r'<summary aria-label="Toggle hidden content">')
SEARCH = re.compile(r'(<button class="[^"]*\bsearch-button-field\b[^>]*?) aria-label="[^"]*"')
ENTRY = ' role="doc-biblioentry"'  # a role that a div may not have
FORMULA = '<div class="math notranslate nohighlight"'
SIDEBAR = re.compile(r'<div id="pst-primary-sidebar"(?! role)')


def mended(text: str) -> str:
    """The page with names that say what is seen, and with all of it within landmarks."""
    text = SUMMARY.sub("<summary>", text)  # its text is its name: "Show the code"
    text = SEARCH.sub(r"\1", text)  # likewise: "Search Ctrl+K"
    text = text.replace(ENTRY, ' role="listitem"')
    text = text.replace(FORMULA, f'{FORMULA} tabindex="0"')  # a wide one scrolls: by keyboard, too
    return SIDEBAR.sub('<div role="region" aria-label="Book" id="pst-primary-sidebar"', text)
