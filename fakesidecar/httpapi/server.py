"""The HTTP door on a port or a Unix socket: aiohttp's low-level server on the sidecar's event loop.

HTTP/1.1 only: aiohttp has no h2c, which daprd serves as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import re
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from fakesidecar.app import AppFailed
from fakesidecar.errors import ConnectionLost, NoAnswer
from fakesidecar.httpapi.api import HttpApi
from fakesidecar.httpapi.bodies import TOO_LARGE
from fakesidecar.httpapi.invocation import VERBS
from fakesidecar.web import Request, Response

if TYPE_CHECKING:
    from fakesidecar.app import AppStream

log = logging.getLogger("fakesidecar.http")

BACKLOG = 4096
"""How many connections may wait to be taken; Go asks Linux for as many."""

SHUTDOWN_SECONDS = 1.0
THREADS = 1000
"""How many requests may wait at a time: one may wait for an actor that is itself making one."""
LINGER_SECONDS = 0.5
HEADER_ROOM = 8 << 10
"""Go's server takes more than `--read-buffer-size` says: its buffers come on top, 4 KiB each (net/http, server.go)."""
AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: a connection that is closed is reset."""
PLAIN_TEXT = "text/plain; charset=utf-8"
VERB = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?= \S+ HTTP/1\.[01]\r\n)")
PARSED = {verb.encode() for verb in VERBS - {"NONE"}}
"""The verbs that aiohttp is left to read."""
ANY_OTHER = b"REPORT"
"""What aiohttp, which refuses verbs that it has not heard of, reads instead of any other; no route has it."""


class HttpServer:
    """One sidecar's HTTP door."""

    def __init__(self, api: HttpApi, *, max_body_size: int, max_header_size: int) -> None:
        self.api = api
        self.port = 0
        self._sockets: list[Path] = []
        self._threads = ThreadPoolExecutor(THREADS, "fakesidecar-http")
        self._max_body_size = max_body_size
        self._max_header_size = max_header_size + HEADER_ROOM
        self._runner = _Runner(_Server(self._handle, self._max_header_size), shutdown_timeout=SHUTDOWN_SECONDS)

    async def start(self, addresses: Sequence[str], port: int) -> None:
        """Listen on the addresses (all on one port; 0 asks for a free one), or on `unix:` paths."""
        await self._runner.setup()
        for address in addresses:
            if address.startswith("unix:"):
                socket = Path(address.removeprefix("unix:"))
                await web.UnixSite(self._runner, socket, backlog=BACKLOG).start()
                self._sockets.append(socket)
            else:
                await web.TCPSite(self._runner, address, self.port or port, backlog=BACKLOG).start()
                self.port = self._runner.addresses[-1][1]

    async def stop(self, grace: float | None = None) -> None:
        """Stop listening and close every connection; requests under way get `grace` seconds to end by themselves."""
        if grace is not None:
            self._runner.be_patient(grace)
        await self._runner.cleanup()
        self._threads.shutdown(wait=False)
        while self._sockets:  # asyncio leaves them behind before Python 3.13
            self._sockets.pop().unlink(missing_ok=True)

    async def _handle(self, asked: web.BaseRequest) -> web.StreamResponse:
        if header_size(asked) > self._max_header_size:
            return _refusal(431, "Request Header Fields Too Large")
        path, _, query = asked.raw_path.partition("?")
        connection = asked.protocol
        assert isinstance(connection, _Connection)
        request = Request(
            connection.verb or asked.method,
            path,
            query,
            [(key.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for key, value in asked.raw_headers],
            remote=_remote(asked),
        )
        ready = self.api.prepare(request)
        if ready.streams and asked.headers.get("transfer-encoding"):
            request.stream = self._limited(asked)
        else:
            request.body, request.body_error = await self._body(asked)
        try:
            if ready.blocking:
                answer = await asyncio.get_running_loop().run_in_executor(self._threads, ready.begin)
            else:
                answer = ready.begin()
            if not isinstance(answer, Response):
                answer = await answer
        except ConnectionLost:
            return _broken(asked)
        except NoAnswer:
            await connection.gone.wait()
            return _broken(asked)
        if answer.breaks_after is not None or answer.drip is not None:
            return await self._piecemeal(asked, answer)
        if answer.stream is not None:
            return await self._stream(asked, answer, answer.stream)
        return with_headers(web.Response(status=answer.status, body=answer.body), answer)

    async def _stream(self, asked: web.BaseRequest, answer: Response, stream: AppStream) -> web.StreamResponse:
        response = with_headers(web.StreamResponse(status=answer.status), answer)
        try:
            await response.prepare(asked)
            async for chunk in stream.chunks:
                await response.write(chunk)
            await response.write_eof()
        except AppFailed as error:  # the client is to see that there should have been more
            log.error("%s %s broke off: %s", asked.method, asked.raw_path, error)
            if asked.transport is not None:
                asked.transport.abort()
        finally:
            await stream.close()
        return response

    async def _piecemeal(self, asked: web.BaseRequest, answer: Response) -> web.StreamResponse:
        """Send an answer bit by bit, or not all of it."""
        response = with_headers(web.StreamResponse(status=answer.status), answer)
        response.content_length = len(answer.body)
        await response.prepare(asked)
        end = len(answer.body) if answer.breaks_after is None else answer.breaks_after
        size, pause = answer.drip or (max(1, end), 0.0)
        for start in range(0, end, size):
            if start:
                await asyncio.to_thread(self.api.core.clock.pass_time, pause)
            await response.write(answer.body[start : min(start + size, end)])
        if answer.breaks_after is not None:
            await response.write(b"")  # the headers at least
            if asked.transport is not None:
                asked.transport.close()
        return response

    async def _limited(self, asked: web.BaseRequest) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in asked.content.iter_any():
            size += len(chunk)
            if 0 < self._max_body_size < size:
                raise AppFailed(TOO_LARGE)
            yield chunk

    async def _body(self, asked: web.BaseRequest) -> tuple[bytes, str]:
        # One byte more than the limit passes, as with daprd (kit/streams LimitReadCloser).
        limit = self._max_body_size + 1 if self._max_body_size > 0 else None
        body = bytearray()
        async for chunk in asked.content.iter_any():
            body += chunk
            if limit is not None and len(body) > limit:
                return bytes(body[:limit]), TOO_LARGE
        return bytes(body), ""


R = TypeVar("R", bound=web.StreamResponse)


def with_headers(response: R, answer: Response) -> R:
    """A response with the headers of an answer, and none that aiohttp would add."""
    for key, value in answer.headers:
        response.headers.add(key, value)
    if not any(key.lower() == "content-type" for key, _ in answer.headers):
        # aiohttp would say application/octet-stream
        response.headers.popall("content-type", None)
    return response


def _broken(asked: web.BaseRequest) -> web.Response:
    """No answer: the client's connection is reset."""
    if asked.transport is not None:
        connection = asked.transport.get_extra_info("socket")
        if connection is not None and connection.family != getattr(socket, "AF_UNIX", None):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        asked.transport.abort()
    return web.Response()


def _remote(asked: web.BaseRequest) -> str:
    peer = asked.transport.get_extra_info("peername") if asked.transport is not None else None
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""


def header_size(asked: web.BaseRequest) -> int:
    """The bytes before the body, about."""
    return len(asked.raw_path) + sum(len(key) + len(value) + len(": \r\n") for key, value in asked.raw_headers)


class _Runner(web.ServerRunner):
    def be_patient(self, seconds: float) -> None:
        self._shutdown_timeout = seconds


class _Server(web.Server):
    """aiohttp's server, with connections that refuse as Go's do."""

    def __init__(self, handler: Any, max_header_size: int) -> None:
        super().__init__(handler, handler_cancellation=True)  # who hung up waits for no answer
        self._settings: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,  # a compressed body is stored as it comes
            "max_line_size": max_header_size,
            "max_field_size": max_header_size,
        }
        if "max_headers" in inspect.signature(web.RequestHandler).parameters:  # since aiohttp 3.14
            self._settings["max_headers"] = max_header_size

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **self._settings)


