"""A gRPC call from bytes to bytes, whichever way it came: by a port, or in process.

Whoever carries bytes asks `GrpcApi.find` what serves the path, then makes a unary call with `unary` or opens a
streaming one with `open`. What goes wrong is raised as an `ApiError`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from google.protobuf.message import DecodeError, Message
from grpc import StatusCode

from fakesidecar.core import Core
from fakesidecar.errors import ApiError
from fakesidecar.grpcapi.registry import SERVED, Context, Served, Stream

BLOCKS = ("state", "secrets", "configuration", "lock")
"""The modules of this package that serve RPCs."""

for block in BLOCKS:
    import_module(f"{__package__}.{block}")

log = logging.getLogger("fakesidecar.grpc")


class BrokenMessage(ApiError, grpc=StatusCode.INTERNAL):
    """The bytes of a request are no message (grpc-go, server.go)."""

    template = "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data"


class MessageTooLarge(ApiError, grpc=StatusCode.RESOURCE_EXHAUSTED):
    """A request is larger than `--max-body-size`."""

    template = "grpc: received message larger than max ({size} vs. {limit})"


class UnknownMethod(ApiError, grpc=StatusCode.UNIMPLEMENTED):
    """Nobody serves the RPC."""

    template = "unknown method {path}"


class Bug(ApiError, grpc=StatusCode.INTERNAL):
    """The sidecar itself failed; its log says where."""

    template = "the sidecar failed: {cause}"


@dataclass(frozen=True, slots=True)
class Ready:
    """A unary call that was admitted and understood: `run()` carries it out."""

    run: Callable[[], bytes]
    blocking: bool
    """Carrying it out may wait for something outside of this process."""


class GrpcApi:
    """Every RPC of a sidecar, as functions from bytes to bytes."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.filters: list[Callable[[str, Context], None]] = []
        """What every call passes before it is looked at: each may refuse it by raising."""

    def find(self, path: str) -> Served | None:
        """What serves the RPC of that path."""
        return SERVED.get(path)

    def prepare(self, served: Served, data: bytes, context: Context) -> Ready:
        """Admit and understand a unary call."""
        self.admit(served.method.path, context)
        request = self.parse(served, data)
        core, call = self.core, served.call(request, context)

        def run() -> bytes:
            try:
                reply = core.onion(call, lambda: served.function(core, request, context))
            except ApiError:
                raise
            except Exception as error:
                log.exception("%s failed", served.method.path)
                raise Bug(cause=repr(error)) from error
            return bytes(reply.SerializeToString())

        return Ready(run, core.blocking(call.block, call.component))

    def open(self, served: Served, stream: Stream, data: bytes | None) -> None:
        """Begin a streaming call; `data` is the request of a server-streaming one."""
        try:
            if data is None:
                served.function(self.core, stream)
            else:
                request = self.parse(served, data)
                call = served.call(request, stream.context)
                self.core.onion(call, lambda: served.function(self.core, request, stream))
        except ApiError as error:
            stream.finish(error)
        except Exception as error:
            log.exception("%s failed", served.method.path)
            stream.finish(Bug(cause=repr(error)))

    def receive(self, served: Served, stream: Stream, data: bytes) -> None:
        """Give a message of the client to a streaming call that is open."""
        try:
            stream.on_message(self.parse(served, data))
        except ApiError as error:
            stream.finish(error)
        except Exception as error:
            log.exception("%s failed", served.method.path)
            stream.finish(Bug(cause=repr(error)))

    def admit(self, path: str, context: Context) -> None:
        """Let a call pass, or refuse it by raising."""
        for check in self.filters:
            check(path, context)

    def parse(self, served: Served, data: bytes) -> Message:
        """The message that a client sent."""
        limit = self.core.options.max_body_size
        if len(data) > limit:
            raise MessageTooLarge(size=len(data), limit=limit)
        try:
            return served.method.request.FromString(data)
        except DecodeError as error:
            raise BrokenMessage from error
