"""gRPC without sockets: channels whose calls walk straight into a sidecar in this process.

`Channel` stands in for what `grpc.insecure_channel` gives, `AioChannel` (in `_inprocess_aio.py`) for
`grpc.aio.insecure_channel`. Messages are still serialised and parsed on both sides; metadata, status, details,
trailers, interceptors, message limits and streams are as on the wire. What is not: a unary call runs in the
caller's own thread, so its deadline is looked at before and after it, and cannot cut it short; `future` leaves one that
may take its time to a thread.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from typing import Any, NoReturn

import grpc
from google.protobuf.message import Message

from fakesidecar.clock import Clock, SystemClock
from fakesidecar.errors import ApiError, NoAnswer
from fakesidecar.grpcapi.api import GrpcApi, Ready, serialized
from fakesidecar.grpcapi.registry import PENDING, Context, Served, Stream
from fakesidecar.grpcapi.status import status_of, trailer_of

Metadata = tuple[tuple[str, str | bytes], ...]
Serializer = Callable[[Any], bytes] | None
Deserializer = Callable[[bytes], Any] | None
Options = Sequence[tuple[str, Any]] | None

USER_AGENT = f"grpc-python/{grpc.__version__} (in process)"


class HangsForever(AssertionError):
    """A call without a deadline is never answered: on a socket, the test would hang here."""


def user_agent(options: Options) -> tuple[str, str]:
    """What calls say of their client, as gRPC puts it together."""
    given = str(dict(options or ()).get("grpc.primary_user_agent", ""))
    return "user-agent", f"{given} {USER_AGENT}".lstrip()


class Outcome:
    """How a call ended: what `grpc.Call` and `grpc.RpcError` tell of it."""

    __slots__ = ("code", "details", "header", "trailer")

    def __init__(self, code: grpc.StatusCode, details: str, header: Metadata = (), trailer: Metadata = ()) -> None:
        self.code, self.details, self.header, self.trailer = code, details, header, trailer


def outcome_of(error: ApiError, context: Context) -> Outcome:
    """The outcome of a call that the sidecar answered with an error."""
    status = status_of(error)
    trailer = [*context.trailer, *trailer_of(error, status)]
    return Outcome(status.code, status.message, tuple(context.header), tuple(trailer))


DEADLINE = Outcome(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
CANCELLED = Outcome(grpc.StatusCode.CANCELLED, "Locally cancelled by application!")
CLOSED = "Cannot invoke RPC on closed channel!"


def success(context: Context) -> Outcome:
    """The outcome of a call that was answered."""
    return Outcome(grpc.StatusCode.OK, "", tuple(context.header), tuple(context.trailer))


class Limits:
    """How large the messages of a channel may be."""

    __slots__ = ("_receive", "_send")

    def __init__(self, options: Options) -> None:
        given = dict(options or ())
        self._send = self._of(given.get("grpc.max_send_message_length", -1))
        self._receive = self._of(given.get("grpc.max_receive_message_length", 4 << 20))

    @staticmethod
    def _of(given: int) -> int:
        return sys.maxsize if given < 0 else given

    def refuse_to_send(self, size: int) -> Outcome | None:
        """The refusal of a message that is too large to be sent."""
        return self._too_large("Sent", size, self._send) if size > self._send else None

    def refuse_to_receive(self, size: int) -> Outcome | None:
        """The refusal of a message that is too large to be received."""
        return self._too_large("Received", size, self._receive) if size > self._receive else None

    @staticmethod
    def _too_large(kind: str, size: int, limit: int) -> Outcome:
        text = f"CLIENT: {kind} message larger than max ({size} vs. {limit})"
        return Outcome(grpc.StatusCode.RESOURCE_EXHAUSTED, text)


class _Call(grpc.Call):
    """The client's view of a call that has an outcome, or will have one."""

    outcome: Outcome

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> float | None:  # type: ignore[override]  # None is what grpc says of a call without a deadline
        return None

    def cancel(self) -> bool:
        return False

    def add_callback(self, callback: Callable[[], None]) -> bool:
        return False

    def initial_metadata(self) -> Metadata:
        return self.outcome.header

    def trailing_metadata(self) -> Metadata:
        return self.outcome.trailer

    def code(self) -> grpc.StatusCode:
        return self.outcome.code

    def details(self) -> str:
        return self.outcome.details

    def debug_error_string(self) -> str:
        return f"in process: {self.outcome.code.name}: {self.outcome.details}"


