"""Calls that suspend the calling task, over grpc.aio."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message
from grpc._cython.cygrpc import InternalError

from dapr_client import _clock
from dapr_client._checks import MetadataTuple
from dapr_client._response import Headers
from dapr_client._transport import CLOSED, JOIN_SECONDS, Wiring, logger, path, serialize
from dapr_client.endpoint import GrpcEndpoint
from dapr_client.errors import DaprGrpcError
from dapr_client.retry import RetryPolicy, as_error

R = TypeVar("R", bound=Message)


class AsyncTransport:
    """The way to one sidecar. The first call waits until the sidecar is healthy, unless a ready channel is given."""

    def __init__(self, wiring: Wiring, healthy: Callable[[], Awaitable[None]] | None) -> None:
        self._retry = wiring.retry
        self._retries = wiring.retry.retries
        self._metadata = wiring.metadata
        self._timeout = wiring.timeout
        self._wait = healthy
        self._waiting = asyncio.Lock()
        self._given = wiring.channel is not None
        # A malformed address is told at once. The channel itself belongs to the event loop that is running when it is
        # made (grpc.aio takes or makes another one where none runs), so that it is made by the first call.
        self._make = partial(_channel, wiring, None if self._given else wiring.endpoint())
        self._channel: Any = self._make() if self._given else None
        self._calls: dict[str, Any] = {}
        self._streams: weakref.WeakSet[AsyncStream[Any]] = weakref.WeakSet()

    async def ready(self) -> None:
        """Return when the sidecar is ready. It is asked once."""
        async with self._waiting:
            if self._wait is not None:
                await self._wait()
                if self._channel is None:  # not closed meanwhile
                    self._channel = self._make()
                self._wait = None

    async def connected(self, seconds: float) -> None:
        """Return when there is a connection. TimeoutError if that takes longer."""
        if self._given:
            return
        try:
            async with asyncio.timeout(seconds):
                await self.ready()
                await self._channel.channel_ready()
        except TimeoutError as error:
            raise TimeoutError(f"no connection to the sidecar within {seconds} seconds") from error

    async def unary(
        self,
        name: str,
        request: Message,
        response: type[R],
        metadata: MetadataTuple | None = None,
        timeout: float | None = None,
    ) -> tuple[R, Headers]:
        """Call, and again as the retry policy says. Gives the answer, and what gets its headers."""
        if self._wait is not None:
            await self.ready()
        call = self._calls.get(name) or self._unary_call(name, request, response)
        if timeout is None:
            timeout = self._timeout
        if metadata is None:
            metadata = self._metadata
        elif self._metadata:
            metadata = (*metadata, *self._metadata)
        attempt = 0
        while True:
            try:
                done = call(request, timeout=timeout, metadata=metadata)
                answer = await done
                return answer, partial(_initial_metadata, done)
            except grpc.RpcError as failure:
                error = as_error(failure)
                wait = self._retry.wait_after_grpc(attempt, error) if self._retries else None
                if wait is None:
                    raise error from failure
            await self._retry.async_sleep(wait)
            attempt += 1

    async def server_stream(
        self,
        name: str,
        request: Message,
        response: type[R],
        metadata: MetadataTuple | None = None,
        timeout: float | None = None,
    ) -> AsyncStream[R]:
        """Open a stream of answers."""
        await self.ready()
        call = self._channel.unary_stream(path(name), type(request).SerializeToString, response.FromString)
        whole = (*(metadata or ()), *(self._metadata or ()))
        return self._stream(lambda: call(request, timeout=timeout, metadata=whole))

    async def bidirectional(
        self,
        name: str,
        requests: Callable[[], AsyncIterator[Message]],
        response: type[R],
        metadata: MetadataTuple | None = None,
        timeout: float | None = None,
        *,
        again: bool = True,
    ) -> AsyncStream[R]:
        """Open a stream in both directions. `requests` is asked again when the stream has to be opened again.

        With `again=False` it is not: what it gives can be given only once.
        """
        await self.ready()
        call = self._channel.stream_stream(path(name), serialize, response.FromString)
        whole = (*(metadata or ()), *(self._metadata or ()))
        return self._stream(lambda: patient(call(requests(), timeout=timeout, metadata=whole)), again)

    async def close(self) -> None:
        """End what is under way, and the channel."""
        for stream in list(self._streams):
            await stream.close()
        channel, self._channel, self._wait = self._channel, CLOSED, None
        self._calls.clear()
        if channel is not None and channel is not CLOSED:
            await channel.close()

    def _unary_call(self, name: str, request: Message, response: type[Message]) -> Any:
        call = self._channel.unary_unary(path(name), type(request).SerializeToString, response.FromString)
        self._calls[name] = call
        return call

    def _stream(self, start: Callable[[], Any], again: bool = True) -> AsyncStream[Any]:
        stream: AsyncStream[Any] = AsyncStream(start, self._retry, again)
        self._streams.add(stream)
        return stream


class _Patient:
    """A call inside grpc.aio that waits for its status when a message cannot be sent.

    grpc.aio takes that for the status itself, and what the server said is lost (grpc/aio/_call.py, _write).
    """

    def __init__(self, call: Any) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    async def send_serialized_message(self, message: bytes) -> None:
        try:
            await self._call.send_serialized_message(message)
        except InternalError:
            await self._call.status()


def patient(call: Any) -> Any:
    """The call, with its messages sent patiently where it is one of grpc.aio's own."""
    inside = getattr(call, "_cython_call", None)
    if inside is not None:
        call._cython_call = _Patient(inside)
    return call


