"""What was published and delivered, for tests to look at, and events that tests deliver themselves.

dapr_sidecar.pubsub.assert_published("pubsub", "orders", data={"id": 7})
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from dapr_testing._waiting import SECONDS, waited_for, waited_for_async
from fakesidecar import golang
from fakesidecar.components.pubsub import Message
from fakesidecar.core.pubsub import Published
from fakesidecar.core.pubsub_delivery import Attempted
from fakesidecar.core.pubsub_events import Origin, new_event
from fakesidecar.trace import NO_SPAN

if TYPE_CHECKING:
    from fakesidecar.core import Core

NEAREST = 3

Record: TypeAlias = Published | Attempted
R = TypeVar("R", Published, Attempted)


@dataclass(frozen=True, slots=True)
class _Wait(Generic[R]):
    """Some records that a test waits for."""

    failure: str
    records: Sequence[R]
    wanted: Mapping[str, Any]
    times: int

    def there(self) -> bool:
        """Whether they have come."""
        return len(_matching(self.records, self.wanted)) >= self.times

    def ended(self, there: bool) -> R:
        """The last of them; raises when they have not come."""
        if not there:
            raise AssertionError(_explained(self.failure, self.records, self.wanted))
        return _matching(self.records, self.wanted)[self.times - 1]


class PubSub:
    """What the brokers of a sidecar took, and whom they handed it to.

    Records are named by broker and topic, and by fields of their events: `type="order.placed"`, `id=…`, `data={…}`.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    # --- to look at ---

    def published(self, pubsub: str | None = None, topic: str | None = None, **fields: Any) -> list[Published]:
        """What was published, oldest first; dead letters as well."""
        return _matching(self._core.pubsub.published, {"pubsub": pubsub, "topic": topic, **fields})

    @property
    def deliveries(self) -> list[Attempted]:
        """Every attempt to deliver an event, oldest first, with its `subscriber`, its `status` and `why`."""
        return list(self._core.pubsub.deliveries)

    def delivered(self, pubsub: str | None = None, topic: str | None = None, **fields: Any) -> list[Attempted]:
        """The attempts that are meant: `status="RETRY"`, `subscriber="app"`, or a field of the event."""
        return _matching(self._core.pubsub.deliveries, {"pubsub": pubsub, "topic": topic, **fields})

    def undelivered(self, pubsub: str, topic: str | None = None) -> list[Published]:
        """What nobody took so far, for a `pubsub.in-memory` with `keepUndelivered: "true"`."""
        now = self._core.clock.now()
        return [
            Published(pubsub, one.topic, one.data, one.metadata, now)
            for one in self._core.pubsub.undelivered(pubsub)
            if topic in (None, one.topic)
        ]

    # --- to assert ---

    def assert_published(
        self, pubsub: str | None = None, topic: str | None = None, *, times: int | None = None, **fields: Any
    ) -> Published:
        """Such an event was published (`times`: so often); the last of them."""
        wanted = {"pubsub": pubsub, "topic": topic, **fields}
        return _asserted("published", self._core.pubsub.published, wanted, times)

    def assert_not_published(self, pubsub: str | None = None, topic: str | None = None, **fields: Any) -> None:
        """No such event was published."""
        if found := self.published(pubsub, topic, **fields):
            lines = "\n".join(f"  {_line(one)}" for one in found)
            raise AssertionError(f"published {len(found)} time(s):\n{lines}")

    def assert_delivered(
        self, pubsub: str | None = None, topic: str | None = None, *, times: int | None = None, **fields: Any
    ) -> Attempted:
        """Such an attempt was made, a successful one unless `status` says another; the last of them."""
        wanted = {"pubsub": pubsub, "topic": topic, "status": "SUCCESS", **fields}
        return _asserted("delivered", self._core.pubsub.deliveries, wanted, times)

    # --- to wait for ---

    def wait_published(
        self,
        pubsub: str | None = None,
        topic: str | None = None,
        *,
        times: int = 1,
        timeout: float = SECONDS,
        **fields: Any,
    ) -> Published:
        """Wait until such an event has been published (`times`: so often), `timeout` seconds of real time at most."""
        wait = self._published(times, timeout, {"pubsub": pubsub, "topic": topic, **fields})
        return wait.ended(waited_for(self._core.pubsub.listeners, wait.there, timeout))

    def wait_delivered(
        self,
        pubsub: str | None = None,
        topic: str | None = None,
        *,
        times: int = 1,
        timeout: float = SECONDS,
        **fields: Any,
    ) -> Attempted:
        """Wait until such an attempt has been made, a successful one unless `status` says another."""
        wait = self._delivered(times, timeout, {"pubsub": pubsub, "topic": topic, **fields})
        return wait.ended(waited_for(self._core.pubsub.listeners, wait.there, timeout))

    async def wait_published_async(
        self,
        pubsub: str | None = None,
        topic: str | None = None,
        *,
        times: int = 1,
        timeout: float = SECONDS,
        **fields: Any,
    ) -> Published:
        """`wait_published`, for coroutines: the event loop runs on."""
        wait = self._published(times, timeout, {"pubsub": pubsub, "topic": topic, **fields})
        return wait.ended(await waited_for_async(self._core.pubsub.listeners, wait.there, timeout))

    async def wait_delivered_async(
        self,
        pubsub: str | None = None,
        topic: str | None = None,
        *,
        times: int = 1,
        timeout: float = SECONDS,
        **fields: Any,
    ) -> Attempted:
        """`wait_delivered`, for coroutines: the event loop runs on."""
        wait = self._delivered(times, timeout, {"pubsub": pubsub, "topic": topic, **fields})
        return wait.ended(await waited_for_async(self._core.pubsub.listeners, wait.there, timeout))

    def _published(self, times: int, timeout: float, wanted: Mapping[str, Any]) -> _Wait[Published]:
        return _Wait(f"not published within {timeout} s", self._core.pubsub.published, wanted, times)

    def _delivered(self, times: int, timeout: float, wanted: Mapping[str, Any]) -> _Wait[Attempted]:
        wanted = {"status": "SUCCESS", **wanted}
        return _Wait(f"not delivered within {timeout} s", self._core.pubsub.deliveries, wanted, times)

    # --- to deliver ---

    def deliver(
        self,
        pubsub: str,
        topic: str,
        data: Any,
        *,
        content_type: str = "",
        metadata: Mapping[str, str] = {},
    ) -> list[str]:
        """Hand an event to those who subscribe now, past the broker; who they are (`app`, `stream`, `python`).

        Bytes and text are data as they are, everything else is JSON. `metadata` may set fields of the event, as when
        it is published: `cloudevent.id`, `cloudevent.type`.
        """
        if isinstance(data, str):
            data = data.encode()
        elif not isinstance(data, bytes):
            data, content_type = golang.marshal(data), content_type or "application/json"
        around = self._core.around
        origin = Origin(pubsub, topic, self._core.app_id, NO_SPAN)
        event = new_event(data, content_type, metadata, origin, clock=around.clock, ids=around.ids)
        return self._deliver(pubsub, Message(topic, golang.marshal(event), metadata))

    def replay(self, record: Record) -> list[str]:
        """Hand a recorded event, published or delivered before, to those who subscribe now; who they are."""
        if isinstance(record, Published):
            return self._deliver(record.pubsub, Message(record.topic, record.data, record.metadata))
        return self._deliver(record.pubsub, Message(record.topic, golang.marshal(record.event)))

    def _deliver(self, pubsub: str, message: Message) -> list[str]:
        found = self._core.pubsub.deliver(pubsub, message)
        if not found:
            others = sorted(
                {(one.subscription.pubsub_name, one.subscription.topic) for one in self._core.pubsub.in_force}
            )
            known = ", ".join(f"{name}/{topic}" for name, topic in others) or "none at all"
            raise AssertionError(f"nobody subscribes to {pubsub}/{message.topic}; there are subscriptions to: {known}")
        return found


