"""A CLIP's configuration as JSON, and back, with a check of every field."""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, fields
from typing import Any, get_args, get_origin

from clipbook.image import CNNConfig, Preprocessing, ViTConfig
from clipbook.pairs.clip import CLIPConfig
from clipbook.strict_json import parse
from clipbook.text import TextConfig
from clipbook.validation import excerpt, one_of

ENCODERS = {"ViTConfig": ViTConfig, "CNNConfig": CNNConfig}


LATER: dict[type[Any], tuple[str, ...]] = {
    CLIPConfig: ("initial_bias", "preprocessing"),
    ViTConfig: ("norm_eps", "input_norm", "projection", "patch_bias"),
    TextConfig: ("norm_eps", "projection_bias"),
}
"""Fields that came after the first files were written. Where they have their default they are not
written, so that an older file, and what a checkpoint says of its run, is the same as a new one."""


def config_to_json(config: CLIPConfig) -> str:
    """All fields but the `LATER` ones at their defaults, and by the name of its config which kind
    the image encoder is."""
    values = {"encoder": type(config.image).__name__, **_written(config)}
    values |= {"image": _written(config.image), "text": _written(config.text)}
    return json.dumps(values)


def _written(config: Any) -> dict[str, Any]:
    defaults = type(config)()
    left_out = {
        name for name in _later(type(config)) if getattr(config, name) == getattr(defaults, name)
    }
    return {name: value for name, value in asdict(config).items() if name not in left_out}


def _later(config: type[Any]) -> tuple[str, ...]:
    return LATER.get(config, ())


def config_from_json(text: str) -> CLIPConfig:
    """Raises ValueError, naming the field, for anything that `config_to_json` did not write."""
    try:
        values = parse(text)
        names = ["encoder", *CLIPConfig.__dataclass_fields__]
        check_names("config", values, names, _later(CLIPConfig))
        one_of("encoder", values["encoder"], ENCODERS)
        later: dict[str, Any] = {}
        if "initial_bias" in values:
            later["initial_bias"] = typed("initial_bias", values["initial_bias"], float)
        if "preprocessing" in values:
            later["preprocessing"] = config_part(
                "preprocessing", values["preprocessing"], Preprocessing
            )
        return CLIPConfig(
            config_part("image", values["image"], ENCODERS[values["encoder"]]),
            config_part("text", values["text"], TextConfig),
            typed("initial_temperature", values["initial_temperature"], float),
            **later,
        )
    except ValueError as error:
        raise ValueError(f"no configuration of a CLIP model ({error})") from error


def check_names(
    name: str, values: Any, expected: Iterable[str], optional: Iterable[str] = ()
) -> None:
    if not isinstance(values, dict):
        raise ValueError(f"{name} is {excerpt(values)}, not an object with fields")
    missing = set(expected) - set(optional) - values.keys()
    unknown = values.keys() - set(expected)
    if missing or unknown:
        raise ValueError(
            f"{name} has not the fields that it should: missing {sorted(missing) or 'nothing'}, "
            f"unknown {sorted(unknown) or 'nothing'}"
        )


def config_part(name: str, values: Any, config: type[Any]) -> Any:
    check_names(name, values, config.__dataclass_fields__, _later(config))
    try:
        arguments = {
            field.name: typed(field.name, values[field.name], field.type)
            for field in fields(config)
            if field.name in values
        }
        return config(**arguments)
    except ValueError as error:
        raise ValueError(f"{name}.{error}") from None


def typed(name: str, value: Any, kind: Any) -> Any:
    """A value from JSON in the type that a field has; whether it makes sense, the config says."""
    if get_origin(kind) is tuple and isinstance(value, list):
        item_kind = get_args(kind)[0]
        return tuple(typed(f"{name}[{k}]", item, item_kind) for k, item in enumerate(value))
    if kind is float and type(value) in (int, float):
        with suppress(OverflowError):
            return float(value)
    elif type(value) is kind:
        return value
    raise ValueError(f"{name}={excerpt(value)} is no {getattr(kind, '__name__', kind)}")
