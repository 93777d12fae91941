"""Encryption: data become a document that only a key opens, and come back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Self
from warnings import warn

from dapr_client._async.block import Block
from dapr_client._checks import not_blank
from dapr_client._response import DaprResponse
from dapr_client._transport.aio import AsyncStream
from dapr_client.crypto import (
    DECRYPT_IS_ALPHA,
    ENCRYPT_IS_ALPHA,
    AsyncData,
    DecryptOptions,
    EncryptOptions,
    async_parts,
    check,
    is_whole,
)
from dapr_client.errors import DaprError
from dapr_client.wire import crypto_pb2

NOTHING = b""


class CryptoResponse(DaprResponse):
    """What becomes of the data, while they are still being sent: to be read, or iterated over, or both."""

    def __init__(self, source: _Source, stream: AsyncStream[Any]) -> None:
        super().__init__()
        self._source = source
        self._stream = stream
        self._held: bytes | memoryview = NOTHING
        self._expected = 0

    __eq__ = object.__eq__
    __hash__ = object.__hash__  # type: ignore[assignment]  # it is read once: nothing else is equal to it

    async def read(self, size: int | None = -1) -> bytes:
        """So many bytes, fewer at the end; all that are left by default."""
        left = None if size is None or size < 0 else size
        parts: list[bytes | memoryview] = []
        while left != 0 and (part := await self._part()):
            if left is not None:
                view = memoryview(part)
                part, self._held = view[:left], view[left:]
                left -= len(part)
            parts.append(part)
        return b"".join(parts)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if part := await self._part():
            return bytes(part)
        raise StopAsyncIteration

    async def close(self) -> None:
        """Read no more; what has not been sent is not sent."""
        await self._stream.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    async def _part(self) -> bytes | memoryview:
        """What is left of the newest part, or the next one; nothing at the end."""
        while not self._held:
            try:
                message = await self._stream.__anext__()
            except StopAsyncIteration:
                self._source.check()
                return NOTHING
            except DaprError as error:
                self._source.check(error)
                raise
            if message.payload.seq != self._expected:
                raise ValueError("invalid sequence number in chunk")
            self._expected += 1
            self._held = message.payload.data
        part, self._held = self._held, NOTHING
        return part


class EncryptResponse(CryptoResponse):
    """An encrypted document."""


class DecryptResponse(CryptoResponse):
    """What a document holds."""


class CryptoMethods(Block):
    """What a client can do with crypto providers."""

    async def encrypt(
        self, data: AsyncData, options: EncryptOptions, *, timeout: float | None = None
    ) -> EncryptResponse:
        """Encrypt text, bytes, a file or parts; the document is read from what this returns, as it is made."""
        warn(ENCRYPT_IS_ALPHA, UserWarning, stacklevel=2)
        not_blank(
            component_name=options.component_name,
            key_name=options.key_name,
            key_wrap_algorithm=options.key_wrap_algorithm,
        )
        request = crypto_pb2.EncryptRequest(
            options=crypto_pb2.EncryptRequestOptions(
                component_name=options.component_name,
                key_name=options.key_name,
                key_wrap_algorithm=options.key_wrap_algorithm,
                data_encryption_cipher=options.data_encryption_cipher,
                omit_decryption_key_name=options.omit_decryption_key_name,
                decryption_key_name=options.decryption_key_name,
            )
        )
        source = _Source(data, request)
        stream = await self._crypto_stream("EncryptAlpha1", source, crypto_pb2.EncryptResponse, timeout)
        return EncryptResponse(source, stream)

    async def decrypt(
        self, data: AsyncData, options: DecryptOptions, *, timeout: float | None = None
    ) -> DecryptResponse:
        """Decrypt a document, given as bytes, a file or parts; what it holds is read from what this returns.

        What has been read is right: a document that is damaged further on is found out when it is read there.
        """
        warn(DECRYPT_IS_ALPHA, UserWarning, stacklevel=2)
        not_blank(component_name=options.component_name)
        request = crypto_pb2.DecryptRequest(
            options=crypto_pb2.DecryptRequestOptions(component_name=options.component_name, key_name=options.key_name)
        )
        source = _Source(data, request)
        stream = await self._crypto_stream("DecryptAlpha1", source, crypto_pb2.DecryptResponse, timeout)
        return DecryptResponse(source, stream)

    async def _crypto_stream(
        self, name: str, source: _Source, response: type[Any], timeout: float | None
    ) -> AsyncStream[Any]:
        stream = await self._transport.bidirectional(
            name, source.messages, response, timeout=timeout, again=source.again
        )
        source.stream = stream
        return stream


class _Source:
    """The data on their way to the sidecar, and what went wrong with them here."""

    def __init__(self, data: AsyncData, first: Any) -> None:
        check(data)
        self.again = is_whole(data)
        """Whether they can be sent again."""
        self.stream: AsyncStream[Any] | None = None
        self._data = data
        self._first = first
        self._failure: Exception | None = None

    async def messages(self) -> AsyncIterator[Any]:
        """The options, then the data."""
        yield self._first
        number = 0
        try:
            async for part in async_parts(self._data):
                message = type(self._first)()
                message.payload.data, message.payload.seq = part, number
                number += 1
                yield message
        except Exception as error:
            self._failure = error
            if self.stream is None:
                raise
            await self.stream.close()

    def check(self, error: Exception | None = None) -> None:
        """Raise what went wrong with the data, which is why the call went wrong."""
        if self._failure is not None:
            raise self._failure from error
