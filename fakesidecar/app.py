"""The way to the application: over HTTP or gRPC, outside of the core's lock (dapr pkg/channel).

An `AppChannel` carries requests to one application, by a `Transport`. What it carries is under way on the clock
(`Clock.busy`), so a virtual clock that is moved waits for the application.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import io
import logging
import os
import re
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from fakesidecar.call import Call, body_of
from fakesidecar.clock import Clock
from fakesidecar.errors import ApiError, ConnectionLost, DeadlinePassed, NoAnswer
from fakesidecar.options import Options

if TYPE_CHECKING:
    import ssl

    import aiohttp
    import grpc
    import grpc.aio
    import httpx
    from google.protobuf.message import Message

    from dapr_client.wire import Method
    from fakesidecar.faults import Faults

log = logging.getLogger("fakesidecar.app")

T = TypeVar("T")

TIMEOUT_SECONDS = 60.0
NOT_OURS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
"""What the HTTP library would add of its own accord."""
TOKEN = "dapr-api-token"
NOBODY_LISTENS = (
    'connection error: desc = "transport: Error while dialing: dial tcp {address}: connect: connection refused"'
)
RECONNECT_MS = 100
"""An application that was restarted is found at once: grpcio would wait for up to two minutes."""
JSON = (("content-type", "application/json"),)

POLL_SECONDS = 0.1
"""How often daprd looks whether the application listens (dapr pkg/runtime, blockUntilAppIsReady)."""


async def wait_until_listening(address: str, port: int) -> None:
    """Wait until an application takes connections; it is outside of the clock, so this is real time."""
    while True:
        try:
            _, writer = await asyncio.open_connection(address, port)
        except OSError:
            await asyncio.sleep(POLL_SECONDS)
        else:
            writer.close()
            return


Headers = Sequence[tuple[str, str]]
Metadata = Sequence[tuple[str, str | bytes]]
Body = bytes | AsyncIterable[bytes]
"""Bytes, or what comes bit by bit and nobody knows the length of."""


@dataclass(frozen=True, slots=True)
class AppRequest:
    """What the application is to be sent."""

    method: str
    path: str
    """As it is on the wire: escaped, with its leading slash."""
    body: Body = b""
    headers: Headers = JSON
    query: str = ""
    """As it is on the wire, without the question mark."""

    def as_arguments(self) -> dict[str, Any]:
        """It in plain values, for fault plans."""
        body = body_of(self.body) if isinstance(self.body, bytes) else None
        return {"method": self.method, "path": self.path, "query": self.query, "body": body}


class About(NamedTuple):
    """What the application is told, in the words of fault plans."""

    operation: str
    """`event`, `job`, …"""
    component: str = ""
    target: str = ""
    """The topic, job, actor, … that it is about."""


@dataclass(frozen=True, slots=True)
class AppResponse:
    """What the application answered."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


@dataclass(slots=True)
class AppStream:
    """An application's answer whose body comes bit by bit: read it or not, but close it."""

    status: int
    headers: Headers
    chunks: AsyncIterator[bytes]
    closing: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    """What is let go of when the answer is closed."""

    async def read(self) -> bytes:
        """All of the body; closes the answer."""
        try:
            return b"".join([chunk async for chunk in self.chunks])
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of the answer, read or not."""
        await self.closing.aclose()


@dataclass(frozen=True, slots=True)
class AppReply:
    """What a gRPC application answered, and its metadata."""

    message: Any
    header: Metadata = ()
    trailer: Metadata = ()


class AppFailed(Exception):
    """The application did not answer; the text says why."""

    def __init__(self, text: str, *, timed_out: bool = False) -> None:
        super().__init__(text)
        self.timed_out = timed_out


class AppRpcFailed(AppFailed):
    """The application answered an RPC with an error."""

    def __init__(self, error: grpc.aio.AioRpcError, address: str) -> None:
        self.code: grpc.StatusCode = error.code()
        self.details: str = as_go_says(error.details() or "", address)
        super().__init__(f"{self.code.name} {self.details}", timed_out=self.code.name == "DEADLINE_EXCEEDED")
        self.error = error


CUT_OFF = ("Socket closed", "Connection reset by peer", "Broken pipe")


def as_go_says(details: str, address: str) -> str:
    """The message of an error; of the connection it is grpc-go's, not the one of the library here."""
    if any(text in details for text in CUT_OFF):
        return "error reading from server: EOF"
    if details.startswith("failed to connect to all addresses"):
        return NOBODY_LISTENS.format(address=address)
    if too_large := re.search(r"message larger than max \(\d+ vs\. \d+\)", details):  # sent or received
        return f"grpc: received {too_large[0]}"
    return details


