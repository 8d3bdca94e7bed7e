"""Every config and argument refuses what makes no sense, by name, and takes any kind of number."""

import json
from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clipbook.evaluation import (
    auc,
    linear_probe,
    picture_embeddings,
    pixel_similarities,
    ranks,
    recall_at_k,
    wilson_interval,
)
from clipbook.image import CNNConfig, ViTConfig, patchify
from clipbook.pairs import (
    CLIPConfig,
    alignment,
    chunked_info_nce,
    chunked_sigmoid_loss,
    info_nce,
    sigmoid_loss,
    similarity,
    supervised_contrastive,
)
from clipbook.text import TextConfig
from clipbook.training import PRESETS, Preset, SceneBatches, TrainingConfig
from clipbook.training.folder import FolderBatches, Pair
from clipbook.transformer import Block, MultiHeadAttention
from clipbook.validation import above_zero, between, check_axes, one_of, whole_number
from tests import tiny
from tests.plain import plain_python

PAIRS = [Pair(Path("0.png"), "a star")] * 9
SIZES = ("width", "depth", "heads", "mlp_width", "embed_dim")
WHOLE = {
    TextConfig: ("vocab_size", "context_length", *SIZES),
    ViTConfig: ("image_size", "patch_size", *SIZES),
    CNNConfig: ("image_size", "embed_dim"),
    TrainingConfig: ("steps", "warmup_steps", "snapshots", "checkpoint_every"),
    Preset: ("batch_size",),
}
REAL = {
    ViTConfig: ("position_std", "norm_eps"),
    TextConfig: ("norm_eps",),
    CLIPConfig: ("initial_temperature",),
    TrainingConfig: (
        "learning_rate",
        "matrix_rate",
        "position_rate",
        "weight_decay",
        "clip_norm",
        "among_pictures",
        "alignment",
    ),
    Preset: ("twins",),
}
CHOICES = {
    TextConfig: ("pooling", "positions", "activation"),
    ViTConfig: ("pooling", "activation"),
    TrainingConfig: ("optimiser", "precision"),
}
FROM_ZERO = {
    "depth",
    "warmup_steps",
    "snapshots",
    "weight_decay",
    "position_std",
    "twins",
    "among_pictures",
    "alignment",
}

NO_NUMBERS = [nan, inf, -inf, "8", "", None, True, np.True_, [8], (8,), np.array([8]), 8j, object()]
NO_WHOLE = [*NO_NUMBERS, -1, 2.5, 8.0, np.float64(8), Fraction(8), Decimal(8), 10**12, 10**5_000]
NO_REAL = [*NO_NUMBERS, -1, -0.001, np.float32("nan"), 10**5_000, Decimal("0.5")]
NO_CHOICE = ["", "no such thing", None, 0, True, ["muon"], np.array(["first"]), {}, b"last"]


def pairs(table: dict) -> list[tuple[type, str]]:
    return [(kind, name) for kind, names in table.items() for name in names]


def refused(name: str, call, *values: object, **named: object) -> None:
    with plain_python(), pytest.raises(ValueError, match=f"^{name}=") as caught:
        call(*values, **named)
    assert "try" in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("kind", "name"), pairs(WHOLE))
def test_a_field_for_a_whole_number_takes_nothing_else(kind, name):
    for value in [*NO_WHOLE, *([] if name in FROM_ZERO else [0])]:
        refused(name, kind, **{name: value})


@pytest.mark.parametrize(("kind", "name"), pairs(REAL))
def test_a_field_for_a_number_takes_no_other(kind, name):
    for value in [*NO_REAL, *([] if name in FROM_ZERO else [0, 0.0])]:
        refused(name, kind, **{name: value})


@pytest.mark.parametrize(("kind", "name"), pairs(CHOICES))
def test_a_field_for_a_choice_takes_none_but_those_known(kind, name):
    for value in NO_CHOICE:
        refused(name, kind, **{name: value})


def test_widths_of_a_cnn_are_whole_numbers():
    for value in [*NO_WHOLE, 0]:
        refused(r"widths\[1\]", CNNConfig, widths=(8, value))
        if not isinstance(value, list | tuple):
            refused("widths", CNNConfig, widths=value)


