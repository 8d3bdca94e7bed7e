"""What is no text, no list of texts and no token id: said in one place for all that take them."""

from contextlib import suppress
from operator import index
from typing import Any

import torch
from torch import Tensor

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
    items = listed(texts, name)
    checked = [checked_text(text, f"{name}[{place}]") for place, text in enumerate(items)]
    if not checked:
        raise ValueError(f"{name} is empty; at least one text is needed")
    return checked


def listed(texts: Any, name: str = "texts") -> list[Any]:
    """The items of any iterable but a single string. Raises ValueError for that, and for others."""
    if isinstance(texts, str):
        raise ValueError(f"{name}={excerpt(texts)} is one string; try a list: [{excerpt(texts)}]")
    try:
        return list(texts)
    except TypeError:
        raise ValueError(
            f"{name}={excerpt(texts)} is of type {type(texts).__name__}; give a list of "
            "strings, such as ['a red circle']"
        ) from None


def check_whole(token_ids: Tensor) -> None:
    """Raises ValueError for token ids that are no whole numbers of PyTorch's."""
    if token_ids.dtype not in (torch.int64, torch.int32):
        kind = token_ids.dtype
        raise ValueError(f"token_ids hold {kind}; give torch.int64: try token_ids.long()")


def checked_id(token_id: Any, vocab_size: int) -> int:
    """The id as an int. Raises ValueError for what is none of the ids from 0 to vocab_size - 1."""
    with suppress(TypeError):  # what is no whole number has no index
        if 0 <= index(token_id) < vocab_size:
            return index(token_id)
    raise ValueError(
        f"token id {excerpt(token_id)} is outside the vocabulary; ids are 0 to {vocab_size - 1}"
    )
