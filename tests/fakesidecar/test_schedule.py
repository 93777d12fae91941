from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesidecar.golang import GoError
from fakesidecar.schedule import Period, Plan, parse, parse_period, parse_rfc3339, parse_time
from tests.fakesidecar.reference_calendar import ALL_DAYS, MONTHS, WEEKDAYS, CronText, Part, all_of, only, parts

NOW = datetime(2030, 1, 1, tzinfo=UTC).timestamp()


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def ticks(schedule: str, after: float, count: int) -> list[str]:
    parsed, found = parse(schedule), []
    for _ in range(count):
        tick = parsed.next(after)
        assert tick is not None
        found.append(datetime.fromtimestamp(tick, UTC).isoformat()[:19])
        after = tick
    return found


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("* * * * * *", ["2030-01-01T00:00:01", "2030-01-01T00:00:02"]),
        ("@every 1h30m", ["2030-01-01T01:30:00", "2030-01-01T03:00:00"]),
        ("@every 1.5s", ["2030-01-01T00:00:01", "2030-01-01T00:00:03"]),
        ("@hourly", ["2030-01-01T01:00:00", "2030-01-01T02:00:00"]),
        ("@daily", ["2030-01-02T00:00:00", "2030-01-03T00:00:00"]),
        ("@weekly", ["2030-01-06T00:00:00", "2030-01-13T00:00:00"]),
        ("@monthly", ["2030-02-01T00:00:00", "2030-03-01T00:00:00"]),
        ("@yearly", ["2031-01-01T00:00:00", "2032-01-01T00:00:00"]),
        ("0 30 6 * * MON-FRI", ["2030-01-01T06:30:00", "2030-01-02T06:30:00"]),
        ("0 0 0 1 * fri", ["2030-01-04T00:00:00", "2030-01-11T00:00:00"]),  # the 1st or a Friday
        ("0 0 0 */10 * fri", ["2030-01-04T00:00:00", "2030-01-11T00:00:00"]),
        ("0 0 0 29 2 *", ["2032-02-29T00:00:00", "2036-02-29T00:00:00"]),
        ("50/5 59 23 31 12 ?", ["2030-12-31T23:59:50", "2030-12-31T23:59:55"]),
        ("*-5 0 0 1 1 *", ["2030-01-01T00:00:01", "2030-01-01T00:00:02"]),
        ("1,,2 * * * * *", ["2030-01-01T00:00:01", "2030-01-01T00:00:02"]),
        ("TZ=Asia/Kolkata 0 0 6 * * *", ["2030-01-01T00:30:00", "2030-01-02T00:30:00"]),
        ("CRON_TZ=America/New_York @daily", ["2030-01-01T05:00:00", "2030-01-02T05:00:00"]),
    ],
)
def test_a_schedule_ticks_when_it_says(schedule: str, expected: list[str]) -> None:
    assert ticks(schedule, NOW, 2) == expected


@pytest.mark.parametrize("schedule", ["0 0 0 30 2 *", "0 0 0 31 4,6,9,11 *", ", * * * * *"])
def test_a_schedule_that_never_comes_has_no_tick(schedule: str) -> None:
    assert parse(schedule).next(NOW) is None


@pytest.mark.parametrize("schedule", ["@every 0s", "@every -1h", "@every 1ns"])
def test_a_schedule_without_a_pause_ticks_every_millisecond(schedule: str) -> None:
    assert parse(schedule).next(NOW) == NOW + 0.001


def test_an_hour_that_is_skipped_has_no_tick() -> None:
    """Clocks in Vienna go from 02:00 to 03:00 on March 31, 2030."""
    schedule = "TZ=Europe/Vienna 0 30 2 * * *"
    assert ticks(schedule, at("2030-03-30T03:00", "Europe/Vienna"), 1) == ["2030-04-01T00:30:00"]
    assert ticks("TZ=Europe/Vienna 0 0 * * * *", at("2030-03-31T00:00"), 2) == [
        "2030-03-31T01:00:00",
        "2030-03-31T02:00:00",
    ]


def test_an_hour_that_comes_twice_ticks_twice() -> None:
    """Clocks in Vienna go from 03:00 back to 02:00 on October 27, 2030."""
    assert ticks("TZ=Europe/Vienna 0 */30 2 * * *", at("2030-10-27T00:00") - 1, 5) == [
        "2030-10-27T00:00:00",
        "2030-10-27T00:30:00",
        "2030-10-27T01:00:00",
        "2030-10-27T01:30:00",
        "2030-10-28T01:00:00",
    ]