@pytest.mark.parametrize("number", [np.int64, np.int32, np.uint8, int])
def test_whole_numbers_of_any_kind_are_kept_as_pythons(number):
    with plain_python():
        made = [
            TextConfig(width=number(32), heads=number(4)),
            ViTConfig(width=number(32), heads=number(4)),
            CNNConfig(widths=[number(8), number(16)]),
            TrainingConfig(steps=number(7), warmup_steps=number(0)),
            Preset(batch_size=number(3)),
        ]
    assert made[0] == TextConfig(width=32, heads=4)
    assert made[2] == CNNConfig(widths=(8, 16))
    assert made[2].widths == (8, 16)
    for config in made:
        json.dumps(asdict(config))


@pytest.mark.parametrize("number", [np.float64, np.float32, float, int, np.int64, Fraction])
def test_numbers_of_any_kind_are_kept_as_pythons(number):
    with plain_python():
        made = TrainingConfig(learning_rate=number(1), weight_decay=number(0))
        assert made == TrainingConfig(learning_rate=1.0, weight_decay=0.0)
        assert json.loads(json.dumps(asdict(made))) == asdict(made)
        assert CLIPConfig(initial_temperature=number(1)).initial_temperature == 1.0


ARGUMENTS = [
    ("width", lambda value: MultiHeadAttention(value, 1)),
    ("heads", lambda value: MultiHeadAttention(8, value)),
    ("width", lambda value: Block(value, 1, 8)),
    ("heads", lambda value: Block(8, value, 8)),
    ("mlp_width", lambda value: Block(8, 2, value)),
    ("batch_size", lambda value: SceneBatches(tiny.tokenizer(), value)),
    ("image_size", lambda value: SceneBatches(tiny.tokenizer(), 8, value)),
    ("batch_size", lambda value: FolderBatches(PAIRS, tiny.tokenizer(), value)),
    ("image_size", lambda value: FolderBatches(PAIRS, tiny.tokenizer(), 8, value)),
    ("k", lambda value: recall_at_k(tiny.normals(4, 4), value)),
    ("classes", lambda value: linear_probe(tiny.normals(4, 2), tiny.normals(4) > 0, value)),
    ("steps", lambda value: PRESETS["cpu"].build(steps=value)),
]


@pytest.mark.parametrize("case", range(len(ARGUMENTS)))
def test_an_argument_for_a_whole_number_takes_nothing_else(case):
    name, call = ARGUMENTS[case]
    for value in [*NO_WHOLE, 0]:
        if not (name == "steps" and value is None):  # not given
            refused(name, call, value)


@pytest.mark.parametrize("kind", [SceneBatches, FolderBatches])
def test_a_seed_is_any_whole_number_from_0(kind):
    first = tiny.tokenizer() if kind is SceneBatches else PAIRS
    rest = () if kind is SceneBatches else (tiny.tokenizer(),)
    for value in NO_WHOLE:
        if not (isinstance(value, int) and value == 10**12):
            refused("seed", kind, first, *rest, 8, seed=value)
    assert kind(first, *rest, 8, seed=10**18).seed == 10**18


def test_other_arguments_for_numbers_take_no_others():
    for value in NO_REAL:
        refused("twins", SceneBatches, tiny.tokenizer(), twins=value)
        refused("z", wilson_interval, 1, 2, value)
    refused("twins", SceneBatches, tiny.tokenizer(), twins=1.001)
    refused("twins", Preset, twins=1.001)
    refused("distinct", SceneBatches, tiny.tokenizer(), distinct="no")
    refused("right", wilson_interval, 0.5, 2)


@given(st.integers(-50, 50), st.integers(-20, 20), st.integers(-20, 20))
def test_a_whole_number_lies_between_both_ends(value, least, most):
    if least <= value <= most:
        assert whole_number("n", value, 3, least=least, most=most) == value
    else:
        with pytest.raises(ValueError, match=f"n={value} is not a whole number from {least} to "):
            whole_number("n", value, 3, least=least, most=most)


