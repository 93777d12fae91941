"""Calls that block the calling thread, over grpc."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message

from dapr_client import _clock
from dapr_client._checks import MetadataTuple
from dapr_client._response import Headers
from dapr_client._transport import CLOSED, JOIN_SECONDS, Wiring, logger, path, serialize
from dapr_client.endpoint import GrpcEndpoint
from dapr_client.errors import DaprError, DaprGrpcError, DaprInternalError
from dapr_client.retry import RetryPolicy, as_error

R = TypeVar("R", bound=Message)


class Transport:
    """The way to one sidecar. Made when the sidecar is healthy, unless a ready channel is given."""

    def __init__(self, wiring: Wiring, healthy: Callable[[], None] | None) -> None:
        self._retry = wiring.retry
        self._retries = wiring.retry.retries
        self._metadata = wiring.metadata
        self._timeout = wiring.timeout
        self._given = wiring.channel is not None
        # A malformed address is told at once, not after the wait.
        endpoint = None if self._given else wiring.endpoint()
        if healthy is not None:
            healthy()
        self._channel: Any = _channel(wiring, endpoint)
        self._calls: dict[str, Any] = {}
        self._streams: weakref.WeakSet[Stream[Any]] = weakref.WeakSet()

    def ready(self) -> None:
        """Return when the sidecar is ready: at once, as the constructor has waited."""

    def connected(self, seconds: float) -> None:
        """Return when there is a connection. TimeoutError if that takes longer."""
        if self._given:
            return
        connection = grpc.channel_ready_future(self._channel)
        try:
            connection.result(seconds)
        except grpc.FutureTimeoutError as error:
            raise TimeoutError(f"no connection to the sidecar within {seconds} seconds") from error
        finally:
            # Until then a thread of grpc's watches the channel.
            connection.cancel()

    def unary(
        self,
        name: str,
        request: Message,
        response: type[R],
        metadata: MetadataTuple | None = None,
        timeout: float | None = None,
    ) -> tuple[R, Headers]:
        """Call, and again as the retry policy says. Gives the answer, and what gets its headers."""
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
                answer, done = call.with_call(request, timeout, metadata)
                return answer, done.initial_metadata
            except grpc.RpcError as failure:
                error = as_error(failure)
                wait = self._retry.wait_after_grpc(attempt, error) if self._retries else None
                if wait is None:
                    raise error from failure
            self._retry.sleep(wait)
            attempt += 1

    def send(
        self,
        name: str,
        request: Message,
        response: type[Message],
        timeout: float,
        done: Callable[[DaprError | None], object],
    ) -> None:
        """Call once, and do not wait for the answer; `done` is told how it went, maybe on a thread of grpc's."""
        call = self._calls.get(name) or self._unary_call(name, request, response)

        def ended(future: Any) -> None:
            done(None if future.code() is grpc.StatusCode.OK else as_error(future))

        try:
            future = call.future(request, timeout, self._metadata)
        except ValueError as closed:  # what grpc says of a channel that has just been closed
            raise DaprInternalError(str(closed)) from closed
        future.add_done_callback(ended)

    def server_stream(
        self,
        name: str,
        request: Message,
        response: type[R],
        metadata: MetadataTuple | None = None,
        timeout: float | None = None,
    ) -> Stream[R]:
        """Open a stream of answers."""
        call = self._channel.unary_stream(path(name), type(request).SerializeToString, response.FromString)
        whole = (*(metadata or ()), *(self._metadata or ()))
        return self._stream(lambda: call(request, timeout, whole))

    def bidirectional(
        self,
        name: str,
        requests: Callable[[], Iterator[Message]],
        response: type[R],
        metadata: MetadataTuple | None = None,
        timeout: float | None = None,
        *,
        again: bool = True,
    ) -> Stream[R]:
        """Open a stream in both directions. `requests` is asked again when the stream has to be opened again.

        With `again=False` it is not: what it gives can be given only once.
        """
        call = self._channel.stream_stream(path(name), serialize, response.FromString)
        whole = (*(metadata or ()), *(self._metadata or ()))
        return self._stream(lambda: call(requests(), timeout, whole), again)

    def close(self) -> None:
        """End what is under way, and the channel."""
        for stream in list(self._streams):
            stream.close()
        channel, self._channel = self._channel, CLOSED
        self._calls.clear()
        if channel is not CLOSED:
            channel.close()

    def _unary_call(self, name: str, request: Message, response: type[Message]) -> Any:
        call = self._channel.unary_unary(path(name), type(request).SerializeToString, response.FromString)
        self._calls[name] = call
        return call

    def _stream(self, start: Callable[[], Any], again: bool = True) -> Stream[Any]:
        stream: Stream[Any] = Stream(start, self._retry, again)
        self._streams.add(stream)
        return stream


