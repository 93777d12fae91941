"""`bindings.http`: requests to a server (components-contrib bindings/http)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from fakesidecar import golang
from fakesidecar.components.bindings import OutputBinding, Refused, Reply
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

METHODS = {
    "create": "POST",
    **{name: name.upper() for name in ("get", "head", "post", "put", "patch", "delete", "options", "trace")},
}
"""Operation and HTTP method."""
WITH_BODY = ("POST", "PUT", "PATCH")

JSON = "application/json; charset=utf-8"
TRACE_HEADERS = ("traceparent", "tracestate", "baggage")
"""Metadata that are headers although they begin with a small letter."""
NOT_SENT = ("Host", "Content-Length", "Transfer-Encoding", "Trailer")
"""Headers that Go's client decides on alone (net/http, reqWriteExcludeHeader)."""
SENSITIVE = ("Authorization", "Www-Authenticate", "Cookie", "Cookie2")
"""Headers that another host is not sent after a redirect."""

OF_BODY = ("Content-Encoding", "Content-Language", "Content-Location", "Content-Type")

CONNECT_SECONDS = 15.0
DEFAULT_BODY_SIZE = "100Mi"
MAX_REDIRECTS = 10

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(slots=True)
class _Request:
    method: str
    url: str
    body: bytes | None
    headers: dict[str, str] = field(default_factory=dict)


@component("bindings.http", features=("OUTPUT_BINDING",))
class Http(OutputBinding):
    """Requests to the server at `url`, a method for each operation."""

    blocking = True

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self._url = spec.setting("url")
        self._strict = golang.is_truthy(spec.setting("errorIfNot2XX") or "true")
        self._token = spec.setting("securityToken"), spec.setting("securityTokenHeader")
        try:
            self._limit = golang.parse_quantity(spec.setting("maxResponseBodySize") or DEFAULT_BODY_SIZE)
            self._seconds = golang.parse_duration(spec.setting("responseTimeout") or "0s") or None
        except golang.GoError as error:
            raise ComponentError(str(error)) from error

    @cached_property
    def _pools(self) -> PoolManager:
        from urllib3 import PoolManager

        return PoolManager(retries=False)

    def operations(self) -> tuple[str, ...]:
        return tuple(METHODS)

    def invoke(self, operation: str, data: bytes, metadata: Mapping[str, str]) -> Reply | None:
        method = METHODS[operation]
        request = _Request(method, self._target(metadata), data if method in WITH_BODY else None)
        request.headers = self._headers(metadata, request.body is not None)
        reply = self._follow(request)
        strict = golang.is_truthy(metadata["errorIfNot2XX"]) if "errorIfNot2XX" in metadata else self._strict
        status = reply.metadata["statusCode"]
        if strict and not status.startswith("2"):
            raise Refused(f"received status code {status}", reply.metadata)
        return reply

    def _target(self, metadata: Mapping[str, str]) -> str:
        if "path" not in metadata:
            return self._url
        return f"{self._url.rstrip('/')}/{metadata['path'].lstrip('/')}"

    def _headers(self, metadata: Mapping[str, str], has_body: bool) -> dict[str, str]:
        headers = {"User-Agent": "Go-http-client/1.1", "Accept": JSON} | ({"Content-Type": JSON} if has_body else {})
        token, name = self._token
        if token and name:
            headers[golang.canonical_header_key(name)] = token
        given = {name: value for name, value in metadata.items() if name[:1].isupper()}
        given |= {name: metadata[name] for name in TRACE_HEADERS if metadata.get(name)}
        headers |= {golang.canonical_header_key(name): value for name, value in given.items()}
        return {name: value for name, value in headers.items() if name not in NOT_SENT}

    def _follow(self, request: _Request) -> Reply:
        """The answer to a request, redirects followed as Go's client follows them."""
        verb = request.method.capitalize()
        for _ in range(MAX_REDIRECTS):
            try:
                response, decode = self._send(request)
                try:
                    location = response.headers.get("location", "")
                    if response.status not in (301, 302, 303, 307, 308) or not location:
                        return self._reply(response, decode)
                finally:
                    response.close()
            except (ComponentError, ValueError, OSError) as error:
                raise ComponentError(f"{verb} {golang.quote(request.url)}: {error}") from error
            request = redirected(request, response.status, urljoin(request.url, location))
        raise ComponentError(f"{verb} {golang.quote(request.url)}: stopped after {MAX_REDIRECTS} redirects")

    def _send(self, request: _Request) -> tuple[BaseHTTPResponse, bool]:
        """The response, and whether its body would be unpacked if it were packed."""
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError
        from urllib3.util import SKIP_HEADER

        check(request)
        parts = urlsplit(request.url)
        headers = {name: value.encode().decode("latin-1") for name, value in request.headers.items()}
        decode = request.method != "HEAD" and not {"Accept-Encoding", "Range"} & headers.keys()
        headers.setdefault("Accept-Encoding", "gzip" if decode else SKIP_HEADER)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        pool = self._pools.connection_from_host(parts.hostname, parts.port, parts.scheme)
        try:
            response = pool.urlopen(
                request.method,
                "/" + target.lstrip("/"),
                request.body,
                headers,
                retries=False,
                redirect=False,
                preload_content=False,
                timeout=Timeout(connect=CONNECT_SECONDS, total=self._seconds),
            )
        except HTTPError as error:
            raise ComponentError(go_text(error, parts.hostname or "", parts.port or pool.port or 0)) from error
        return response, decode

    def _reply(self, response: BaseHTTPResponse, decode: bool) -> Reply:
        from urllib3.exceptions import HTTPError

        packed = decode and response.headers.get("content-encoding", "").lower() == "gzip"
        unsaid = {"content-encoding", "content-length"} if packed else set()
        metadata = {
            golang.canonical_header_key(name): ", ".join(response.headers.getlist(name))
            for name in response.headers
            if name.lower() not in unsaid
        }
        metadata |= {"statusCode": str(response.status), "status": f"{response.status} {response.reason or ''}"}
        try:
            return Reply(response.read(self._limit, decode_content=packed), metadata)
        except HTTPError as error:
            raise ComponentError(go_text(error, "", 0)) from error

    def close(self) -> None:
        if "_pools" in vars(self):
            self._pools.clear()


