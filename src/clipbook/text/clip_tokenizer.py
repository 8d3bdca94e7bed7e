"""CLIP's own tokenizer: ours with another way to clean and cut texts, and other ids.

The merges are those of CLIP's authors. They are no part of this package, but of a file of 1.4 MB
that others publish; what merges them is `Tokenizer`.

Source: Radford et al. 2021, §2.4, and the code that came with it. Shown in: book/text/tokenization.
"""

import gzip
import html
import zlib
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import ftfy
import regex

from clipbook.files import write_whole
from clipbook.text.merges import Pair
from clipbook.text.texts import checked_text
from clipbook.text.tokenizer import Tokenizer
from clipbook.validation import excerpt

CLIP_WORD = regex.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d"  # English contractions
    r"|\p{L}+"  # letters
    r"|\p{N}"  # digits, one by one
    r"|[^\s\p{L}\p{N}]+",  # punctuation, emoji and the rest; spaces are dropped
    regex.IGNORECASE,
)
"""The pattern of a word of CLIP's, in a text that `clean` has gone over."""

MERGES = 48_894
"""With two entries for each byte, and start and end, they make CLIP's vocabulary of 49,408."""

END_OF_WORD = "</w>"
HEADER = "#version: 0.2"

# CLIP's files show each byte as a character, and number the bytes in the order of this table:
# first those that are printed as they are, then the others, as the characters from 256 on.
_PRINTED = [*range(33, 127), *range(161, 173), *range(174, 256)]
_SHOWN = {byte: chr(byte) for byte in _PRINTED}
_SHOWN |= {byte: chr(256 + k) for k, byte in enumerate(sorted({*range(256)} - {*_PRINTED}))}
_BYTE = {character: byte for byte, character in _SHOWN.items()}
_NUMBER = {byte: number for number, byte in enumerate(_SHOWN)}


def clean(text: str) -> str:
    """The text as CLIP was trained to see it: repaired, in lower case, one space between words.

    `ftfy` repairs text that was decoded wrongly, and makes curly quotes straight and wide letters
    narrow; then names that web pages have for characters (`&amp;`, even `&amp;amp;`) are replaced.
    Raises ValueError for a string that is no Unicode text (a lone surrogate).
    """
    text = html.unescape(html.unescape(ftfy.fix_text(checked_text(text))))
    return " ".join(text.split()).lower()


