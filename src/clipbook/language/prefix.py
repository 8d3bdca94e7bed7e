"""The prefix-LM mask: what is given is read in both directions, what is written only backwards.

Source: Liu et al. 2018 ("Generating Wikipedia"), Raffel et al. 2020 ("T5"), §3.2.1; of pictures
and questions Beyer et al. 2024 ("PaliGemma"), §3.1. Built in: book/language/paligemma.
"""

import torch
from jaxtyping import Bool
from torch import Tensor

from clipbook.validation import check_axes


def prefix_mask(in_prefix: Bool[Tensor, "batch tokens"]) -> Bool[Tensor, "batch 1 tokens tokens"]:
    """Which keys each query may look at: all of the prefix, and what comes before it or is it.

    in_prefix: true at the tokens of the prefix, which come first in each row. Padding belongs
    behind everything, where no real token can see it. Raises ValueError for a prefix that has gaps
    or is empty, for one text outside a batch, and for what is not true or false.
    """
    check_prefix(in_prefix)
    tokens = in_prefix.shape[1]
    causal = torch.ones(tokens, tokens, dtype=torch.bool, device=in_prefix.device).tril()
    return causal | in_prefix[:, None, None, :]


def check_prefix(in_prefix: Bool[Tensor, "batch tokens"]) -> None:
    """Raises ValueError as `prefix_mask`; what lies on a GPU is not looked into."""
    check_axes("in_prefix", in_prefix, "batch tokens")
    if in_prefix.dtype != torch.bool or not in_prefix.shape[1]:
        raise ValueError(
            f"in_prefix is {tuple(in_prefix.shape)} of {in_prefix.dtype}; say true or false of one "
            "token at least, try in_prefix.bool()"
        )
    if in_prefix.device.type == "cpu":
        broken = ~in_prefix[:, 0] | (in_prefix[:, 1:] & ~in_prefix[:, :-1]).any(dim=1)
        if broken.any():
            raise ValueError(
                f"in_prefix[{int(broken.int().argmax())}] does not begin with its true values, all "
                "in one run; the prefix comes first, then the answer, then padding"
            )
