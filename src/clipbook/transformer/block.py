"""The transformer block, pre-norm: attention, then a feed-forward network, each added to its input.

Source: Vaswani et al. 2017; norm before each part as in Radford et al. 2019, §2.3. Built in:
book/text/text-encoder.
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from clipbook.transformer.attention import MultiHeadAttention
from clipbook.validation import above_zero, one_of, whole_number


class QuickGELU(nn.Module):
    """x · sigmoid(1.702 x), the approximation of GELU in OpenAI's CLIP weights."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class TanhGELU(nn.GELU):
    """GELU by a hyperbolic tangent, as in SigLIP's weights; source: Hendrycks & Gimpel 2016, §2."""

    def __init__(self) -> None:
        super().__init__(approximate="tanh")


ACTIVATIONS = {"gelu": nn.GELU, "quick_gelu": QuickGELU, "gelu_tanh": TanhGELU}
NORM_EPS = 1e-5
"""What a norm adds to the variance before it divides: PyTorch's and CLIP's; SigLIP has 1e-6."""


def feed_forward(width: int, mlp_width: int, activation: str = "gelu") -> nn.Sequential:
    """width → mlp_width → width, with a bend between. Raises ValueError for an unknown activation
    and for what is no width."""
    one_of("activation", activation, ACTIVATIONS)
    width, mlp_width = whole_number("width", width, 64), whole_number("mlp_width", mlp_width, 256)
    return nn.Sequential(
        nn.Linear(width, mlp_width), ACTIVATIONS[activation](), nn.Linear(mlp_width, width)
    )


class Block(nn.Module):
    """width → width; heads as in `MultiHeadAttention`; the feed-forward network is mlp_width wide.

    Equal to `torch.nn.TransformerEncoderLayer` with norm_first=True, activation="gelu", no dropout
    and the same weights. Raises ValueError for an unknown activation, an mlp_width or norm_eps
    that is none, and what `MultiHeadAttention` refuses.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        mlp_width: int,
        activation: str = "gelu",
        norm_eps: float = NORM_EPS,
    ) -> None:
        super().__init__()
        one_of("activation", activation, ACTIVATIONS)
        width = whole_number("width", width, 64)
        whole_number("mlp_width", mlp_width, 256)
        norm_eps = above_zero("norm_eps", norm_eps, NORM_EPS)
        self.attention_norm = nn.LayerNorm(width, norm_eps)
        self.attention = MultiHeadAttention(width, heads)
        self.mlp_norm = nn.LayerNorm(width, norm_eps)
        self.mlp = feed_forward(width, mlp_width, activation)

    def forward(
        self,
        x: Float[Tensor, "batch tokens width"],
        allowed: Bool[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "batch tokens width"]:
        x = x + self.attention(self.attention_norm(x), allowed)
        return x + self.mlp(self.mlp_norm(x))

    def at(
        self,
        x: Float[Tensor, "batch tokens width"],
        places: Int64[Tensor, " batch"],
        allowed: Bool[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "batch width"]:
        """What calling the block returns at one place of each row, without computing the others: of
        those it takes keys and values alone."""
        b, t, _ = x.shape
        rows = torch.arange(b, device=x.device)
        if allowed is not None:
            allowed = allowed.expand(b, 1, t, t)[rows, :, places][:, :, None]  # one query each
        normed = self.attention_norm(x)
        gathered, _ = self.attention.for_queries(normed[rows, places][:, None], normed, allowed)
        own = x[rows, places] + gathered[:, 0]
        return own + self.mlp(self.mlp_norm(own))

    def with_weights(
        self,
        x: Float[Tensor, "batch tokens width"],
        allowed: Bool[Tensor, "..."] | None = None,
    ) -> tuple[Float[Tensor, "batch tokens width"], Float[Tensor, "batch heads tokens tokens"]]:
        """The same, with the attention weights."""
        gathered, weights = self.attention.with_weights(self.attention_norm(x), allowed)
        x = x + gathered
        return x + self.mlp(self.mlp_norm(x)), weights
