"""Base64 as Go's encoding/base64 reads it: line ends are passed over, all else must be right."""

from __future__ import annotations

import base64
import binascii

from fakesidecar.golang.error import GoError

LINE_ENDS = b"\r\n"
ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
PADDING = ord("=")


def decode_base64(text: bytes) -> bytes:
    """The bytes that standard base64 stands for, its padding in place."""
    letters = text.translate(None, LINE_ENDS)
    try:
        if len(letters) % 4 == 0:
            return base64.b64decode(letters, validate=True)
    except binascii.Error:
        pass
    raise GoError(f"illegal base64 data at input byte {_fault(text)}")


def _fault(text: bytes) -> int:
    """Where Go stops reading (base64.go, decodeQuantum)."""
    letters = [(position, byte) for position, byte in enumerate(text) if byte not in LINE_ENDS]
    for count, (position, byte) in enumerate(letters):
        if byte in ALPHABET:
            continue
        if byte != PADDING or count % 4 < 2:
            return position
        missing = 3 - count % 4
        following = [place for place, _ in letters[count + 1 :]]
        if len(following) < missing:
            return len(text)
        if missing and letters[count + 1][1] != PADDING:
            return following[0] - 1
        return following[missing]
    return len(text) - len(letters) % 4
