"""Rotary positions: queries and keys are turned by angles that grow with their position.

Number i of a head's first half and number i of its second half are the two coordinates of a point.
At position m this point is turned about the origin by m · ω_i, with ω_i = base^(-2i / head_dim).
The dot product of a turned query and a turned key then depends on the distance of their positions
alone. The paper pairs neighbours, 2i with 2i + 1; Gemma's and Llama's weights in `transformers`
pair the halves, which is the same up to the order of the numbers.

Source: Su et al. 2021 ("RoFormer"), §3.2. Built in: book/language/decoder.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipbook.validation import above_zero

Turns = tuple[Tensor, Tensor]
"""Cosines and sines of the angles, (1 or batch, 1, tokens, head_dim / 2)."""


def check_head_dim(head_dim: int) -> None:
    """Raises ValueError for an odd size: numbers are turned in pairs."""
    if head_dim % 2:
        raise ValueError(
            f"head_dim={head_dim} is odd; rotary positions turn pairs, try {head_dim + 1}"
        )


def turns(positions: Int64[Tensor, "... tokens"], head_dim: int, base: float) -> Turns:
    """By how much to turn: positions are (tokens), or (batch, tokens) where texts differ."""
    pair = torch.arange(0, head_dim, 2, device=positions.device)
    angles = positions[..., None] * base ** (-pair / head_dim)
    angles = angles.unsqueeze(-3)  # the same for all heads
    return angles.cos(), angles.sin()


def turn(
    x: Float[Tensor, "batch heads tokens head_dim"], by: Turns
) -> Float[Tensor, "batch heads tokens head_dim"]:
    """Each pair of numbers, turned."""
    cos, sin = (part.to(x.dtype) for part in by)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def rotary(
    x: Float[Tensor, "batch heads tokens head_dim"],
    positions: Int64[Tensor, "... tokens"],
    base: float = 10_000.0,
) -> Float[Tensor, "batch heads tokens head_dim"]:
    """Queries or keys, turned by their positions.

    positions: whole numbers, (tokens), or (batch, tokens) where each text has its own. base: the
    larger, the slower the slowest pairs turn; the fastest turns by 1 radian a position.
    Raises ValueError for an odd head_dim, a base that is not above 0, and positions of another
    number of tokens.
    """
    check_head_dim(x.shape[-1])
    if positions.shape[-1] != x.shape[-2]:
        raise ValueError(
            f"{positions.shape[-1]} positions for {x.shape[-2]} tokens; give each token one"
        )
    return turn(x, turns(positions, x.shape[-1], above_zero("base", base, 10_000.0)))