def check(request: _Request) -> None:
    """Refuse what Go's client does not send (net/http Client.do, Transport.roundTrip)."""
    parts = urlsplit(request.url)
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name):
            raise ComponentError(f"net/http: invalid header field name {golang.quote(name)}")
        if _CONTROL.search(value):
            raise ComponentError(f"net/http: invalid header field value for {golang.quote(name)}")
    if parts.scheme not in ("http", "https"):
        raise ComponentError(f"unsupported protocol scheme {golang.quote(parts.scheme)}")
    if not parts.hostname:
        raise ComponentError("http: no Host in request URL")


def redirected(request: _Request, status: int, url: str) -> _Request:
    """The request that a redirect asks for (net/http, redirectBehavior and shouldCopyHeaderOnRedirect)."""
    before, after = urlsplit(request.url), urlsplit(url)
    headers = dict(request.headers)
    if before.hostname != after.hostname and not (after.hostname or "").endswith(f".{before.hostname}"):
        headers = {name: value for name, value in headers.items() if name not in SENSITIVE}
    if not (before.scheme == "https" and after.scheme == "http"):
        headers.setdefault("Referer", request.url)
    if status in (307, 308):
        return _Request(request.method, url, request.body, headers)
    return _Request("HEAD" if request.method == "HEAD" else "GET", url, None, without_body(headers))


def without_body(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers of a request whose body has been dropped (net/http, makeHeadersCopier)."""
    return {name: value for name, value in headers.items() if name not in OF_BODY}


def go_text(error: Exception, host: str, port: int) -> str:
    """What Go's client says when a server cannot be reached, or does not answer."""
    from urllib3 import exceptions

    match error:
        case exceptions.NameResolutionError():
            return f"dial tcp: lookup {host}: no such host"
        case exceptions.NewConnectionError() if isinstance(error.__cause__, OSError):
            reason = (error.__cause__.strerror or str(error.__cause__)).lower()
            return f"dial tcp {_address(host, port)}: connect: {reason}"
        case exceptions.ConnectTimeoutError():
            return f"dial tcp {_address(host, port)}: i/o timeout"
        case exceptions.TimeoutError():
            return "context deadline exceeded"
        case exceptions.ProtocolError():
            return "EOF"
    return str(error)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
