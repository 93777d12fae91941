"""The JSON reader inside protojson (google.golang.org/protobuf/internal/encoding/json): tokens, each with its place.

It is another reader than encoding/json, with another temper: it stops at the first token that is out of place, and
says where it stood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NoReturn

from fakesidecar.golang.error import GoError
from fakesidecar.golang.text import quote, quote_rune

START: Final = "start"
EOF: Final = "eof"
NULL: Final = "null"
BOOL: Final = "bool"
NUMBER: Final = "number"
STRING: Final = "string"
NAME: Final = "name"
OBJECT: Final = "{"
OBJECT_END: Final = "}"
LIST: Final = "["
LIST_END: Final = "]"
COMMA: Final = ","

_AFTER_A_VALUE = frozenset((NULL, BOOL, NUMBER, STRING, OBJECT_END, LIST_END))
_BLANK = re.compile(rb"[ \n\r\t]*")
_WORD = re.compile(rb"(null|true|false)(?![-+._a-zA-Z0-9])")
_NUMBER = re.compile(
    rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE](?:[+-](?=.)|(?=.))[0-9]*)?(?![-+._a-zA-Z0-9])", re.DOTALL
)
_WRONG = re.compile(r"[-+._a-zA-Z0-9]{1,32}|[^\n]")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f\x80-\xff]*')
_FOUR_HEX = re.compile(rb"[0-9a-fA-F]{4}")
_ESCAPED = {b'"': '"', b"\\": "\\", b"/": "/", b"b": "\b", b"f": "\f", b"n": "\n", b"r": "\r", b"t": "\t"}


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of the document: what it is, where it stands, how it was written, what text it means."""

    kind: str
    at: int = 0
    raw: str = ""
    text: str = ""


def unexpected_eof() -> GoError:
    return GoError("proto: unexpected EOF")