class CLIPTokenizer(Tokenizer):
    """Turns text into CLIP's token ids and back; `CLIPTokenizer.load()` has CLIP's own merges.

    Unlike in `Tokenizer`, texts are cleaned first, see `clean`, and what that changes is lost.
    Spaces are dropped: each byte has two entries, of which the second also ends a word. Start and
    end are the last two ids, 49406 and 49407 in CLIP. They are never made from a text, whatever a
    user types, where open_clip and transformers make them of their names.

    merges, context_length: as in `Tokenizer`; merges[k] makes token 512 + k.
    """

    pad_id = 0
    _first_letter = 0
    # A word holds no space, so that a space at the end of a token can say that the word ends.
    _alphabet = tuple(bytes([byte]) + end for end in (b"", b" ") for byte in _NUMBER)

    def __init__(self, merges: Iterable[Pair] = (), context_length: int = 77) -> None:
        super().__init__(merges, context_length)

    def _add(self, pair: Pair) -> None:
        super()._add(pair)
        if b" " in self._bytes[-1][:-1]:
            raise ValueError(
                f"merges[{len(self.merges) - 1}]={pair} makes {excerpt(self._bytes[-1])}, where a "
                "word ends, or has a space, before the token ends; leave it out"
            )

    @property
    def vocab_size(self) -> int:
        return len(self._bytes) + 2

    @property
    def start_id(self) -> int:
        return len(self._bytes)

    @property
    def end_id(self) -> int:
        return len(self._bytes) + 1

    def split(self, text: str) -> list[str]:
        """The words of the cleaned text, without spaces."""
        return CLIP_WORD.findall(clean(text))

    def _letters(self, word: str) -> list[int]:
        ids = [_NUMBER[byte] for byte in word.encode()]
        return [*ids[:-1], 256 + ids[-1]]

    def decode(self, token_ids: Sequence[int]) -> str:
        """The words of token ids, a space between them; special tokens are left out,
        but not padding, whose id is that of "!".

        Tokens may end within a character: bytes that are no UTF-8 become U+FFFD.
        Raises ValueError for an id outside the vocabulary.
        """
        return super().decode(token_ids).removesuffix(" ")

    def _token_bytes(self, token_id: int) -> bytes:
        return b"" if token_id in (self.start_id, self.end_id) else super()._token_bytes(token_id)

    def token(self, token_id: int) -> str:
        """One token as text to look at, `</w>` where a word ends; special tokens by name."""
        if token_id in (self.start_id, self.end_id):
            return "<|startoftext|>" if token_id == self.start_id else "<|endoftext|>"
        content, ends = _parts(self._token_bytes(token_id))
        return content.decode(errors="backslashreplace") + ends

    def save(self, path: str | Path) -> None:
        """Write the merges as CLIP's files have them, a line each, below a header.

        The context length is not written. Raises as `clipbook.files.write_whole`.
        """
        lines = [f"{self._name(left)} {self._name(right)}\n" for left, right in self.merges]
        content = "".join([HEADER, "\n", *lines]).encode()
        write_whole(Path(path), lambda unfinished: unfinished.write_bytes(content))

    def _name(self, token_id: int) -> str:
        content, ends = _parts(self._bytes[token_id])
        return "".join(_SHOWN[byte] for byte in content) + ends

    @classmethod
    def load(cls, path: str | Path | None = None, context_length: int = 77) -> "CLIPTokenizer":
        """Read CLIP's merges: its own, or those of a file `merges.txt`, compressed or not.

        path: the file; without it, that of the package `open-clip-torch`, which need not be
        imported for it, nor have what it stands on: `pip install --no-deps open-clip-torch`.
        A line is a merge, below a header that names a version; what follows after 48,894 merges is
        not read, as CLIP does.
        Raises FileNotFoundError, or ValueError that names the file and the line for anything else.
        """
        path = _installed() if path is None else Path(path)
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist")
        tokenizer = cls(context_length=context_length)
        try:
            header, *lines = _text(path).removesuffix("\n").split("\n")
            if "#version" not in header:
                raise ValueError(f"line 1 is {excerpt(header)}, no header such as '{HEADER}'")
            for line in lines[:MERGES]:
                tokenizer._add(tokenizer._pair(line))
        except (OSError, EOFError, zlib.error, ValueError) as error:
            raise ValueError(
                f"{path} is no file of CLIP's merges ({error}); give merges.txt of a CLIP model, "
                "or bpe_simple_vocab_16e6.txt.gz"
            ) from error
        return tokenizer

    def _pair(self, line: str) -> Pair:
        """The ids of the two tokens that a line of a file names."""
        try:
            left, right = map(self._id, line.split())
        except (KeyError, ValueError):
            raise ValueError(
                f"line {len(self.merges) + 2} is {excerpt(line)}, no two tokens that are there or "
                "made above it"
            ) from None
        return left, right

    def _id(self, name: str) -> int:
        letters = name.removesuffix(END_OF_WORD)
        ends = b"" if letters == name else b" "
        return self._ids[bytes(_BYTE[letter] for letter in letters) + ends]


def _parts(token: bytes) -> tuple[bytes, str]:
    """A token without the mark of a word's end, and the mark, if there is one."""
    ends = len(token) > 1 and token.endswith(b" ")
    return (token[:-1], END_OF_WORD) if ends else (token, "")


def _text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode()


def _installed() -> Path:
    """Where `open-clip-torch` has its file, without importing it."""
    found = find_spec("open_clip")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(
            "CLIP's merges are not on this machine; `pip install --no-deps open-clip-torch` brings "
            "them (1.5 MB), or give the path of a CLIP model's merges.txt"
        )
    return Path(found.submodule_search_locations[0]) / "bpe_simple_vocab_16e6.txt.gz"
