"""JSON as Go writes it: encoding/json's Marshal and jsoniter's ConfigFastest."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from fakesidecar.golang.error import GoError
from fakesidecar.golang.numbers import format_float
from fakesidecar.golang.text import quote
from fakesidecar.golang.tree import Number

_SHORT = {"\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", '"': r"\"", "\\": r"\\"}
_UNSAFE = re.compile('[\x00-\x1f"\\\\\u2028\u2029\ud800-\udfff]')
_UNSAFE_IN_HTML = re.compile('[\x00-\x1f"\\\\\u2028\u2029\ud800-\udfff<>&]')
_UNSAFE_FASTEST = re.compile('[\x00-\x1f"\\\\]')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def marshal(value: Any, *, escape_html: bool = True, in_order: bool = False) -> bytes:
    """Write a decoded JSON value as json.Marshal does: keys sorted, no spaces, `<>&` escaped, bytes as base64.

    What is a struct in Go has its keys `in_order`, that of its fields.
    """
    unsafe = _UNSAFE_IN_HTML if escape_html else _UNSAFE

    def text(string: str) -> str:
        return f'"{unsafe.sub(_escaped, string)}"'

    return _write(value, text, _float, iter if in_order else sorted).encode()


def marshal_fastest(value: Any) -> bytes:
    """Write a value as jsoniter's ConfigFastest does: floats lose what is behind six digits, `<>&` stay.

    jsoniter writes the keys of a map in no order at all; here they keep the order they came in.
    """
    return _write(value, _fastest_text, _fastest_float, iter).encode("utf-8", "surrogateescape")


def write_spaced(value: Any) -> bytes:
    """Write a value as protojson does: keys in the order they have, a space after each comma, `<>&` as they are."""

    def text(string: str) -> str:
        return f'"{_UNSAFE_FASTEST.sub(_escaped, string)}"'

    return _write(value, text, _float, iter, _Written(", ")).encode("utf-8", "surrogateescape")


class RawJson(bytes):
    """JSON that is ready (json.RawMessage): written without its white space, refused when it is none."""

    __slots__ = ()


_STRING_OR_SPACE = re.compile(r'"(?:\\.|[^"\\])*"|[ \t\r\n]+')


def _compact(raw: bytes, text: Callable[[str], str]) -> str:
    from fakesidecar.golang.json import unmarshal

    unmarshal(raw)
    source = raw.decode("utf-8", "surrogateescape")
    squeezed = _STRING_OR_SPACE.sub(lambda found: found[0] if found[0][0] == '"' else "", source)
    return squeezed if text is _fastest_text else _IN_HTML.sub(_escaped, squeezed)


_IN_HTML = re.compile("[<>&\u2028\u2029]")


class _Written(str):
    """A piece of the document that is ready."""

    __slots__ = ()


_COMMA, _END_OF_LIST, _END_OF_OBJECT = _Written(","), _Written("]"), _Written("}")


def _write(
    value: Any,
    text: Callable[[str], str],
    number: Callable[[float], str],
    order: Callable[[Iterable[str]], Iterable[str]],
    comma: str = _COMMA,
) -> str:
    """Write a value with a stack of what is left to write, so that depth is no matter."""
    out: list[str] = []
    left: list[Any] = [value]
    while left:
        item = left.pop()
        if isinstance(item, _Written):
            out.append(item)
        elif isinstance(item, dict):
            out.append("{")
            left.append(_END_OF_OBJECT)
            pieces = [piece for key in order(item) for piece in (comma, _Written(f"{text(key)}:"), item[key])]
            left.extend(reversed(pieces[1:]))
        elif isinstance(item, (list, tuple)):
            out.append("[")
            left.append(_END_OF_LIST)
            pieces = [piece for member in item for piece in (comma, member)]
            left.extend(reversed(pieces[1:]))
        else:
            out.append(_scalar(item, text, number))
    return "".join(out)


def _scalar(value: Any, text: Callable[[str], str], number: Callable[[float], str]) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        if value and not _NUMBER.fullmatch(value):
            raise GoError(f"json: invalid number literal {quote(value)}")
        return value or "0"
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, RawJson):
        return _compact(value, text)
    if isinstance(value, (bytes, bytearray)):
        return f'"{base64.b64encode(value).decode()}"'
    raise TypeError(f"no JSON for {type(value).__name__}")


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if "\ud800" <= character <= "\udfff":  # a byte that is not UTF-8
        return r"\ufffd"
    return _SHORT.get(character) or f"\\u{ord(character):04x}"


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise GoError(f"json: unsupported value: {format_float(value)}")
    return format_float(value, "json")


_FASTEST_SHORT = {character: _SHORT[character] for character in '\n\r\t"\\'}


def _fastest_text(string: str) -> str:
    return f'"{_UNSAFE_FASTEST.sub(lambda m: _FASTEST_SHORT.get(m[0]) or f"{chr(92)}u{ord(m[0]):04x}", string)}"'


_LARGEST_ROUNDED = 0x4FFFFFF  # jsoniter/stream_float.go, WriteFloat64Lossy: above it all digits are written


def _fastest_float(value: float) -> str:
    if not math.isfinite(value):
        raise GoError(f"unsupported value: {format_float(value)}")
    if abs(value) > _LARGEST_ROUNDED:
        return format_float(value, "json")
    whole, millionths = divmod(int(abs(value) * 1_000_000.0 + 0.5), 1_000_000)
    fraction = f".{millionths:06d}".rstrip("0") if millionths else ""
    return f"{'-' if value < 0 else ''}{whole}{fraction}"
