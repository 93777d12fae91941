"""Protobuf messages from JSON as Go's protojson reads them (google.golang.org/protobuf/encoding/protojson).

Unknown fields are passed over (DiscardUnknown), names are taken in camelCase and snake_case. The texts of the errors
are Go's; after `proto:` it writes a space or a no-break space, by the toss of a coin at build time: here a space.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from fakesidecar.golang.error import GoError
from fakesidecar.golang.numbers import parse_int, parse_uint
from fakesidecar.golang.prototokens import (
    BOOL,
    EOF,
    LIST,
    LIST_END,
    NAME,
    NULL,
    NUMBER,
    OBJECT,
    OBJECT_END,
    STRING,
    Token,
    Tokens,
    unexpected_eof,
)
from fakesidecar.golang.text import quote

_MAX_DEPTH = 10_000  # protowire.DefaultRecursionLimit

_F = FieldDescriptor
_KINDS = {
    _F.TYPE_BOOL: "bool",
    _F.TYPE_INT32: "int32",
    _F.TYPE_SINT32: "sint32",
    _F.TYPE_SFIXED32: "sfixed32",
    _F.TYPE_INT64: "int64",
    _F.TYPE_SINT64: "sint64",
    _F.TYPE_SFIXED64: "sfixed64",
    _F.TYPE_UINT32: "uint32",
    _F.TYPE_FIXED32: "fixed32",
    _F.TYPE_UINT64: "uint64",
    _F.TYPE_FIXED64: "fixed64",
    _F.TYPE_FLOAT: "float",
    _F.TYPE_DOUBLE: "double",
    _F.TYPE_STRING: "string",
    _F.TYPE_BYTES: "bytes",
    _F.TYPE_ENUM: "enum",
}
_BITS = {_F.CPPTYPE_INT32: 32, _F.CPPTYPE_INT64: 64, _F.CPPTYPE_UINT32: 32, _F.CPPTYPE_UINT64: 64}
_SIGNED = (_F.CPPTYPE_INT32, _F.CPPTYPE_INT64)
_WRAPPERS = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Bool", "Int32", "Int64", "UInt32", "UInt64", "Float", "Double", "String", "Bytes")
)
_NAN_AND_INFINITY = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_INTEGRAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]*))?")
_SECONDS = re.compile(r"([+-]?)(0|[1-9][0-9]*|(?=\.))(?:\.([0-9]{0,9}))?s")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)
_MAX_DURATION = 315_576_000_000
_NOTHING = object()


def parse_protojson(data: bytes, message: Message) -> None:
    """Fill a message from a JSON body, or say in protojson's words why not; the message is then half filled."""
    decoder = _Decoder(Tokens(data), _MAX_DEPTH, discard_unknown=True)
    try:
        decoder.message(message)
        rest = decoder.tokens.read()
    except RecursionError:
        raise GoError("proto: exceeded max recursion depth") from None
    if rest.kind != EOF:
        decoder.tokens.unexpected(rest)


def true_name(name: str) -> str:
    """Give a type the name that daprd knows it by (the wire package registers its messages under its own)."""
    return name.replace("dapr_client.wire.", "dapr.proto.", 1) if name.startswith("dapr_client.wire.") else name


