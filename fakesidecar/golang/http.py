"""What Go's net/http says by itself: the names of statuses, and what a body looks like (sniff.go)."""

from __future__ import annotations

import re
from http import HTTPStatus

_NAMES = {
    413: "Request Entity Too Large",
    414: "Request URI Too Long",
    416: "Requested Range Not Satisfiable",
    418: "I'm a teapot",
    422: "Unprocessable Entity",
}
"""Where Python says it in other words, some since 3.13."""

SNIFFED_BYTES = 512


def status_text(status: int) -> str:
    """The name of an HTTP status, empty for one that has none (http.StatusText)."""
    try:
        return _NAMES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return ""


_TAGS = b"!DOCTYPE HTML|HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A|STYLE|TITLE|B|BODY|BR|P"
_SIGNATURES = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (rb"[\t\n\f\r ]*<(?i:" + _TAGS + rb")[ >]", "text/html; charset=utf-8"),
        (rb"[\t\n\f\r ]*<!--", "text/html; charset=utf-8"),
        (rb"[\t\n\f\r ]*<\?xml", "text/xml; charset=utf-8"),
        (rb"%PDF-", "application/pdf"),
        (rb"%!PS-Adobe-", "application/postscript"),
        (rb"\xfe\xff..", "text/plain; charset=utf-16be"),
        (rb"\xff\xfe..", "text/plain; charset=utf-16le"),
        (rb"\xef\xbb\xbf.", "text/plain; charset=utf-8"),
        (rb"\x00\x00\x01\x00", "image/x-icon"),
        (rb"\x00\x00\x02\x00", "image/x-icon"),
        (rb"BM", "image/bmp"),
        (rb"GIF8[79]a", "image/gif"),
        (rb"RIFF....WEBPVP", "image/webp"),
        (rb"\x89PNG\r\n\x1a\n", "image/png"),
        (rb"\xff\xd8\xff", "image/jpeg"),
        (rb"FORM....AIFF", "audio/aiff"),
        (rb"ID3", "audio/mpeg"),
        (rb"OggS\x00", "application/ogg"),
        (rb"MThd\x00\x00\x00\x06", "audio/midi"),
        (rb"RIFF....AVI ", "video/avi"),
        (rb"RIFF....WAVE", "audio/wave"),
        (rb"....ftypmp4", "video/mp4"),
        (rb"\x1aE\xdf\xa3", "video/webm"),
        (rb".{34}LP", "application/vnd.ms-fontobject"),
        (rb"\x00\x01\x00\x00", "font/ttf"),
        (rb"OTTO", "font/otf"),
        (rb"ttcf", "font/collection"),
        (rb"wOFF", "font/woff"),
        (rb"wOF2", "font/woff2"),
        (rb"\x1f\x8b\x08", "application/x-gzip"),
        (rb"PK\x03\x04", "application/zip"),
        (rb"Rar!\x1a\x07(\x01)?\x00", "application/x-rar-compressed"),
        (rb"\x00asm", "application/wasm"),
    )
)
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def detect_content_type(body: bytes) -> str:
    """The content type that a body begins like (http.DetectContentType)."""
    head = body[:SNIFFED_BYTES]
    for signature, kind in _SIGNATURES:
        if signature.match(head):
            return kind
    return "application/octet-stream" if _BINARY.search(head) else "text/plain; charset=utf-8"
