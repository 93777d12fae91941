"""The service invocation building block: methods of applications, by app id (dapr pkg/messaging).

Who is named may be this sidecar's own application, a neighbour's, an `HTTPEndpoint` or a URL. What a caller asks
is an `Invocation`, whichever door it came by; what comes back is an `Answer`, in the terms of the application:
of HTTP an `AppStream`, of gRPC an `RpcAnswer`.
"""

from __future__ import annotations

import asyncio
import contextlib
import posixpath
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from grpc import StatusCode

from fakesidecar import golang
from fakesidecar.app import (
    NOBODY_LISTENS,
    About,
    AppChannel,
    AppFailed,
    AppRequest,
    AppRpcFailed,
    AppStream,
    Body,
    Grpc,
    Metadata,
    whole,
)
from fakesidecar.core.proxied import Asked, Ending, Proxied, Requests, Take, Unsuccessful, under
from fakesidecar.core.resiliency import BreakerOpen
from fakesidecar.errors import ComponentError, InvokeFailed, PassedOn, PlainError, RpcStatus
from fakesidecar.neighbours import Caller, Neighbour, host_address, host_name
from fakesidecar.trace import NO_SPAN

if TYPE_CHECKING:
    from fakesidecar.core import Core
    from fakesidecar.core.endpoints import Endpoints

T = TypeVar("T")


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


NOT_FOUND = {"sqlite": "no host found with the given ID"}
"""What name resolution components say of an app that nobody knows."""
NOT_FOUND_BY_DEFAULT = "couldn't find service: {app_id}"

RETRIES = 3
RETRY_SECONDS = 1.0
UNREACHED = (StatusCode.UNAVAILABLE, StatusCode.UNAUTHENTICATED)

HOP_BY_HOP = names(
    "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer trailers"
    " transfer-encoding upgrade"
)
"""Headers of one connection, which are not handed on over HTTP."""
PERMANENT = names(
    "accept accept-charset accept-language accept-ranges cache-control connection content-length content-type cookie"
    " date expect from host if-match if-modified-since if-none-match if-schedule-tag-match if-unmodified-since"
    " keep-alive max-forwards origin pragma proxy-connection referer transfer-encoding upgrade via warning"
)
"""HTTP headers that are `dapr-…` as metadata (dapr pkg/messaging/v1, isPermanentHTTPHeader)."""
OF_GRPC_ITSELF = names("te user-agent")
PREFIX = "dapr-"
APP_ID = "dapr-app-id"
ACCEPT_ENCODING = ("dapr-grpc-accept-encoding", "identity, deflate, gzip")
"""Headers of gRPC itself arrive on the HTTP side under other names; the library here keeps this one to itself."""

NO_CODE = -1

DETAILS_KEY = "grpc-status-details-bin"

BODY_EXPECTED = names("POST PUT PATCH")
"""Methods whose requests say a length, or that they are chunked, even without a body."""

_FORBIDDEN = re.compile("[#?\0]")
_CONTROL = re.compile("[\x01-\x1f\x7f]")
_PLAIN_PATH = re.compile(r"(?:[A-Za-z0-9\-._~/!$&'()*+,;=:@\[\]]|%[0-9a-fA-F]{2})*")
_NO_UTF8 = re.compile("[\udc80-\udcff]")
_METADATA_NAME = re.compile(r"[0-9a-z_.\-]+")
_METADATA_TEXT = re.compile(r"[ -~]*")


@dataclass(frozen=True, slots=True)
class Invocation:
    """What an application is asked to do."""

    method: str
    """`a/b`: its escapes undone, without a leading slash unless a gRPC caller gave one."""
    verb: str = ""
    """`GET`; empty when a gRPC caller says nothing of HTTP."""
    query: str = ""
    headers: Metadata = ()
    content_type: str = ""
    body: Body = b""
    type_url: str = ""
    over_http: bool = False
    """By which door the caller came."""
    complete: bool = True
    """False when a gRPC caller sent no message at all."""


@dataclass(frozen=True, slots=True)
class RpcAnswer:
    """What a gRPC application answered."""

    code: StatusCode = StatusCode.OK
    message: str = ""
    details: bytes = b""
    """A serialized google.rpc.Status, empty when the application sent none."""
    header: Metadata = ()
    trailer: Metadata = ()
    content_type: str = ""
    type_url: str = ""
    value: bytes = b""


