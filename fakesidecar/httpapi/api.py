"""An HTTP request from the first byte of its path to its response, whichever way it came."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from fakesidecar import golang
from fakesidecar.core import Core
from fakesidecar.errors import ApiError, WireFault
from fakesidecar.httpapi.invocation import INVOKE
from fakesidecar.httpapi.registry import ROUTES
from fakesidecar.httpapi.render import render_error
from fakesidecar.interceptors import http_filters, public_http_filters
from fakesidecar.interceptors.api_lists import http_api_lists, invoke_is_there
from fakesidecar.web import Answer, Filter, Request, Response, Route, go_error

BLOCKS = (
    "state",
    "secrets",
    "configuration",
    "lock",
    "actors",
    "bindings",
    "jobs",
    "conversation",
    "crypto",
    "pubsub",
    "workflow",
    "metadata",
    "health",
    "shutdown",
    "control",
)
"""The modules of this package that serve routes."""

for block in BLOCKS:
    import_module(f"{__package__}.{block}")

log = logging.getLogger("fakesidecar.http")

BROKEN_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")


@dataclass(frozen=True, slots=True)
class Ready:
    """A request that was understood: `begin()` carries it out, `run()` also waits for who else answers it."""

    begin: Callable[[], Answer]
    core: Core
    blocking: bool = False
    """Carrying it out may wait for something outside of this process, and is done on a thread."""
    streams: bool = False
    """It takes a body of unknown length as it comes."""

    def run(self) -> Response:
        """Carry the request out, on any thread but that of the sidecar's event loop."""
        answer = self.begin()
        return answer if isinstance(answer, Response) else self.core.invocation.submit(answer).result()


SAID = 2
"""How many segments every route begins with that are no parameters: `/v1.0/state`."""


class HttpApi:
    """The routes of a sidecar, as functions from a request to a response."""

    def __init__(
        self,
        core: Core,
        *,
        routes: Sequence[Route] | None = None,
        filters: Sequence[Filter] | None = None,
        otherwise: Callable[[HttpApi, Request], Response] | None = None,
    ) -> None:
        configuration = core.settings
        self.core = core
        self.filters: list[Filter] = list(http_filters(core) if filters is None else filters)
        """What every request passes, outermost first."""
        self._otherwise = otherwise or not_found
        self._fallback = INVOKE if otherwise is None and invoke_is_there(configuration) else None
        self._streams = not configuration.http_pipeline
        """Middleware sees bodies that are all there."""
        if routes is None:
            routes = list(filter(http_api_lists(configuration), ROUTES))
        self._routes: dict[tuple[str, ...], dict[str, list[Route]]] = {}
        """By what their paths begin with, which always is said in full, and by their methods."""
        for route in routes:
            self._routes.setdefault(route.pattern[:SAID], {}).setdefault(route.method, []).append(route)

    def prepare(self, request: Request) -> Ready:
        """Find out what a request asks for."""
        if "%" in request.path and BROKEN_ESCAPE.search(request.path):
            return Ready(bad_request, self.core)
        route = request.route = self.find(request) or self._fallback
        if route is None:
            return Ready(lambda: self._through(0, request), self.core)
        call = route.call(request)
        waits = self.core.faults.waits(call.block, call.operation)
        blocking = waits or route.blocking or self.core.blocking(call.block, call.component)
        return Ready(lambda: self._through(0, request), self.core, blocking, route.streams and self._streams)

    def find(self, request: Request) -> Route | None:
        """The route of a request; its parameters are put into the request, unescaped."""
        segments = clean_segments(request.path)
        for route in self._near(segments).get(request.method, ()):
            params = route.match(segments)
            if params is not None:
                request.params = {name: golang.query_unescape(value) for name, value in params.items()}
                return route
        return None

    def methods(self, request: Request) -> list[str]:
        """The methods that the path of a request is served with."""
        segments = clean_segments(request.path)
        return [
            method
            for method, routes in self._near(segments).items()
            if any(route.match(segments) is not None for route in routes)
        ]

    def _near(self, segments: list[str]) -> dict[str, list[Route]]:
        return self._routes.get(tuple(segments[:SAID]), {})

    def _through(self, depth: int, request: Request) -> Answer:
        try:
            if depth < len(self.filters):
                return self.filters[depth](request, lambda passed: self._through(depth + 1, passed))
            answer = self._answer(request)
        except WireFault:
            raise
        except Exception as error:
            return refusal(request, error)
        return answer if isinstance(answer, Response) else self._later(request, answer)

    async def _later(self, request: Request, answer: Awaitable[Response]) -> Response:
        try:
            return await answer
        except WireFault:
            raise
        except Exception as error:
            return refusal(request, error)

    def _answer(self, request: Request) -> Answer:
        route = request.route
        if route is None:
            return self._otherwise(self, request)
        if route.parameters is not None:
            request.params = route.parameters(request)
        answer: Answer = self.core.onion(route.call(request), lambda: route.function(self.core, request))
        return answer


def refusal(request: Request, error: Exception) -> Response:
    """The answer to a request that failed."""
    if isinstance(error, ApiError):
        return render_error(error)
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return render_error(ApiError(message=f"the sidecar failed: {error!r}"))


def public_api(core: Core) -> HttpApi:
    """What is served on the public port (`--dapr-public-port`): health and metadata."""
    return HttpApi(
        core,
        routes=[route for route in ROUTES if route.public],
        filters=public_http_filters(core),
        otherwise=not_public,
    )


# --- requests that no route serves -------------------------------------------------------------------------------


def not_found(api: HttpApi, request: Request) -> Response:
    """What Go's router says when there is nothing, not even apps to hand the request to."""
    return go_error(404, "404 page not found")


def not_public(api: HttpApi, request: Request) -> Response:
    """Not on the public port, or not with this method."""
    if methods := api.methods(request):
        return Response(405, [("allow", ", ".join(methods))])
    return not_found(api, request)


def bad_request() -> Response:
    """What Go's HTTP server itself answers to a path that cannot be unescaped."""
    return Response(400, [("content-type", "text/plain; charset=utf-8")], b"400 Bad Request")


def clean_segments(path: str) -> list[str]:
    """The segments of a path without empty ones, `.` and `..` (chi's CleanPath and StripSlashes)."""
    out: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del out[-1:]
        elif part not in ("", "."):
            out.append(part)
    return out
