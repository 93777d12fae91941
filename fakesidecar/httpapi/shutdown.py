"""The shutdown API over HTTP (dapr pkg/api/http/shutdown.go)."""

from __future__ import annotations

from fakesidecar.core import Core
from fakesidecar.core.shutdown import FORCE, is_forced
from fakesidecar.httpapi.registry import route
from fakesidecar.web import Request, Response, empty


@route("POST", "/v1.0/shutdown", call="shutdown.shutdown")
def shutdown(core: Core, request: Request) -> Response:
    core.on_shutdown(is_forced(request.header(FORCE)))
    return empty()