CUT_SHORT = "Internal error from Core"
"""What grpc.aio says of a call that ended while a message was being sent; what the server said of it is lost."""


def _status_of(failure: grpc.RpcError) -> grpc.RpcError:
    """The failure of a stream, where grpc.aio lost it: the stream broke, and may be opened again."""
    if not isinstance(failure, grpc.aio.AioRpcError) or failure.details() != CUT_SHORT:
        return failure
    return grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE,
        failure.initial_metadata(),
        failure.trailing_metadata(),
        details="the stream ended while a message was being sent",
    )


class AsyncStream(Generic[R]):
    """Answers as they come. Opened again as the retry policy says, but never after the first answer."""

    def __init__(self, start: Callable[[], Any], retry: RetryPolicy, again: bool = True) -> None:
        self._start = start
        self._retry = retry
        self._call: Any = start()
        self._begun = not (retry.retries and again)
        self._pending: asyncio.Future[R] | None = None
        """An answer that was waited for not long enough."""
        self._turn = asyncio.Lock()
        """Whose turn it is to read: grpc.aio takes one at a time."""
        self.closed = False

    def __aiter__(self) -> AsyncIterator[R]:
        return self

    async def __anext__(self) -> R:
        attempt = 0
        while True:
            try:
                async with self._turn:
                    answer = await self._call.read()
            except grpc.RpcError as failure:
                error = as_error(_status_of(failure))
                wait = None if self._begun or self.closed else self._retry.wait_after_grpc(attempt, error)
                if wait is None:
                    raise error from failure
            except asyncio.CancelledError:
                # Raised for a call that was cancelled, and for a task; only the first is ours.
                if self.closed:
                    raise StopAsyncIteration from None
                raise
            else:
                if answer is grpc.aio.EOF:
                    raise StopAsyncIteration
                self._begun = True
                found: R = answer
                return found
            await self._retry.async_sleep(wait)
            if self.closed:
                raise StopAsyncIteration
            attempt += 1
            self._call = self._start()

    async def next_within(self, seconds: float | None) -> R:
        """The next answer. TimeoutError when it takes longer; whoever asks next gets it then."""
        if seconds is None and self._pending is None:
            return await self.__anext__()
        if self._pending is None:
            self._pending = asyncio.ensure_future(self.__anext__())
        done, _ = await asyncio.wait((self._pending,), timeout=seconds)
        if not done:
            raise TimeoutError
        pending, self._pending = self._pending, None
        return pending.result()

    async def drain(self, seconds: float) -> None:
        """Wait until the sidecar ends the stream, for so long at most; answers that come before are nobody's."""
        if self._call.cancelled():
            return
        with contextlib.suppress(TimeoutError, DaprGrpcError):
            async with asyncio.timeout(seconds):
                async for _ in self:
                    """Read away: what a stream ends with comes after all that is in it."""

    async def close(self) -> None:
        """End the stream; whoever waits for an answer finds its end."""
        self.closed = True
        self._call.cancel()
        if (pending := self._pending) is not None:
            await asyncio.wait((pending,))
            if not pending.cancelled():
                pending.exception()  # nobody asks any more


