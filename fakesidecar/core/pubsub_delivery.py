"""An event on its way from a broker to a subscriber: unwrapped, routed, handed over, and what comes of it.

Follows dapr pkg/runtime/subscription. Nothing here waits: who takes an event says later, from any thread, how.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from fakesidecar import golang
from fakesidecar.components.pubsub import Cancel, Done, Message
from fakesidecar.core.pubsub_events import Event, has_expired, raw_event, wants_raw
from fakesidecar.core.pubsub_rules import RuleFailed, routes_of
from fakesidecar.core.resiliency import NotTaken
from fakesidecar.errors import PublishFailed
from fakesidecar.golang import GoError
from fakesidecar.trace import parse_span

if TYPE_CHECKING:
    from fakesidecar.core import Core
    from fakesidecar.resources.subscription import Subscription
    from fakesidecar.trace import Tracer

log = logging.getLogger("fakesidecar.pubsub")

PUBSUB_NAME = "pubsubName"
"""The metadata by which a subscriber is told the component."""
DEFAULT_COUNT, DEFAULT_AWAIT_MS = 100, 1000
"""What a bulk subscription waits for when it does not say."""


class Status(StrEnum):
    """What a subscriber says of an event."""

    SUCCESS = "SUCCESS"
    RETRY = "RETRY"
    DROP = "DROP"


class Dropped(NotTaken):
    """An event was not taken, and is not to be offered again."""

    permanent = True


Answer = NotTaken | None
"""How an event was taken."""
Answered = Callable[[Answer], None]
Attempt = Callable[[Answered], None]
"""Offers an event to its subscriber once more."""


def answer_of(status: str, id: str) -> Answer:
    """What a subscriber's word amounts to."""
    if status == Status.SUCCESS:
        return None
    if status == Status.DROP:
        return Dropped("DROP status returned from app while processing pub/sub event " + id)
    return NotTaken(f"RETRY status returned from app while processing pub/sub event {id}")


def as_answer(error: BaseException | None) -> Answer:
    """What the end of all attempts amounts to: a policy may have ended them with an error of its own."""
    return error if error is None or isinstance(error, NotTaken) else NotTaken(str(error))


def status_of(answer: Answer) -> Status:
    """The word for what came of a delivery."""
    if answer is None:
        return Status.SUCCESS
    return Status.DROP if isinstance(answer, Dropped) else Status.RETRY


class Once:
    """Lets the first answer pass, and no other; none at all when it is spent, or is part of what is."""

    def __init__(self, answered: Answered, part_of: Once | None = None) -> None:
        self._left = [answered]
        self._whole = part_of

    def __call__(self, answer: Answer) -> None:
        if self.spent:
            return
        try:
            told = self._left.pop()
        except IndexError:  # another thread was faster
            return
        told(answer)

    @property
    def spent(self) -> bool:
        """Whether nobody waits for an answer any more."""
        return not self._left or (self._whole is not None and self._whole.spent)

    def spend(self) -> None:
        """Let nothing pass from now on."""
        self._left.clear()


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event for a subscriber."""

    pubsub: str
    topic: str
    """As the broker says: a pattern to who subscribed to one."""
    event: Event
    data: bytes
    """The event as JSON."""
    metadata: Mapping[str, str]
    path: str = "/"
    raw: bytes | None = None
    """The message, for who wants messages that are no events."""
    traceparent: str | None = None
    """None: the event has nothing to do with traces."""

    @property
    def id(self) -> str:
        """The event's id, empty when it has none."""
        return self.text("id")

    def text(self, name: str) -> str:
        """A field that is a text, empty when it is not."""
        value = self.event.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class BulkEntry:
    """One event of a bulk delivery."""

    id: str
    delivery: Delivery


class Subscriber(Protocol):
    """Who is handed events."""

    @property
    def name(self) -> str:
        """`app`, `stream`, …; for records and logs."""

    def deliver(self, delivery: Delivery, answered: Once) -> None:
        """Hand over an event."""


class BulkSubscriber(Subscriber, Protocol):
    """Who takes many events at once."""

    def deliver_bulk(
        self, id: str, entries: Sequence[BulkEntry], answered: Callable[[Mapping[str, Answer]], None]
    ) -> None:
        """Hand over events of one path together; how each was taken is said by the ids of their entries."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """One attempt to deliver an event, or why there was none (its path is empty then)."""

    pubsub: str
    topic: str
    id: str
    subscriber: str
    path: str
    status: Status
    why: str
    """Why the event was not taken; empty when it was."""
    event: Event
    time: float
    """On the sidecar's clock, when the answer came."""