class _Decoder:
    def __init__(self, tokens: Tokens, depth: int, *, discard_unknown: bool) -> None:
        self.tokens = tokens
        self.depth = depth
        self.discard_unknown = discard_unknown

    def message(self, message: Message) -> None:
        known = _well_known(message.DESCRIPTOR)
        if known is not None:
            known(self, message)
            return
        self._expect(OBJECT)
        self._fields(message)

    def _fields(self, message: Message, *, skip_type: bool = False) -> None:
        descriptor = message.DESCRIPTOR
        seen: set[int] = set()
        chosen: set[str] = set()
        while (token := self.tokens.read()).kind != OBJECT_END:
            if token.kind != NAME:
                self.tokens.unexpected(token)
            if skip_type and token.text == "@type":
                self.tokens.read()
                continue
            field = _field(descriptor, token.text)
            if field is None:
                self._unknown(token)
                continue
            if field.number in seen:
                self.tokens.refuse(token.at, f"duplicate field {token.raw}")
            seen.add(field.number)
            if self._is_absent(field):
                self.tokens.read()
                continue
            oneof = field.containing_oneof
            if oneof is not None:
                if oneof.name in chosen:
                    name = true_name(f"{descriptor.full_name}.{oneof.name}")
                    self.tokens.refuse(token.at, f"error parsing {token.raw}, oneof {name} is already set")
                chosen.add(oneof.name)
            self._field(message, field)

    def _is_absent(self, field: FieldDescriptor) -> bool:
        try:
            if self.tokens.peek().kind != NULL:
                return False
        except GoError:
            return False  # whoever reads the value meets the error again
        nullable = field.message_type or field.enum_type
        return nullable is None or nullable.full_name not in ("google.protobuf.Value", "google.protobuf.NullValue")

    def _field(self, message: Message, field: FieldDescriptor) -> None:
        if _is_map(field):
            self._map(getattr(message, field.name), field)
        elif field.is_repeated:
            self._list(getattr(message, field.name), field)
        elif field.message_type is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            self.message(inner)
        else:
            value = self._scalar(field)
            if value is not _NOTHING:
                setattr(message, field.name, value)

    def _list(self, items: Any, field: FieldDescriptor) -> None:
        self._expect(LIST)
        while self.tokens.peek().kind != LIST_END:
            if field.message_type is not None:
                self.message(items.add())
                continue
            value = self._scalar(field)
            if value is not _NOTHING:
                items.append(value)
        self.tokens.read()

    def _map(self, entries: Any, field: FieldDescriptor) -> None:
        assert field.message_type is not None
        key_field, value_field = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        self._expect(OBJECT)
        while (token := self.tokens.read()).kind != OBJECT_END:
            if token.kind != NAME:
                self.tokens.unexpected(token)
            key = self._map_key(token, key_field)
            if key in entries:
                self.tokens.refuse(token.at, f"duplicate map key {token.raw}")
            if value_field.message_type is not None:
                self.message(entries[key])
                continue
            value = self._scalar(value_field)
            if value is not _NOTHING:
                entries[key] = value

    def _map_key(self, token: Token, field: FieldDescriptor) -> Any:
        if field.type == _F.TYPE_STRING:
            return token.text
        if field.type == _F.TYPE_BOOL and token.text in ("true", "false"):
            return token.text == "true"
        if field.cpp_type in _BITS:
            read = parse_int if field.cpp_type in _SIGNED else parse_uint
            try:
                return read(token.text, _BITS[field.cpp_type])
            except GoError:
                pass
        self.tokens.refuse(token.at, f"invalid value for {_KINDS[field.type]} key: {token.raw}")

    def _scalar(self, field: FieldDescriptor) -> Any:
        token = self.tokens.read()
        value = _scalar(token, field, discard_unknown=self.discard_unknown)
        if value is None:
            text = f"invalid value for {_KINDS[field.type]} field {field.json_name}: {token.raw}"
            self.tokens.refuse(token.at, text)
        return value

    def _expect(self, kind: str) -> None:
        token = self.tokens.read()
        if token.kind != kind:
            self.tokens.unexpected(token)

    def _unknown(self, name: Token) -> None:
        if not self.discard_unknown:
            self.tokens.refuse(name.at, f"unknown field {name.raw}")
        self._skip_value()

    def _skip_value(self) -> None:
        depth = 0
        while True:
            kind = self.tokens.read().kind
            if kind in (OBJECT, LIST):
                depth += 1
            elif kind in (OBJECT_END, LIST_END):
                depth -= 1
            elif kind == EOF:
                raise unexpected_eof()
            if depth > self.depth:
                raise GoError("proto: exceeded max recursion depth")
            if depth == 0:
                return

    # google.protobuf.*, encoding/protojson/well_known_types.go

    def any(self, message: Any) -> None:
        start = self.tokens.peek()
        if start.kind != OBJECT:
            self.tokens.unexpected(start)
        url = _Decoder(self.tokens.clone(), self.depth, discard_unknown=False)._type_url()
        if url is None:
            self._skip_value()  # an empty object, or one without @type, is an empty Any
            return
        inner = _message_named(url.text)
        if inner is None:
            reason = quote("proto: not found")
            self.tokens.refuse(url.at, f"unable to resolve {url.raw}: {reason}")
        self.tokens.read()
        known = _well_known(inner.DESCRIPTOR)
        if known is None:
            self._fields(inner, skip_type=True)
        else:
            self._any_value(inner, known)
        message.type_url = url.text
        message.value = inner.SerializeToString(deterministic=True)

    def _type_url(self) -> Token | None:
        """Look ahead for `@type`; the whole object is read, so that a second one is noticed."""
        self.tokens.read()
        found: Token | None = None
        while (token := self.tokens.read()).kind != OBJECT_END:
            if token.kind != NAME:
                self.tokens.unexpected(token)
            if token.text != "@type":
                self._skip_value()
                continue
            if found is not None:
                self.tokens.refuse(token.at, 'duplicate "@type" field')
            found = self.tokens.read()
            if found.kind != STRING:
                self.tokens.refuse(found.at, f"@type field value is not a string: {found.raw}")
            if not found.text:
                self.tokens.refuse(found.at, "@type field contains empty value")
        return found

    def _any_value(self, inner: Message, known: Callable[[_Decoder, Any], None]) -> None:
        found = False
        while (token := self.tokens.read()).kind != OBJECT_END:
            if token.text == "@type":
                self.tokens.read()
            elif token.text != "value":
                self._unknown(token)
            elif found:
                self.tokens.refuse(token.at, 'duplicate "value" field')
            else:
                known(self, inner)
                found = True
        if not found and inner.DESCRIPTOR.full_name != "google.protobuf.Empty":
            self.tokens.refuse(token.at, 'missing "value" field')

    def wrapper(self, message: Any) -> None:
        value = self._scalar(message.DESCRIPTOR.fields_by_name["value"])
        message.value = value

    def empty(self, _: Message) -> None:
        self._expect(OBJECT)
        while (token := self.tokens.read()).kind != OBJECT_END:
            if token.kind != NAME:
                self.tokens.unexpected(token)
            self._unknown(token)

    def struct(self, message: Any) -> None:
        self._map(message.fields, message.DESCRIPTOR.fields_by_name["fields"])

    def list_value(self, message: Any) -> None:
        self._list(message.values, message.DESCRIPTOR.fields_by_name["values"])

    def value(self, message: Any) -> None:
        token = self.tokens.peek()
        if token.kind == OBJECT:
            message.struct_value.SetInParent()
            self.struct(message.struct_value)
            return
        if token.kind == LIST:
            message.list_value.SetInParent()
            self.list_value(message.list_value)
            return
        if token.kind in (NULL, BOOL, NUMBER, STRING):
            self.tokens.read()
        if token.kind == NULL:
            message.null_value = 0
        elif token.kind == BOOL:
            message.bool_value = token.raw == "true"
        elif token.kind == STRING:
            message.string_value = token.text
        elif token.kind == NUMBER and (number := _float(token, 64)) is not None:
            message.number_value = number
        else:
            self.tokens.refuse(token.at, f"invalid google.protobuf.Value: {token.raw}")

    def duration(self, message: Any) -> None:
        token = self._string()
        match = _SECONDS.fullmatch(token.text)
        if match is None or len(match[2]) > 19 or int(match[2] or 0) >= 1 << 63:
            self.tokens.refuse(token.at, f"invalid google.protobuf.Duration value {token.raw}")
        sign = -1 if match[1] == "-" else 1
        seconds = sign * int(match[2] or 0)
        if abs(seconds) > _MAX_DURATION:
            self.tokens.refuse(token.at, f"google.protobuf.Duration value out of range: {token.raw}")
        message.seconds = seconds
        message.nanos = sign * int((match[3] or "").ljust(9, "0"))

    def timestamp(self, message: Any) -> None:
        token = self._string()
        try:
            message.seconds, message.nanos = _moment(token.text)
        except ValueError:
            self.tokens.refuse(token.at, f"invalid google.protobuf.Timestamp value {token.raw}")

    def field_mask(self, message: Any) -> None:
        token = self._string()
        text = token.text.strip()
        for path in text.split(",") if text else ():
            if "_" in path or not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*", path):
                text = f"google.protobuf.FieldMask.paths contains invalid path: {quote(path)}"
                self.tokens.refuse(token.at, text)
            message.paths.append(re.sub("[A-Z]", lambda upper: f"_{upper[0].lower()}", path))

    def _string(self) -> Token:
        token = self.tokens.read()
        if token.kind != STRING:
            self.tokens.unexpected(token)
        return token