class AsyncOutbox:
    """What is sent on a stream: a first message whenever it is opened, then what is put in."""

    def __init__(self, first: Message | None = None) -> None:
        self._first = first
        self._queue: asyncio.Queue[Message | None] = asyncio.Queue()

    def put(self, message: Message) -> None:
        """Send a message soon."""
        self._queue.put_nowait(message)

    def close(self) -> None:
        """Send no more."""
        self._queue.put_nowait(None)

    def opened(self) -> AsyncIterator[Message]:
        """The messages, for a stream that is opened."""
        self.close()
        self._queue = asyncio.Queue()
        return self._from(self._queue)

    async def _from(self, queue: asyncio.Queue[Message | None]) -> AsyncIterator[Message]:
        if self._first is not None:
            yield self._first
        while (message := await queue.get()) is not None:
            yield message


class AsyncStop:
    """Ends waits."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """End the wait that is under way, and have no more of them."""
        self._event.set()

    async def pause(self, retry: RetryPolicy, seconds: float) -> None:
        """Wait, until it is set at the longest. (A sleep of the user's own is called, and cannot be ended.)"""
        if retry.async_sleep is not _clock.async_sleep:
            await retry.async_sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


class AsyncTask:
    """Work in a task of its own."""

    def __init__(self, function: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        # The reference keeps the task alive: the event loop holds tasks weakly.
        self._task = asyncio.get_running_loop().create_task(function(*args), name="dapr_client")

    async def join(self) -> None:
        """Return when the work is done; it is cancelled when it does not end in time.

        Returns at once when asked from the work itself.
        """
        if asyncio.current_task() is not self._task:
            _, late = await asyncio.wait((self._task,), timeout=JOIN_SECONDS)
            for task in late:
                task.cancel()


async def async_invoke(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the user's, plain or async."""
    done = function(*args)
    return await done if inspect.isawaitable(done) else done


async def async_call_handler(handler: Callable[..., Any], *args: Any) -> None:
    """Call a function of the user's, plain or async; what it raises is logged and stops nothing."""
    try:
        await async_invoke(handler, *args)
    except Exception:
        logger.exception("the handler failed")


def _channel(wiring: Wiring, endpoint: GrpcEndpoint | None) -> Any:
    if endpoint is None:
        if wiring.interceptors:
            raise ValueError("an async channel takes its interceptors when it is made: give them to the channel")
        return wiring.channel
    options = wiring.channel_options()
    interceptors = _by_kind(wiring.interceptors)
    if endpoint.tls:
        credentials = wiring.credentials or grpc.ssl_channel_credentials()
        return grpc.aio.secure_channel(endpoint.endpoint, credentials, options, interceptors=interceptors)
    return grpc.aio.insecure_channel(endpoint.endpoint, options, interceptors=interceptors)


KINDS: Mapping[str, Any] = {
    "intercept_unary_unary": grpc.aio.UnaryUnaryClientInterceptor,
    "intercept_unary_stream": grpc.aio.UnaryStreamClientInterceptor,
    "intercept_stream_unary": grpc.aio.StreamUnaryClientInterceptor,
    "intercept_stream_stream": grpc.aio.StreamStreamClientInterceptor,
}
"""What an interceptor of each kind implements."""


def _by_kind(interceptors: Sequence[Any]) -> list[Any]:
    """Each interceptor once for every kind of call that it is for.

    grpc.aio files an interceptor under the first kind that fits and leaves it out of the others (grpc/aio/_channel.py,
    Channel.__init__); one that carries a token would then be missing on streams.
    """
    split: list[Any] = []
    for interceptor in interceptors:
        kinds = [name for name, kind in KINDS.items() if isinstance(interceptor, kind)]
        if len(kinds) < 2:
            split.append(interceptor)
            continue
        split.extend(type(name, (KINDS[name],), {name: staticmethod(getattr(interceptor, name))})() for name in kinds)
    return split


def _initial_metadata(call: Any) -> Any:
    """The headers of a call that is over: there is nothing left to wait for, so its coroutine ends at once."""
    coroutine = call.initial_metadata()
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    return ()
