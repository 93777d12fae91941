"""A calendar that knows nothing of ours: every second, or every day, is looked at, and either fits or does not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


@dataclass(frozen=True, slots=True)
class Part:
    """A field of cron: its text, and the numbers that it means."""

    text: str
    numbers: frozenset[int]
    star: bool = False
    """It restricts nothing."""


@dataclass(frozen=True, slots=True)
class CronText:
    """A cron schedule, and when it ticks."""

    second: Part
    minute: Part
    hour: Part
    days: tuple[Part, Part, Part]
    """Of the month, months, of the week."""
    zone: str = ""

    @property
    def text(self) -> str:
        parts = (self.second, self.minute, self.hour, *self.days)
        return " ".join([*([f"CRON_TZ={self.zone}"] if self.zone else ()), *(part.text for part in parts)])

    def fits(self, moment: datetime) -> bool:
        """Whether it ticks when the clocks of its zone show this."""
        day, month, weekday = self.days
        in_month = moment.day in day.numbers
        in_week = moment.isoweekday() % 7 in weekday.numbers
        any_day = in_month and in_week if day.star or weekday.star else in_month or in_week
        return (
            moment.second in self.second.numbers
            and moment.minute in self.minute.numbers
            and moment.hour in self.hour.numbers
            and moment.month in month.numbers
            and any_day
        )

    def ticks(self, after: float, until: float, step: int = 1) -> list[float]:
        """All ticks after one time until another one, looked for every so many seconds."""
        zone: tzinfo = ZoneInfo(self.zone) if self.zone else UTC
        looked_at = range(int(after // step + 1) * step, int(until) + 1, step)
        return [float(second) for second in looked_at if self.fits(datetime.fromtimestamp(second, zone))]


@st.composite
def parts(draw: st.DrawFn, low: int, high: int, names: list[str] | None = None) -> Part:
    """A field of cron, written in any of the ways in which there are fields."""
    begin = draw(st.integers(low, high))
    end, step = draw(st.integers(begin, high)), draw(st.integers(1, 20))

    def named(number: int) -> str:
        return draw(st.sampled_from([str(number), names[number - low].upper()])) if names else str(number)

    everything = frozenset(range(low, high + 1))
    one = Part(named(begin), frozenset({begin}))
    stretch = Part(f"{named(begin)}-{named(end)}", frozenset(range(begin, end + 1)))
    alternatives = [
        Part("*", everything, star=True),
        Part("?", everything, star=True),
        Part(f"*/{step}", frozenset(range(low, high + 1, step)), star=step == 1),
        one,
        stretch,
        Part(f"{begin}/{step}", frozenset(range(begin, high + 1, step))),
        Part(f"{stretch.text}/{step}", frozenset(range(begin, end + 1, step))),
        Part(f"{one.text},{high}", one.numbers | {high}),
        Part(f"{low},{stretch.text}", stretch.numbers | {low}),
    ]
    return draw(st.sampled_from(alternatives))


def only(number: int) -> Part:
    """A field that is one number."""
    return Part(str(number), frozenset({number}))


def all_of(high: int) -> Part:
    """A field that is everything."""
    return Part("*", frozenset(range(high + 1)), star=True)


ALL_DAYS = (all_of(31), all_of(12), all_of(6))
