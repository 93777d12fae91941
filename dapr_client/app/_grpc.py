"""The application's side over gRPC, with a thread for each call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc
from google.protobuf.message import Message

from dapr_client import wire
from dapr_client.app._callbacks import CALLBACKS, Answer, Callbacks, Refused, Steps
from dapr_client.settings import settings

THREADS = 10
STOP_SECONDS = 5.0
HERE = "127.0.0.1"
SERVICES = (wire.APP_CALLBACK, wire.APP_CALLBACK_ALPHA, wire.APP_CALLBACK_HEALTH_CHECK)

METHODS = {
    method.path: method for service in SERVICES for name, method in wire.methods(service).items() if name in CALLBACKS
}
"""The calls of a sidecar, by path."""


class Served(Callbacks):
    """What a sync and an async server have in common."""

    def __init__(self, max_grpc_message_length: int | None = None, **kwargs: Any) -> None:
        super().__init__()
        self._kwargs = {"options": _message_length(max_grpc_message_length), **kwargs}
        self._services: list[tuple[Callable[[Any, Any], None], Any]] = []
        self._server: Any = None
        self.port = 0
        """The port that it serves on."""

    def add_external_service(self, servicer_callback: Callable[[Any, Any], None], external_servicer: Any) -> None:
        """Serve a gRPC service of the user's on the same port: its `add_…Servicer_to_server` and its servicer."""
        self._services.append((servicer_callback, external_servicer))

    def _listen(self, server: Any, handler: grpc.GenericRpcHandler, app_port: int | None, address: str) -> None:
        server.add_generic_rpc_handlers((handler,))
        for callback, servicer in self._services:
            callback(servicer, server)
        port = settings.GRPC_APP_PORT if app_port is None else app_port
        self.port = server.add_insecure_port(f"{address}:{port}")
        self._server = server


class App(Served):
    """Serves the sidecar's calls over gRPC; use it as a decorator factory, then `run` it.

    Further arguments go to `grpc.server`. `with App() as app` serves while the block runs, for tests.
    """

    def __init__(self, max_grpc_message_length: int | None = None, **kwargs: Any) -> None:
        super().__init__(max_grpc_message_length, **kwargs)
        self._threads: ThreadPoolExecutor | None = None
        self._stopped = threading.Event()

    def start(self, app_port: int | None = 0, listen_address: str = HERE) -> int:
        """Begin to serve; returns the port, for 0 a free one."""
        self._stopped.clear()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="dapr_client app")
        server = grpc.server(**{"thread_pool": self._threads, **self._kwargs})
        self._listen(server, _Handler(self), app_port, listen_address)
        server.start()
        return self.port

    def run(self, app_port: int | None = None, listen_address: str | None = None) -> None:
        """Serve until somebody calls `stop`, on GRPC_APP_PORT (3010) and for this machine unless told otherwise."""
        self.start(app_port, listen_address or HERE)
        try:
            self._stopped.wait()
        finally:
            self.stop()

    def stop(self) -> None:
        """Serve no more; calls under way are given some seconds."""
        server, self._server = self._server, None
        if server is not None:
            server.stop(STOP_SECONDS).wait()
        if self._threads is not None:
            self._threads.shutdown(wait=False)
        self._stopped.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()


def _message_length(limit: int | None) -> Sequence[tuple[str, int]]:
    inbound = settings.DAPR_GRPC_MAX_INBOUND_MESSAGE_SIZE_BYTES
    if limit is None:
        return (("grpc.max_receive_message_length", inbound),) if inbound else ()
    return (("grpc.max_send_message_length", limit), ("grpc.max_receive_message_length", limit))


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        method = METHODS.get(handler_call_details.method)
        if method is None:
            return None
        callback = self._callbacks.callback(method.name)

        def serve(request: Message, context: grpc.ServicerContext) -> Message:
            answer = Answer(tuple(context.invocation_metadata()))
            try:
                message = _run(callback(request, answer))
            except Refused as refused:
                context.abort(refused.code, str(refused))
            if answer.headers:
                context.send_initial_metadata(tuple(answer.headers))
            return message

        return grpc.unary_unary_rpc_method_handler(
            serve,
            request_deserializer=method.request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )


def _run(steps: Steps) -> Message:
    try:
        call = next(steps)
        while True:
            try:
                returned = call.function(*call.arguments)
            except Exception as error:
                call = steps.throw(error)
            else:
                call = steps.send(returned)
    except StopIteration as done:
        message: Message = done.value
        return message
