"""Text as Go writes and reads it: packages strconv (quotes), fmt (%v), net/url (escapes), net/textproto (headers)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote as percent_encode

from fakesidecar.golang.error import GoError

_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    '"': r"\"",
}
_NEEDS_QUOTING = re.compile(r"[^ !#-\[\]-~]")
_ESCAPE = re.compile(rb"\+|%(.{0,2})", re.DOTALL)
_HEX_PAIR = re.compile(rb"[0-9a-fA-F]{2}")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def quote(text: str | bytes) -> str:
    """Write a text in Go's double quotes, as `%q` and strconv.Quote do; bytes that are not UTF-8 become `\\xNN`."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    return f'"{_NEEDS_QUOTING.sub(_quoted_character, text)}"'


def quote_rune(code: int) -> str:
    """Write one character in single quotes, as `%q` does for a rune, and encoding/json for the byte that it blames."""
    if code == ord("'"):
        return r"'\''"
    if code == ord('"'):
        return "'\"'"
    return f"'{quote(chr(code))[1:-1]}'"


def _quoted_character(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, smuggled in by "surrogateescape"
        return f"\\x{code - 0xDC00:02x}"
    if 0xD800 <= code <= 0xDFFF:
        return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def sprint(value: Any) -> str:
    """Print a decoded JSON value as `%v` does: `map[a:1 b:<nil>]`, `[1 two]`, `1e+06`."""
    from fakesidecar.golang.numbers import format_float

    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_float(value, "v")
    if isinstance(value, (bytes, bytearray, list, tuple)):
        return f"[{' '.join(sprint(item) for item in value)}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{sprint(value[key])}' for key in sorted(value))}]"
    return str(value)


def query_unescape(text: str) -> str:
    """Undo the escapes of a query parameter (url.QueryUnescape); `invalid URL escape "%zz"` when one is broken."""
    return _unescape(text, plus=b" ")


def path_escape(path: str) -> str:
    """A whole path, escaped as Go's URL.EscapedPath does it."""
    return percent_encode(path, safe="$&+,/:;=@")


_VALID_PATH = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@\[\]/]|%[0-9A-Fa-f]{2})*")


def url_path(text: str) -> str:
    """The path that a request has whose URL is given this text as its path: as it is if it could be one, else escaped.

    Raises `GoError` when a percent sign begins no escape (url.Parse, URL.EscapedPath).
    """
    unescaped = path_unescape(text)
    return text if _VALID_PATH.fullmatch(text) else path_escape(unescaped)


def path_unescape(text: str) -> str:
    """Undo the escapes of one path segment (url.PathUnescape); `+` stays `+`."""
    return _unescape(text, plus=b"+")


def _unescape(text: str, *, plus: bytes) -> str:
    def replace(match: re.Match[bytes]) -> bytes:
        if match[0] == b"+":
            return plus
        if not _HEX_PAIR.fullmatch(match[1]):
            raise GoError(f"invalid URL escape {quote(raw[match.start() : match.start() + 3])}")
        return bytes.fromhex(match[1].decode())

    raw = text.encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(replace, raw).decode("utf-8", "surrogateescape")


def canonical_header_key(name: str) -> str:
    """Spell a header as Go does, `content-type` as `Content-Type`; a name that is no token stays as it is."""
    if not _TOKEN.fullmatch(name):
        return name
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def path_error(call: str, error: OSError) -> str:
    """What Go says of a system call that failed (io/fs, PathError)."""
    return f"{call} {error.filename}: {(error.strerror or str(error)).lower()}"
