"""Writing: read a prompt, choose a next token, read it, choose again.

Source: Holtzman et al. 2020 (top-p), Fan et al. 2018 (top-k). Built in: book/language/writing.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from clipbook.language.cache import KVCache
from clipbook.language.decoder import Decoder, check_token_ids
from clipbook.transformer.attention import check_mask
from clipbook.validation import above_zero, between, check_axes, excerpt, whole_number


@dataclass(frozen=True)
class Sampler:
    """Draws a next token: from all, or from the most probable alone.

    temperature: logits are divided by it; below 1 sharpens. top_k: keeps so many tokens. top_p:
    then keeps the fewest most probable ones whose probabilities reach that sum, one at least.
    generator: whose random numbers are used; PyTorch's own without it.
    Raises ValueError for a temperature not above 0, a top_k below 1, a top_p outside (0, 1], and
    TypeError for another kind of generator than PyTorch's.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        above_zero("temperature", self.temperature, "1.0, or no Sampler for the most probable")
        if self.top_k is not None:
            whole_number("top_k", self.top_k, 5)
        if self.top_p is not None:
            above_zero("top_p", self.top_p, 0.9)
            between("top_p", self.top_p, 0.9, most=1)
        if not isinstance(self.generator, torch.Generator | None):
            raise TypeError(
                f"generator={excerpt(self.generator)} is no torch.Generator, by which tokens are "
                "drawn; try torch.Generator().manual_seed(0)"
            )

    def probabilities(
        self, logits: Float[Tensor, "batch vocab_size"]
    ) -> Float[Tensor, "batch vocab_size"]:
        """With what probability each token is drawn: rows sum to 1, and 0 is what is cut off.

        Logits in half precision give them in float32, in which alone so many add up to 1. Raises
        ValueError for logits outside a batch.
        """
        check_axes("logits", logits, "batch vocab_size")
        wide = torch.promote_types(logits.dtype, torch.float32)
        # the largest is made 0 first, so that no temperature makes infinity of it
        below = (logits.to(wide) - logits.amax(dim=-1, keepdim=True)).double() / self.temperature
        ordered, ids = below.to(wide).sort(dim=-1, descending=True, stable=True)
        if self.top_k is not None:
            ordered[:, self.top_k :] = float("-inf")
        p = ordered.softmax(dim=-1)
        if self.top_p is not None:
            before = p.cumsum(dim=-1) - p  # what the more probable ones already reach
            p = p.masked_fill(before >= self.top_p, 0)
            p = p / p.sum(dim=-1, keepdim=True)
        return torch.zeros_like(p).scatter(1, ids, p)

    def __call__(self, logits: Float[Tensor, "batch vocab_size"]) -> Int64[Tensor, " batch"]:
        """A token for each text."""
        p = self.probabilities(logits)
        return torch.multinomial(p, 1, generator=self.generator).squeeze(1)


@torch.no_grad()
def generate(
    model: Decoder,
    token_ids: Int64[Tensor, "batch tokens"],
    max_new_tokens: int,
    *,
    mask: Bool[Tensor, "batch tokens"] | None = None,
    before: Float[Tensor, "batch vectors width"] | None = None,
    prefix: bool = False,
    end_id: int | None = None,
    sampler: Sampler | None = None,
    use_cache: bool = True,
) -> Int64[Tensor, "batch new_tokens"]:
    """The tokens that the model adds to prompts; the most probable one each time, or a sampler's.

    mask: true at a prompt's real tokens, which come first, where prompts differ in length.
    before: vectors that are read before a prompt's tokens, such as those of a picture.
    prefix: what is given sees itself in both directions, see `clipbook.language.prefix_mask`.
    end_id: a text that has written it is at its end, and repeats it until all others are, too.
    use_cache: without it each step reads everything again: the same tokens, but slower.
    Raises ValueError for another mask, see `clipbook.transformer.attention.check_mask`, for a
    max_new_tokens that is no whole number above 0, an end_id outside the vocabulary, vectors that
    are not before one prompt each, and as `Decoder.embed`.
    """
    steps = whole_number("max_new_tokens", max_new_tokens, 20)
    if end_id is not None:
        last = model.config.vocab_size - 1
        end_id = whole_number("end_id", end_id, "the tokenizer's end_id", least=0, most=last)
    check_token_ids(token_ids, model.config.vocab_size)
    real = torch.ones_like(token_ids, dtype=torch.bool) if mask is None else mask
    if real.shape != token_ids.shape:
        raise ValueError(
            f"mask has the shape {tuple(real.shape)}, token_ids {tuple(token_ids.shape)}; a mask "
            "says of each token whether it is real, see Tokenizer.batch"
        )
    check_mask(real)
    unread = model.embed(token_ids)
    if before is not None:
        check_one_each(before, token_ids)
        unread = torch.cat([before, unread], dim=1)
        real = torch.cat([real.new_ones(before.shape[:2]), real], dim=1)
    two_way = unread.shape[1] if prefix else 0
    cache = KVCache(model.config.depth) if use_cache else None
    written = token_ids[:, :0]
    ended = torch.zeros(len(token_ids), dtype=torch.bool, device=token_ids.device)
    row = torch.arange(len(token_ids), device=token_ids.device)
    place = real.sum(dim=1) - 1  # the column of each prompt's last token
    for _ in range(steps):
        x = _read(model, unread, real, two_way, cache)
        logits = model.logits(x[row, place])
        chosen = logits.argmax(dim=-1) if sampler is None else sampler(logits)
        if end_id is not None:
            chosen = torch.where(ended, end_id, chosen)
            ended = ended | (chosen == end_id)
        written = torch.cat([written, chosen[:, None]], dim=1)
        if ended.all():
            break
        new = model.embed(chosen[:, None])
        unread = new if use_cache else torch.cat([unread, new], dim=1)
        real = torch.cat([real, real.new_ones(len(real), 1)], dim=1)
        place = torch.full_like(place, unread.shape[1] - 1)
    return written


def check_one_each(before: Tensor, token_ids: Tensor) -> None:
    """Raises ValueError unless as many pictures, or rows of vectors, are given as texts."""
    if len(before) != len(token_ids):
        raise ValueError(
            f"{len(before)} pictures, or what stands before a text, for {len(token_ids)} texts; "
            "give each text its own"
        )


def _read(
    model: Decoder, unread: Tensor, real: Tensor, two_way: int, cache: KVCache | None
) -> Tensor:
    """Features of vectors that stand in the last columns of `real`, which has padding inside; the
    first two_way columns are seen from everywhere."""
    tokens, columns = unread.shape[1], real.shape[1]
    if real.all() and (tokens == 1 or not two_way):
        return model.features(unread, cache=cache)
    allowed = torch.ones(columns, columns, dtype=torch.bool, device=real.device).tril()
    allowed[:, :two_way] = True
    positions = real.cumsum(dim=1) - 1  # padding takes none
    return model.features(
        unread,
        allowed=allowed[-tokens:] & real[:, None, None, :],
        positions=positions[:, -tokens:],
        cache=cache,
    )