Answer = AppStream | RpcAnswer


class InvocationBlock:
    """Calls of applications; a `Neighbour` of other sidecars."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._endpoints: Endpoints | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.authority = ""
        """Where the gRPC door is: HTTP applications are told what gRPC callers called."""

    def open(self, authority: str) -> None:
        """Call and be called, on the running event loop."""
        self._loop, self.authority = asyncio.get_running_loop(), authority
        self._core.neighbours.add(self._core.app_id, self)

    async def close(self) -> None:
        """Call no more, be called no more."""
        if self._loop is not None:
            self._loop = None
            self._core.neighbours.remove(self._core.app_id, self)
        if self._endpoints is not None:
            await self._endpoints.close()

    def submit(self, work: Awaitable[T]) -> Future[T]:
        """Do something on the sidecar's event loop, soon; from any thread."""

        async def done() -> T:
            return await work

        if self._loop is None:
            if isinstance(work, Coroutine):
                work.close()
            raise PlainError(message="the sidecar is closed")
        return asyncio.run_coroutine_threadsafe(done(), self._loop)

    # --- as the caller's sidecar ---

    async def invoke(self, target: str, asked: Invocation) -> Answer:
        """Invoke a method of an app, an endpoint or a URL; raises `InvokeFailed`."""
        try:
            if not target:
                raise ComponentError("app id is empty")
            check(asked.method)
            asked = replace(asked, method=clean(asked.method))
            policy = self._core.resiliency.app(target, asked.method)
            if policy is None:
                return await self._invoke(target, asked, RETRIES)
            if not isinstance(asked.body, bytes):  # a body that comes bit by bit is sent once
                return await self._invoke(target, asked)
            return await policy.run_async(lambda: self._invoke(target, asked), failure_of, discard)
        except BreakerOpen as error:
            raise (InvokeFailed(target, error) if asked.over_http else PlainError(message=str(error))) from error
        except ComponentError as error:
            raise InvokeFailed(target, error) from error

    async def _invoke(self, target: str, asked: Invocation, retries: int = 0) -> Answer:
        if (endpoint := self.endpoints.find(target)) is not None:
            return await endpoint.invoke(asked, self.authority)
        neighbour = self._resolve(target)
        if neighbour is None:
            if (app := self._core.app) is None:
                raise ComponentError("cannot invoke local endpoint: app channel not initialized")
            return await self._ask(app, asked)
        return await self._ask_neighbour(target, neighbour, asked, retries)

    async def _ask_neighbour(self, target: str, neighbour: Neighbour, asked: Invocation, retries: int) -> Answer:
        """Ask another sidecar, and again when it cannot be reached: it may be starting (DaprBuiltInServiceRetries)."""
        for attempt in range(retries + 1):
            try:
                return await neighbour.serve(asked, self._caller())
            except RpcStatus as error:
                if error.code not in UNREACHED or not retries:
                    raise
                if attempt == retries or not isinstance(asked.body, bytes):
                    text = f"failed to invoke target {target} after {attempt} retries. Error: {error}"
                    raise ComponentError(text) from error
            await asyncio.to_thread(self._core.clock.pass_time, RETRY_SECONDS)
            with contextlib.suppress(ComponentError):  # it may be nowhere just now
                neighbour = self._resolve(target) or neighbour
        raise AssertionError("unreachable: the last attempt raises")

    async def proxy(self, target: str, path: str, requests: Requests, metadata: Metadata, take: Take) -> Ending:
        """Call a gRPC method of an app's own, of whichever kind."""
        passed = [pair for pair in as_metadata(metadata, from_http=False) if pair[0] != APP_ID]

        def call(requests: Requests) -> Proxied:
            neighbour = self._resolve(target)
            if neighbour is None:
                return self._to_app(path, requests, passed)
            return neighbour.serve_proxied(path, requests, passed, self._caller())

        # A policy is looked for by `dapr-app-id`, and not for this sidecar's own app (dapr pkg/messaging, Handler).
        named = next((str(value) for name, value in metadata if name == APP_ID), "")
        try:
            policy = self._core.resiliency.app(named, path) if named and self._resolve(target) else None
            return await under(policy, call, Asked(requests, self._core.options.max_body_size), take, metadata)
        except RpcStatus as error:
            raise PassedOn(error.code, error.message) from error
        except ComponentError as error:
            raise PlainError(message=str(error)) from error

    @property
    def endpoints(self) -> Endpoints:
        """What is called by URL."""
        if self._endpoints is None:
            from fakesidecar.core.endpoints import Endpoints

            self._endpoints = Endpoints(self._core)
        return self._endpoints

    def _resolve(self, target: str) -> Neighbour | None:
        """The sidecar of an app, None for this one; `app.namespace` is an app, too."""
        app_id, _, namespace = target.partition(".")
        if "." in namespace:
            raise ComponentError(f"invalid app id {target}")
        if app_id == self._core.app_id and namespace in ("", self._namespace):
            return None
        found = self._core.neighbours.resolve(app_id)
        if found is None:
            text = NOT_FOUND.get(self._core.settings.name_resolution, NOT_FOUND_BY_DEFAULT)
            raise ComponentError(text.format(app_id=app_id))
        return found

    @property
    def _namespace(self) -> str:
        return self._core.options.namespace or "default"

    def _caller(self) -> Caller:
        address = host_address(self._core.options.environment)
        return Caller(self._core.app_id, self._namespace, address, host_name())

    # --- as the called application's sidecar ---

    async def serve(self, asked: Invocation, caller: Caller) -> Answer:
        """Invoke a method of this sidecar's application for another sidecar of this process."""
        self._check_loop()
        return await self.answer(forwarded(asked, caller, self._core.app_id))

    async def answer(self, asked: Invocation) -> Answer:
        """Invoke a method of this sidecar's application (dapr pkg/api/grpc, CallLocal); raises `RpcStatus`."""
        app = self._core.app
        if app is None:
            raise RpcStatus(StatusCode.INTERNAL, "app channel is not initialized")
        if not asked.complete:
            text = "parsing InternalInvokeRequest error: request does not contain the required fields"
            raise RpcStatus(StatusCode.INVALID_ARGUMENT, f"{text} in the leading chunk")
        self._check_access(asked.method, asked.verb)
        try:
            return await self._ask(app, asked)
        except ComponentError as error:
            raise RpcStatus(StatusCode.INTERNAL, f"error invoking app channel: {error}") from error

    def serve_proxied(self, path: str, requests: Requests, metadata: Metadata, caller: Caller) -> Proxied:
        """Call a method of this sidecar's application for another sidecar of this process."""
        self._check_loop()
        return self.answer_proxied(path, requests, [*metadata, *caller.names(self._core.app_id)])

    def answer_proxied(self, path: str, requests: Requests, metadata: Metadata) -> Proxied:
        """Call a method of this sidecar's application for another sidecar; raises `RpcStatus`."""
        self._check_access(path, "NONE")
        traced = any(name == "traceparent" for name, _ in metadata)
        trace = () if traced else (("traceparent", NO_SPAN.traceparent),)
        return self._to_app(path, requests, [*metadata, *trace])

    def _check_loop(self) -> None:
        if asyncio.get_running_loop() is not self._loop:
            text = f"the sidecar of {self._core.app_id} is not on the event loop of the one that calls it"
            raise RpcStatus(StatusCode.INTERNAL, text)

    def _check_access(self, operation: str, verb: str) -> None:
        # Policies are of identities, which only certificates prove: without them the default action decides alone
        # (dapr pkg/acl, IsOperationAllowedByAccessControlPolicy).
        rules = self._core.settings.access_control
        if rules is not None and rules.default_action.lower() not in ("", "allow"):
            text = f"access control policy has denied access to id:  operation: {operation} verb: {verb}"
            raise RpcStatus(StatusCode.PERMISSION_DENIED, text)

    # --- the application ---

    async def _ask(self, app: AppChannel, asked: Invocation) -> Answer:
        if self._core.app_health is not None and not self._core.app_health.healthy:
            raise RpcStatus(StatusCode.INTERNAL, "app is not in a healthy state")
        if app.is_grpc:
            return await ask_over_grpc(app, asked)
        send = partial(app.stream, about=About("invoke", target=asked.method))
        return await ask_over_http(send, app.url, asked, self.authority)

    def _to_app(self, path: str, requests: Requests, metadata: Metadata) -> Proxied:
        app = self._core.app
        if app is None or not isinstance(app.transport, Grpc):
            options = self._core.options
            address = f"{options.app_channel_address}:{options.app_port}"
            raise RpcStatus(StatusCode.UNAVAILABLE, NOBODY_LISTENS.format(address=address))
        call: Proxied = app.transport.proxy(path, requests, metadata)
        return call