class Stream(Generic[R]):
    """Answers as they come. Opened again as the retry policy says, but never after the first answer."""

    def __init__(self, start: Callable[[], Any], retry: RetryPolicy, again: bool = True) -> None:
        self._start = start
        self._retry = retry
        self._call: Any = start()
        self._begun = not (retry.retries and again)
        self._pending: Future[R] | None = None
        """An answer that was waited for not long enough."""
        self._reader: threading.Thread | None = None
        self._turn = threading.Lock()
        """Whose turn it is to read: grpc takes one at a time."""
        self.closed = False

    def __iter__(self) -> Iterator[R]:
        return self

    def __next__(self) -> R:
        attempt = 0
        while True:
            try:
                with self._turn:
                    answer: R = next(self._call)
            except grpc.RpcError as failure:
                error = as_error(failure)
                wait = None if self._begun or self.closed else self._retry.wait_after_grpc(attempt, error)
                if wait is None:
                    raise error from failure
            else:
                self._begun = True
                return answer
            self._retry.sleep(wait)
            if self.closed:
                raise StopIteration
            attempt += 1
            self._call = self._start()

    def next_within(self, seconds: float | None) -> R:
        """The next answer. TimeoutError when it takes longer; whoever asks next gets it then."""
        if seconds is None and self._pending is None:
            return next(self)
        if self._pending is None:
            self._pending = Future()
            self._reader = threading.Thread(target=self._read, args=(self._pending,), name="dapr_client", daemon=True)
            self._reader.start()
        pending = self._pending
        if not wait((pending,), seconds).done:
            raise TimeoutError
        self._pending = None
        return pending.result()

    def _read(self, pending: Future[R]) -> None:
        try:
            pending.set_result(next(self))
        except BaseException as error:
            pending.set_exception(error)

    def drain(self, seconds: float) -> None:
        """Wait until the sidecar ends the stream, for so long at most; answers that come before are nobody's."""
        self._reader = threading.Thread(target=self._drain, args=(self._reader,), name="dapr_client", daemon=True)
        self._reader.start()
        self._reader.join(seconds)

    def _drain(self, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        with suppress(DaprGrpcError):
            for _ in self:
                """Read away: what a stream ends with comes after all that is in it."""

    def close(self) -> None:
        """End the stream; whoever waits for an answer gets CANCELLED."""
        self.closed = True
        self._call.cancel()
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join(JOIN_SECONDS)


class Outbox:
    """What is sent on a stream: a first message whenever it is opened, then what is put in."""

    def __init__(self, first: Message | None = None) -> None:
        self._first = first
        self._queue: SimpleQueue[Message | None] = SimpleQueue()

    def put(self, message: Message) -> None:
        """Send a message soon."""
        self._queue.put(message)

    def close(self) -> None:
        """Send no more."""
        self._queue.put(None)

    def opened(self) -> Iterator[Message]:
        """The messages, for a stream that is opened."""
        self.close()
        self._queue = SimpleQueue()
        return self._from(self._queue)

    def _from(self, queue: SimpleQueue[Message | None]) -> Iterator[Message]:
        if self._first is not None:
            yield self._first
        while (message := queue.get()) is not None:
            yield message


class Stop:
    """Ends waits."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """End the wait that is under way, and have no more of them."""
        self._event.set()

    def pause(self, retry: RetryPolicy, seconds: float) -> None:
        """Wait, until it is set at the longest. (A sleep of the user's own is called, and cannot be ended.)"""
        if retry.sleep is not _clock.sleep:
            retry.sleep(seconds)
        else:
            self._event.wait(seconds)


class Task:
    """Work in a thread of its own."""

    def __init__(self, function: Callable[..., None], *args: Any) -> None:
        self._thread = threading.Thread(target=function, args=args, name="dapr_client", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Return when the work is done, or does not end in time; at once when asked from the work itself."""
        if threading.current_thread() is not self._thread:
            self._thread.join(JOIN_SECONDS)


def invoke(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the user's."""
    return function(*args)


def call_handler(handler: Callable[..., Any], *args: Any) -> None:
    """Call a function of the user's; what it raises is logged and stops nothing."""
    try:
        handler(*args)
    except Exception:
        logger.exception("the handler failed")


def _channel(wiring: Wiring, endpoint: GrpcEndpoint | None) -> Any:
    channel = wiring.channel
    if endpoint is not None:
        options = wiring.channel_options()
        if endpoint.tls:
            credentials = wiring.credentials or grpc.ssl_channel_credentials()
            channel = grpc.secure_channel(endpoint.endpoint, credentials, options)
        else:
            channel = grpc.insecure_channel(endpoint.endpoint, options)
    return grpc.intercept_channel(channel, *wiring.interceptors) if wiring.interceptors else channel
