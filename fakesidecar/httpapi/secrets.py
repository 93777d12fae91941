"""The secrets API over HTTP (dapr pkg/api/http/secrets.go)."""

from __future__ import annotations

from fakesidecar.core import Core
from fakesidecar.httpapi.registry import route
from fakesidecar.web import Request, Response, empty, json_response


@route("GET", "/v1.0/secrets/{store}/bulk", call="secrets.bulk_get", component="store")
def get_bulk_secret(core: Core, request: Request) -> Response:
    found = core.secrets.bulk_get(request.params["store"], metadata=request.metadata)
    return json_response({name: dict(secret) for name, secret in found.items()}, newline=True)


@route("GET", "/v1.0/secrets/{store}/{key}", call="secrets.get", component="store", target="key")
def get_secret(core: Core, request: Request) -> Response:
    secret = core.secrets.get(request.params["store"], request.params["key"], metadata=request.metadata)
    return empty() if secret is None else json_response(dict(secret), newline=True)
