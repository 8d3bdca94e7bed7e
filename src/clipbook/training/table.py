"""A table of pictures and captions, read so that a bad row costs nothing but itself.

CSV has a catch: a quotation mark left open swallows the rows after it. Here a row is first of all a
line. A quoted cell may hold line breaks, but only if none of its further lines has as many commas
as a row needs, for such a line may be a row. Where one has, the lines with the two marks are named,
and those between them are rows of their own.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clipbook.strict_json import parse
from clipbook.validation import excerpt

COLUMNS = ("picture", "caption")
Row = dict[str, Any] | str
"""Cells by name, or what is wrong with the row."""


def read_rows(table: Path) -> Iterator[tuple[int, int, Row]]:
    """The first and the last line of each row, counted from 1, and the row; blank lines are none.

    Raises ValueError for a table that can't be read, is empty, is in UTF-16, or is CSV without just
    one column of each name.
    """
    lines = _lines(table)
    return _json_rows(lines) if table.suffix == ".jsonl" else _csv_rows(table, lines)


def _lines(table: Path) -> list[str]:
    try:
        data = table.read_bytes()
    except OSError as error:
        raise ValueError(f"{table} can't be read ({error.strerror})") from None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(f"{table} is in UTF-16; save it in UTF-8")
    lines = io.StringIO(data.decode("utf-8-sig", "replace"), newline="").readlines()
    if not any(line.strip() for line in lines):
        raise ValueError(f"{table} is empty; write a line for each pair")
    return lines


def _json_rows(lines: list[str]) -> Iterator[tuple[int, int, Row]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = parse(line)
        except ValueError as error:
            row = f"no JSON ({error})"
        else:
            if not isinstance(row, dict):
                row = f"{excerpt(row)} is no object with names"
        yield number, number, row


def _csv_rows(table: Path, lines: list[str]) -> Iterator[tuple[int, int, Row]]:
    start = next(k for k, line in enumerate(lines) if line.strip())
    names = _names(table, lines[start])
    commas = max(names.index(name) for name in COLUMNS)  # commas, before the second of them
    return _records(lines, start + 1, names, commas)


def _names(table: Path, line: str) -> list[str]:
    try:
        names = [name.strip() for name in next(csv.reader([line], strict=True))]
    except csv.Error as error:
        raise ValueError(f"{table}: its first line is {excerpt(line)} ({error})") from None
    if any(names.count(name) != 1 for name in COLUMNS):
        raise ValueError(
            f"{table}: its first line is {excerpt(names)}; name the columns picture and caption, "
            "each once, with a comma between them"
        )
    return names


def _records(
    lines: list[str], k: int, names: list[str], commas: int
) -> Iterator[tuple[int, int, Row]]:
    closing: dict[int, int] = {}  # a line, and the line whose quotation mark it closes
    while k < len(lines):
        end = k + 1
        row: Row = ""
        if k in closing:
            row = f"it closes the quotation mark that is opened in line {closing[k] + 1}"
        elif lines[k].strip():
            reader = csv.reader((lines[n] for n in range(k, len(lines))), strict=True)
            try:
                row = _by_name(names, next(reader))
                end = k + reader.line_num
            except csv.Error as error:
                row = f"{error}; is a quotation mark left open, or one in a caption not doubled?"
            if any(lines[n].count(",") >= commas for n in range(k + 1, end)):
                row = (
                    f"its quotation mark is closed only in line {end}, and a line up to there may "
                    "be a row; close it here, or write the caption in one line"
                )
                closing[end - 1], end = k, k + 1
        if row:
            yield k + 1, end, row
        k = end


def _by_name(names: list[str], cells: list[str]) -> Row:
    extra = len(cells) - len(names)
    if extra > 0:
        return f"{extra} cells too many; put a caption with commas into quotation marks"
    return dict(zip(names, cells, strict=False))
