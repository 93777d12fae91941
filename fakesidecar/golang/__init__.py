"""What is Go's stays here: where daprd's answers show the language it is written in, this package knows how.

Everything raises `GoError`, whose text is the one that Go prints.
"""

from __future__ import annotations

from fakesidecar.golang.base64 import decode_base64
from fakesidecar.golang.encode import RawJson, marshal, marshal_fastest
from fakesidecar.golang.error import GoError
from fakesidecar.golang.http import detect_content_type, status_text
from fakesidecar.golang.json import decode_first, raw_member, unmarshal, unmarshal_into
from fakesidecar.golang.mapstructure import map_structure
from fakesidecar.golang.numbers import (
    atoi,
    format_duration,
    format_float,
    format_rfc3339,
    format_time,
    is_truthy,
    parse_bool,
    parse_duration,
    parse_duration_nanoseconds,
    parse_int,
    parse_quantity,
    parse_uint,
    wrap,
)
from fakesidecar.golang.protojson import parse_protojson
from fakesidecar.golang.protojson_encode import format_protojson
from fakesidecar.golang.shapes import (
    ANY,
    BOOL,
    INT,
    INT32,
    INT64,
    TEXT,
    UINT32,
    Field,
    ListOf,
    MapOf,
    Optional,
    Shape,
    Struct,
    text_type,
)
from fakesidecar.golang.text import (
    canonical_header_key,
    path_error,
    path_escape,
    path_unescape,
    query_unescape,
    quote,
    sprint,
    url_path,
)
from fakesidecar.golang.tree import Number
from fakesidecar.golang.unquote import unquote

__all__ = [
    "ANY",
    "BOOL",
    "INT",
    "INT32",
    "INT64",
    "TEXT",
    "UINT32",
    "Field",
    "GoError",
    "ListOf",
    "MapOf",
    "Number",
    "Optional",
    "RawJson",
    "Shape",
    "Struct",
    "atoi",
    "canonical_header_key",
    "decode_base64",
    "decode_first",
    "detect_content_type",
    "format_duration",
    "format_float",
    "format_protojson",
    "format_rfc3339",
    "format_time",
    "is_truthy",
    "map_structure",
    "marshal",
    "marshal_fastest",
    "parse_bool",
    "parse_duration",
    "parse_duration_nanoseconds",
    "parse_int",
    "parse_protojson",
    "parse_quantity",
    "parse_uint",
    "path_error",
    "path_escape",
    "path_unescape",
    "query_unescape",
    "quote",
    "raw_member",
    "sprint",
    "status_text",
    "text_type",
    "unmarshal",
    "unmarshal_into",
    "unquote",
    "url_path",
    "wrap",
]
