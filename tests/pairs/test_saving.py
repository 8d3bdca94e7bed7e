"""A model comes back from its file as it was; nothing else is let in, and nothing is unpickled."""

import ast
import json
import pickle
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from clipbook.image import CNNConfig, Preprocessing, ViTConfig
from clipbook.pairs import CLIP, CLIPConfig, load_model, save_model, saving
from clipbook.pairs.config_json import config_from_json, config_to_json
from clipbook.pairs.saving import load_weights
from clipbook.validation import excerpt
from tests import tiny

SOURCE = Path(__file__).resolve().parents[2] / "src" / "clipbook"
CONFIGS = [tiny.VIT, tiny.CNN]


@pytest.fixture
def saved(tmp_path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(tiny.clip(), path)
    return path


@pytest.mark.parametrize("config", CONFIGS)
def test_a_model_comes_back_bit_for_bit_and_nothing_is_drawn(tmp_path, config):
    path, model = tmp_path / "model.safetensors", tiny.clip(config)
    model.train()
    if config is tiny.CNN:
        model.encode_image(tiny.normals(4, 3, 16, 16))  # so that the running means have moved
    save_model(model, path)
    with tiny.drawing_nothing():
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


def test_a_whole_number_is_a_temperature_too():
    text = config_to_json(CLIPConfig(tiny.VIT, tiny.text_config(), initial_temperature=2.0))
    whole = text.replace('"initial_temperature": 2.0', '"initial_temperature": 2')
    assert whole != text
    assert config_from_json(whole) == config_from_json(text)


def test_a_config_that_cannot_be_built_is_refused():
    values = json.loads(config_to_json(tiny.clip().config))
    for change in ({"surprise": 1}, {"initial_temperature": 0}):
        with pytest.raises(ValueError, match="no configuration of a CLIP model"):
            config_from_json(json.dumps(values | change))
    values["image"]["patch_size"] = 5
    with pytest.raises(ValueError, match="not a multiple of patch_size=5"):
        config_from_json(json.dumps(values))


SIGLIPS = CLIPConfig(
    replace(tiny.VIT, pooling="attention", projection=False, embed_dim=16, norm_eps=1e-6),
    tiny.text_config(pooling="last_place", projection_bias=True, embed_dim=16),
    initial_bias=-10.0,
    preprocessing=Preprocessing("stretch", (0.5, 0.5, 0.5), (0.5, 0.25, 0.5)),
)


def test_a_model_with_every_later_field_comes_back(tmp_path):
    path, model = tmp_path / "model.safetensors", CLIP(SIGLIPS)
    save_model(model, path)
    loaded = load_model(path)
    assert loaded.config == SIGLIPS
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert loaded.bias.item() == -10.0


def test_fields_that_came_later_are_written_only_where_they_say_something_new():
    """So that an older file, and an older checkpoint's run, is the same as one of today."""
    values = json.loads(config_to_json(CLIPConfig()))
    assert set(values) == {"encoder", "image", "text", "initial_temperature"}
    assert set(values["image"]) == {
        "image_size", "patch_size", "width", "depth", "heads", "mlp_width", "embed_dim",
        "pooling", "position_std", "activation",
    }  # fmt: skip
    assert set(values["text"]) == {
        "vocab_size", "context_length", "width", "depth", "heads", "mlp_width", "embed_dim",
        "pooling", "positions", "activation",
    }  # fmt: skip
    later = json.loads(config_to_json(SIGLIPS))
    assert later["image"]["norm_eps"] == 1e-6
    assert later["image"]["projection"] is False
    assert "input_norm" not in later["image"]
    assert later["initial_bias"] == -10.0


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("image", "projection", 0),
        ("image", "norm_eps", "1e-5"),
        ("text", "projection_bias", None),
        ("preprocessing", "fit", "pad"),
        ("preprocessing", "mean", [0.5, "0.5", 0.5]),
        ("preprocessing", "std", [0.5]),
        ("", "initial_bias", "none"),
        ("", "initial_bias", None),
        ("", "preprocessing", [1]),
        ("preprocessing", "surprise", 1),
    ],
)
def test_a_later_field_that_makes_no_sense_is_refused(part, field, value):
    values = json.loads(config_to_json(SIGLIPS))
    (values[part] if part else values)[field] = value
    with pytest.raises(ValueError, match=rf"no configuration of a CLIP model \(.*{field}"):
        config_from_json(json.dumps(values))


