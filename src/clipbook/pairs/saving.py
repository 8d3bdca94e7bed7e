"""A model as one safetensors file: its weights, and its configuration as JSON in the header.

Nothing is unpickled, so a file from a stranger can be wrong but not run code.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from clipbook.files import write_whole
from clipbook.image import ViTConfig
from clipbook.pairs.clip import CLIP, CLIPConfig
from clipbook.pairs.config_json import config_from_json, config_to_json
from clipbook.text import TextConfig
from clipbook.validation import one_of

Built = TypeVar("Built", bound=nn.Module)

FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
"""What weights may be kept as; a model that is loaded has them in the first."""


def write_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write a safetensors file so that it is either there whole or not at all.

    Raises as `clipbook.files.write_whole`.
    """
    whole = {name: value.detach().contiguous() for name, value in tensors.items()}

    def write(unfinished: Path) -> None:
        try:
            save_file(whole, unfinished, metadata)
        except SafetensorError as error:
            raise OSError(error) from error

    write_whole(path, write)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, and the metadata.

    Raises FileNotFoundError, or ValueError, naming the file, if it is damaged.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is damaged or no safetensors file ({error}); copy or train it again"
        ) from error


def check_weights(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Raises ValueError that names the tensors that are missing, left over, of another shape, or
    of a type that a weight can't be copied from."""
    weights = module.state_dict()
    missing = sorted(weights.keys() - tensors.keys())
    left_over = sorted(tensors.keys() - weights.keys())
    shared = [
        (name, tensors[name], weights[name]) for name in sorted(weights.keys() & tensors.keys())
    ]
    misshapen = [
        f"{name} {tuple(tensor.shape)} for {tuple(weight.shape)}"
        for name, tensor, weight in shared
        if tensor.shape != weight.shape
    ]
    mistyped = [
        f"{name} {tensor.dtype} for {weight.dtype}"
        for name, tensor, weight in shared
        if tensor.dtype != weight.dtype and not {tensor.dtype, weight.dtype} <= set(FLOATS)
    ]
    if missing or left_over or misshapen or mistyped:
        raise ValueError(
            f"{source} does not fit the model: missing {missing or 'nothing'}, left over "
            f"{left_over or 'nothing'}, misshapen {misshapen or 'nothing'}, of another type "
            f"{mistyped or 'nothing'}; build the model from the configuration that the weights "
            "were saved with"
        )


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy tensors into a module. Raises as `check_weights`; the module is unchanged then."""
    check_weights(module, tensors, source)
    module.load_state_dict(dict(tensors))  # copied into the module's own types


def built(build: Callable[[], Built]) -> Built:
    """What `build` makes, in float32, on the CPU, whose first weights others will replace:
    PyTorch's random numbers go on as if none had been drawn."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        return build().float()


def weights_as(model: nn.Module, dtype: torch.dtype | None) -> dict[str, Tensor]:
    """A model's weights in that type, or as they are without one.

    Raises ValueError for a type that is none of `FLOATS`, and, by name, for a weight that it can't
    hold.
    """
    weights: dict[str, Tensor] = model.state_dict()
    if dtype is None:
        return weights
    one_of("dtype", dtype, FLOATS)
    for name, value in weights.items():
        if value.is_floating_point():
            weights[name] = value.to(dtype)
            lost = value[weights[name].isinf() & value.isfinite()]
            if len(lost):
                size = lost.abs().max().item()
                room = [str(one) for one in FLOATS if torch.finfo(one).max >= size]
                raise ValueError(
                    f"{name} holds {lost[0].item():g}, more than {dtype} can; try "
                    f"{' or '.join(room)}"
                )
    return weights


def save_model(model: CLIP, path: str | Path, dtype: torch.dtype | None = None) -> None:
    """Write the model's weights and configuration as one file.

    dtype: float16 halves the file; weights are kept as they are without it. Raises ValueError for
    a type that is none of `FLOATS` and for a weight that is too large for it, and OSError for a
    path where no file can be.
    """
    write_tensors(weights_as(model, dtype), Path(path), {"config": config_to_json(model.config)})


def load_model(path: str | Path) -> CLIP:
    """A model that `save_model` wrote, in float32, on the CPU, in eval mode.

    Raises FileNotFoundError, or ValueError that names the file, and the field or the tensors, for
    what `save_model` did not write. Sizes that the weights don't have take no memory.
    """
    tensors, metadata = read_tensors(Path(path))
    try:
        config = config_from_json(metadata.get("config", "null"))
        _check_depths(config, tensors)
    except ValueError as error:
        raise ValueError(f"{path} holds {error}; save it with save_model") from error
    try:
        with torch.device("meta"):  # shapes alone, without memory
            model = CLIP(config)
    except RuntimeError as error:
        raise ValueError(f"{path} holds sizes that no model has ({error})") from None
    check_weights(model, tensors, str(path))
    model = built(lambda: CLIP(config))
    load_weights(model, tensors, str(path))
    return model.eval()


def _check_depths(config: CLIPConfig, tensors: Mapping[str, Tensor]) -> None:
    """Raises ValueError where a transformer has not as many blocks as there are weights of."""
    for name, tower in (("image", config.image), ("text", config.text)):
        blocks = {
            tensor_name.split(".")[2]
            for tensor_name in tensors
            if tensor_name.startswith(f"{name}_encoder.blocks.")
        }
        if isinstance(tower, ViTConfig | TextConfig) and tower.depth != len(blocks):
            raise ValueError(f"{name}.depth={tower.depth} and the weights of {len(blocks)} blocks")
