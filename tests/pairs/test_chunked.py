"""The losses a part of the grid at a time are the plain ones: in value and in gradients."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode

from clipbook.pairs import chunked_info_nce, chunked_sigmoid_loss, info_nce, sigmoid_loss
from tests.plain import plain_python
from tests.tiny import normals


def leaves(pairs: int, scale: float, bias: float = -3.0, dtype=torch.float64):
    """Embeddings of unit length, scale and bias, that take gradients."""
    rows = [normalize(normals(pairs, 6, seed=k).to(dtype), dim=1) for k in range(2)]
    numbers = [torch.tensor(value, dtype=dtype) for value in (scale, bias)]
    return [leaf.requires_grad_() for leaf in (*rows, *numbers)]


def plain(images, texts, scale, bias, loss):
    grid = scale * images @ texts.T
    return info_nce(grid) if loss == "infonce" else sigmoid_loss(grid + bias)


def in_chunks(images, texts, scale, bias, loss, chunk):
    if loss == "infonce":
        return chunked_info_nce(images, texts, scale, chunk)
    return chunked_sigmoid_loss(images, texts, scale, bias, chunk)


def gradients(value, taken):
    return torch.autograd.grad(value, taken)


@pytest.mark.parametrize("loss", ["infonce", "sigmoid"])
@given(
    pairs=st.integers(1, 20), chunk=st.integers(1, 25), scale=st.sampled_from([0.5, 14.3, 100.0])
)
def test_values_and_gradients_are_the_plain_ones(loss, pairs, chunk, scale):
    taken = leaves(pairs, scale)
    used = taken if loss == "sigmoid" else taken[:3]
    ours, theirs = in_chunks(*taken, loss, chunk), plain(*taken, loss)
    torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=1e-9)
    for got, want in zip(gradients(2.5 * ours, used), gradients(2.5 * theirs, used), strict=True):
        torch.testing.assert_close(got, want, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("loss", ["infonce", "sigmoid"])
def test_gradients_are_those_that_finite_differences_find(loss):
    images, texts, scale, bias = leaves(4, 3.0)
    assert torch.autograd.gradcheck(
        lambda *taken: in_chunks(*taken, loss, 3), (images, texts, scale, bias)
    )


@pytest.mark.parametrize("loss", ["infonce", "sigmoid"])
def test_without_gradients_the_value_is_the_same(loss):
    taken = leaves(7, 10.0)
    with torch.no_grad():
        got = in_chunks(*taken, loss, 2)
    torch.testing.assert_close(got, plain(*taken, loss).detach())


@pytest.mark.parametrize("loss", ["infonce", "sigmoid"])
def test_large_logits_stay_finite_in_float32(loss):
    taken = leaves(9, 1e4, 0.0, torch.float32)
    value = in_chunks(*taken, loss, 4)
    torch.testing.assert_close(value, plain(*taken, loss), rtol=1e-5, atol=1e-3)
    assert all(g.isfinite().all() for g in gradients(value, taken[:3]))


class LargestTensor(TorchDispatchMode):
    """The most numbers that one tensor has had."""

    most = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for one in result if isinstance(result, tuple | list) else [result]:
            if isinstance(one, torch.Tensor):
                self.most = max(self.most, one.numel())
        return result


@pytest.mark.parametrize("loss", ["infonce", "sigmoid"])
def test_no_more_than_chunk_columns_of_the_grid_are_ever_there(loss):
    taken = leaves(64, 10.0)
    with LargestTensor() as seen:
        in_chunks(*taken, loss, 8).backward()
    assert seen.most == 8 * 64
    with LargestTensor() as seen:
        plain(*taken, loss).backward()
    assert seen.most == 64 * 64


@pytest.mark.parametrize("loss", ["infonce", "sigmoid"])
def test_what_makes_no_pairs_is_refused(loss):
    images, texts, scale, bias = leaves(4, 10.0)
    with pytest.raises(ValueError, match="3 images and 4 texts; image i belongs to text i"):
        in_chunks(images[:3], texts, scale, bias, loss, 2)
    with pytest.raises(ValueError, match="at least one"):
        in_chunks(images[:0], texts[:0], scale, bias, loss, 2)
    with pytest.raises(ValueError, match="chunk=0 is not a whole number from 1"):
        in_chunks(images, texts, scale, bias, loss, 0)


@pytest.mark.parametrize("loss", ["infonce", "sigmoid"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_scale_and_bias_may_be_plain_numbers(loss, dtype):
    images, texts, *_ = leaves(5, 14.3, dtype=dtype)
    wide = torch.promote_types(dtype, torch.float32)
    tensors = [torch.tensor(number, dtype=wide) for number in (14.3, -10.0)]
    plainly, by_tensors = (
        in_chunks(images, texts, *numbers, loss, 2) for numbers in ((14.3, -10.0), tensors)
    )
    assert plainly.dtype == by_tensors.dtype
    assert torch.equal(plainly, by_tensors)
    for got, want in zip(
        gradients(plainly, [images, texts]), gradients(by_tensors, [images, texts]), strict=True
    ):
        assert torch.equal(got, want)


def test_rows_of_other_widths_are_refused():
    for loss in (
        lambda *rows: chunked_info_nce(*rows, 1.0),
        lambda *r: chunked_sigmoid_loss(*r, 1.0, 0.0),
    ):
        with plain_python(), pytest.raises(ValueError, match="both need rows of one width"):
            loss(normals(4, 8), normals(4, 6))


@pytest.mark.parametrize("scale", [torch.ones(1), torch.ones(4), "10", True, None])
@pytest.mark.parametrize("loss", [chunked_info_nce, chunked_sigmoid_loss])
def test_a_scale_and_a_bias_are_one_number(loss, scale):
    rows = normalize(normals(3, 4), dim=1)
    more = () if loss is chunked_info_nce else (0.0,)
    with plain_python(), pytest.raises(ValueError, match=r"^scale=.*, and one number is needed"):
        loss(rows, rows, scale, *more)
    with plain_python(), pytest.raises(ValueError, match=r"^bias=.*, and one number is needed"):
        chunked_sigmoid_loss(rows, rows, 1.0, scale)


@pytest.mark.parametrize("loss", [chunked_info_nce, lambda *rows: chunked_sigmoid_loss(*rows, 0.0)])
def test_rows_of_two_types_are_refused(loss):
    rows = normalize(normals(3, 4), dim=1)
    with pytest.raises(
        ValueError, match=r"images hold torch.float32, texts torch.float64; .*texts.to"
    ):
        loss(rows, rows.double(), 1.0)


def test_many_cells_are_added_up_beyond_what_half_precision_holds():
    rows = normalize(normals(512, 8), dim=1).half()
    plain = sigmoid_loss(rows.float() @ rows.float().T)
    images = rows.clone().requires_grad_()
    loss = chunked_sigmoid_loss(images, rows, 1.0, 0.0)
    assert loss.dtype == torch.float16
    torch.testing.assert_close(loss.float(), plain, atol=0.5, rtol=1e-2)
    loss.backward()
    assert images.grad.isfinite().all()
