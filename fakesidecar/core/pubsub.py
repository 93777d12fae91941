"""The pub/sub building block: brokers by name, what is published, and who is handed it.

Follows dapr pkg/runtime/pubsub and pkg/runtime/processor/pubsub.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fakesidecar import golang
from fakesidecar.components.pubsub import Message, PubSub
from fakesidecar.core.pubsub_events import Event, Origin, expire, new_event, wants_raw
from fakesidecar.core.pubsub_scopes import Scopes, scopes_of
from fakesidecar.errors import (
    CloudEventInvalid,
    ComponentError,
    EntryIdInvalid,
    PublishFailed,
    PubSubNameEmpty,
    PubSubNotFound,
    RawPayloadInvalid,
    TopicEmpty,
    TopicForbidden,
)
from fakesidecar.resources.component import Component
from fakesidecar.trace import NO_SPAN, Span

if TYPE_CHECKING:
    from fakesidecar.core import Core

KEPT = 10_000
"""How many records are kept of each kind; the oldest go first."""
NATIVE_TTL = "MESSAGE_TTL"
"""The feature of brokers that let messages expire themselves."""
ENTRY_ID_COMPLAINT = "entryId is duplicated or not present for entry"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A broker, and what its metadata says of topics."""

    pubsub: PubSub
    scopes: Scopes
    namespace: str
    """What topics are prefixed with."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One of many events that are published together."""

    id: str
    data: bytes
    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """A message that a broker took."""

    pubsub: str
    topic: str
    data: bytes
    """As it was handed to the broker: the JSON of a cloud event, unless it is a raw message."""
    metadata: Mapping[str, str]
    time: float
    """On the sidecar's clock."""
    event: Event | None
    """The cloud event; None for a raw message."""


class PubSubBlock:
    """`publish` and `bulk_publish` on the brokers that are loaded."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._loaded: dict[str, Loaded] = {}
        self.published: deque[Published] = deque(maxlen=KEPT)
        """What was published, oldest first."""

    # --- components ---

    def add(self, spec: Component, pubsub: PubSub) -> None:
        """Load a broker under its component's name."""
        app_id, namespace = self._core.app_id, self._core.around.namespace
        scoped = any("{namespace}" in value for value in spec.metadata.values())
        self._loaded[spec.name] = Loaded(pubsub, scopes_of(spec, app_id), namespace if scoped else "")

    def blocking(self, name: str) -> bool:
        """Whether the broker of that name waits for something outside of this process."""
        loaded = self._loaded.get(name)
        return loaded is not None and loaded.pubsub.blocking

    def reset(self) -> None:
        """Forget what was published and not delivered."""
        self.published.clear()
        for loaded in self._loaded.values():
            loaded.pubsub.reset()

    def close(self) -> None:
        """Let go of everything outside of this process."""
        for loaded in self._loaded.values():
            loaded.pubsub.close()

    # --- publishing ---

    def check(self, pubsub: str, topic: str, metadata: Mapping[str, str] = {}) -> bool:
        """Refuse a publish that names no broker, no topic, or an odd `rawPayload`; tell whether messages are raw."""
        if not pubsub:
            raise PubSubNameEmpty(info=metadata)
        if pubsub not in self._loaded:
            raise PubSubNotFound(pubsub=pubsub)
        if not topic:
            raise TopicEmpty(pubsub=pubsub, info=metadata)
        try:
            return wants_raw(metadata)
        except ValueError as error:
            raise RawPayloadInvalid(pubsub=pubsub, value=error, info=metadata) from error

    def publish(
        self,
        pubsub: str,
        topic: str,
        data: bytes,
        *,
        content_type: str = "",
        metadata: Mapping[str, str] = {},
        span: Span = NO_SPAN,
        state: str = "",
    ) -> None:
        """Publish an event; a body that is no cloud event becomes the data of one, unless `rawPayload` is true."""
        raw = self.check(pubsub, topic, metadata)
        origin = self._origin(pubsub, topic, span, state)
        message, event = self._message(Entry("", data, content_type, metadata), origin, raw=raw)
        self._check_scopes(pubsub, topic)
        self.hand_over(pubsub, message, event)

    def bulk_publish(
        self,
        pubsub: str,
        topic: str,
        entries: Sequence[Entry],
        *,
        metadata: Mapping[str, str] = {},
        span: Span = NO_SPAN,
        state: str = "",
    ) -> dict[str, str]:
        """Publish many events; what is returned is why some were not, by their ids."""
        raw = self.check(pubsub, topic, metadata)
        ids: set[str] = set()
        messages = []
        for entry in entries:
            if not entry.id or entry.id in ids:
                raise self.entry_id_invalid(pubsub, topic)
            ids.add(entry.id)
            messages.append(self._message(entry, self._origin(pubsub, topic, span, state), raw=raw))
        self._check_scopes(pubsub, topic)
        failures: dict[str, str] = {}
        for entry, (message, event) in zip(entries, messages, strict=True):
            try:
                self.hand_over(pubsub, message, event)
            except PublishFailed as error:
                failures[entry.id] = str(error.__cause__)
        return failures

    def entry_id_invalid(self, pubsub: str, topic: str) -> EntryIdInvalid:
        """What is said of an entry without an id of its own."""
        info = {"appID": self._core.app_id, "error": ENTRY_ID_COMPLAINT}
        return EntryIdInvalid(pubsub=pubsub, topic=topic, cause=ENTRY_ID_COMPLAINT, info=info)

    def hand_over(self, pubsub: str, message: Message, event: Event | None) -> None:
        """Give a message to its broker."""
        loaded = self._loaded[pubsub]
        try:
            loaded.pubsub.publish(replace(message, topic=loaded.namespace + message.topic))
        except ComponentError as error:
            info = {"topic": message.topic, "error": str(error)}
            raise PublishFailed(pubsub=pubsub, topic=message.topic, cause=error, info=info) from error
        now = self._core.clock.now()
        self.published.append(Published(pubsub, message.topic, message.data, message.metadata, now, event))

    def _origin(self, pubsub: str, topic: str, span: Span, state: str) -> Origin:
        return Origin(pubsub, topic, self._core.app_id, span, state)

    def _message(self, entry: Entry, origin: Origin, *, raw: bool) -> tuple[Message, Event | None]:
        """The message that an event travels in."""
        around = self._core.around
        event = None
        data = entry.data
        if not raw:
            try:
                event = new_event(data, entry.content_type, entry.metadata, origin, clock=around.clock, ids=around.ids)
            except golang.GoError as error:
                info = {"appID": self._core.app_id, "error": str(error)}
                raise CloudEventInvalid(pubsub=origin.pubsub, info=info) from error
            if NATIVE_TTL not in self._loaded[origin.pubsub].pubsub.component_type.features:
                expire(event, entry.metadata, around.clock)
            data = golang.marshal(event)
        return Message(origin.topic, data, entry.metadata, entry.content_type), event

    def _check_scopes(self, pubsub: str, topic: str) -> None:
        if not self._loaded[pubsub].scopes.may_publish(topic):
            app_id = self._core.app_id
            info = {"topic": topic, "error": f"topic {topic} is not allowed for app id {app_id}"}
            raise TopicForbidden(pubsub=pubsub, topic=topic, app_id=app_id, info=info)
