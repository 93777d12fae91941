"""How requests and answers look in a recording: JSON for messages and bytes, and what no two runs share masked."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from google.protobuf import any_pb2, descriptor_pool, message, message_factory, struct_pb2, wrappers_pb2
from google.rpc import error_details_pb2

Json: TypeAlias = Any
"""What `json.loads` gives."""

Masks: TypeAlias = Sequence[tuple[re.Pattern[str], str]]

FOLDER_PREFIX = "parity-"
KNOWN_IN_ANY = (error_details_pb2, struct_pb2, wrappers_pb2)
"""What a `google.protobuf.Any` is unpacked into when it has such a message (importing these registers them)."""

MASKS: Masks = (
    (re.compile(r"\b[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\b"), "<traceparent>"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"), "<time>"),
    (re.compile(r"(127\.0\.0\.1|localhost|\[::1?\]):\d{4,5}"), r"\1:<port>"),
    (re.compile(re.escape(tempfile.gettempdir()) + rf"/{FOLDER_PREFIX}[A-Za-z0-9_]+"), "<dir>"),
    # What a gRPC library calls itself is its own, and cannot be replaced.
    (re.compile(r"\bgrpc-(?:go|python(?:-asyncio)?)/<version>(?: grpc-c/<version> \(.*\))?"), "<grpc>"),
    # Go's protobuf library puts one of two kinds of space here, by chance of the build
    # (google.golang.org/protobuf internal/errors, "a deliberately unstable prefix").
    (re.compile("proto:\u00a0"), "proto: "),
)

ANSWER_HEADERS = re.compile(
    r"content-type|etag|allow|location|retry-after|www-authenticate|traceparent|tracestate|baggage"
    r"|metadata\..*|access-control-.*|x-.*|dapr-.*"
)
ANSWER_METADATA = re.compile(r"traceparent|tracestate|baggage|metadata\..*|dapr-.*|x-.*")
REQUEST_HEADERS = re.compile(
    r"content-type|content-length|accept|user-agent|authorization|forwarded|traceparent|tracestate|baggage"
    r"|pubsubname|timezone|readtimeutc|rawpayload|ttlinseconds|metadata\..*|cloudevent\..*|dapr-.*|x-.*"
)


def bytes_as_json(content: bytes) -> Json:
    """Bytes as `{"text": …}` when they are UTF-8, else as `{"base64": …}`."""
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def json_as_bytes(value: Json) -> bytes:
    """The bytes that `bytes_as_json` wrote; none for anything else."""
    if not isinstance(value, dict):
        return b""
    return base64.b64decode(value["base64"]) if "base64" in value else str(value.get("text", "")).encode()


def message_as_json(value: message.Message) -> Json:
    """A protobuf message, only with the fields that are set, under their names in the proto file."""
    if isinstance(value, any_pb2.Any):
        return _any_as_json(value)
    return {field.name: _field_as_json(field, content) for field, content in value.ListFields()}


def _any_as_json(value: any_pb2.Any) -> Json:
    with contextlib.suppress(KeyError, message.DecodeError):
        kind = descriptor_pool.Default().FindMessageTypeByName(value.TypeName())
        inner = message_factory.GetMessageClass(kind).FromString(value.value)
        return {"@type": value.type_url, **message_as_json(inner)}
    return {"type_url": value.type_url, "value": bytes_as_json(value.value)}


def _field_as_json(field: Any, content: Any) -> Json:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        kind = field.message_type.fields_by_name["value"]
        return {str(key): _item_as_json(kind, content[key]) for key in sorted(content, key=str)}
    if field.is_repeated:
        return [_item_as_json(field, item) for item in content]
    return _item_as_json(field, content)


def _item_as_json(field: Any, item: Any) -> Json:
    if isinstance(item, message.Message):
        return message_as_json(item)
    if isinstance(item, bytes):
        return bytes_as_json(item)
    if field.enum_type is not None:
        named = field.enum_type.values_by_number.get(item)
        return named.name if named else item
    return item


def body_as_json(content: bytes, content_type: str) -> Json:
    """A body parsed when it is JSON (with whether it ends in a newline), else as its bytes."""
    if not content:
        return None
    if "json" in content_type:
        with contextlib.suppress(ValueError):
            return {"json": json.loads(content), "newline": content.endswith(b"\n")}
    return bytes_as_json(content)


def headers_as_json(pairs: Iterable[tuple[str, str | bytes]], wanted: re.Pattern[str]) -> dict[str, Json]:
    """The headers that say something about the sidecar, in lower case and sorted; repeated ones as a list."""
    found: dict[str, list[Json]] = {}
    for name, value in pairs:
        if wanted.fullmatch(name.lower()):
            found.setdefault(name.lower(), []).append(_header_as_json(name.lower(), value))
    return {name: values if len(values) > 1 else values[0] for name, values in sorted(found.items())}


def _header_as_json(name: str, value: str | bytes) -> Json:
    if isinstance(value, bytes):
        return bytes_as_json(value)
    if name != "user-agent":
        return value
    # Which library speaks gRPC is no property of Dapr's.
    return "grpc-go/<version>" if value.startswith("grpc-") else re.sub(r"[\d.]+(-\w+)?", "<version>", value)


def masked(value: Json, more: Masks = ()) -> Json:
    """The same value without ids, times, traces, ports and temporary folders."""
    if isinstance(value, str):
        for pattern, name in (*MASKS, *more):
            value = pattern.sub(name, value)
        return value
    if isinstance(value, Mapping):
        return {masked(key, more): masked(item, more) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item, more) for item in value]
    return value


def differences(expected: Json, actual: Json, at: str = "") -> list[str]:
    """Every place in which two masked answers differ, one line each."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        lines = [f"{at}.{key}: missing, expected {_short(expected[key])}" for key in expected if key not in actual]
        lines += [f"{at}.{key}: not expected, is {_short(actual[key])}" for key in actual if key not in expected]
        for key in expected:
            if key in actual:
                lines += differences(expected[key], actual[key], f"{at}.{key}")
        return lines
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = enumerate(zip(expected, actual, strict=True))
        return [line for number, pair in pairs for line in differences(*pair, f"{at}[{number}]")]
    if expected == actual and isinstance(expected, bool) == isinstance(actual, bool):
        return []
    return [f"{at}: expected {_short(expected)}, is {_short(actual)}"]


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 400 else text[:400] + "…"
