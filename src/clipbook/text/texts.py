"""What is no text, and what is no list of texts: said in one place for all that take them."""

from typing import Any

from clipbook.validation import excerpt


def checked_text(text: object, name: str = "text") -> str:
    """The text itself. Raises ValueError, by name, for what is no string or no Unicode text."""
    if not isinstance(text, str):
        raise ValueError(f"{name}={excerpt(text)} is of type {type(text).__name__}; give a string")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name}={excerpt(text)} holds half a character (a lone surrogate at "
            f"{error.start}), which is no Unicode text; try "
            "text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
        ) from None
    return text


def checked_texts(texts: Any, name: str = "texts") -> list[str]:
    """The texts as a list, from any iterable, a generator too.

    Raises ValueError for a single string, which is an iterable of letters, for no texts at all,
    and, by its place, for what `checked_text` refuses.
    """
    if isinstance(texts, str):
        raise ValueError(f"{name}={excerpt(texts)} is one string; try a list: [{excerpt(texts)}]")
    try:
        items = iter(texts)
    except TypeError:
        raise ValueError(
            f"{name}={excerpt(texts)} is of type {type(texts).__name__}; give a list of "
            "strings, such as ['a red circle']"
        ) from None
    checked = [checked_text(text, f"{name}[{place}]") for place, text in enumerate(items)]
    if not checked:
        raise ValueError(f"{name} is empty; at least one text is needed")
    return checked
