"""The KV cache: keys and values of tokens already read, so that each is computed once.

Built in: book/language/writing.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from clipbook.validation import whole_number


class KVCache:
    """Keys and values of every block of a decoder, for the tokens that it has read.

    One cache belongs to one batch of texts. What is remembered stays as it was computed: this is
    right only because a causal decoder's earlier tokens don't change when later ones come.
    """

    def __init__(self, depth: int) -> None:
        self.depth = whole_number("depth", depth, 2, least=0)
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    @property
    def tokens(self) -> int:
        """How many tokens are remembered: the position of the next one."""
        return max((key.shape[-2] for key, _ in self._kept.values()), default=0)

    @property
    def numbers(self) -> int:
        """How many numbers it holds, of all blocks and texts."""
        return sum(part.numel() for kept in self._kept.values() for part in kept)

    def extend(
        self,
        block: int,
        key: Float[Tensor, "batch kv_heads tokens head_dim"],
        value: Float[Tensor, "batch kv_heads tokens head_dim"],
    ) -> tuple[Float[Tensor, "batch kv_heads all head_dim"], ...]:
        """Keys and values of all tokens so far, the new ones last; block: its number, from 0.

        Raises ValueError for a block that the decoder doesn't have, and for another batch.
        """
        if not 0 <= block < self.depth:
            raise ValueError(f"block={block} of a cache for {self.depth}; try KVCache(model depth)")
        if block in self._kept:
            before = self._kept[block]
            if len(key) != len(before[0]):
                raise ValueError(
                    f"{len(key)} texts for a cache that has read {len(before[0])}; a new batch "
                    "needs a new KVCache"
                )
            key, value = (
                torch.cat(both, dim=-2) for both in zip(before, (key, value), strict=True)
            )
        self._kept[block] = key, value
        return key, value
