"""Ranks, the baseline without learning, and AUC, against plain counting."""

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu

from clipbook.emoji import HELD_OUT
from clipbook.evaluation import emoji as module
from clipbook.evaluation.emoji import (
    auc,
    evaluate_emoji,
    families_rows,
    held_out_auc,
    held_out_rows,
    moved,
    picture_embeddings,
    pixel_similarities,
    ranks,
)
from clipbook.image import CNNConfig
from tests import tiny
from tests.plain import plain_python


def test_ranks_count_who_is_at_least_as_similar():
    grid = torch.tensor([[0.1, 0.9, 0.5], [0.2, 0.2, 0.1], [0.3, 0.1, float("nan")]])
    assert ranks(grid, torch.tensor([0, 1, 0])).tolist() == [3, 2, 2]


def test_the_nearest_picture_of_a_concept_counts():
    def grey(*levels):
        return torch.stack([torch.full((48, 48, 3), level, dtype=torch.uint8) for level in levels])

    got = pixel_similarities(grey(100), grey(90, 0, 103, 255), torch.tensor([0, 0, 1, 3]), 4)
    unit = (16 * 16 * 3) ** 0.5 / 255
    assert got[0, [0, 1, 3]].tolist() == pytest.approx(
        [-10 * unit, -3 * unit, -155 * unit], rel=1e-3
    )
    assert got[0, 2] == -torch.inf


def test_a_side_that_does_not_divide_is_refused():
    pictures = torch.zeros(1, 48, 48, 3, dtype=torch.uint8)
    with pytest.raises(ValueError, match="side=20 does not divide the pictures' 48 px; try 16"):
        pixel_similarities(pictures, pictures, torch.tensor([0]), 1, side=20)


def test_auc_is_that_of_mann_and_whitney():
    draw = np.random.default_rng(0)
    own, others = draw.integers(0, 6, 20) / 6, draw.integers(-2, 4, 30) / 6  # with equals
    want = mannwhitneyu(own, others).statistic / (len(own) * len(others))
    got = auc(torch.tensor(own, dtype=torch.float32), torch.tensor(others, dtype=torch.float32))
    assert got == pytest.approx(want)


def test_held_out_pictures_are_told_from_the_others():
    small = tiny.emoji()
    seen, new = held_out_rows(small, "noto")
    assert {small.names[k] for k in small.concept_of[new].tolist()} == set(HELD_OUT)
    assert len(seen) + len(new) == len(small.rows_of("noto"))


def test_the_same_change_for_everyone():
    small = tiny.emoji()
    assert torch.equal(moved(small.pictures[:5], 24), moved(small.pictures[:5], 24))
    assert not torch.equal(moved(small.pictures[:5], 24)[0], moved(small.pictures[[0, 0]], 24)[1])


def test_a_name_that_prefers_its_own_pictures_has_an_auc_of_1():
    small = tiny.emoji()
    rows = families_rows(small, ["noto"])
    own = small.concept_of[rows]
    right = torch.eye(len(small.concepts))[own]
    found = held_out_auc(right, own, small)
    assert found["colour of a heart"] == {"green heart": 1.0, "purple heart": 1.0}
    assert set(held_out_auc(-right, own, small)["time on a clock"].values()) == {0.0}
    assert set(held_out_auc(0 * right, own, small)["direction"].values()) == {0.5}


def test_a_perfect_model_scores_1_and_an_untrained_one_little(monkeypatch):
    small, model = tiny.emoji(), tiny.clip(CNNConfig(16, (4, 8), 8))
    before = [part.training for part in model.modules()]
    untrained = evaluate_emoji(model, tiny.tokenizer(), small, "noto")
    assert [part.training for part in model.modules()] == before
    assert set(untrained) == {
        "as drawn: first", "as drawn: first five", "moved, recoloured: first",
        "moved, recoloured: first five", "colour, AUC",
    }  # fmt: skip
    assert untrained["as drawn: first"] < 0.5

    units = torch.eye(len(small.concepts))
    asked = []

    def embeddings(model, pictures):
        asked.append(len(pictures))
        rows = families_rows(small) if len(asked) == 3 else held_out_rows(small, "noto")[0]
        return units[small.concept_of[rows]]

    monkeypatch.setattr(module, "name_embeddings", lambda *arguments: units)
    monkeypatch.setattr(module, "picture_embeddings", embeddings)
    assert set(evaluate_emoji(model, tiny.tokenizer(), small, "noto").values()) == {1.0}


