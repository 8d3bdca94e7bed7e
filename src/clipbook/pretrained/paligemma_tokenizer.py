"""PaliGemma's tokenizer: Gemma's pieces and 1,024 locations, by the library `tokenizers`.

What it does not do: learn. Source: Beyer et al. 2024 ("PaliGemma"), §3.1 and §3.2.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clipbook.language.boxes import location
from clipbook.text.texts import checked_id, checked_text

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Library

PAD, END, START = "<pad>", "<eos>", "<bos>"
BINS = 1024


class PaliGemmaTokenizer:
    """Turns questions into the token ids of a `tokenizer.json`, and answers' ids into text.

    library: a `tokenizers.Tokenizer` with the tokens <pad>, <eos> and <bos>, whose padding and
    truncation are turned off. Raises ValueError for another.
    """

    caption_prompt = "caption en"

    def __init__(self, library: "Library", bins: int = BINS) -> None:
        library.no_padding()
        library.no_truncation()
        self._library = library
        self.bins = bins
        ids: dict[str, int] = {}
        for token in (PAD, END, START, location(bins - 1)):
            token_id = library.token_to_id(token)
            if token_id is None:
                raise ValueError(f"the vocabulary has no {token}, which PaliGemma's has")
            ids[token] = token_id
        self._ids = ids

    @property
    def end_id(self) -> int:
        return self._ids[END]

    @property
    def pad_id(self) -> int:
        return self._ids[PAD]

    def prompt(self, question: str) -> list[int]:
        """<bos>, the question, and a new line, which says that the answer begins.

        Raises ValueError for what is no Unicode text.
        """
        text = checked_text(question, "question")
        ids = self._library.encode(f"{text}\n", add_special_tokens=False).ids
        return [self._ids[START], *ids]

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of token ids, locations as "<loc0007>".

        Raises ValueError for an id outside the vocabulary.
        """
        left_out = [self._ids[token] for token in (PAD, END, START)]
        known = [self._checked(token_id) for token_id in token_ids]
        kept = [token_id for token_id in known if token_id not in left_out]
        return self._library.decode(kept, skip_special_tokens=False)

    def token(self, token_id: int) -> str:
        """One token as text to look at; ▁ stands where a word begins. Raises as `decode`."""
        return str(self._library.id_to_token(self._checked(token_id)))

    def _checked(self, token_id: int) -> int:
        return checked_id(token_id, self._library.get_vocab_size())

    @classmethod
    def load(cls, path: str | Path) -> "PaliGemmaTokenizer":
        """Read a `tokenizer.json`.

        Raises FileNotFoundError, or ValueError that names the file for anything else.
        """
        from tokenizers import Tokenizer as Library

        if not Path(path).exists():
            raise FileNotFoundError(f"{path} does not exist")
        try:
            library = Library.from_file(str(path))
            return cls(library)
        except Exception as error:  # the library raises plain ones
            raise ValueError(
                f"{path} is no tokenizer of PaliGemma's ({error}); fetch it again"
            ) from error
