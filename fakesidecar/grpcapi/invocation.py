"""Service invocation over gRPC: InvokeService (dapr pkg/api/grpc/grpc.go), and calls of services that are an app's own.

The latter are handed on byte by byte, whatever their kind (dapr pkg/grpc/proxy).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import grpc.aio

from dapr_client.wire import common_pb2, invoke_pb2
from fakesidecar.app import AppFailed, AppStream, Metadata
from fakesidecar.core import Core
from fakesidecar.core.invocation import DETAILS_KEY, Invocation, RpcAnswer, as_metadata, verb_name
from fakesidecar.core.proxied import Ending, Proxied
from fakesidecar.errors import AppAnsweredWith, InvokeFailed, PassedOn
from fakesidecar.grpcapi.registry import Context, serves
from fakesidecar.trace import sampling_rate

STATUS = "dapr-http-status"
UNSAID = ("connection", "content-length", "transfer-encoding", "keep-alive", "trailer")
"""Headers of an HTTP application that are of its connection alone."""


@serves("InvokeService", call="invocation.invoke", target="id")
async def invoke_service(
    core: Core, request: invoke_pb2.InvokeServiceRequest, context: Context
) -> common_pb2.InvokeResponse:
    answer = await core.invocation.invoke(request.id, asked_by(core, request, context))
    trace = trace_of(core, context)
    context.header += trace
    if isinstance(answer, RpcAnswer):
        context.trailer += trace
        return of_grpc(answer, context)
    try:
        body = await answer.read()
    except AppFailed as error:
        raise InvokeFailed(request.id, error) from error
    return of_http(answer, body, context)


def asked_by(core: Core, request: invoke_pb2.InvokeServiceRequest, context: Context) -> Invocation:
    message = request.message
    extension = message.http_extension
    trace = trace_of(core, context)
    told = ("dapr-api-token", *(name for name, _ in trace))
    return Invocation(
        message.method,
        verb_name(extension.verb) if message.HasField("http_extension") else "",
        extension.querystring,
        [*(pair for pair in context.metadata if pair[0] not in told), *trace],
        message.content_type,
        message.data.value,
        message.data.type_url,
        complete=request.HasField("message"),
    )


def trace_of(core: Core, context: Context) -> list[tuple[str, str]]:
    """The call's place in its trace, as the app and the caller are told it."""
    if sampling_rate(core.settings.tracing.sampling_rate) == 0:
        return []
    return [("traceparent", context.span.traceparent)]


def of_grpc(answer: RpcAnswer, context: Context) -> common_pb2.InvokeResponse:
    """What a gRPC application answered, with its metadata and its status."""
    context.header += without_trace(answer.header)
    context.trailer += without_trace(answer.trailer)
    if answer.code is not grpc.StatusCode.OK:
        raise PassedOn(answer.code, answer.message, answer.details)
    return response(answer.value, answer.content_type, answer.type_url)


def without_trace(metadata: Metadata) -> Metadata:
    return [(name, value) for name, value in metadata if name != "traceparent"]


def of_http(answer: AppStream, body: bytes, context: Context) -> common_pb2.InvokeResponse:
    """What an HTTP application answered; a status that is no success becomes an error."""
    headers = [(name, value) for name, value in answer.headers if name.lower() not in UNSAID]
    context.header += as_metadata(headers, from_http=True)
    context.header.append((STATUS, str(answer.status)))
    if not 200 <= answer.status < 300:
        raise AppAnsweredWith(answer.status, body)
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    return response(body, kind)


def response(value: bytes, content_type: str, type_url: str = "") -> common_pb2.InvokeResponse:
    out = common_pb2.InvokeResponse(content_type=content_type)
    out.data.type_url, out.data.value = type_url, value
    return out


# --- services of an app's own ----------------------------------------------------------------------------------------


class HandingOn:
    """Writes to its caller what comes of a call, which may be made more than once."""

    def __init__(self, rpc: Any, context: Context) -> None:
        self._rpc, self._context = rpc, context
        self._begun = False
        self._writing: asyncio.Future[None] | None = None

    async def take(self, call: Proxied) -> Ending:
        """Write the messages of an attempt; the first of all brings the header along, each end adds its trailer."""
        context = self._context
        try:
            with contextlib.suppress(grpc.aio.AioRpcError):
                async for message in call:
                    await self.written()
                    self._writing = asyncio.ensure_future(self._write(message, call))
                    await asyncio.shield(self._writing)  # calls of grpc.aio do not survive a write that is cut off
            context.trailer = [pair for pair in context.trailer if pair[0] != DETAILS_KEY]
            context.trailer += await call.trailing_metadata() or ()
            return Ending(await call.code(), await call.details() or "")
        finally:
            call.cancel()

    async def _write(self, message: bytes, call: Proxied) -> None:
        if not self._begun:  # no message, no header (dapr pkg/grpc/proxy, forwardClientToServer)
            self._begun = True
            header, self._context.header = self._context.header, []
            await self._rpc.send_initial_metadata((*header, *(await call.initial_metadata() or ())))
        await self._rpc.write(message)

    async def written(self) -> None:
        """Wait until nothing is being written, not even for an attempt that was given up."""
        if self._writing is not None:
            await asyncio.wait((self._writing,))

    async def end(self, ending: Ending) -> None:
        """End the call as the last attempt ended."""
        await self.written()
        trailer = tuple(self._context.trailer)
        if ending.code is grpc.StatusCode.OK:
            self._rpc.set_trailing_metadata(trailer)
        else:
            await self._rpc.abort(ending.code, ending.message, trailer)
