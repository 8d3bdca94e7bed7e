"""A byte-level byte-pair encoding (BPE) tokenizer, written to be read.

Text is split into words, each word into its UTF-8 bytes, and bytes that often stand side by side
are merged, most frequent pair first. What it does not do: normalise Unicode, lower-case, or run
fast on gigabytes.

Source: Sennrich et al. 2016 (BPE), Radford et al. 2019 §2.2 (over bytes). Built in:
book/text/tokenization.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise
from math import inf
from operator import index
from pathlib import Path

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from clipbook.text import tokenizer_file
from clipbook.text.merges import Pair, learn_merges, merge
from clipbook.text.texts import checked_id, checked_texts
from clipbook.text.words import split_words
from clipbook.validation import excerpt, whole_number

PAD, START, END = "<pad>", "<start>", "<end>"
SPECIALS = (PAD, START, END)
PAD_ID, START_ID, END_ID = range(3)
FIRST_BYTE = len(SPECIALS)
"""Ids 0 to 2 are special, the next 256 are the bytes, and every merge adds one more."""


class Tokenizer:
    """Turns text into token ids and back, losslessly for any Unicode text.

    merges: pairs of ids in the order in which they were learned; merges[k] makes token 259 + k.
    context_length: how many tokens `batch` gives at most, start and end tokens included.
    Raises ValueError for a context that is no size or has no room for them, and for a merge of what
    no merge before it makes, or that makes a token once more.
    """

    pad_id = PAD_ID
    _first_letter = FIRST_BYTE
    """The smallest id that a text or a merge may hold."""
    _alphabet = (b"",) * len(SPECIALS) + tuple(bytes([byte]) for byte in range(256))
    """The tokens that there are before the first merge, by their ids."""

    def __init__(self, merges: Iterable[Pair] = (), context_length: int = 32) -> None:
        self.context_length = whole_number("context_length", context_length, 32)
        if context_length < 2:
            raise ValueError(
                f"context_length={context_length} has no room for the start and the end token; "
                "try 2 or more"
            )
        self.merges: list[Pair] = []
        self._ranks: dict[Pair, int] = {}
        self._bytes = list(self._alphabet)
        self._ids = {token: token_id for token_id, token in enumerate(self._bytes) if token}
        for pair in merges:
            self._add(pair)
        self._words: dict[str, list[int]] = {}

    def _add(self, pair: Pair) -> None:
        name = f"merges[{len(self.merges)}]"
        try:
            left, right = map(index, pair)
        except (TypeError, ValueError):
            raise ValueError(f"{name}={excerpt(pair)} is no pair of token ids") from None
        for token_id in (left, right):
            if not self._first_letter <= token_id < len(self._bytes):
                raise ValueError(
                    f"{name}={excerpt(pair)} uses token {excerpt(token_id)}, which isn't made yet; "
                    f"ids {self._first_letter} to {len(self._bytes) - 1} exist at this point"
                )
        token = self._bytes[left] + self._bytes[right]
        if token in self._ids:  # a text would then have two spellings in tokens
            raise ValueError(
                f"{name}={pair} makes {excerpt(token)}, which token {self._ids[token]} is already; "
                "leave it out"
            )
        self._ids[token] = len(self._bytes)
        self._ranks[left, right] = len(self.merges)
        self.merges.append((left, right))
        self._bytes.append(token)

    @property
    def vocab_size(self) -> int:
        return len(self._bytes)

    @property
    def start_id(self) -> int:
        return START_ID

    @property
    def end_id(self) -> int:
        return END_ID

    def split(self, text: str) -> list[str]:
        """The words of a text, within which alone tokens are merged, see `split_words`."""
        return split_words(text)

    def _letters(self, word: str) -> list[int]:
        """The ids of a word before any merge."""
        return [FIRST_BYTE + byte for byte in word.encode()]

    @classmethod
    def train(
        cls, texts: Iterable[str], vocab_size: int = 512, context_length: int | None = None
    ) -> "Tokenizer":
        """Learn merges from texts until the vocabulary has vocab_size tokens.

        context_length: as in the class, and the same if not given.

        It stops earlier where no pair is left that occurs twice. Of equally frequent pairs, the
        one with the smaller ids is merged first, so that the result depends on the texts alone.
        Raises ValueError for no texts, a single string, what is no text, and a vocab_size without
        room for the special tokens and 256 bytes.
        """
        whole_number("vocab_size", vocab_size, 512, most=inf)
        tokenizer = cls() if context_length is None else cls(context_length=context_length)
        smallest = tokenizer.vocab_size
        if vocab_size < smallest:
            raise ValueError(
                f"vocab_size={vocab_size} has no room for the special tokens and the bytes, which "
                f"are {smallest}; try {smallest} or more"
            )
        counts = Counter(word for text in checked_texts(texts) for word in tokenizer.split(text))
        words = [tokenizer._letters(word) for word in counts]
        learned = learn_merges(words, list(counts.values()), first_id=len(cls._alphabet))
        for pair in islice(learned, vocab_size - smallest):
            tokenizer._add(pair)
        return tokenizer

    def steps(self, text: str) -> list[list[int]]:
        """The ids of the text after each merge that changes them, from its bytes to its tokens."""
        words = [self._letters(word) for word in self.split(text)]
        stages = [[token_id for word in words for token_id in word]]
        while pairs := [pair for word in words if (pair := self._next_pair(word))]:
            first = min(pairs, key=self._ranks.__getitem__)
            words = [self._merge(word, first) for word in words]
            stages.append([token_id for word in words for token_id in word])
        return stages

    def _next_pair(self, ids: list[int]) -> Pair | None:
        """The pair of neighbours that was learned first, if any was learned."""
        learned = (pair for pair in pairwise(ids) if pair in self._ranks)
        return min(learned, key=self._ranks.__getitem__, default=None)

    def _merge(self, ids: list[int], pair: Pair) -> list[int]:
        return merge(ids, pair, len(self._alphabet) + self._ranks[pair])

    def _encode_word(self, word: str) -> list[int]:
        if word not in self._words:
            ids = self._letters(word)
            while pair := self._next_pair(ids):
                ids = self._merge(ids, pair)
            if len(self._words) >= 10_000:  # bounded, however much text comes by
                self._words.clear()
            self._words[word] = ids
        return self._words[word]

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, without special tokens.

        Raises ValueError for a string that is no Unicode text (a lone surrogate).
        """
        return [token_id for word in self.split(text) for token_id in self._encode_word(word)]

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of token ids; special tokens are left out.

        Tokens may end within a character: bytes that are no UTF-8 become U+FFFD.
        Raises ValueError for an id outside the vocabulary.
        """
        return b"".join(self._token_bytes(token_id) for token_id in token_ids).decode(
            errors="replace"
        )

    def _token_bytes(self, token_id: int) -> bytes:
        return self._bytes[checked_id(token_id, self.vocab_size)]

    def token(self, token_id: int) -> str:
        """One token as text to look at: special tokens by name, bytes that are no character as
        \\x.. . Raises ValueError for an id outside the vocabulary."""
        token_id = checked_id(token_id, self.vocab_size)
        if token_id < FIRST_BYTE:
            return SPECIALS[token_id]
        return self._bytes[token_id].decode(errors="backslashreplace")

    def batch(
        self, texts: Iterable[str], *, truncate: bool = True
    ) -> tuple[Int64[Tensor, "batch context"], Bool[Tensor, "batch context"]]:
        """Token ids between start and end tokens, padded to the context length, and a mask.

        The mask is true at real tokens, start and end included. A text that is too long loses
        its last tokens and keeps the end token, as in CLIP.
        Raises ValueError for a text that says nothing, for no texts, a single string, what is no
        text, and, with truncate=False, for a text that does not fit.
        """
        rows, lengths, room = [], [], self.context_length - 2
        for row, text in enumerate(checked_texts(texts)):
            ids = self.encode(text)
            if not (ids and text.strip()):
                raise ValueError(f"text {row} is {text!r}: it says nothing; leave the pair out")
            if len(ids) > room and not truncate:
                raise ValueError(
                    f"text {row} ({text[:40]!r}…) has {len(ids)} tokens, {room} fit between the "
                    f"start and the end token; shorten it, or pass truncate=True"
                )
            ids = [self.start_id, *ids[:room], self.end_id]
            lengths.append(len(ids))
            rows.append(ids + [self.pad_id] * (self.context_length - len(ids)))
        mask = torch.arange(self.context_length) < torch.tensor(lengths)[:, None]
        return torch.tensor(rows), mask

    def save(self, path: str | Path) -> None:
        """Write the tokenizer as JSON in which each merge reads as two pieces of text."""
        pieces = ((self._bytes[left], self._bytes[right]) for left, right in self.merges)
        tokenizer_file.write(Path(path), self.context_length, SPECIALS, pieces)

    @classmethod
    def load(cls, path: str | Path) -> "Tokenizer":
        """Read what `save` wrote.

        Raises FileNotFoundError, or ValueError that names the file and the field for anything else.
        """
        if not Path(path).exists():
            raise FileNotFoundError(f"{path} does not exist")
        try:
            context_length, merges = tokenizer_file.read(Path(path), SPECIALS, cls()._ids)
            return cls(merges, context_length)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{path} was not saved by Tokenizer.save ({error}); save it again from the "
                "tokenizer that was trained"
            ) from error