@given(st.floats(allow_nan=True), st.floats(-20, 20), st.floats(-20, 20))
def test_a_number_lies_between_both_ends(value, least, most):
    if least <= value <= most:
        assert between("x", value, 3, least=least, most=most) == value
    else:
        with pytest.raises(ValueError, match="is not a finite number from"):
            between("x", value, 3, least=least, most=most)
    assert (0 < value < inf) == (not raises(above_zero, value))


def raises(check, value: float) -> bool:
    try:
        check("x", value, 1)
    except ValueError:
        return True
    return False


def test_the_message_says_value_rule_and_remedy():
    with pytest.raises(ValueError) as caught:
        whole_number("depth", -1, 2, least=0, most=9_999)
    assert str(caught.value) == "depth=-1 is not a whole number from 0 to 9,999; try 2"
    with pytest.raises(ValueError) as caught:
        one_of("colour", "grey", ("red", "blue"))
    assert str(caught.value) == "colour='grey'; try red or blue"
    with pytest.raises(ValueError) as caught:
        check_axes("query", [[1.0]], "tokens width")
    said = "query=[[1.0]] is of type list, and a tensor is needed; try torch.as_tensor(query)"
    assert str(caught.value) == said


OWN = torch.zeros(2, dtype=torch.long)
SQUARES = torch.zeros(2, 16, 16, 3, dtype=torch.uint8)
TAKE_A_TENSOR = {
    "info_nce logits": info_nce,
    "sigmoid_loss logits": sigmoid_loss,
    "supervised_contrastive logits": lambda x: supervised_contrastive(x, torch.eye(2).bool()),
    "alignment similarities": alignment,
    "similarity image_embeddings": lambda x: similarity(x, torch.eye(2)),
    "chunked_info_nce text_embeddings": lambda x: chunked_info_nce(torch.eye(2), x, 1.0),
    "chunked_sigmoid_loss image_embeddings": lambda x: chunked_sigmoid_loss(x, torch.eye(2), 1, 0),
    "ranks similarities": lambda x: ranks(x, OWN),
    "ranks own": lambda x: ranks(torch.eye(2), x),
    "recall_at_k similarities": recall_at_k,
    "auc own": lambda x: auc(x, torch.zeros(2)),
    "auc others": lambda x: auc(torch.zeros(2), x),
    "linear_probe features": lambda x: linear_probe(x, OWN, 2),
    "patchify pixels": lambda x: patchify(x, 2),
    "encode_image pixels": lambda x: tiny.clip().encode_image(x),
    "ViT pixels": lambda x: tiny.clip().image_encoder(x),
    "picture_embeddings pictures": lambda x: picture_embeddings(tiny.clip(), x),
    "pixel_similarities pictures": lambda x: pixel_similarities(x, SQUARES, OWN, 1),
    "pixel_similarities known": lambda x: pixel_similarities(SQUARES, x, OWN, 1),
    "pixel_similarities concept_of": lambda x: pixel_similarities(SQUARES, SQUARES, x, 1),
}


@pytest.mark.parametrize("given", [np.eye(2), [[1.0, 0.0], [0.0, 1.0]]], ids=["array", "list"])
@pytest.mark.parametrize("name", TAKE_A_TENSOR)
def test_an_array_or_a_list_in_place_of_a_tensor_is_refused_by_name(name, given):
    what = name.split()[1]
    said = rf"^{what}=.* is of type (ndarray|list), and a tensor is needed; try torch.as_t"
    with plain_python(), pytest.raises(ValueError, match=said):
        TAKE_A_TENSOR[name](given)


WITH_FRACTIONS = [name for name in TAKE_A_TENSOR if name.split()[0] in (
    "info_nce", "sigmoid_loss", "supervised_contrastive", "alignment", "similarity",
    "chunked_info_nce", "chunked_sigmoid_loss",
)]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.uint8])
@pytest.mark.parametrize("name", WITH_FRACTIONS)
def test_whole_numbers_are_refused_where_fractions_are_computed(name, dtype):
    what = name.split()[1]
    said = (
        rf"^{what} holds (int64|bool|uint8), and numbers with fractions are needed; try {what}.fl"
    )
    with plain_python(), pytest.raises(ValueError, match=said):
        TAKE_A_TENSOR[name](torch.eye(2).to(dtype))
