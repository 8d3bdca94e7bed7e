"""A tokenizer's file: JSON that people can read, in which each merge is two pieces of text.

A byte is shown as the Latin-1 character of its number, which loses nothing.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from clipbook.files import write_whole
from clipbook.strict_json import parse
from clipbook.validation import excerpt

FIELDS = ("context_length", "special_tokens", "merges")


def write(
    path: Path, context_length: int, specials: Sequence[str], merges: Iterable[tuple[bytes, bytes]]
) -> None:
    """A merge a line. Raises as `clipbook.files.write_whole`."""
    pieces = [[part.decode("latin-1") for part in pair] for pair in merges]
    lines = ",\n".join("  " + json.dumps(pair, ensure_ascii=False) for pair in pieces)
    head = f'"context_length": {context_length},\n"special_tokens": {json.dumps(specials)}'
    content = f'{{\n{head},\n"merges": [\n{lines}\n]\n}}\n'
    write_whole(path, lambda unfinished: unfinished.write_text(content, encoding="utf-8"))


def read(
    path: Path, specials: Sequence[str], ids: Mapping[bytes, int]
) -> tuple[int, list[tuple[int, int]]]:
    """The context length, and the merges as pairs of ids.

    ids: of the tokens that there are before the first merge. Raises OSError or ValueError, naming
    the field, for what `write` did not write.
    """
    content = parse(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.keys() != set(FIELDS):
        fields = list(content) if isinstance(content, dict) else content
        raise ValueError(f"{excerpt(fields)} are not the fields {', '.join(FIELDS)}")
    if content["special_tokens"] != list(specials):
        raise ValueError(
            f"special_tokens={excerpt(content['special_tokens'])}, not {list(specials)}"
        )
    if type(content["context_length"]) is not int:
        raise ValueError(f"context_length={excerpt(content['context_length'])} is no whole number")
    if not isinstance(content["merges"], list):
        raise ValueError(f"merges={excerpt(content['merges'])} is no list")
    token_ids, next_id, merges = dict(ids), max(ids.values()) + 1, []
    for k, pair in enumerate(content["merges"]):
        pieces = pair if isinstance(pair, list) else [pair]
        try:
            left, right = (piece.encode("latin-1") for piece in pieces)
            merges.append((token_ids[left], token_ids[right]))
        except (AttributeError, KeyError, ValueError):
            raise ValueError(
                f"merges[{k}]={excerpt(pair)} is no pair of tokens that are made before it"
            ) from None
        token_ids[left + right] = next_id + k
    return content["context_length"], merges
