"""What stands around attention in Gemma's block: the norm and the feed-forward network.

Source: Gemma Team 2024, §2. Built in: book/language/decoder.
"""

from jaxtyping import Float
from torch import Tensor, nn, zeros
from torch.nn.functional import gelu, rms_norm

from clipbook.validation import above_zero, whole_number


class RMSNorm(nn.Module):
    """Divides each token by the root of its mean square, then multiplies by 1 + weight.

    weight starts at 0, so that the factor starts at 1; no mean is subtracted, nothing is added.
    Computed in float32 and returned in the type of the input. Raises ValueError for a width that
    is none, and for an eps that is not above 0.
    Source: Zhang & Sennrich 2019, §4. Built in: book/language/decoder.
    """

    def __init__(self, width: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = above_zero("eps", eps, 1e-6)
        self.weight = nn.Parameter(zeros(whole_number("width", width, 64)))

    def forward(self, x: Float[Tensor, "... width"]) -> Float[Tensor, "... width"]:
        factor = 1 + self.weight.float()
        return rms_norm(x.float(), factor.shape, factor, self.eps).type_as(x)


class GeGLU(nn.Module):
    """down(gelu(gate(x)) · up(x)): width → mlp_width → width, one path opening or closing another.

    GELU is the approximation by tanh, as in Gemma's weights. No biases. Raises ValueError for what
    is no width.
    Source: Shazeer 2020 ("GLU variants"), eq. 6. Built in: book/language/decoder.
    """

    def __init__(self, width: int, mlp_width: int) -> None:
        super().__init__()
        width = whole_number("width", width, 64)
        mlp_width = whole_number("mlp_width", mlp_width, 128)
        self.gate = nn.Linear(width, mlp_width, bias=False)
        self.up = nn.Linear(width, mlp_width, bias=False)
        self.down = nn.Linear(mlp_width, width, bias=False)

    def forward(self, x: Float[Tensor, "... width"]) -> Float[Tensor, "... width"]:
        return self.down(gelu(self.gate(x), approximate="tanh") * self.up(x))
