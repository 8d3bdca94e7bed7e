"""A folder of checkpoints is of one run: whatever makes another run of it is refused by name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import Dataset

from clipbook.pairs import CLIP, CLIPConfig
from clipbook.scenes import EXAMPLE, render
from clipbook.text import Tokenizer
from clipbook.training import SceneBatches, TrainingConfig, train
from clipbook.training import loop as loop_module
from clipbook.training.folder import FolderBatches, Pair
from clipbook.training.identity import (
    differences,
    digest,
    digest_of_text,
    identify_data,
    in_one_sentence,
)
from clipbook.training.optimisers import make_optimisers
from tests import tiny

CONFIG = TrainingConfig(steps=4, warmup_steps=1, checkpoint_every=2, snapshots=3)
EXAMPLE_BATCH = tiny.batches(seed=9)[0]


def start(folder: Path, **changes) -> None:
    """A run of four steps of which any part may be another."""
    run = {
        "model": tiny.clip(),
        "batches": tiny.batches(),
        "config": CONFIG,
        "example": EXAMPLE_BATCH,
        "workers": 0,
        "progress": False,
        "device": "cpu",
    }
    train(folder=folder, **(run | changes))


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    start(folder)
    return folder


def content(folder: Path) -> dict[Path, bytes]:
    return {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def refused(folder: Path, *said: str, **changes) -> None:
    before = content(folder)
    with pytest.raises(ValueError, match="checkpoint-00000004 was written with ") as caught:
        start(folder, **changes)
    for words in (*said, "another folder"):
        assert words in str(caught.value)
    assert content(folder) == before


def scenes(**changes) -> SceneBatches:
    fields = {"batch_size": 8, "image_size": 16, "seed": 0, "twins": 0.6, "distinct": True}
    fields |= {"tokenizer": tiny.tokenizer()} | changes
    return SceneBatches(fields.pop("tokenizer"), fields.pop("batch_size"), **fields)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("seed", 1, "data.seed=0, not 1"),
        ("batch_size", 9, "data.batch_size=8, not 9"),
        ("twins", 0.3, "data.twins=0.6, not 0.3"),
        ("distinct", False, "data.distinct=True, not False"),
    ],
)
def test_other_scenes_are_refused(finished, field, value, said):
    refused(finished, said, batches=scenes(**{field: value}))


def test_another_tokenizer_is_refused_whatever_differs_in_it(finished):
    plain = tiny.tokenizer()
    fewer = Tokenizer(plain.merges[:-1], plain.context_length)
    swapped = Tokenizer([*plain.merges[:-2], *reversed(plain.merges[-2:])], plain.context_length)
    shorter = Tokenizer(plain.merges, plain.context_length - 1)
    for other in (fewer, swapped, shorter):
        refused(finished, "data.tokenizer=", batches=scenes(tokenizer=other))
    start(finished, batches=scenes(tokenizer=Tokenizer(plain.merges, plain.context_length)))


def test_a_kind_of_its_own_is_refused_although_its_numbers_agree(finished):
    class Noisy(SceneBatches):
        pass

    refused(finished, "data.kind='SceneBatches', not 'Noisy'",
            batches=Noisy(tiny.tokenizer(), 8, 16))  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image": replace(tiny.VIT, heads=4)}, "model.image.heads=2, not 4"),
        ({"image": replace(tiny.VIT, activation="quick_gelu")}, "model.image.activation="),
        ({"image": replace(tiny.VIT, depth=2)}, "model.image.depth=1, not 2"),
        ({"image": tiny.CNN}, "model.encoder='ViTConfig', not 'CNNConfig'"),
        ({"text": tiny.text_config(heads=1)}, "model.text.heads=2, not 1"),
        ({"text": tiny.text_config(pooling="first")}, "model.text.pooling='last', not 'first'"),
        ({"initial_temperature": 0.1}, "model.initial_temperature=0.07, not 0.1"),
    ],
)
def test_another_model_is_refused(finished, changes, said):
    torch.manual_seed(0)
    config = CLIPConfig(**({"image": tiny.VIT, "text": tiny.text_config()} | changes))
    refused(finished, said, model=CLIP(config))


def test_other_first_weights_are_refused_also_those_of_a_model_that_has_been_trained(finished):
    refused(finished, "weights.at the start=", model=tiny.clip(seed=1))
    trained = tiny.clip()
    train(trained, tiny.batches(), CONFIG, workers=0, progress=False, device="cpu")
    refused(finished, "a model that is built anew", model=trained)


def test_looking_at_a_model_before_it_is_trained_makes_no_other_run_of_it(tmp_path):
    def looked_at() -> CLIP:
        model = tiny.clip(tiny.CNN)
        model(tiny.normals(4, 3, 16, 16), *EXAMPLE_BATCH[1:])  # moves the batch norm's means
        return model

    start(tmp_path, model=tiny.clip(tiny.CNN))
    start(tmp_path, model=looked_at())


def test_another_type_of_weights_is_refused(finished):
    refused(finished, "weights.dtype=['torch.float32'], not ['torch.bfloat16']",
            model=tiny.clip().bfloat16())  # fmt: skip


def test_weights_that_are_frozen_are_part_of_what_a_run_is(finished):
    model = tiny.clip()
    model.log_scale.requires_grad_(False)
    refused(finished, "weights.frozen=[], not ['log_scale']", model=model)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 8), ("learning_rate", 3e-3), ("optimiser", "adamw"), ("matrix_rate", 3.0),
        ("position_rate", 3.0), ("weight_decay", 0.0), ("warmup_steps", 0), ("clip_norm", 2.0),
        ("snapshots", 4),
    ],
)  # fmt: skip
def test_another_config_is_refused(finished, field, value):
    said = f"training.{field}={getattr(CONFIG, field)!r}, not {value!r}"
    refused(finished, said, config=replace(CONFIG, **{field: value}))


def test_a_number_may_be_written_in_another_way(finished):
    start(finished, config=replace(CONFIG, clip_norm=float(np.float64(1)), steps=int(np.int64(4))))


def test_how_often_checkpoints_are_kept_may_change_and_a_precision_that_a_cpu_lacks(finished):
    start(finished, config=replace(CONFIG, checkpoint_every=3, precision="half"))


def test_another_precision_is_refused(finished, monkeypatch):
    monkeypatch.setattr(loop_module, "half_precision", lambda device, precision: torch.bfloat16)
    refused(finished, "precision='torch.float32', not 'torch.bfloat16'")


def test_another_example_is_refused_and_one_more_or_less(finished):
    refused(finished, "example=", batches=tiny.batches(), example=tiny.batches(seed=8)[0])
    refused(finished, "not None", example=None)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [("AdamW", "betas", (0.9, 0.999)), ("AdamW", "eps", 1e-8), ("Muon", "momentum", 0.9),
     ("Muon", "nesterov", False), ("AdamW", "peak", 1.0), ("AdamW", "weight_decay", 0.5)],
)  # fmt: skip
def test_other_settings_of_an_optimiser_are_refused(finished, monkeypatch, kind, key, value):
    def made(model, config):
        optimisers = make_optimisers(model, config)
        for one in optimisers:
            if type(one).__name__ == kind:
                one.param_groups[0][key] = value
        return optimisers

    monkeypatch.setattr(loop_module, "make_optimisers", made)
    refused(finished, f"optimisers.{kind} 0.{key}=")


def test_a_parameter_that_another_group_updates_is_refused(finished, monkeypatch):
    def made(model, config):
        optimisers = make_optimisers(model, config)
        first, second = optimisers[-1].param_groups[:2]
        second["params"].append(first["params"].pop())
        return optimisers

    monkeypatch.setattr(loop_module, "make_optimisers", made)
    refused(finished, "optimisers.AdamW 0.parameters=")


def test_many_differences_are_counted_rather_than_listed(finished):
    config = replace(CONFIG, steps=9, clip_norm=3.0, weight_decay=0.5, warmup_steps=2)
    refused(finished, "training.steps=4, not 9; ", "; and 3 more", config=config)


class Unnamed(Dataset):
    """Batches of somebody's own, without a word about what they are."""

    def __init__(self, seed: int, size: int = 8) -> None:
        self.batches = tiny.batches(size, seed)

    def __getitem__(self, k: int):
        return self.batches[k]