@cache
def written(config: ViTConfig | CNNConfig) -> tuple[dict[str, torch.Tensor], str]:
    """The tensors and the configuration in the file of a tiny model."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        save_model(tiny.clip(config), path)
        with safe_open(path, "pt") as file:
            return load_file(path), file.metadata()["config"]


def with_header(path: Path, header: str, config: ViTConfig | CNNConfig = tiny.VIT) -> None:
    """A tiny model's file whose configuration is said to be another."""
    save_file(written(config)[0], path, {"config": header})


def changed(config, part: str, field: str, value: object) -> str:
    """The configuration as JSON, with one field of "image", "text" or "" changed."""
    values = json.loads(written(config)[1])
    (values[part] if part else values)[field] = value
    return json.dumps(values)


def fields_of(kind: type) -> list[tuple[object, str, str]]:
    """Config, part and name of each field of that type."""
    parts = [(tiny.VIT, "image", tiny.VIT), (tiny.CNN, "image", tiny.CNN)]
    parts += [(tiny.VIT, "text", tiny.clip().config.text), (tiny.VIT, "", tiny.clip().config)]
    return [
        (config, part, name)
        for config, part, values in parts
        for name, value in vars(values).items()
        if type(value) is kind
    ]


NO_SIZES = ["96", None, 0, -1, 10**12, 2.5, 16.0, True, [16], {}, 10**400, "9" * 5_000]
NO_NUMBERS = ["0.07", None, -1, True, [0.07], {}, 10**400]
NO_CHOICES = ["max", None, 1, ["mean"], {}, ""]
NONSENSE = [
    (*field, value)
    for kind, values in ((int, NO_SIZES), (float, NO_NUMBERS), (str, NO_CHOICES))
    for field in fields_of(kind)
    for value in values
]


@pytest.fixture
def only_on_meta(monkeypatch):
    """No memory is taken for a model."""

    def build(config):
        assert torch.empty(0).device.type == "meta"
        return CLIP(config)

    monkeypatch.setattr(saving, "CLIP", build)


@pytest.mark.parametrize(("config", "part", "field", "value"), NONSENSE, ids=excerpt)
def test_a_header_that_makes_no_sense_is_refused_by_file_and_field(
    tmp_path, only_on_meta, config, part, field, value
):
    path = tmp_path / "model.safetensors"
    with_header(path, changed(config, part, field, value), config)
    name = f"{part}.{field}" if part else field
    with pytest.raises(ValueError, match=rf"model\.safetensors holds .*{re.escape(name)}="):
        load_model(path)


def test_every_size_number_and_choice_of_a_header_is_tried():
    assert len(fields_of(int)) == 7 + 2 + 7
    numbers = [name for _, _, name in fields_of(float)]
    assert numbers == ["position_std", "norm_eps", "norm_eps", "initial_temperature"]
    assert len(fields_of(str)) == 2 + 3


OTHER_SIZES = [(*field, value) for field in fields_of(int) for value in (1, 1_000, 2**20)]
FIT_TOO = [("depth", 1), ("heads", 1)]  # of which the weights say nothing


@pytest.mark.parametrize(
    ("config", "part", "field", "value"),
    [
        one
        for one in OTHER_SIZES
        if one[2:] not in FIT_TOO and (one[0], one[2]) != (tiny.CNN, "image_size")
    ],
)
def test_a_size_that_the_weights_do_not_have_takes_no_memory(
    tmp_path, only_on_meta, config, part, field, value
):
    path = tmp_path / "model.safetensors"
    with_header(path, changed(config, part, field, value), config)
    with pytest.raises(ValueError, match=r"model\.safetensors (holds|does not fit)"):
        load_model(path)


@pytest.mark.parametrize("widths", [None, 4, "48", [], [4, "8"], [4, 0], [4, 10**12], [4.0], [[4]]])
def test_widths_that_make_no_sense_are_refused_by_file_and_field(tmp_path, only_on_meta, widths):
    path = tmp_path / "model.safetensors"
    with_header(path, changed(tiny.CNN, "image", "widths", widths), tiny.CNN)
    with pytest.raises(ValueError, match=r"model\.safetensors holds .*image\.widths"):
        load_model(path)


