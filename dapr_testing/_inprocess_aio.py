"""The asyncio twin of `_inprocess.Channel`: `grpc.aio` without sockets.

Unary calls are answered before the call object is given back, unless the component they reach waits for
something outside of this process: those run on a thread. Client interceptors are honoured as grpc.aio does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Generator, Iterable, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf.message import Message

from dapr_testing._inprocess import (
    CANCELLED,
    CLOSED,
    DEADLINE,
    Deserializer,
    Limits,
    Options,
    Outcome,
    Serializer,
    outcome_of,
    success,
    user_agent,
)
from fakesidecar.errors import ApiError, NoAnswer
from fakesidecar.grpcapi.api import GrpcApi, serialized
from fakesidecar.grpcapi.registry import PENDING, Context, Served, Stream


def _metadata(pairs: Iterable[tuple[str, Any]]) -> grpc.aio.Metadata:
    return grpc.aio.Metadata(*pairs)


def _outcome(error: grpc.aio.AioRpcError) -> Outcome:
    return Outcome(error.code(), error.details() or "", (), tuple(error.trailing_metadata()))


def _error(outcome: Outcome) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(
        outcome.code, _metadata(outcome.header), _metadata(outcome.trailer), details=outcome.details
    )


class _AioCall:
    """What grpc.aio's call objects have in common."""

    def __init__(self) -> None:
        self._outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._header: tuple[tuple[str, Any], ...] = ()

    def cancelled(self) -> bool:
        return self._outcome.done() and self._outcome.result().code is grpc.StatusCode.CANCELLED

    def done(self) -> bool:
        return self._outcome.done()

    def time_remaining(self) -> float | None:
        return None

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._outcome.add_done_callback(lambda _: callback(self))

    def cancel(self) -> bool:
        if self._outcome.done():
            return False
        self._finish(CANCELLED)
        return True

    def _finish(self, outcome: Outcome) -> None:
        if not self._outcome.done():
            self._outcome.set_result(outcome)

    async def initial_metadata(self) -> grpc.aio.Metadata:
        return _metadata(self._header)

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        return _metadata((await asyncio.shield(self._outcome)).trailer)

    async def code(self) -> grpc.StatusCode:
        return (await asyncio.shield(self._outcome)).code

    async def details(self) -> str:
        return (await asyncio.shield(self._outcome)).details

    async def debug_error_string(self) -> str:
        return f"in process: {await self.code()}"

    async def wait_for_connection(self) -> None:
        """There is nothing to connect to."""


class _UnaryCall(_AioCall, grpc.aio.UnaryUnaryCall[Any, Any]):
    """A unary call: awaitable, with metadata and status."""

    def __init__(self, work: Any) -> None:
        super().__init__()
        self._task = asyncio.ensure_future(self._run(work))

    async def _run(self, work: Any) -> Any:
        try:
            value, context = await work
        except grpc.aio.AioRpcError as error:
            self._finish(_outcome(error))
            raise
        except asyncio.CancelledError:
            self._finish(CANCELLED)
            raise
        self._header = tuple(context.header)
        self._finish(Outcome(grpc.StatusCode.OK, "", self._header, tuple(context.trailer)))
        return value

    def cancel(self) -> bool:
        return self._task.cancel()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._task.__await__()


class _Answered(_AioCall, grpc.aio.UnaryUnaryCall[Any, Any]):
    """A unary call that was answered on the spot."""

    def __init__(self, outcome: Outcome, value: Any) -> None:
        super().__init__()
        self._header = outcome.header
        self._value = value
        self._finish(outcome)

    def __await__(self) -> Generator[Any, None, Any]:
        outcome = self._outcome.result()
        if outcome.code is not grpc.StatusCode.OK:
            raise _error(outcome)
        yield from ()
        return self._value


