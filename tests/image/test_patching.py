"""Patches are what a strided convolution sees, and lose nothing."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clipbook.image import patchify, unpatchify
from tests.plain import plain_python
from tests.tiny import normals

SMALL = st.integers(1, 4)


@given(
    batch=st.integers(0, 4), channels=SMALL, rows=SMALL, columns=SMALL, patch_size=st.integers(1, 5)
)
def test_unpatchify_is_the_inverse(batch, channels, rows, columns, patch_size):
    pixels = normals(batch, channels, rows * patch_size, columns * patch_size)
    patches = patchify(pixels, patch_size)
    assert patches.shape == (batch, rows * columns, channels * patch_size**2)
    assert torch.equal(unpatchify(patches, patch_size, rows=rows), pixels)
    if rows == columns:
        assert torch.equal(unpatchify(patches, patch_size), pixels)


@pytest.mark.parametrize(("patch_size", "height", "width"), [(8, 32, 32), (4, 8, 20), (1, 3, 2)])
def test_equals_a_strided_convolution(patch_size, height, width):
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(3, 10, patch_size, stride=patch_size)
    pixels = normals(2, 3, height, width)
    expected = convolution(pixels).flatten(2).transpose(1, 2)
    found = patchify(pixels, patch_size) @ convolution.weight.flatten(1).T + convolution.bias
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_a_hand_cut_picture():
    pixels = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert patchify(pixels, 2).tolist() == [
        [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    ]


@pytest.mark.parametrize(
    ("height", "width", "patch_size", "message"),
    [
        (
            30,
            32,
            8,
            "height=30 px is not a multiple of patch_size=8 px; try .* of 1, 2, 3, .* 15, 30$",
        ),
        (32, 30, 8, "width=30 px is not a multiple of patch_size=8 px; try"),
        (32, 32, 64, "height=32 px.*patch_size=64"),
        (32, 32, 0, "patch_size=0"),
        (32, 32, -8, "patch_size=-8"),
    ],
)
def test_a_patch_size_that_does_not_divide_is_refused(height, width, patch_size, message):
    with pytest.raises(ValueError, match=message):
        patchify(torch.zeros(1, 3, height, width), patch_size)


@pytest.mark.parametrize(
    ("patches", "values", "patch_size", "rows", "message"),
    [
        (6, 12, 2, None, "6 patches make no square picture.*rows="),
        (6, 12, 2, 4, "6 patches don't fill rows=4; try"),
        (6, 12, 2, 0, "rows=0 is not a whole number from 1 to .*; try one that divides 6"),
        (4, 13, 2, None, "13 values a patch are not a multiple.*patch_size"),
        (4, 12, 0, None, "patch_size"),
    ],
)
def test_patches_that_make_no_picture_are_refused(patches, values, patch_size, rows, message):
    with pytest.raises(ValueError, match=message):
        unpatchify(torch.zeros(1, patches, values), patch_size, rows)


def test_what_lies_outside_a_batch_is_refused():
    said = r"^pixels of shape \(3, 8, 8\) where \(batch, channels, height, width\) is needed; try"
    with plain_python(), pytest.raises(ValueError, match=said + r" pixels\[None\]$"):
        patchify(torch.zeros(3, 8, 8), 4)
    said = r"^patches of shape \(4, 12\) where \(batch, patches, values\) is needed; try patches"
    with plain_python(), pytest.raises(ValueError, match=said + r"\[None\]$"):
        unpatchify(torch.zeros(4, 12), 2)


@pytest.mark.parametrize("size", [2.0, 2.5, "2", None, True])
def test_a_size_that_is_no_whole_number_is_refused(size):
    said = "^patch_size=.* is not a whole number from 1 to 1,048,576; try 8$"
    with plain_python():
        with pytest.raises(ValueError, match=said):
            patchify(torch.zeros(1, 3, 8, 8), size)
        with pytest.raises(ValueError, match=said):
            unpatchify(torch.zeros(1, 4, 12), size)
        if size is not None:
            with pytest.raises(ValueError, match="^rows=.*; try one that divides 4$"):
                unpatchify(torch.zeros(1, 4, 12), 2, size)
