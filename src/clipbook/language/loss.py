"""The next-token loss: what a text costs, token after token.

Source: Bengio et al. 2003, §1; Radford et al. 2019, §2. Built in: book/language/decoder.
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from clipbook.language.decoder import check_token_ids
from clipbook.validation import check_axes


def token_log_probabilities(
    logits: Float[Tensor, "batch tokens vocab_size"], token_ids: Int64[Tensor, "batch tokens"]
) -> Float[Tensor, "batch tokens_after_the_first"]:
    """ln of the probability that was given to each token but the first, before it was read.

    logits: of the same texts; row i scores token i + 1. Their sum over a text is the logarithm of
    its probability, given its first token. Raises ValueError for texts of a single token, logits of
    other texts and, on the CPU, for ids outside the vocabulary.
    """
    check_axes("logits", logits, "batch tokens vocab_size")
    if logits.shape[:2] != token_ids.shape:  # of a picture's tokens as well, perhaps
        raise ValueError(
            f"logits {tuple(logits.shape)} are not of token_ids {tuple(token_ids.shape)}: each "
            "token has a row of its own; leave out the rows of what stands before the text"
        )
    check_token_ids(token_ids, logits.shape[2])
    if token_ids.shape[1] < 2:
        raise ValueError(
            f"token_ids {tuple(token_ids.shape)} have no next token to predict; give texts of 2 "
            "tokens at least"
        )
    right = token_ids[:, 1:, None]
    return logits[:, :-1].log_softmax(dim=-1).gather(2, right).squeeze(2)


def next_token_loss(
    logits: Float[Tensor, "batch tokens vocab_size"],
    token_ids: Int64[Tensor, "batch tokens"],
    counted: Bool[Tensor, "batch tokens"] | None = None,
) -> Float[Tensor, ""]:
    """Mean of -ln p over the tokens that count, in nats; ln vocab_size for a guess.

    counted: true at tokens that are to be predicted, such as real ones (not padding), or those of
    an answer (not its question); all without it. The first token never counts: nothing comes
    before it. Equal to `transformers`' loss with labels of -100 elsewhere. Raises ValueError where
    nothing counts, and for what does not say true or false of each token.
    """
    costs = -token_log_probabilities(logits, token_ids)
    if counted is None:
        return costs.mean()
    if counted.dtype != torch.bool or counted.shape != token_ids.shape:  # 0 and 1 would pick rows
        raise ValueError(
            f"counted is {tuple(counted.shape)} of {counted.dtype}, token_ids "
            f"{tuple(token_ids.shape)}; say true or false of each token, try counted.bool()"
        )
    counted = counted[:, 1:]
    if counted.device.type == "cpu" and not counted.any():
        raise ValueError(
            f"counted {tuple(counted.shape)} is true at no token after the first; mark at least one"
        )
    return costs[counted].mean()
