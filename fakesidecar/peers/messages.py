"""What sidecars say to each other: Dapr's `ServiceInvocation`, a call of an application as messages and back.

A body travels in pieces behind the message that it belongs to; the first of them may be in it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from grpc import StatusCode

from dapr_client import wire
from dapr_client.wire import service_invocation_pb2 as pb
from fakesidecar.app import AppStream, Body, Metadata
from fakesidecar.core.invocation import BODY_EXPECTED, Answer, Invocation, RpcAnswer, verb_name, verb_number

CALL_LOCAL = wire.method(wire.SERVICE_INVOCATION, "CallLocal")
CALL_LOCAL_STREAM = wire.method(wire.SERVICE_INVOCATION, "CallLocalStream")

PIECE = 64 << 10
"""Bytes of a body in a message."""
CONTENT_TYPE = "content-type"
AS_HEADER = "Content-Type"
OF_GRPC = "application/grpc"
"""The content type that callers over gRPC have, and the case of its name, tell by which door they came."""
FIRST_HTTP_STATUS = 100
"""Statuses below this one are gRPC's."""


# --- requests --------------------------------------------------------------------------------------------------------


def as_request(asked: Invocation) -> pb.InternalInvokeRequest:
    """A call without its body."""
    request = pb.InternalInvokeRequest(ver=pb.V1)
    headers = [(name, value) for name, value in asked.headers if name.lower() != CONTENT_TYPE]
    if not asked.over_http:
        headers.append((CONTENT_TYPE, OF_GRPC))
    elif asked.content_type:
        headers.append((AS_HEADER, asked.content_type))
    _fill(request.metadata, headers)
    if asked.complete:
        request.message.method = asked.method
        request.message.content_type = asked.content_type
        request.message.data.type_url = asked.type_url
        if asked.verb:
            request.message.http_extension.verb = verb_number(asked.verb)
            request.message.http_extension.querystring = asked.query
    return request


def from_request(request: pb.InternalInvokeRequest, body: Body) -> Invocation:
    """The call that another sidecar asks for."""
    message = request.message
    headers = _pairs(request.metadata)
    over_http = not any(name == CONTENT_TYPE and str(value).startswith(OF_GRPC) for name, value in headers)
    if not over_http:
        headers = [
            (name, _decoded(value) if name.endswith("-bin") else value)
            for name, value in headers
            if name != CONTENT_TYPE
        ]
    extension = message.http_extension
    return Invocation(
        message.method,
        verb_name(extension.verb) if message.HasField("http_extension") else "",
        extension.querystring,
        headers,
        message.content_type,
        body,
        message.data.type_url,
        over_http=over_http,
        complete=request.HasField("message"),
    )


async def body_of(first: pb.InternalInvokeRequestStream, rest: AsyncIterator[Any]) -> Body:
    """The body behind a request; where there probably is none, it is looked for."""
    message = first.request.message
    begun = first.payload.data or message.data.value
    says_empty = ("content-length", "0") in [(name.lower(), value) for name, value in _pairs(first.request.metadata)]
    if not begun and (says_empty or verb_name(message.http_extension.verb) not in BODY_EXPECTED):
        begun = (await anext(rest, first)).payload.data
        if not begun:
            return b""

    async def pieces() -> AsyncIterator[bytes]:
        if begun:
            yield begun
        async for piece in rest:
            if piece.payload.data:
                yield piece.payload.data

    return pieces()


# --- answers ---------------------------------------------------------------------------------------------------------


def as_response(answer: Answer) -> pb.InternalInvokeResponse:
    """An answer without its body."""
    if isinstance(answer, AppStream):
        response = pb.InternalInvokeResponse(status=pb.Status(code=answer.status))
        _fill(response.headers, answer.headers)
        kind = next((value for name, value in answer.headers if name.lower() == CONTENT_TYPE), "")
        response.message.content_type = kind
        return response
    from google.rpc import status_pb2

    response = pb.InternalInvokeResponse(status=pb.Status(code=answer.code.value[0], message=answer.message))
    response.status.details.extend(status_pb2.Status.FromString(answer.details).details)
    # daprd asks for one header at least, and over gRPC there always is one
    _fill(response.headers, [*answer.header, (CONTENT_TYPE, OF_GRPC)])
    _fill(response.trailers, answer.trailer)
    response.message.content_type = answer.content_type
    response.message.data.type_url = answer.type_url
    return response


def is_http(response: pb.InternalInvokeResponse) -> bool:
    """Whether an HTTP application answered."""
    return response.status.code >= FIRST_HTTP_STATUS


def from_http_response(response: pb.InternalInvokeResponse, chunks: AsyncIterator[bytes]) -> AppStream:
    """What an HTTP application answered."""
    headers = [(name, str(value)) for name, value in _pairs(response.headers)]
    kind = response.message.content_type
    if kind and not any(name.lower() == CONTENT_TYPE for name, _ in headers):
        headers.append((CONTENT_TYPE, kind))
    return AppStream(response.status.code, headers, chunks)


def from_grpc_response(response: pb.InternalInvokeResponse, value: bytes) -> RpcAnswer:
    """What a gRPC application answered."""
    from google.rpc import status_pb2

    status, details = response.status, b""
    if status.details:
        full = status_pb2.Status(code=status.code, message=status.message, details=status.details)
        details = full.SerializeToString()
    header = [pair for pair in _pairs(response.headers) if pair[0] != CONTENT_TYPE]
    return RpcAnswer(
        CODES.get(status.code, StatusCode.UNKNOWN),
        status.message,
        details,
        _binary_again(header),
        _binary_again(_pairs(response.trailers)),
        response.message.content_type,
        response.message.data.type_url,
        value,
    )


CODES: Mapping[int, StatusCode] = {code.value[0]: code for code in StatusCode}


# --- bodies and metadata ---------------------------------------------------------------------------------------------


async def pieces_of(body: Body) -> AsyncIterator[bytes]:
    """A body in pieces that messages can carry."""
    if isinstance(body, bytes):
        for begin in range(0, len(body), PIECE):
            yield body[begin : begin + PIECE]
        return
    async for chunk in body:
        for begin in range(0, len(chunk), PIECE):
            yield chunk[begin : begin + PIECE]


def _fill(field: Any, pairs: Iterable[tuple[str, str | bytes]]) -> None:
    """Headers or metadata as messages have them: bytes in base64, and nothing that is no text."""
    for name, value in pairs:
        if name.lower().endswith("-bin"):
            raw = value if isinstance(value, bytes) else value.encode(errors="surrogateescape")
            value = base64.b64encode(raw).decode()
        try:
            field[name].values.append(value)
        except (UnicodeEncodeError, TypeError, ValueError):
            if not field[name].values:
                del field[name]


def _pairs(field: Mapping[str, Any]) -> list[tuple[str, str | bytes]]:
    return [(name, value) for name, values in field.items() for value in values.values]


def _binary_again(pairs: Metadata) -> Metadata:
    return [(name, _decoded(value) if name.endswith("-bin") else value) for name, value in pairs]


def _decoded(value: str | bytes) -> bytes:
    try:
        return base64.b64decode(value)
    except binascii.Error:
        return value if isinstance(value, bytes) else value.encode()
