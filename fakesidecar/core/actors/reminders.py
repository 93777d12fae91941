"""Reminders, which outlive their actors, and timers, which live in the sidecar that they were asked of.

Reminders follow dapr pkg/actors/internal/scheduler and the scheduler service (go-etcd-cron); timers follow dapr
pkg/actors/timers.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from fakesidecar import golang
from fakesidecar.clock import Clock
from fakesidecar.core.actors.hosts import ActorTimer, Reminder
from fakesidecar.core.actors.ticks import (
    DROP,
    ENDLESS,
    Every,
    Plan,
    Retries,
    Ticking,
    parse_duration,
    parse_moment,
    parse_time,
)
from fakesidecar.errors import ReminderCreateFailed, ReminderExists, ReminderNotFound, TimerCreateFailed

DEFAULT_RETRIES = Retries(3, 1.0)
"""What becomes of a reminder that fails when nothing is said (dapr pkg/actors/internal/scheduler)."""

STORM_SECONDS = 1.0
"""The step of what is to be due without end and without a pause. daprd would deliver it as fast as it can."""

Key = tuple[str, str, str]
"""Type, id, name."""

K = TypeVar("K", Reminder, ActorTimer)


@dataclass(slots=True)
class Kept(Generic[K]):
    """A reminder or a timer, and what keeps it going."""

    what: K
    ticking: Ticking


class Due(Generic[K]):
    """Things that are due, by type, id and name."""

    def __init__(self, clock: Clock, deliver: Callable[[K], Future[Any]]) -> None:
        self._clock = clock
        self._deliver: Callable[[K], Future[Any]] = deliver
        self._kept: dict[Key, Kept[K]] = {}

    def get(self, type: str, id: str, name: str) -> Kept[K] | None:
        """What is kept under a name."""
        return self._kept.get((type, id, name))

    def select(self, type: str | None = None, id: str | None = None) -> list[K]:
        """What is kept, of all or of some."""
        return [
            kept.what
            for key, kept in sorted(self._kept.items())
            if (type is None or key[0] == type) and (id is None or key[1] == id)
        ]

    def keep(self, what: K, plan: Plan, retries: Retries) -> None:
        """Keep something, in the place of what had its name."""
        key = (what.type, what.id, what.name)
        self.remove(*key)
        ticking: Ticking = Ticking(
            self._clock, plan, lambda: self._deliver(what), retries=retries, over=lambda: self._over(key, ticking)
        )
        self._kept[key] = Kept(what, ticking)
        ticking.start()

    def _over(self, key: Key, ticking: Ticking) -> None:
        if key in self._kept and self._kept[key].ticking is ticking:
            del self._kept[key]

    def remove(self, type: str, id: str, name: str) -> None:
        """Keep something no longer."""
        kept = self._kept.pop((type, id, name), None)
        if kept is not None:
            kept.ticking.stop()

    def remove_all(self, type: str | None = None, id: str | None = None) -> None:
        """Keep nothing of some, or of all."""
        for what in self.select(type, id):
            self.remove(what.type, what.id, what.name)


class Reminders(Due[Reminder]):
    """The reminders of all sidecars of a place."""

    def create(self, reminder: Reminder, *, overwrite: bool = True, retries: Retries = DEFAULT_RETRIES) -> None:
        """Keep a reminder; refused when it is never due, or when there is one that is not to be overwritten."""
        every, total = _period(reminder.period)
        plan = self._plan(reminder, every, total)
        if not overwrite and self.get(reminder.type, reminder.id, reminder.name) is not None:
            raise ReminderExists(name=reminder.name)
        schedule = "" if every is None else f"@every {golang.format_duration(every.seconds)}"
        self.keep(replace(reminder, period=schedule), plan, retries)

    def find(self, type: str, id: str, name: str) -> Reminder:
        """The reminder of that name."""
        kept = self.get(type, id, name)
        if kept is None:
            raise ReminderNotFound(name=name)
        return kept.what

    def _plan(self, reminder: Reminder, every: Every | None, total: int | None) -> Plan:
        now = self._clock.now()
        due, ttl = reminder.due_time, reminder.ttl
        if not due and every is None:
            raise _not_valid("job must have either a due time or a schedule")
        if ttl and every is None:
            raise _not_valid("job must have a schedule to have a ttl")
        start = _point(due, now, "due time") if due else now
        step = None if every is None else _without_storm(every, total)
        first = start if due or step is None else step.after(now)
        return Plan(first, step, total, _point(ttl, start, "ttl") if ttl else None)


def _period(text: str) -> tuple[Every | None, int | None]:
    if not text:
        return None, None
    try:
        every, repeats = parse_duration(text)
    except golang.GoError:
        every, repeats = Every(days=1), ENDLESS
    if every.calendar:
        raise ReminderCreateFailed(cause=f"unsupported period format: {text}")
    return every, repeats if repeats > 0 else None


def _point(text: str, start: float, what: str) -> float:
    try:
        return parse_time(text, start)
    except golang.GoError as error:
        if "repetitions" in str(error):
            raise _not_valid(f"repeats not supported for {what}") from error
        raise _not_valid(f"{what} format not recognized") from error


def _not_valid(reason: str) -> ReminderCreateFailed:
    return ReminderCreateFailed(cause=f"rpc error: code = Unknown desc = job failed validation: {reason}")


def _without_storm(every: Every, total: int | None) -> Every:
    if every.after(0.0) > 0:
        return every
    return Every(STORM_SECONDS) if total is None else Every()


def shown_ttl(reminder: Reminder) -> str:
    """The ttl as it is told: a time is, a duration is not (dapr pkg/actors/reminders, expirationTime)."""
    try:
        return golang.format_rfc3339(parse_moment(reminder.ttl))
    except golang.GoError:
        return ""


class Timers(Due[ActorTimer]):
    """The timers of a sidecar."""

    def create(self, timer: ActorTimer) -> None:
        """Keep a timer; refused when its texts cannot be read, or when it is never due."""
        self.keep(timer, self._plan(timer), DROP)

    def _plan(self, timer: ActorTimer) -> Plan:
        now = self._clock.now()
        first = _time_of("due time", timer.due_time, now) if timer.due_time else now
        every, total = _timer_period(timer.period)
        expires = _time_of("TTL", timer.ttl, first) if timer.ttl else None
        if expires is not None and now > expires:
            address = "||".join((timer.type, timer.id, timer.name))
            moments = f"dueTime: {_moment(first)} TTL: {golang.format_rfc3339(expires)}"
            raise TimerCreateFailed(cause=f"timer {address} has already expired: {moments}")
        return Plan(first, every, total, expires)


def _timer_period(text: str) -> tuple[Every | None, int | None]:
    if not text:
        return None, None
    try:
        every, repeats = parse_duration(text)
    except golang.GoError as error:
        raise TimerCreateFailed(cause=f"invalid timer period: parse error: {error}") from error
    if repeats == 0:
        raise TimerCreateFailed(cause="invalid timer period: has zero repetitions")
    if every == Every():
        return None, None
    total = repeats if repeats > 0 else None
    return _without_storm(every, total), total


def _time_of(what: str, text: str, start: float) -> float:
    try:
        return parse_time(text, start)
    except golang.GoError as error:
        raise TimerCreateFailed(cause=f"error parsing timer {what}: {error}") from error


def _moment(when: float) -> str:
    # time.Time.String, with the monotonic reading of a clock that has just started.
    date, _, time = golang.format_rfc3339(when, nano=True).removesuffix("Z").partition("T")
    return f"{date} {time} +0000 UTC m=+0.000000001"
