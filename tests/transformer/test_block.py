"""The block equals PyTorch's pre-norm layer."""

import pytest
import torch
from torch import nn

from clipbook.transformer import Block, allowed_keys
from tests.tiny import normals

MASK = torch.arange(7) < torch.tensor([[7], [3], [1]])
CASES = {
    "free": (False, None),
    "causal": (True, None),
    "padded": (False, MASK),
    "causal and padded": (True, MASK),
}


def both(width: int = 16, heads: int = 4, mlp_width: int = 40):
    """Ours and PyTorch's, with the same weights, none of them at its starting value."""
    torch.manual_seed(0)
    ours = Block(width, heads, mlp_width)
    theirs = nn.TransformerEncoderLayer(
        width, heads, mlp_width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    pairs = [
        (ours.attention_norm, theirs.norm1),
        (ours.attention.output, theirs.self_attn.out_proj),
        (ours.mlp_norm, theirs.norm2),
        (ours.mlp[0], theirs.linear1),
        (ours.mlp[2], theirs.linear2),
    ]
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(0.5 * width**-0.5 * torch.randn_like(parameter))
        for mine, other in pairs:
            other.weight.copy_(mine.weight)
            other.bias.copy_(mine.bias)
        theirs.self_attn.in_proj_weight.copy_(ours.attention.query_key_value.weight)
        theirs.self_attn.in_proj_bias.copy_(ours.attention.query_key_value.bias)
    return ours, theirs


def run_theirs(theirs, x: torch.Tensor, case: str) -> torch.Tensor:
    causal, mask = CASES[case]
    return theirs(
        x,
        src_mask=~torch.ones(7, 7).tril().bool() if causal else None,
        src_key_padding_mask=None if mask is None else ~mask,
    )


def allowed(case: str) -> torch.Tensor | None:
    causal, mask = CASES[case]
    return allowed_keys(7, mask, causal=causal)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("sizes", [(16, 4, 40), (24, 3, 24), (32, 1, 128)])
def test_equals_torch(case, sizes):
    ours, theirs = both(*sizes)
    x = normals(3, 7, sizes[0])
    expected = run_theirs(theirs, x, case)
    torch.testing.assert_close(ours(x, allowed(case)), expected, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(
        ours.with_weights(x, allowed(case))[0], expected, atol=1e-6, rtol=1e-6
    )


@pytest.mark.parametrize("case", CASES)
def test_gradients_equal_torch(case):
    ours, theirs = both()
    direction, gradients = normals(3, 7, 16, seed=1), []
    for run in (lambda x: ours(x, allowed(case)), lambda x: run_theirs(theirs, x, case)):
        x = normals(3, 7, 16).requires_grad_()
        (run(x) * direction).sum().backward()
        gradients.append(x.grad)
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-5)
    for mine, other in ((ours.mlp[0], theirs.linear1), (ours.mlp_norm, theirs.norm2)):
        torch.testing.assert_close(mine.weight.grad, other.weight.grad, atol=1e-5, rtol=1e-5)


def test_with_weights_agrees_with_forward():
    ours, x = both()[0], normals(3, 7, 16)
    out, weights = ours.with_weights(x, allowed("causal and padded"))
    torch.testing.assert_close(out, ours(x, allowed("causal and padded")), atol=1e-6, rtol=1e-6)
    assert weights.shape == (3, 4, 7, 7)


def test_quick_gelu_follows_its_formula():
    quick = Block(16, 4, 32, "quick_gelu").mlp[1]
    x = torch.linspace(-4, 4, 9)
    torch.testing.assert_close(quick(x), x / (1 + torch.exp(-1.702 * x)))
    assert (quick(x) - nn.functional.gelu(x)).abs().max() < 0.03


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"width": 0}, r"^width=0 is not a whole number from 1 to .*; try 64$"),
        ({"mlp_width": -1}, r"^mlp_width=-1 is not a whole number from 1 to .*; try 256$"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        Block(**{"width": 16, "heads": 2, "mlp_width": 32} | sizes)


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="activation='relu'.*gelu or quick_gelu"):
        Block(16, 4, 32, "relu")


def test_gelu_by_tanh_is_pytorchs():
    bend = Block(16, 4, 32, "gelu_tanh").mlp[1]
    x = torch.linspace(-4, 4, 9)
    expected = 0.5 * x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))
    torch.testing.assert_close(bend(x), expected)
    assert 0 < (bend(x) - nn.functional.gelu(x)).abs().max() < 0.001


def test_the_eps_of_both_norms_is_the_blocks():
    block = Block(16, 4, 32, norm_eps=0.5)
    assert block.attention_norm.eps == block.mlp_norm.eps == 0.5
    assert Block(16, 4, 32).attention_norm.eps == nn.LayerNorm(16).eps
