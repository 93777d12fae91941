"""What travels between workflows and activities: JSON, and a few objects that stand for it."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace
from typing import Any

MARK = "__durabletask_autoobject__"
"""Marks a JSON object that was an object with attributes; it becomes one again."""


def dump(value: Any) -> str:
    """A value as JSON. Dataclasses and namespaces are marked objects, models (pydantic's) are plain ones."""
    return _ENCODER.encode(value)


def dump_optional(value: Any) -> str | None:
    """The same, but None is no payload at all."""
    return None if value is None else dump(value)


def load(text: str) -> Any:
    """What a JSON text says; an empty text says None."""
    return _DECODER.decode(text) if text else None


def is_model(kind: Any) -> bool:
    """Whether a class makes its objects from plain data by itself, as pydantic's models do."""
    return isinstance(kind, type) and hasattr(kind, "model_validate") and hasattr(kind, "model_dump")


def _plain(value: Any) -> Any:
    if is_model(type(value)):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {**dataclasses.asdict(value), MARK: True}
    if isinstance(value, SimpleNamespace):
        return {**vars(value), MARK: True}
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _object(found: dict[str, Any]) -> Any:
    if found.pop(MARK, False):
        return SimpleNamespace(**found)
    return found


_ENCODER, _DECODER = json.JSONEncoder(default=_plain), json.JSONDecoder(object_hook=_object)
