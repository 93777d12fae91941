"""Encryption: what the client is told about it, and data in parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Protocol

from dapr_client._checks import to_bytes

ENCRYPT_IS_ALPHA = "The Encrypt API is an Alpha version and is subject to change."
DECRYPT_IS_ALPHA = "The Decrypt API is an Alpha version and is subject to change."

PART_BYTES = 128 << 10
"""How much is sent in one message, at most: two segments of a document."""


@dataclass(slots=True)
class EncryptOptions:
    """How to encrypt."""

    component_name: str
    key_name: str
    key_wrap_algorithm: str
    """`A256KW` (or `AES`) for symmetric keys, `RSA-OAEP-256` (or `RSA`) for RSA keys."""
    data_encryption_cipher: str = "aes-gcm"
    """Or `chacha20-poly1305`."""
    omit_decryption_key_name: bool = False
    """The document does not say which key decrypts it."""
    decryption_key_name: str = ""
    """The key that decrypts, when it is not the one that encrypts."""


@dataclass(slots=True)
class DecryptOptions:
    """How to decrypt."""

    component_name: str
    key_name: str = ""
    """Needed where the document does not name its key."""


class Readable(Protocol):
    """A file, or something like one; `read` may be async for an async client."""

    def read(self, size: int, /) -> Any: ...


Data = str | bytes | bytearray | memoryview | Readable | Iterable[str | bytes]
"""What a sync client encrypts and decrypts: all at once, a file, or parts."""
AsyncData = Data | AsyncIterable[str | bytes]
"""What an async client takes."""


def check(data: Any) -> None:
    """TypeError for what is no data."""
    if not isinstance(data, str | bytes | bytearray | memoryview | Iterable | AsyncIterable) and not is_file(data):
        raise TypeError(f"invalid data type {type(data)}")


def is_whole(data: Any) -> bool:
    """Whether the data are there all at once, and can be sent again."""
    return isinstance(data, str | bytes | bytearray | memoryview)


def is_file(data: Any) -> bool:
    """Whether the data are read from something."""
    return callable(getattr(data, "read", None))


def parts(data: Any) -> Iterator[bytes]:
    """The data, not too much at a time."""
    if is_whole(data):
        yield from cut(data)
    elif is_file(data):
        while part := data.read(PART_BYTES):
            yield from cut(part)
    elif isinstance(data, Iterable):
        for part in data:
            yield from cut(part)
    else:
        raise TypeError("a sync client takes no async data")


async def async_parts(data: Any) -> AsyncIterator[bytes]:
    """The data, not too much at a time; files are read in a thread."""
    if isinstance(data, AsyncIterable):
        async for part in data:
            for piece in cut(part):
                yield piece
    elif is_file(data):
        while part := await _read(data):
            for piece in cut(part):
                yield piece
    else:
        for piece in parts(data):
            yield piece


async def _read(file: Readable) -> Any:
    if iscoroutinefunction(file.read):
        return await file.read(PART_BYTES)
    part = await asyncio.to_thread(file.read, PART_BYTES)
    return await part if isawaitable(part) else part


def cut(data: str | bytes | bytearray | memoryview) -> Iterator[bytes]:
    """Data that are there, in pieces."""
    whole = data if isinstance(data, memoryview) else to_bytes(bytes(data) if isinstance(data, bytearray) else data)
    if isinstance(whole, bytes) and len(whole) <= PART_BYTES:
        yield whole
        return
    view = memoryview(whole).cast("B")
    for begin in range(0, len(view), PART_BYTES):
        yield bytes(view[begin : begin + PART_BYTES])
