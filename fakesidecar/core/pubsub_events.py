"""Cloud events as daprd makes them (components-contrib pubsub/envelope.go, dapr pkg/runtime/pubsub/cloudevents.go).

The envelope is daprd's own: which fields it has, what becomes of a body of each content type, and which
metadata of a publish enters it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fakesidecar import golang
from fakesidecar.golang import GoError
from fakesidecar.trace import Span

if TYPE_CHECKING:
    from fakesidecar.clock import Clock
    from fakesidecar.ids import Ids

Event = dict[str, Any]
"""A cloud event as decoded JSON."""

SPEC_VERSION = "1.0"
TYPE = "com.dapr.event.sent"
BULK_TYPE = "com.dapr.event.sent.bulk"
SOURCE = "Dapr"
TEXT = "text/plain"
JSON = "application/json"
CLOUD_EVENT = "application/cloudevents+json"
BINARY = "application/octet-stream"
BINARIES = (BINARY, "application/cloudevents+protobuf", "application/x-protobuf")

OVERRIDES = ("id", "source", "type", "subject", "traceid", "traceparent", "tracestate")
"""The fields that metadata of the name `cloudevent.FIELD` replaces."""
TTL = ("ttl", "ttlinseconds")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an event comes from, and where it goes."""

    pubsub: str
    topic: str
    source: str
    trace: Span
    state: str = ""

    @property
    def parent(self) -> str:
        """`traceid` and `traceparent` of the event, empty when there is no trace."""
        return self.trace.traceparent if self.trace.valid else ""


def media_type(content_type: str) -> str:
    """A content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def new_event(
    data: bytes, content_type: str, metadata: Mapping[str, str], origin: Origin, *, clock: Clock, ids: Ids
) -> Event:
    """The event of a publish; raises `GoError` when what is said to be a cloud event is none."""
    if media_type(content_type) == CLOUD_EVENT:
        return given_event(data, origin, clock)
    said = {key.lower(): value for key, value in metadata.items()}
    fields = {name: said.get(f"cloudevent.{name}", "") for name in OVERRIDES}
    parent = fields["traceparent"] or fields["traceid"] or origin.parent
    event: Event = {
        "id": fields["id"] or ids.uuid(),
        "source": said.get("cloudevent.source", origin.source) or SOURCE,
        "type": fields["type"] or TYPE,
        "specversion": SPEC_VERSION,
        "datacontenttype": content_type or TEXT,
        "topic": origin.topic,
        "pubsubname": origin.pubsub,
        "traceid": parent,
        "traceparent": parent,
        "tracestate": fields["tracestate"] or origin.state,
        "time": golang.format_rfc3339(clock.now(), utc=False),
        **data_fields(data, content_type),
    }
    if fields["subject"]:
        event["subject"] = fields["subject"]
    return event


def data_fields(data: bytes, content_type: str) -> Event:
    """`data` or `data_base64`, as the content type says."""
    kind = media_type(content_type)
    if kind == JSON:
        try:
            return {"data": golang.decode_first(data, use_number=True)}
        except GoError:
            return {"data": text_of(data)}
    if kind in BINARIES:
        return {"data_base64": base64.b64encode(data).decode()}
    return {"data": text_of(data)}


def text_of(data: bytes) -> str:
    """Bytes as text; those that are not UTF-8 become U+FFFD when they are written."""
    return data.decode("utf-8", "surrogateescape")


def given_event(data: bytes, origin: Origin, clock: Clock) -> Event:
    """A cloud event that the publisher has made, completed; raises `GoError` when it is none."""
    event = golang.decode_first(data, use_number=True)
    if not isinstance(event, dict):
        golang.decode_first(data, golang.MapOf(golang.ANY))  # raises Go's complaint of every other kind of JSON
        raise GoError("cloud event is null")  # daprd itself does not survive a null
    event["topic"], event["pubsubname"] = origin.topic, origin.pubsub
    if "traceid" not in event:
        event["traceid"] = event["traceparent"] = origin.parent
    event.setdefault("tracestate", origin.state)
    event.setdefault("time", golang.format_rfc3339(clock.now(), utc=False))
    for name, value in (("source", SOURCE), ("type", TYPE), ("specversion", SPEC_VERSION)):
        if event.get(name) is None:
            event[name] = value
    return event


def raw_event(data: bytes, topic: str, pubsub: str, ids: Ids) -> Event:
    """The event that a raw message is wrapped in for those who want raw messages."""
    return {
        "id": ids.uuid(),
        "specversion": SPEC_VERSION,
        "datacontenttype": BINARY,
        "source": SOURCE,
        "type": TYPE,
        "topic": topic,
        "pubsubname": pubsub,
        "data_base64": base64.b64encode(data).decode(),
    }


def wants_raw(metadata: Mapping[str, str]) -> bool:
    """Whether metadata asks for raw messages; raises `ValueError` with the value when it says neither yes nor no."""
    value = metadata.get("rawPayload", "")
    if not value:
        return False
    try:
        return golang.parse_bool(value)
    except GoError as error:
        raise ValueError(value) from error


# --- expiry -------------------------------------------------------------------------------------------------------


def lifetime(metadata: Mapping[str, str]) -> float | None:
    """The seconds that `ttlInSeconds` gives a message; None when it says nothing that can be understood."""
    text = next((value for key, value in metadata.items() if key.lower() in TTL and value), "")
    if not text:
        return None
    try:
        return golang.parse_duration(text)
    except GoError:
        pass
    try:
        seconds = golang.parse_int(text)
    except GoError:
        return None
    return float(seconds) if seconds > 0 else None


def expire(event: Event, metadata: Mapping[str, str], clock: Clock) -> None:
    """Have an event expire when its metadata says so."""
    seconds = lifetime(metadata)
    if seconds is not None:
        event["expiration"] = golang.format_rfc3339(clock.now() + seconds)


def has_expired(event: Mapping[str, Any], clock: Clock) -> bool:
    """Whether an event is not to be delivered any more."""
    expiration = event.get("expiration")
    if not expiration:
        return False
    try:
        moment = datetime.fromisoformat(str(expiration))
    except ValueError:
        return False
    return moment.tzinfo is not None and moment.timestamp() <= clock.now()
