"""HTTP as the sidecar sees it: requests, responses, what they pass on their way, and the routes that they ask for."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from fakesidecar import golang
from fakesidecar.call import Call
from fakesidecar.trace import NO_SPAN, Span

if TYPE_CHECKING:
    from fakesidecar.app import AppStream

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Request:
    """An HTTP request, its body read."""

    method: str
    path: str
    """As it was sent: escaped, without the query."""
    query: str = ""
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    body_error: str = ""
    """Why the body is not all there (`stream too large`), empty when it is."""
    stream: AsyncIterable[bytes] | None = None
    """The body as it comes, in the place of `body`; only where the route says `streams`."""
    params: dict[str, str] = field(default_factory=dict)
    """The parts of the path that the route names, unescaped."""
    remote: str = ""
    """Who sent it: address and port, empty for what did not come through a port."""
    route: Route | None = None
    """What the path was found to ask for."""
    span: Span = NO_SPAN
    """The span of the call."""

    def header(self, name: str) -> str | None:
        """The first header of a name (lower case)."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def header_values(self, name: str) -> list[str]:
        """All headers of a name (lower case)."""
        return [value for key, value in self.headers if key.lower() == name]

    def query_values(self, name: str) -> list[str]:
        """All values of a query parameter."""
        return [value for key, value in parse_qsl(self.query, keep_blank_values=True) if key == name]

    def query_value(self, name: str) -> str:
        """The first value of a query parameter, empty when there is none."""
        return next(iter(self.query_values(name)), "")

    @property
    def metadata(self) -> dict[str, str]:
        """`metadata.key=value` of the query: the first value of each key counts."""
        out: dict[str, str] = {}
        for key, value in parse_qsl(self.query, keep_blank_values=True):
            if key.startswith("metadata."):
                out.setdefault(key.removeprefix("metadata."), value)
        return out


@dataclass(slots=True)
class Response:
    """An HTTP response."""

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    traced: bool = True
    """False when daprd's handler ends before it writes a status: then no trace headers are added."""
    stream: AppStream | None = None
    """The body as it comes, in the place of `body`; whoever sends the response closes it."""
    breaks_after: int | None = None
    """Bytes of the body after which the connection breaks; None: it does not."""
    drip: tuple[int, float] | None = None
    """Bytes that are sent at a time, and seconds between; None: all at once."""


Answer = Response | Awaitable[Response]
"""What a function answers at once, or when others have answered it."""


def then(answer: Answer, do: Callable[[Response], Response]) -> Answer:
    """Do something with a response, now or when it is there."""
    if isinstance(answer, Response):
        return do(answer)

    async def later() -> Response:
        return do(await answer)

    return later()


Filter = Callable[[Request, Callable[[Request], Answer]], Answer]
"""What a request passes on its way in, and (with `then`) the response on its way out."""


NO_CONTENT = 204


def empty() -> Response:
    """204, nothing to say."""
    return Response(NO_CONTENT)


def go_error(status: int, text: str) -> Response:
    """A plain text error as Go's http.Error writes it."""
    headers = [("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")]
    return Response(status, headers, f"{text}\n".encode())


def json_response(
    value: Any, status: int = 200, *, newline: bool = False, headers: Iterable[tuple[str, str]] = ()
) -> Response:
    """JSON as Go writes it; `newline` for what upstream writes with an Encoder."""
    body = golang.marshal(value) + (b"\n" if newline else b"")
    return Response(status, [("content-type", "application/json"), *headers], body)


@dataclass(frozen=True, slots=True)
class Route:
    """A route and the function that serves it."""

    method: str
    pattern: tuple[str, ...]
    """The segments of the path: `{name}` takes one, `{name...}` (last) all that are left."""
    function: Callable[..., Answer]
    """Takes the core and the request."""
    block: str
    operation: str
    component_param: str
    target_param: str
    always_allowed: bool = False
    """No list closes it, and no API token is asked for."""
    public: bool = False
    """It is on the public port, too."""
    blocking: bool = False
    """It may take its time, whichever component it is for."""
    streams: bool = False
    """It takes a body of unknown length as it comes."""
    parameters: Callable[[Request], dict[str, str]] | None = None
    """Finds the parameters, when that takes more than the pattern; it sees what middleware made of the request."""
    targets_path: str = ""
    """Where in the request the targets are, when there may be many: `body.key`."""

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The path's parameters, still escaped; None when the path is not of this route."""
        params: dict[str, str] = {}
        for position, part in enumerate(self.pattern):
            if part.endswith("...}"):
                params[part[1:-4]] = "/".join(segments[position:])
                return params if position < len(segments) else None
            if position >= len(segments):
                return None
            if part.startswith("{"):
                params[part[1:-1]] = segments[position]
            elif part != segments[position]:
                return None
        return params if len(segments) == len(self.pattern) else None

    def call(self, request: Request) -> Call:
        """The request as interceptors see it."""
        return Call(
            self.block,
            self.operation,
            request.params.get(self.component_param, ""),
            request.params.get(self.target_param, ""),
            tuple(request.headers),
            "http",
            request,
            self.targets_path,
        )
