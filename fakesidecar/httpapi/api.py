"""An HTTP request from the first byte of its path to its response, whichever way it came."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from fakesidecar import golang
from fakesidecar.core import Core
from fakesidecar.errors import ApiError, NoTargetApp
from fakesidecar.httpapi.registry import ROUTES, Request, Response, Route
from fakesidecar.httpapi.render import render_error

BLOCKS = ("state",)
"""The modules of this package that serve routes."""

for block in BLOCKS:
    import_module(f"{__package__}.{block}")

log = logging.getLogger("fakesidecar.http")

Filter = Callable[[Request, Callable[[Request], Response]], Response]


@dataclass(frozen=True, slots=True)
class Ready:
    """A request that was understood: `run()` carries it out."""

    run: Callable[[], Response]
    blocking: bool
    """Carrying it out may wait for something outside of this process."""


class HttpApi:
    """Every route of a sidecar, as functions from a request to a response."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.filters: list[Filter] = []
        """What every request passes, outermost first."""
        self._by_method: dict[str, list[Route]] = {}
        for route in ROUTES:
            self._by_method.setdefault(route.method, []).append(route)

    def prepare(self, request: Request) -> Ready:
        """Find out what a request asks for."""
        route = self.find(request)
        blocking = False
        if route is not None:
            call = route.call(request)
            blocking = self.core.blocking(call.block, call.component)
        return Ready(lambda: self._through(0, request), blocking)

    def find(self, request: Request) -> Route | None:
        """The route of a request; its parameters are put into the request, unescaped."""
        segments = clean_segments(request.path)
        for route in self._by_method.get(request.method, ()):
            params = route.match(segments)
            if params is not None:
                request.params = params
                return route
        return None

    def _through(self, depth: int, request: Request) -> Response:
        try:
            if depth < len(self.filters):
                return self.filters[depth](request, lambda passed: self._through(depth + 1, passed))
            return self._answer(request)
        except ApiError as error:
            return render_error(error)
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            return render_error(ApiError(message=f"the sidecar failed: {error!r}"))

    def _answer(self, request: Request) -> Response:
        route = self.find(request)
        if route is None:
            raise NoTargetApp
        for name, value in request.params.items():
            try:
                request.params[name] = golang.query_unescape(value)
            except golang.GoError as error:
                text = f'failed to unescape request parameter "{name}". Error: {error}'
                return Response(400, [("content-type", "text/plain; charset=utf-8")], text.encode())
        answer: Response = self.core.onion(route.call(request), lambda: route.function(self.core, request))
        return answer


def clean_segments(path: str) -> list[str]:
    """The segments of a path without empty ones, `.` and `..` (chi's CleanPath and StripSlashes)."""
    out: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del out[-1:]
        elif part not in ("", "."):
            out.append(part)
    return out
