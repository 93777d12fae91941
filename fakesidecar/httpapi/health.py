"""The health API (dapr pkg/api/http/healthz.go); gRPC has none."""

from __future__ import annotations

from fakesidecar.core import Core
from fakesidecar.httpapi.registry import route
from fakesidecar.web import Request, Response, empty


@route("GET", "/v1.0/healthz", call="health.check", always_allowed=True, public=True)
def healthz(core: Core, request: Request) -> Response:
    values = request.query_values("appid")
    core.health.check(values[0] if values else None)
    return empty()


@route("GET", "/v1.0/healthz/outbound", call="health.check_outbound", always_allowed=True, public=True)
def healthz_outbound(core: Core, request: Request) -> Response:
    core.health.check_outbound()
    return empty()
