"""JSON from strangers: whatever is wrong with it is a ValueError."""

import json
from typing import Any


def parse(text: str) -> Any:
    """What `json.loads` gives.

    Raises ValueError also for what that lets pass, a name that stands twice in an object (the last
    would win) and NaN or Infinity, which are no JSON, and for what it dies of, deep nesting.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_json)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"{name[:40]!r} stands in one object twice; keep one of them")
        members[name] = value
    return members


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON; write a number, or null")