def test_a_zone_that_moves_by_half_an_hour() -> None:
    """Lord Howe's clocks go from 02:00 to 02:30 on October 6, and from 02:00 back to 01:30 on April 7, 2030."""
    schedule = "TZ=Australia/Lord_Howe 0 15,45 1,2 * * *"
    assert ticks(schedule, at("2030-10-05T12:00"), 3) == [
        "2030-10-05T14:45:00",
        "2030-10-05T15:15:00",
        "2030-10-05T15:45:00",
    ]
    assert ticks(schedule, at("2030-04-06T13:00"), 4) == [
        "2030-04-06T14:15:00",
        "2030-04-06T14:45:00",
        "2030-04-06T15:15:00",
        "2030-04-06T15:45:00",
    ]


ERRORS = {
    "": "empty spec string",
    " ": "expected exactly 6 fields, found 0: []",
    "0 0 1 1 *": "expected exactly 6 fields, found 5: [0 0 1 1 *]",
    "0 0 0 1 1 * 2099": "expected exactly 6 fields, found 7: [0 0 0 1 1 * 2099]",
    "0 0 0 * January *": 'failed to parse int from January: strconv.Atoi: parsing "January": invalid syntax',
    "0 0 0 * * 7": "end of range (7) above maximum (6): 7",
    "1-61 * * * * *": "end of range (61) above maximum (59): 1-61",
    "0 0 0 0 1 *": "beginning of range (0) below minimum (1): 0",
    "30-10 0 0 1 1 *": "beginning of range (30) beyond end of range (10): 30-10",
    "*/0 0 0 1 1 ?": "step of range should be a positive number: */0",
    "*/-5 0 0 1 1 ?": "negative number (-5) not allowed: -5",
    "-1 0 0 1 1 *": 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax',
    "1-2-3 * * * * *": "too many hyphens: 1-2-3",
    "*/5/5 * * * * *": "too many slashes: */5/5",
    "0 0 0 L * *": 'failed to parse int from L: strconv.Atoi: parsing "L": invalid syntax',
    "mon * * * * *": 'failed to parse int from mon: strconv.Atoi: parsing "mon": invalid syntax',
    "99999999999999999999 * * * * *": "failed to parse int from 99999999999999999999: "
    'strconv.Atoi: parsing "99999999999999999999": value out of range',
    "TZ=Mars/Olympus 0 0 0 1 1 *": "provided bad location Mars/Olympus: unknown time zone Mars/Olympus",
    "TZ=Europe 0 0 0 1 1 *": "provided bad location Europe: unknown time zone Europe",
    "TZ=../x 0 0 0 1 1 *": "provided bad location ../x: time: invalid location name",
    "TZ=UTC": "timezone prefix TZ=UTC is not followed by a schedule",
    "TZ=UTC  ": "expected exactly 6 fields, found 0: []",
    "CRON_TZ=UTC @every 1h": "timezone is not supported for @every schedules: CRON_TZ=UTC @every 1h",
    "@DAILY": "unrecognized descriptor: @DAILY",
    "@daily ": "unrecognized descriptor: @daily ",
    "@every1h": "unrecognized descriptor: @every1h",
    "@every 1d": 'failed to parse duration @every 1d: time: unknown unit "d" in duration "1d"',
    "@every ": 'failed to parse duration @every : time: invalid duration ""',
    "PT1H": "expected exactly 6 fields, found 1: [PT1H]",
}


@pytest.mark.parametrize(("schedule", "message"), ERRORS.items())
def test_a_schedule_that_is_none(schedule: str, message: str) -> None:
    with pytest.raises(GoError) as caught:
        parse(schedule)
    assert str(caught.value) == message


def test_seconds_may_be_left_out_where_a_caller_says_so() -> None:
    assert parse("5 * * * *", seconds_optional=True).next(NOW) == NOW + 300
    assert parse("5 * * * * *", seconds_optional=True).next(NOW) == NOW + 5
    with pytest.raises(GoError, match=r"^expected 5 to 6 fields, found 3: \[now and then\]$"):
        parse("now and then", seconds_optional=True)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("1h30m", Period(seconds=5400)),
        ("-1s", Period(seconds=-1)),
        ("PT1H30M5S", Period(seconds=5405)),
        ("P1Y2M3W4D", Period(years=1, months=2, days=25)),
        ("P1D1W", Period(days=8)),
        ("R5/PT10S", Period(seconds=10, repeats=5)),
        ("R3", Period(repeats=3)),
        ("R3/", Period(repeats=3)),
        ("R0/PT1H", Period(seconds=3600, repeats=0)),
        ("P1", Period()),
        ("PT1H ", Period(seconds=3600)),
        ("PT9223372036S", Period(seconds=9223372036)),
        ("PT9223372037S", Period(seconds=-9223372036.709551616)),  # Go counts nanoseconds in 64 bits
        ("PT9999999999H", Period(seconds=-8044435481.044754432)),
    ],
)
def test_a_period(text: str, period: Period) -> None:
    assert parse_period(text) == period