HEADER = config_to_json(tiny.clip().config)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (HEADER.replace('"width": 16', '"width": 16, "width": 16'), "'width' stands in one object"),
        (HEADER.replace('"width": 16, ', "", 1), "image has not the fields .*missing .'width'"),
        (HEADER.replace('"width"', '"breadth"', 1), "missing .'width'., unknown .'breadth'"),
        (HEADER.replace('"text": {', '"text": {"surprise": 1, '), "text has .*unknown .'surprise'"),
        (HEADER.replace('{"encoder"', '{"surprise": 1, "encoder"'), "config has .*unknown .'surpr"),
        (HEADER.replace('"encoder"', '"decoder"'), "missing .'encoder'., unknown .'decoder'"),
        (HEADER.replace('"ViTConfig"', '"CNNConfig"'), "image has not the fields"),
        (HEADER.replace('"ViTConfig"', '["ViTConfig"]'), "encoder=.*try ViTConfig or CNNConfig"),
        (HEADER.replace('"ViTConfig"', '"TextConfig"'), "encoder='TextConfig'; try ViTConfig or"),
        (HEADER.replace('"image": {', '"image": null, "picture": {'), "unknown .'picture'"),
        (re.sub('"text": {.*?}', '"text": [1]', HEADER), r"text is \[1\], not an object"),
        (re.sub('"text": {.*?}', '"text": ' + "[" * 10**5, HEADER), "nested too deeply"),
        (HEADER.replace("0.07", "NaN"), "NaN is no JSON"),
        (HEADER.replace("0.07", "Infinity"), "Infinity is no JSON"),
        (HEADER.replace("0.07", "1e999"), "initial_temperature=inf"),
        (HEADER.replace("16", "9" * 5_000, 1), "digits"),
        ("[]", r"config is \[\], not an object"),
        ("null", "config is None, not an object"),
        ("", "Expecting value"),
    ],
)
def test_a_header_of_another_form_is_refused_by_file_and_field(saved, only_on_meta, header, said):
    with_header(saved, header)
    with pytest.raises(ValueError, match=rf"model\.safetensors holds no configuration.*{said}"):
        load_model(saved)


@given(
    st.sampled_from([tiny.VIT, tiny.CNN]),
    st.sampled_from([("image", "width"), ("text", "depth"), ("", "image"), ("", "encoder")]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=5), one),
    ),
)
def test_nothing_but_a_value_error_comes_from_any_value(config, place, value):
    header = changed(config, *place, value)
    if header != written(config)[1]:
        try:
            found = config_from_json(header)
        except ValueError as error:
            assert str(error).startswith("no configuration of a CLIP model (")
        else:
            assert json.loads(config_to_json(found)) == json.loads(header)


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


@pytest.mark.parametrize(
    "dtype",
    [torch.int64, torch.bool, torch.complex64, torch.uint8, torch.float8_e4m3fn],
)
def test_weights_of_another_type_are_refused_by_name(saved, dtype):
    tensors = load_file(saved)
    tensors["log_scale"] = torch.ones((), dtype=dtype)
    save_file(tensors, saved, {"config": HEADER})
    with pytest.raises(ValueError, match=r"model\.safetensors does not fit.*log_scale torch\."):
        load_model(saved)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_weights_of_another_precision_become_float32(saved, dtype):
    save_model(tiny.clip(), saved, dtype)
    assert {one.dtype for one in load_model(saved).parameters()} == {torch.float32}


def test_a_model_is_loaded_in_float32_whatever_is_usual(saved):
    torch.set_default_dtype(torch.float64)
    try:
        loaded = load_model(saved)
    finally:
        torch.set_default_dtype(torch.float32)
    assert {one.dtype for one in loaded.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("value", "dtype", "said"),
    [
        (1e5, torch.float16, "100000, more than torch.float16 can; try torch.float32 or torch.bfl"),
        (-1e5, torch.float16, "-100000, more than torch.float16 can; try torch.float32 or torch.b"),
        (1e300, torch.float32, r"1e\+300, more than torch.float32 can; try torch.float64$"),
    ],
)
def test_a_weight_that_the_type_cannot_hold_is_named(saved, value, dtype, said):
    model, before = tiny.clip().double(), saved.read_bytes()
    model.text_encoder.norm.weight.data[3] = value
    with pytest.raises(ValueError, match=rf"^text_encoder\.norm\.weight holds {said}"):
        save_model(model, saved, dtype)
    assert saved.read_bytes() == before