class _Connection(web.RequestHandler):
    """A connection that reads on for a moment after a refusal.

    Closing while the client still sends would reset the connection, and the client might lose the answer (Go's
    server lingers for the same reason: net/http server.go, closeWriteAndWait).
    """

    _refused = False

    def __init__(self, manager: web.Server, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self.gone = asyncio.Event()
        """The client has left."""
        self.verb = ""
        """That of the request under way, where aiohttp was not told."""
        self._idle = True

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._idle:
            self._idle = False
            found = VERB.match(data)
            if found is not None and found[1] not in PARSED:
                self.verb = found[1].decode()
                data = ANY_OTHER + data[found.end() :]
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self.gone.set()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        finished = await super().finish_response(request, resp, start_time)
        self.verb, self._idle = "", True
        if self._refused and self.transport is not None and self.transport.can_write_eof():
            self.transport.write_eof()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.gone.wait(), LINGER_SECONDS)
        return finished

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What Go's server answers to what is no HTTP, or too much of it."""
        if status != 400:
            return super().handle_error(request, status, exc, message)
        self._refused = True
        if isinstance(exc, LineTooLong):
            return _refusal(431, "Request Header Fields Too Large")
        return _refusal(400, "Bad Request")


def _refusal(status: int, reason: str) -> web.Response:
    response = web.Response(status=status, text=f"{status} {reason}", headers={"content-type": PLAIN_TEXT})
    response.force_close()
    return response
