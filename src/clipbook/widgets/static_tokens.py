"""A text's tokens on paper: a drawing and a sentence that stand in where no script runs.

The drawing is SVG, whose letters come from the reader's own fonts: matplotlib's have no emoji
and few scripts.
"""

import base64
import dataclasses
import html
import itertools
from collections.abc import Iterator, Sequence

import regex

from clipbook.text import Tokenizer, split_words
from clipbook.text.tokenizer import END_ID, FIRST_BYTE, PAD_ID, START_ID

_BYTE, _LINE, _PLACE = 24, 84, (40, 38)  # px: a byte's width, a line's height, a place's sizes
_WIDTH = 16 * _PLACE[0]
_GAP = 8  # px between words
_MOST_NAMED = 16  # tokens; more would be no sentence
_SHOWN = {" ": "␣", "\n": "↵", "\t": "⇥"}
_NO_SHAPE = regex.compile(r"[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]")


@dataclasses.dataclass(frozen=True)
class Scene:
    """What there is to draw: a text after the first ``merged`` of its merges."""

    tokenizer: Tokenizer
    text: str
    merged: int
    steps: Sequence[Sequence[int]]

    @property
    def ids(self) -> Sequence[int]:
        """The ids of the step shown."""
        return self.steps[self.merged]

    @property
    def room(self) -> int:
        """How many tokens fit between the start and the end token."""
        return self.tokenizer.context_length - 2


def describe(scene: Scene) -> str:
    """The finding in words, for those who do not see the drawing."""
    ids, room = scene.ids, scene.room
    names = [f"{name(scene.tokenizer, one)} {one}" for one in ids[:_MOST_NAMED]]
    more = ["and so on"] if len(ids) > _MOST_NAMED else []
    text = " ".join(scene.text.split())
    start = (
        f"“{text}”: {_counted(len(scene.text.encode()), 'byte')} and "
        f"{_counted(scene.merged, 'merge')} give {_counted(len(ids), 'token')}"
    )
    listed = f"{start}: {', '.join(names + more)}. " if ids else f"{start}. "
    if len(ids) > room:
        return f"{listed}{room} of them fit between start and end; the rest is cut off."
    places, used = scene.tokenizer.context_length, len(ids) + 2
    return f"{listed}With start and end they fill {used} of {places} places; the rest is padding."


def name(tokenizer: Tokenizer, token_id: int) -> str:
    """A token as its text in quotation marks, or as its bytes where they are no character."""
    content = tokenizer._token_bytes(token_id)
    try:
        return f"“{content.decode()}”"
    except UnicodeDecodeError:
        return f"byte{'s' if len(content) > 1 else ''} {' '.join(map(str, content))}"


def shown(character: str) -> str:
    """A character as something that can be seen: a space as ␣, what has no shape as its number."""
    if character in _SHOWN:
        return _SHOWN[character]
    if _NO_SHAPE.match(character):
        return f"{ord(character):04X}"
    return f"◌{character}" if regex.match(r"\p{M}", character) else character


def draw(scene: Scene) -> str:
    """Characters over the tokens that hold them, and the padded ids, as the data URI of an SVG."""
    words, height = _draw_words(scene)
    places, lower = _draw_places(scene, height + 12)
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH + 2}" height="{lower + 2}" '
        f'viewBox="-1 -1 {_WIDTH + 2} {lower + 2}" font-family="sans-serif" font-size="12" '
        f'text-anchor="middle">\n'
        f'<rect x="-1" y="-1" width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join([*words, *places])
        + "\n</svg>"
    )
    return "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode()


def _draw_words(scene: Scene) -> tuple[list[str], int]:
    """The marks of all words, and the y at which they end. A line breaks between pieces."""
    marks: list[str] = []
    ids, x, y, place = list(scene.ids), 0, 0, 0
    last = iter(scene.steps[-1])
    for word in split_words(scene.text):
        x += _GAP if x else 0
        for characters in _pieces(word, last, scene.tokenizer):
            width = len(characters.encode())
            if x and x + width * _BYTE > _WIDTH:
                x, y = 0, y + _LINE
            marks.append(f'<path d="M{x} {y + 2}h{width * _BYTE}" stroke="#777"/>')
            at, end, starts = x, x + width * _BYTE, set()
            while at < end:
                starts.add(at)
                token = scene.tokenizer._token_bytes(ids[place])
                marks += _token(at, y + 8, ids[place], token, cut=place >= scene.room)
                at, place = at + len(token) * _BYTE, place + 1
            for character in characters:
                span = len(character.encode()) * _BYTE
                if starts & set(range(x + 1, x + span)):  # in several tokens: it lies over them
                    marks.append(_box(x + 5, y + 12, span - 10, 20, "#fff", dashed=True))
                size = 16 if len(shown(character)) < 4 else 9
                marks.append(_text(x + span / 2, y + 28, shown(character), size))
                x += span
    return marks, y + _LINE if marks else 0


def _pieces(word: str, tokens: Iterator[int], tokenizer: Tokenizer) -> Iterator[str]:
    """A word cut wherever a character and a token of the last step end together."""
    ends = set(itertools.accumulate(len(character.encode()) for character in word))
    content, start, at = word.encode(), 0, 0
    while at < len(content):
        at += len(tokenizer._token_bytes(next(tokens)))
        if at in ends:
            yield content[start:at].decode()
            start = at


def _token(x: int, y: int, token_id: int, content: bytes, *, cut: bool) -> list[str]:
    width = len(content) * _BYTE
    bytes_of = [
        _text(x + (k + 0.5) * _BYTE, y + 42, str(byte), 9, "#555") for k, byte in enumerate(content)
    ]
    box = _box(x + 1, y, width - 2, 66, "#fff" if cut else _tint(token_id), dashed=cut)
    return [box, *bytes_of, _text(x + width / 2, y + 59, str(token_id))]


def _draw_places(scene: Scene, top: int) -> tuple[list[str], int]:
    """The ids as the model gets them: start, tokens, end, padding."""
    fitting = list(scene.ids[: scene.room])
    row = [START_ID, *fitting, END_ID]
    row += [PAD_ID] * (scene.tokenizer.context_length - len(row))
    wide, high = _PLACE
    marks = []
    for place, token_id in enumerate(row):
        x, y = place % 16 * wide, top + place // 16 * high
        fill = "#fff" if token_id < FIRST_BYTE else _tint(token_id)
        marks.append(_box(x + 1, y + 1, wide - 2, high - 2, fill, dashed=token_id == PAD_ID))
        label = scene.tokenizer.token(token_id).strip("<>") if token_id < FIRST_BYTE else ""
        marks.append(_text(x + wide / 2, y + (17 if label else 23), str(token_id)))
        if label:
            marks.append(_text(x + wide / 2, y + 30, label, 9, "#555"))
    return marks, top + -(-len(row) // 16) * high


def _tint(token_id: int) -> str:
    """A pale colour; neighbouring ids are far apart on the colour wheel."""
    return f"hsl({token_id * 137.508 % 360:.0f} 60% 90%)"


def _box(x: int, y: int, width: int, height: int, fill: str, *, dashed: bool) -> str:
    dashes = ' stroke-dasharray="3 2"' if dashed else ""
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="{fill}" '
        f'stroke="#777"{dashes}/>'
    )


def _text(x: float | int, y: int, text: str, size: int = 12, fill: str = "#111") -> str:
    return f'<text x="{x:g}" y="{y}" font-size="{size}" fill="{fill}">{html.escape(text)}</text>'


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
