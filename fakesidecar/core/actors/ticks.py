"""When reminders and timers are due: durations, plans of ticks, and what keeps them going on the clock.

Durations are read as dapr kit/time does: ISO 8601 with repetitions (`R5/PT10S`), or Go's (`1h30m`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fakesidecar import golang
from fakesidecar.clock import Clock, Timer

ENDLESS = -1
"""The repetitions of a duration that names none."""


@dataclass(frozen=True, slots=True)
class Every:
    """A step in time; years, months and days are the calendar's."""

    seconds: float = 0.0
    years: int = 0
    months: int = 0
    days: int = 0

    @property
    def calendar(self) -> bool:
        """Whether the step has more than hours, minutes and seconds."""
        return bool(self.years or self.months or self.days)

    def after(self, when: float) -> float:
        """The time one step after `when` (time.AddDate: the 31st of a shorter month is a day of the next one)."""
        if self.calendar:
            whole, fraction = divmod(when, 1)
            start = datetime.fromtimestamp(whole, UTC)
            years, month = divmod(start.month - 1 + self.months, 12)
            first = start.replace(year=start.year + self.years + years, month=month + 1, day=1)
            when = (first + timedelta(days=start.day - 1 + self.days)).timestamp() + fraction
        return when + self.seconds


_ISO = re.compile(
    r"(?:R(?P<repeats>[+-]?\d+)(?:/|$))?(?P<period>(?<!^R)P(?P<date>(?:[+-]?\d+[YMWD])*)(?:T(?P<time>(?:[+-]?\d+[HMS])*))?)?"
)
_AMOUNT = re.compile(r"([+-]?\d+)([A-Z])")
_SECONDS = {"H": 3600, "M": 60, "S": 1}


def parse_duration(text: str) -> tuple[Every, int]:
    """The step and the repetitions (`ENDLESS` when none are named) of a duration; raises `GoError`."""
    found = _ISO.fullmatch(text)
    if found is not None and len(text) >= 2:
        date, time = _sums(found["date"]), _sums(found["time"])
        seconds = sum(_SECONDS[unit] * amount for unit, amount in time.items())
        days = date.get("D", 0) + 7 * date.get("W", 0)
        every = Every(float(seconds), date.get("Y", 0), date.get("M", 0), days)
        return every, ENDLESS if found["repeats"] is None else int(found["repeats"])
    try:
        return Every(golang.parse_duration(text)), ENDLESS
    except golang.GoError:
        raise golang.GoError(f"unsupported duration format: {text}") from None


def _sums(text: str | None) -> dict[str, int]:
    sums: dict[str, int] = {}
    for amount, unit in _AMOUNT.findall(text or ""):
        sums[unit] = sums.get(unit, 0) + int(amount)
    return sums


def parse_time(text: str, start: float) -> float:
    """The time that a text names: a duration after `start`, or RFC 3339; raises `GoError`."""
    try:
        every, repeats = parse_duration(text)
    except golang.GoError:
        return parse_moment(text)
    if repeats != ENDLESS:
        raise golang.GoError("repetitions are not allowed")
    return every.after(start)


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)")


def parse_moment(text: str) -> float:
    """A time in RFC 3339; raises `GoError`."""
    try:
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    raise golang.GoError(f"unsupported time/duration format: {text}")


@dataclass(frozen=True, slots=True)
class Plan:
    """When something is due: first at a time, then again after every step."""

    first: float
    every: Every | None = None
    total: int | None = None
    """How often in all, None without end."""
    expires: float | None = None

    def begin(self) -> float | None:
        """When it is due first, None when never."""
        return self._unless_expired(self.first)

    def next(self, count: int, last: float) -> float | None:
        """When it is due after it was due `count` times, at `last` most recently; None when never again."""
        if self.every is None or (self.total is not None and count >= self.total):
            return None
        return self._unless_expired(self.every.after(last))

    def _unless_expired(self, when: float) -> float | None:
        return None if self.expires is not None and when > self.expires else when


@dataclass(frozen=True, slots=True)
class Retries:
    """What follows from a tick that failed: another try after `interval` seconds, at most `most` times."""

    most: int | None = 0
    """None: without end."""
    interval: float = 0.0


DROP = Retries()
"""A tick that fails is over."""


class Ticking:
    """Something that is due again and again: each tick is delivered, and tried again, before the next one."""

    def __init__(
        self,
        clock: Clock,
        plan: Plan,
        deliver: Callable[[], Future[Any]],
        *,
        retries: Retries,
        over: Callable[[], None],
    ) -> None:
        self._clock, self._plan, self._deliver, self._retries, self._over = clock, plan, deliver, retries, over
        self._timer: Timer | None = None
        self._stopped = False
        self.count = 0
        """How often it was due."""
        self.due: float | None = None
        """When it is due next; None while a tick is being delivered."""

    def start(self) -> None:
        """Begin; what is due already is delivered at once."""
        when = self._plan.begin()
        if when is not None and when <= self._clock.now():
            self._tick(when)
        else:
            self._arm(when)

    def stop(self) -> None:
        """End; a tick that is being delivered is the last one."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, when: float | None) -> None:
        if self._stopped:
            return
        if when is None:
            self._stopped = True
            self._over()
        else:
            self.due = when
            self._timer = self._clock.call_at(when, lambda: self._tick(when))

    def _tick(self, due: float) -> None:
        self.due = None
        self.count += 1
        self._try(due, 0)

    def _try(self, due: float, failures: int) -> None:
        if not self._stopped:
            self._deliver().add_done_callback(lambda done: self._delivered(due, failures, done))

    def _delivered(self, due: float, failures: int, done: Future[Any]) -> None:
        failed = done.cancelled() or done.exception() is not None
        if self._stopped or not failed or not self._may_fail_again(failures):
            self._arm(self._plan.next(self.count, due))
            return
        self._timer = self._clock.call_later(self._retries.interval, lambda: self._try(due, failures + 1))

    def _may_fail_again(self, failures: int) -> bool:
        return self._retries.most is None or failures < self._retries.most
