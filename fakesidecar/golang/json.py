"""JSON as Go's encoding/json reads it: which documents it accepts, what becomes of them, and the text of each refusal.

A document is parsed once. What is right goes through Python's own parser, which agrees with Go on everything but the
few cases that `_parse` names; what is wrong is read again by `_Reader`, which says in Go's words where it went wrong.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

from fakesidecar.golang.error import GoError
from fakesidecar.golang.shapes import ANY, Shape
from fakesidecar.golang.text import quote_rune
from fakesidecar.golang.tree import Number, Pairs, TypeMismatch, plain

_MAX_DEPTH = 10_000  # encoding/json/scanner.go, maxNestingDepth
_SPACE = b" \t\r\n"


def unmarshal(data: bytes) -> Any:
    """Read a whole JSON document as json.Unmarshal does: numbers become floats, the last of two equal keys wins."""
    mismatch = TypeMismatch()
    value = plain(_parse(data), mismatch.number)
    mismatch.raise_first()
    return value


def unmarshal_into(data: bytes, shape: Shape) -> Any:
    """Read a whole JSON document into the shape of a Go type, with the texts of json.UnmarshalTypeError."""
    return _fill(_parse(data), shape)


def decode_first(data: bytes, shape: Shape = ANY, *, use_number: bool = False) -> Any:
    """Read the first JSON value of a body as json.Decoder does: what follows it is not looked at.

    Nothing but space is `EOF`, a value that stops short is `unexpected EOF`. With `use_number` the numbers keep
    their text, as `Number`.
    """
    tree = _parse_first(data)
    if use_number and shape is ANY:
        return plain(tree, lambda number: number)
    return _fill(tree, shape)


def raw_member(data: bytes, name: str) -> bytes | None:
    """The text of a member of the object that a body begins with (json.RawMessage); None when it has no such member.

    The body must have been read by `decode_first` before.
    """
    source = data.decode("utf-8", "surrogateescape")
    reader = json.JSONDecoder(strict=False)
    found: str | None = None
    at = _MEMBER.match(source)
    while at is not None:
        key, end = reader.raw_decode(source, at.end())
        start = _AFTER_KEY.match(source, end)
        assert start is not None
        _, end = reader.raw_decode(source, start.end())
        if key.casefold() == name.casefold():
            found = source[start.end() : end]
        at = _NEXT_MEMBER.match(source, end)
    return None if found is None else found.encode("utf-8", "surrogateescape")


_MEMBER = re.compile(r'[ \t\r\n]*\{[ \t\r\n]*(?=")')
_AFTER_KEY = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
_NEXT_MEMBER = re.compile(r"[ \t\r\n]*,[ \t\r\n]*")


def _fill(tree: Any, shape: Shape) -> Any:
    mismatch = TypeMismatch()
    value = shape.fill(tree, mismatch, shape.zero())
    mismatch.raise_first()
    return value


def _parse(data: bytes) -> Any:
    if b"\\u" not in data:  # Python keeps a lone surrogate, Go replaces it
        try:
            return json.loads(data.decode(), **_HOOKS)
        except (ValueError, RecursionError):  # not UTF-8, not JSON, or very deep
            pass
    reader = _Reader(data)
    try:
        tree = reader.value()
        reader.end()
    except _End:
        raise GoError("unexpected end of JSON input") from None
    return tree


def _parse_first(data: bytes) -> Any:
    reader = _Reader(data)
    try:
        return reader.value()
    except _End:
        pass
    except GoError:
        if reader.at < len(data):
            raise
    raise GoError("unexpected EOF" if data.strip(_SPACE) else "EOF")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity, which Python reads and JSON does not know


_HOOKS: dict[str, Any] = {
    "object_pairs_hook": Pairs,
    "parse_int": Number,
    "parse_float": Number,
    "parse_constant": _refuse_constant,
}


class _End(Exception):
    """The document ended inside a value."""


_BLANK = re.compile(rb"[ \t\r\n]*")
_STRING_BODY = re.compile(rb'(?:[^"\\\x00-\x1f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_DIGITS = re.compile(rb"[0-9]*")
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_HEX = frozenset(b"0123456789abcdefABCDEF")
_LITERALS: dict[int, tuple[bytes, Any]] = {
    ord("t"): (b"true", True),
    ord("f"): (b"false", False),
    ord("n"): (b"null", None),
}
_UNESCAPED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


@dataclass(slots=True)
class _Open:
    """A list or an object whose end has not come yet."""

    items: list[Any]
    closing: int
    context: str
    key: str | None = None


@dataclass(slots=True)
class _Reader:
    """Reads a document byte by byte, in the order of encoding/json/scanner.go, so that the same byte gets the blame.

    At the end of the data the scanner is shown one space (scanner.eof): `tr` is refused for that space.
    """

    data: bytes
    at: int = 0
    open: list[_Open] = field(default_factory=list)

    def value(self) -> Any:
        """Read one value; nesting is a list, not Python's stack, so that ten thousand levels fit."""
        while True:
            done, value = self._begin()
            while done:
                if not self.open:
                    return value
                done, value = self._next(value)

    def end(self) -> None:
        """Accept nothing but space until the end."""
        self._skip_blank()
        if self.at < len(self.data):
            raise self._refusal("after top-level value")

    def _begin(self) -> tuple[bool, Any]:
        """Read a whole literal, or open a list or an object; tells whether a value is complete."""
        byte = self._after_blank()
        if byte == ord("{"):
            return self._open_object()
        if byte == ord("["):
            self._push(_Open([], ord("]"), "after array element"))
            if self._after_blank() == ord("]"):
                return self._close()
            return False, None
        if byte == ord('"'):
            return True, self._string()
        if byte in _LITERALS:
            return True, self._literal(byte)
        if byte == ord("-") or ord("0") <= byte <= ord("9"):
            return True, self._number()
        raise self._refusal("looking for beginning of value")

    def _open_object(self) -> tuple[bool, Any]:
        self._push(_Open([], ord("}"), "after object key:value pair"))
        if self._after_blank() == ord("}"):
            return self._close()
        self._key()
        return False, None

    def _push(self, opened: _Open) -> None:
        self.open.append(opened)
        if len(self.open) > _MAX_DEPTH:
            raise self._refusal("exceeded max depth")
        self.at += 1

    def _next(self, value: Any) -> tuple[bool, Any]:
        """Put a complete value where it belongs, and go on behind it."""
        innermost = self.open[-1]
        innermost.items.append(value if innermost.key is None else (innermost.key, value))
        byte = self._after_blank()
        if byte == innermost.closing:
            return self._close()
        if byte != ord(","):
            raise self._refusal(innermost.context)
        self.at += 1
        if innermost.key is not None:
            self._key()
        return False, None

    def _close(self) -> tuple[bool, Any]:
        self.at += 1
        closed = self.open.pop()
        return True, Pairs(closed.items) if closed.closing == ord("}") else closed.items

    def _key(self) -> None:
        if self._after_blank() != ord('"'):
            raise self._refusal("looking for beginning of object key string")
        self.open[-1].key = self._string()
        if self._after_blank() != ord(":"):
            raise self._refusal("after object key")
        self.at += 1

    def _string(self) -> str:
        start = self.at + 1
        body = _STRING_BODY.match(self.data, start)
        assert body is not None
        self.at = body.end()
        byte = self._byte()
        if byte == ord("\\"):
            raise self._escape_refusal()
        if byte != ord('"'):
            if self.at == len(self.data):  # a space would be welcome here
                raise _End
            raise self._refusal("in string literal")
        self.at += 1
        return _text(body[0])

    def _escape_refusal(self) -> GoError:
        self.at += 1
        if self._byte() != ord("u"):
            return self._refusal("in string escape code")
        self.at += 1
        while self._byte() in _HEX:
            self.at += 1
        return self._refusal("in \\u hexadecimal character escape")

    def _literal(self, first: int) -> Any:
        word, value = _LITERALS[first]
        for expected in word:
            if self._byte() != expected:
                raise self._refusal(f"in literal {word.decode()} (expecting '{chr(expected)}')")
            self.at += 1
        return value

    def _number(self) -> Number:
        start = self.at
        if self._byte() == ord("-"):
            self.at += 1
        if self._byte() == ord("0"):
            self.at += 1
        else:
            self._digits("in numeric literal")
        if self._byte() == ord("."):
            self.at += 1
            self._digits("after decimal point in numeric literal")
        if self._byte() in b"eE":
            self.at += 1
            if self._byte() in b"+-":
                self.at += 1
            self._digits("in exponent of numeric literal")
        return Number(self.data[start : self.at].decode())

    def _digits(self, context: str) -> None:
        digits = _DIGITS.match(self.data, self.at)
        assert digits is not None
        if not digits[0]:
            raise self._refusal(context)
        self.at = digits.end()

    def _byte(self) -> int:
        if self.at > len(self.data):
            raise _End
        return self.data[self.at] if self.at < len(self.data) else ord(" ")

    def _skip_blank(self) -> None:
        blank = _BLANK.match(self.data, self.at)
        assert blank is not None
        self.at = blank.end()

    def _after_blank(self) -> int:
        self._skip_blank()
        if self.at == len(self.data):
            raise _End
        return self.data[self.at]

    def _refusal(self, context: str) -> GoError:
        byte = self._byte()
        return GoError(f"invalid character {quote_rune(byte)} {context}")


