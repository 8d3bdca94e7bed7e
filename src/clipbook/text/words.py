"""Where a text is cut into words, within which alone tokens are merged.

Source: Radford et al. 2019, §2.2. Built in: book/text/tokenization.
"""

import regex

from clipbook.text.texts import checked_text

WORD = regex.compile(
    r" ?\p{L}+"  # letters, with the space before them
    r"| ?\p{N}+"  # digits
    r"| ?[^\p{White_Space}\p{L}\p{N}]+"  # punctuation, emoji and the rest
    r"|\p{White_Space}+(?!\P{White_Space})"  # spaces, leaving the last one to the next word
    r"|\p{White_Space}+"
)
"""The pattern of a word, for the package `regex`; `split_words` finds all of them."""


def split_words(text: str) -> list[str]:
    """The words of a text, each with the space before it; joined again they give the text.

    Raises ValueError for a string that is no Unicode text (a lone surrogate).

    >>> split_words("Pepper the aussie pup")
    ['Pepper', ' the', ' aussie', ' pup']
    """
    return WORD.findall(checked_text(text))
