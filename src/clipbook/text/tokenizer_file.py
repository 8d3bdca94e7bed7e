"""A tokenizer's file: JSON that people can read, in which each merge is two pieces of text.

A byte is shown as the Latin-1 character of its number, which loses nothing.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from clipbook.strict_json import parse
from clipbook.validation import shown

FIELDS = ("context_length", "special_tokens", "merges")


def write(
    path: Path, context_length: int, specials: Sequence[str], merges: Iterable[tuple[bytes, bytes]]
) -> None:
    """A merge a line."""
    pieces = [[part.decode("latin-1") for part in pair] for pair in merges]
    lines = ",\n".join("  " + json.dumps(pair, ensure_ascii=False) for pair in pieces)
    head = f'"context_length": {context_length},\n"special_tokens": {json.dumps(specials)}'
    path.write_text(f'{{\n{head},\n"merges": [\n{lines}\n]\n}}\n', encoding="utf-8")


def read(
    path: Path, specials: Sequence[str], ids: Mapping[bytes, int]
) -> tuple[int, list[tuple[int, int]]]:
    """The context length, and the merges as pairs of ids.

    ids: of the tokens that there are before the first merge. Raises OSError or ValueError, naming
    the field, for what `write` did not write.
    """
    saved = parse(path.read_text(encoding="utf-8"))
    if not isinstance(saved, dict) or saved.keys() != set(FIELDS):
        given = list(saved) if isinstance(saved, dict) else saved
        raise ValueError(f"{shown(given)} are not the fields {', '.join(FIELDS)}")
    if saved["special_tokens"] != list(specials):
        raise ValueError(f"special_tokens={shown(saved['special_tokens'])}, not {list(specials)}")
    if type(saved["context_length"]) is not int:
        raise ValueError(f"context_length={shown(saved['context_length'])} is no whole number")
    if not isinstance(saved["merges"], list):
        raise ValueError(f"merges={shown(saved['merges'])} is no list")
    known, next_id, merges = dict(ids), max(ids.values()) + 1, []
    for k, pair in enumerate(saved["merges"]):
        pieces = pair if isinstance(pair, list) else [pair]
        try:
            left, right = (piece.encode("latin-1") for piece in pieces)
            merges.append((known[left], known[right]))
        except (AttributeError, KeyError, ValueError):
            raise ValueError(
                f"merges[{k}]={shown(pair)} is no pair of tokens that are made before it"
            ) from None
        known[left + right] = next_id + k
    return saved["context_length"], merges