def failure_of(answer: Answer) -> Unsuccessful | None:
    """Why an answer is to be asked for again, None for a good one."""
    if isinstance(answer, RpcAnswer):
        # Those of gRPC applications count whatever codes a policy names.
        return None if answer.code is StatusCode.OK else Unsuccessful(NO_CODE)
    return None if 200 <= answer.status < 400 else Unsuccessful(answer.status)


async def discard(answer: Answer) -> None:
    """Let go of an answer that another one takes the place of."""
    if isinstance(answer, AppStream):
        await answer.close()


# --- methods ---------------------------------------------------------------------------------------------------------


def check(method: str) -> None:
    """Refuse names that no method can have (dapr pkg/security/validate)."""
    quoted = golang.quote(method)
    if _FORBIDDEN.search(method):
        text = f"invalid method: method contains forbidden character: {quoted}"
    elif found := _CONTROL.search(method):
        position = len(method[: found.start()].encode(errors="surrogateescape"))
        text = f"invalid method: method contains control character at position {position}: {quoted}"
    else:
        return
    raise RpcStatus(StatusCode.INVALID_ARGUMENT, text)


def clean(method: str) -> str:
    """A method as a path without empty segments, `.` and `..`; a leading slash stays."""
    inner = posixpath.normpath("/" + method.lstrip("/")).lstrip("/")
    return f"/{inner}" if method.startswith("/") else inner