_WELL_KNOWN: dict[str, Callable[[_Decoder, Any], None]] = {
    "google.protobuf.Any": _Decoder.any,
    "google.protobuf.Duration": _Decoder.duration,
    "google.protobuf.Empty": _Decoder.empty,
    "google.protobuf.FieldMask": _Decoder.field_mask,
    "google.protobuf.ListValue": _Decoder.list_value,
    "google.protobuf.Struct": _Decoder.struct,
    "google.protobuf.Timestamp": _Decoder.timestamp,
    "google.protobuf.Value": _Decoder.value,
} | dict.fromkeys(_WRAPPERS, _Decoder.wrapper)


def _well_known(descriptor: Descriptor) -> Callable[[_Decoder, Any], None] | None:
    return _WELL_KNOWN.get(descriptor.full_name)


def _field(descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    by_json_name = next((field for field in descriptor.fields if field.json_name == name), None)
    return by_json_name or descriptor.fields_by_name.get(name)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _scalar(token: Token, field: FieldDescriptor, *, discard_unknown: bool) -> Any:
    """Read a token as a field's type: None when it cannot be, `_NOTHING` for an enum value that nobody knows."""
    if field.type == _F.TYPE_BOOL:
        return token.raw == "true" if token.kind == BOOL else None
    if field.type == _F.TYPE_STRING:
        return token.text if token.kind == STRING else None
    if field.type == _F.TYPE_BYTES:
        return _bytes(token.text) if token.kind == STRING else None
    if field.type == _F.TYPE_ENUM:
        return _enum(token, field, discard_unknown=discard_unknown)
    if field.type in (_F.TYPE_FLOAT, _F.TYPE_DOUBLE):
        return _float(token, 32 if field.type == _F.TYPE_FLOAT else 64)
    number = _number(token)
    if number is None:
        return None
    read = parse_int if field.cpp_type in _SIGNED else parse_uint
    try:
        return read(number, _BITS[field.cpp_type])
    except GoError:
        return None


def _inner_number(token: Token) -> Token | None:
    """Find the number that a token is, or that stands within its quotes."""
    if token.kind == STRING and token.text == token.text.strip():
        try:
            token = Tokens(token.text.encode("utf-8", "surrogateescape")).read()
        except GoError:
            return None
    return token if token.kind == NUMBER else None


def _number(token: Token) -> str | None:
    """Write an integer without point and exponent: 1.50e2 is 150, 1.5 is none."""
    inner = _inner_number(token)
    match = _INTEGRAL.fullmatch(inner.raw) if inner is not None else None
    if match is None:
        return None
    sign, whole, fraction, exponent_text = match[1], match[2], (match[3] or "").rstrip("0"), match[4] or "0"
    try:
        exponent = parse_int(exponent_text, 32)
    except GoError:
        return None
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return "0"
    zeros = exponent - len(fraction)
    if zeros < 0:
        if digits[zeros:].strip("0") or -zeros >= len(digits):
            return None
        return sign + digits[:zeros]
    return sign + digits + "0" * zeros if zeros <= 20 else None


def _float(token: Token, bits: int) -> float | None:
    if token.kind == STRING and token.text in _NAN_AND_INFINITY:
        return _NAN_AND_INFINITY[token.text]
    inner = _inner_number(token)
    if inner is None:
        return None
    try:
        value = float(inner.raw)
        if bits == 32:
            struct.pack("<f", value)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _bytes(text: str) -> bytes | None:
    """Read base64 of either alphabet, with its padding or without any (Go passes over line ends)."""
    text = text.replace("\r", "").replace("\n", "")
    if ("-" in text or "_" in text) and ("+" in text or "/" in text):
        return None
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _enum(token: Token, field: FieldDescriptor, *, discard_unknown: bool) -> Any:
    assert field.enum_type is not None
    if token.kind == STRING:
        value = field.enum_type.values_by_name.get(token.text)
        if value is not None:
            return value.number
        return _NOTHING if discard_unknown else None
    if token.kind == NULL:
        return 0 if field.enum_type.full_name == "google.protobuf.NullValue" else None
    number = _number(token) if token.kind == NUMBER else None
    if number is None:
        return None
    try:
        return parse_int(number, 32)
    except GoError:
        return None


def _moment(text: str) -> tuple[int, int]:
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    moment = datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    offset = (int(match[4]) * 3600 + int(match[5]) * 60) * (-1 if match[3] == "-" else 1) if match[3] else 0
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86_400 + since.seconds - offset, int((match[2] or "").ljust(9, "0"))


def _message_named(url: str) -> Message | None:
    """Make an empty message of the type that a URL names, if this process knows it."""
    # The well-known types are always known to Go; here they are once somebody has imported them.
    from google.protobuf import (
        descriptor_pool,
        duration_pb2,
        empty_pb2,
        field_mask_pb2,
        message_factory,
        struct_pb2,
        timestamp_pb2,
        wrappers_pb2,
    )

    del duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2
    name = url.rpartition("/")[2]
    own = "dapr_client.wire." + name.removeprefix("dapr.proto.") if name.startswith("dapr.proto.") else name
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(own)
    except KeyError:
        return None
    return message_factory.GetMessageClass(descriptor)()