class _Awaited(_AioCall, grpc.aio.UnaryUnaryCall[Any, Any]):
    """A unary call whose answer comes later: without a task, for many may wait at once."""

    def __init__(
        self,
        later: Future[bytes | Message],
        context: Context,
        timeout: float | None,
        deserialize: Callable[[bytes], Any],
    ) -> None:
        super().__init__()
        loop = asyncio.get_running_loop()
        self._later, self._context, self._deserialize = later, context, deserialize
        self._timer = None if timeout is None else loop.call_later(timeout, self._give_up, DEADLINE)
        self._value: Any = None
        later.add_done_callback(lambda _: self._told(loop))

    def _told(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(self._answered)

    def _answered(self) -> None:
        if self._outcome.done():
            return
        try:
            self._value = self._deserialize(serialized(self._later.result()))
        except NoAnswer:
            return
        except ApiError as error:
            self._finish(outcome_of(error, self._context))
        except grpc.aio.AioRpcError as error:
            self._finish(_outcome(error))
        except CancelledError:
            self._finish(CANCELLED)
        else:
            self._header = tuple(self._context.header)
            self._finish(success(self._context))

    def _give_up(self, outcome: Outcome) -> None:
        self._finish(outcome)
        self._later.cancel()

    def _finish(self, outcome: Outcome) -> None:
        super()._finish(outcome)
        if self._timer is not None:
            self._timer.cancel()

    def cancel(self) -> bool:
        if self._outcome.done():
            return False
        self._give_up(CANCELLED)
        return True

    def __await__(self) -> Generator[Any, None, Any]:
        try:
            outcome = yield from asyncio.shield(self._outcome)
        except asyncio.CancelledError:  # who waits is gone
            self.cancel()
            raise
        if outcome.code is grpc.StatusCode.OK:
            return self._value
        if outcome is CANCELLED:
            raise asyncio.CancelledError
        raise _error(outcome)


KINDS = (
    grpc.aio.UnaryUnaryClientInterceptor,
    grpc.aio.UnaryStreamClientInterceptor,
    grpc.aio.StreamUnaryClientInterceptor,
    grpc.aio.StreamStreamClientInterceptor,
)


def kind_of(interceptor: Any) -> type | None:
    """What calls an interceptor sees: grpc.aio takes one that is of several kinds for the first of them alone."""
    return next((kind for kind in KINDS if isinstance(interceptor, kind)), None)


class AioChannel(grpc.aio.Channel):
    """A channel for asyncio to a sidecar in this process."""

    def __init__(
        self, api: GrpcApi, *, options: Options = None, interceptors: Sequence[grpc.aio.ClientInterceptor] | None = None
    ) -> None:
        self._api = api
        self._limits = Limits(options)
        self._user_agent = user_agent(options)
        self._interceptors = tuple(interceptors or ())
        self._streams: set[_StreamCall] = set()
        self.closed = False

    async def __aenter__(self) -> AioChannel:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        self.closed = True
        for stream in tuple(self._streams):
            stream.cancel()

    def close_from_outside(self) -> None:
        """Close it from where no event loop runs."""
        self.closed = True
        for stream in tuple(self._streams):
            stream.cancel_from_outside()

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return grpc.ChannelConnectivity.SHUTDOWN if self.closed else grpc.ChannelConnectivity.READY

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        if self.get_state() is last_observed_state:
            await asyncio.get_running_loop().create_future()

    async def channel_ready(self) -> None:
        """It always is."""

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
        return _UnaryStream(self, method, request_serializer, response_deserializer)

    def stream_unary(
        self,
        method: str,
        request_serializer: Serializer = None,
        response_deserializer: Deserializer = None,
        _registered_method: bool | None = False,
    ) -> Any:
        return _StreamUnary(self, method, request_serializer, response_deserializer)

    def stream_stream(
        self,
        method: str,
        request_serializer: Serializer = None,
        response_deserializer: Deserializer = None,
        _registered_method: bool | None = False,
    ) -> Any:
        return _StreamStream(self, method, request_serializer, response_deserializer)


class _MultiCallable:
    def __init__(self, channel: AioChannel, path: str, serializer: Serializer, deserializer: Deserializer) -> None:
        self._channel = channel
        self._api, self._limits = channel._api, channel._limits
        self._path = path
        self._served = channel._api.find(path)
        self._serializer = serializer
        self._deserializer = deserializer

    def _context(self, metadata: Any, timeout: float | None) -> Context:
        if self._channel.closed:
            raise grpc.aio.UsageError(CLOSED)
        sent = ((key, value) for key, value in metadata or ())
        return Context((*sent, self._channel._user_agent), timeout=timeout)

    def _interceptors(self, kind: type) -> list[Any]:
        return [interceptor for interceptor in self._channel._interceptors if kind_of(interceptor) is kind]

    async def _chain(self, interceptors: Sequence[Any], name: str, details: Any, request: Any) -> Any:
        """The streaming call that interceptors begin, the first of them outermost."""
        if not interceptors:
            return self._call(request, details.timeout, details.metadata)
        first, *rest = interceptors

        async def proceed(client_call_details: Any, request: Any) -> Any:
            return await self._chain(rest, name, client_call_details, request)

        return await getattr(first, name)(proceed, details, request)

    def _call(self, request: Any, timeout: float | None, metadata: Any) -> Any:
        raise NotImplementedError

    def _serialize(self, message: Any) -> bytes:
        data = message if self._serializer is None else self._serializer(message)
        if (refusal := self._limits.refuse_to_send(len(data))) is not None:
            raise _error(refusal)
        return data

    def _deserialize(self, data: bytes) -> Any:
        if (refusal := self._limits.refuse_to_receive(len(data))) is not None:
            raise _error(refusal)
        return data if self._deserializer is None else self._deserializer(data)

    def _unknown(self, context: Context) -> NoReturn:
        try:
            self._api.refuse(self._path, context)
        except ApiError as error:
            raise _error(outcome_of(error, context)) from None


class _UnaryUnary(_MultiCallable):
    def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: Any = None,
        wait_for_ready: bool | None = None,
        compression: Any = None,
    ) -> Any:
        interceptors = self._interceptors(grpc.aio.UnaryUnaryClientInterceptor)
        if interceptors:
            details = grpc.aio.ClientCallDetails(
                self._path, timeout, _metadata(metadata or ()), credentials, wait_for_ready
            )
            return _UnaryCall(self._intercepted(interceptors, details, request))
        return self._call(request, timeout, metadata)

    async def _intercepted(self, interceptors: Sequence[Any], details: Any, request: Any) -> Any:
        first, *rest = interceptors

        async def proceed(client_call_details: Any, request: Any) -> Any:
            if rest:
                value, context = await self._intercepted(rest, client_call_details, request)
                return _Answered(success(context), value)
            call = self._call(request, client_call_details.timeout, client_call_details.metadata)
            with contextlib.suppress(grpc.aio.AioRpcError):
                await call
            return call

        call = await first.intercept_unary_unary(proceed, details, request)
        if not isinstance(call, grpc.aio.UnaryUnaryCall):
            return call, Context()
        value = await call
        context = Context(
            header=list(await call.initial_metadata() or ()), trailer=list(await call.trailing_metadata() or ())
        )
        return value, context

    def _call(self, request: Any, timeout: float | None, metadata: Any) -> Any:
        context = self._context(metadata, timeout)
        if timeout is not None and timeout <= 0:
            return _Answered(DEADLINE, None)
        try:
            if self._served is None:
                self._unknown(context)
            ready = self._api.prepare(self._served, self._serialize(request), context)
            if ready.blocking:
                return _UnaryCall(self._on_a_thread(ready.run, context, timeout))
            data = ready.run()
            if isinstance(data, Future):
                return _Awaited(data, context, timeout, self._deserialize)
            value = self._deserialize(data)
        except ApiError as error:
            return _Answered(outcome_of(error, context), None)
        except grpc.aio.AioRpcError as error:
            return _Answered(_outcome(error), None)
        return _Answered(success(context), value)

    async def _on_a_thread(self, run: Callable[[], Any], context: Context, timeout: float | None) -> Any:
        try:
            data = await asyncio.wait_for(asyncio.to_thread(run), timeout)
        except TimeoutError:
            raise _error(DEADLINE) from None
        except NoAnswer:
            await self._for_ever(timeout)
        except ApiError as error:
            raise _error(outcome_of(error, context)) from None
        return self._deserialize(data), context

    @staticmethod
    async def _for_ever(timeout: float | None) -> NoReturn:
        try:
            await asyncio.wait_for(asyncio.get_running_loop().create_future(), timeout)
        except TimeoutError:
            raise _error(DEADLINE) from None
        raise AssertionError("nothing sets the future")


