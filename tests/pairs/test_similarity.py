"""A cosine for every picture with every text, of unit rows only."""

import pytest
import torch
from torch.nn.functional import cosine_similarity, normalize

from clipbook.pairs import similarity
from tests.plain import plain_python
from tests.tiny import normals

IMAGES = normalize(normals(4, 8), dim=-1)
TEXTS = normalize(normals(6, 8, seed=1), dim=-1)


def test_rows_are_images_and_columns_are_texts():
    grid = similarity(IMAGES, TEXTS)
    assert grid.shape == (4, 6)
    for i in range(4):
        for j in range(6):
            expected = cosine_similarity(IMAGES[i], TEXTS[j], dim=0).item()
            assert grid[i, j].item() == pytest.approx(expected, abs=1e-6)


def test_a_hand_worked_matrix():
    images = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    texts = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    torch.testing.assert_close(
        similarity(images, texts), torch.tensor([[1.0, 0.0, -1.0], [0.6, 0.8, -0.6]])
    )


@pytest.mark.parametrize("length", [0.0, 0.9, 1.1, 5.0, float("inf"), float("nan")])
@pytest.mark.parametrize("tower", ["image", "text"])
def test_rows_that_are_not_of_unit_length_are_refused(tower, length):
    images, texts = IMAGES.clone(), TEXTS.clone()
    (images if tower == "image" else texts)[2] *= length
    with pytest.raises(ValueError, match=rf"{tower}_embeddings\[2\] has length.*try.*normalize"):
        similarity(images, texts)


@pytest.mark.parametrize("length", [0.5, float("nan")])
def test_without_pictures_the_texts_are_still_looked_at(length):
    with pytest.raises(ValueError, match=r"text_embeddings\[0\] has length"):
        similarity(IMAGES[:0], length * TEXTS)


def test_half_precision_is_near_enough():
    rows = IMAGES.bfloat16()
    assert similarity(rows, rows).shape == (4, 4)


def test_embeddings_of_different_widths_are_refused():
    with plain_python(), pytest.raises(ValueError, match="of 8 numbers .* and of 9 in text_emb"):
        similarity(IMAGES, normalize(normals(6, 9), dim=-1))


def test_no_rows_give_an_empty_matrix():
    assert similarity(IMAGES[:0], TEXTS).shape == (0, 6)
    assert similarity(IMAGES, TEXTS[:0]).shape == (4, 0)


@pytest.mark.parametrize("tower", ["image", "text"])
def test_a_row_alone_is_refused(tower):
    rows = (IMAGES[0], TEXTS) if tower == "image" else (IMAGES, TEXTS[0])
    said = rf"^{tower}_embeddings of shape \(8,\) where \(rows, dim\) is needed; try {tower}_emb"
    with plain_python(), pytest.raises(ValueError, match=said + r"eddings\[None\]$"):
        similarity(*rows)


def test_rows_of_two_types_are_refused():
    with pytest.raises(
        ValueError, match="image_embeddings hold torch.float32, text_.*float64; try"
    ):
        similarity(torch.eye(2), torch.eye(2).double())
