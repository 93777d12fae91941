"""Protobuf messages as JSON as Go's protojson writes them: camelCase, what is unset left out, a space after commas.

Go writes those spaces or not by the toss of a coin at build time; daprd 1.18's has fallen so.
"""

from __future__ import annotations

import base64
import math
from typing import Any

from google.protobuf import symbol_database
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from fakesidecar.golang.encode import write_spaced
from fakesidecar.golang.error import GoError
from fakesidecar.golang.text import quote

_F = FieldDescriptor
_LONG = (_F.CPPTYPE_INT64, _F.CPPTYPE_UINT64)
_FLOATS = (_F.CPPTYPE_FLOAT, _F.CPPTYPE_DOUBLE)


def format_protojson(message: Message) -> bytes:
    """Write a message as protojson.Marshal does."""
    return write_spaced(_tree(message))


def _tree(message: Any) -> Any:
    name = message.DESCRIPTOR.full_name
    package, _, kind = name.rpartition(".")
    if package == "google.protobuf":
        if kind == "Any":
            return _any(message)
        if kind == "Value":
            return _value(message)
        if kind == "Struct":
            return {key: _value(message.fields[key]) for key in sorted(message.fields)}
        if kind == "ListValue":
            return [_value(value) for value in message.values]
        if kind in ("Duration", "Timestamp", "FieldMask"):
            return message.ToJsonString()
        if kind.endswith("Value"):
            return _scalar(message.value, message.DESCRIPTOR.fields_by_name["value"])
    return {field.json_name: _field(value, field) for field, value in message.ListFields()}


def _any(message: Any) -> Any:
    """The message inside, beside its type; what has no JSON form of an object stands under `value`."""
    if not message.type_url:
        if not message.value:
            return {}
        raise GoError("proto: google.protobuf.Any: type_url is not set")
    try:
        inner = symbol_database.Default().GetSymbol(message.type_url.rpartition("/")[2])()
    except KeyError:
        raise GoError(f"proto: google.protobuf.Any: unable to resolve {quote(message.type_url)}: not found") from None
    inner.MergeFromString(message.value)
    tree = _tree(inner)
    special = inner.DESCRIPTOR.file.package == "google.protobuf" and inner.DESCRIPTOR.full_name not in _ORDINARY
    return {"@type": message.type_url, **({"value": tree} if special else tree)}


_ORDINARY = frozenset(f"google.protobuf.{kind}" for kind in ("Empty", "Type", "Api", "Method", "Mixin", "Field"))


def _value(message: Any) -> Any:
    """A google.protobuf.Value."""
    kind = message.WhichOneof("kind")
    if kind is None:
        raise GoError("proto: google.protobuf.Value: none of the oneof fields is set")
    found = getattr(message, kind)
    if kind == "null_value":
        return None
    if kind == "number_value" and not math.isfinite(found):
        raise GoError(f"proto: google.protobuf.Value: number_value: cannot be {found}")
    return _tree(found) if isinstance(found, Message) else found


def _field(value: Any, field: FieldDescriptor) -> Any:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        inner = entry.fields_by_name["value"]
        return {_key(key): _scalar(value[key], inner) for key in sorted(value)}
    if field.is_repeated:
        return [_scalar(item, field) for item in value]
    return _scalar(value, field)


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _scalar(value: Any, field: FieldDescriptor) -> Any:
    if isinstance(value, Message):
        return _tree(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if field.enum_type is not None:
        named = field.enum_type.values_by_number.get(value)
        return value if named is None else named.name
    if field.cpp_type in _LONG:
        return str(value)
    if field.cpp_type in _FLOATS and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
