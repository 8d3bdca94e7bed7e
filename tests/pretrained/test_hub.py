"""Weights come from the hub once, whole and as safetensors, or one sentence says why not."""

import subprocess
import sys
from hashlib import sha256

import huggingface_hub
import pytest

import clipbook
from clipbook.pretrained import hub as module
from clipbook.pretrained.hub import NAMED, Pin
from tests.plain import plain_python
from tests.pretrained.fake_hub import FakeHub, serving
from tests.pretrained.repositories import clip_files, siglip_files

CLIP, SIGLIP = "someone/clip", "someone/siglip"
WEIGHTS = "model.safetensors"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with a CLIP and a SigLIP, and an empty cache."""
    made = FakeHub({CLIP: dict(clip_files()), SIGLIP: dict(siglip_files())})
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1_000)
    monkeypatch.setattr(huggingface_hub.file_download.time, "sleep", lambda seconds: None)
    with serving(made) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield made


def silent(message: str) -> None:
    pass


@pytest.mark.parametrize("name", [CLIP, SIGLIP])
def test_a_model_is_fetched_once_and_then_loads_without_the_hub(hub, monkeypatch, name):
    told: list[str] = []
    model, tokenizer = clipbook.load(name, tell=told.append)
    assert model.encode_text(*tokenizer.batch(["red"])).shape[0] == 1
    weights = f"GET /{name}/resolve/main/{WEIGHTS}"
    assert hub.asked[weights] == 1
    assert len(told) == 1
    assert told[0].startswith(f"{name}: 0 MB from http://127.0.0.1")
    assert "kept in" in told[0]
    hub.asked.clear()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # where nobody answers
    again, _ = clipbook.load(name, tell=told.append)
    assert len(told) == 1
    assert not hub.asked
    assert all((again.state_dict()[k] == v).all() for k, v in model.state_dict().items())


@pytest.mark.parametrize("name", [CLIP, SIGLIP])
def test_nothing_is_printed_but_what_is_told(hub, capfd, name):
    disabled = huggingface_hub.utils.are_progress_bars_disabled
    before = disabled()
    clipbook.load(name)
    printed = capfd.readouterr()
    assert printed.err == ""
    assert printed.out.startswith(f"{name}: 0 MB from")
    assert printed.out.count("\n") == 1
    assert disabled() is before


def test_what_is_told_is_the_size_of_what_is_fetched(hub):
    hub.repositories[CLIP]["tf_model.h5"] = hub.repositories[CLIP]["pytorch_model.bin"] = (
        b"0" * 10**7
    )
    told: list[str] = []
    clipbook.load(CLIP, tell=told.append)
    assert told[0].startswith("someone/clip: 0 MB")
    assert not any("tf_model" in one or ".bin" in one for one in hub.asked)
    hub.repositories[SIGLIP]["tokenizer.json"] += b" " * 5_000_000
    clipbook.load(SIGLIP, tell=told.append)
    assert told[1].startswith("someone/siglip: 5 MB")


def test_a_download_that_breaks_off_goes_on_where_it_was(hub):
    hub.cut = len(clip_files()[WEIGHTS]) * 2 // 3
    clipbook.load(CLIP, tell=silent)
    assert hub.ranges == [f"bytes={hub.cut // 1_000 * 1_000}-"]


def test_a_line_that_always_breaks_is_told_with_the_remedy_and_leaves_no_weights(hub):
    hub.cut = 0
    with pytest.raises(ConnectionError, match=r"someone/clip is not whole in .*load it again"):
        clipbook.load(CLIP, tell=silent)
    hub.cut = None
    clipbook.load(CLIP, tell=silent)


def test_weights_with_another_hash_are_refused_and_removed(hub):
    hub.wrong.add(WEIGHTS)
    for _ in range(2):  # not kept
        with pytest.raises(ValueError, match=r"someone/clip has the SHA-256 .* was removed; load"):
            clipbook.load(CLIP, tell=silent)
    hub.wrong.clear()
    clipbook.load(CLIP, tell=silent)


def test_weights_that_were_damaged_in_the_cache_are_refused_and_removed(hub):
    clipbook.load(CLIP, tell=silent)
    path = huggingface_hub.try_to_load_from_cache(CLIP, WEIGHTS)
    with open(path, "rb+") as file:
        file.seek(-3, 2)
        file.write(b"\xff")
    with pytest.raises(ValueError, match="has the SHA-256"):
        clipbook.load(CLIP, tell=silent)
    clipbook.load(CLIP, tell=silent)


def test_a_model_that_we_name_has_one_commit_and_one_hash(hub, monkeypatch):
    data = clip_files()[WEIGHTS]
    pin = Pin("b" * 40, sha256(data).hexdigest())
    monkeypatch.setitem(NAMED, CLIP, pin)
    hub.commit = pin.revision
    clipbook.load(CLIP, tell=silent)
    assert any(f"/revision/{pin.revision}" in one for one in hub.asked)
    monkeypatch.setitem(NAMED, SIGLIP, Pin("b" * 40, "c" * 64))  # though the hub says another
    with pytest.raises(ValueError, match=r"has the SHA-256 .*, not cccccccccccc…"):
        clipbook.load(SIGLIP, tell=silent)


def test_a_repository_with_pickles_alone_is_refused(hub):
    files = hub.repositories[CLIP]
    files["pytorch_model.bin"] = files.pop(WEIGHTS)
    with pytest.raises(ValueError, match=r"it holds only pytorch_model.bin, which can run code"):
        clipbook.load(CLIP, tell=silent)
    assert not any("resolve" in one for one in hub.asked)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (WEIGHTS, r"has no model.safetensors: it holds \d other files"),
        ("config.json", "has no config.json; is it a CLIP or SigLIP?"),
        ("preprocessor_config.json", "has no preprocessor_config.json"),
        ("merges.txt", "has no merges.txt or tokenizer.json"),
    ],
)
def test_a_repository_that_lacks_a_file_is_refused_before_anything_is_fetched(hub, file, said):
    del hub.repositories[CLIP][file]
    with pytest.raises(ValueError, match=f"{said}.*ry openai/clip"):
        clipbook.load(CLIP, tell=silent)
    assert not any("resolve" in one for one in hub.asked)


@pytest.mark.parametrize("name", ["someone/else", "a/b/c", "../etc/passwd", "some one/clip", "/"])
def test_a_name_that_the_hub_does_not_know_is_refused_with_those_that_we_name(hub, name):
    with pytest.raises(ValueError, match=r"is no model of the hub.*; try openai/clip-vit-base-p"):
        clipbook.load(name, tell=silent)


def test_without_the_network_one_sentence_has_the_remedy(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(
        ConnectionError, match=r"; connect and load it again, or set HF_HOME"
    ) as said:
        clipbook.load("openai/clip-vit-base-patch32", tell=silent)
    assert "\n" not in str(said.value)
    assert "openai/clip-vit-base-patch32 is not whole in" in str(said.value)


def test_offline_by_choice_is_said_alike(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match="connect and load it again"):
        clipbook.load(CLIP, tell=silent)


def test_without_the_hubs_client_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match="someone/clip comes from .* pip install transformers"):
        clipbook.load(CLIP)


def test_a_name_that_is_nowhere_lists_what_there_is():
    for name in ("openai", "", None, 7):
        with plain_python(), pytest.raises(ValueError, match="try shapes or .*answers, or one of"):
            clipbook.load(name)


def test_what_we_name_is_pinned_by_commit_and_hash():
    for pin in NAMED.values():
        assert len(pin.revision) == 40
        assert len(pin.sha256) == 64
        assert set(pin.revision + pin.sha256) <= set("0123456789abcdef")
    assert {"openai/clip-vit-base-patch32", "google/siglip-base-patch16-224"} <= NAMED.keys()


def test_nothing_of_the_hub_is_imported_before_it_is_asked_for():
    code = "import sys, clipbook; print({'huggingface_hub', 'tokenizers'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert module.WEIGHTS == WEIGHTS


@pytest.mark.parametrize("damaged", [b'{"weight_map": {', b"\xff\xfe"])
def test_a_damaged_index_of_weights_is_named_with_the_remedy(tmp_path, damaged):
    (tmp_path / module.INDEX).write_bytes(damaged)
    with pytest.raises(ValueError, match=rf"{module.INDEX} names no .*; delete it, and load"):
        module.weight_files(tmp_path)
