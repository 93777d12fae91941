"""W3C trace context and baggage: what `traceparent`, `tracestate` and `baggage` say, and which span a call is given.

Read as daprd reads them (dapr pkg/diagnostics/utils, opentelemetry-go propagation and baggage).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from string import ascii_letters, digits
from typing import TYPE_CHECKING

from fakesidecar import golang
from fakesidecar.golang import GoError

if TYPE_CHECKING:
    from fakesidecar.ids import Ids
    from fakesidecar.resources.configuration import Tracing

SAMPLED = 1
NEWEST_VERSION = 0xFE
MAX_MEMBERS = 32


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a trace."""

    trace_id: str = "0" * 32
    """32 lower-case hexadecimal digits."""
    span_id: str = "0" * 16
    flags: int = 0
    state: str = ""
    """`tracestate`, its members normalised."""

    @property
    def valid(self) -> bool:
        """Whether there is a trace at all."""
        return self is not NO_SPAN

    @property
    def traceparent(self) -> str:
        """The span as a header; all zeros when there is no trace."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    def child(self, span_id: str) -> Span:
        """The next step of the same trace."""
        return replace(self, span_id=span_id)


NO_SPAN = Span()
"""Where there is no trace."""

_PARENT = re.compile(
    r"(?P<version>[0-9a-fA-F]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>(?:[0-9a-fA-F]{2})+)"
    r"(?P<more>-.*)?",
    re.DOTALL,
)


def parse_span(parent: str | None, state: str | None = None) -> Span:
    """The span that a caller's `traceparent` and `tracestate` name; `NO_SPAN` when they name none."""
    found = _PARENT.fullmatch(parent) if parent else None
    if found is None:
        return NO_SPAN
    version = int(found["version"], 16)
    # Versions to come may have more parts; of theirs, the four known ones count.
    if version > NEWEST_VERSION or (version == 0 and found["more"]):
        return NO_SPAN
    if not found["trace"].strip("0") or not found["span"].strip("0"):
        return NO_SPAN
    return Span(found["trace"], found["span"], int(found["flags"][:2], 16), parse_state(state or ""))


_STATE_KEY = re.compile(r"[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}")
_STATE_VALUE = re.compile(r"[ -+\--<>-~]{0,255}[!-+\--<>-~]")


def parse_state(text: str) -> str:
    """A `tracestate`, its members normalised; empty when a member is broken, or there are too many."""
    members: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        key, value = key.lstrip(" \t"), value.rstrip(" \t")
        if not equals or key in members or not _STATE_KEY.fullmatch(key) or not _STATE_VALUE.fullmatch(value):
            return ""
        members[key] = value
    return ",".join(f"{key}={value}" for key, value in members.items()) if len(members) <= MAX_MEMBERS else ""


DEFAULT_RATE = 1e-4


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

    def headers(self, span: Span) -> list[tuple[str, str]]:
        """What an application that is called over HTTP is told of the call's span."""
        if not self.enabled:
            return []
        state = [("tracestate", span.state)] if span.state else []
        return [("traceparent", span.traceparent), *state]

    def _samples(self, trace: bytes) -> bool:
        # opentelemetry-go sdk/trace, TraceIDRatioBased
        return int.from_bytes(trace[8:]) >> 1 < self._rate * (1 << 63)


def sampling_rate(text: str) -> float:
    """A sampling rate as daprd reads it: the default for what is no number (dapr pkg/diagnostics/utils)."""
    try:
        return float(text)
    except ValueError:
        return DEFAULT_RATE


# --- baggage -----------------------------------------------------------------------------------------------------

MAX_BAGGAGE_BYTES = 8192
MAX_BAGGAGE_MEMBERS = 64

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAGGAGE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
_PROPERTY = re.compile(r"\s*[!#$%&'*+\-.^_`|~0-9A-Za-z]+\s*(=\s*[!#-+\--:<-\[\]-~]*\s*)?")
_KEPT = frozenset(ascii_letters + digits + "!#$&'()*+-./:<=>?@[]^_`{|}~")


class BrokenBaggage(ValueError):
    """A `baggage` header that is none; the text says what is wrong with it."""


def parse_baggage(text: str) -> str:
    """A `baggage` header, its members normalised; the last of equal keys counts. Raises `BrokenBaggage`."""
    size = len(text.encode(errors="surrogateescape"))
    if size > MAX_BAGGAGE_BYTES:
        raise BrokenBaggage(f"baggage-string too large: {size}")
    members: dict[str, str] = {}
    for part in text.split(","):
        key, member = _parse_member(part)
        members[key] = member
    if len(members) > MAX_BAGGAGE_MEMBERS:
        raise BrokenBaggage("too many list-members in baggage-string")
    return ",".join(members.values())


def _parse_member(part: str) -> tuple[str, str]:
    member, semicolon, rest = part.partition(";")
    properties = rest.split(";") if semicolon else []
    for one in properties:
        if one and not _PROPERTY.fullmatch(one):
            raise BrokenBaggage(f"invalid baggage list-member property: {golang.quote(one)}")
    key, equals, value = member.partition("=")
    if not equals:
        raise BrokenBaggage(f"invalid baggage list-member: {golang.quote(part)}")
    if not _TOKEN.fullmatch(key := key.strip()):
        raise BrokenBaggage(f"invalid key: {golang.quote(key)}")
    if not _BAGGAGE_VALUE.fullmatch(value.strip()):
        raise BrokenBaggage(f"invalid value: {golang.quote(value)}")
    try:
        decoded = golang.path_unescape(value.strip())
    except GoError as error:
        raise BrokenBaggage(f"invalid value: {error}") from error
    return key, ";".join([f"{key}={_escape(decoded)}", *(one.strip() for one in properties)])


def _escape(value: str) -> str:
    # Bytes that are no UTF-8 become U+FFFD first, as in opentelemetry-go.
    raw = value.encode(errors="surrogateescape").decode(errors="replace").encode()
    return "".join(chr(byte) if chr(byte) in _KEPT else f"%{byte:02X}" for byte in raw)