class _UnaryStream(_MultiCallable):
    def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: Any = None,
        wait_for_ready: bool | None = None,
        compression: Any = None,
    ) -> Any:
        chosen = self._interceptors(grpc.aio.UnaryStreamClientInterceptor)
        if not chosen:
            return self._call(request, timeout, metadata)
        details = grpc.aio.ClientCallDetails(
            self._path, timeout, _metadata(metadata or ()), credentials, wait_for_ready
        )
        return _InterceptedStream(self._chain(chosen, "intercept_unary_stream", details, request))

    def _call(self, request: Any, timeout: float | None, metadata: Any) -> _StreamCall:
        call = _StreamCall(self, self._context(metadata, timeout), timeout)
        call.open(self._served, lambda: self._serialize(request))
        return call


class _StreamStream(_MultiCallable):
    @property
    def kind(self) -> type[_StreamCall]:
        return _StreamCall

    def __call__(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: Any = None,
        wait_for_ready: bool | None = None,
        compression: Any = None,
    ) -> Any:
        chosen = self._interceptors(grpc.aio.StreamStreamClientInterceptor)
        if not chosen:
            return self._call(request_iterator, timeout, metadata)
        written = None if request_iterator is not None else _Written()
        details = grpc.aio.ClientCallDetails(
            self._path, timeout, _metadata(metadata or ()), credentials, wait_for_ready
        )
        return _InterceptedStream(
            self._chain(chosen, "intercept_stream_stream", details, request_iterator or written), written
        )

    def _call(self, request_iterator: Any, timeout: float | None, metadata: Any) -> _StreamCall:
        call = self.kind(self, self._context(metadata, timeout), timeout)
        call.open(self._served, None)
        if request_iterator is not None:
            call.feed(request_iterator)
        return call


