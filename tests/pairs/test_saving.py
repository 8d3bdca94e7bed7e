"""A model comes back from its file as it was; nothing else is let in, and nothing is unpickled."""

import ast
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from clipbook.pairs import load_model, save_model
from clipbook.pairs.saving import config_from_json, config_to_json
from tests import tiny

SOURCE = Path(__file__).resolve().parents[2] / "src" / "clipbook"
CONFIGS = [tiny.VIT, tiny.CNN]


@pytest.fixture
def saved(tmp_path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(tiny.clip(), path)
    return path


@pytest.mark.parametrize("config", CONFIGS)
def test_a_model_comes_back_bit_for_bit(tmp_path, config):
    path, model = tmp_path / "model.safetensors", tiny.clip(config)
    model.train()
    if config is tiny.CNN:
        model.encode_image(tiny.normals(4, 3, 16, 16))  # so that the running means have moved
    save_model(model, path)
    loaded = load_model(path)
    assert loaded.config == model.config
    assert not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert [one.name for one in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("config", CONFIGS)
def test_half_precision_halves_the_file_and_loads_as_float32(tmp_path, config):
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    model = tiny.clip(config)
    save_model(model, whole)
    save_model(model, half, torch.float16)
    assert half.stat().st_size < 0.75 * whole.stat().st_size
    loaded = load_model(half).state_dict()
    for name, value in model.state_dict().items():
        assert loaded[name].dtype == value.dtype
        torch.testing.assert_close(loaded[name], value, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("config", CONFIGS)
def test_a_config_comes_back_from_json(config):
    config = tiny.clip(config).config
    assert config_from_json(config_to_json(config)) == config


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '{"encoder": "ResNet"}', '{"encoder": "ViTConfig", "image": {}}'],
)
def test_a_foreign_config_is_refused(text):
    with pytest.raises(ValueError, match="no configuration of a CLIP model"):
        config_from_json(text)


def test_a_config_that_cannot_be_built_is_refused():
    values = json.loads(config_to_json(tiny.clip().config))
    for change in ({"surprise": 1}, {"initial_temperature": 0}):
        with pytest.raises(ValueError, match="no configuration of a CLIP model"):
            config_from_json(json.dumps(values | change))
    values["image"]["patch_size"] = 5
    with pytest.raises(ValueError, match="not a multiple of patch_size=5"):
        config_from_json(json.dumps(values))


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 100, -1, -1_000])
def test_a_truncated_file_is_refused_by_name(saved, keep):
    whole = saved.read_bytes()
    saved.write_bytes(whole[:keep])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged or no safetensors file"):
        load_model(saved)


@pytest.mark.parametrize("content", [b"no model", b"\xff" * 500, b"{}" * 40])
def test_a_foreign_file_is_refused_by_name(saved, content):
    saved.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged or no safetensors file"):
        load_model(saved)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.safetensors does not exist"):
        load_model(tmp_path / "gone.safetensors")


def test_tensors_that_are_no_model_of_ours_are_refused(saved):
    save_file({"weight": torch.zeros(3)}, saved)
    with pytest.raises(ValueError, match=r"model\.safetensors holds no configuration.*save_model"):
        load_model(saved)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("log_scale", None, "missing ['log_scale'], left over nothing, misshapen nothing"),
        ("stranger", torch.zeros(1), "missing nothing, left over ['stranger'], misshapen nothing"),
        (
            "text_encoder.norm.weight",
            torch.zeros(3),
            "left over nothing, misshapen ['text_encoder.norm.weight (3,) for (16,)']",
        ),
    ],
)
def test_a_weight_that_does_not_fit_is_named(saved, name, value, message):
    tensors = load_file(saved)
    tensors.pop(name, None)
    if value is not None:
        tensors[name] = value
    save_file(tensors, saved, {"config": config_to_json(tiny.clip().config)})
    with pytest.raises(ValueError, match=r"model\.safetensors does not fit") as caught:
        load_model(saved)
    assert message in str(caught.value)


class Bomb:
    """Goes off where it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("the file was unpickled",))


@pytest.mark.parametrize("write", ["pickle", "torch"])
def test_a_pickle_is_not_opened(saved, write):
    if write == "pickle":
        saved.write_bytes(pickle.dumps(Bomb()))
    else:
        torch.save({"log_scale": torch.zeros(()), "bomb": Bomb()}, saved)
    with pytest.raises(ValueError, match="is damaged or no safetensors file"):
        load_model(saved)


UNPICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def ways_to_unpickle(source: str) -> list[str]:
    """Imports of pickling modules, calls of torch.load, and NumPy's allow_pickle."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in UNPICKLES]
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            if (node.module or "").split(".")[0] in UNPICKLES | {"torch"} and (
                node.module != "torch" or "load" in names
            ):
                found += [] if (node.module or "").startswith("torch.") else [str(node.module)]
        elif isinstance(node, ast.Attribute) and node.attr == "load":
            if isinstance(node.value, ast.Name) and node.value.id in UNPICKLES | {"torch"}:
                found.append(f"{node.value.id}.load")
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found.append("allow_pickle")
    return found


def test_nothing_in_the_package_unpickles():
    found = {
        path.relative_to(SOURCE).as_posix(): ways
        for path in SOURCE.rglob("*.py")
        if (ways := ways_to_unpickle(path.read_text("utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "torch.load(path)",
        "from torch import load",
        "numpy.load(path, allow_pickle=True)",
    ],
)
def test_the_search_for_unpickling_finds_it(source):
    assert ways_to_unpickle(source)
