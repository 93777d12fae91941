"""Reminders, which outlive their actors, and timers, which live in the sidecar that they were asked of.

Reminders are jobs of the scheduler (dapr pkg/actors/internal/scheduler); timers follow dapr pkg/actors/timers.
"""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from fakesidecar import golang
from fakesidecar.clock import Clock
from fakesidecar.core.actors.hosts import ActorTimer, Reminder
from fakesidecar.core.jobs import Job, plan_of
from fakesidecar.errors import ReminderCreateFailed, ReminderExists, ReminderNotFound, TimerCreateFailed
from fakesidecar.schedule import SHORTEST, Every, Period, Plan, Schedule, parse, parse_period, parse_rfc3339, parse_time
from fakesidecar.scheduler import DROP, FailurePolicy, Scheduler, Standing, Task

LOCK = threading.RLock()
"""Held while something that is due is delivered, whoever's it is: one delivery may end another sidecar's."""

DEFAULT_POLICY = FailurePolicy()

Key = tuple[str, str, str]
"""Type, id, name."""

K = TypeVar("K", Reminder, ActorTimer)


@dataclass(slots=True)
class Kept(Generic[K]):
    """A reminder or a timer, and what keeps it going."""

    what: K
    task: Task | None = None


@dataclass(frozen=True, slots=True)
class Saved(Generic[K]):
    """A reminder or a timer, its plan, and how far it has come: what a copy of a sidecar has of it."""

    what: K
    policy: FailurePolicy
    begin: float
    due: float | None
    repeats: int | None
    expires: float
    standing: Standing


class Due(ABC, Generic[K]):
    """Things that are due, by type, id and name."""

    def __init__(self, clock: Clock, deliver: Callable[[K], Future[Any]]) -> None:
        self._clock = clock
        self._scheduler = Scheduler(clock, LOCK)
        self._deliver: Callable[[K], Future[Any]] = deliver
        self._kept: dict[Key, Kept[K]] = {}

    def get(self, type: str, id: str, name: str) -> K | None:
        """What is kept under a name."""
        kept = self._kept.get((type, id, name))
        return None if kept is None else kept.what

    def select(self, type: str | None = None, id: str | None = None) -> list[K]:
        """What is kept, of all or of some."""
        with LOCK:
            return [
                kept.what
                for key, kept in sorted(self._kept.items(), key=lambda item: item[0])
                if (type is None or key[0] == type) and (id is None or key[1] == id)
            ]

    def _keep(self, what: K, plan: Plan, policy: FailurePolicy, standing: Standing | None = None) -> None:
        """Keep something, in the place of what had its name; from the beginning, or from where it stood."""
        key = (what.type, what.id, what.name)
        kept: Kept[K] = Kept(what)

        def deliver(task: Task) -> None:
            def told(done: Future[Any]) -> None:
                self._scheduler.done(task, not done.cancelled() and done.exception() is None)

            self._deliver(what).add_done_callback(told)

        def finished() -> None:
            if self._kept.get(key) is kept:
                del self._kept[key]

        with LOCK:
            self.remove(*key)
            self._kept[key] = kept
            if standing is None:
                kept.task = self._scheduler.start(plan, deliver, policy=policy, finished=finished)
            else:
                kept.task = self._scheduler.resume(plan, standing, deliver, policy=policy, finished=finished)

    def remove(self, type: str, id: str, name: str) -> None:
        """Keep something no longer."""
        with LOCK:
            kept = self._kept.pop((type, id, name), None)
            if kept is not None and kept.task is not None:
                self._scheduler.cancel(kept.task)

    def remove_all(self, type: str | None = None, id: str | None = None) -> None:
        """Keep nothing of some, or of all."""
        with LOCK:
            for what in self.select(type, id):
                self.remove(what.type, what.id, what.name)

    @abstractmethod
    def _schedule(self, what: K) -> Schedule | None:
        """How something comes again and again."""

    def snapshot(self) -> tuple[Saved[K], ...]:
        """All of it, and how far it has come."""
        with LOCK:
            tasks = [(kept.what, kept.task) for kept in self._kept.values()]
            return tuple(_saved(what, task) for what, task in tasks if task is not None)

    def restore(self, saved: Sequence[Saved[K]]) -> None:
        """Keep this, and nothing else."""
        with LOCK:
            self.reset()
            for one in saved:
                plan = Plan(one.begin, self._schedule(one.what), one.due, one.repeats, one.expires)
                self._keep(one.what, plan, one.policy, one.standing)

    def reset(self) -> None:
        """Keep nothing, and wait for nothing: the clock may be set back."""
        with LOCK:
            self._kept.clear()
            self._scheduler.reset()


def _saved(what: K, task: Task) -> Saved[K]:
    plan = task.plan
    return Saved(what, task.policy, plan.begin, plan.due, plan.repeats, plan.expires, task.standing)


