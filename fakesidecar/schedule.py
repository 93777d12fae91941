"""When something is to happen: cron, `@every`, durations and times, as jobs, cron bindings and actors write them.

    parse("0 30 6 * * MON-FRI").next(after=now)     # seconds since 1970, or None: never again
    parse_time("PT1H", now)                         # when something is due, or ends
    parse_period("R5/PT10S")                        # what repeats, and how often

Errors are `GoError`s with Dapr's texts. Cron is Dapr's dialect (dapr/kit cron): six fields, no Sunday 7, no `L`, `W`
or `#`. A time that a change of the clocks skips is skipped, one that it repeats happens twice.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from fakesidecar import golang
from fakesidecar.golang import GoError

YEARS = 5
"""How far ahead a cron schedule looks for its next tick (dapr/kit cron/spec.go)."""

SHORTEST = 0.001
"""What `@every 0s` comes to: a real scheduler triggers it about every millisecond."""
BURST, CALM = 1000, 1.0
"""After so many times, what has no pause comes only so often (in seconds): clocks are moved by hours."""

_EPOCH = datetime(1970, 1, 1)
_DAY = timedelta(days=1)
_HOUR = 3600


class Schedule(ABC):
    """Something that happens again and again."""

    restless = False
    """It asks for no pause between two ticks, or for less than the shortest."""

    @abstractmethod
    def next(self, after: float) -> float | None:
        """The first tick after a time, both in seconds since 1970; None when there is none."""


class Every(Schedule):
    """A tick per interval."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(seconds, SHORTEST)
        self.restless = seconds < SHORTEST

    def next(self, after: float) -> float:
        return after + self.seconds


# --- cron ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """One of the six fields of cron: what it takes."""

    low: int
    high: int
    names: dict[str, int]


def _named(names: str, first: int) -> dict[str, int]:
    return {name: number for number, name in enumerate(names.split(), first)}


SECOND = MINUTE = Field(0, 59, {})
HOUR = Field(0, 23, {})
DAY = Field(1, 31, {})
MONTH = Field(1, 12, _named("jan feb mar apr may jun jul aug sep oct nov dec", 1))
WEEKDAY = Field(0, 6, _named("sun mon tue wed thu fri sat", 0))
FIELDS = (SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY)

DESCRIPTORS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
EVERY = "@every "


@dataclass(frozen=True, slots=True)
class Values:
    """What a field of cron names; `free` when it is a star, which restricts nothing."""

    numbers: frozenset[int]
    free: bool


class Cron(Schedule):
    """A tick whenever the clocks of a time zone show what the six fields name.

    Ticks are found hour by hour; what is left of the hour found last is kept for who goes on from there.
    """

    def __init__(self, fields: list[Values], zone: tzinfo) -> None:
        seconds, minutes, hours, self._days, self._months, self._weekdays = fields
        self._in_an_hour = [60.0 * m + s for m in sorted(minutes.numbers) for s in sorted(seconds.numbers)]
        self._hours = sorted(hours.numbers)
        self._zone = zone
        self._last = math.nan
        """The tick that was given last."""
        self._coming: Iterator[float] = iter(())
        """What comes after it in the same hour."""

    def next(self, after: float) -> float | None:
        tick = next(self._coming, None) if after == self._last else None
        if tick is None:
            tick = self._search(after)
            if tick is None:
                return None
        self._last = tick
        return tick

    def _search(self, after: float) -> float | None:
        if not self._in_an_hour:
            return None
        first = datetime.fromtimestamp(math.floor(after) + 1, self._zone)
        for day in self._matching_days(first.date(), first.year + YEARS):
            for hour in self._hours:
                if day == first.date() and hour < first.hour:
                    continue
                start, ticks = self._hour(day, hour)
                self._coming = map(start.__add__, ticks[bisect_right(ticks, after - start) :])
                if (tick := next(self._coming, None)) is not None:
                    return tick
        return None

    def _matching_days(self, day: date, last_year: int) -> Iterator[date]:
        while day.year <= last_year:
            if day.month not in self._months.numbers:
                day = (day.replace(day=28) + 4 * _DAY).replace(day=1)
                continue
            if self._matches(day):
                yield day
            day += _DAY

    def _matches(self, day: date) -> bool:
        """When day and weekday are both restricted, either will do."""
        in_month = day.day in self._days.numbers
        in_week = day.isoweekday() % 7 in self._weekdays.numbers
        if self._days.free or self._weekdays.free:
            return in_month and in_week
        return in_month or in_week

    def _hour(self, day: date, hour: int) -> tuple[float, list[float]]:
        """An hour of the zone's clocks: when it starts, and its ticks; where clocks are changed it is no hour long."""
        local = datetime(day.year, day.month, day.day, hour)
        start = (local - _EPOCH).total_seconds()
        first = self._offset(local)
        if first == self._offset(local.replace(minute=59, second=59, fold=1)):
            return start - first, self._in_an_hour
        ticks = set()
        for second in self._in_an_hour:
            shown = local + timedelta(seconds=second)
            for fold in (0, 1):
                tick = start + second - self._offset(shown.replace(fold=fold))
                if datetime.fromtimestamp(tick, self._zone).replace(tzinfo=None) == shown:
                    ticks.add(tick)
        return 0.0, sorted(ticks)

    def _offset(self, local: datetime) -> float:
        offset = self._zone.utcoffset(local)
        assert offset is not None
        return offset.total_seconds()


