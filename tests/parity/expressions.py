"""The few words that a recording needs besides plain JSON.

A value in a request may depend on an earlier answer, and what is looked at may be a part of several
answers. Such a value is an object whose first key begins with `$`:

    {"$from": "get", "path": ["response", "etag"], "else": ""}    a part of an earlier answer
    {"$text": ["/v1.0/x/", {"$from": …}, "/y"]}                    texts in a row
    {"$bytes": "text"}  {"$base64": "…"}  {"$repeat": ["x", 5000]} bytes, and long texts
    {"$file": "crypto/documents/…"}  {"$slice": [e, 0, 100]}       what is in a file of `files/`, and a part of it
    {"$length": e}  {"$sorted": e}  {"$equal": [e, e]}  {"$pick": [e, names]}  …  see OPERATIONS
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from fakesidecar.clock import SystemClock

from .values import Json, json_as_bytes
from .workers import tidied, waited

FILES = Path(__file__).parent / "files"
"""What recordings name as `$FILES`."""

Lookup: TypeAlias = Callable[[str], Json]
"""Gives the answer of an earlier step by its name."""


def evaluate(value: Json, lookup: Lookup) -> Any:
    """The value that an expression stands for; plain JSON stands for itself."""
    if isinstance(value, list):
        return [evaluate(item, lookup) for item in value]
    if not isinstance(value, dict):
        return value
    word = next(iter(value), "")
    if word == "$from":
        return follow(lookup(value["$from"]), value.get("path", []), value.get("else"))
    if word.startswith("$"):
        return OPERATIONS[word](evaluate(value[word], lookup))
    return {key: evaluate(item, lookup) for key, item in value.items()}


def names_in(value: Json) -> set[str]:
    """The names of the earlier steps on which an expression depends."""
    if isinstance(value, list):
        return {name for item in value for name in names_in(item)}
    if not isinstance(value, dict):
        return set()
    own = {value["$from"]} if "$from" in value else set()
    return own | {name for item in value.values() for name in names_in(item)}


def follow(value: Json, path: list[str | int], otherwise: Json = None) -> Json:
    """The part of a value at a path, or `otherwise` where the path ends early."""
    for part in path:
        try:
            value = value[part]
        except (LookupError, TypeError):
            return otherwise
    return value


def _sorted(values: list[Json]) -> list[Json]:
    return sorted(values, key=canonical)


def canonical(value: Json) -> str:
    """A text by which values of any kind can be sorted."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _pick(arguments: list[Any]) -> Json:
    values, names = arguments
    return {name: (values or {}).get(name) for name in names}


def _found(arguments: list[Any]) -> list[str]:
    content, names = arguments
    return sorted(name for name in names if name.encode() in json_as_bytes(content))


def _each(arguments: list[Any]) -> list[Json]:
    """Of every item the part at a path, or (for a list of paths) the parts."""
    items, paths = arguments
    if paths and isinstance(paths[0], list):
        return [[follow(item, path, "") for path in paths] for item in items]
    return [follow(item, paths) for item in items]


def _count(arguments: list[Any]) -> int:
    """How many items have these values at these paths."""
    items, conditions = arguments
    return sum(all(follow(item, path) == value for path, value in conditions) for item in items)


def _matched(arguments: list[str]) -> str:
    """The first part of a text that a pattern matches."""
    text, pattern = arguments
    found = re.search(pattern, text or "")
    return found[0] if found else ""


def _unique(items: list[Json]) -> list[Json]:
    return list({canonical(item): item for item in items}.values())


def _parsed(value: Json) -> Json:
    """JSON in a text, for answers whose white space does not count."""
    if isinstance(value, dict) and str(value.get("text", "")).startswith("{"):
        return {"status": json.loads(value["text"])}
    return value


def _trace(value: Json) -> Json:
    """What can be said of a `traceparent` in any run."""
    if not isinstance(value, str):
        return value if value is None else repr(type(value).__name__)
    parts = value.split("-")
    if len(parts) != 4:
        return value
    version, trace, span, flags = parts
    return {
        "version": version,
        "same trace": trace == "0af7651916cd43dd8448eb211c80319c",
        "same span": span == "b7ad6b7169203331",
        "flags": flags,
        "zero trace": set(trace) == {"0"},
        "zero span": set(span) == {"0"},
    }


