"""Cross-origin requests (`--allowed-origins`), as github.com/go-chi/cors answers them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from fakesidecar import golang
from fakesidecar.web import Answer, Filter, Request, Response, then

if TYPE_CHECKING:
    from collections.abc import Iterable

METHODS = frozenset({"HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ASKED_METHOD = "access-control-request-method"
ASKED_HEADERS = "access-control-request-headers"


class Origins:
    """The origins that may call."""

    def __init__(self, text: str) -> None:
        origins = [origin.strip().lower() for origin in text.split(",")]
        self.all = "*" in origins
        self._patterns = [re.compile(".*".join(map(re.escape, origin.split("*", 1)))) for origin in origins]

    def answer(self, origin: str | None) -> str | None:
        """What `access-control-allow-origin` says to an origin; None when it may not call."""
        if not origin:
            return None
        if self.all:
            return "*"
        lower = origin.lower()
        return origin if any(pattern.fullmatch(lower) for pattern in self._patterns) else None


def http_cors(allowed_origins: str) -> Filter:
    """Answer preflights, and tell browsers who may read the rest."""
    origins = Origins(allowed_origins)

    def cors(request: Request, proceed: Callable[[Request], Answer]) -> Answer:
        method = request.header(ASKED_METHOD)
        if request.method == "OPTIONS" and method:
            return preflight(request, method)
        return then(proceed(request), lambda response: tell(request, response))

    def tell(request: Request, response: Response) -> Response:
        response.headers.append(("vary", "Origin"))
        origin = origins.answer(request.header("origin"))
        if origin is not None and request.method in METHODS:
            response.headers.append(("access-control-allow-origin", origin))
        return response

    def preflight(request: Request, method: str) -> Response:
        headers = [("vary", "Origin"), ("vary", "Access-Control-Request-Method")]
        headers.append(("vary", "Access-Control-Request-Headers"))
        origin, method = origins.answer(request.header("origin")), method.upper()
        if origin is not None and method in METHODS:
            headers += [("access-control-allow-origin", origin), ("access-control-allow-methods", method)]
            if asked := canonical(re.split(r"[,\s]+", request.header(ASKED_HEADERS) or "")):
                headers.append(("access-control-allow-headers", asked))
        return Response(200, headers)

    return cors


def canonical(names: Iterable[str]) -> str:
    """Names of headers, spelt as Go does."""
    return ", ".join(golang.canonical_header_key(name) for name in names if name)
