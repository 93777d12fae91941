"""The application's side over gRPC, on the running event loop; functions may be async or not."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, Self

import grpc
import grpc.aio
from google.protobuf.message import Message

from dapr_client.app._callbacks import Answer, Callbacks, Refused, Steps
from dapr_client.app._grpc import HERE, METHODS, STOP_SECONDS, Served


class App(Served):
    """Serves the sidecar's calls over grpc.aio; use it as a decorator factory, then await `run`.

    Further arguments go to `grpc.aio.server`. `async with App() as app` serves while the block runs, for tests.
    """

    def __init__(self, max_grpc_message_length: int | None = None, **kwargs: Any) -> None:
        super().__init__(max_grpc_message_length, **kwargs)
        self._stopped = asyncio.Event()

    async def start(self, app_port: int | None = 0, listen_address: str = HERE) -> int:
        """Begin to serve; returns the port, for 0 a free one."""
        self._stopped.clear()
        server = grpc.aio.server(**self._kwargs)
        self._listen(server, _Handler(self), app_port, listen_address)
        await server.start()
        return self.port

    async def run(self, app_port: int | None = None, listen_address: str | None = None) -> None:
        """Serve until somebody calls `stop`, on GRPC_APP_PORT (3010) and for this machine unless told otherwise."""
        await self.start(app_port, listen_address or HERE)
        try:
            await self._stopped.wait()
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Serve no more; calls under way are given some seconds."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(STOP_SECONDS)
        self._stopped.set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.stop()


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        method = METHODS.get(handler_call_details.method)
        if method is None:
            return None
        callback = self._callbacks.callback(method.name)

        async def serve(request: Message, context: Any) -> Message:
            answer = Answer(tuple(context.invocation_metadata() or ()))
            try:
                message = await _run(callback(request, answer))
            except Refused as refused:
                await context.abort(refused.code, str(refused))
            if answer.headers:
                await context.send_initial_metadata(answer.headers)
            return message

        return grpc.unary_unary_rpc_method_handler(
            serve,
            request_deserializer=method.request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )


async def _run(steps: Steps) -> Message:
    try:
        call = next(steps)
        while True:
            try:
                returned = call.function(*call.arguments)
                if inspect.isawaitable(returned):
                    returned = await returned
            except Exception as error:
                call = steps.throw(error)
            else:
                call = steps.send(returned)
    except StopIteration as done:
        message: Message = done.value
        return message
