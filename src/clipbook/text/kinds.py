"""What every tokenizer can do, whoever wrote it."""

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Int64
from torch import Tensor


@runtime_checkable
class AnyTokenizer(Protocol):
    """`Tokenizer`, `CLIPTokenizer`, or another library's behind the same names."""

    context_length: int

    @property
    def vocab_size(self) -> int: ...

    def encode(self, text: str) -> list[int]: ...

    def decode(self, token_ids: Sequence[int]) -> str: ...

    def batch(
        self, texts: Iterable[str], *, truncate: bool = True
    ) -> tuple[Int64[Tensor, "batch context"], Bool[Tensor, "batch context"]]: ...
