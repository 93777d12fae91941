"""A gRPC call from bytes to bytes, whichever way it came: by a port, or in process.

Whoever carries bytes asks `GrpcApi.find` what serves the path, then makes a unary call with `unary` or opens a
streaming one with `open`. What goes wrong is raised as an `ApiError`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakSet

from google.protobuf.message import DecodeError, Message
from grpc import StatusCode

from fakesidecar import golang
from fakesidecar.core import Core
from fakesidecar.errors import ApiError, ConnectionLost, MessageTooLarge, PlainError
from fakesidecar.grpcapi.registry import SERVED, Context, Served, Stream
from fakesidecar.interceptors import grpc_filters
from fakesidecar.later import is_awaited

BLOCKS = (
    "state",
    "secrets",
    "configuration",
    "lock",
    "actors",
    "bindings",
    "invocation",
    "jobs",
    "conversation",
    "crypto",
    "pubsub",
    "metadata",
    "shutdown",
    "workflow",
    "reflection",
)
"""The modules of this package that serve RPCs."""

for block in BLOCKS:
    import_module(f"{__package__}.{block}")

if TYPE_CHECKING:
    from fakesidecar.core.proxied import Ending, Requests, Take

log = logging.getLogger("fakesidecar.grpc")


class BrokenMessage(ApiError, grpc=StatusCode.INTERNAL):
    """The bytes of a request are no message (grpc-go, server.go)."""

    template = "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data"


class MalformedMethod(ApiError, grpc=StatusCode.UNIMPLEMENTED):
    """A path without a service."""

    template = "malformed method name: {path}"


class NobodysStream(ApiError, grpc=StatusCode.UNKNOWN):
    """A service that is not the sidecar's, and no app named to hand the call to."""

    template = "cannot proxy request: missing dapr-callee-app-id or dapr-app-id metadata"


class NobodysMethod(ApiError, grpc=StatusCode.UNKNOWN):
    """A method that the sidecar's own service does not have, and no app named to hand the call to."""

    template = "failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found"


class NotHandedOn(ApiError, grpc=StatusCode.UNIMPLEMENTED):
    """A call for an app that did not come by a port."""

    template = "{path}: calls of an app's own services are handed on by the sidecar's port only"


class Bug(ApiError, grpc=StatusCode.INTERNAL):
    """The sidecar itself failed; its log says where."""

    template = "the sidecar failed: {cause}"


OWN = ("/dapr.proto.runtime", "/dapr.proto.internals", "/TaskHubSidecarService")
"""Services of other names can only be an app's, whatever the sidecar serves (dapr pkg/diagnostics/grpc_tracing.go)."""
APP_ID = ("dapr-callee-app-id", "dapr-app-id")


def bug(served: Served, error: Exception) -> Bug:
    """Tell of an error that nobody should see, and what the client is told instead."""
    log.error("%s failed", served.method.path, exc_info=error)
    return Bug(cause=repr(error))


class Ready:
    """A unary call that was admitted and understood: `run()` carries it out."""

    __slots__ = ("_context", "_core", "_data", "_request", "_served", "awaited", "blocking")

    def __init__(self, core: Core, served: Served, request: Message, context: Context, data: bytes) -> None:
        self._core, self._served, self._request, self._context, self._data = core, served, request, context, data
        waits = core.faults.waits(served.block, served.operation)
        self.awaited = served.is_coroutine and not waits
        """Others answer it: on the sidecar's event loop, `answer` carries it out in the place of `run`."""
        self.blocking = not self.awaited and (waits or core.blocking(served.block, served.component(request)))
        """Carrying it out may wait for something outside of this process."""

    def run(self) -> bytes | Future[bytes | Message]:
        """The answer, or a future of one that comes later, for `serialized`."""
        if self.awaited:
            return self._core.invocation.submit(self.answer())
        try:
            reply = self._carry_out()
        except ApiError:
            raise
        except Exception as error:
            raise bug(self._served, error) from error
        if self._served.is_coroutine and is_awaited(reply):
            reply = self._core.invocation.submit(reply)
        return reply if isinstance(reply, Future) else serialized(reply)

    async def answer(self) -> bytes:
        """The answer that others give."""
        try:
            return serialized(await self._carry_out())
        except ApiError:
            raise
        except Exception as error:
            raise bug(self._served, error) from error

    def _carry_out(self) -> Any:
        core, context = self._core, self._context
        if not core.onion.interceptors:
            return self._serve()
        return core.onion(self._served.call(self._request, context, self._data), self._serve)

    def _serve(self) -> Any:
        return self._served.function(self._core, self._request, self._context)