def parse(text: str, *, seconds_optional: bool = False) -> Schedule:
    """Read a schedule: six fields of cron, `@daily` and its like, or `@every` with a Go duration.

    Zones are named in front (`CRON_TZ=Europe/Rome 0 0 6 * * *`), otherwise the fields are UTC. Cron bindings may leave
    the seconds out.
    """
    if not text:
        raise GoError("empty spec string")
    spec, zone = _without_zone(text)
    if spec.startswith(EVERY):
        if spec != text:
            raise GoError(f"timezone is not supported for @every schedules: {text}")
        try:
            return Every(golang.parse_duration(spec.removeprefix(EVERY)))
        except GoError as error:
            raise GoError(f"failed to parse duration {spec}: {error}") from None
    if spec.startswith("@"):
        if spec not in DESCRIPTORS:
            raise GoError(f"unrecognized descriptor: {spec}")
        spec = DESCRIPTORS[spec]
    words = spec.split()
    if seconds_optional and len(words) == 5:
        words.insert(0, "0")
    if len(words) != len(FIELDS):
        expected = "5 to 6" if seconds_optional else "exactly 6"
        raise GoError(f"expected {expected} fields, found {len(words)}: [{' '.join(words)}]")
    return Cron([_values(word, field) for word, field in zip(words, FIELDS, strict=True)], zone)


def _without_zone(text: str) -> tuple[str, tzinfo]:
    if not text.startswith(("TZ=", "CRON_TZ=")):
        return text, UTC
    prefix, space, spec = text.partition(" ")
    if not space:
        raise GoError(f"timezone prefix {prefix} is not followed by a schedule")
    name = prefix.partition("=")[2]
    try:
        return spec.strip(), _zone(name)
    except GoError as error:
        raise GoError(f"provided bad location {name}: {error}") from None


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    if name in ("", "UTC", "Local"):
        return UTC
    if ".." in name or name[0] in "/\\":
        raise GoError("time: invalid location name")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a folder of zones is no zone either
        raise GoError(f"unknown time zone {name}") from None


def _values(text: str, field: Field) -> Values:
    ranges = [_range(part, field) for part in text.split(",") if part]
    return Values(frozenset().union(*(found.numbers for found in ranges)), any(found.free for found in ranges))


def _range(text: str, field: Field) -> Values:
    """Read `*`, `5`, `1-5`, and each with a step; `5/10` is from 5 on. What follows a star and a hyphen is not read."""
    span, *steps = text.split("/")
    first, *more = span.split("-")
    if len(steps) > 1:
        raise GoError(f"too many slashes: {text}")
    free = first in ("*", "?")
    if free:
        low, high = field.low, field.high
    else:
        if len(more) > 1:
            raise GoError(f"too many hyphens: {text}")
        low = _number(first, field)
        high = _number(more[0], field) if more else low
    step = 1
    if steps:
        step = _integer(steps[0])
        high = high if more else field.high
    if low < field.low:
        raise GoError(f"beginning of range ({low}) below minimum ({field.low}): {text}")
    if high > field.high:
        raise GoError(f"end of range ({high}) above maximum ({field.high}): {text}")
    if low > high:
        raise GoError(f"beginning of range ({low}) beyond end of range ({high}): {text}")
    if step == 0:
        raise GoError(f"step of range should be a positive number: {text}")
    return Values(frozenset(range(low, high + 1, step)), free and step == 1)


def _number(text: str, field: Field) -> int:
    named = field.names.get(text.lower())
    return _integer(text) if named is None else named


def _integer(text: str) -> int:
    try:
        number = golang.atoi(text)
    except GoError as error:
        raise GoError(f"failed to parse int from {text}: {error}") from None
    if number < 0:
        raise GoError(f"negative number ({number}) not allowed: {text}")
    return number


