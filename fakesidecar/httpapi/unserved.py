"""Routes of Dapr's API that this sidecar does not serve yet: they say so, rather than that there is nothing."""

from __future__ import annotations

from fakesidecar.core import Core
from fakesidecar.errors import NotServed
from fakesidecar.httpapi.registry import Request, Response, route

ANY = "GET HEAD POST PUT PATCH DELETE OPTIONS"

UNSERVED = (("service invocation", ANY, ("/v1.0/invoke/{app}/method", "/v1.0/invoke/{app}/method/{method...}")),)
"""Building block, methods, paths."""


def refuse_all() -> None:
    """Register every route that is not served."""
    for block, methods, paths in UNSERVED:

        def refuse(core: Core, request: Request, block: str = block) -> Response:
            raise NotServed(api=block)

        route(methods, *paths, call="unserved.call")(refuse)


refuse_all()
