"""Pub/sub: what is published, what is delivered, and what is said of a delivery."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from importlib import import_module
from typing import Any

from google.protobuf.json_format import MessageToDict

from dapr_client._checks import MetadataDict, MetadataTuple, to_bytes, tuple_to_dict
from dapr_client._response import DaprResponse, Headers
from dapr_client.errors import DaprError
from dapr_client.wire import appcallback_pb2, pubsub_pb2

MAX_RECONNECT_ATTEMPTS = 5
RECONNECT_BACKOFF_INITIAL_SECONDS = 0.2
RECONNECT_BACKOFF_MAX_SECONDS = 5.0

BYTES_CONTENT_TYPE, TEXT_CONTENT_TYPE = "application/octet-stream", "text/plain"

# --- publishing ---


@dataclass(slots=True)
class BulkPublishEntry:
    """One event of many that are published at once. Its content type and metadata go before those of the call."""

    event: bytes | str
    metadata: Mapping[str, str] | None = None
    content_type: str | None = None
    entry_id: str | None = None
    """Names the event in the answer; unique in a call. Without it the client makes one."""


@dataclass(frozen=True, slots=True)
class BulkPublishResponseFailedEntry:
    """An event that was not published, and why."""

    entry_id: str
    error: str


class BulkPublishResponse(DaprResponse):
    """What came of many events; no failed entries means that all were published."""

    __slots__ = ("failed_entries",)

    def __init__(
        self,
        failed_entries: Sequence[BulkPublishResponseFailedEntry | pubsub_pb2.BulkPublishResponseFailedEntry] = (),
        headers: Headers = (),
    ) -> None:
        super().__init__(headers)
        self.failed_entries = [BulkPublishResponseFailedEntry(entry.entry_id, entry.error) for entry in failed_entries]


def bulk_entry(
    item: object, metadata: Mapping[str, str] | None, content_type: str | None, id: str
) -> pubsub_pb2.BulkPublishRequestEntry:
    """An event as it is sent; `id` is for one that has none. TypeError for what is no event."""
    entry = item if isinstance(item, BulkPublishEntry) else None
    event = entry.event if entry is not None else item
    if not isinstance(event, bytes | str):
        raise TypeError(f"invalid type for event {type(event)}")
    default = BYTES_CONTENT_TYPE if isinstance(event, bytes) else TEXT_CONTENT_TYPE
    return pubsub_pb2.BulkPublishRequestEntry(
        entry_id=(entry and entry.entry_id) or id,
        event=to_bytes(event),
        content_type=(entry and entry.content_type) or content_type or default,
        metadata={**(metadata or {}), **((entry and entry.metadata) or {})},
    )


# --- what is said of a delivery ---


class TopicEventResponseStatus(Enum):
    """What became of an event."""

    success = appcallback_pb2.TopicEventResponse.SUCCESS
    retry = appcallback_pb2.TopicEventResponse.RETRY
    drop = appcallback_pb2.TopicEventResponse.DROP


STATUSES = ("`status` must be one of ['success', 'retry', 'drop'] or a TopicEventResponseStatus",)


class TopicEventResponse(DaprResponse):
    """What an application says of an event: `TopicEventResponse("success")`, `"retry"`, `"drop"`."""

    __slots__ = ("status",)

    def __init__(self, status: str | TopicEventResponseStatus, headers: Headers = ()) -> None:
        super().__init__(headers)
        self.status = status_of(status)


def status_of(status: object) -> TopicEventResponseStatus:
    """The status that is meant. KeyError for a word that is none, ValueError for anything else."""
    if isinstance(status, TopicEventResponse):
        return status.status
    if isinstance(status, str):
        try:
            return TopicEventResponseStatus[status.lower()]
        except KeyError as error:
            raise KeyError(*STATUSES) from error
    if not isinstance(status, TopicEventResponseStatus):
        raise ValueError(*STATUSES)
    return status


# --- what is delivered ---


class SubscriptionMessage:
    """An event that a topic delivers: the parts of its CloudEvent, as methods."""

    def __init__(self, msg: appcallback_pb2.TopicEventRequest, metadata: MetadataTuple = ()) -> None:
        self._event = msg
        self._metadata = metadata

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id()} of {self.pubsub_name()}/{self.topic()}>"

    def id(self) -> str:
        """The id of the event."""
        return self._event.id

    def source(self) -> str:
        """Who published it: the app id, unless the event says otherwise."""
        return self._event.source

    def type(self) -> str:
        """The type of the event: `com.dapr.event.sent`, unless the event says otherwise."""
        return self._event.type

    def spec_version(self) -> str:
        """The version of CloudEvents."""
        return self._event.spec_version

    def data_content_type(self) -> str:
        """The content type of the data."""
        return self._event.data_content_type

    def topic(self) -> str:
        """The topic that it was published to."""
        return self._event.topic

    def pubsub_name(self) -> str:
        """The pub/sub component."""
        return self._event.pubsub_name

    def path(self) -> str:
        """The route that was chosen for it, if the subscription has routes."""
        return self._event.path

    def raw_data(self) -> bytes:
        """The data as it came."""
        return self._event.data

    def extensions(self) -> dict[str, Any]:
        """The CloudEvent's extension attributes."""
        return MessageToDict(self._event.extensions)

    def metadata(self) -> MetadataDict:
        """What came with the call that delivered it, by name."""
        return tuple_to_dict(self._metadata)

    def data(self) -> Any:
        """The data by its content type: JSON as what it says, text as str, anything else as bytes.

        Data that is not what its content type says stays bytes.
        """
        return self._data

    @cached_property
    def _data(self) -> Any:
        raw = self._event.data
        kind = self._event.data_content_type.partition(";")[0].strip().lower()
        try:
            if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
                return json.loads(raw)
            return raw.decode() if kind.startswith("text/") else raw
        except ValueError:
            return raw

    def __getattr__(self, name: str) -> Any:
        # Handlers written for cloudevents objects ask for `event.Data()` and `event.content_type`.
        if name[:1].isupper() or name == "content_type":
            return getattr(self.to_cloud_event(), name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def to_cloud_event(self) -> Any:
        """The event as a `cloudevents.sdk.event.v1.Event` (the package `cloudevents` has to be installed)."""
        event: Any = import_module("cloudevents.sdk.event.v1").Event()
        event.SetEventType(self.type())
        event.SetEventID(self.id())
        event.SetSource(self.source())
        event.SetData(self.raw_data())
        event.SetContentType(self.data_content_type())
        event.SetSubject(self.topic())
        event.SetExtensions(self.extensions())
        return event


# --- errors of a subscription ---


class StreamInactiveError(DaprError):
    """The subscription is not active: it was not started, or is closed."""

    def __init__(self, message: str = "Stream is not active") -> None:
        super().__init__(message)


class StreamCancelledError(DaprError):
    """The subscription was closed while somebody waited for a message."""

    def __init__(self, message: str = "Stream has been cancelled") -> None:
        super().__init__(message)


class StreamReconnectError(DaprError):
    """The stream broke, and could not be opened again."""