class _Done(_Call, grpc.Future):  # type: ignore[type-arg]  # generic in the stubs alone
    """A unary call that is over: a call, and a future that has its result."""

    def __init__(self, outcome: Outcome, value: Any = None) -> None:
        self.outcome = outcome
        self._value = value

    def cancelled(self) -> bool:
        return self.outcome.code is grpc.StatusCode.CANCELLED

    def running(self) -> bool:
        return False

    def done(self) -> bool:
        return True

    def result(self, timeout: float | None = None) -> Any:
        if self.outcome.code is not grpc.StatusCode.OK:
            raise InProcessRpcError(self.outcome)
        return self._value

    def exception(self, timeout: float | None = None) -> Exception | None:
        return None if self.outcome.code is grpc.StatusCode.OK else InProcessRpcError(self.outcome)

    def traceback(self, timeout: float | None = None) -> Any:
        error = self.exception()
        return None if error is None else error.__traceback__

    def add_done_callback(self, fn: Callable[[Any], None]) -> None:
        fn(self)


class InProcessRpcError(grpc.RpcError, _Done):  # type: ignore[misc]  # both are what grpc's own errors are
    """What a failed call raises."""

    def __init__(self, outcome: Outcome) -> None:
        grpc.RpcError.__init__(self, outcome.details)
        _Done.__init__(self, outcome)

    def __str__(self) -> str:
        return f"<{type(self).__name__} of RPC that terminated with: {self.outcome.code}, {self.outcome.details!r}>"

    def __repr__(self) -> str:
        return str(self)


class _Later(_Call, grpc.Future):  # type: ignore[type-arg]  # generic in the stubs alone
    """A unary call that is carried out on a thread: a call, and a future of its result."""

    def __init__(self, work: Callable[[], Any], context: Context) -> None:
        self._context = context
        self._end: Future[_Done | InProcessRpcError] = Future()
        threading.Thread(target=self._run, args=(work,), name="in-process call", daemon=True).start()

    def _run(self, work: Callable[[], Any]) -> None:
        with suppress(InvalidStateError):  # the caller has cancelled it
            try:
                self._end.set_result(_Done(success(self._context), work()))
            except InProcessRpcError as error:
                self._end.set_result(error)
            except Exception as error:
                self._end.set_exception(error)

    @property
    def outcome(self) -> Outcome:  # type: ignore[override]  # known when it has ended
        return self._end.result().outcome

    def is_active(self) -> bool:
        return not self._end.done()

    def running(self) -> bool:
        return not self._end.done()

    def done(self) -> bool:
        return self._end.done()

    def cancel(self) -> bool:
        try:
            self._end.set_result(InProcessRpcError(CANCELLED))
        except InvalidStateError:
            return False
        return True

    def cancelled(self) -> bool:
        return self._end.done() and self._end.result().cancelled()

    def result(self, timeout: float | None = None) -> Any:
        return self._ended(timeout).result()

    def exception(self, timeout: float | None = None) -> Exception | None:
        return self._ended(timeout).exception()

    def traceback(self, timeout: float | None = None) -> Any:
        return self._ended(timeout).traceback()

    def _ended(self, timeout: float | None) -> _Done:
        try:
            return self._end.result(timeout)
        except TimeoutError:
            raise grpc.FutureTimeoutError from None

    def add_callback(self, callback: Callable[[], None]) -> bool:
        if self._end.done():
            return False
        self._end.add_done_callback(lambda _: callback())
        return True

    def add_done_callback(self, fn: Callable[[Any], None]) -> None:
        self._end.add_done_callback(lambda _: fn(self))