def test_a_weight_that_is_infinite_already_is_kept_so(saved):
    model = tiny.clip()
    model.text_encoder.norm.weight.data[:2] = torch.tensor([torch.inf, 65_504.0])
    save_model(model, saved, torch.float16)
    assert load_model(saved).text_encoder.norm.weight[:2].tolist() == [torch.inf, 65_504]


def test_weights_that_do_not_fit_leave_the_module_as_it_was():
    module = torch.nn.Linear(2, 1)
    before = module.weight.clone()
    with pytest.raises(ValueError, match=r"^a source does not fit the model: missing \['bias'\]"):
        load_weights(module, {"weight": torch.ones(1, 2)}, "a source")
    assert torch.equal(module.weight, before)
    load_weights(module, {"weight": torch.ones(1, 2).half(), "bias": torch.zeros(1)}, "a source")
    assert module.weight.tolist() == [[1.0, 1.0]]
    assert module.weight.dtype == torch.float32


def test_a_file_without_a_configuration_says_so(saved):
    save_file(load_file(saved), saved)
    with pytest.raises(ValueError, match="config is None, not an object with fields"):
        load_model(saved)


def test_a_model_is_not_saved_as_whole_numbers(saved):
    before = saved.read_bytes()
    with pytest.raises(
        ValueError, match=r"dtype=torch\.int8; try torch\.float32 or torch\.float16"
    ):
        save_model(tiny.clip(), saved, torch.int8)
    assert saved.read_bytes() == before


def test_a_folder_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=f"{tmp_path.name} is damaged or no safetensors file"):
        load_model(tmp_path)


@given(st.binary(max_size=200), st.integers(0, 400), st.sampled_from(["cut", "put", "change"]))
def test_nothing_but_a_value_error_comes_from_a_damaged_file(tmp_path_factory, data, place, how):
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    save_model(tiny.clip(), path)
    whole = path.read_bytes()
    rest = {"cut": 10**9, "put": place, "change": place + len(data)}[how]
    path.write_bytes(whole[:place] + data + whole[rest:])
    try:
        load_model(path)
    except ValueError as error:
        assert path.name in str(error)


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


def test_a_path_where_no_file_can_be_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing is no folder; make it first"):
        save_model(tiny.clip(), tmp_path / "missing" / "model.safetensors")
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(IsADirectoryError, match="folder is a folder; give a file in it"):
        save_model(tiny.clip(), folder)
    assert list(tmp_path.iterdir()) == [folder] and not list(folder.iterdir())


def test_a_long_name_is_a_name_too(tmp_path):
    path = tmp_path / ("a" * 250)
    save_model(tiny.clip(), path)
    assert load_model(path).config == tiny.clip().config
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("fails", "kind"), [("pairs.saving.save_file", SafetensorError), ("files.os.fsync", OSError)]
)
def test_a_file_that_cannot_be_written_is_an_os_error_and_nothing_is_left(
    saved, monkeypatch, fails, kind
):
    before = saved.read_bytes()

    def full(*arguments):
        if "save_file" in fails:
            arguments[1].write_bytes(b"quarter")
        raise kind("no space left")

    monkeypatch.setattr(f"clipbook.{fails}", full)
    said = r"model\.safetensors can't be written \(no space left\); make room there, or give anoth"
    with pytest.raises(OSError, match=said):
        save_model(tiny.clip(), saved)
    assert saved.read_bytes() == before and list(saved.parent.iterdir()) == [saved]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no such folder")
def test_a_folder_that_takes_no_files_is_an_os_error():
    with pytest.raises(OSError, match=r"^/proc/model\.safetensors can't be written"):
        save_model(tiny.clip(), "/proc/model.safetensors")


def test_a_model_is_loaded_on_the_cpu_wherever_others_are_made(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(tiny.clip(), path)
    torch.set_default_device("meta")
    try:
        model = load_model(path)
    finally:
        torch.set_default_device(None)
    assert {weight.device.type for weight in model.parameters()} == {"cpu"}
