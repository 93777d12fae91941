"""Whatever is called, failed, deactivated and awaited: turns never overlap, state is never half of a transaction, and
reminders come exactly when they should."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fakesidecar.clock import VirtualClock
from fakesidecar.components.state import Delete, Operation, Upsert
from fakesidecar.core.actors.config import TypeConfig
from fakesidecar.core.actors.hosts import ActorCall, ActorReply, ActorTimer, Host, HostFailed, Reminder
from fakesidecar.core.actors.table import Moved
from fakesidecar.errors import (
    ActorInstanceMissing,
    ActorNotHosted,
    ActorStackDepth,
    ActorTransactionFailed,
    ApiError,
)
from fakesidecar.later import fail
from fakesidecar.neighbours import Neighbours
from fakesidecar.resources.component import Component
from fakesidecar.sidecar import Sidecar

IDS = st.sampled_from(["tom", "felix"])
TYPES = st.sampled_from(["Plain", "Nested"])
CHAINS = st.sampled_from(["", "one", "two"])
TIMES = st.integers(1, 3)
KEYS = ("a", "b", "c")
NAMES = st.sampled_from(["a", "b"])
STORE = Component("store", "state.in-memory", metadata={"actorStateStore": "true"})
DEPTH, IDLE = 2, 50.0


class Slow(Host):
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.open: list[tuple[str, str, str | None, Future[Any]]] = []
        """Type, id, chain of calls, answer."""
        self.deactivations: list[Future[Any]] = []

    def _ask(self, type: str, id: str, chain: str | None = None) -> Future[Any]:
        answer: Future[Any] = Future()
        self.open.append((type, id, chain, answer))
        return answer

    def invoke(self, call: ActorCall) -> Future[ActorReply]:
        return self._ask(call.type, call.id, call.header("dapr-reentrancy-id") if call.type == "Nested" else None)

    def remind(self, reminder: Reminder) -> Future[None]:
        return self._ask(reminder.type, reminder.id)

    def tick(self, timer: ActorTimer) -> Future[None]:
        return self._ask(timer.type, timer.id)

    def deactivate(self, type: str, id: str) -> Future[None]:
        answer = self._ask(type, id)
        self.deactivations.append(answer)
        return answer


EXPECTED = ("it broke", "context canceled", "actor host is not connected")
"""What calls may fail of."""


def check(calls: list[Future[ActorReply]]) -> None:
    """Every call has ended, and in no other way than its host says."""
    assert all(call.done() for call in calls), "somebody waits for ever"
    errors = [call.exception() for call in calls if not call.cancelled()]
    assert [error for error in errors if error and not str(error).endswith(EXPECTED)] == []


class Actors(RuleBasedStateMachine):
    """One sidecar, two types of two actors, a host that is slow."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.sidecar = Sidecar(components=[STORE], clock=self.clock)
        self.actors = self.sidecar.core.actors
        self.host = Slow()
        self.register()
        self.calls: list[Future[ActorReply]] = []
        self.state: dict[tuple[str, str], dict[str, bytes]] = {}

    def register(self) -> None:
        self.actors.register(self.host, {"Plain": TypeConfig(IDLE), "Nested": TypeConfig(IDLE, stack_depth=DEPTH)})

    def teardown(self) -> None:
        while self.host.open:
            self.answer(0, fails=False)
        check(self.calls)
        self.sidecar.stop()

    @rule(type=TYPES, id=IDS, chain=CHAINS, times=TIMES)
    def call(self, type: str, id: str, chain: str, times: int) -> None:
        headers = [("Dapr-Reentrancy-Id", chain)] if chain else []
        for _ in range(times):
            try:
                self.calls.append(self.actors.ask(ActorCall(type, id, "m", headers=headers)))
            except ActorStackDepth:
                nested = [one for one in self.host.open if one[:3] == (type, id, chain)]
                assert len(nested) == DEPTH

    @rule(number=st.integers(0, 20), fails=st.booleans())
    def answer(self, number: int, fails: bool) -> None:
        if not self.host.open:
            return
        *_, answer = self.host.open.pop(number % len(self.host.open))
        if fails:
            answer.set_exception(HostFailed("it broke"))
        else:
            answer.set_result(ActorReply())

    @rule(number=st.integers(0, 20))
    def give_up(self, number: int) -> None:
        if self.calls:
            self.calls.pop(number % len(self.calls)).cancel()

    @rule(type=TYPES, id=IDS)
    def deactivate(self, type: str, id: str) -> None:
        self.actors.deactivate(type, id)

    @rule(type=TYPES, id=IDS, name=NAMES, due=st.integers(0, 30), period=st.integers(1, 30), repeats=st.integers(1, 3))
    def remind(self, type: str, id: str, name: str, due: int, period: int, repeats: int) -> None:
        texts = {"due_time": f"{due}s", "period": f"R{repeats}/PT{period}S"}
        self.actors.create_reminder(Reminder(type, id, name, **texts))  # type: ignore[arg-type]  # texts are texts

    @rule(type=TYPES, id=IDS, name=NAMES, period=st.integers(1, 30))
    def tick(self, type: str, id: str, name: str, period: int) -> None:
        self.actors.create_timer(ActorTimer(type, id, name, period=f"{period}s"))

    @rule(type=TYPES, id=IDS, name=NAMES)
    def forget(self, type: str, id: str, name: str) -> None:
        self.actors.delete_reminder(type, id, name)
        self.actors.delete_timer(type, id, name)

    @rule(seconds=st.sampled_from([0.0, 1.0, 10.0, IDLE, 200.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def lose_the_host(self) -> None:
        self.actors.unregister(self.host)
        lost, self.host = self.host.open, Slow()
        for *_, answer in lost:
            answer.set_exception(HostFailed("context canceled"))
        self.register()

    @rule(type=TYPES, id=IDS, value=st.binary(max_size=3), deletes=NAMES, fails=st.booleans())
    def transact(self, type: str, id: str, value: bytes, deletes: str, fails: bool) -> None:
        operations: list[Operation] = [Upsert("a", value), Upsert("b", value), Delete(deletes)]
        if fails:
            operations.append(Upsert("c", value, etag="never"))
        kept = self.state.setdefault((type, id), {})
        try:
            self.actors.transact(type, id, lambda: operations)
        except ActorInstanceMissing:
            assert not self.actors.is_active(type, id)
        except ActorTransactionFailed:
            assert fails
        else:
            kept |= {"a": value, "b": value}
            del kept[deletes]

    @invariant()
    def turns_do_not_overlap(self) -> None:
        turns: dict[tuple[str, str], list[str | None]] = {}
        for type, id, chain, _ in self.host.open:
            turns.setdefault((type, id), []).append(chain)
        for chains in turns.values():
            assert len(chains) == 1 or (len(set(chains)) == 1 and chains[0] and len(chains) <= DEPTH)

    @invariant()
    def state_is_whole(self) -> None:
        for (type, id), kept in self.state.items():
            found = {key: self.actors.get_state(type, id, key) for key in KEYS}
            assert {key: item.data for key, item in found.items() if item} == kept
            assert self.actors.state.all(type, id) == kept

    @invariant()
    def who_is_asked_is_active(self) -> None:
        active = set(self.actors.active())
        assert {(type, id) for type, id, _, _ in self.host.open} <= active


TestActors = Actors.TestCase
TestActors.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class Rebalanced(RuleBasedStateMachine):
    """Three sidecars that share a place. Hosts come and are lost; actors move, and no turn overlaps."""

    DRAIN = 5.0
    SIDECARS = st.integers(0, 2)

    def __init__(self) -> None:
        super().__init__()
        self.clock, neighbours = VirtualClock(), Neighbours()
        self.sidecars = [Sidecar(components=[STORE], clock=self.clock, neighbours=neighbours) for _ in range(3)]
        self.hosts: list[Slow | None] = [None, None, None]
        self.calls: list[Future[ActorReply]] = []
        self.join(0)

    def teardown(self) -> None:
        if not any(self.hosts):
            self.join(0)
        for _ in range(1000):
            self.answer(0, fails=False)
        assert self.open() == []
        check(self.calls)
        for sidecar in self.sidecars:
            sidecar.stop()

    def open(self) -> list[tuple[str, str, str | None, Future[Any]]]:
        """What hosts were asked, and still do."""
        return [asked for host in self.hosts if host for asked in host.open if not asked[3].done()]

    @rule(number=SIDECARS)
    def join(self, number: int) -> None:
        if self.hosts[number] is None:
            host = self.hosts[number] = Slow()
            self.sidecars[number].core.actors.register(host, {"Plain": TypeConfig(IDLE, self.DRAIN)})

    @rule(number=SIDECARS)
    def lose(self, number: int) -> None:
        host = self.hosts[number]
        if host is not None:
            self.hosts[number] = None
            self.sidecars[number].core.actors.unregister(host)
            for *_, answer in host.open:
                fail(answer, HostFailed("context canceled"))

    @rule(number=SIDECARS, id=IDS, times=TIMES)
    def call(self, number: int, id: str, times: int) -> None:
        for _ in range(times):
            with suppress(ActorNotHosted):
                self.calls.append(self.sidecars[number].core.actors.ask(ActorCall("Plain", id, "m")))

    @rule(number=st.integers(0, 20), fails=st.booleans())
    def answer(self, number: int, fails: bool) -> None:
        if waiting := self.open():
            answer = waiting[number % len(waiting)][3]
            if fails:
                answer.set_exception(HostFailed("it broke"))
            else:
                answer.set_result(ActorReply())

    @rule(number=st.integers(0, 20))
    def give_up(self, number: int) -> None:
        if self.calls:
            self.calls.pop(number % len(self.calls)).cancel()

    @rule(number=SIDECARS, id=IDS, period=st.integers(1, 30))
    def tick(self, number: int, id: str, period: int) -> None:
        if self.hosts[number]:
            self.sidecars[number].core.actors.create_timer(ActorTimer("Plain", id, "t", period=f"R2/PT{period}S"))

    @rule(number=SIDECARS, id=IDS, period=st.integers(1, 30))
    def remind(self, number: int, id: str, period: int) -> None:
        if self.hosts[number]:
            self.sidecars[number].core.actors.create_reminder(Reminder("Plain", id, "r", period=f"R2/PT{period}S"))

    @rule(seconds=st.sampled_from([1.0, DRAIN, IDLE]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def turns_do_not_overlap(self) -> None:
        asked = [(type, id) for type, id, _, _ in self.open()]
        assert len(asked) == len(set(asked))

    @invariant()
    def deactivations_are_not_interrupted(self) -> None:
        done = [answer for host in self.hosts if host for answer in host.deactivations if answer.done()]
        assert not any(isinstance(answer.exception(), Moved) for answer in done)

    @invariant()
    def an_actor_is_active_once(self) -> None:
        active = [key for sidecar in self.sidecars for key in sidecar.core.actors.active()]
        assert len(active) == len(set(active))


TestRebalanced = Rebalanced.TestCase
TestRebalanced.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class Prompt(Slow):
    """Answers at once, and notes when it was asked."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock, self.times = clock, list[float]()

    def remind(self, reminder: Reminder) -> Future[None]:
        return self._noted()

    def tick(self, timer: ActorTimer) -> Future[None]:
        return self._noted()

    def deactivate(self, type: str, id: str) -> Future[None]:
        return self._done()

    def _noted(self) -> Future[None]:
        self.times.append(self.clock.now())
        return self._done()

    def _done(self) -> Future[None]:
        answer: Future[None] = Future()
        answer.set_result(None)
        return answer


@dataclass(frozen=True, slots=True)
class Length:
    """A duration in one of the ways to write it, and where it leads by the calendar of `datetime`."""

    text: str
    seconds: int
    months: int = 0

    def after(self, moment: datetime) -> datetime:
        years, month = divmod(moment.month - 1 + self.months, 12)
        first = moment.replace(year=moment.year + years, month=month + 1, day=1)
        # A month after January 31 is February 31, as Go counts, and that is some day of March.
        return first + timedelta(days=moment.day - 1, seconds=self.seconds)


def clock_text(seconds: int) -> list[str]:
    """Seconds, as Go and ISO 8601 write them."""
    minutes, rest = divmod(seconds, 60)
    hours, left = divmod(minutes, 60)
    return [
        f"{seconds}s",
        f"{minutes}m{rest}s",
        f"{hours}h{left}m{rest}s",
        f"{seconds * 1000}ms",
        f"{hours}h{left}m{rest - 0.5}s500ms" if rest else f"{seconds}.0s",
        f"PT{seconds}S",
        f"PT{hours}H{left}M{rest}S",
    ]


def lengths(most: int) -> st.SearchStrategy[Length]:
    """Durations by the clock."""
    return st.integers(0, most).flatmap(
        lambda seconds: st.sampled_from(clock_text(seconds)).map(lambda text: Length(text, seconds))
    )


by_calendar = st.builds(
    lambda years, months, weeks, days: Length(
        f"P{years}Y{months}M{weeks}W{days}DT1S", (7 * weeks + days) * 86400 + 1, 12 * years + months
    ),
    *(st.integers(0, most) for most in (1, 14, 2, 40)),
)
SINGLE = [
    Length("P1M", 0, 1),
    Length("P1Y", 0, 12),
    Length("P1W", 7 * 86400),
    Length("P1D", 86400),
]
calendars = by_calendar | st.sampled_from(SINGLE)
STARTS = [datetime(2030, 1, 1), datetime(2031, 1, 31, 23, 59, 59), datetime(2032, 2, 29, 12), datetime(2031, 12, 31)]


@st.composite
def moments(draw: st.DrawFn, start: datetime, length: Length) -> str:
    """The moment that is so much later, as a time with an offset of its own."""
    zone = timezone(timedelta(minutes=draw(st.sampled_from([0, 60, -210, 345]))))
    text = length.after(start).replace(tzinfo=UTC).astimezone(zone).isoformat()
    return text.replace("+00:00", "Z")


@given(data=st.data(), start=st.sampled_from(STARTS), kind=st.sampled_from(["reminder", "timer"]))
@settings(max_examples=200, deadline=None)
def test_reminders_and_timers_come_when_a_calendar_says(data: st.DataObject, start: datetime, kind: str) -> None:
    """Whatever their times are written in: a time, a duration by the clock or by the calendar, so often or for ever."""
    due = data.draw(st.none() | lengths(500) | calendars, "due")
    period = data.draw(st.none() | lengths(300).filter(lambda length: length.seconds > 0), "period")
    if kind == "timer" and data.draw(st.booleans(), "by the calendar"):
        period = data.draw(calendars.filter(lambda length: length.seconds or length.months), "period")
    repeats = data.draw(st.none() | st.integers(1, 5), "repeats")
    ttl = data.draw(st.none() | lengths(2000) | calendars, "ttl")
    texts = {"due_time": "", "period": "", "ttl": ""}
    first = start
    if due is not None:
        texts["due_time"] = data.draw(st.just(due.text) | moments(start, due), "due time")
        first = due.after(start)
    if period is not None:
        texts["period"] = period.text
        if repeats is not None and period.text.startswith("P"):
            texts["period"] = f"R{repeats}/{period.text}"
        else:
            repeats = None
    last = datetime.max
    if ttl is not None:
        last = ttl.after(first)
        texts["ttl"] = data.draw(st.just(ttl.text) | moments(first, ttl), "ttl time")

    clock = VirtualClock(start.replace(tzinfo=UTC))
    sidecar = Sidecar(components=[STORE], clock=clock)
    host = Prompt(clock)
    sidecar.core.actors.register(host, {"Plain": TypeConfig()})
    try:
        if kind == "reminder":
            sidecar.core.actors.create_reminder(Reminder("Plain", "tom", "r", **texts))  # type: ignore[arg-type]
        else:
            sidecar.core.actors.create_timer(ActorTimer("Plain", "tom", "r", **texts))  # type: ignore[arg-type]
    except ApiError:
        assert kind == "reminder"
        assert period is None
        assert due is None or ttl is not None
        return
    tick, expected = first, list[datetime]()
    if due is None and period is not None and kind == "reminder":
        tick = period.after(start)
    end = start + timedelta(seconds=sum(jumps := data.draw(st.lists(st.integers(0, 700), max_size=8), "jumps")))
    if data.draw(st.booleans(), "go far") and (due is None or due in SINGLE) and repeats is not None:
        jumps.append(500 * 86400)
        end += timedelta(days=500)
    while tick <= end and (tick < last if kind == "timer" else tick <= last):
        expected.append(tick)
        if period is None or len(expected) == repeats:
            break
        tick = period.after(tick)
    for jump in jumps:
        clock.advance(jump)
    assert [datetime.fromtimestamp(time, UTC).replace(tzinfo=None) for time in host.times] == expected
    sidecar.stop()
