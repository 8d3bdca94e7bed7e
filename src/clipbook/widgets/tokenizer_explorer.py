"""How a tokenizer takes a text apart, as a figure that answers.

This module holds the state of the widget and checks it. What it looks like is in
``tokenizer_explorer.js`` and ``.css``, the picture for print in ``static_tokens.py``.
"""

import functools
import pathlib
from typing import Any

import anywidget
import regex
import traitlets

from clipbook.text import Tokenizer
from clipbook.text.texts import checked_text

from . import static_tokens

LONGEST = 400  # characters; more would be too small a part of the page to be looked at
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_HERE = pathlib.Path(__file__).parent


class TokenizerExplorer(anywidget.AnyWidget):
    """A text as words, characters, bytes and tokens, merge after merge, up to the padded context.

    Args:
        tokenizer: the :class:`clipbook.text.Tokenizer` whose merges are shown.
        text: what to take apart, at most 400 characters; the reader can type another one.
        step: how many of the merges that apply to the text are done: 0 shows its bytes,
            -1 its tokens, whatever the text is.

    ``text`` and ``step`` can be read, set and observed at any time, and the page follows. A step
    that a new text does not have becomes -1. ``token_ids``, which can be read and observed, are
    the ids at the step shown, without special tokens: at step -1 what ``tokenizer.encode`` gives.

    Raises:
        ValueError: for values that break these rules.

    Built in: book/text/tokenization.
    """

    _esm = _HERE / "tokenizer_explorer.js"
    _css = _HERE / "tokenizer_explorer.css"

    text = traitlets.Unicode().tag(sync=True)
    step = traitlets.Int(help="index into tokenizer.steps(text)").tag(sync=True)
    token_ids = traitlets.List(traitlets.Int(), read_only=True)
    merges = traitlets.List(traitlets.Int(), help="left, right, left, …").tag(sync=True)
    context_length = traitlets.Int().tag(sync=True)
    classes = traitlets.Dict(help="see character_classes").tag(sync=True)
    picture = traitlets.Unicode(help="data URI of an SVG, for print").tag(sync=True)
    alternative = traitlets.Unicode(help="the finding in words").tag(sync=True)

    def __init__(
        self, tokenizer: Tokenizer, text: str = "Pepper the aussie pup", step: int = -1
    ) -> None:
        self._tokenizer = tokenizer
        self._from_page = False
        super().__init__(
            text=checked_text(text),
            step=step,
            merges=[token_id for pair in tokenizer.merges for token_id in pair],
            context_length=tokenizer.context_length,
            classes=character_classes(),
        )
        self._follow()
        self.observe(self._follow, names=["text", "step"])

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what the page changed; it needs no new static picture for that."""
        self._from_page = True
        try:
            super().set_state(sync_data)
        finally:
            self._from_page = False

    def _follow(self, change: Any = None) -> None:
        steps = self._tokenizer.steps(self.text)
        if self.step >= len(steps):
            self.step = -1  # which calls this method again
            return
        self.set_trait("token_ids", steps[self.step])
        if self._from_page:
            return
        scene = static_tokens.Scene(
            tokenizer=self._tokenizer,
            text=self.text,
            merged=self.step % len(steps),
            steps=steps,
        )
        with self.hold_sync():
            self.picture = static_tokens.draw(scene)
            self.alternative = static_tokens.describe(scene)

    @traitlets.validate("text")
    def _validate_text(self, proposal: Any) -> str:
        text = proposal["value"]
        if len(text) > LONGEST:
            raise ValueError(
                f"a text of {len(text)} characters is longer than the {LONGEST} that a page can "
                f"show; try text[:{LONGEST}]"
            )
        self._tokenizer.encode(text)  # refuses half a character
        return text

    @traitlets.validate("step")
    def _validate_step(self, proposal: Any) -> int:
        step, count = proposal["value"], len(self._tokenizer.steps(self.text))
        if not -count <= step < count:
            raise ValueError(
                f"step={step} is not one of the {count} steps from the bytes of {self.text!r} to "
                f"its tokens; use 0 to {count - 1}, or -1 for the last"
            )
        return step if step >= -1 else step % count


@functools.cache
def character_classes() -> dict[str, str]:
    """The letters, digits and spaces of Unicode, as the tokenizer's split knows them.

    A browser knows Unicode in another version than Python, and would split words with new letters
    differently; so the page gets the classes themselves. Each is a list of ranges in base 36:
    the distance from the end of the range before, then the length less one.
    """
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))  # all but surrogates
    properties = {"letters": r"\p{L}+", "digits": r"\p{N}+", "spaces": r"\p{White_Space}+"}
    return {name: _ranges(pattern, every) for name, pattern in properties.items()}


def _ranges(pattern: str, characters: str) -> str:
    numbers, end = [], 0
    for found in regex.finditer(pattern, characters):
        first, last = ord(found[0][0]), ord(found[0][-1])
        numbers += [first - end, last - first]
        end = last
    return " ".join(map(_base36, numbers))


def _base36(number: int) -> str:
    rest, digit = divmod(number, 36)
    return (_base36(rest) if rest else "") + _DIGITS[digit]
