"""The next-token loss: what a text costs, token after token.

Source: Bengio et al. 2003, §1; Radford et al. 2019, §2. Built in: book/language/decoder.
"""

from jaxtyping import Bool, Float, Int64
from torch import Tensor


def token_log_probabilities(
    logits: Float[Tensor, "batch tokens vocab_size"], token_ids: Int64[Tensor, "batch tokens"]
) -> Float[Tensor, "batch tokens_after_the_first"]:
    """ln of the probability that was given to each token but the first, before it was read.

    logits: of the same texts; row i scores token i + 1. Their sum over a text is the logarithm of
    its probability, given its first token. Raises ValueError for texts of a single token.
    """
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
    nothing counts.
    """
    costs = -token_log_probabilities(logits, token_ids)
    if counted is None:
        return costs.mean()
    counted = counted[:, 1:]
    if counted.device.type == "cpu" and not counted.any():
        raise ValueError(
            f"counted {tuple(counted.shape)} is true at no token after the first; mark at least one"
        )
    return costs[counted].mean()