def url_path(method: str) -> str:
    """A method as the path of a URL (net/url, setPath and EscapedPath); raises `GoError` for a broken escape."""
    path = "/" + method.lstrip("/")
    decoded = golang.path_unescape(path)
    return path if _PLAIN_PATH.fullmatch(path) else golang.path_escape(decoded)


# --- headers and metadata --------------------------------------------------------------------------------------------


def forwarded(asked: Invocation, caller: Caller, callee: str) -> Invocation:
    """A request as it comes from another sidecar: with more headers, and a gRPC caller's body without its length."""
    headers = [
        *asked.headers,
        ("dapr-caller-app-id", caller.app_id),
        ("dapr-caller-namespace", caller.namespace),
        ("dapr-callee-app-id", callee),
        ("x-forwarded-for", caller.address),
        ("forwarded", f"for={caller.address};by={caller.address};host={caller.host}"),
        ("x-forwarded-host", caller.host),
    ]
    streams = not asked.over_http and (asked.body or asked.verb in BODY_EXPECTED)
    return replace(asked, headers=headers, body=bit_by_bit(asked.body) if streams else asked.body)


def as_headers(metadata: Iterable[tuple[str, str | bytes]]) -> list[tuple[str, str]]:
    """Headers or metadata as headers over HTTP: those that are no text stay behind, gRPC's own get another name."""
    out: list[tuple[str, str]] = []
    for name, value in metadata:
        lower = name.lower()
        if lower.endswith("-bin") or lower in HOP_BY_HOP or lower in ("host", "content-length"):
            continue
        if isinstance(value, str) and not _NO_UTF8.search(value):
            out.append((PREFIX + lower if lower.startswith("grpc-") else name, value))
    return out


def as_metadata(headers: Iterable[tuple[str, str | bytes]], *, from_http: bool) -> list[tuple[str, str | bytes]]:
    """Headers or metadata as metadata over gRPC; what gRPC cannot carry is left out."""
    out: list[tuple[str, str | bytes]] = []
    for name, value in headers:
        key = name.lower()
        if key in OF_GRPC_ITSELF or key.startswith("grpc-"):
            continue
        if from_http and key in PERMANENT:
            key = PREFIX + key
        if not _METADATA_NAME.fullmatch(key):
            continue
        if key.endswith("-bin"):
            out.append((key, value.encode(errors="surrogateescape") if isinstance(value, str) else value))
        elif isinstance(value, str) and _METADATA_TEXT.fullmatch(value):
            out.append((key, value))
    return out