def test_a_side_that_would_do_is_proposed():
    pictures = torch.zeros(1, 32, 32, 3, dtype=torch.uint8)
    with pytest.raises(ValueError, match="side=10 does not divide the pictures' 32 px; try 8$"):
        pixel_similarities(pictures, pictures, torch.tensor([0]), 1, 10)


def test_known_pictures_of_another_size_are_refused():
    pictures, known = (torch.zeros(1, k, k, 3, dtype=torch.uint8) for k in (32, 48))
    with plain_python(), pytest.raises(ValueError, match="of another size than"):
        pixel_similarities(pictures, known, torch.tensor([0]), 1)


def test_a_batch_of_no_pictures_at_a_time_is_refused():
    pictures = torch.zeros(2, 16, 16, 3, dtype=torch.uint8)
    with pytest.raises(ValueError, match="batch_size=0 is not a whole number"):
        picture_embeddings(tiny.clip(), pictures, 0)


@pytest.mark.parametrize(("own", "others"), [(0, 2), (2, 0), (0, 0)])
def test_nothing_is_compared_with_nothing(own, others):
    with pytest.raises(ValueError, match=f"^{own} own and {others} others can't be compared; give"):
        auc(torch.zeros(own), torch.ones(others))


@pytest.mark.parametrize("own", [[0, 3], [-1, 0], [0], [0, 1, 2]])
def test_each_pictures_name_is_one_of_the_columns(own):
    said = r"^own=\[.*\] for 2 pictures and 3 names; give each .* its name, from 0 to 2$"
    with plain_python(), pytest.raises(ValueError, match=said):
        ranks(tiny.normals(2, 3), torch.tensor(own))


def test_a_name_without_siblings_pictures_is_not_compared():
    small = tiny.emoji()
    rows = (small.concept_of == small.place("green heart")).nonzero()[:, 0]
    similarities = tiny.normals(len(rows), len(small.names))
    assert held_out_auc(similarities, small.concept_of[rows], small) == {}


def test_ranks_are_of_a_matrix():
    with plain_python(), pytest.raises(ValueError, match=r"where \(pictures, names\)"):
        ranks(torch.zeros(3), torch.zeros(3, dtype=torch.int64))


KNOWN = torch.zeros(3, 16, 16, 3, dtype=torch.uint8)
OF = torch.tensor([0, 1, 1])


@pytest.mark.parametrize(
    ("pictures", "of", "concepts", "said"),
    [
        (KNOWN / 255, OF, 2, "pictures of shape .* and torch.float32; give square ones of th"),
        (
            torch.zeros(3, 16, 16, 4, dtype=torch.uint8),
            OF,
            2,
            r"pictures of shape \(3, 16, 16, 4\)",
        ),
        (
            torch.zeros(3, 32, 16, 3, dtype=torch.uint8),
            OF,
            2,
            r"pictures of shape \(3, 32, 16, 3\)",
        ),
        (KNOWN[0], OF, 2, r"pictures of shape \(16, 16, 3\) where"),
        (KNOWN, OF[:1], 2, r"concept_of=\[0\] for 3 known pictures"),
        (KNOWN, OF, 1, r"concept_of=\[0, 1, 1\] for 3 known pictures and 1 concepts"),
        (KNOWN, OF - 1, 2, r"concept_of=\[-1, 0, 0\]"),
        (KNOWN, OF.int(), 2, "of torch.int64"),
        (KNOWN, OF, 0, "concepts=0 is not a whole number"),
    ],
)
def test_what_pixels_cannot_be_compared_of_is_refused(pictures, of, concepts, said):
    with plain_python(), pytest.raises(ValueError, match=said):
        pixel_similarities(pictures, KNOWN, of, concepts)


def test_columns_that_are_no_whole_numbers_and_scores_that_are_none_are_refused():
    with plain_python(), pytest.raises(ValueError, match="own holds torch.float32, .*own.long"):
        ranks(torch.eye(2), torch.zeros(2))
    with pytest.raises(ValueError, match="^others holds nan, which is above nothing"):
        auc(torch.zeros(2), torch.tensor([0.0, float("nan")]))
