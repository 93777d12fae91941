"""Go's literals of texts, read (strconv.Unquote)."""

from __future__ import annotations

import re

from fakesidecar.golang.error import GoError

_LETTERS = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, '"': 34, "'": 39}
_ESCAPE = r"\\(?:x[0-9a-fA-F]{2}|[0-7]{3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[abfnrtv\\%s])"
_ONE_ESCAPE = re.compile(rb"\\(?:x(..)|([0-7]{3})|u(....)|U(.{8})|(.))")
_TEXT = re.compile(f'"((?:[^"\\\\\n]|{_ESCAPE % chr(34)})*)"')
_CHARACTER = re.compile(f"'([^'\\\\\n]|{_ESCAPE % chr(39)})'")
_RAW = re.compile(b"`([^`]*)`")
_NO_UTF8 = re.compile("[\udc80-\udcff]")


def unquote(literal: bytes) -> bytes:
    """What a literal stands for: between double quotes, back quotes, or one character between single quotes."""
    if raw := _RAW.fullmatch(literal):
        return raw[1].replace(b"\r", b"")
    text = _NO_UTF8.sub("\ufffd", literal.decode(errors="surrogateescape"))
    found = _TEXT.fullmatch(text) or _CHARACTER.fullmatch(text)
    if found is None:
        raise _invalid()
    return _ONE_ESCAPE.sub(_unescape, found[1].encode())


def _unescape(found: re.Match[bytes]) -> bytes:
    hexadecimal, octal, short, long, letter = (part and part.decode() for part in found.groups())
    if letter:
        return bytes([_LETTERS[letter]])
    if hexadecimal or octal:
        byte = int(hexadecimal, 16) if hexadecimal else int(octal or "", 8)
        if byte > 0xFF:
            raise _invalid()
        return bytes([byte])
    code = int(short or long or "", 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise _invalid()
    return chr(code).encode()


def _invalid() -> GoError:
    return GoError("invalid syntax")
