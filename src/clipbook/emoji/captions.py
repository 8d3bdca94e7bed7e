"""What a caption may say of an emoji: its name, its keywords, or both."""

import re

import numpy as np

from clipbook.emoji.matching import Concept
from clipbook.validation import check_generator, excerpt, whole_number

TEMPLATES = ("{}", "a picture of {}", "an image of {}", "there is {}")

HELD_OUT = (
    "green heart", "purple heart", "green apple", "orange circle", "blue circle", "yellow square",
    "purple square", "blue book", "black cat", "four o'clock", "nine o'clock", "two-thirty",
    "seven-thirty", "cat with tears of joy", "weary cat", "smiling cat with heart-eyes",
    "last quarter moon face", "backhand index pointing down", "down-left arrow", "right arrow",
    "oncoming bus",
)  # fmt: skip
"""Concepts that no training picture and no training caption names: their parts are trained."""

_NO_ARTICLE = re.compile(r"^(a|an|the|no|two|three|people|women|men|hands) |[^su]s$|^(ok|zzz)$")
_DIRECTED = re.compile(
    r"left|right|clock|thirty|arrow|moon|index|wards|hand|clef|note|letter|book|button|flag|magnif"
)


def with_article(name: str) -> str:
    """ "a dog face", "an apple", "two hearts", "glasses". Raises ValueError for no name."""
    if not isinstance(name, str) or not name:
        raise ValueError(f"name={excerpt(name)} names nothing; try 'dog face'")
    if _NO_ARTICLE.search(name):
        return name
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def may_be_mirrored(concept: Concept) -> bool:
    """Whether left and right of the picture mean nothing for its name."""
    return concept.group != "symbols" and not _DIRECTED.search(concept.name)


class Captions:
    """Draws captions of concepts.

    Rare keywords are drawn more often than common ones, as 1 / √(how many concepts have it):
    "face" fits hundreds of pictures, and would be a wrong answer for most of a batch.

    languages: of the names; keywords are English alone, and drawn only with English. Raises
    ValueError for no languages, a single string, and one in which not every emoji has a name.
    """

    def __init__(self, concepts: tuple[Concept, ...], languages: tuple[str, ...] = ("en",)) -> None:
        self.concepts = concepts
        if isinstance(languages, str) or not languages:
            raise ValueError(f"languages={excerpt(languages)}; give one at least: try ('en',)")
        for language in languages:
            if any(language not in concept.names for concept in concepts):
                raise ValueError(
                    f"languages={languages}: not every emoji has a name in {language!r}; try "
                    f"{' or '.join(sorted(concepts[0].names))}"
                )
        self.languages = languages
        counts: dict[str, int] = {}
        for concept in concepts:
            for keyword in concept.keywords:
                counts[keyword] = counts.get(keyword, 0) + 1
        self.counts = counts
        self._weights = [np.array([counts[k] ** -0.5 for k in c.keywords]) for c in concepts]

    def draw(self, place: int, generator: np.random.Generator) -> str:
        """A caption that is true of the concept at that place.

        Raises ValueError for a place outside `concepts`, TypeError for another kind of generator
        than NumPy's.
        """
        caption, _ = self.draw_with_words(place, generator)
        return caption

    def draw_with_words(
        self, place: int, generator: np.random.Generator
    ) -> tuple[str, tuple[str, ...]]:
        """The same, and the name or keywords that it is made of."""
        check_generator(generator)
        place = whole_number("place", place, 0, least=0, most=len(self.concepts) - 1)
        concept, weights = self.concepts[place], self._weights[place]
        language = self.languages[generator.integers(len(self.languages))]
        if language != "en":
            return concept.names[language], (concept.names[language],)
        chance = generator.random()
        template = TEMPLATES[generator.integers(len(TEMPLATES))]
        name = concept.name if generator.random() < 0.5 else with_article(concept.name)
        if not concept.keywords or chance < 0.6:
            return template.replace("{}", name), (concept.name,)
        most = len(concept.keywords)
        low, high = (1, 4) if chance < 0.75 else (2, 5) if chance < 0.85 else (1, 2)
        count = min(int(generator.integers(low, high)), most)
        chosen = generator.choice(most, count, replace=False, p=weights / weights.sum())
        keywords = tuple(concept.keywords[k] for k in chosen)
        if chance < 0.75:
            return template.replace("{}", ", ".join([name, *keywords])), (concept.name, *keywords)
        return template.replace("{}", ", ".join(keywords)), keywords
