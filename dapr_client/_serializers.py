"""How what applications say becomes bytes, and bytes what they said."""

from __future__ import annotations

import base64
import json
import re
import types
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Union, get_args, get_origin

Hook = Callable[[Any], Any]


class Serializer(ABC):
    """Makes bytes of values, and values of bytes."""

    @abstractmethod
    def serialize(self, obj: object, custom_hook: Hook | None = None) -> bytes:
        """The value as bytes; `custom_hook` may make another value of it first."""

    @abstractmethod
    def deserialize(self, data: bytes, data_type: Any = object, custom_hook: Hook | None = None) -> Any:
        """The value that the bytes stand for, of that type if the type is one that is known."""


class DefaultJSONSerializer(Serializer):
    """JSON. Bytes become base64, moments and dates ISO 8601, durations Dapr's: `0h0m5s0ms0μs`.

    Text stays text when it is read, whatever it looks like: the other types come back where `data_type` names them.
    """

    def __init__(self, ensure_ascii: bool = True) -> None:
        self.ensure_ascii = ensure_ascii

    def serialize(self, obj: object, custom_hook: Hook | None = None) -> bytes:
        value = custom_hook(obj) if callable(custom_hook) else obj
        return json.dumps(value, default=_as_json, separators=(",", ":"), ensure_ascii=self.ensure_ascii).encode()

    def deserialize(self, data: bytes, data_type: Any = object, custom_hook: Hook | None = None) -> Any:
        if not isinstance(data, str | bytes):
            raise ValueError("data must be str or bytes types")
        value = json.loads(data)
        return custom_hook(value) if callable(custom_hook) else as_type(value, data_type)


def _as_json(value: object) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return to_duration(value)
    if callable(known := getattr(value, "as_dict", None)):
        return known()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


READERS: dict[Any, Callable[[str], Any]] = {
    bytes: base64.b64decode,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    timedelta: lambda text: from_duration(text),
}
"""The types that JSON has no form of, and how their text is read."""


def as_type(value: Any, wanted: Any) -> Any:
    """A value of JSON as the type that somebody wants, where that is one that JSON writes as text."""
    if isinstance(value, str) and wanted in READERS:
        return READERS[wanted](value)
    if value is not None and get_origin(wanted) in (Union, types.UnionType):
        some = [one for one in get_args(wanted) if one is not type(None)]
        return as_type(value, some[0]) if len(some) == 1 else value
    return value


# --- durations ---

NANOSECONDS = {
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1000,
    "\u00b5s": 1000,
    "\u03bcs": 1000,
    "ns": 1,
}
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|\u00b5s|\u03bcs|ns)")
DURATION = re.compile(rf"[+-]?(?:{PART.pattern})+")


def to_duration(length: timedelta) -> str:
    """A duration as Dapr reads it: `1h2m3s4ms5μs`."""
    micros = length // timedelta(microseconds=1)
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    millis, micros = divmod(micros, 1000)
    seconds, millis = divmod(millis, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}h{minutes}m{seconds}s{millis}ms{micros}\u03bcs"


def from_duration(duration: str) -> timedelta:
    """The length of a duration of Go's: `1h30m`, `1.5s`. ValueError if it is none."""
    if not DURATION.fullmatch(duration):
        raise ValueError(f"Invalid Dapr Duration format: '{duration}'")
    nanos = sum(float(number) * NANOSECONDS[unit] for number, unit in PART.findall(duration))
    return timedelta(microseconds=nanos / 1000) * (-1 if duration.startswith("-") else 1)