def test_batches_that_say_nothing_about_themselves_are_known_by_the_first(tmp_path):
    start(tmp_path, batches=Unnamed(0))
    start(tmp_path, batches=Unnamed(0))
    for other in (Unnamed(1), Unnamed(0, 9)):
        refused(tmp_path, "data.batches=", batches=other)
    assert identify_data(Unnamed(0)) == identify_data([tiny.batches()[0]])


def test_a_list_of_batches_is_known_by_all(tmp_path):
    batches = [tiny.batches()[k] for k in range(4)]
    start(tmp_path, batches=batches)
    start(tmp_path, batches=list(batches))
    refused(tmp_path, "data.batches=", batches=[*batches[:3], tiny.batches()[7]])
    refused(tmp_path, "data.batches=", batches=[batches[k] for k in (0, 2, 1, 3)])


def test_what_batches_say_about_themselves_is_compared_as_it_comes_back_from_json(tmp_path):
    class Named(Unnamed):
        said: object = None

        def identity(self):
            return self.said

    one, other = Named(0), Named(1)
    one.said = {"of": ("tuple", np.int64(3), np.float32(0.5)), "nan": float("nan"), 3: None}
    other.said = {"of": ["tuple", 3, 0.5], "nan": float("nan"), "3": None}
    start(tmp_path, batches=one)
    start(tmp_path, batches=other)
    one.said = {"of": object()}
    with pytest.raises(ValueError, match="can't be kept in a checkpoint as part of what a run is"):
        start(tmp_path, batches=one)


