"""A model as one safetensors file: its weights, and its configuration as JSON in the header.

Nothing is unpickled, so a file from a stranger can be wrong but not run code.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from clipbook.image import CNNConfig, ViTConfig
from clipbook.pairs.clip import CLIP, CLIPConfig
from clipbook.text import TextConfig


def config_to_json(config: CLIPConfig) -> str:
    return json.dumps({"encoder": type(config.image).__name__, **asdict(config)})


def config_from_json(text: str) -> CLIPConfig:
    """Raises ValueError for anything that `config_to_json` did not write."""
    try:
        values = json.loads(text)
        image_config = {"ViTConfig": ViTConfig, "CNNConfig": CNNConfig}[values.pop("encoder")]
        image = values.pop("image")
        if "widths" in image:
            image["widths"] = tuple(image["widths"])
        text_config = TextConfig(**values.pop("text"))
        return CLIPConfig(image_config(**image), text_config, **values)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"no configuration of a CLIP model ({type(error).__name__}: {error})"
        ) from error


def write_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write a safetensors file so that it is either there whole or not at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, unfinished, metadata)
    with open(unfinished, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, and the metadata. Raises ValueError, naming the file, if it is damaged."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is damaged or no safetensors file ({error}); copy or train it again"
        ) from error


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy tensors into a module. Raises ValueError that names what is missing, left over or of
    another shape; the module is unchanged then."""
    wanted = module.state_dict()
    missing = sorted(wanted.keys() - tensors.keys())
    left_over = sorted(tensors.keys() - wanted.keys())
    misshapen = [
        f"{name} {tuple(tensors[name].shape)} for {tuple(wanted[name].shape)}"
        for name in sorted(wanted.keys() & tensors.keys())
        if tensors[name].shape != wanted[name].shape
    ]
    if missing or left_over or misshapen:
        raise ValueError(
            f"{source} does not fit the model: missing {missing or 'nothing'}, left over "
            f"{left_over or 'nothing'}, misshapen {misshapen or 'nothing'}; build the model from "
            "the configuration that the weights were saved with"
        )
    module.load_state_dict({name: tensors[name].to(wanted[name].dtype) for name in wanted})


def save_model(model: CLIP, path: str | Path, dtype: torch.dtype | None = None) -> None:
    """dtype: float16 halves the file; weights are kept as they are without it."""
    weights = {
        name: value.to(dtype) if dtype and value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    write_tensors(weights, Path(path), {"config": config_to_json(model.config)})


def load_model(path: str | Path) -> CLIP:
    """A model that `save_model` wrote, in float32, on the CPU, in eval mode.

    Raises FileNotFoundError, or ValueError for a damaged file or weights that don't fit.
    """
    tensors, metadata = read_tensors(Path(path))
    try:
        config = config_from_json(metadata.get("config", "null"))
    except ValueError as error:
        raise ValueError(f"{path} holds {error}; save it with save_model") from error
    model = CLIP(config)
    load_weights(model, tensors, str(path))
    return model.eval()
