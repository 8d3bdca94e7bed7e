"""A PaliGemma of the hub: several files of weights, a licence to accept, memory to have."""

import json

import huggingface_hub
import pytest
import torch

import clipbook
from clipbook.language import Answerer
from clipbook.pretrained import from_transformers
from clipbook.pretrained import hub as module
from clipbook.pretrained.paligemma_tokenizer import PaliGemmaTokenizer
from clipbook.pretrained.real import read_paligemma
from tests.plain import plain_python
from tests.pretrained.fake_hub import FakeHub, serving
from tests.pretrained.repositories import (
    clip_files,
    gemma_tokenizer,
    paligemma_files,
    paligemma_model,
    write,
)

NAME = "someone/paligemma"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    made = FakeHub({NAME: dict(paligemma_files())})
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.file_download.time, "sleep", lambda seconds: None)
    with serving(made) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield made


def silent(message: str) -> None:
    pass


def shards(hub: FakeHub) -> list[str]:
    return sorted(name for name in hub.repositories[NAME] if name.endswith(".safetensors"))


def test_all_files_of_weights_are_fetched_once_and_make_the_model(hub, monkeypatch):
    assert len(shards(hub)) > 2
    told: list[str] = []
    answers = clipbook.load(NAME, tell=told.append)
    assert isinstance(answers, Answerer)
    expected = from_transformers(paligemma_model()).state_dict()
    assert all(torch.equal(value, expected[k]) for k, value in answers.model.state_dict().items())
    assert answers.model.config.preprocessing.mean == (0.1, 0.2, 0.3)
    assert len(told) == 1
    for shard in shards(hub):
        assert hub.asked[f"GET /{NAME}/resolve/main/{shard}"] == 1
    hub.asked.clear()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # where nobody answers
    clipbook.load(NAME, tell=told.append)
    assert len(told) == 1


def test_one_file_of_weights_makes_the_same(tmp_path):
    one = read_paligemma(write(paligemma_files(False), tmp_path / "one"), NAME)
    several = read_paligemma(write(paligemma_files(), tmp_path / "several"), NAME)
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, several.model.state_dict()[name])


def test_it_answers_by_its_own_tokenizer(hub):
    answers = clipbook.load(NAME, tell=silent)
    picture = torch.randint(0, 255, (32, 32, 3), dtype=torch.uint8)
    asked = []
    tokenizer = PaliGemmaTokenizer(gemma_tokenizer())
    answers = Answerer(answers.model, tokenizer)
    prompt = tokenizer.prompt
    tokenizer.prompt = lambda question: asked.append(question) or prompt(question)
    answers.caption(picture)
    answers.detect(picture, "red cat")
    assert asked == ["caption en", "detect red cat"]
    assert answers.explain(picture, "detect cat").tokens


def test_a_weight_file_with_another_hash_is_refused_and_removed(hub):
    hub.wrong.add(shards(hub)[1])
    with pytest.raises(ValueError, match=rf"{shards(hub)[1]} of {NAME} has the SHA-256"):
        clipbook.load(NAME, tell=silent)
    hub.wrong.clear()
    clipbook.load(NAME, tell=silent)


def test_a_licence_to_be_accepted_is_told_with_the_way_to_it(hub, monkeypatch):
    hub.gated.add(NAME)
    with pytest.raises(
        PermissionError, match=r"accepted its licence: .*/someone/paligemma, then"
    ) as e:
        clipbook.load(NAME, tell=silent)
    assert "hf auth login" in str(e.value)
    assert "\n" not in str(e.value)


def test_a_model_larger_than_all_memory_is_not_fetched(hub, monkeypatch):
    monkeypatch.setattr(module, "_memory", lambda: 1_000)
    with pytest.raises(MemoryError, match=r"someone/paligemma needs 0.0 GB .* has 0.0; load it on"):
        clipbook.load(NAME, tell=silent)
    assert not any("resolve" in one for one in hub.asked)
    monkeypatch.setattr(module, "_memory", lambda: None)  # a system that doesn't tell
    clipbook.load(NAME, tell=silent)


def test_this_machine_tells_its_memory():
    assert module._memory() is None or module._memory() > 10**8


def test_an_index_without_its_files_is_refused(hub):
    del hub.repositories[NAME]["model.safetensors.index.json"]
    with pytest.raises(ValueError, match="has no model.safetensors"):
        clipbook.load(NAME, tell=silent)


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ({"weight_map": {}}, "names no files of weights"),
        ([], "names no files of weights"),
        ({"weight_map": {"a": "../../secret"}}, "which is no file of weights"),
        ({"weight_map": {"a": "pytorch_model.bin"}}, "which is no file of weights"),
    ],
)
def test_an_index_that_names_something_else_is_refused(tmp_path, index, said):
    folder = write(paligemma_files(), tmp_path)
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match=f"{NAME}: .*{said}"):
        read_paligemma(folder, NAME)


def test_weights_in_16_bits_are_made_float32(tmp_path):
    from safetensors.torch import load, save

    files = dict(paligemma_files(False))
    half = {name: value.half() for name, value in load(files["model.safetensors"]).items()}
    files["model.safetensors"] = save(half, {"format": "pt"})
    model = read_paligemma(write(files, tmp_path), NAME).model
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_the_tokenizer_asks_and_reads_as_paligemma_does():
    tokenizer = PaliGemmaTokenizer(gemma_tokenizer())
    ids = tokenizer.prompt("detect red cat")
    library = gemma_tokenizer()
    library.no_padding()
    assert ids[0] == library.token_to_id("<bos>")
    assert ids[-1] == library.token_to_id("\n")
    text = "".join(f"<loc{k:04d}>" for k in (1, 2, 3, 1023)) + " cat"
    written = [*library.encode(text, add_special_tokens=False).ids, tokenizer.end_id]
    assert tokenizer.decode(written) == text
    assert tokenizer.token(written[0]) == "<loc0001>"
    assert tokenizer.bins == 1024


@pytest.mark.parametrize("question", [None, 5, "\ud800"])
def test_a_question_that_is_no_text_is_refused(question):
    with plain_python(), pytest.raises(ValueError, match="^question="):
        PaliGemmaTokenizer(gemma_tokenizer()).prompt(question)


def test_what_is_no_tokenizer_of_paligemmas_is_refused(tmp_path):
    path = write(clip_files(), tmp_path) / "tokenizer.json"
    with pytest.raises(FileNotFoundError):
        PaliGemmaTokenizer.load(path)
    path.write_text("{}")
    with pytest.raises(ValueError, match="is no tokenizer of PaliGemma's .* fetch it again"):
        PaliGemmaTokenizer.load(path)


@pytest.mark.parametrize("token_id", [-1, 10**6, 1.5])
def test_an_id_outside_the_vocabulary_is_refused(token_id):
    tokenizer = PaliGemmaTokenizer(gemma_tokenizer())
    with plain_python():
        for use in (tokenizer.token, lambda one: tokenizer.decode([3, one])):
            with pytest.raises(ValueError, match="the vocabulary"):
                use(token_id)
