"""A sidecar of another process, as the one that calls it has it (dapr pkg/messaging, direct_messaging.go)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc.aio

from fakesidecar.app import AppFailed, Grpc, Metadata, as_go_says
from fakesidecar.clock import Clock
from fakesidecar.core.invocation import Answer, Invocation, forwarded
from fakesidecar.core.proxied import Proxied
from fakesidecar.errors import ComponentError, RpcStatus
from fakesidecar.neighbours import Caller
from fakesidecar.peers import messages
from fakesidecar.peers.messages import CALL_LOCAL_STREAM

if TYPE_CHECKING:
    from dapr_client.wire import service_invocation_pb2 as pb

INCOMPLETE = "response does not contain the required fields in the leading chunk"


class RemoteNeighbour:
    """A sidecar of another process: a `Neighbour`."""

    def __init__(self, app_id: str, channel: Grpc, clock: Clock) -> None:
        self._app_id = app_id
        self._channel = channel
        self._clock = clock

    async def serve(self, asked: Invocation, caller: Caller) -> Answer:
        """Invoke a method of the application; raises `RpcStatus`."""
        call = Call(self._channel, forwarded(asked, caller, self._app_id))
        try:
            with self._clock.busy():
                first = await call.first()
                if not messages.is_http(first.response):
                    answer = messages.from_grpc_response(first.response, b"".join([part async for part in call.body()]))
                    await call.end()
                    return answer
        except BaseException as error:
            await call.end()
            if isinstance(error, AppFailed):
                raise ComponentError(str(error)) from error
            raise
        stream = messages.from_http_response(first.response, call.body())
        stream.closing.push_async_callback(call.end)
        return stream

    def serve_proxied(self, path: str, requests: AsyncIterator[bytes], metadata: Metadata, caller: Caller) -> Proxied:
        """Call a gRPC method of the application's own, of whichever kind."""
        call: Proxied = self._channel.proxy(path, requests, [*metadata, *caller.names(self._app_id)])
        return call


class Call:
    """One call on its way: the body goes there while the answer comes."""

    def __init__(self, channel: Grpc, asked: Invocation) -> None:
        self._address = channel.address
        self._call: Any = channel.channel.stream_stream(
            CALL_LOCAL_STREAM.path,
            request_serializer=CALL_LOCAL_STREAM.request.SerializeToString,
            response_deserializer=CALL_LOCAL_STREAM.response.FromString,
        )()
        self._broken_off: AppFailed | None = None
        self._sending = asyncio.create_task(self._send(asked))
        self._first: Any = None

    async def _send(self, asked: Invocation) -> None:
        pieces = messages.pieces_of(asked.body)
        message: Any = CALL_LOCAL_STREAM.request(request=messages.as_request(asked))
        # Whoever gets the first message is to know at once whether there is a body, where that is known here.
        message.payload.data = await anext(pieces, b"") if isinstance(asked.body, bytes) else b""
        number = 0
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # who reads is told
            try:
                await self._call.write(message)
                async for piece in pieces:
                    number += 1
                    message = CALL_LOCAL_STREAM.request()
                    message.payload.data, message.payload.seq = piece, number
                    await self._call.write(message)
                await self._call.done_writing()
            except AppFailed as error:
                self._broken_off = error
                self._call.cancel()

    async def first(self) -> pb.InternalInvokeResponseStream:
        """The message that the answer begins with; raises `RpcStatus`."""
        self._first = await self._read()
        if self._first is None or not self._first.response.HasField("status"):
            raise ComponentError(INCOMPLETE)
        return self._first  # type: ignore[no-any-return]

    async def body(self) -> AsyncIterator[bytes]:
        """What follows the first message; raises `AppFailed`."""
        message = self._first
        while message is not None:
            if message.payload.data:
                yield message.payload.data
            try:
                message = await self._read()
            except RpcStatus as error:
                raise AppFailed(str(error)) from error

    async def _read(self) -> Any:
        """The next message, None after the last."""
        try:
            message = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise RpcStatus(error.code(), as_go_says(error.details() or "", self._address)) from error
        except asyncio.CancelledError:
            if self._broken_off is not None:
                raise self._broken_off from None
            raise
        return None if message is grpc.aio.EOF else message

    async def end(self) -> None:
        """Let go of the call, whether it is through or not."""
        self._call.cancel()
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)
