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
from fakesidecar.trace import NO_SPAN, SAMPLED, BrokenBaggage, Span, parse_baggage, parse_span
from fakesidecar.web import Answer, Filter, Request, Response, go_error, then

if TYPE_CHECKING:
    from fakesidecar.core import Core
    from fakesidecar.grpcapi.registry import Context
    from fakesidecar.ids import Ids
    from fakesidecar.resources.configuration import Tracing

DEFAULT_RATE = 1e-4
HEALTH = "/healthz"
"""Paths that contain it have nothing to do with traces."""


class Tracer:
    """Gives every call its span."""

    def __init__(self, tracing: Tracing, ids: Ids) -> None:
        exports = tracing.stdout or tracing.zipkin_endpoint or tracing.otel_endpoint
        self.records = bool(tracing.sampling_rate or exports)
        """Whether calls are spans of their own."""
        self._rate = sampling_rate(tracing.sampling_rate)
        self._ids = ids

    @property
    def enabled(self) -> bool:
        """Whether there are trace headers at all."""
        return self._rate != 0

    def span(self, parent: str | None, state: str | None) -> Span:
        """The span of a call whose caller sent these headers."""
        caller = parse_span(parent, state) if parent else NO_SPAN
        if not self.records:
            return caller
        span_id = self._ids.token_bytes(8).hex()
        if caller.valid:
            return caller.child(span_id)
        trace = self._ids.token_bytes(16)
        return Span(trace.hex(), span_id, SAMPLED if self._samples(trace) else 0)

    def _samples(self, trace: bytes) -> bool:
        # opentelemetry-go sdk/trace, TraceIDRatioBased
        return int.from_bytes(trace[8:]) >> 1 < self._rate * (1 << 63)


def sampling_rate(text: str) -> float:
    """A sampling rate as daprd reads it: the default for what is no number (dapr pkg/diagnostics/utils)."""
    try:
        return float(text)
    except ValueError:
        return DEFAULT_RATE


def trace_headers(core: Core, span: Span) -> list[tuple[str, str]]:
    """What an application that is called over HTTP is told of the call's span."""
    if not Tracer(core.settings.tracing, core.around.ids).enabled:
        return []
    state = [("tracestate", span.state)] if span.state else []
    return [("traceparent", span.traceparent), *state]


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
