"""The pub/sub building block: brokers by name, what is published, and who is handed it.

Follows dapr pkg/runtime/pubsub and pkg/runtime/processor/pubsub.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fakesidecar import golang
from fakesidecar.broker import reads
from fakesidecar.components.pubsub import NO_METADATA, Cancel, Done, Message, PubSub
from fakesidecar.core.pubsub_app import AppSubscriber, subscriptions_of
from fakesidecar.core.pubsub_delivery import (
    Answered,
    Attempt,
    Attempted,
    BulkReading,
    Delivery,
    Reading,
    Status,
    Subscriber,
    answer_of,
    as_answer,
)
from fakesidecar.core.pubsub_events import Event, Origin, expire, new_event, wants_raw
from fakesidecar.core.pubsub_rules import BrokenRule, routes_of
from fakesidecar.core.pubsub_scopes import Scopes, scopes_of
from fakesidecar.core.resiliency import NotTaken
from fakesidecar.errors import (
    CloudEventInvalid,
    ComponentError,
    EntryIdInvalid,
    PublishFailed,
    PubSubNameEmpty,
    PubSubNotFound,
    RawPayloadInvalid,
    SubscriptionForbidden,
    TopicEmpty,
    TopicForbidden,
)
from fakesidecar.options import DEFAULT_NAMESPACE
from fakesidecar.resources.component import Component
from fakesidecar.resources.errors import StartupError
from fakesidecar.resources.subscription import Rule, Subscription
from fakesidecar.trace import NO_SPAN, Span

if TYPE_CHECKING:
    from fakesidecar.core import Core

log = logging.getLogger("fakesidecar.pubsub")

KEPT = 10_000
"""How many records are kept of each kind; the oldest go first."""
NATIVE_TTL = "MESSAGE_TTL"
"""The feature of brokers that let messages expire themselves."""
WILDCARDS = "SUBSCRIBE_WILDCARDS"
DECLARATIVE, PROGRAMMATIC, STREAMING, PYTHON = "DECLARATIVE", "PROGRAMMATIC", "STREAMING", "PYTHON"
"""Where a subscription comes from, as the metadata lists it; those of Python are not listed."""
SUBSCRIBE_ENDPOINT = "subscribe"
"""`--disable-init-endpoints` with this keeps the application from being asked."""
ENTRY_ID_COMPLAINT = "entryId is duplicated or not present for entry"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A broker, and what its metadata says of topics."""

    pubsub: PubSub
    scopes: Scopes
    namespace: str
    """What topics are prefixed with, where nobody sees it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One of many events that are published together."""

    id: str
    data: bytes
    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=lambda: NO_METADATA)


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    """A message that a broker took."""

    pubsub: str
    topic: str
    data: bytes
    """As it was handed to the broker: the JSON of a cloud event, unless it is a raw message."""
    metadata: Mapping[str, str]
    time: float
    """On the sidecar's clock."""

    @property
    def event(self) -> Event | None:
        """The cloud event; None when the message is none."""
        try:
            event = golang.unmarshal(self.data)
        except golang.GoError:
            return None
        return event if isinstance(event, dict) else None


@dataclass(frozen=True, slots=True)
class Known:
    """A subscription of the application, in force or not."""

    subscription: Subscription
    kind: str


@dataclass(frozen=True, slots=True)
class PythonSubscriber:
    """A function that is handed events, where they are published."""

    handler: Callable[[Delivery], str | None]
    name: str = "python"

    def deliver(self, delivery: Delivery, answered: Answered) -> None:
        """Call the function; what it raises, or a status that it returns, is its answer."""
        try:
            status = self.handler(delivery)
        except Exception as error:
            log.exception("a subscriber of %s failed", delivery.topic)
            answered(NotTaken(repr(error)))
        else:
            answered(answer_of(status or Status.SUCCESS, delivery.id))


