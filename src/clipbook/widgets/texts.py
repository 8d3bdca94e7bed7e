"""Texts that travel into a page: which ones a widget takes."""

import re
from collections.abc import Sequence
from typing import Any

_LONE = re.compile("[\ud800-\udfff]")


def checked_texts(name: str, texts: Sequence[Any]) -> list[str]:
    """The texts as a list. ``name`` is that of the argument, for errors.

    Raises:
        ValueError: if they are one string instead of several, or one of them is no string or no
            Unicode text.
    """
    if isinstance(texts, str):
        raise ValueError(f"{name}={texts[:40]!r} is one text; give a list of them")
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"{name}[{place}]={text!r} is no text; give str")
        if found := _LONE.search(text):
            raise ValueError(
                f"{name}[{place}]={text[:40]!r} holds half a character (a lone surrogate at "
                f"{found.start()}), which is no Unicode text; try text.encode('utf-16', "
                "'surrogatepass').decode('utf-16', 'replace')"
            )
    return list(texts)