class Channel(grpc.Channel):
    """A channel to a sidecar in this process."""

    def __init__(self, api: GrpcApi, *, options: Options = None, clock: Clock | None = None) -> None:
        self._api = api
        self._limits = Limits(options)
        self._clock = clock or SystemClock()
        self._metadata: Metadata = (user_agent(options),)
        self._streams: set[_ClientStream] = set()
        self.closed = False

    def subscribe(self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool = False) -> None:
        callback(grpc.ChannelConnectivity.SHUTDOWN if self.closed else grpc.ChannelConnectivity.READY)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """Nothing to do: the connectivity changes once, when the channel is closed."""

    def close(self) -> None:
        self.closed = True
        for stream in tuple(self._streams):
            stream.cancel()

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def unary_unary(
        self,
        method: str,
        request_serializer: Serializer = None,
        response_deserializer: Deserializer = None,
        _registered_method: bool | None = False,
    ) -> Any:
        return _UnaryUnary(self, method, request_serializer, response_deserializer)

    def unary_stream(
        self,
        method: str,
        request_serializer: Serializer = None,
        response_deserializer: Deserializer = None,
        _registered_method: bool | None = False,
    ) -> Any:
        return _Streaming(self, method, request_serializer, response_deserializer, client_streaming=False)

    def stream_unary(
        self,
        method: str,
        request_serializer: Serializer = None,
        response_deserializer: Deserializer = None,
        _registered_method: bool | None = False,
    ) -> Any:
        return _StreamUnary(self, method, request_serializer, response_deserializer, client_streaming=True)

    def stream_stream(
        self,
        method: str,
        request_serializer: Serializer = None,
        response_deserializer: Deserializer = None,
        _registered_method: bool | None = False,
    ) -> Any:
        return _Streaming(self, method, request_serializer, response_deserializer, client_streaming=True)


class _MultiCallable:
    """A method of a channel."""

    def __init__(
        self, channel: Channel, path: str, serializer: Serializer, deserializer: Deserializer, **more: Any
    ) -> None:
        self._channel = channel
        self._api, self._limits = channel._api, channel._limits
        self._path = path
        self._served = channel._api.find(path)
        self._serializer = serializer
        self._deserializer = deserializer
        for name, value in more.items():
            setattr(self, name, value)

    def _begin(self, timeout: float | None, metadata: Any) -> Context:
        if self._channel.closed:
            raise ValueError(CLOSED)
        if timeout is not None and timeout <= 0:
            raise InProcessRpcError(DEADLINE)
        sent = self._channel._metadata
        if metadata:
            sent = (*((key, value) for key, value in metadata), *sent)
        return Context(sent, timeout=timeout)

    def _serialize(self, message: Any) -> bytes:
        data = message if self._serializer is None else self._serializer(message)
        if (refusal := self._limits.refuse_to_send(len(data))) is not None:
            raise InProcessRpcError(refusal)
        return data

    def _deserialize(self, data: bytes) -> Any:
        if (refusal := self._limits.refuse_to_receive(len(data))) is not None:
            raise InProcessRpcError(refusal)
        return data if self._deserializer is None else self._deserializer(data)

    def _unknown(self, context: Context) -> NoReturn:
        try:
            self._api.refuse(self._path, context)
        except ApiError as error:
            raise InProcessRpcError(outcome_of(error, context)) from None


