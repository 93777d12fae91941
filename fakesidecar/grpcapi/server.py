"""The gRPC door on a port or a Unix socket: grpc.aio on the sidecar's event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from fakesidecar.errors import ApiError, NoAnswer
from fakesidecar.grpcapi.api import GrpcApi, serialized
from fakesidecar.grpcapi.invocation import HandingOn
from fakesidecar.grpcapi.registry import PENDING, Context, Served, Stream
from fakesidecar.grpcapi.status import status_of, trailer_of

MOST_WAITING = 1 << 30
LISTENING = (
    ("grpc.so_reuseport", 0),
    # Calls that come faster than they are answered wait, as with daprd; by default grpcio cancels some of a thousand.
    ("grpc.server.max_pending_requests", MOST_WAITING),
    ("grpc.server.max_pending_requests_hard_limit", MOST_WAITING),
)
"""How the sidecar's ports of gRPC listen."""

UNLIMITED = -1
METADATA_BYTES = 16 << 20
"""daprd takes metadata of any size that was tried, whatever `--read-buffer-size` says; grpcio's default is 16 KiB."""


class GrpcServer:
    """One sidecar's gRPC door."""

    def __init__(self, api: GrpcApi) -> None:
        self.api = api
        self.port = 0
        self._server: grpc.aio.Server | None = None

    async def start(self, addresses: Sequence[str], port: int) -> None:
        """Listen on the addresses (all on one port; 0 asks for a free one), or on `unix:` targets."""
        self._server = grpc.aio.server(
            options=[
                *LISTENING,
                # The sidecar counts bytes itself: the refusal is daprd's.
                ("grpc.max_receive_message_length", UNLIMITED),
                ("grpc.max_send_message_length", UNLIMITED),
                ("grpc.max_metadata_size", METADATA_BYTES),
                ("grpc.absolute_max_metadata_size", METADATA_BYTES),
            ]
        )
        self._server.add_generic_rpc_handlers((_Handlers(self.api),))
        for address in addresses:
            if address.startswith("unix:"):
                self._server.add_insecure_port(address)
            else:
                self.port = self._server.add_insecure_port(f"{address}:{self.port or port}")
        await self._server.start()

    async def stop(self, grace: float | None = None) -> None:
        """Stop listening; calls under way get `grace` seconds."""
        if self._server is not None:
            await self._server.stop(grace)
            self._server = None


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, api: GrpcApi) -> None:
        self.api = api

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        path = handler_call_details.method
        served = self.api.find(path)
        if served is None:
            return grpc.stream_stream_rpc_method_handler(self._unknown(path))
        if served.method.server_streaming or served.method.client_streaming:
            return self._streaming(served)
        return grpc.unary_unary_rpc_method_handler(self._unary(served))

    def _unary(self, served: Served) -> Any:
        async def behaviour(data: bytes, rpc: Any) -> bytes:
            context = _context(rpc)
            try:
                ready = self.api.prepare(served, data, context)
                reply: bytes | Future[bytes | Message]
                if ready.awaited:
                    reply = await ready.answer()
                elif ready.blocking:
                    reply = await asyncio.get_running_loop().run_in_executor(None, ready.run)
                else:
                    reply = ready.run()
                if isinstance(reply, Future):
                    reply = serialized(await asyncio.wrap_future(reply))
            except ApiError as error:
                await _abort(rpc, context, error)
                raise  # not reached: abort raises
            if context.header or context.trailer:
                await _send_metadata(rpc, context)
            return reply

        return behaviour

    def _streaming(self, served: Served) -> Any:
        if served.method.client_streaming:

            async def bidirectional(requests: AsyncIterator[bytes], rpc: Any) -> None:
                await self._run_stream(served, rpc, None, requests)

            return grpc.stream_stream_rpc_method_handler(bidirectional)

        async def server_streaming(data: bytes, rpc: Any) -> None:
            await self._run_stream(served, rpc, data, None)

        return grpc.unary_stream_rpc_method_handler(server_streaming)

    async def _run_stream(
        self, served: Served, rpc: Any, data: bytes | None, requests: AsyncIterator[bytes] | None
    ) -> None:
        context = _context(rpc)
        stream = _AioStream(context)
        reader: asyncio.Task[None] | None = None
        try:
            self.api.admit(served.method.path, context)
            if self.api.may_wait(served):
                stream.blocking = True
                await asyncio.get_running_loop().run_in_executor(None, self.api.open, served, stream, data)
            else:
                self.api.open(served, stream, data)
            if requests is not None:
                reader = asyncio.create_task(self._read(served, stream, requests))
            if context.header:
                await _send_metadata(rpc, context)
            async for message in stream.outgoing():
                await rpc.write(message.SerializeToString())
        except ApiError as error:
            await _abort(rpc, context, error)
        finally:
            if reader is not None:
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)  # the end of the call may be what it fails with
            stream.on_close()

    async def _read(self, served: Served, stream: _AioStream, requests: AsyncIterator[bytes]) -> None:
        async for data in requests:
            await _told(stream, partial(self.api.receive, served, stream, data))
            if stream.paced:
                await stream.room()
        await _told(stream, partial(self.api.half_close, served, stream))

    def _unknown(self, path: str) -> Any:
        async def behaviour(requests: AsyncIterator[bytes], rpc: Any) -> None:
            context = _context(rpc)
            handing_on = HandingOn(rpc, context)
            try:
                ending = await self.api.proxy(path, context, requests, handing_on.take)
            except ApiError as error:
                await handing_on.written()
                await _abort(rpc, context, error)
            else:
                await handing_on.end(ending)

        return behaviour


