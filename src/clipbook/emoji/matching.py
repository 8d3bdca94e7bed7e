"""Which drawing shows which emoji, and which emoji make the data.

Four sets say which code point each drawing has. The other three only name their drawings, each in
its own way ("2hearts", "two-hearts"), so these are found by all names that an emoji goes by.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

FEWEST_ARTISTS = 4
SHORTCODES = ("cldr", "emojibase", "github", "iamcal", "joypixels")
LETTERS = re.compile(r"button$|^keycap|^Japanese|^input|^(ON!|SOON|END|TOP|BACK)")
NO_GROUP = ("flags", "component")


@dataclass(frozen=True)
class Concept:
    """An emoji as a thing with a name, whoever drew it.

    name: Unicode's in English, in lower case. keywords: what else it may be looked up by, the name
    not among them. names: by language, as "de", English included. group, subgroup: Unicode's, as
    "animals-nature" and "animal-mammal".
    """

    code: str
    emoji: str
    name: str
    keywords: tuple[str, ...]
    group: str
    subgroup: str
    names: Mapping[str, str] = field(hash=False)


def plain(text: str) -> str:
    """In lower case, with straight apostrophes and nothing in brackets."""
    return re.sub(r"\s*\(.*?\)", "", text.lower().replace("’", "'")).strip()


def key(code: str) -> str:
    """A code point, or several, without the sign that asks for colours."""
    return "-".join(part for part in code.upper().split("-") if part != "FE0F")


def squash(name: str) -> str:
    """Letters and digits alone, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def codes_by_name(
    emoji: Mapping[str, dict[str, Any]],
    shortcodes: list[dict[str, Any]],
    coded_sets: list[tuple[dict[str, str], dict[str, Any]]],
) -> dict[str, str]:
    """Every name that an emoji goes by, squashed. Where two emoji share one, the first source that
    knows it decides: the names in the coded sets, Unicode's, and then the shortcodes of chats."""

    def named() -> Iterator[tuple[str, str]]:
        for characters, _ in coded_sets:
            yield from ((name, key(code)) for code, name in characters.items())
        for characters, icons in coded_sets:
            code_of = {name: key(code) for code, name in characters.items()}
            for name, alias in icons.get("aliases", {}).items():
                same = not {"hFlip", "vFlip", "rotate"} & set(alias)
                if same and alias["parent"] in code_of:
                    yield name, code_of[alias["parent"]]
        for code, entry in emoji.items():
            yield entry["label"], code
        for code in emoji:
            if "-" not in code:
                yield unicodedata.name(chr(int(code, 16)), ""), code
        for table in shortcodes:
            for code, names in table.items():
                yield from (
                    (name, key(code)) for name in ([names] if isinstance(names, str) else names)
                )

    found: dict[str, str] = {}
    for name, code in named():
        if code in emoji and squash(name):
            found.setdefault(squash(name), code)
    return found


def drawings(
    icons: dict[str, Any], characters: dict[str, str], codes: Mapping[str, str]
) -> dict[str, str]:
    """The name of the drawing for each code of one set."""
    if characters:
        return {key(code): name for code, name in characters.items()}
    of: dict[str, str] = {}
    for name in [*icons["icons"], *icons.get("aliases", {})]:
        if code := codes.get(squash(name)):
            of.setdefault(code, name)
    return of


def why_not(code: str, entry: dict[str, Any], group: str) -> str:
    """Why an emoji that enough artists drew is not part of the data; empty if it is."""
    label = entry["label"]
    if group in NO_GROUP:
        return "flags and parts of emoji"
    if group == "people-body" and "-200D-" in f"-{code}-":
        return "people told apart by sex, hair or family alone"
    if group == "people-body" and re.match(r"(wo)?m[ae]n:", label):
        return "people told apart by sex, hair or family alone"
    if group == "symbols" and LETTERS.search(label):
        return "letters on buttons"
    return ""


def keywords_of(entry: dict[str, Any]) -> tuple[str, ...]:
    """In the plain alphabet, without the name."""
    tags = {plain(tag) for tag in entry.get("tags", ())}
    return tuple(
        sorted(
            tag for tag in tags if re.fullmatch(r"[a-z' -]+", tag) and tag != plain(entry["label"])
        )
    )


def choose(
    emoji: Mapping[str, dict[str, Any]],
    drawn: Mapping[str, Mapping[str, str]],
    groups: Mapping[int, str],
) -> tuple[list[str], Counter[str]]:
    """The codes of the data in Unicode's order, and how many were left out for which reason.

    drawn: for each artist the codes that it drew. The first version of Noto doesn't count as an
    artist of its own.
    """
    kept: list[str] = []
    left_out: Counter[str] = Counter()
    for code, entry in sorted(emoji.items(), key=lambda item: item[1].get("order", 10**9)):
        if (
            sum(code in codes for artist, codes in drawn.items() if artist != "noto-v1")
            < FEWEST_ARTISTS
        ):
            left_out[f"fewer than {FEWEST_ARTISTS} artists"] += 1
        elif reason := why_not(code, entry, groups[entry["group"]]):
            left_out[reason] += 1
        else:
            kept.append(code)
    return kept, left_out
