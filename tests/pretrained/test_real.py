"""A repository's files become a model, its preprocessing and its tokenizer, or are refused."""

import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from clipbook.evaluation import zero_shot
from clipbook.pretrained import LibraryTokenizer
from clipbook.pretrained.real import read_folder, read_preprocessing
from clipbook.text import AnyTokenizer, CLIPTokenizer, Tokenizer
from tests.plain import plain_python
from tests.pretrained.repositories import (
    LIGHT,
    clip_files,
    clip_model,
    clip_tokenizer,
    files_of,
    piece_tokenizer,
    siglip_files,
    siglip_model,
    write,
)

SIDE = {"height": 32, "width": 32}
TEXTS = ["a red circle", "a STAR, red!", "red red red red red red red red red red red red red"]


def pictures() -> list[Image.Image]:
    values = np.random.default_rng(0).integers(0, 256, (2, 40, 56, 3), dtype=np.uint8)
    return [Image.fromarray(one) for one in values]


def close(ours: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(ours, expected, atol=tolerance, rtol=1e-5)


@torch.no_grad()
def test_a_clip_of_the_hub_is_transformers_from_picture_and_text_to_logits(tmp_path):
    ours, tokenizer = read_folder(write(clip_files(), tmp_path), "someone/clip")
    assert isinstance(tokenizer, CLIPTokenizer)
    assert tokenizer.merges == clip_tokenizer().merges
    token_ids, mask = tokenizer.batch(TEXTS)
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=SIDE, **LIGHT)
    pixels = torch.as_tensor(np.stack(processor(pictures())["pixel_values"]))
    close(ours.preprocess(pictures()), pixels, 1.01 / 255 / 0.6)
    expected = clip_model()(
        input_ids=token_ids, pixel_values=pixels, attention_mask=mask.long()
    ).logits_per_image
    close(ours(pixels, token_ids, mask), expected)
    assert not ours.training


@torch.no_grad()
def test_a_siglip_of_the_hub_is_transformers_from_picture_and_text_to_logits(tmp_path):
    ours, tokenizer = read_folder(write(siglip_files(), tmp_path), "someone/siglip")
    assert isinstance(tokenizer, LibraryTokenizer)
    assert [len(tokenizer.encode(text)) for text in (TEXTS[2], "red")] == [13, 1]
    token_ids, mask = tokenizer.batch(TEXTS)
    processor = SiglipImageProcessorPil(size=SIDE, **LIGHT)
    pixels = torch.as_tensor(np.stack(processor(pictures())["pixel_values"]))
    close(ours.preprocess(pictures()), pixels, 1.01 / 255 / 0.6)
    expected = siglip_model()(input_ids=token_ids, pixel_values=pixels).logits_per_image
    close(ours(pixels, token_ids, mask), expected)
    shares = zero_shot(ours, tokenizer, pixels, ["red", "a star"], ["{}"])
    close(shares.sum(dim=1), torch.ones(2))


def library(context: int = 10) -> LibraryTokenizer:
    made = piece_tokenizer()
    made.enable_padding()
    made.enable_truncation(2)  # which the library would do in silence
    return LibraryTokenizer(made, context)


def test_siglips_texts_are_lower_case_without_punctuation_and_end_and_are_padded_by_the_end():
    tokenizer = library()
    assert tokenizer.end_id == tokenizer.pad_id == 0
    assert tokenizer.encode("A  red, CIRCLE!") == tokenizer.encode("a red circle") == [3, 4, 5]
    token_ids, mask = tokenizer.batch(["a red circle", "star"])
    assert token_ids.tolist() == [[3, 4, 5] + [0] * 7, [6, 7] + [0] * 8]
    assert mask.sum(dim=1).tolist() == [4, 3]
    assert tokenizer.decode([3, 4, 5, 0, 0]) == "a red circle"
    assert tokenizer.token(4) == "▁red"
    assert tokenizer.vocab_size == 14


def test_a_long_text_loses_its_last_tokens_and_keeps_the_end():
    tokenizer = library(4)
    token_ids, mask = tokenizer.batch(["red red red red red"])
    assert token_ids.tolist() == [[4, 4, 4, 0]]
    assert mask.all()
    with pytest.raises(ValueError, match="has 5 tokens, 3 fit before the end token"):
        tokenizer.batch(["red red red red red"], truncate=False)
    assert tokenizer.batch(["red red red"], truncate=False)[0].tolist() == [[4, 4, 4, 0]]


def test_any_iterable_of_ids_is_read_and_what_is_no_id_is_refused():
    tokenizer = library()
    with plain_python():
        for ids in (iter([3, 4, 5]), torch.tensor([3, 4, 5])):
            assert tokenizer.decode(ids) == "a red circle"
        for token_id in (-1, 14, 1.5, None):
            with pytest.raises(ValueError, match="is outside the vocabulary; ids are 0 to 13"):
                tokenizer.decode([token_id])


@pytest.mark.parametrize("texts", [[], ["red", "  "], ["!?"]])
def test_texts_that_say_nothing_are_refused(texts):
    with pytest.raises(ValueError, match="texts is empty|says nothing"):
        library().batch(texts)