# --- durations and times -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """How long, by the calendar and by the clock, and how often; `repeats` is None where the text does not say."""

    years: int = 0
    months: int = 0
    days: int = 0
    seconds: float = 0.0
    repeats: int | None = None

    def after(self, start: float) -> float:
        """The time that is so much later; infinitely late when no calendar goes so far."""
        moment = datetime.fromtimestamp(start, UTC)
        years, month = divmod(moment.month - 1 + self.months, 12)
        try:
            # As Go counts: a month after January 31 is February 31, which is March 3.
            first = moment.replace(year=moment.year + self.years + years, month=month + 1, day=1)
            moved = first + timedelta(days=moment.day - 1 + self.days, seconds=self.seconds)
        except (OverflowError, ValueError):
            return math.inf
        return start + (moved - moment).total_seconds()


def parse_period(text: str) -> Period:
    """Read a Go duration (`1h30m`) or one of ISO 8601 (`P1DT2H`), with repeats in front of it (`R5/PT10S`) or alone."""
    try:
        return _iso(text)
    except GoError:
        pass
    try:
        return Period(seconds=golang.parse_duration(text))
    except GoError:
        raise GoError(f"unsupported duration format: {text}") from None


_CALENDAR_UNITS = {"Y": ("years", 1), "M": ("months", 1), "W": ("days", 7), "D": ("days", 1)}
_CLOCK_UNITS = {"H": ("seconds", 3600), "M": ("seconds", 60), "S": ("seconds", 1)}


def _iso(text: str) -> Period:
    """Read what dapr/kit takes for ISO 8601 (time/parse.go): upper case, whole numbers, units in any order.

    What stands behind the last unit is not read.
    """
    repeats = None
    rest = text
    if rest.startswith("R") and len(rest) > 1:
        count, _, rest = rest[1:].partition("/")
        repeats = golang.atoi(count)
        if not rest:
            return Period(repeats=repeats)
    if len(text) < 2 or not rest.startswith("P"):
        raise GoError(f"unsupported ISO8601 duration format: {text}")
    amounts = {"years": 0, "months": 0, "days": 0, "seconds": 0}
    units, start = _CALENDAR_UNITS, 1
    for place in range(1, len(rest)):
        letter = rest[place]
        if letter == "T" and units is _CALENDAR_UNITS and start == place:
            units = _CLOCK_UNITS
        elif letter in units:
            unit, times = units[letter]
            amounts[unit] += times * golang.atoi(rest[start:place])
        elif letter in "YMWDTHS":
            raise GoError(f"unsupported ISO8601 duration format: {text}")
        else:
            continue
        start = place + 1
    return Period(amounts["years"], amounts["months"], amounts["days"], golang.wrap(amounts["seconds"]), repeats)


_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)


def parse_rfc3339(text: str) -> float | None:
    """The time that RFC 3339 writes so, read as Go does (a comma for a point, an hour of one digit); None: no time."""
    found = _RFC3339.fullmatch(text)
    if found is None:
        return None
    fraction, sign, hours, minutes = found.group(7, 8, 9, 10)
    try:
        moment = datetime(*map(int, found.group(1, 2, 3, 4, 5, 6)), tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError:
        return None
    offset = (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1) if sign else 0
    return moment.timestamp() - offset + float(f"0.{fraction or 0}")


UNREADABLE, REPEATED = "unsupported time/duration format: {}", "repetitions are not allowed"


def parse_time(text: str, now: float, *, unreadable: str = UNREADABLE, repeated: str = REPEATED) -> float:
    """When something is due or ends: a time (RFC 3339), or a duration of either form from now on.

    `unreadable` is what is said of a text that is neither, `repeated` of a duration that repeats.
    """
    when = parse_rfc3339(text)
    if when is not None:
        return when
    try:
        period = parse_period(text)
    except GoError:
        raise GoError(unreadable.format(text)) from None
    if period.repeats is not None and period.repeats > 0:
        raise GoError(repeated)
    return period.after(now)


# --- all of it together --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """When something happens: first when due, then by a schedule, so often in all, until it expires.

    A tick that is infinitely late never comes, but is not over either.
    """

    begin: float
    """When it was planned."""
    schedule: Schedule | None = None
    due: float | None = None
    repeats: int | None = None
    expires: float = math.inf

    def first(self) -> float | None:
        """The first tick; None when it is over before it begins."""
        if self.due is None:
            return self.next(self.begin, 0)
        return None if self.due > self.expires else self.due

    def next(self, last: float, count: int) -> float | None:
        """The tick after the one at `last`, which was the one of that number; None when it was the last one."""
        schedule, repeats = self.schedule, self.repeats
        if schedule is None or (repeats is not None and count >= repeats):
            return None
        tick = last + CALM if count >= BURST and schedule.restless else schedule.next(last)
        if tick is None:
            tick = math.inf
        return None if tick > self.expires else tick
