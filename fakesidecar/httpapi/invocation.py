"""Service invocation over HTTP (dapr pkg/api/http/directmessaging.go).

What is no API's is an app's: named in the path, by the header `dapr-app-id`, or as the password of the user
`dapr-app-id`. Bodies of unknown length are handed on as they come, both ways.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
from collections.abc import AsyncIterator

from grpc import StatusCode

from fakesidecar import golang
from fakesidecar.app import AppFailed, AppStream, Body
from fakesidecar.core import Core
from fakesidecar.core.invocation import ACCEPT_ENCODING, Invocation, RpcAnswer, as_headers, names
from fakesidecar.errors import HTTP_OF_GRPC, InvokeFailed, NoTargetApp
from fakesidecar.httpapi.bodies import TOO_LARGE
from fakesidecar.trace import sampling_rate
from fakesidecar.web import Headers, Request, Response, Route

APP_ID = "dapr-app-id"
NOT_PASSED_ON = (APP_ID, "dapr-api-token", "host")
VERBS = names("NONE GET HEAD POST PUT PATCH DELETE CONNECT OPTIONS TRACE")

READ_AT_ONCE = 1 << 20
"""Answers that say a length up to this are not handed on bit by bit."""

_PATH = re.compile(r"/+v1\.0/+invoke/(?P<target>.+?)/method(?P<method>/.*)", re.DOTALL)
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"


def destination(request: Request) -> tuple[str, str]:
    """The app that a request is for, and the method."""
    path = golang.path_unescape(request.path)
    if target := request.header(APP_ID):
        return target, path
    if found := _PATH.fullmatch(path):
        return found["target"], found["method"]
    if target := user_named(request.header("authorization") or ""):
        return target, path
    raise NoTargetApp


def user_named(authorization: str) -> str:
    """The app id in basic authentication; empty when there is none."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme != "Basic":
        return ""
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password if user.lower() == APP_ID and colon and ":" not in password else ""


async def invoke(core: Core, request: Request) -> Response:
    target, method = request.params["app"], request.params["method"]
    verb = request.method.upper()
    asked = Invocation(
        method.lstrip("/"),
        verb if verb in VERBS else "POST",
        request.query,
        headers_of(core, request),
        request.header("content-type") or "",
        body_of(core, request),
        over_http=True,
    )
    answer = await core.invocation.invoke(target, asked)
    if isinstance(answer, RpcAnswer):
        return of_grpc(answer)
    try:
        return await of_http(answer)
    except AppFailed as error:
        raise InvokeFailed(target, error) from error


INVOKE = Route(
    "",
    (),
    invoke,
    "invocation",
    "invoke",
    "",
    "app",
    streams=True,
    parameters=lambda request: dict(zip(("app", "method"), destination(request), strict=True)),
)
"""What every request is handed to that no other route takes, whatever its method."""


def headers_of(core: Core, request: Request) -> Headers:
    """The headers that go on to the app, with the call's place in its trace."""
    headers = [(name, value) for name, value in request.headers if name.lower() not in NOT_PASSED_ON]
    parent = request.header("traceparent")
    replaced = {"traceparent"} if request.span.valid else set()
    replaced |= {"tracestate"} if request.span.state or parent is None else set()
    headers = [(name, value) for name, value in headers if name.lower() not in replaced]
    if request.span.valid or (parent is None and sampling_rate(core.settings.tracing.sampling_rate) != 0):
        headers.append(("traceparent", request.span.traceparent))
    if request.span.state:
        headers.append(("tracestate", request.span.state))
    return headers


def body_of(core: Core, request: Request) -> Body:
    """The body that goes on to the app."""
    if request.stream is not None:
        return request.stream
    limit = core.options.max_body_size
    if request.body_error or 0 < limit < len(request.body):
        return broken_off(request.body[:limit])
    return request.body


async def broken_off(begin: bytes) -> AsyncIterator[bytes]:
    """A body that is too large: as much of it as may be."""
    yield begin
    raise AppFailed(TOO_LARGE)


# --- answers ---------------------------------------------------------------------------------------------------------


async def of_http(answer: AppStream) -> Response:
    """What an HTTP application answered, verbatim; where it says no type, the type is what Go guesses."""
    headers = as_headers(answer.headers)
    response = Response(answer.status, headers)
    said = {name.lower(): value for name, value in answer.headers}
    length = said.get("content-length", "")
    if 200 <= answer.status < 400 and not (length.isdigit() and int(length) <= READ_AT_ONCE):
        answer.chunks, first = await peeked(answer.chunks)
        if first:
            response.stream = answer
        else:
            await answer.close()
    else:
        response.body = first = await answer.read()
    if "content-type" not in said:
        if answer.status >= 400:
            headers.append(("content-type", _JSON))
        elif first:
            headers.append(("content-type", golang.detect_content_type(first)))
    return response


async def peeked(chunks: AsyncIterator[bytes]) -> tuple[AsyncIterator[bytes], bytes]:
    """The same chunks, and the first of them (empty when there is none)."""
    first = await anext(chunks, b"")

    async def again() -> AsyncIterator[bytes]:
        if first:
            yield first
        async for chunk in chunks:
            yield chunk

    return again(), first


def of_grpc(answer: RpcAnswer) -> Response:
    """What a gRPC application answered: its data, or the status as JSON."""
    if answer.code is not StatusCode.OK:
        return Response(HTTP_OF_GRPC.get(answer.code, 500), [("content-type", _TEXT)], status_as_json(answer))
    headers = [*as_headers(answer.header), ACCEPT_ENCODING]
    if kind := answer.content_type or (golang.detect_content_type(answer.value) if answer.value else ""):
        headers.append(("content-type", kind))
    return Response(200, headers, answer.value)


def status_as_json(answer: RpcAnswer) -> bytes:
    """A google.rpc.Status as JSON; details of types that nobody here knows are left out."""
    from google.protobuf import json_format
    from google.rpc import error_details_pb2, status_pb2  # noqa: F401  # its types are known from here on

    full = status_pb2.Status.FromString(answer.details)
    fields = {"code": answer.code.value[0]} | ({"message": answer.message} if answer.message else {})
    with contextlib.suppress(TypeError, ValueError):
        fields |= json_format.MessageToDict(full)
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