@pytest.fixture
def pairs(tmp_path) -> list[Pair]:
    made = []
    for k, (scene, caption) in enumerate(EXAMPLE):
        path = tmp_path / "mine" / f"{k}.bmp"
        path.parent.mkdir(exist_ok=True)
        render(scene, 16).save(path)
        made.append(Pair(path, caption))
    return made


def folder_batches(pairs: list[Pair], **changes) -> FolderBatches:
    fields = {"tokenizer": tiny.tokenizer(), "batch_size": 4, "image_size": 16, "seed": 0} | changes
    return FolderBatches(pairs, **fields)


def test_other_pairs_of_ones_own_are_refused(pairs, tmp_path):
    run = tmp_path / "run"
    start(run, batches=folder_batches(pairs))
    start(run, batches=folder_batches(list(pairs)))
    other = Tokenizer(tiny.tokenizer().merges[:-1], tiny.tokenizer().context_length)
    for name, value in (("seed", 1), ("batch_size", 3), ("tokenizer", other)):
        refused(run, f"data.{name}=", batches=folder_batches(pairs, **{name: value}))
    renamed = [replace(pairs[0], caption="a star"), *pairs[1:]]
    for changed in (renamed, pairs[::-1], pairs[:-1]):
        refused(run, "data.pairs=", batches=folder_batches(changed))


def test_a_picture_that_has_changed_is_refused_though_name_and_size_are_the_same(pairs, tmp_path):
    run, picture = tmp_path / "run", pairs[3].picture
    start(run, batches=folder_batches(pairs))
    size = picture.stat().st_size
    Image.new("RGB", (16, 16), "red").save(picture)
    assert picture.stat().st_size == size
    refused(run, "data.pairs=", batches=folder_batches(pairs))


def test_a_folder_of_ones_own_may_move(pairs, tmp_path):
    run = tmp_path / "run"
    start(run, batches=folder_batches(pairs))
    moved = (tmp_path / "mine").rename(tmp_path / "moved")
    there = [replace(pair, picture=moved / pair.picture.name) for pair in pairs]
    start(run, batches=folder_batches(there))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(VALUES)
def test_nothing_differs_from_itself(value):
    assert differences(value, value) == []


@given(st.dictionaries(st.sampled_from("abc"), VALUES, min_size=1), st.sampled_from("abc"))
def test_what_one_side_lacks_is_a_difference(value, key):
    fewer = {name: inner for name, inner in value.items() if name != key}
    for one, other in ((value, fewer), (fewer, value)):
        found = differences({"x": one}, {"x": other})
        assert len(found) == (key in value)
        assert all(said.startswith(f"x.{key}=") and "nothing" in said for said in found)


def test_a_digest_tells_every_bit_type_and_shape_apart():
    zeros = torch.zeros(2, 3)
    others = [
        [torch.zeros(3, 2)],
        [torch.zeros(2, 3, dtype=torch.float64)],
        [torch.zeros(2, 3), torch.zeros(0)],
        [-zeros],
        [torch.zeros(()), torch.zeros(5)],
    ]
    found = {digest(one) for one in ([zeros], *others)}
    assert len(found) == 1 + len(others)
    assert digest([zeros.T.contiguous().T]) == digest([zeros])
    assert identify_data([(zeros,), (zeros,)]) != identify_data([(zeros,)])


def test_a_digest_of_a_text_tells_letters_apart_half_ones_too():
    texts = ["a", "b", "ä", "a ", "", "\ud800", "\ud801"]
    assert len({digest_of_text(text) for text in texts}) == len(texts)
    assert {len(digest_of_text(text)) for text in texts} == {len(digest([torch.ones(1)]))} == {16}


def test_what_one_side_lacks_is_called_nothing_there():
    assert differences({"a": 1}, {}) == ["a=1, not nothing"]
    assert differences({}, {"a": None}) == ["a=nothing, not None"]


def test_differences_are_counted_only_where_some_are_not_listed():
    assert in_one_sentence(["a"]) == "a"
    assert in_one_sentence(["a", "b", "c"]) == "a; b; c"
    assert in_one_sentence(["a", "b", "c", "d", "e"]) == "a; b; c; and 2 more"