Inbound = Callable[[str, Attempt, Answered], None]


class Reading:
    """A subscription that is in force."""

    def __init__(self, core: Core, subscription: Subscription, kind: str, subscriber: Subscriber) -> None:
        self.subscription = subscription
        self.kind = kind
        """`DECLARATIVE`, `PROGRAMMATIC`, `STREAMING` or `PYTHON`."""
        self.subscriber = subscriber
        self._core = core
        self._routes = routes_of(subscription.rules)
        self._over = False

    def stop(self) -> None:
        """Nothing that comes now matters: neither to the subscriber nor to the dead letters."""
        self._over = True

    def handle(self, message: Message, done: Done) -> Cancel:
        """See to a message; what is returned gives it up."""
        finished = Once(partial(self.settle, message, done))
        delivery = self.prepared(message, finished)
        if delivery is not None:
            attempt = partial(self._attempt, delivery, finished)
            self._core.pubsub.inbound(self.subscription.pubsub_name, attempt, finished)
        return finished.spend

    def _attempt(self, delivery: Delivery, finished: Once, answered: Answered) -> None:
        if finished.spent:
            answered(Dropped("it was given up"))  # and is not offered again
            return

        def told(answer: Answer) -> None:
            self.record(delivery, answer)
            answered(answer)

        self.subscriber.deliver(delivery, Once(told, part_of=finished))

    def prepared(self, message: Message, finished: Answered) -> Delivery | None:
        """The event in a message, and where it goes; None when it goes nowhere, which is settled then."""
        try:
            return self._prepare(message)
        except NotTaken as error:
            nowhere = Delivery(self.subscription.pubsub_name, message.topic, {}, message.data, message.metadata, "")
            self.record(nowhere, error)
            finished(error)
            return None

    def _prepare(self, message: Message) -> Delivery:
        subscription = self.subscription
        delivery = unwrapped(self._core, message, subscription)
        if has_expired(delivery.event, self._core.clock):
            raise Dropped(f"dropping expired pub/sub event {delivery.id}")
        try:
            path = self._routes.path(delivery.event)
        except RuleFailed as error:
            raise NotTaken(f"error finding matching route for event {delivery.id}: {error}") from error
        if path is None:
            raise Dropped(f"no matching route for event {delivery.id} in pubsub {subscription.pubsub_name}")
        return replace(delivery, path=path)

    def record(self, delivery: Delivery, answer: Answer) -> None:
        """Keep what came of an attempt."""
        self._core.pubsub.note(
            Attempted(
                delivery.pubsub,
                delivery.topic,
                delivery.id,
                self.subscriber.name,
                delivery.path,
                status_of(answer),
                "" if answer is None else str(answer),
                delivery.event,
                self._core.clock.now(),
            )
        )

    def settle(self, message: Message, done: Done, answer: Answer) -> None:
        """Say how a message was taken; one that was not goes to the dead letters, if there are any."""
        if self._over:
            return
        if answer is not None:
            log.warning("%s: %s", self.subscription.topic, answer)
            if self.subscription.dead_letter_topic:
                bury = partial(self._bury, message, done, answer)
                self._core.pubsub.soon(self._core.pubsub.blocking(self.subscription.pubsub_name), bury)
                return
        done(None if isinstance(answer, Dropped) else answer)

    def _bury(self, message: Message, done: Done, why: NotTaken) -> None:
        pubsub, letters = self.subscription.pubsub_name, self.subscription.dead_letter_topic
        letter = replace(message, topic=letters, metadata={**message.metadata, PUBSUB_NAME: pubsub})
        try:
            self._core.pubsub.hand_over(pubsub, letter)
        except PublishFailed as error:
            log.error("error sending message to dead letter topic %s: %s", letters, error)
            done(why)
        else:
            done(None)