def _text(body: bytes) -> str:
    """Undo the escapes of a string that is known to be well-formed (encoding/json/decode.go, unquote)."""
    if b"\\" not in body:
        return to_text(body)
    pieces: list[str] = []
    end = 0
    high: int | None = None
    for match in _ESCAPE.finditer(body):
        if high is not None and (match.start() > end or not match[1]):
            pieces.append("�")
            high = None
        pieces.append(to_text(body[end : match.start()]))
        end = match.end()
        if not match[1]:
            pieces.append(to_text(_UNESCAPED.get(match[2], match[2])))
            continue
        code = int(match[1], 16)
        if high is not None and 0xDC00 <= code <= 0xDFFF:
            pieces.append(chr(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00)))
            high = None
            continue
        if high is not None:
            pieces.append("�")
        high = code if 0xD800 <= code <= 0xDBFF else None
        if high is None:
            pieces.append("�" if 0xDC00 <= code <= 0xDFFF else chr(code))
    if high is not None:
        pieces.append("�")
    pieces.append(to_text(body[end:]))
    return "".join(pieces)


def to_text(raw: bytes) -> str:
    """Read UTF-8 as Go does: each byte that is not part of a character becomes one U+FFFD."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "".join("�" if "\ud800" <= c <= "\udfff" else c for c in raw.decode("utf-8", "surrogateescape"))
