"""The engine, run by node, against PyTorch, Pillow and the package; see engine.test.mjs."""

import base64
import hashlib
import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from PIL import Image

import clipbook
from bookkit.live import files, kernel, made_world, words
from clipbook.image import normalise, patchify, preprocess
from clipbook.pretrained.shipped import FOLDERS
from clipbook.scenes import EXAMPLE, SHAPES, SIZES, Object, Scene, render, sample, sample_pairs
from clipbook.scenes.world import RADIUS

ODD = ["a  red\tcircle \n", "Ünïcode 日本語 👩\u200d👧", "\x85x\xa0", "9 ½ Ⅷ", "word " * 60, "?"]


# Where an edge in double precision meets a row on the other side of a pixel's middle.
CLOSE = [(0.24518805300873509, 0.7497909427231423), (0.2904315949109785, 0.4138208957457875)]


def packed(values) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def any_texts(count: int) -> list[str]:
    """Unicode of every kind that says something."""
    texts: list[str] = []

    @hypothesis.settings(max_examples=count, database=None)
    @hypothesis.given(st.text(min_size=1).filter(str.strip))
    def collect(text):
        texts.append(text)

    collect()
    return texts


def pictures_for(size: int) -> np.ndarray:
    """Scenes, and pictures of noise, (batch, size, size, 3)."""
    generator = np.random.default_rng(size)
    scenes = [*(scene for scene, _ in EXAMPLE), *sample(40, generator)]
    drawn = np.stack([np.asarray(render(scene, size)) for scene in scenes])
    return np.concatenate([drawn, generator.integers(0, 256, (8, size, size, 3), np.uint8)])


def noted(tensor: torch.Tensor) -> dict:
    return {"shape": list(tensor.shape), "values": packed(tensor.numpy())}


def layers(encoder, given) -> dict[str, torch.Tensor]:
    """What an encoder hands on for one input, attention weights too, as engine.js names it."""
    stages = encoder.intermediates(*given)
    del stages["projected"]
    kept = {name: stage[0] if stage.ndim == 3 else stage for name, stage in stages.items()}
    for name, stage in kept.items():
        if stage.ndim == 4:  # a CNN's maps: pixels, then channels
            kept[name] = stage[0].flatten(1).T
    if hasattr(encoder, "attention_weights"):
        for k, block in enumerate(encoder.attention_weights(*given), 1):
            kept[f"block {k} attention"] = block[0]
    return kept


@torch.no_grad()
def followed(clip, tokenizer, pixels: np.ndarray, text: str) -> dict:
    """One pass of each encoder, layer by layer."""
    ids = torch.tensor([[tokenizer.start_id, *tokenizer.encode(text), tokenizer.end_id]])
    words = [tokenizer.decode([k]).strip() for k in ids[0].tolist()]
    seen = normalise(torch.from_numpy(pixels[None]))
    image, caption = layers(clip.image_encoder, [seen]), layers(clip.text_encoder, [ids])
    if hasattr(clip.config.image, "patch_size"):
        image["patches"] = patchify(seen, clip.config.image.patch_size)[0]
    image["embedding"], caption["embedding"] = clip.encode_image(seen), clip.encode_text(ids)
    return {
        "pixels": packed(pixels),
        "text": text,
        "tokens": ["<start>", *words[1:-1], "<end>"],
        "image": {name: noted(stage) for name, stage in image.items()},
        "caption": {name: noted(stage) for name, stage in caption.items()},
    }


@torch.no_grad()
def model(name: str, pixels: np.ndarray | None = None, captions: list[str] | None = None) -> dict:
    """What PyTorch makes of texts and pictures; of scenes and their captions, unless given."""
    clip, tokenizer = clipbook.load(name)
    captions = captions or sample_pairs(40, np.random.default_rng(3), distinct=False)[1]
    texts = [*(caption for _, caption in EXAMPLE), *captions, *ODD, *any_texts(100)]
    pixels = pictures_for(clip.config.image.image_size) if pixels is None else pixels
    images = clip.encode_image(normalise(torch.from_numpy(pixels)))
    encoded = clip.encode_text(*tokenizer.batch(texts))
    return {
        "name": name,
        "path": str(FOLDERS[name] / f"{name}.safetensors"),
        "words": words(name),
        "texts": texts,
        "ids": [tokenizer.encode(text) for text in texts],
        "pixels": packed(pixels),
        "embeddings": packed(torch.cat([images, encoded]).numpy()),
        "cosines": packed((images @ encoded.T).numpy()),
        "scale": clip.scale.item(),
        "followed": followed(clip, tokenizer, pixels[2], "a small red circle, then a 星"),
        "most": 1e-5,
    }