class Reminders(Due[Reminder]):
    """The reminders of all sidecars of a place."""

    def create(self, reminder: Reminder, *, overwrite: bool = True, policy: FailurePolicy = DEFAULT_POLICY) -> None:
        """Keep a reminder; refused when it is never due, or when there is one that is not to be overwritten."""
        period = _period(reminder.period)
        schedule = None if period is None else f"@every {golang.format_duration(period.seconds)}"
        repeats = None
        if period is not None and period.repeats is not None and period.repeats > 0:
            repeats = period.repeats & 0xFFFFFFFF  # a job counts in 32 bits, and so 2^32 times are none
        job = Job(reminder.name, schedule, reminder.due_time or None, repeats, reminder.ttl or None)
        try:
            if job.schedule is None and job.due_time is None:
                raise golang.GoError("job must have either a due time or a schedule")
            plan = plan_of(job, self._clock.now())
        except golang.GoError as error:
            cause = f"rpc error: code = Unknown desc = job failed validation: {error}"
            raise ReminderCreateFailed(cause=cause) from error
        with LOCK:
            if not overwrite and self.get(reminder.type, reminder.id, reminder.name) is not None:
                raise ReminderExists(name=reminder.name)
            self._keep(replace(reminder, period=schedule or ""), plan, policy)

    def _schedule(self, what: Reminder) -> Schedule | None:
        return parse(what.period) if what.period else None

    def find(self, type: str, id: str, name: str) -> Reminder:
        """The reminder of that name."""
        found = self.get(type, id, name)
        if found is None:
            raise ReminderNotFound(name=name)
        return found


def _period(text: str) -> Period | None:
    """How often a reminder comes: by the clock alone, no calendar."""
    if not text:
        return None
    try:
        period = parse_period(text)
        if not (period.years or period.months or period.days):
            return period
    except golang.GoError:
        pass
    raise ReminderCreateFailed(cause=f"unsupported period format: {text}")


def shown_ttl(reminder: Reminder) -> str:
    """The ttl as it is told: a time is, a duration is not (dapr pkg/actors/api, Reminder.ExpirationTime)."""
    moment = parse_rfc3339(reminder.ttl)
    return "" if moment is None else golang.format_rfc3339(moment)


@dataclass(frozen=True, slots=True)
class ByCalendar(Schedule):
    """A tick per period, months and years as the calendar has them."""

    period: Period

    @property
    def restless(self) -> bool:  # type: ignore[override]  # as much as a variable
        return self.period.after(0.0) < SHORTEST

    def next(self, after: float) -> float:
        return max(self.period.after(after), after + SHORTEST)


class Timers(Due[ActorTimer]):
    """The timers of a sidecar."""

    def create(self, timer: ActorTimer) -> None:
        """Keep a timer; refused when its texts cannot be read, or when it is never due."""
        self._keep(timer, self._plan(timer), DROP)

    def _schedule(self, what: ActorTimer) -> Schedule | None:
        return _steps(what.period)[0]

    def _plan(self, timer: ActorTimer) -> Plan:
        now = self._clock.now()
        due = _time_of("due time", timer.due_time, now) if timer.due_time else now
        schedule, repeats = _steps(timer.period)
        expires = _time_of("TTL", timer.ttl, due) if timer.ttl else math.inf
        if expires < now or expires < due:
            address = "||".join((timer.type, timer.id, timer.name))
            moments = f"dueTime: {_moment(due, timer.due_time)} TTL: {timer.ttl}"
            raise TimerCreateFailed(cause=f"timer {address} has already expired: {moments}")
        # A timer ends with the moment at which it expires, a reminder after it.
        return Plan(now, schedule, due, repeats, math.nextafter(expires, -math.inf))


def _steps(text: str) -> tuple[Schedule | None, int | None]:
    if not text:
        return None, None
    try:
        period = parse_period(text)
    except golang.GoError as error:
        raise TimerCreateFailed(cause=f"invalid timer period: parse error: {error}") from error
    if period.repeats == 0:
        raise TimerCreateFailed(cause="invalid timer period: has zero repetitions")
    repeats = period.repeats if period.repeats and period.repeats > 0 else None
    if period.years or period.months or period.days:
        return ByCalendar(period), repeats
    return (Every(period.seconds), repeats) if period.seconds else (None, None)


def _time_of(what: str, text: str, start: float) -> float:
    try:
        return parse_time(text, start)
    except golang.GoError as error:
        raise TimerCreateFailed(cause=f"error parsing timer {what}: {error}") from error


def _moment(when: float, text: str) -> str:
    """A time as time.Time.String writes it: with the reading of a clock that has just started, if it was counted."""
    date, _, time = golang.format_rfc3339(when, nano=True).removesuffix("Z").partition("T")
    counted = "" if parse_rfc3339(text) is not None else " m=+0.000000001"
    return f"{date} {time} +0000 UTC{counted}"
