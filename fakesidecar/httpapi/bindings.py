"""The bindings API over HTTP (dapr pkg/api/http/http.go)."""

from __future__ import annotations

from collections.abc import Mapping

from fakesidecar import golang
from fakesidecar.core import Core
from fakesidecar.errors import InvokeBindingFailed
from fakesidecar.httpapi.bodies import TEXTS, decode
from fakesidecar.httpapi.registry import route
from fakesidecar.httpapi.render import render_error
from fakesidecar.trace import sampling_rate
from fakesidecar.web import Headers, Request, Response, empty

REQUEST = golang.Struct(
    "http.OutputBindingRequest",
    (golang.Field("metadata", TEXTS), golang.Field("data", golang.ANY), golang.Field("operation", golang.TEXT)),
)


@route("POST PUT", "/v1.0/bindings/{name}", call="bindings.invoke", component="name")
def invoke_binding(core: Core, request: Request) -> Response:
    asked = decode(request, REQUEST)
    metadata = {**(asked["metadata"] or {}), **trace(core, request)}
    data = golang.marshal(asked["data"])
    try:
        reply = core.bindings.invoke(request.params["name"], asked["operation"], data, metadata=metadata)
    except InvokeBindingFailed as error:
        response = render_error(error)
        response.headers += as_headers(error.metadata)
        return response
    if reply is None:
        return empty()
    return Response(200, [("content-type", "application/json"), *as_headers(reply.metadata)], reply.data)


def trace(core: Core, request: Request) -> dict[str, str]:
    """How the trace goes on at the other end of the binding."""
    if sampling_rate(core.settings.tracing.sampling_rate) == 0:
        return {}
    out = {"traceparent": request.span.traceparent}
    if request.span.state:
        out["tracestate"] = request.span.state
    if baggage := ",".join(request.header_values("baggage")):
        out["baggage"] = baggage
    return out


def as_headers(metadata: Mapping[str, str]) -> Headers:
    """Metadata of a reply as headers of the response."""
    return [(f"metadata.{name}", value) for name, value in metadata.items()]
