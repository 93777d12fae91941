"""An HTTP request from the first byte of its path to its response, whichever way it came."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from fakesidecar import golang
from fakesidecar.core import Core
from fakesidecar.errors import ApiError, NoTargetApp, NotServed, WireFault
from fakesidecar.httpapi.registry import ROUTES, Filter, Request, Response, Route, go_error
from fakesidecar.httpapi.render import render_error
from fakesidecar.interceptors import http_filters, public_http_filters
from fakesidecar.interceptors.api_lists import http_api_lists, invoke_is_there

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
    "unserved",
)
"""The modules of this package that serve routes."""

for block in BLOCKS:
    import_module(f"{__package__}.{block}")

log = logging.getLogger("fakesidecar.http")

BROKEN_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")


@dataclass(frozen=True, slots=True)
class Ready:
    """A request that was understood: `run()` carries it out."""

    run: Callable[[], Response]
    blocking: bool
    """Carrying it out may wait for something outside of this process."""


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
        self._otherwise = otherwise or (no_target if invoke_is_there(configuration) else not_found)
        if routes is None:
            routes = list(filter(http_api_lists(configuration), ROUTES))
        self._by_method: dict[str, list[Route]] = {}
        for route in routes:
            self._by_method.setdefault(route.method, []).append(route)

    def prepare(self, request: Request) -> Ready:
        """Find out what a request asks for."""
        if "%" in request.path and BROKEN_ESCAPE.search(request.path):
            return Ready(bad_request, blocking=False)
        route = request.route = self.find(request)
        blocking = False
        if route is not None:
            call = route.call(request)
            waits = self.core.faults.waits(call.block, call.operation)
            blocking = waits or route.blocking or self.core.blocking(call.block, call.component)
        return Ready(lambda: self._through(0, request), blocking)

    def find(self, request: Request) -> Route | None:
        """The route of a request; its parameters are put into the request, unescaped."""
        segments = clean_segments(request.path)
        for route in self._by_method.get(request.method, ()):
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
            for method, routes in self._by_method.items()
            if any(route.match(segments) is not None for route in routes)
        ]

    def _through(self, depth: int, request: Request) -> Response:
        try:
            if depth < len(self.filters):
                return self.filters[depth](request, lambda passed: self._through(depth + 1, passed))
            return self._answer(request)
        except WireFault:
            raise
        except ApiError as error:
            return render_error(error)
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            return render_error(ApiError(message=f"the sidecar failed: {error!r}"))

    def _answer(self, request: Request) -> Response:
        route = request.route
        if route is None:
            return self._otherwise(self, request)
        answer: Response = self.core.onion(route.call(request), lambda: route.function(self.core, request))
        return answer


def public_api(core: Core) -> HttpApi:
    """What is served on the public port (`--dapr-public-port`): health and metadata."""
    return HttpApi(
        core,
        routes=[route for route in ROUTES if route.public],
        filters=public_http_filters(core),
        otherwise=not_public,
    )


# --- requests that no route serves -------------------------------------------------------------------------------


def no_target(api: HttpApi, request: Request) -> Response:
    """Every path that is no API's is an app's, if one is named (dapr pkg/api/http/directmessaging.go)."""
    if request.header("dapr-app-id"):
        raise NotServed(api="service invocation")
    raise NoTargetApp


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