@dataclass(slots=True)
class Tokens:
    """The tokens of a document, one after the other."""

    data: bytes
    at: int = 0
    _last: Token = Token(START)
    _open: list[str] = field(default_factory=list)
    _peeked: Token | None = None

    def clone(self) -> Tokens:
        """A second reader that goes on from here."""
        return Tokens(self.data, self.at, self._last, list(self._open), self._peeked)

    def peek(self) -> Token:
        if self._peeked is None:
            self._peeked = self.read()
        return self._peeked

    def read(self) -> Token:
        if self._peeked is not None:
            token, self._peeked = self._peeked, None
            return token
        while True:
            token = self._checked(self._next())
            self._last = token
            if token.kind != COMMA:
                return token

    def refuse(self, at: int, text: str, *, syntax: bool = False) -> NoReturn:
        """Raise an error about the place `at`, given as line and column (in characters, from 1)."""
        before = self.data[:at]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "surrogateescape")) + 1
        raise GoError(f"proto: {'syntax error ' if syntax else ''}(line {line}:{column}): {text}")

    def unexpected(self, token: Token) -> NoReturn:
        self.refuse(token.at, f"unexpected token {token.raw}", syntax=True)

    def _checked(self, token: Token) -> Token:
        """Accept a token only where it may stand."""
        kind = token.kind
        innermost = self._open[-1] if self._open else None
        if kind == EOF:
            if innermost is not None:
                raise unexpected_eof()
        elif kind == STRING and not self._value_may_follow():
            return self._name(token)
        elif kind in (NULL, BOOL, NUMBER, STRING, OBJECT, LIST):
            if not self._value_may_follow():
                self.unexpected(token)
            if kind in (OBJECT, LIST):
                self._open.append(kind)
        elif kind == OBJECT_END:
            if innermost != OBJECT or self._last.kind in (NAME, COMMA):
                self.unexpected(token)
            self._open.pop()
        elif kind == LIST_END:
            if innermost != LIST or self._last.kind == COMMA:
                self.unexpected(token)
            self._open.pop()
        elif innermost is None or self._last.kind not in _AFTER_A_VALUE:
            self.unexpected(token)
        return token

    def _value_may_follow(self) -> bool:
        if not self._open:
            return self._last.kind == START
        if self._open[-1] == OBJECT:
            return self._last.kind == NAME
        return self._last.kind in (LIST, COMMA)

    def _name(self, token: Token) -> Token:
        if self._last.kind not in (OBJECT, COMMA):
            self.unexpected(token)
        if self.at == len(self.data):
            raise unexpected_eof()
        byte = self.data[self.at]
        if byte != ord(":"):
            text = f'unexpected character {chr(byte)}, missing ":" after field name'
            self.refuse(self.at, text, syntax=True)
        self._take(1)
        return Token(NAME, token.at, token.raw, token.text)

    def _next(self) -> Token:
        self._take(0)
        if self.at == len(self.data):
            return Token(EOF, self.at)
        first = self.data[self.at : self.at + 1].decode("latin-1")
        if first == '"':
            return self._string()
        if first in (OBJECT, OBJECT_END, LIST, LIST_END, COMMA):
            return self._token(first, 1)
        word = _WORD.match(self.data, self.at)
        if word is not None:
            return self._token(NULL if first == "n" else BOOL, len(word[0]))
        number = _NUMBER.match(self.data, self.at)
        if number is not None:
            return self._token(NUMBER, len(number[0]))
        wrong = _WRONG.match(self.data[self.at :].decode("utf-8", "surrogateescape"))
        self.refuse(self.at, f"invalid value {wrong[0] if wrong else ''}", syntax=True)

    def _token(self, kind: str, size: int, text: str = "") -> Token:
        raw = self.data[self.at : self.at + size].decode("utf-8", "surrogateescape")
        token = Token(kind, self.at, raw, text)
        self._take(size)
        return token

    def _take(self, size: int) -> None:
        blank = _BLANK.match(self.data, self.at + size)
        assert blank is not None
        self.at = blank.end()

    def _string(self) -> Token:
        pieces: list[str] = []
        at = self.at + 1
        while True:
            plain = _PLAIN.match(self.data, at)
            assert plain is not None
            pieces.append(plain[0].decode())
            at = plain.end()
            if at == len(self.data):
                raise unexpected_eof()
            byte = self.data[at]
            if byte == ord('"'):
                return self._token(STRING, at + 1 - self.at, "".join(pieces))
            if byte == ord("\\"):
                piece, at = self._escape(at)
            elif byte < 0x20:
                self.refuse(self.at, f"invalid character {quote_rune(byte)} in string", syntax=True)
            else:
                piece, at = self._character(at)
            pieces.append(piece)

    def _character(self, at: int) -> tuple[str, int]:
        for size in (2, 3, 4):
            try:
                return self.data[at : at + size].decode(), min(at + size, len(self.data))
            except UnicodeDecodeError:
                continue
        self.refuse(self.at, "invalid UTF-8 in string", syntax=True)

    def _escape(self, at: int) -> tuple[str, int]:
        letter = self.data[at + 1 : at + 2]
        if not letter:
            raise unexpected_eof()
        if letter != b"u":
            if letter not in _ESCAPED:
                self._wrong_escape(at, 2)
            return _ESCAPED[letter], at + 2
        code = self._code(at)
        at += 6
        if not 0xD800 <= code <= 0xDFFF:
            return chr(code), at
        if len(self.data) - at < 6:
            raise unexpected_eof()
        low = self._code(at) if self.data[at : at + 2] == b"\\u" else 0
        if code > 0xDBFF or not 0xDC00 <= low <= 0xDFFF:
            self._wrong_escape(at, 6)
        return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)), at + 6

    def _code(self, at: int) -> int:
        if len(self.data) - at < 6:
            raise unexpected_eof()
        digits = _FOUR_HEX.fullmatch(self.data, at + 2, at + 6)
        if digits is None:
            self._wrong_escape(at, 6)
        return int(digits[0], 16)

    def _wrong_escape(self, at: int, size: int) -> NoReturn:
        self.refuse(self.at, f"invalid escape code {quote(self.data[at : at + size])} in string", syntax=True)