# --- records --------------------------------------------------------------------------------------------------------


def _matching(records: Sequence[R], wanted: Mapping[str, Any]) -> list[R]:
    return [record for record in tuple(records) if not _differences(record, wanted)]


def _asserted(what: str, records: Sequence[R], wanted: Mapping[str, Any], times: int | None) -> R:
    found = _matching(records, wanted)
    if not found or times not in (None, len(found)):
        often = "" if times is None else f" {times} time(s), but {len(found)}"
        raise AssertionError(_explained(f"not {what}{often}", records, wanted))
    return found[-1]


def _differences(record: Record, wanted: Mapping[str, Any]) -> list[str]:
    """In what a record is not the one that is meant."""
    found = []
    for name, value in wanted.items():
        if value is None:
            continue
        actual = _field(record, name)
        if actual != value:
            found.append(f"its {name} is {actual!r}, not {value!r}")
    return found


def _field(record: Record, name: str) -> Any:
    if name in ("pubsub", "topic"):
        return getattr(record, name)
    if isinstance(record, Attempted) and name in ("subscriber", "path", "status", "why"):
        return str(getattr(record, name))
    event = record.event
    if name == "data":
        return _data(record)
    if name == "metadata" and isinstance(record, Published):
        return dict(record.metadata)
    return None if event is None else event.get(name)


def _data(record: Record) -> Any:
    event = record.event
    if event is None:
        return record.data if isinstance(record, Published) else None
    encoded = event.get("data_base64")
    return base64.b64decode(encoded) if isinstance(encoded, str) else event.get("data")


def _explained(what: str, records: Sequence[R], wanted: Mapping[str, Any]) -> str:
    said = ", ".join(f"{name}={value!r}" for name, value in wanted.items() if value is not None)
    latest_first = tuple(reversed(tuple(records)))
    found = sorted(latest_first, key=lambda record: len(_differences(record, wanted)))[:NEAREST]
    if not found:
        return f"{what}: {said or 'anything'}\nthere was nothing at all"
    lines: list[str] = [
        f"  {_line(one)}\n      {'; '.join(_differences(one, wanted)) or 'it is meant'}" for one in found
    ]
    return "\n".join([f"{what}: {said}", "the nearest were", *lines])


def _line(record: Record) -> str:
    event = record.event or {}
    text = f"{record.pubsub}/{record.topic}  {event.get('type', 'no event')} {event.get('id', '')}  {_data(record)!r}"
    if isinstance(record, Attempted):
        text += f" → {record.subscriber} {record.status}{f' ({record.why})' if record.why else ''}"
    return text