class PubSubBlock:
    """`publish`, `bulk_publish` and `subscribe` on the brokers that are loaded."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._loaded: dict[str, Loaded] = {}
        self._known = _declared(core.resources.subscriptions)
        self._app_readings: dict[tuple[str, str], Cancel] = {}
        """By component and topic."""
        self._app_started = False
        self._readings: dict[Reading, Cancel] = {}
        """Those of others than the application."""
        self.in_force: list[Reading] = []
        """All that are in force."""
        self.listeners: list[Callable[[Published | Attempted], None]] = []
        """They hear of what is published, and of every attempt to deliver it, on the thread where it happens."""
        self._threads: ThreadPoolExecutor | None = None
        self.published: deque[Published] = deque(maxlen=KEPT)
        """What was published, oldest first; dead letters as well."""
        self.deliveries: deque[Attempted] = deque(maxlen=KEPT)
        """Every attempt to deliver an event, and what came of it, oldest first."""

    # --- components ---

    def add(self, spec: Component, pubsub: PubSub) -> None:
        """Load a broker under its component's name."""
        namespace = (self._core.around.namespace or DEFAULT_NAMESPACE) if spec.namespaced else ""
        self._loaded[spec.name] = Loaded(pubsub, scopes_of(spec, self._core.app_id), namespace)
        if self._app_started:
            self.resume_app()

    def blocking(self, name: str) -> bool:
        """Whether the broker of that name waits for something outside of this process."""
        loaded = self._loaded.get(name)
        return loaded is not None and loaded.pubsub.blocking

    def reset(self) -> None:
        """Forget what was published, and every subscription but the application's."""
        self.end_streams()
        self.pause_app()
        for loaded in self._loaded.values():
            loaded.pubsub.reset()
        if self._app_started:
            self.resume_app()
        self.published.clear()
        self.deliveries.clear()

    def close(self) -> None:
        """End every subscription, let go of everything outside of this process."""
        self.stop_app()
        self.end_streams()
        if self._threads is not None:
            self._threads.shutdown()
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
        metadata: Mapping[str, str] = NO_METADATA,
        span: Span = NO_SPAN,
        state: str = "",
    ) -> None:
        """Publish an event; a body that is no cloud event becomes the data of one, unless `rawPayload` is true."""
        raw = self.check(pubsub, topic, metadata)
        origin = self._origin(pubsub, topic, span, state)
        message = self._message(Entry("", data, content_type, metadata), origin, raw=raw)
        self._check_scopes(pubsub, topic)
        self.hand_over(pubsub, message)

    def bulk_publish(
        self,
        pubsub: str,
        topic: str,
        entries: Sequence[Entry],
        *,
        metadata: Mapping[str, str] = NO_METADATA,
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
        for entry, message in zip(entries, messages, strict=True):
            try:
                self.hand_over(pubsub, message)
            except PublishFailed as error:
                failures[entry.id] = str(error.__cause__)
        return failures

    def entry_id_invalid(self, pubsub: str, topic: str) -> EntryIdInvalid:
        """What is said of an entry without an id of its own."""
        info = {"appID": self._core.app_id, "error": ENTRY_ID_COMPLAINT}
        return EntryIdInvalid(pubsub=pubsub, topic=topic, cause=ENTRY_ID_COMPLAINT, info=info)

    def hand_over(self, pubsub: str, message: Message) -> None:
        """Give a message to its broker, and keep a record of it."""
        now = self._core.clock.now()
        record = Published(pubsub, message.topic, message.data, message.metadata, now)
        self.published.append(record)  # before what follows from it
        try:
            self.send(pubsub, message)
        except ComponentError as error:
            self.published.remove(record)
            info = {"topic": message.topic, "error": str(error)}
            raise PublishFailed(pubsub=pubsub, topic=message.topic, cause=error, info=info) from error
        self._tell(record)

    def note(self, attempt: Attempted) -> None:
        """Keep a record of an attempt to deliver an event."""
        self.deliveries.append(attempt)
        self._tell(attempt)

    def _tell(self, record: Published | Attempted) -> None:
        for listener in tuple(self.listeners):
            listener(record)

    def deliver(self, pubsub: str, message: Message) -> list[str]:
        """Hand a message to those who subscribe to its topic now, past the broker; who they are."""
        wild = WILDCARDS in self.broker(pubsub).component_type.features
        found = []
        for reading in tuple(self.in_force):
            asked = reading.subscription
            fits = reads(asked.topic, message.topic) if wild else asked.topic == message.topic
            if asked.pubsub_name == pubsub and fits:
                found.append(reading.subscriber.name)
                reading.handle(replace(message, topic=asked.topic), lambda error: None)
        return found

    def undelivered(self, pubsub: str) -> list[Message]:
        """What nobody took so far, where the broker keeps that."""
        prefix = len(self._loaded[pubsub].namespace) if pubsub in self._loaded else 0
        return [replace(one, topic=one.topic[prefix:]) for one in self.broker(pubsub).undelivered()]

    def broker(self, pubsub: str) -> PubSub:
        """The broker of that name."""
        if pubsub not in self._loaded:
            raise ComponentError(f"pubsub '{pubsub}' not found")
        return self._loaded[pubsub].pubsub

    def send(self, pubsub: str, message: Message) -> None:
        """Give a message to its broker."""
        broker = self.broker(pubsub)
        broker.publish(replace(message, topic=self._loaded[pubsub].namespace + message.topic))

    def _origin(self, pubsub: str, topic: str, span: Span, state: str) -> Origin:
        return Origin(pubsub, topic, self._core.app_id, span, state)

    def _message(self, entry: Entry, origin: Origin, *, raw: bool) -> Message:
        """The message that an event travels in."""
        around = self._core.around
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
        return Message(origin.topic, data, entry.metadata, entry.content_type)

    def _check_scopes(self, pubsub: str, topic: str) -> None:
        if not self._loaded[pubsub].scopes.may_publish(topic):
            app_id = self._core.app_id
            info = {"topic": topic, "error": f"topic {topic} is not allowed for app id {app_id}"}
            raise TopicForbidden(pubsub=pubsub, topic=topic, app_id=app_id, info=info)

    # --- subscribing ---

    def subscribe(
        self,
        pubsub: str,
        topic: str,
        handler: Callable[[Delivery], str | None],
        *,
        metadata: Mapping[str, str] = {},
        dead_letter_topic: str = "",
    ) -> Cancel:
        """Have events handed to a function: it returns a status (None: SUCCESS), or raises, which is RETRY.

        It runs where an event is published, on the sidecar's event loop when that comes through a port: it may
        publish itself, but must not wait.
        """
        subscription = Subscription(pubsub, topic, (Rule("/"),), metadata, dead_letter_topic)
        return self.read(subscription, PYTHON, PythonSubscriber(handler))

    def read(
        self, subscription: Subscription, kind: str, subscriber: Subscriber, *, ended: Callable[[], None] | None = None
    ) -> Cancel:
        """Put a subscription of somebody else than the application in force; `ended` hears when the sidecar ends it."""
        reading = Reading(self._core, subscription, kind, subscriber)
        cancel = self._read(reading)

        def leave() -> None:
            if self._readings.pop(reading, None) is not None:
                cancel()

        def end() -> None:
            leave()
            if ended is not None:
                ended()

        self._readings[reading] = end
        return leave

    def _read(self, reading: Reading) -> Cancel:
        pubsub, topic = reading.subscription.pubsub_name, reading.subscription.topic
        loaded = self._loaded.get(pubsub)
        if loaded is None:
            raise PubSubNotFound(pubsub=pubsub)
        if not loaded.scopes.may_subscribe(topic):
            raise SubscriptionForbidden(pubsub=pubsub, topic=topic)

        def handle(message: Message, done: Done) -> Cancel:
            return reading.handle(replace(message, topic=message.topic.removeprefix(loaded.namespace)), done)

        handler = handle if loaded.namespace else reading.handle
        self.in_force.append(reading)
        try:
            forget = loaded.pubsub.subscribe(loaded.namespace + topic, handler, reading.subscription.metadata)
        except ComponentError:
            self.in_force.remove(reading)
            raise

        def cancel() -> None:
            reading.stop()
            if reading in self.in_force:
                self.in_force.remove(reading)
            forget()

        return cancel

    def end_streams(self) -> None:
        """End every subscription but the application's."""
        for end in tuple(self._readings.values()):
            end()

    def inbound(self, pubsub: str, attempt: Attempt, finished: Answered) -> None:
        """Offer an event to its subscriber, as often as the policy for what comes in from the component says."""
        self._core.resiliency.offer(pubsub, "pubsub", attempt, lambda error: finished(as_answer(error)))

    def soon(self, blocking: bool, work: Callable[[], None]) -> None:
        """Do something here and now, or on a thread when it may wait for something outside of this process."""
        if not blocking:
            work()
            return
        if self._threads is None:
            self._threads = ThreadPoolExecutor(thread_name_prefix="fakesidecar.pubsub")
        self._threads.submit(work)

    # --- the application's subscriptions ---

    def known(self) -> list[Known]:
        """The subscriptions of the application, and those of streams."""
        streams = [Known(one.subscription, one.kind) for one in tuple(self._readings) if one.kind != PYTHON]
        return [*self._known.values(), *streams]

    async def start_app(self) -> None:
        """Ask the application what it subscribes to, and put that in force, and what is declared."""
        app = self._core.app
        if app is None or not self._loaded:
            return
        if SUBSCRIBE_ENDPOINT not in self._core.options.disable_init_endpoints:
            self._add_programmatic(await subscriptions_of(app, self._core.app_id))
        self._app_started = True
        self.resume_app()

    def resume_app(self) -> None:
        """Put in force what the application subscribes to, where it is not."""
        assert self._core.app is not None
        subscriber = AppSubscriber(self._core.app)
        for key, known in self._known.items():
            if key in self._app_readings:
                continue
            kind = BulkReading if known.subscription.bulk_subscribe.enabled else Reading
            try:
                self._app_readings[key] = self._read(kind(self._core, known.subscription, known.kind, subscriber))
            except (PubSubNotFound, SubscriptionForbidden, ComponentError) as error:
                log.error("failed to subscribe to topic %s: %s", known.subscription.topic, error)

    def _add_programmatic(self, asked: Sequence[Subscription]) -> None:
        """What the application says beats what is declared, and what it says last beats what it says first."""
        try:
            for subscription in asked:
                routes_of(subscription.rules)
        except BrokenRule as error:  # then daprd takes none of them
            log.error("unable to create the app's subscriptions: %s", error)
            return
        for subscription in asked:
            self._known[subscription.pubsub_name, subscription.topic] = Known(subscription, PROGRAMMATIC)

    def pause_app(self) -> None:
        """Hand the application nothing, until `resume_app`."""
        while self._app_readings:
            self._app_readings.popitem()[1]()

    def stop_app(self) -> None:
        """Hand the application nothing more."""
        self._app_started = False
        self.pause_app()


def _declared(subscriptions: Sequence[Subscription]) -> dict[tuple[str, str], Known]:
    """What resources declare, by component and topic: the first counts."""
    out: dict[tuple[str, str], Known] = {}
    for subscription in subscriptions:
        try:
            routes_of(subscription.rules)
        except BrokenRule as error:
            source = subscription.source
            hint = f"subscription {subscription.name!r} is declared in {source}" if source else ""
            raise StartupError(f"failed to load subscriptions: {error}", hint=hint) from error
        out.setdefault((subscription.pubsub_name, subscription.topic), Known(subscription, DECLARATIVE))
    return out