class _AioStream(Stream):
    """A stream whose messages are written by the event loop that it was opened on."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Message | ApiError | None] = asyncio.Queue()
        self._taken = asyncio.Event()

    def write(self, message: Message) -> None:
        self._put(message)

    def finish(self, error: ApiError | None = None) -> None:
        self._put(error)

    def _put(self, item: Message | ApiError | None) -> None:
        # The loop may be gone when somebody else's thread is late.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)

    async def outgoing(self) -> AsyncIterator[Message]:
        """The messages to write, until the handler ends the call (an error is raised)."""
        while (item := await self._queue.get()) is not None:
            if isinstance(item, ApiError):
                raise item
            yield item
            self._taken.set()

    async def room(self) -> None:
        """Return when few messages wait to be written."""
        await asyncio.sleep(0)  # what was sent just now is put into the queue first
        while self._queue.qsize() > PENDING:
            self._taken.clear()
            await self._taken.wait()


async def _told(stream: Stream, tell: Callable[[], None]) -> None:
    """Tell a handler what the client does."""
    if stream.blocking:
        await asyncio.get_running_loop().run_in_executor(None, tell)
    else:
        tell()


async def _send_metadata(rpc: Any, context: Context) -> None:
    if context.trailer:
        rpc.set_trailing_metadata(tuple(context.trailer))
    if context.header:
        await rpc.send_initial_metadata(tuple(context.header))
        context.header = []


def _context(rpc: Any) -> Context:
    return Context(tuple(rpc.invocation_metadata() or ()), timeout=rpc.time_remaining())


async def _abort(rpc: Any, context: Context, error: ApiError) -> None:
    """End a call with an error.

    A connection that broke is told as clients tell it, in code and words. To shut its socket down for true (it is among
    this process' files, by the ports of both ends) takes other calls with it: those that are on it, and of calls that
    follow one in twenty, which the client sends before it has seen the end, so that no plan could count on anything.
    """
    if isinstance(error, NoAnswer):
        await asyncio.Event().wait()  # until the client, or the end of the server, cancels the call
    status = status_of(error)
    context.trailer += trailer_of(error, status)
    if context.header:
        await _send_metadata(rpc, context)
    await rpc.abort(status.code, status.message, tuple(context.trailer))
