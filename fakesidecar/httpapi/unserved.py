"""Routes of Dapr's API that this sidecar does not serve yet: they say so, rather than that there is nothing."""

from __future__ import annotations

from fakesidecar.core import Core
from fakesidecar.errors import NotServed
from fakesidecar.httpapi.registry import Request, Response, route

ANY = "GET HEAD POST PUT PATCH DELETE OPTIONS"
ACTOR = "/v1.0/actors/{type}/{id}"

UNSERVED = (
    ("service invocation", ANY, ("/v1.0/invoke/{app}/method", "/v1.0/invoke/{app}/method/{method...}")),
    ("actors", "GET POST PUT DELETE", (f"{ACTOR}/method/{{method}}", f"{ACTOR}/{{part}}/{{name}}")),
    ("actors", "POST PUT", (f"{ACTOR}/state",)),
    ("cryptography", "PUT", ("/v1.0-alpha1/crypto/{name}/encrypt", "/v1.0-alpha1/crypto/{name}/decrypt")),
    (
        "conversation",
        "POST",
        ("/v1.0-alpha1/conversation/{name}/converse", "/v1.0-alpha2/conversation/{name}/converse"),
    ),
    ("jobs", "GET POST DELETE", ("/v1.0/jobs/{name}", "/v1.0-alpha1/jobs/{name}")),
    (
        "workflows",
        "GET POST",
        ("/v1.0/workflows/{rest...}", "/v1.0-beta1/workflows/{rest...}", "/v1.0-alpha1/workflows/{rest...}"),
    ),
)
"""Building block, methods, paths."""


def refuse_all() -> None:
    """Register every route that is not served."""
    for block, methods, paths in UNSERVED:

        def refuse(core: Core, request: Request, block: str = block) -> Response:
            raise NotServed(api=block)

        route(methods, *paths, call="unserved.call")(refuse)


refuse_all()
