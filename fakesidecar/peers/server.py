"""The port on which sidecars of other processes call this one's application (dapr pkg/api/grpc, CallLocal)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from fakesidecar.app import AppFailed, AppStream
from fakesidecar.core.invocation import Answer, as_metadata
from fakesidecar.errors import ComponentError, RpcStatus
from fakesidecar.grpcapi.invocation import HandingOn
from fakesidecar.grpcapi.registry import Context
from fakesidecar.grpcapi.server import LISTENING
from fakesidecar.peers import messages
from fakesidecar.peers.messages import CALL_LOCAL, CALL_LOCAL_STREAM

if TYPE_CHECKING:
    from fakesidecar.core import Core

OF_SIDECARS = "/dapr.proto.internals."


class PeerServer:
    """One sidecar's internal port."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._server: grpc.aio.Server | None = None

    async def start(self, address: str, port: int) -> int:
        """Listen; the port (0 asks for a free one)."""
        limit = self._core.options.max_body_size
        size = limit if limit > 0 else -1
        self._server = grpc.aio.server(
            options=[
                *LISTENING,
                ("grpc.max_receive_message_length", size),
                ("grpc.max_send_message_length", -1),
            ]
        )
        self._server.add_generic_rpc_handlers((_Handlers(self._core),))
        bound = self._server.add_insecure_port(f"[{address}]:{port}" if ":" in address else f"{address}:{port}")
        await self._server.start()
        return bound

    async def stop(self) -> None:
        """Stop listening; calls under way are cut off."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, core: Core) -> None:
        self._core = core

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        path = handler_call_details.method
        if path == CALL_LOCAL.path:
            return grpc.unary_unary_rpc_method_handler(
                self._call_local, CALL_LOCAL.request.FromString, CALL_LOCAL.response.SerializeToString
            )
        if path == CALL_LOCAL_STREAM.path:
            return grpc.stream_stream_rpc_method_handler(
                self._call_local_stream,
                CALL_LOCAL_STREAM.request.FromString,
                CALL_LOCAL_STREAM.response.SerializeToString,
            )
        return None if path.startswith(OF_SIDECARS) else grpc.stream_stream_rpc_method_handler(self._proxied(path))

    async def _call_local(self, request: Any, rpc: Any) -> Any:
        try:
            answer = await self._core.invocation.answer(messages.from_request(request, request.message.data.value))
            response = messages.as_response(answer)
            response.message.data.value = b"".join([piece async for piece in body_of(answer)])
            return response
        except (ComponentError, AppFailed) as error:
            await refuse(rpc, error)

    async def _call_local_stream(self, requests: AsyncIterator[Any], rpc: Any) -> None:
        answer: Answer | None = None
        try:
            rest = aiter(requests)
            first = await anext(rest)
            asked = messages.from_request(first.request, await messages.body_of(first, rest))
            answer = await self._core.invocation.answer(asked)
            message: Any = CALL_LOCAL_STREAM.response(response=messages.as_response(answer))
            number = 0
            await rpc.write(message)
            async for piece in body_of(answer):
                message = CALL_LOCAL_STREAM.response()
                message.payload.data, message.payload.seq = piece, number
                number += 1
                await rpc.write(message)
        except (ComponentError, AppFailed) as error:
            await refuse(rpc, error)
        finally:
            if isinstance(answer, AppStream):
                await answer.close()

    def _proxied(self, path: str) -> Any:
        async def behaviour(requests: AsyncIterator[bytes], rpc: Any) -> None:
            metadata = as_metadata(rpc.invocation_metadata() or (), from_http=False)
            try:
                call = self._core.invocation.answer_proxied(path, requests, metadata)
            except RpcStatus as error:
                await refuse(rpc, error)
            else:
                handing_on = HandingOn(rpc, Context())
                await handing_on.end(await handing_on.take(call))

        return behaviour


def body_of(answer: Answer) -> AsyncIterator[bytes]:
    """What an application answered, in pieces."""
    return messages.pieces_of(answer.chunks if isinstance(answer, AppStream) else answer.value)


async def refuse(rpc: Any, error: Exception) -> None:
    """End a call with an error."""
    if isinstance(error, RpcStatus):
        await rpc.abort(error.code, error.message)
    await rpc.abort(grpc.StatusCode.INTERNAL, f"error invoking app channel: {error}")