def scenes() -> list[dict]:
    """The recurring ones, and some at places of any fineness, at the sizes of both models."""
    generator = np.random.default_rng(0)
    close = [Scene((Object("triangle", "red", "large", *place),)) for place in CLOSE]
    drawn = [*(scene for scene, _ in EXAMPLE), *close, *sample(300, generator)]
    return [
        {"scene": asdict(scene), "size": size, "picture": packed(np.asarray(render(scene, size)))}
        for k, scene in enumerate(drawn)
        for size in ([32, 48] if k < 60 else [32])
    ]


def resized() -> list[dict]:
    generator, cases = np.random.default_rng(1), []
    sizes = [
        (32, 32),
        (48, 48),
        (64, 64),
        (33, 47),
        (256, 100),
        (7, 5),
        (1, 1),
        (300, 211),
        (7, 1200),
    ]
    for width, height in sizes:
        levels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        levels[: height // 2] //= 16
        for size in (32, 48):
            square = seen(Image.fromarray(levels), size)
            facts = {"width": width, "height": height, "size": size}
            cases.append(facts | {"pixels": packed(levels), "square": packed(square)})
    return cases


def seen(picture: Image.Image, size: int) -> np.ndarray:
    """The levels that `preprocess` goes on with."""
    from clipbook.image.preprocessing import _resize_and_crop

    square = np.asarray(_resize_and_crop(picture, size))
    assert torch.equal(preprocess(picture, size), normalise(torch.from_numpy(square[None].copy())))
    return square


def everywhere() -> list[dict]:
    """Each shape in each size at every place of two decimals that it may have."""
    cases = []
    for shape in SHAPES:
        for size in SIZES:
            margin = round(100 * RADIUS[size])
            places = [k / 100 for k in range(margin, 101 - margin)]
            digests = [column(shape, size, x, places) for x in places]
            cases.append({"shape": shape, "size": size, "places": places, "digests": digests})
    return cases


def column(shape: str, size: str, x: float, places: list[float]) -> str:
    hashed = hashlib.sha256()
    for y in places:
        hashed.update(render(Scene((Object(shape, "red", size, x, y),), "grey")).tobytes())
    return hashed.hexdigest()


def run_in_node(script: str, folder: Path, **cases) -> None:
    """Node's tests beside this file, given what they expect."""
    program = shutil.which("node")
    if program is None:
        pytest.fail("node is missing: apt-get install nodejs, or https://nodejs.org", pytrace=False)
    finite = [half for half in range(65_536) if half & 0x7C00 != 0x7C00]
    base = {
        "kernel": packed(np.frombuffer(kernel.assembled(), np.uint8)),
        "halves": packed(np.array(finite, np.uint16).view(np.float16).astype(np.float32)),
        "world": made_world(),
        "served": {name: files.minified(script) for name, script in files.ENGINES.items()},
    }
    (folder / "expected.json").write_text(json.dumps(base | cases))
    done = subprocess.run(
        [program, "--test", str(Path(__file__).with_name(script))],
        env={"EXPECTED": str(folder / "expected.json"), "PATH": str(Path(program).parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout


@pytest.mark.slow
def test_it_answers_as_pytorch_does_and_draws_and_resizes_as_pillow_does(tmp_path):
    models = [model("shapes"), model("emoji"), model("shapes-cnn")]
    given = {"scenes": scenes(), "resized": resized(), "everywhere": []}
    run_in_node("engine.test.mjs", tmp_path, models=models, **given)


@pytest.mark.slow
def test_every_shape_is_pillows_in_every_size_at_every_place(tmp_path):
    one = model("shapes")
    given = {"scenes": [], "resized": [], "everywhere": everywhere()}
    run_in_node("engine.test.mjs", tmp_path, models=[one], **given)