class Transport:
    """How requests travel to an application."""

    async def request(self, request: AppRequest, timeout: float) -> AppResponse:
        """Send a request, return the answer; raises `AppFailed`."""
        try:
            async with asyncio.timeout(timeout):
                answer = await self.stream(request)
                return AppResponse(answer.status, answer.headers, await answer.read())
        except TimeoutError as error:
            raise AppFailed(f"timed out after {timeout} s", timed_out=True) from error

    async def stream(self, request: AppRequest) -> AppStream:
        """Send a request, return the answer as soon as it begins; raises `AppFailed`, and so does reading it."""
        raise AppFailed(f"{request.path}: the application does not speak HTTP")

    async def rpc(self, name: str, message: Message, metadata: Metadata, timeout: float) -> Any:
        """Call one of Dapr's callbacks, where the application speaks gRPC; raises `AppRpcFailed`."""
        raise AppFailed(f"{name}: the application does not speak gRPC")

    async def exchange(self, name: str, message: Message, metadata: Metadata) -> AppReply:
        """As `rpc`, without end, and with the metadata that comes with the answer."""
        return AppReply(await self.rpc(name, message, metadata, TIMEOUT_SECONDS))

    async def close(self) -> None:
        """Close every connection."""


class AppChannel:
    """Sends requests to an application, and runs on the sidecar's event loop what waits for the answers."""

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        *,
        url: str = "",
        is_grpc: bool = False,
        max_concurrency: int = -1,
        faults: Faults | None = None,
    ) -> None:
        self.transport = transport
        self.url = url
        """Where an HTTP application is, as messages name it; empty when it is in this process."""
        self.is_grpc = is_grpc
        self._clock = clock
        self._faults = faults
        self._turns = asyncio.Semaphore(max_concurrency) if max_concurrency > 0 else contextlib.nullcontext()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._lanes: dict[str, asyncio.Task[None]] = {}
        """The last work of each lane that has any under way."""

    def open(self) -> None:
        """Begin to send, on the running event loop."""
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        """Send no more; what is under way is given up."""
        self._loop = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.transport.close()

    # --- on the sidecar's event loop ---

    async def request(
        self, request: AppRequest, timeout: float = TIMEOUT_SECONDS, about: About | None = None
    ) -> AppResponse:
        """Send a request (to a gRPC application, as `OnInvoke`), return the answer; raises `AppFailed`.

        What it is about is said of requests that something may be made to happen to.
        """
        send = partial(self._in_turn, self.transport.request, request, timeout)
        if about is None or not self._may_fail:
            return await send()
        try:
            return await self._toward_app(about, request, timeout, send)
        except ApiError as error:
            return self._told(error, timeout)

    async def stream(self, request: AppRequest, about: About | None = None) -> AppStream:
        """Send a request, return the answer as soon as it begins; raises `AppFailed`, and so does reading it."""
        if about is None or not self._may_fail:
            return await self._stream(request)
        request = replace(request, body=await whole(request.body))  # it may be sent twice
        try:
            return await self._toward_app(about, request, None, partial(self._stream, request))
        except ApiError as error:
            answer = self._told(error, None)
            return AppStream(answer.status, answer.headers, once(answer.body))

    async def _stream(self, request: AppRequest) -> AppStream:
        with self._clock.busy():
            async with contextlib.AsyncExitStack() as turn:
                await turn.enter_async_context(self._turns)
                answer = await self.transport.stream(request)
                answer.closing.push_async_callback(turn.pop_all().aclose)
                return answer

    async def rpc(
        self,
        name: str,
        message: Message,
        metadata: Metadata = (),
        timeout: float = TIMEOUT_SECONDS,
        about: About | None = None,
    ) -> Any:
        """Call one of Dapr's callbacks (`OnTopicEvent`) of a gRPC application; raises `AppRpcFailed`."""
        send = partial(self._in_turn, self.transport.rpc, name, message, metadata, timeout)
        return await self._called(about, message, metadata, timeout, send)

    async def exchange(
        self, name: str, message: Message, metadata: Metadata = (), about: About | None = None
    ) -> AppReply:
        """As `rpc`, without end, and with the metadata that comes with the answer."""
        send = partial(self._in_turn, self.transport.exchange, name, message, metadata)
        reply: AppReply = await self._called(about, message, metadata, None, send)
        return reply

    async def _in_turn(self, send: Callable[..., Awaitable[T]], *what: Any) -> T:
        with self._clock.busy():
            async with self._turns:
                return await send(*what)

    # --- what fault plans make of it ---

    @property
    def _may_fail(self) -> bool:
        return self._faults is not None and self._faults.about_app

    async def _called(
        self,
        about: About | None,
        message: Message,
        metadata: Metadata,
        timeout: float | None,
        send: Callable[[], Awaitable[Any]],
    ) -> Any:
        if about is None or not self._may_fail:
            return await send()
        try:
            return await self._toward_app(about, message, timeout, send, metadata)
        except ApiError as error:
            raise rpc_failure(error) from error

    async def _toward_app(
        self,
        about: About,
        asked: AppRequest | Message,
        timeout: float | None,
        send: Callable[[], Awaitable[T]],
        headers: Metadata = (),
    ) -> T:
        """Send something as plans say; raises what they raise."""
        assert self._faults is not None
        sent: Any = asked
        if isinstance(asked, AppRequest):
            headers, sent = asked.headers, asked.as_arguments()
        protocol = "grpc" if self.is_grpc else "http"
        call = Call("app", *about, headers=headers, protocol=protocol, sent=sent)
        try:
            answer: T = await self._faults.toward_app(call, send, timeout=timeout, finish=read_whole)
        except NoAnswer:
            await asyncio.Event().wait()  # whoever waits for the answer gives up
            raise
        return answer

    def _told(self, error: ApiError, timeout: float | None) -> AppResponse:
        """What a plan says, as an answer to a request; raises `AppFailed` where there is none."""
        if self.is_grpc:
            raise rpc_failure(error) from error
        if isinstance(error, ConnectionLost):
            raise AppFailed("EOF") from error
        if isinstance(error, DeadlinePassed):
            raise AppFailed(f"timed out after {timeout} s", timed_out=True) from error
        body = error.message.encode() if error.http_body is None else error.http_body
        return AppResponse(error.http, error.http_headers, body)

    # --- from any thread ---

    def spawn(self, work: Coroutine[Any, Any, None], *, lane: str = "") -> None:
        """Do something soon on the sidecar's event loop, without waiting; work of one lane is done in order.

        Nothing is done when the sidecar is closed. Until it is done it is under way on the clock.
        """
        self._clock.begin()
        try:
            if self._loop is None:
                raise RuntimeError("closed")
            # Work is nobody's inside: it begins with no context of the one who asked for it.
            self._loop.call_soon_threadsafe(self._enqueue, work, lane, context=contextvars.Context())
        except RuntimeError:  # the loop has just ended
            work.close()
            self._clock.end()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the sidecar's event loop and return what comes of it; from a thread that may block."""
        if self._loop is None:
            work.close()
            raise AppFailed("the sidecar is closed")
        try:
            return asyncio.run_coroutine_threadsafe(self._tracked(work), self._loop).result()
        except concurrent.futures.CancelledError as error:
            raise AppFailed("the sidecar was closed") from error

    def send(self, request: AppRequest, *, lane: str = "") -> None:
        """Send a message soon, without waiting; that the application fails is only logged."""
        self.spawn(self._send(request), lane=lane)

    async def _send(self, request: AppRequest) -> None:
        try:
            answer = await self.request(request)
        except AppFailed as error:
            log.error("the app was sent %s %s: %s", request.method, request.path, error)
        else:
            if answer.status >= 300:
                log.error("the app was sent %s %s: it answered with %s", request.method, request.path, answer.status)

    async def _tracked(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            return await work
        finally:
            self._tasks.discard(task)

    def _enqueue(self, work: Coroutine[Any, Any, None], lane: str) -> None:
        if self._loop is None:
            work.close()
            self._clock.end()
            return
        task = self._loop.create_task(self._after(self._lanes.get(lane) if lane else None, work))
        self._tasks.add(task)
        if lane:
            self._lanes[lane] = task
        task.add_done_callback(lambda done: self._done(lane, work, done))

    async def _after(self, before: asyncio.Task[None] | None, work: Coroutine[Any, Any, None]) -> None:
        self._clock.take_over()
        if before is not None:
            await asyncio.wait([before])
        await work

    def _done(self, lane: str, work: Coroutine[Any, Any, None], done: asyncio.Task[None]) -> None:
        work.close()  # it may never have begun
        self._tasks.discard(done)
        if self._lanes.get(lane) is done:
            del self._lanes[lane]
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("work for the app failed", exc_info=error)
        self._clock.end()


async def once(body: bytes) -> AsyncIterator[bytes]:
    """A body that is there already."""
    if body:
        yield body


async def read_whole(answer: object) -> None:
    """Read an answer that nobody is given to its end."""
    if isinstance(answer, AppStream):
        await answer.read()


def rpc_failure(error: ApiError) -> AppRpcFailed:
    """What a plan says, as a gRPC application would end a call with it."""
    import grpc.aio

    from fakesidecar.grpcapi.status import status_of, trailer_of

    status = status_of(error)
    details = IN_GO.get(type(error), status.message)
    trailer = grpc.aio.Metadata(*trailer_of(error, status))
    return AppRpcFailed(grpc.aio.AioRpcError(status.code, grpc.aio.Metadata(), trailer, details), "")


IN_GO = {ConnectionLost: "error reading from server: EOF", DeadlinePassed: "context deadline exceeded"}
"""What grpc-go says of a call that nobody answers."""


def app_of(options: Options, clock: Clock, faults: Faults) -> AppChannel | None:
    """The way to the application that the options name; None when there is none."""
    if not options.app_port:
        return None
    address = f"{options.app_channel_address}:{options.app_port}"
    protocol, token = options.app_protocol, options.app_api_token
    url = f"{'https' if protocol == 'https' else 'http'}://{address}"
    transport: Transport
    if protocol in ("grpc", "grpcs"):
        transport = Grpc(address, protocol == "grpcs", token, options.max_body_size)
    elif protocol == "h2c":
        transport = H2c(address, token)
    else:
        transport = Http(url, token)
    is_grpc = protocol in ("grpc", "grpcs")
    return AppChannel(
        transport, clock, url=url, is_grpc=is_grpc, max_concurrency=options.app_max_concurrency, faults=faults
    )


# --- how a request travels -----------------------------------------------------------------------


class Http(Transport):
    """HTTP/1.1, on connections that are kept."""

    def __init__(
        self, base: str, token: str = "", *, tls: ssl.SSLContext | bool = False, follows_redirects: bool = False
    ) -> None:
        self._base = base
        self._token = token
        self._tls = tls
        self._follows_redirects = follows_redirects
        self._session: aiohttp.ClientSession | None = None

    async def stream(self, request: AppRequest) -> AppStream:
        import aiohttp
        from yarl import URL

        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Any certificate of an application will do (dapr pkg/runtime/channels, InsecureSkipVerify).
                connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
                skip_auto_headers=NOT_OURS,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None),
                request_class=_request_class(),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        with _go_errors():
            answer = await self._session.request(
                request.method,
                URL(self._base + target_of(request), encoded=True),
                data=body_for_aiohttp(request.body),
                headers=with_ours(request.headers, self._token),
                allow_redirects=self._follows_redirects,
            )
        stream = AppStream(answer.status, tuple(answer.headers.items()), _chunks(answer.content.iter_any()))
        stream.closing.callback(answer.release)
        return stream

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