@pytest.mark.parametrize("token_id", [-1, 14])
def test_an_id_outside_the_vocabulary_is_refused(token_id):
    for read in (library().token, lambda one: library().decode([one])):
        with pytest.raises(ValueError, match="outside the vocabulary; ids are 0 to 13"):
            read(token_id)


def test_a_tokenizer_without_an_end_or_of_another_form_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        LibraryTokenizer.load(tmp_path / "tokenizer.json")
    for content in ("", "{}", '{"model": 1}'):
        (tmp_path / "tokenizer.json").write_text(content)
        with pytest.raises(ValueError, match=r"tokenizer\.json is no tokenizer of SigLIP's"):
            LibraryTokenizer.load(tmp_path / "tokenizer.json")


def test_every_tokenizer_has_the_same_small_interface():
    for one in (library(), clip_tokenizer(), Tokenizer()):
        assert isinstance(one, AnyTokenizer)
    assert not isinstance(7, AnyTokenizer)


CLIPS = {
    "size": 32, "crop_size": 32, "do_center_crop": True, "resample": 3,
    "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6],
}  # fmt: skip
SIGLIPS = {"size": SIDE, "resample": 3, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def test_preprocessing_is_read_in_every_spelling():
    newer = CLIPS | {"size": {"shortest_edge": 32}, "crop_size": SIDE}
    for values in (CLIPS, newer):
        steps = read_preprocessing(values, 32)
        assert (steps.fit, steps.mean, steps.std) == ("crop", (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert read_preprocessing(SIGLIPS, 32).fit == "stretch"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (CLIPS | {"size": 36}, "size"),
        (CLIPS | {"crop_size": 36}, "crop_size"),
        (CLIPS | {"size": SIDE}, "size"),
        (SIGLIPS | {"size": {"shortest_edge": 32}}, "size"),
        (SIGLIPS | {"resample": 2}, "resample"),
        (SIGLIPS | {"do_normalize": False}, "do_normalize"),
        (SIGLIPS | {"rescale_factor": 1.0}, "rescale_factor"),
        (SIGLIPS | {"image_mean": 0.5}, "image_mean"),
        (SIGLIPS | {"image_std": [0.5]}, "std"),
    ],
)
def test_steps_that_ours_do_not_take_are_refused_by_field(values, field):
    with pytest.raises(ValueError, match=f"^{field}="):
        read_preprocessing(values, 32)


def changed(files: dict[str, bytes], name: str, **changes: object) -> dict[str, bytes]:
    values = json.loads(files[name])
    return files | {name: json.dumps(values | changes).encode()}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (changed(clip_files(), "config.json", model_type="blip"), "model_type='blip' in config"),
        (changed(clip_files(), "config.json", projection_dim=24), r"misshapen \['image_encoder"),
        (
            changed(clip_files(), "config.json", text_config={"hidden_size": 16}),
            r"missing \['text_model",
        ),
        (changed(clip_files(), "config.json", text_config="none"), "config.json can't be read"),
        (clip_files() | {"config.json": b"[]"}, r"config.json holds \[\]"),
        (clip_files() | {"config.json": b"{"}, "Expecting"),
        (changed(clip_files(), "preprocessor_config.json", resample=2), "resample=2"),
        (clip_files() | {"model.safetensors": b"PK"}, "damaged or no safetensors file"),
        (clip_files() | {"merges.txt": b"no"}, "no file of CLIP's merges"),
        (siglip_files() | {"tokenizer.json": b"{}"}, "no tokenizer of SigLIP's"),
        (siglip_files() | {"model.safetensors": clip_files()["model.safetensors"]}, "left over"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_that_make_no_model_are_refused_by_the_models_name(tmp_path, files, said):
    with pytest.raises(ValueError, match=f"^someone/model: .*({said}).*; try openai/clip"):
        read_folder(write(files, tmp_path), "someone/model")


def test_without_transformers_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match="of a CLIPModel needs transformers; try pip install"):
        read_folder(write(clip_files(), tmp_path), "someone/clip")


def test_a_tokenizer_with_more_tokens_than_the_model_knows_is_refused(tmp_path):
    more = CLIPTokenizer([*clip_tokenizer().merges, (70, 71)])
    more.save(tmp_path / "merges.txt")
    files = clip_files() | {"merges.txt": (tmp_path / "merges.txt").read_bytes()}
    with pytest.raises(ValueError, match="the tokenizer has 517 tokens, the model knows 516"):
        read_folder(write(files, tmp_path / "files"), "someone/clip")


def test_a_clip_whose_weights_are_in_several_files_is_read_alike(tmp_path):
    files = {k: v for k, v in clip_files().items() if k != "model.safetensors"}
    clip_model().save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    shards = files_of(tmp_path / "shards")
    assert "model.safetensors.index.json" in shards
    several, _ = read_folder(write(files | shards, tmp_path / "several"), "someone/model")
    whole, _ = read_folder(write(clip_files(), tmp_path / "whole"), "someone/model")
    for name, value in whole.state_dict().items():
        assert torch.equal(several.state_dict()[name], value), name