class GrpcApi:
    """Every RPC of a sidecar, as functions from bytes to bytes."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.filters: list[Callable[[str, Context], None]] = grpc_filters(core)
        """What every call passes before it is looked at: each may refuse it by raising."""
        self.streams: WeakSet[Stream] = WeakSet()
        """The streaming calls that are open, and some that were."""

    def break_streams(self) -> None:
        """End every stream, as a connection that breaks."""
        for stream in tuple(self.streams):
            stream.finish(ConnectionLost())
        self.streams.clear()

    def find(self, path: str) -> Served | None:
        """What serves the RPC of that path."""
        return SERVED.get(path)

    def prepare(self, served: Served, data: bytes, context: Context) -> Ready:
        """Understand and admit a unary call, in this order (grpc-go decodes before it calls interceptors)."""
        request = self.parse(served, data)
        self.admit(served.method.path, context)
        return Ready(self.core, served, request, context, data)

    def may_wait(self, served: Served) -> bool:
        """Whether a streaming call may take its time before it is open."""
        return self.core.faults.waits(served.block, served.operation)

    def open(self, served: Served, stream: Stream, data: bytes | None) -> None:
        """Begin a streaming call; `data` is the request of a server-streaming one."""
        try:
            check_app(served.method.path, stream.context)
            self.streams.add(stream)
            if data is None:
                served.function(self.core, stream)
            else:
                request = self.parse(served, data)
                call = served.call(request, stream.context, data)
                self.core.onion(call, lambda: served.function(self.core, request, stream))
        except ApiError as error:
            stream.fail(error)
        except Exception as error:
            stream.fail(bug(served, error))

    def receive(self, served: Served, stream: Stream, data: bytes) -> None:
        """Hand a message of the client to the handler of a streaming call; what goes wrong ends the call.

        What interceptors see of a bidirectional call is its first message.
        """
        self._tell(served, stream, lambda: self._message(served, stream, data))

    def _message(self, served: Served, stream: Stream, data: bytes) -> None:
        message = self.parse(served, data)
        if stream.began:
            stream.on_message(message)
            return
        stream.began = True
        self.core.onion(served.call(message, stream.context, data), lambda: stream.on_message(message))

    def half_close(self, served: Served, stream: Stream) -> None:
        """Tell the handler of a streaming call that the client sends no more; what goes wrong ends the call."""
        self._tell(served, stream, stream.on_half_close)

    def _tell(self, served: Served, stream: Stream, telling: Callable[[], None]) -> None:
        if stream.failed:
            return
        try:
            telling()
        except ApiError as error:
            stream.fail(error)
        except Exception as error:
            stream.fail(bug(served, error))

    def admit(self, path: str, context: Context) -> None:
        """Let a call pass, or refuse it by raising."""
        for check in self.filters:
            check(path, context)

    async def proxy(self, path: str, context: Context, requests: Requests, take: Take) -> Ending:
        """Hand a call that nothing serves here on to the app that it names; what comes of it is handed to `take`."""
        target = self.target(path, context)
        return await self.core.invocation.proxy(target, path, requests, context.metadata, take)

    def refuse(self, path: str, context: Context) -> NoReturn:
        """Say why a call that nothing serves here is not carried out, where calls cannot be handed on."""
        self.target(path, context)
        raise NotHandedOn(path=path)

    def target(self, path: str, context: Context) -> str:
        """The app that a call is for which nothing serves here; raises when there is none."""
        if "/" not in path[1:]:
            raise MalformedMethod(path=golang.quote(path))
        self.admit(path, context)
        check_app(path, context)
        app_id = _app_id(context)
        if app_id is None:
            raise NobodysMethod
        if not app_id:
            raise PlainError(message="app id is empty")
        return app_id

    def parse(self, served: Served, data: bytes) -> Message:
        """The message that a client sent."""
        limit = self.core.options.max_body_size
        if len(data) > limit:
            raise MessageTooLarge(size=len(data), limit=limit)
        try:
            return served.read(data)  # type: ignore[no-any-return]  # a message
        except DecodeError as error:
            raise BrokenMessage from error


def serialized(reply: bytes | Message) -> bytes:
    """An answer as it travels."""
    return reply if isinstance(reply, bytes) else bytes(reply.SerializeToString())


def check_app(path: str, context: Context) -> None:
    """Refuse a call of somebody else's service that names no app."""
    if not path.startswith(OWN) and _app_id(context) is None:
        raise NobodysStream


def _app_id(context: Context) -> str | None:
    return next((found for name in APP_ID if (found := context.first(name)) is not None), None)
