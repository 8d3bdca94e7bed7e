"""CLIP, SigLIP and PaliGemma themselves: weights of the Hugging Face hub in our modules, with the
preprocessing and the tokenizer that they were trained with.

Shown in: book/real/pretrained.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from clipbook.image import Preprocessing
from clipbook.language import Answerer
from clipbook.pairs import CLIP, CLIPConfig
from clipbook.pairs.saving import read_tensors
from clipbook.pretrained.hub import CONFIG, NAMED, PICTURES, fetch, weight_files
from clipbook.pretrained.layouts import LAYOUTS
from clipbook.pretrained.library_tokenizer import LibraryTokenizer
from clipbook.pretrained.paligemma import build_paligemma, paligemma_config
from clipbook.pretrained.paligemma_tokenizer import PaliGemmaTokenizer
from clipbook.pretrained.transformers import build
from clipbook.strict_json import parse
from clipbook.text import CLIPTokenizer
from clipbook.validation import excerpt

MERGES, PIECES = "merges.txt", "tokenizer.json"
PALIGEMMA = "google/paligemma-3b-pt-224"
BICUBIC = 3
"""Pillow's number of it, which the files give."""


def load_real(
    name: str, tell: Callable[[str], None]
) -> tuple[CLIP, CLIPTokenizer | LibraryTokenizer] | Answerer:
    """A model of the hub, in eval mode, float32, on the CPU, and its tokenizer. See `load`."""
    folder = fetch(name, (MERGES, PIECES), tell)
    try:
        kind = _object(folder / CONFIG).get("model_type")
    except (OSError, ValueError):
        kind = None  # `read_folder` says what is wrong
    if kind == "paligemma":
        return read_paligemma(folder, name)
    return read_folder(folder, name)


def read_paligemma(folder: Path, name: str) -> Answerer:
    """A PaliGemma and its tokenizer, from a repository's files; name: what errors call it.

    Raises ValueError, naming the model and what is wrong, for what our modules can't express.
    """
    try:
        theirs = _filled_in("PaliGemmaForConditionalGeneration", _object(folder / CONFIG))
        config = paligemma_config(theirs)
        steps = read_preprocessing(_object(folder / PICTURES), config.image.image_size)
        config = replace(config, preprocessing=steps)
        model = build_paligemma(config, _weights(folder), "PaliGemmaForConditionalGeneration")
        tokenizer = PaliGemmaTokenizer.load(folder / PIECES)
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: {error}; try {PALIGEMMA}") from error
    return Answerer(model, tokenizer)


def read_folder(folder: Path, name: str) -> tuple[CLIP, CLIPTokenizer | LibraryTokenizer]:
    """The model and the tokenizer that a repository's files hold; name: what errors call it.

    Raises ValueError, naming the model and what is wrong, for what our modules can't express.
    """
    try:
        values = _object(folder / CONFIG)
        layout = LAYOUTS.get(str(values.get("model_type")))
        if layout is None:
            raise ValueError(
                f"model_type={excerpt(values.get('model_type'))} in {CONFIG}: our modules know "
                f"{' and '.join(LAYOUTS)}"
            )
        theirs = _filled_in(layout.kind, values)
        config = layout.config(theirs)
        steps = read_preprocessing(_object(folder / PICTURES), config.image.image_size)
        config = replace(config, preprocessing=steps)
        model = build(config, layout, _weights(folder), layout.kind)
        tokenizer = _tokenizer(folder, config)
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: {error}; try {' or '.join(NAMED)}") from error
    return model, tokenizer


def _weights(folder: Path) -> dict[str, Tensor]:
    """Of one file or of several, without the positions 0, 1, 2… that older ones hold."""
    weights: dict[str, Tensor] = {}
    for path in weight_files(folder):
        weights |= read_tensors(path)[0]
    return {k: v for k, v in weights.items() if not k.endswith(".position_ids")}


def _object(path: Path) -> dict[str, Any]:
    values = parse(path.read_text("utf-8"))
    if not isinstance(values, dict):
        raise ValueError(f"{path.name} holds {excerpt(values)}, no object with fields")
    return values


def _filled_in(kind: str, values: dict[str, Any]) -> Any:
    """Their configuration, in which a file leaves out what is as usual."""
    try:
        import transformers
    except ImportError:
        raise ImportError(
            f"reading {CONFIG} of a {kind} needs transformers; try pip install transformers"
        ) from None
    config_class = getattr(transformers, kind).config_class
    logs = transformers.utils.logging
    level = logs.get_verbosity()
    logs.set_verbosity_error()  # SigLIP's own files name tokens that it hasn't, and it would say so
    try:
        return config_class.from_dict(values)
    except Exception as error:  # the library's own check of types has errors of its own
        raise ValueError(f"{CONFIG} can't be read: {str(error).splitlines()[0]}") from error
    finally:
        logs.set_verbosity(level)


def read_preprocessing(values: dict[str, Any], size: int) -> Preprocessing:
    """What a `preprocessor_config.json` says, in our words; size: the encoder's, in px.

    Raises ValueError for steps that `preprocess` does not take.
    """
    crops = values.get("do_center_crop", False)
    side = {"height": size, "width": size}
    sizes: tuple[Any, ...] = (size, {"shortest_edge": size}) if crops else (side,)
    expected = {
        "size": sizes,
        "resample": (BICUBIC,),
        "do_resize": (True,),
        "do_rescale": (True,),
        "do_normalize": (True,),
        "rescale_factor": (1 / 255,),
    }
    if crops:
        expected["crop_size"] = (size, side)
    for field, choices in expected.items():
        value = values.get(field, choices[0])
        if value not in choices:
            raise ValueError(
                f"{field}={excerpt(value)} in {PICTURES}: our preprocessing knows "
                f"{' or '.join(map(str, choices))}"
            )
    return Preprocessing(
        "crop" if crops else "stretch",
        mean=_three(values, "image_mean"),
        std=_three(values, "image_std"),
    )


def _three(values: dict[str, Any], field: str) -> tuple[float, ...]:
    numbers = values.get(field)
    if not isinstance(numbers, list):
        raise ValueError(f"{field}={excerpt(numbers)} in {PICTURES}: three numbers are needed")
    return tuple(numbers)


def _tokenizer(folder: Path, config: CLIPConfig) -> CLIPTokenizer | LibraryTokenizer:
    context = config.text.context_length
    tokenizer: CLIPTokenizer | LibraryTokenizer
    if config.text.reads_padding:
        tokenizer = LibraryTokenizer.load(folder / PIECES, context)
    else:
        tokenizer = CLIPTokenizer.load(folder / MERGES, context)
    if tokenizer.vocab_size > config.text.vocab_size:
        raise ValueError(
            f"the tokenizer has {tokenizer.vocab_size:,} tokens, the model knows "
            f"{config.text.vocab_size:,}"
        )
    return tokenizer