def _traced(header: dict[str, Json]) -> dict[str, Json]:
    """The metadata of a gRPC answer; the members of its `baggage` come in no order."""
    tidied = dict(header)
    if "traceparent" in header:
        tidied["traceparent"] = _trace(header["traceparent"])
    if "baggage" in header:
        tidied["baggage"] = ",".join(sorted(header["baggage"].split(",")))
    return tidied


def _headers(request: Json) -> dict[str, Json]:
    headers: dict[str, Json] = request.get("headers", request.get("metadata", {}))
    return headers


def _traces(requests: list[Json]) -> list[Json]:
    """The trace headers that came with each request that an application was sent."""
    return [
        {
            **{name: _headers(request).get(name) for name in ("tracestate", "baggage")},
            "traceparent": _trace(_headers(request).get("traceparent")),
        }
        for request in requests
    ]


def _tokens(requests: list[Json]) -> list[Json]:
    """Each kind of request that an application was sent, with the API token that came along, once."""
    kinds = {
        (f"{request['method']} {request.get('path', '')}", _headers(request).get("dapr-api-token"))
        for request in requests
    }
    return [list(kind) for kind in sorted(kinds, key=str)]


def _header_of_each(arguments: list[Any]) -> list[Json]:
    requests, path, name = arguments
    return [_headers(request).get(name) for request in requests if request.get("path") == path]


def _line(arguments: list[Any]) -> str:
    """One of the first lines of bytes."""
    content, number = arguments
    return str(content.split(b"\n")[number].decode())


def _digest(content: bytes) -> Json:
    return {"length": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _document(content: bytes) -> Json:
    """What of the header of an encrypted document is the same in every run; the digest of what has no header."""
    lines = content.split(b"\n", 3)
    if len(lines) < 4:
        return _digest(content)
    manifest = json.loads(lines[1])
    lengths = {name: len(value) if name in ("wfk", "np") else value for name, value in manifest.items()}
    return {
        "scheme": lines[0].decode(),
        "order": list(manifest),
        "length": len(content),
        "manifest": lengths,
        "mac": len(lines[2]),
    }


def _pattern(size: int) -> bytes:
    """Bytes that repeat after a prime number of them."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def _moment(seconds: float) -> Json:
    """A `Timestamp` so many seconds from now, of real time."""
    whole, part = divmod(SystemClock().now() + seconds, 1)
    return {"seconds": int(whole), "nanos": int(part * 1e9)}


def _time(seconds: float) -> str:
    """The same as text, to the second."""
    return datetime.fromtimestamp(SystemClock().now() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


OPERATIONS: Mapping[str, Callable[[Any], Any]] = {
    "$text": lambda parts: "".join(str(part) for part in parts),
    "$bytes": lambda text: text.encode(),
    "$base64": base64.b64decode,
    "$file": lambda name: (FILES / name).read_bytes(),
    "$pattern": _pattern,
    "$unpacked": json_as_bytes,
    "$slice": lambda arguments: arguments[0][arguments[1] : arguments[2]],
    "$glued": b"".join,
    "$line": _line,
    "$digest": _digest,
    "$document": _document,
    "$merged": lambda parts: {name: value for part in parts for name, value in part.items()},
    "$part": lambda arguments: follow(*arguments),
    "$among": lambda arguments: arguments[0] in arguments[1],
    "$repeat": lambda arguments: arguments[0] * arguments[1],
    "$joined": lambda lists: [item for items in lists for item in items],
    "$length": lambda value: len(value or ""),
    "$string": str,
    "$sorted": _sorted,
    "$each": _each,
    "$count": _count,
    "$unique": _unique,
    "$matched": _matched,
    "$first": lambda arguments: arguments[0][: arguments[1]],
    "$with": lambda parts: {key: value for part in parts for key, value in part.items()},
    "$parsed": _parsed,
    "$equal": lambda pair: pair[0] == pair[1],
    "$pick": _pick,
    "$found": _found,
    "$trace": _trace,
    "$now": _moment,
    "$time": _time,
    "$tidied": tidied,
    "$waited": waited,
    "$traced": _traced,
    "$traces": _traces,
    "$tokens": _tokens,
    "$header of each": _header_of_each,
}