class _UnaryUnary(_MultiCallable):
    def __call__(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: Any = None,
        wait_for_ready: bool | None = None,
        compression: Any = None,
    ) -> Any:
        return self._run(request, timeout, metadata)[0]

    def with_call(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: Any = None,
        wait_for_ready: bool | None = None,
        compression: Any = None,
    ) -> tuple[Any, Any]:
        value, context = self._run(request, timeout, metadata)
        return value, _Done(success(context), value)

    def future(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: Any = None,
        wait_for_ready: bool | None = None,
        compression: Any = None,
    ) -> Any:
        try:
            ready, context = self._prepare(request, timeout, metadata)
            if ready.blocking:
                return _Later(lambda: self._carry_out(ready, context, timeout), context)
            return _Done(success(context), self._carry_out(ready, context, timeout))
        except InProcessRpcError as error:
            return error

    def _run(self, request: Any, timeout: float | None, metadata: Any) -> tuple[Any, Context]:
        ready, context = self._prepare(request, timeout, metadata)
        return self._carry_out(ready, context, timeout), context

    def _prepare(self, request: Any, timeout: float | None, metadata: Any) -> tuple[Ready, Context]:
        context = self._begin(timeout, metadata)
        if self._served is None:
            self._unknown(context)
        try:
            return self._api.prepare(self._served, self._serialize(request), context), context
        except ApiError as error:
            raise InProcessRpcError(outcome_of(error, context)) from None

    def _carry_out(self, ready: Ready, context: Context, timeout: float | None) -> Any:
        ends = None if timeout is None else self._ends(timeout)
        try:
            data = ready.run()
            late = ends is not None and self._are_over(ends)
            if isinstance(data, Future):
                data = _wait(data, timeout)  # tests may move the clock meanwhile: for a real deadline that is nothing
        except NoAnswer:
            if timeout is None:
                raise HangsForever(f"{self._path} is never answered, and has no deadline") from None
            self._channel._clock.pass_time(timeout)
            raise InProcessRpcError(DEADLINE) from None
        except ApiError as error:
            raise InProcessRpcError(outcome_of(error, context)) from None
        if late:
            raise InProcessRpcError(DEADLINE)
        return self._deserialize(data)

    def _ends(self, timeout: float) -> tuple[float, float]:
        """When a deadline is over, by the client's clock and by the sidecar's."""
        return self._channel._clock.now() + timeout, self._api.core.clock.now() + timeout

    def _are_over(self, ends: tuple[float, float]) -> bool:
        return self._channel._clock.now() > ends[0] or self._api.core.clock.now() > ends[1]


def _wait(later: Future[bytes | Message], timeout: float | None) -> bytes:
    """An answer that comes later, or the end of the deadline, in real time."""
    try:
        return serialized(later.result(timeout))
    except TimeoutError:
        later.cancel()
        raise InProcessRpcError(DEADLINE) from None
    except CancelledError:
        raise InProcessRpcError(CANCELLED) from None


class _Streaming(_MultiCallable):
    client_streaming: bool

    def __call__(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: Any = None,
        wait_for_ready: bool | None = None,
        compression: Any = None,
    ) -> _ClientStream:
        context = self._begin(timeout, metadata)
        stream = _ClientStream(self, context, timeout)
        self._channel._streams.add(stream)
        stream.open(self._served, request)
        return stream


class _StreamUnary(_Streaming):
    def __call__(self, request: Any, *arguments: Any, **keywords: Any) -> Any:
        return self.with_call(request, *arguments, **keywords)[0]

    def with_call(self, request: Any, *arguments: Any, **keywords: Any) -> tuple[Any, Any]:
        stream = super().__call__(request, *arguments, **keywords)
        messages = list(stream)
        return messages[0], stream

    def future(self, request: Any, *arguments: Any, **keywords: Any) -> Any:
        try:
            value, stream = self.with_call(request, *arguments, **keywords)
        except InProcessRpcError as error:
            return error
        return _Done(stream.outcome, value)