LARGE = 1 << 20


def body_for_aiohttp(body: Body) -> Body | io.BytesIO | None:
    """A body in the form that aiohttp sends bit by bit; of more bytes than these in one piece it warns."""
    return io.BytesIO(body) if isinstance(body, bytes) and len(body) > LARGE else body or None


@cache
def _request_class() -> type[aiohttp.ClientRequest]:
    import aiohttp

    class Request(aiohttp.ClientRequest):
        """A request that says no length where Go's client says none."""

        GET_METHODS = aiohttp.ClientRequest.GET_METHODS | {"DELETE"}

    return Request


async def _chunks(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    with _go_errors():
        async for chunk in source:
            yield chunk


@contextlib.contextmanager
def _go_errors() -> Iterator[None]:
    """Failures of the HTTP client as Go's client tells them."""
    import aiohttp

    try:
        yield
    except aiohttp.ClientConnectorDNSError as error:
        raise AppFailed(f"dial tcp: lookup {error.host}: no such host") from error
    except aiohttp.ClientConnectorError as error:
        reason = (error.os_error.strerror or str(error.os_error)).lower()
        if "connect call failed" in reason:
            reason = os.strerror(error.os_error.errno or 0).lower()
        raise AppFailed(f"dial tcp {error.host}:{error.port}: connect: {reason}") from error
    except aiohttp.ServerDisconnectedError as error:
        raise AppFailed("EOF") from error
    except aiohttp.ClientPayloadError as error:
        raise AppFailed("unexpected EOF") from error
    except aiohttp.TooManyRedirects as error:
        raise AppFailed(f"stopped after {len(error.history)} redirects") from error
    except aiohttp.ClientError as error:
        if isinstance(error.__cause__, AppFailed):  # what was sent broke off
            raise error.__cause__ from None
        raise AppFailed(str(error) or repr(error)) from error


class H2c(Transport):
    """HTTP/2 without TLS, both sides knowing beforehand."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._token = token
        self._client: Any = None

    async def stream(self, request: AppRequest) -> AppStream:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(http1=False, http2=True, trust_env=False, headers={}, timeout=None)
            self._client.headers.clear()
        asked = self._client.build_request(
            request.method,
            f"http://{self._address}{target_of(request)}",
            content=request.body or None,
            headers=with_ours(request.headers, self._token),
        )
        with self._go_errors():
            answer = await self._client.send(asked, stream=True)
        stream = AppStream(answer.status_code, tuple(answer.headers.multi_items()), self._chunks(answer))
        stream.closing.push_async_callback(answer.aclose)
        return stream

    async def _chunks(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        with self._go_errors():
            async for chunk in answer.aiter_raw():
                yield chunk

    @contextlib.contextmanager
    def _go_errors(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except httpx.ConnectError as error:
            raise AppFailed(f"dial tcp {self._address}: connect: connection refused") from error
        except httpx.RemoteProtocolError as error:
            raise AppFailed("EOF") from error
        except httpx.HTTPError as error:
            raise AppFailed(str(error) or repr(error)) from error

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def target_of(request: AppRequest) -> str:
    """The path and the query."""
    return f"{request.path}?{request.query}" if request.query else request.path


def with_ours(headers: Headers, token: str) -> list[tuple[str, str]]:
    """The headers, and what the sidecar itself adds where they do not say otherwise."""
    names = {name.lower() for name, _ in headers}
    out = [*headers]
    if "user-agent" not in names:
        out.append(("user-agent", "Go-http-client/1.1"))
    if token:
        out = [(name, value) for name, value in out if name.lower() != TOKEN]
        out.append((TOKEN, token))
    return out


class Grpc(Transport):
    """Dapr's callbacks, on one channel."""

    def __init__(self, address: str, secure: bool, token: str, max_body_size: int) -> None:
        self.address = address
        self._secure = secure
        self._metadata = ((TOKEN, token),) if token else ()
        self._max_body_size = max_body_size if max_body_size > 0 else -1

    async def request(self, request: AppRequest, timeout: float) -> AppResponse:
        from dapr_client.wire import common_pb2

        headers = {name.lower(): value for name, value in reversed(request.headers)}
        content_type = headers.pop("content-type", "")
        message = common_pb2.InvokeRequest(
            method=request.path,
            content_type=content_type,
            http_extension=common_pb2.HTTPExtension(verb=request.method, querystring=request.query),
        )
        message.data.value = await whole(request.body)
        answer = await self.rpc("OnInvoke", message, tuple(headers.items()), timeout)
        return AppResponse(200, (("content-type", answer.content_type),), answer.data.value)

    async def rpc(self, name: str, message: Message, metadata: Metadata, timeout: float) -> Any:
        return (await self._call(name, message, metadata, timeout)).message

    async def exchange(self, name: str, message: Message, metadata: Metadata) -> AppReply:
        return await self._call(name, message, metadata, None)

    async def _call(self, name: str, message: Message, metadata: Metadata, timeout: float | None) -> AppReply:
        import grpc

        method = _callback(name)
        call = self.channel.unary_unary(
            method.path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=method.response.FromString,
        )(message, metadata=(*metadata, *self._metadata), timeout=timeout)
        try:
            answer = await call
        except grpc.aio.AioRpcError as error:
            raise AppRpcFailed(error, self.address) from error
        return AppReply(answer, tuple(await call.initial_metadata()), tuple(await call.trailing_metadata()))

    def proxy(self, path: str, requests: AsyncIterator[bytes], metadata: Metadata) -> Any:
        """Call a method of the application's own, of whichever kind: bytes go there and come back."""
        call = self.channel.stream_stream(path)(metadata=(*metadata, *self._metadata))
        return HandedOn(call, requests, self.address)

    @cached_property
    def channel(self) -> Any:
        """The channel to the application, opened on first use."""
        import grpc.aio

        options = (
            ("grpc.max_receive_message_length", self._max_body_size),
            ("grpc.max_send_message_length", self._max_body_size),
            ("grpc.initial_reconnect_backoff_ms", RECONNECT_MS),
            ("grpc.min_reconnect_backoff_ms", RECONNECT_MS),
            ("grpc.max_reconnect_backoff_ms", RECONNECT_MS),
        )
        if self._secure:
            return grpc.aio.secure_channel(self.address, grpc.ssl_channel_credentials(), options)
        return grpc.aio.insecure_channel(self.address, options)

    async def close(self) -> None:
        if (channel := self.__dict__.pop("channel", None)) is not None:
            await channel.close()


class HandedOn:
    """A call of grpc.aio that sends what it is given, and whose failures are told as grpc-go tells them."""

    def __init__(self, call: Any, requests: AsyncIterator[bytes], address: str) -> None:
        self._call = call
        self._address = address
        self._sending = asyncio.create_task(self._send(requests))

    async def _send(self, requests: AsyncIterator[bytes]) -> None:
        """Send messages until the call is over.

        The library's public way takes a message that comes too late for an error of its own, and forgets the status
        that the application has ended the call with; a library that has nothing else inside is asked in that way.
        """
        import grpc.aio

        inside = getattr(self._call, "_cython_call", None)
        write = getattr(inside, "send_serialized_message", self._call.write)
        close = getattr(inside, "send_receive_close", self._call.done_writing)
        try:
            await self._call.wait_for_connection()
            async for message in requests:
                await write(message)
            await close()
        except (grpc.aio.AioRpcError, grpc.aio.InternalError, asyncio.InvalidStateError):
            return  # it is over
        except Exception:  # what is to be sent broke off
            self._call.cancel()

    def cancel(self) -> bool:
        """End the call, and send no more."""
        self._sending.cancel()
        return bool(self._call.cancel())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __aiter__(self) -> AsyncIterator[bytes]:
        chunks: AsyncIterator[bytes] = aiter(self._call)
        return chunks

    async def details(self) -> str:
        return as_go_says(await self._call.details() or "", self._address)


async def whole(body: Body) -> bytes:
    """All of a body."""
    return body if isinstance(body, bytes) else b"".join([chunk async for chunk in body])


@cache
def _callback(name: str) -> Method:
    from dapr_client import wire

    services = (wire.APP_CALLBACK, wire.APP_CALLBACK_ALPHA, wire.APP_CALLBACK_HEALTH_CHECK)
    return next(methods[name] for methods in map(wire.methods, services) if name in methods)
