"""The stack: transformer blocks, one after another.

Source: Vaswani et al. 2017, §3.1. Built in: book/text/text-encoder.
"""

from collections.abc import Iterator
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from clipbook.transformer.block import Block
from clipbook.transformer.pooling import pool, pooled_places


class Stack(nn.ModuleList):
    """A list of blocks that tokens pass through: `Stack(Block(64, 2, 256) for _ in range(3))`."""

    def __iter__(self) -> Iterator[Block]:
        return cast(Iterator[Block], super().__iter__())

    def forward(
        self,
        x: Float[Tensor, "batch tokens width"],
        allowed: Bool[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "batch tokens width"]:
        """The tokens after the last block; allowed: see `allowed_keys`."""
        for block in self:
            x = block(x, allowed)
        return x

    def pooled(
        self,
        x: Float[Tensor, "batch tokens width"],
        how: str,
        mask: Bool[Tensor, "batch tokens"] | None = None,
        allowed: Bool[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "batch width"]:
        """`pool` of the tokens after the last block.

        Where it takes a single token, the last block works for that one alone: nobody reads the
        others. In a stack of three, that is a quarter of all work.
        """
        if how == "mean" or not len(self):
            return pool(self(x, allowed), how, mask)
        *others, last = self
        for block in others:
            x = block(x, allowed)
        return last.at(x, pooled_places(x, how, mask), allowed)

    def intermediates(
        self,
        x: Float[Tensor, "batch tokens width"],
        allowed: Bool[Tensor, "..."] | None = None,
    ) -> dict[str, Float[Tensor, "batch tokens width"]]:
        """The tokens by name: "embedded", as they enter the first block, then "block 1", "block 2"
        and so on, after each."""
        tokens = {"embedded": x}
        for k, block in enumerate(self, 1):
            x = tokens[f"block {k}"] = block(x, allowed)
        return tokens

    def attention_weights(
        self,
        x: Float[Tensor, "batch tokens width"],
        allowed: Bool[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "depth batch heads tokens tokens"]:
        """The weights of every block and head: rows are queries and sum to 1.

        Without a block there are none, of none of the heads, which the blocks alone know.
        """
        weights = []
        for block in self:
            x, block_weights = block.with_weights(x, allowed)
            weights.append(block_weights)
        if not weights:
            return x.new_zeros(0, len(x), 0, x.shape[1], x.shape[1])
        return torch.stack(weights)