class BulkReading(Reading):
    """A subscription whose events are handed over together: so many, or after so long."""

    def __init__(self, core: Core, subscription: Subscription, kind: str, subscriber: BulkSubscriber) -> None:
        super().__init__(core, subscription, kind, subscriber)
        self._bulk = subscriber
        self._waiting: list[tuple[Message, Once]] = []
        self._timer: Any = None
        asked = subscription.bulk_subscribe
        self._count = asked.max_messages_count or DEFAULT_COUNT
        self._seconds = (asked.max_await_duration_ms or DEFAULT_AWAIT_MS) / 1000

    def handle(self, message: Message, done: Done) -> Cancel:
        finished = Once(partial(self.settle, message, done))
        with self._core.guard(blocking=False):
            self._waiting.append((message, finished))
            full = len(self._waiting) >= self._count
            if not full and self._timer is None:
                self._timer = self._core.clock.call_later(self._seconds, self._flush)
        if full:
            self._flush()
        return finished.spend

    def stop(self) -> None:
        super().stop()
        if self._timer is not None:
            self._timer.cancel()

    def _flush(self) -> None:
        with self._core.guard(blocking=False):
            batch, self._waiting = self._waiting, []
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        by_path: dict[str, dict[str, tuple[Delivery, Once]]] = {}
        for message, finished in batch:
            if not finished.spent and (delivery := self.prepared(message, finished)) is not None:
                by_path.setdefault(delivery.path, {})[self._core.around.ids.uuid()] = delivery, finished
        for entries in by_path.values():
            self._hand_over(entries)

    def _hand_over(self, entries: dict[str, tuple[Delivery, Once]]) -> None:
        """Offer events of one path until each is taken, or nobody wants to offer the rest any more."""
        left = {id: delivery for id, (delivery, _) in entries.items()}
        refusals: dict[str, Answer] = {}

        def attempt(answered: Answered) -> None:
            for id in [id for id in left if entries[id][1].spent]:
                del left[id]
            if not left:
                answered(None)
                return

            def told(answers: Mapping[str, Answer]) -> None:
                for id, answer in answers.items():
                    if id not in left:  # an answer to an attempt that was given up
                        continue
                    self.record(left[id], answer)
                    if answer is None or isinstance(answer, Dropped):
                        del left[id]
                        entries[id][1](answer)
                    else:
                        refusals[id] = answer
                answered(next((refusals[id] for id in left), None))

            together = [BulkEntry(id, delivery) for id, delivery in left.items()]
            self._bulk.deliver_bulk(self._core.around.ids.uuid(), together, told)

        def finished(answer: Answer) -> None:
            for id in tuple(left):
                del left[id]
                entries[id][1](refusals.get(id) or answer)

        self._core.pubsub.inbound(self.subscription.pubsub_name, attempt, finished)


# --- from a message to an event --------------------------------------------------------------------------------


def unwrapped(core: Core, message: Message, subscription: Subscription) -> Delivery:
    """The event that a message is, or that it becomes for who wants raw messages; raises `NotTaken`."""
    pubsub = subscription.pubsub_name
    try:
        raw = wants_raw(subscription.metadata)
    except ValueError as error:
        raise NotTaken(f"rawPayload value must be a valid boolean: actual is '{error}'") from error
    metadata = {**message.metadata, PUBSUB_NAME: pubsub}
    event = raw_event(message.data, message.topic, pubsub, core.around.ids) if raw else parsed(message.data, pubsub)
    for name in ("traceid", "tracestate"):  # a raw message carries its trace in its metadata
        if name in metadata and name not in event:
            event[name] = metadata[name]
    data = golang.marshal(event) if raw else message.data
    return Delivery(
        pubsub,
        message.topic,
        event,
        data,
        metadata,
        raw=message.data if raw else None,
        traceparent=traceparent_of(event, metadata, core.tracer),
    )


def parsed(data: bytes, pubsub: str) -> Event:
    """The event that a message says it is."""
    try:
        event = golang.unmarshal(data)
        if not isinstance(event, dict | None):
            golang.unmarshal_into(data, golang.MapOf(golang.ANY))  # raises Go's complaint
    except GoError as error:
        raise NotTaken(f"error deserializing cloud event in pubsub {pubsub}: {error}") from error
    return event or {}


def traceparent_of(event: Event, metadata: Mapping[str, str], tracer: Tracer) -> str | None:
    """The trace header of a delivery: a step of the event's trace, None for events without any."""
    parent = event.get("traceparent", event.get("traceid"))
    if parent is None or not tracer.enabled:
        return None
    text = parent if isinstance(parent, str) else ""
    span = tracer.span(text, None) if tracer.records else parse_span(text)
    given = metadata.get("traceparent")
    return given if given and not span.valid else span.traceparent
