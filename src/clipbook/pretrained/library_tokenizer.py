"""SigLIP's tokenizer: sentencepiece, by the library `tokenizers`, behind our small interface.

What it does not do: learn. Source: Zhai et al. 2023, §4 (32,000 pieces, from English C4); lower
case without punctuation, as in the code that came with it.
"""

import string
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from clipbook.text.texts import checked_id, checked_text, checked_texts
from clipbook.validation import whole_number

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Library

END = "</s>"
"""Ends a text, and pads it too: a text is over, over, over."""

NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


class LibraryTokenizer:
    """Turns text into the token ids of a `tokenizer.json`, and back; encode, decode and batch are
    used as those of `clipbook.text.Tokenizer`.

    library: a `tokenizers.Tokenizer` that has an end token; its own padding and truncation are
    turned off. context_length: how many tokens `batch`
    gives, the end token among them. Raises ValueError for another context and for a vocabulary
    without an end token.
    """

    def __init__(self, library: "Library", context_length: int = 64) -> None:
        self.context_length = whole_number("context_length", context_length, 64)
        library.no_padding()
        library.no_truncation()
        self._library = library
        end_id = library.token_to_id(END)
        if end_id is None:
            raise ValueError(f"the vocabulary has no {END}, which ends a text of SigLIP's")
        self.end_id = self.pad_id = end_id

    @property
    def vocab_size(self) -> int:
        return self._library.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, in lower case and without punctuation; no special tokens.

        Raises ValueError for what is no Unicode text.
        """
        words = checked_text(text).lower().translate(NO_PUNCTUATION).split()
        return self._library.encode(" ".join(words), add_special_tokens=False).ids

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of token ids, as far as it was kept; special tokens are left out.

        Raises ValueError for an id outside the vocabulary.
        """
        ids = [checked_id(token_id, self.vocab_size) for token_id in token_ids]
        return self._library.decode(ids, skip_special_tokens=True)

    def token(self, token_id: int) -> str:
        """One token as text to look at; ▁ stands where a word begins."""
        return str(self._library.id_to_token(checked_id(token_id, self.vocab_size)))

    def batch(
        self, texts: Iterable[str], *, truncate: bool = True
    ) -> tuple[Int64[Tensor, "batch context"], Bool[Tensor, "batch context"]]:
        """Token ids and an end token, padded to the context length by more of these, and a mask.

        The mask is true at real tokens, the first end among them; SigLIP reads the others as well.
        A text that is too long loses its last tokens and keeps the end. Raises ValueError for a
        text without words, for no texts, a single string, what is no text, and, with
        truncate=False, for a text that does not fit.
        """
        rows, lengths, room = [], [], self.context_length - 1
        for row, text in enumerate(checked_texts(texts)):
            ids = self.encode(text)
            if not ids:
                raise ValueError(f"text {row} is {text!r}: it says nothing; leave the pair out")
            if len(ids) > room and not truncate:
                raise ValueError(
                    f"text {row} ({text[:40]!r}…) has {len(ids)} tokens, {room} fit before the end "
                    "token; shorten it, or pass truncate=True"
                )
            ids = [*ids[:room], self.end_id]
            lengths.append(len(ids))
            rows.append(ids + [self.pad_id] * (self.context_length - len(ids)))
        mask = torch.arange(self.context_length) < torch.tensor(lengths)[:, None]
        return torch.tensor(rows), mask

    @classmethod
    def load(cls, path: str | Path, context_length: int = 64) -> "LibraryTokenizer":
        """Read a `tokenizer.json`.

        Raises FileNotFoundError, or ValueError that names the file for anything else.
        """
        from tokenizers import Tokenizer as Library

        if not Path(path).exists():
            raise FileNotFoundError(f"{path} does not exist")
        try:
            return cls(Library.from_file(str(path)), context_length)
        except Exception as error:  # the library raises plain ones
            raise ValueError(
                f"{path} is no tokenizer of SigLIP's ({error}); fetch it again"
            ) from error
