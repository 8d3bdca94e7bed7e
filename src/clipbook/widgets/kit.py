"""What every widget is made with in Python; in a page these are ``kit.js`` and ``kit.css``.

A host is served one ES module without imports. Sources are joined when they are read, so that node,
TypeScript and Biome read what is written here, and nothing has to be built or committed twice.
"""

import re
from operator import index as as_integer
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from clipbook.validation import excerpt

_KIT = Path(__file__).resolve()
_IMPORT = re.compile(r'^import \{[^}]*\} from "(\.[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
# Only what fills its lines: a type may stand before code, `/** @type {Element} */ (node)`.
_COMMENT = re.compile(r"^ *(?://.*|/\*(?:[^*]|\*(?!/))*\*/)\n", re.MULTILINE)


def sources(module: str) -> tuple[str, str]:
    """The JavaScript and the CSS that a host is served: the kit's, then those beside a module.

    Comments stay here: a page carries the sources once for each of its widgets.

    Args:
        module: the ``__file__`` of the widget's Python module.
    """
    styles = (_read(path.with_suffix(".css")) for path in (_KIT, Path(module)))
    return joined(Path(module).with_suffix(".js")), "".join(styles)


def joined(script: Path) -> str:
    """A JavaScript module and whatever it imports, each once, as one module that imports nothing.

    What stands first is what others need; only the module's own exports stay. What is not beside
    it, as the kit of a widget that somebody makes elsewhere, is taken from here.
    """
    texts: dict[Path, str] = {}

    def visit(path: Path) -> None:
        text = _read(path)
        for name in _IMPORT.findall(text):
            beside = (path.parent / name).resolve()
            imported = beside if beside.exists() else _KIT.with_name(Path(name).name)
            if imported not in texts:
                visit(imported)
        texts[path] = _IMPORT.sub("", text)

    visit(script.resolve())
    *others, own = texts.values()
    return "".join(_EXPORT.sub("", text) for text in others) + own


def _read(path: Path) -> str:
    return _COMMENT.sub("", path.read_text("utf-8"))


class Widget(anywidget.AnyWidget):
    """A figure that answers: a subclass holds the state as traits, and says in words what it is."""

    alternative = traitlets.Unicode(help="the finding in words").tag(sync=True)
    _from_page = False

    def describe(self) -> str:
        """The finding in words, for those who do not see the figure."""
        raise NotImplementedError

    def follow(self, *traits: str) -> None:
        """Keep ``alternative`` true, from now on, to what Python makes of these traits.

        A page that changes them needs no new words: it tells its reader itself.
        """
        self._describe()
        self.observe(self._describe, names=list(traits))

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what the page changed."""
        self._from_page = True
        try:
            super().set_state(sync_data)
        finally:
            self._from_page = False

    def _describe(self, change: Any = None) -> None:
        if not self._from_page:
            self.alternative = self.describe()


def checked_index(name: str, index: int, count: int, nouns: str) -> int:
    """An index of one of ``count`` things, counted from the end if negative.

    Raises:
        ValueError: if there is no such one, and for what is no whole number.
    """
    if not is_whole(index) or not -count <= index < count:
        raise ValueError(
            f"{name}={excerpt(index)} is none of the {count} {nouns}; "
            f"use 0 to {count - 1}, or -1 for the last"
        )
    return int(index) % count


def is_whole(number: Any) -> bool:
    """Whether it is a whole number, whoever's; True and False are none."""
    try:
        as_integer(number)
    except TypeError:
        return False
    return not isinstance(number, bool)


def counted(number: int, noun: str) -> str:
    """``1 token``, ``2 tokens``."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
