"""A gRPC server that does what a test says, call by call: for what no sidecar can be brought to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2


@dataclass
class Script:
    """What the server does with each call in turn, and what it was called with."""

    steps: list[Any]
    port: int = 0
    calls: list[dict[str, str | bytes]] = field(default_factory=list)
    """The metadata of each call."""
    requests: list[bytes] = field(default_factory=list)
    """The message of each call that has one."""
    deadlines: list[float | None] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Fails:
    """A step that ends the call with a status."""

    code: grpc.StatusCode
    message: str = "told to fail"
    retry_after: float | None = None
    """Seconds in a RetryInfo."""
    after: tuple[bytes, ...] = ()
    """Messages sent before."""


@contextmanager
def served(*steps: Any, credentials: grpc.ServerCredentials | None = None) -> Iterator[Script]:
    """Serve the steps: Fails, a message as bytes, or messages of a stream."""
    script = Script(list(steps))
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((_Handler(script),))
    address = "127.0.0.1:0"
    script.port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    server.start()
    try:
        yield script
    finally:
        server.stop(None).wait()


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, script: Script) -> None:
        self.script = script

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        name = handler_call_details.method.rpartition("/")[2]
        if name.startswith("Subscribe"):
            # On the wire a client with one request is one of many that sends one.
            return grpc.stream_stream_rpc_method_handler(self._stream)
        return grpc.unary_unary_rpc_method_handler(self._unary)

    def _unary(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.script.requests.append(request)
        return next(iter(self._run(context)))

    def _stream(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterable[bytes]:
        yield from self._run(context)

    def _run(self, context: grpc.ServicerContext) -> Iterator[bytes]:
        self.script.calls.append(dict(context.invocation_metadata()))
        remaining = context.time_remaining()
        # Without a deadline gRPC tells of one in a far future.
        self.script.deadlines.append(remaining if remaining is not None and remaining < 1e6 else None)
        step = self.script.steps.pop(0)
        if isinstance(step, bytes):
            yield step
            return
        if not isinstance(step, Fails):
            yield from step
            return
        yield from step.after
        if step.retry_after is not None:
            delay = duration_pb2.Duration()
            delay.FromMilliseconds(int(step.retry_after * 1000))
            packed = any_pb2.Any()
            packed.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
            status = status_pb2.Status(code=step.code.value[0], message=step.message, details=[packed])
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(step.code, step.message)


Sleeps = list[float]


def recorder() -> tuple[Sleeps, Callable[[float], None], Callable[[float], Any]]:
    """Waits that take no time, and what they were asked for: the list, a sync and an async function."""
    slept: Sleeps = []

    async def async_sleep(seconds: float) -> None:
        slept.append(seconds)

    return slept, slept.append, async_sleep