# --- over HTTP -------------------------------------------------------------------------------------------------------


async def ask_over_http(
    send: Callable[[AppRequest], Awaitable[AppStream]], base: str, asked: Invocation, authority: str
) -> AppStream:
    """Ask an HTTP server (dapr pkg/channel/http)."""
    if not asked.verb:
        raise RpcStatus(StatusCode.INVALID_ARGUMENT, "missing HTTP extension field")
    if asked.verb in ("NONE", "CONNECT"):
        raise RpcStatus(StatusCode.INVALID_ARGUMENT, "invalid HTTP verb")
    url = f"{base}/{asked.method.lstrip('/')}"
    try:
        path = url_path(asked.method)
    except golang.GoError as error:
        raise ComponentError(f"parse {golang.quote(url)}: {error}") from error
    query = f"?{asked.query}" if asked.query else ""
    verb = asked.verb.capitalize()
    headers = as_headers(asked.headers)
    if not asked.over_http:
        headers += [("dapr-authority", authority), ACCEPT_ENCODING]
        kind = "application/x-protobuf" if asked.type_url else asked.content_type
        headers += [("content-type", kind)] if kind else []
    elif not isinstance(asked.body, bytes):
        headers += [(name, str(value)) for name, value in asked.headers if name.lower() == "content-length"]
    try:
        return await send(AppRequest(asked.verb, path, body_of(asked), headers, asked.query))
    except AppFailed as error:
        raise ComponentError(f"{verb} {golang.quote(base + path + query)}: {error}") from error


def body_of(asked: Invocation) -> Body:
    """A body whose length is said when Go's client would say it: that of an empty one is not known to it."""
    return bit_by_bit(b"") if asked.over_http and not asked.body and asked.verb in BODY_EXPECTED else asked.body


async def bit_by_bit(body: Body) -> AsyncIterator[bytes]:
    """A body that does not say its length."""
    if not isinstance(body, bytes):
        async for chunk in body:
            yield chunk
    elif body:
        yield body


# --- over gRPC -------------------------------------------------------------------------------------------------------


async def ask_over_grpc(app: AppChannel, asked: Invocation) -> RpcAnswer:
    """Ask a gRPC application (dapr pkg/channel/grpc): `OnInvoke`."""
    from dapr_client.wire import common_pb2

    message = common_pb2.InvokeRequest(method=asked.method, content_type=asked.content_type)
    if asked.verb:
        message.http_extension.verb = verb_number(asked.verb)
        message.http_extension.querystring = asked.query
    message.data.type_url = asked.type_url
    message.data.value = await whole(asked.body)
    metadata = as_metadata(asked.headers, from_http=asked.over_http)
    if not asked.over_http:  # dapr pkg/messaging/v1, InternalMetadataToGrpcMetadata
        metadata = [(name, value) for name, value in metadata if name != "tracestate"]
    try:
        reply = await app.exchange("OnInvoke", message, metadata, About("invoke", target=asked.method))
    except AppRpcFailed as error:
        return failed(error)
    except AppFailed as error:
        raise ComponentError(str(error)) from error
    answer = reply.message
    return RpcAnswer(
        header=reply.header,
        trailer=reply.trailer,
        content_type=answer.content_type,
        type_url=answer.data.type_url,
        value=answer.data.value,
    )


def failed(error: AppRpcFailed) -> RpcAnswer:
    """The answer of an application that ended a call with an error."""
    header, trailer = (
        tuple(found or ()) for found in (error.error.initial_metadata(), error.error.trailing_metadata())
    )
    details = next((value for name, value in trailer if name == DETAILS_KEY), b"")
    trailer = tuple(pair for pair in trailer if pair[0] != DETAILS_KEY)
    return RpcAnswer(error.code, error.details, details, header, trailer)


def verb_number(verb: str) -> Any:
    """The verb of a message; `55` for one that has no name."""
    from dapr_client.wire import common_pb2

    return int(verb) if verb.isdigit() else common_pb2.HTTPExtension.Verb.Value(verb)


def verb_name(number: int) -> str:
    """The verb that a message says."""
    from dapr_client.wire import common_pb2

    verb = common_pb2.HTTPExtension.Verb
    return verb.Name(number) if number in verb.values() else str(number)