class _ClientStream(_Call, grpc.RpcContext, Iterator[Any]):
    """Both ends of a streaming call: the iterator that the client reads, the `Stream` that the handler writes."""

    def __init__(self, callable_: _Streaming, context: Context, timeout: float | None) -> None:
        self._callable = callable_
        self._context = context
        self._timeout = timeout
        self._incoming: queue.SimpleQueue[Message | Outcome] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._room = threading.Condition()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._sidecar_end = _HandlerEnd(self, context)
        self._timer: threading.Timer | None = None

    # --- opening ---

    def open(self, served: Served | None, request: Any) -> None:
        multi = self._callable
        if served is None:
            try:
                multi._unknown(self._context)
            except InProcessRpcError as error:
                self.end(error.outcome)
                return
        if self._timeout is not None:
            self._timer = threading.Timer(self._timeout, self.end, [DEADLINE])
            self._timer.daemon = True
            self._timer.start()
        try:
            multi._api.admit(multi._path, self._context)
        except ApiError as error:
            self.end(outcome_of(error, self._context))
            return
        if not multi.client_streaming:
            multi._api.open(served, self._sidecar_end, multi._serialize(request))
            return
        multi._api.open(served, self._sidecar_end, None)
        feeder = threading.Thread(target=self._feed, args=(served, request), name="in-process stream", daemon=True)
        feeder.start()

    def _feed(self, served: Served, requests: Iterable[Any]) -> None:
        multi = self._callable
        try:
            for request in requests:
                if self._ended.is_set():
                    return
                multi._api.receive(served, self._sidecar_end, multi._serialize(request))
                if self._sidecar_end.paced:
                    self._wait_for_room()
        except InProcessRpcError as error:
            self.end(error.outcome)
        except Exception as error:
            self.end(Outcome(grpc.StatusCode.UNKNOWN, f"Exception iterating requests! {error!r}"))
        else:
            if not self._ended.is_set():
                multi._api.half_close(served, self._sidecar_end)

    def _wait_for_room(self) -> None:
        """Return when the client has read all but a few of the messages that there are for it."""
        with self._room:
            self._room.wait_for(lambda: self._ended.is_set() or self._incoming.qsize() <= PENDING)

    def _make_room(self) -> None:
        if self._sidecar_end.paced:
            with self._room:
                self._room.notify()

    # --- ending ---

    def end(self, outcome: Outcome) -> None:
        with self._lock:
            if self._ended.is_set():
                return
            self.outcome = outcome
            self._ended.set()
        if self._timer is not None:
            self._timer.cancel()
        self._callable._channel._streams.discard(self)
        self._incoming.put(outcome)
        self._make_room()
        self._sidecar_end.on_close()
        for callback in self._callbacks:
            callback()

    def deliver(self, message: Message) -> None:
        if not self._ended.is_set():
            self._incoming.put(message)

    # --- what the client sees ---

    def __iter__(self) -> _ClientStream:
        return self

    def __next__(self) -> Any:
        item = self._incoming.get()
        self._make_room()
        if not isinstance(item, Outcome):
            return self._callable._deserialize(item.SerializeToString())
        self._incoming.put(item)
        if item.code is grpc.StatusCode.OK:
            raise StopIteration
        raise InProcessRpcError(item)

    next = __next__

    def cancel(self) -> bool:
        active = self.is_active()
        self.end(CANCELLED)
        return active

    def cancelled(self) -> bool:
        return self._ended.is_set() and self.outcome.code is grpc.StatusCode.CANCELLED

    def is_active(self) -> bool:
        return not self._ended.is_set()

    def done(self) -> bool:
        return self._ended.is_set()

    def add_callback(self, callback: Callable[[], None]) -> bool:
        with self._lock:
            if self._ended.is_set():
                return False
            self._callbacks.append(callback)
            return True

    def initial_metadata(self) -> Metadata:
        return tuple(self._context.header)

    def trailing_metadata(self) -> Metadata:
        self._ended.wait()
        return self.outcome.trailer

    def code(self) -> grpc.StatusCode:
        self._ended.wait()
        return self.outcome.code

    def details(self) -> str:
        self._ended.wait()
        return self.outcome.details


class _HandlerEnd(Stream):
    def __init__(self, client: _ClientStream, context: Context) -> None:
        super().__init__(context)
        self._client = client

    def write(self, message: Message) -> None:
        self._client.deliver(message)

    def finish(self, error: ApiError | None = None) -> None:
        if isinstance(error, NoAnswer):
            return
        if error is None:
            self._client.end(Outcome(grpc.StatusCode.OK, "", (), tuple(self.context.trailer)))
        else:
            self._client.end(outcome_of(error, self.context))
