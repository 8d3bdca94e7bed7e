"""How a tokenizer takes a text apart, as a figure that answers.

This module holds the state of the widget and checks it. What it looks like is in
``tokenizer_explorer.js`` and ``.css``.
"""

import functools
from typing import Any

import regex
import traitlets

from clipbook.text import CLIPTokenizer, Tokenizer
from clipbook.text.texts import checked_text
from clipbook.validation import excerpt

from .kit import Widget, counted, is_whole, sources

LONGEST = 400  # characters; more would be too small a part of the page to be looked at
_MOST_NAMED = 16  # tokens; more would be no sentence
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class TokenizerExplorer(Widget):
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
    """

    _esm, _css = sources(__file__)

    text = traitlets.Unicode().tag(sync=True)
    step = traitlets.Int(help="index into tokenizer.steps(text)").tag(sync=True)
    token_ids = traitlets.List(traitlets.Int(), read_only=True)
    merges = traitlets.List(traitlets.Int(), help="left, right, left, …").tag(sync=True)
    context_length = traitlets.Int().tag(sync=True)
    classes = traitlets.Dict(help="see character_classes").tag(sync=True)

    def __init__(
        self, tokenizer: Tokenizer, text: str = "Pepper the aussie pup", step: int = -1
    ) -> None:
        if isinstance(tokenizer, CLIPTokenizer):
            raise ValueError(
                "tokenizer is a CLIPTokenizer, whose 48,894 merges are too many for a page; give a "
                "Tokenizer, or look at tokenizer.steps(text)"
            )
        if not isinstance(tokenizer, Tokenizer):
            raise ValueError(
                f"tokenizer={excerpt(tokenizer)} is no clipbook.text.Tokenizer; try "
                "clipbook.load('shapes')[1]"
            )
        if not is_whole(step):
            raise ValueError(
                f"step={excerpt(step)} is not a whole number; use 0 for the bytes, or -1 for the "
                "last step"
            )
        self._tokenizer = tokenizer
        super().__init__(
            text=checked_text(text),
            step=int(step),
            merges=[token_id for pair in tokenizer.merges for token_id in pair],
            context_length=tokenizer.context_length,
            classes=character_classes(),
        )
        self._tokenize()
        self.observe(self._tokenize, names=["text", "step"])
        self.follow("text", "step")

    def describe(self) -> str:
        """The tokens of the step shown, and how much of the context they fill."""
        ids, steps = self.token_ids, self._tokenizer.steps(self.text)
        names = [f"{_name(self._tokenizer, token_id)} {token_id}" for token_id in ids[:_MOST_NAMED]]
        more = ["and so on"] if len(ids) > _MOST_NAMED else []
        text = " ".join(self.text.split())
        sizes = (
            f"“{text}”: {counted(len(self.text.encode()), 'byte')} and "
            f"{counted(self.step % len(steps), 'merge')} give {counted(len(ids), 'token')}"
        )
        listed = f"{sizes}: {', '.join(names + more)}. " if ids else f"{sizes}. "
        places = self.context_length
        if len(ids) > places - 2:
            return f"{listed}{places - 2} of them fit between start and end; the rest is cut off."
        used = len(ids) + 2
        return (
            f"{listed}With start and end they fill {used} of {places} places; the rest is padding."
        )

    def _tokenize(self, change: Any = None) -> None:
        steps = self._tokenizer.steps(self.text)
        if self.step >= len(steps):
            self.step = -1  # which calls this method again
        else:
            self.set_trait("token_ids", steps[self.step])

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


def _name(tokenizer: Tokenizer, token_id: int) -> str:
    """A token as its text in quotation marks, or as its bytes where they are no character."""
    content = tokenizer._token_bytes(token_id)
    try:
        return f"“{content.decode()}”"
    except UnicodeDecodeError:
        return f"byte{'s' if len(content) > 1 else ''} {' '.join(map(str, content))}"


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
