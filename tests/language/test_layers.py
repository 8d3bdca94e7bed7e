"""The norm and the feed-forward network, by formulas and against PyTorch."""

import pytest
import torch

from clipbook.language import GeGLU, RMSNorm
from tests.plain import plain_python
from tests.tiny import normals


def test_a_new_norm_gives_tokens_a_mean_square_of_one():
    after = RMSNorm(16)(7 * normals(3, 5, 16) + 2)
    torch.testing.assert_close((after**2).mean(dim=-1), torch.ones(3, 5), atol=1e-5, rtol=0)


def test_by_hand():
    norm = RMSNorm(2, eps=1e-6)
    norm.weight.data = torch.tensor([0.0, 1.0])  # factors 1 and 2
    expected = torch.tensor([3.0, 2 * 4]) / 12.5**0.5
    torch.testing.assert_close(norm(torch.tensor([3.0, 4.0])), expected, atol=1e-6, rtol=0)


def test_the_factor_is_one_plus_the_weight():
    norm, plain = RMSNorm(16), torch.nn.RMSNorm(16, eps=1e-6)
    norm.weight.data, x = normals(16), normals(4, 16, seed=1)
    plain.weight.data = norm.weight.data
    assert (norm(x) - plain(x)).abs().max() > 0.3
    plain.weight.data = 1 + norm.weight.data
    torch.testing.assert_close(norm(x), plain(x), atol=1e-6, rtol=0)


def test_the_scale_of_a_token_is_lost_and_its_mean_is_not():
    norm, x = RMSNorm(16), normals(4, 16)
    torch.testing.assert_close(norm(1000 * x), norm(x), atol=1e-5, rtol=0)
    assert (norm(x + 1) - norm(x)).abs().max() > 0.1


def test_eps_alone_stands_against_zeros():
    assert torch.equal(RMSNorm(4)(torch.zeros(4)), torch.zeros(4))
    x = torch.full((4,), 1e-3)  # mean square 1e-6, as large as eps
    torch.testing.assert_close(RMSNorm(4, eps=1e-6)(x), torch.full((4,), 0.5**0.5))


def test_half_precision_is_computed_in_float32():
    x = torch.full((8,), 300.0).half()  # its square is infinity in 16 bits
    after = RMSNorm(8).half()(x)
    assert after.dtype == torch.float16
    torch.testing.assert_close(after, torch.ones(8).half())


def test_geglu_by_hand():
    mlp = GeGLU(1, 1)
    for layer, weight in ((mlp.gate, 1.0), (mlp.up, 3.0), (mlp.down, 2.0)):
        layer.weight.data.fill_(weight)
    gate = 0.5 * (1 + torch.tanh(torch.tensor((2 / torch.pi) ** 0.5 * (1 + 0.044715))))
    expected = (2 * gate * 3).reshape(1)  # of x = 1
    torch.testing.assert_close(mlp(torch.ones(1)), expected, atol=1e-6, rtol=0)


def test_geglu_has_the_tanh_and_not_the_exact_gelu():
    mlp, x = GeGLU(8, 16), 3 * normals(4, 8)
    exact = mlp.down(torch.nn.functional.gelu(mlp.gate(x)) * mlp.up(x))
    off = (mlp(x) - exact).abs().max()
    assert 1e-5 < off < 1e-2


@pytest.mark.parametrize(
    "build", [lambda n: RMSNorm(n), lambda n: GeGLU(n, 8), lambda n: GeGLU(8, n)]
)
@pytest.mark.parametrize("size", [0, -1, 2.5, "8", True])
def test_what_is_no_size_is_refused(build, size):
    with plain_python(), pytest.raises(ValueError, match="is not a whole number from 1"):
        build(size)


@pytest.mark.parametrize("eps", [0, -1e-6, float("nan")])
def test_an_eps_that_is_not_above_zero_is_refused(eps):
    with (
        plain_python(),
        pytest.raises(ValueError, match="is not a finite number above 0; try 1e-06"),
    ):
        RMSNorm(8, eps)
