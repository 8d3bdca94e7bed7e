"""Models, tokenizers and checkpoints that somebody changed are read, or refused by name."""

import gzip
import json
import shutil
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipbook.pairs import CLIP, load_model, save_model
from clipbook.text import CLIPTokenizer, Tokenizer
from clipbook.training import TrainingConfig, checkpoints, train
from tests import tiny
from tests.fuzz.strategies import changed, damaged, written

pytestmark = pytest.mark.slow


def split(data: bytes) -> tuple[dict, bytes]:
    """Header and tensors of a safetensors file."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined(header: object, tensors: bytes) -> bytes:
    said = written(header)
    return struct.pack("<Q", len(said)) + said + tensors


@pytest.fixture(scope="module")
def models(folder) -> list[bytes]:
    """Files of a model with each image encoder."""
    files = []
    for image in (tiny.VIT, tiny.CNN):
        save_model(tiny.clip(image), folder / "whole.safetensors")
        files.append((folder / "whole.safetensors").read_bytes())
    return files


def check_model(path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        model = load_model(path)
    except ValueError as error:
        assert path.name in str(error)
    else:
        assert isinstance(model, CLIP)
        assert not model.training


@given(st.data())
def test_models_with_another_configuration(folder, clock, models, data):
    header, tensors = split(data.draw(st.sampled_from(models)))
    config = json.loads(header["__metadata__"]["config"])
    header["__metadata__"]["config"] = json.dumps(data.draw(changed(config)))
    with clock:
        check_model(folder / "model.safetensors", joined(header, tensors))


@given(st.data())
def test_models_with_another_header(folder, clock, models, data):
    header, tensors = split(data.draw(st.sampled_from(models)))
    with clock:
        check_model(folder / "model.safetensors", joined(data.draw(changed(header)), tensors))


@given(st.data())
def test_damaged_models(folder, clock, models, data):
    with clock:
        check_model(folder / "model.safetensors", data.draw(damaged(models)))


@pytest.fixture(scope="module")
def vocabulary(folder) -> bytes:
    tiny.tokenizer().save(folder / "whole.json")
    return (folder / "whole.json").read_bytes()


def check_tokenizer(path, data: bytes) -> None:
    """What was read is saved and read again as the same."""
    path.write_bytes(data)
    try:
        read = Tokenizer.load(path)
    except ValueError as error:
        assert path.name in str(error)
        return
    read.save(path)
    again = Tokenizer.load(path)
    assert (again.merges, again.context_length) == (read.merges, read.context_length)
    assert again.decode(read.encode("a small red circle é")) == "a small red circle é"


@given(st.data())
def test_tokenizers_with_other_contents(folder, clock, vocabulary, data):
    said = data.draw(changed(json.loads(vocabulary)))
    with clock:
        check_tokenizer(folder / "tokenizer.json", written(said))


@given(st.data())
def test_damaged_tokenizers(folder, clock, vocabulary, data):
    with clock:
        check_tokenizer(folder / "tokenizer.json", data.draw(damaged([vocabulary])))


@pytest.fixture(scope="module")
def merges(folder) -> list[bytes]:
    """A file of a tokenizer of CLIP's kind, plain and compressed."""
    CLIPTokenizer.train(["a small red circle é"] * 2, 530).save(folder / "whole.txt")
    plain = (folder / "whole.txt").read_bytes()
    return [plain, gzip.compress(plain)]


@given(st.data())
def test_damaged_files_of_clips_merges(folder, clock, merges, data):
    path = folder / "merges.txt"
    path.write_bytes(data.draw(damaged(merges)))
    with clock:
        try:
            read = CLIPTokenizer.load(path)
        except ValueError as error:
            assert path.name in str(error)
            return
        read.save(path)
        assert CLIPTokenizer.load(path).merges == read.merges
        assert read.decode(read.encode("a small red circle é")) == "a small red circle é"


def go_on(run) -> None:
    config = TrainingConfig(steps=1, warmup_steps=0)
    train(tiny.clip(), tiny.batches(), config, folder=run, workers=0, progress=False)


@pytest.fixture(scope="module")
def checkpoint(folder):
    """A folder with what a run of one step left."""
    run = folder / "whole"
    go_on(run)
    (left,) = run.glob("checkpoint-*")
    return left


def check_checkpoint(folder, checkpoint, name: str, data: bytes) -> None:
    """Training goes on from it, or says which file is damaged or does not fit."""
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(checkpoint, run / checkpoint.name)
    (run / checkpoint.name / name).write_bytes(data)
    try:
        checkpoints.latest(run)
        go_on(run)
    except ValueError as error:
        assert checkpoint.name in str(error)


@given(st.data())
def test_checkpoints_with_other_contents(folder, clock, checkpoint, data):
    about = json.loads((checkpoint / "checkpoint.json").read_text("utf-8"))
    said = data.draw(changed(about))
    with clock:
        check_checkpoint(folder, checkpoint, "checkpoint.json", written(said))


@given(st.data())
def test_damaged_checkpoints(folder, clock, checkpoint, data):
    name = data.draw(st.sampled_from(["checkpoint.json", "tensors.safetensors"]))
    whole = (checkpoint / name).read_bytes()
    with clock:
        check_checkpoint(folder, checkpoint, name, data.draw(damaged([whole])))
