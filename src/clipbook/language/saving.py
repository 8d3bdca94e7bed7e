"""A `PaliGemma` as one safetensors file: its weights, and its configuration in the header."""

import json
from dataclasses import asdict
from pathlib import Path

import torch

from clipbook.image import Preprocessing, ViTConfig
from clipbook.language.decoder import DecoderConfig
from clipbook.language.paligemma import PaliGemma, PaliGemmaConfig
from clipbook.pairs.config_json import ENCODERS, check_names, config_part, typed
from clipbook.pairs.saving import (
    built,
    check_weights,
    load_weights,
    read_tensors,
    weights_as,
    write_tensors,
)
from clipbook.strict_json import parse
from clipbook.validation import one_of


def paligemma_to_json(config: PaliGemmaConfig) -> str:
    """All fields, and by the name of its config which kind the image encoder is."""
    return json.dumps({"encoder": type(config.image).__name__, **asdict(config)})


def paligemma_from_json(text: str) -> PaliGemmaConfig:
    """Raises ValueError, naming the field, for anything that `paligemma_to_json` did not write."""
    try:
        values = parse(text)
        check_names("config", values, ["encoder", *PaliGemmaConfig.__dataclass_fields__])
        one_of("encoder", values["encoder"], ENCODERS)
        return PaliGemmaConfig(
            config_part("image", values["image"], ENCODERS[values["encoder"]]),
            config_part("decoder", values["decoder"], DecoderConfig),
            typed("tokens_after", values["tokens_after"], str),
            typed("image_norm", values["image_norm"], str),
            typed("prefix", values["prefix"], bool),
            config_part("preprocessing", values["preprocessing"], Preprocessing),
        )
    except ValueError as error:
        raise ValueError(f"no configuration of a PaliGemma ({error})") from error


def save_paligemma(model: PaliGemma, path: str | Path, dtype: torch.dtype | None = None) -> None:
    """Write the model's weights and configuration as one file.

    dtype: float16 halves the file; weights are kept as they are without it. Raises ValueError for
    a type that is none of those that weights may have and for a weight that is too large for it,
    and OSError for a path where no file can be.
    """
    write_tensors(weights_as(model, dtype), Path(path), {"config": paligemma_to_json(model.config)})


def load_paligemma(path: str | Path) -> PaliGemma:
    """A model that `save_paligemma` wrote, in float32, on the CPU, in eval mode.

    Raises FileNotFoundError, or ValueError that names the file, and the field or the tensors, for
    what `save_paligemma` did not write.
    """
    tensors, metadata = read_tensors(Path(path))
    try:
        config = paligemma_from_json(metadata.get("config", "null"))
        _check_depths(config, tensors)
    except ValueError as error:
        raise ValueError(f"{path} holds {error}; save it with save_paligemma") from error
    try:
        with torch.device("meta"):  # shapes alone, without memory
            model = PaliGemma(config)
    except RuntimeError as error:
        raise ValueError(f"{path} holds sizes that no model has ({error})") from None
    check_weights(model, tensors, str(path))
    model = built(lambda: PaliGemma(config))
    load_weights(model, tensors, str(path))
    return model.eval()


def _check_depths(config: PaliGemmaConfig, tensors: dict[str, torch.Tensor]) -> None:
    """Raises ValueError where a part has not as many blocks as there are weights of."""
    depths = {"decoder": config.decoder.depth}
    if isinstance(config.image, ViTConfig):
        depths["image_encoder"] = config.image.depth
    for part, depth in depths.items():
        blocks = {name.split(".")[2] for name in tensors if name.startswith(f"{part}.blocks.")}
        if depth != len(blocks):
            raise ValueError(f"{part}.depth={depth} and the weights of {len(blocks)} blocks")
