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
    pixel_similarities,
    ranks,
)
from clipbook.image import CNNConfig
from tests import tiny


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