@pytest.mark.parametrize(
    "text", ["", "P", "R", "R/PT1H", "Rx/PT1H", "R3/1h", "P1H", "PT1.5H", "pt1h", "+PT1H", "1d", "5"]
)
def test_a_period_that_is_none(text: str) -> None:
    with pytest.raises(GoError, match="unsupported duration format: "):
        parse_period(text)


def test_a_time_is_counted_by_the_calendar() -> None:
    january = at("2031-01-31T12:00")
    assert parse_time("P1M", january) == at("2031-03-03T12:00")
    assert parse_time("P1Y", january) == at("2032-01-31T12:00")
    assert parse_time("P-1D", january) == at("2031-01-30T12:00")
    assert parse_time("P14M", january) == at("2032-03-31T12:00")
    assert parse_time("1h", january) == january + 3600
    assert parse_time("2001-02-03T04:05:06.5+01:00", january) == at("2001-02-03T03:05:06.500")
    assert parse_time("2001-02-03T04:05:06-03:30", january) == at("2001-02-03T07:35:06")
    assert parse_time("P99999999999Y", january) == math.inf
    with pytest.raises(GoError, match="repetitions are not allowed"):
        parse_time("R3/PT1H", january)
    with pytest.raises(GoError, match="unsupported time/duration format: tomorrow"):
        parse_time("tomorrow", january)


@pytest.mark.parametrize(
    "text",
    ["2099-01-02", "2099-01-02T03:04:05", "2099-02-30T00:00:00Z", "2099-01-02T24:00:00Z", "2099-01-02 03:04:05Z"],
)
def test_a_time_that_is_none(text: str) -> None:
    assert parse_rfc3339(text) is None


def test_a_plan_is_due_then_scheduled_so_often_until_it_expires() -> None:
    def all_of(plan: Plan) -> list[float]:
        found, tick = [], plan.first()
        while tick is not None:
            found.append(tick - NOW)
            tick = plan.next(tick, len(found))
        return found

    every = parse("@every 10s")
    assert all_of(Plan(NOW, due=NOW + 5)) == [5]
    assert all_of(Plan(NOW, every, repeats=2)) == [10, 20]
    assert all_of(Plan(NOW, every, due=NOW + 5, repeats=3)) == [5, 15, 25]
    assert all_of(Plan(NOW, every, expires=NOW + 30)) == [10, 20, 30]
    assert all_of(Plan(NOW, every, expires=NOW + 9)) == []
    never = parse("0 0 0 30 2 *")
    assert Plan(NOW, never).first() == math.inf
    assert Plan(NOW, never, expires=NOW + 9).first() is None


# --- against a calendar --------------------------------------------------------------------------

CHANGES = [
    ("UTC", "2030-12-31"),
    ("Asia/Kathmandu", "2030-12-31"),
    ("Europe/Vienna", "2030-03-30"),
    ("Europe/Vienna", "2030-10-26"),
    ("America/St_Johns", "2030-03-09"),
    ("America/St_Johns", "2030-11-02"),
    ("Australia/Lord_Howe", "2030-04-06"),
    ("Australia/Lord_Howe", "2030-10-05"),
    ("Pacific/Apia", "2011-12-29"),
]
"""Zones, and the days before their clocks are changed: by an hour, by half of one, by a whole day."""
MINUTE, DAY = 60, 86400


def check(cron: CronText, start: float, end: float, step: int) -> None:
    schedule, after, found = parse(cron.text), start, []
    while (tick := schedule.next(after)) is not None and tick <= end:
        found.append(tick)
        after = tick
    assert found == cron.ticks(start, end, step)
    for tick in found[:3]:  # asked in any order
        assert schedule.next(tick - 0.25) == tick


@given(minute=parts(0, 59), hour=parts(0, 23) | st.integers(0, 4).map(only), change=st.sampled_from(CHANGES))
def test_cron_ticks_as_a_calendar_does_where_clocks_are_changed(
    minute: Part, hour: Part, change: tuple[str, str]
) -> None:
    zone, day = change
    start = at(day)
    check(CronText(only(0), minute, hour, ALL_DAYS, zone), start - 0.5, start + 2 * DAY, MINUTE)


@given(day=parts(1, 31), month=parts(1, 12, MONTHS), weekday=parts(0, 6, WEEKDAYS), year=st.integers(1999, 2096))
def test_cron_ticks_on_the_days_of_a_calendar(day: Part, month: Part, weekday: Part, year: int) -> None:
    start = at(f"{year}-02-01")
    check(CronText(only(0), only(0), only(0), (day, month, weekday)), start - 0.5, start + 366 * DAY, DAY)


@given(second=parts(0, 59), minute=parts(0, 59), start=st.integers(0, 1 << 32))
def test_cron_ticks_on_the_seconds_of_a_calendar(second: Part, minute: Part, start: int) -> None:
    check(CronText(second, minute, all_of(23), ALL_DAYS), start, start + 90 * MINUTE, 1)
