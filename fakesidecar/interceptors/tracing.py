"""Trace headers: which span a call belongs to, and what the caller is told of it (dapr pkg/diagnostics).

What daprd does depends on the Configuration's `spec.tracing`:

- nothing said: the caller's span is the call's, unchanged;
- a sampling rate, or somewhere to send spans to: every call is a span of its own, of the caller's trace or of a
  new one;
- the sampling rate 0: no trace headers at all.

Over gRPC the caller gets its baggage back, and nothing else; InvokeService says more (see there).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fakesidecar.errors import InvalidBaggage
from fakesidecar.trace import BrokenBaggage, Tracer, parse_baggage
from fakesidecar.web import Answer, Filter, Request, Response, go_error, then

if TYPE_CHECKING:
    from fakesidecar.grpcapi.registry import Context

HEALTH = "/healthz"
"""Paths that contain it have nothing to do with traces."""


def http_tracing(tracer: Tracer) -> Filter:
    """Read the caller's trace headers, and answer with the call's."""

    def trace(request: Request, proceed: Callable[[Request], Answer]) -> Answer:
        if HEALTH in request.path:
            return proceed(request)
        baggage = ",".join(value for value in request.header_values("baggage"))
        try:
            if baggage:
                parse_baggage(baggage)
        except BrokenBaggage as error:
            return go_error(400, InvalidBaggage(cause=error).message)
        span = request.span = tracer.span(request.header("traceparent"), request.header("tracestate"))

        def tell(response: Response) -> Response:
            told = {key.lower() for key, _ in response.headers}
            if response.traced and "traceparent" not in told:  # an application's own wins
                response.headers.append(("traceparent", span.traceparent))
                if span.state and "tracestate" not in told:
                    response.headers.append(("tracestate", span.state))
            if baggage:
                response.headers.append(("baggage", baggage))
            return response

        return then(proceed(request), tell)

    return trace


def grpc_tracing(tracer: Tracer) -> Callable[[str, Context], None]:
    """Read the caller's trace metadata, and send back its baggage."""

    def trace(path: str, context: Context) -> None:
        parent = state = baggage = ""
        for key, value in context.metadata:
            if key == "baggage":
                baggage = baggage or str(value)
            elif key == "traceparent":
                parent = parent or str(value)
            elif key == "tracestate":
                state = state or str(value)
        if baggage:
            try:
                context.header.append(("baggage", parse_baggage(baggage)))
            except BrokenBaggage as error:
                raise InvalidBaggage(cause=error) from error
        if parent or tracer.records:
            context.span = tracer.span(parent, state)

    return trace