class _StreamUnary(_StreamStream):
    # No RPC of Dapr that is served is of this kind: interceptors are not asked.
    @property
    def kind(self) -> type[_StreamCall]:
        return _StreamUnaryCall

    def __call__(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: Any = None,
        wait_for_ready: bool | None = None,
        compression: Any = None,
    ) -> Any:
        return self._call(request_iterator, timeout, metadata)


class _Written:
    """What a client writes to an intercepted call, as the iterator of requests that interceptors are given."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    def put(self, request: Any) -> None:
        self._queue.put_nowait(request)

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (request := await self._queue.get()) is not grpc.aio.EOF:
            yield request


class _InterceptedStream(grpc.aio.UnaryStreamCall[Any, Any], grpc.aio.StreamStreamCall[Any, Any]):
    """A streaming call that interceptors begin; they may also give an iterator of responses in its place."""

    def __init__(self, begin: Coroutine[Any, Any, Any], written: _Written | None = None) -> None:
        self._task = asyncio.ensure_future(begin)
        self._written = written
        self._messages: AsyncIterator[Any] | None = None

    async def read(self) -> Any:
        call = await self._task
        if isinstance(call, grpc.aio.Call):
            return await call.read()  # type: ignore[attr-defined]  # all streaming calls have it
        if self._messages is None:
            self._messages = aiter(call)
        return await anext(self._messages, grpc.aio.EOF)

    async def _iterate(self) -> AsyncIterator[Any]:
        while (message := await self.read()) is not grpc.aio.EOF:
            yield message

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._iterate()

    async def write(self, request: Any) -> None:
        if self._written is None:
            raise grpc.aio.UsageError("the requests of this call come from an iterator")
        await self._task
        self._written.put(request)
        await asyncio.sleep(0)

    async def done_writing(self) -> None:
        await self.write(grpc.aio.EOF)

    def cancel(self) -> bool:
        if not self._task.done():
            return self._task.cancel()
        return not self._failed and bool(self._task.result().cancel())

    @property
    def _failed(self) -> bool:
        return self._task.cancelled() or self._task.exception() is not None

    def cancelled(self) -> bool:
        return self._task.done() and (self._task.cancelled() or (not self._failed and self._task.result().cancelled()))

    def done(self) -> bool:
        return self._task.done() and (self._failed or self._task.result().done())

    def time_remaining(self) -> float | None:
        return None

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        def begun(task: asyncio.Future[Any]) -> None:
            if self._failed:
                callback(self)
            else:
                task.result().add_done_callback(lambda _: callback(self))

        self._task.add_done_callback(begun)

    async def _call(self) -> grpc.aio.Call:
        call: grpc.aio.Call = await self._task
        return call

    async def initial_metadata(self) -> grpc.aio.Metadata:
        return await (await self._call()).initial_metadata()

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        return await (await self._call()).trailing_metadata()

    async def code(self) -> grpc.StatusCode:
        return await (await self._call()).code()

    async def details(self) -> str:
        return await (await self._call()).details()

    async def wait_for_connection(self) -> None:
        await self._task


class _StreamCall(_AioCall, grpc.aio.UnaryStreamCall[Any, Any], grpc.aio.StreamStreamCall[Any, Any]):
    """Both ends of a streaming call: what the client reads and writes, and the `Stream` of the handler."""

    def __init__(self, multi: _MultiCallable, context: Context, timeout: float | None) -> None:
        super().__init__()
        self._multi = multi
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._incoming: asyncio.Queue[Message | Outcome] = asyncio.Queue()
        self._taken = asyncio.Event()
        self._sidecar_end = _HandlerEnd(self, context)
        self._feeder: asyncio.Task[None] | None = None
        self._timer = None if timeout is None else self._loop.call_later(timeout, self._finish, DEADLINE)
        multi._channel._streams.add(self)

    # --- opening ---

    def open(self, served: Served | None, serialize: Callable[[], bytes] | None) -> None:
        api = self._multi._api
        try:
            if served is None:
                self._multi._unknown(self._context)
            api.admit(self._multi._path, self._context)
            data = None if serialize is None else serialize()
        except ApiError as error:
            self._finish(outcome_of(error, self._context))
            return
        except grpc.aio.AioRpcError as error:
            self._finish(_outcome(error))
            return
        if api.may_wait(served):
            self._loop.run_in_executor(None, api.open, served, self._sidecar_end, data)
        else:
            api.open(served, self._sidecar_end, data)

    def feed(self, requests: AsyncIterable[Any] | Iterable[Any]) -> None:
        self._feeder = asyncio.ensure_future(self._feed(requests))

    async def _feed(self, requests: AsyncIterable[Any] | Iterable[Any]) -> None:
        try:
            if isinstance(requests, AsyncIterable):
                async for request in requests:
                    await self.write(request)
            else:
                for request in requests:
                    await self.write(request)
            await self.done_writing()
        except asyncio.InvalidStateError:
            return  # the call is over; whoever reads hears of it
        except Exception:
            self.cancel()  # as grpc.aio does (grpc/aio/_call.py, _consume_request_iterator)

    # --- ending ---

    def _finish(self, outcome: Outcome) -> None:
        if self._outcome.done():
            return
        super()._finish(outcome)
        if self._timer is not None:
            self._timer.cancel()
        if self._feeder is not None:
            self._feeder.cancel()
        self._multi._channel._streams.discard(self)
        self._incoming.put_nowait(outcome)
        self._taken.set()
        self._sidecar_end.on_close()

    def cancel_from_outside(self) -> None:
        """Cancel it from any thread; when its loop is closed, there is nobody left to hear of it."""
        if self._loop.is_closed():
            self._multi._channel._streams.discard(self)
            self._sidecar_end.on_close()
        else:
            self._loop.call_soon_threadsafe(self.cancel)

    def deliver(self, item: Message | Outcome) -> None:
        """Take what the handler sends; from any thread."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._deliver, item)

    def _deliver(self, item: Message | Outcome) -> None:
        if isinstance(item, Outcome):
            self._finish(item)
        elif not self._outcome.done():
            self._incoming.put_nowait(item)

    # --- what the client does ---

    async def read(self) -> Any:
        item = await self._incoming.get()
        self._taken.set()
        if not isinstance(item, Outcome):
            return self._multi._deserialize(item.SerializeToString())
        self._incoming.put_nowait(item)
        if item.code is grpc.StatusCode.OK:
            return grpc.aio.EOF
        if item is CANCELLED:
            raise asyncio.CancelledError
        raise _error(item)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[Any]:
        while (message := await self.read()) is not grpc.aio.EOF:
            yield message

    async def write(self, request: Any) -> None:
        if self._outcome.done():
            raise asyncio.InvalidStateError("the call is over")
        multi = self._multi
        served = multi._served
        if served is None:
            return
        data = multi._serialize(request)
        await self._tell(lambda: multi._api.receive(served, self._sidecar_end, data))
        await asyncio.sleep(0)
        while self._sidecar_end.paced and self._incoming.qsize() > PENDING and not self._outcome.done():
            self._taken.clear()
            await self._taken.wait()

    async def done_writing(self) -> None:
        multi = self._multi
        served = multi._served
        if served is not None and not self._outcome.done():
            await self._tell(lambda: multi._api.half_close(served, self._sidecar_end))

    async def _tell(self, tell: Callable[[], None]) -> None:
        if self._sidecar_end.blocking:
            await asyncio.to_thread(tell)
        else:
            tell()


class _StreamUnaryCall(_StreamCall, grpc.aio.StreamUnaryCall[Any, Any]):
    """A call that takes many messages and answers with one."""

    def __await__(self) -> Generator[Any, None, Any]:
        return self.read().__await__()


class _HandlerEnd(Stream):
    def __init__(self, client: _StreamCall, context: Context) -> None:
        super().__init__(context)
        self._client = client

    def write(self, message: Message) -> None:
        self._client.deliver(message)

    def finish(self, error: ApiError | None = None) -> None:
        if isinstance(error, NoAnswer):
            return
        if error is None:
            self._client.deliver(Outcome(grpc.StatusCode.OK, "", (), tuple(self.context.trailer)))
        else:
            self._client.deliver(outcome_of(error, self.context))
