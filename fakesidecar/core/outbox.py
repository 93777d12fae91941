"""The outbox: a state transaction is told of on a topic, when it was carried out (dapr pkg/runtime/pubsub/outbox.go).

Every upsert is announced on a topic of the sidecar's own before the transaction, which gets one key more for
each: a marker. Whoever reads the announcement looks for the marker, and passes the event on when it is there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeGuard

from fakesidecar import golang
from fakesidecar.components.pubsub import Cancel, Done, Message
from fakesidecar.components.state import Delete, Json, Operation, Upsert
from fakesidecar.core.pubsub_events import JSON, Origin, media_type, new_event
from fakesidecar.errors import ComponentError, OutboxFailed, PublishFailed
from fakesidecar.options import DEFAULT_NAMESPACE
from fakesidecar.trace import NO_SPAN, Span

if TYPE_CHECKING:
    from fakesidecar.core import Core
    from fakesidecar.resources.component import Component

log = logging.getLogger("fakesidecar.outbox")

PROJECTION = "outbox.projection"
"""An upsert with this metadata is what is told of its key, and is not stored."""
OWN = frozenset({"data", "id", PROJECTION})
"""The metadata of an upsert that does not become part of its event."""
MARK = b"0"
FIRST_SECONDS = 1.0
"""Until the marker is looked for."""
AGAIN_SECONDS, GROWTH, MOST_SECONDS, GIVE_UP_SECONDS = 0.5, 1.5, 3.0, 10.0
"""Until it is looked for again: longer each time, up to a limit, and not for ever."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a store's metadata says of the outbox."""

    pubsub: str
    topic: str
    inner_pubsub: str
    """The component of the announcements."""
    inner_topic: str
    discard: bool
    """An announcement of what did not happen is forgotten, rather than offered again."""


class Outbox:
    """Tells of the transactions of the stores whose metadata asks for it."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._told: dict[str, Told] = {}
        self._reading: dict[str, Cancel] = {}
        """By the names of stores."""

    def add(self, spec: Component) -> None:
        """Read the metadata of a store."""
        pubsub, topic = spec.setting("outboxPublishPubsub"), spec.setting("outboxPublishTopic")
        if pubsub and topic:
            around = self._core.around
            self._told[spec.name] = Told(
                pubsub,
                topic,
                spec.setting("outboxPubsub") or pubsub,
                f"{around.namespace or DEFAULT_NAMESPACE}{around.app_id}{topic}outbox",
                spec.setting("outboxDiscardWhenMissingState").lower() in ("true", "1", "yes", "y", "on", "t"),
            )

    def start(self) -> None:
        """Read the announcements of every store; those that another sidecar has left are passed on, too."""
        for store in self._told:
            try:
                self._read(store)
            except ComponentError as error:
                log.error("could not subscribe to the outbox of %s: %s", store, error)

    def close(self) -> None:
        """Read no more announcements."""
        while self._reading:
            self._reading.popitem()[1]()

    # --- before the transaction ---

    def announce(
        self, store: str, operations: Sequence[Operation], span: Span
    ) -> tuple[Sequence[Operation], list[Upsert]]:
        """Announce a transaction; what is returned is what to carry out, and the markers to set besides."""
        told = self._told.get(store)
        if told is None:
            return operations, []
        projections = {one.key: one for one in operations if _is_projection(one)}
        kept = [operation for operation in operations if not _is_projection(operation)]
        events = {
            f"outbox-{self._core.around.ids.uuid()}": self._event(told, one, projections.get(one.key, one), span)
            for one in kept
            if isinstance(one, Upsert)
        }
        try:
            for id, event in events.items():
                self._read(store)
                message = Message(told.inner_topic, golang.marshal({**event, "id": id}))
                self._core.pubsub.send(told.inner_pubsub, message)
        except ComponentError as error:
            raise OutboxFailed(cause=error, info={"appID": self._core.app_id, "error": str(error)}) from error
        return kept, [Upsert(id, MARK) for id in events]

    def _event(self, told: Told, kept: Upsert, said: Upsert, span: Span) -> dict[str, Any]:
        around = self._core.around
        content_type = said.metadata.get("contentType") or said.metadata.get("datacontenttype", "")
        origin = Origin(told.pubsub, told.topic, around.app_id, NO_SPAN)
        data = _payload(said.value, content_type)
        event = new_event(data, content_type, {}, origin, clock=around.clock, ids=around.ids)
        event["traceid"] = span.traceparent if span.valid else ""
        return event | {name: value for name, value in kept.metadata.items() if name not in OWN}

    # --- after it ---

    def _read(self, store: str) -> None:
        if store not in self._reading:
            told = self._told[store]
            broker = self._core.pubsub.broker(told.inner_pubsub)
            self._reading[store] = broker.subscribe(told.inner_topic, partial(self._announced, store), {})

    def _announced(self, store: str, message: Message, done: Done) -> None:
        began = self._core.clock.now()
        self._later(FIRST_SECONDS, store, partial(self._look, store, message, done, began, AGAIN_SECONDS))

    def _later(self, seconds: float, store: str, work: Any) -> None:
        told = self._told[store]
        blocking = self._core.state.blocking(store) or self._core.pubsub.blocking(told.pubsub)
        self._core.clock.call_later(seconds, lambda: self._core.pubsub.soon(blocking, work))

    def _look(self, store: str, message: Message, done: Done, began: float, wait: float) -> None:
        """Pass an announcement on when its marker is there; look again later when it is not."""
        if store not in self._reading:
            return
        try:
            event = golang.unmarshal(message.data)
            marker = event["id"]
            kept = self._core.state.store(store)
            with self._core.guard(kept.blocking):
                found = kept.get(marker, {}, "") is not None
            if found:
                self._pass_on(self._told[store], event)
                with self._core.guard(kept.blocking):
                    kept.delete(Delete(marker))
                done(None)
                return
        except (ComponentError, PublishFailed, golang.GoError, TypeError, KeyError) as error:
            log.error("an announcement of %s: %s", store, error)
            done(ComponentError(str(error)))
            return
        if self._core.clock.now() + wait - began < GIVE_UP_SECONDS:
            longer = min(wait * GROWTH, MOST_SECONDS)
            self._later(wait, store, partial(self._look, store, message, done, began, longer))
        else:
            done(None if self._told[store].discard else ComponentError(f"transaction {marker} was not carried out"))

    def _pass_on(self, told: Told, event: Mapping[str, Any]) -> None:
        data = golang.marshal({**event, "topic": told.topic, "pubsubname": told.pubsub})
        self._core.pubsub.hand_over(told.pubsub, Message(told.topic, data))


def _is_projection(operation: Operation) -> TypeGuard[Upsert]:
    return isinstance(operation, Upsert) and operation.metadata.get(PROJECTION, "").lower() == "true"


def _payload(value: bytes | Json, content_type: str) -> bytes:
    """A value as the body of an event: JSON where that is asked for, else as Go prints it."""
    if not isinstance(value, Json):
        return value
    if media_type(content_type) == JSON:
        return golang.marshal(value.value)
    return golang.sprint(value.value).encode("utf-8", "surrogateescape")
