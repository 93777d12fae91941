"""Jobs: what is told to whom, when, how often, and what becomes of a job afterwards."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf import any_pb2, duration_pb2, struct_pb2
from google.protobuf.message import Message
from grpc import StatusCode
from grpc.aio import AioRpcError, Metadata
from hypothesis import given
from hypothesis import strategies as st

from dapr_client.wire import common_pb2
from fakesidecar.app import AppChannel, AppFailed, AppRequest, AppResponse, AppRpcFailed, Transport
from fakesidecar.clock import SystemClock, VirtualClock
from fakesidecar.core.jobs import Job, Triggered
from fakesidecar.errors import JobExists, JobMissing, JobScheduleFailed
from fakesidecar.options import Options
from fakesidecar.schedule import BURST
from fakesidecar.scheduler import DROP, FailurePolicy
from fakesidecar.sidecar import Sidecar
from tests.fakesidecar.reference_calendar import ALL_DAYS, CronText, parts

from .doors import Refused, grpc_call, http_call, http_ok

Answer = Callable[[str], Any]


class App(Transport):
    """An application that is asked in process: what it was sent when, and what it answers."""

    def __init__(self, clock: VirtualClock) -> None:
        self.start = clock.now()
        self.clock = clock
        self.received: list[tuple[float, str]] = []
        self.bodies: list[bytes] = []
        self.messages: list[Any] = []
        self.answer: Answer = lambda name: 200

    async def request(self, request: AppRequest, timeout: float) -> AppResponse:
        self.received.append((round(self.clock.now() - self.start, 3), request.path))
        assert isinstance(request.body, bytes)
        self.bodies.append(request.body)
        status = self.answer(request.path)
        if status is None:
            raise AppFailed("nobody listens")
        return AppResponse(status)

    async def rpc(
        self, name: str, message: Message, metadata: Sequence[tuple[str, str | bytes]], timeout: float
    ) -> Any:
        self.received.append((round(self.clock.now() - self.start, 3), name))
        self.messages.append(message)
        return self.answer(name)

    def times(self) -> list[float]:
        return [time for time, _ in self.received]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def app(clock: VirtualClock) -> App:
    return App(clock)


@pytest.fixture
def sidecar(clock: VirtualClock, app: App) -> Iterator[Sidecar]:
    """A sidecar with an application that speaks HTTP."""
    made = Sidecar(Options(app_id="jobs"), clock=clock)
    made.core.app = AppChannel(app, clock)
    with made:
        yield made


HOUR = 3600


def alone() -> tuple[Sidecar, VirtualClock]:
    """A sidecar without doors and without an application, whose jobs are handled by nobody."""
    clock = VirtualClock()
    made = Sidecar(Options(app_id="jobs"), clock=clock)
    made.core.jobs.receiver = lambda tick: True
    return made, clock


def handles(do: Callable[[], object]) -> Callable[[Triggered], bool]:
    """Something that is done with every tick."""

    def receiver(tick: Triggered) -> bool:
        do()
        return True

    return receiver


def dues(sidecar: Sidecar, since: float) -> list[float]:
    return [tick.due - since for tick in sidecar.core.jobs.triggered]


# --- ticks ---------------------------------------------------------------------------------------


def test_a_month_of_a_schedule_is_there_when_the_clock_was_moved_by_a_month() -> None:
    sidecar, clock = alone()
    sidecar.core.jobs.schedule(Job("report", schedule="0 30 6 * * *"))
    clock.advance_to(datetime(2030, 2, 1, tzinfo=UTC))
    triggered = [datetime.fromtimestamp(tick.due, UTC) for tick in sidecar.core.jobs.triggered]
    assert triggered == [datetime(2030, 1, day, 6, 30, tzinfo=UTC) for day in range(1, 32)]


def test_a_job_is_triggered_when_the_clock_shows_its_time() -> None:
    sidecar, clock = alone()
    seen: list[float] = []
    start = clock.now()
    sidecar.core.jobs.receiver = handles(lambda: seen.append(clock.now() - start))
    sidecar.core.jobs.schedule(Job("often", schedule="@every 10s"))
    sidecar.core.jobs.schedule(Job("once", due_time="15s"))
    clock.advance(15)
    assert seen == [10, 15]
    clock.advance(20)
    assert seen == [10, 15, 20, 30]
    assert [job.name for job in sidecar.core.jobs.list()] == ["often"]


def test_scheduling_a_job_does_not_move_the_clock() -> None:
    sidecar, clock = alone()
    clock.advance(100)
    clock.reset()
    sidecar.reset()
    times: list[float] = []
    start = clock.now()

    def schedule_two() -> None:
        for number in range(2):
            sidecar.core.jobs.schedule(Job(str(number), due_time="5s"))
            times.append(clock.now() - start)

    clock.call_later(10, schedule_two)
    schedule_two()
    sidecar.core.jobs.delete_by_prefix("")
    clock.advance(50)
    assert times == [0, 0, 10, 10]
    assert dues(sidecar, start) == [15, 15]


def test_what_else_is_on_the_clock_happens_between_the_ticks() -> None:
    sidecar, clock = alone()
    seen: list[str] = []
    sidecar.core.jobs.receiver = handles(lambda: seen.append("tick"))
    sidecar.core.jobs.schedule(Job("often", schedule="@every 10s"))
    clock.call_later(25, lambda: seen.append("other"))
    clock.advance(40)
    assert seen == ["tick", "tick", "other", "tick", "tick"]


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (Job("j", due_time="0s"), [0]),
        (Job("j", due_time="-1h"), [-3600]),
        (Job("j", schedule="@every 10s", repeats=2), [10, 20]),
        (Job("j", schedule="@every 10s", due_time="1s", repeats=3), [1, 11, 21]),
        (Job("j", schedule="@every 10s", ttl="25s"), [10, 20]),
        (Job("j", schedule="@every 10s", due_time="10s", ttl="25s"), [10, 20, 30]),
        (Job("j", schedule="@every 10s", ttl="-1h"), []),
        (Job("j", schedule="@every 10s", due_time="-20s", repeats=4), [-20, -10, 0, 10]),
    ],
)
def test_a_job_is_over_after_its_last_tick(job: Job, expected: list[float]) -> None:
    sidecar, clock = alone()
    start = clock.now()
    sidecar.core.jobs.schedule(job)
    clock.advance(100)
    assert dues(sidecar, start) == expected
    with pytest.raises(JobMissing):
        sidecar.core.jobs.get("j")
    assert clock.pending() == 0


def test_a_job_that_never_comes_stays() -> None:
    sidecar, clock = alone()
    sidecar.core.jobs.schedule(Job("never", schedule="0 0 0 30 2 *"))
    clock.advance(10 * 366 * 86400)
    assert sidecar.core.jobs.get("never").schedule == "0 0 0 30 2 *"
    assert not sidecar.core.jobs.triggered


def test_a_job_without_a_pause_is_triggered_every_millisecond() -> None:
    sidecar, clock = alone()
    sidecar.core.jobs.schedule(Job("absurd", schedule="@every 0s"))
    clock.advance(1)
    assert len(sidecar.core.jobs.triggered) in (999, 1000)


@pytest.mark.parametrize("schedule", ["@every 0s", "@every 1ns", "@every 999us", "@every -1h"])
def test_a_job_without_a_pause_does_not_hold_the_clock_up(schedule: str, caplog: pytest.LogCaptureFixture) -> None:
    sidecar, clock = alone()
    sidecar.core.jobs.schedule(Job("absurd", schedule=schedule))
    sidecar.core.jobs.schedule(Job("absurd for a while", schedule=schedule, repeats=2000))
    clock.advance(HOUR)
    assert [text for text in caplog.messages if "no pause" in text] == [
        "A schedule leaves no pause between its ticks: after 1000 they come once a second"
    ] * 2
    ticks = [tick.name for tick in sidecar.core.jobs.triggered]
    assert BURST + HOUR - 2 <= ticks.count("absurd") <= BURST + HOUR
    assert ticks.count("absurd for a while") == 2000


@pytest.mark.parametrize("interval", [None, -1.0, 0.0, 1e-9, 1e-6])
def test_retries_without_a_pause_do_not_hold_the_clock_up(
    interval: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    sidecar, clock = alone()
    sidecar.core.jobs.receiver = lambda tick: False
    sidecar.core.jobs.schedule(Job("bad", due_time="0s", failure_policy=FailurePolicy(interval, None)))
    clock.advance(HOUR)
    assert caplog.messages == ["A tick that fails is retried without a pause: after 1000 times, once a second"]
    assert BURST + HOUR - 2 <= len(sidecar.core.jobs.triggered) <= BURST + HOUR + 1


@pytest.mark.parametrize(
    ("job", "error"),
    [
        (Job("j", schedule="* * * * * *", repeats=0), "defined repeats must be greater than 0"),
        (Job("j", due_time="10000-01-01T00:00:00Z"), "due time format not recognized"),
        (Job("j", due_time="2030-02-30T00:00:00Z"), "due time format not recognized"),
        (Job("j", schedule="@every 2562048h"), 'time: invalid duration "2562048h"'),
        (Job("j", schedule="0 0 0 1 1 * 9999"), "expected exactly 6 fields, found 7"),
    ],
)
def test_a_job_that_is_none(job: Job, error: str) -> None:
    sidecar, _ = alone()
    with pytest.raises(JobScheduleFailed, match=error):
        sidecar.core.jobs.schedule(job)


@pytest.mark.parametrize(
    "job",
    [
        Job("j", due_time="9999-12-31T23:59:59Z"),
        Job("j", due_time="9999-12-31T23:59:59Z", schedule="@every 1ns"),
        Job("j", due_time="P99999Y"),
        Job("j", due_time="PT99999999999S"),
        Job("j", schedule="@every 2562047h", repeats=(1 << 32) - 1, ttl="P99999Y"),
    ],
)
def test_a_job_of_another_age_waits(job: Job) -> None:
    sidecar, clock = alone()
    sidecar.core.jobs.schedule(job)
    clock.advance(10 * 366 * 86400)
    assert sidecar.core.jobs.list() == (job,)
    assert not sidecar.core.jobs.triggered


def test_ticks_that_are_late_do_not_hold_the_clock_up() -> None:
    sidecar, clock = alone()
    sidecar.core.jobs.schedule(Job("old", due_time="2001-01-01T00:00:00Z", schedule="@every 1s"))
    clock.advance(1)
    assert 999 <= len(sidecar.core.jobs.triggered) <= 1001


def test_overwriting_starts_anew() -> None:
    sidecar, clock = alone()
    jobs, start = sidecar.core.jobs, clock.now()
    jobs.schedule(Job("j", schedule="@every 10s", repeats=2))
    clock.advance(15)
    with pytest.raises(JobExists):
        jobs.schedule(Job("j", schedule="@every 1s"))
    with pytest.raises(JobScheduleFailed):
        jobs.schedule(Job("j", schedule="often"), overwrite=True)
    assert jobs.get("j").schedule == "@every 10s"
    jobs.schedule(Job("j", schedule="@every 20s", repeats=2), overwrite=True)
    clock.advance(100)
    assert dues(sidecar, start) == [10, 35, 55]


def test_deleted_jobs_are_silent() -> None:
    sidecar, clock = alone()
    jobs = sidecar.core.jobs
    for name in ("red-1", "red-2", "blue"):
        jobs.schedule(Job(name, schedule="@every 10s"))
    jobs.delete("red-1")
    jobs.delete("nobody")
    clock.advance(10)
    jobs.delete_by_prefix("red")
    clock.advance(10)
    assert [tick.name for tick in jobs.triggered] == ["red-2", "blue", "blue"]
    jobs.delete_by_prefix("")
    assert jobs.list() == ()
    clock.advance(10)
    assert len(jobs.triggered) == 3


def test_a_reset_forgets_jobs_and_ticks() -> None:
    sidecar, clock = alone()
    sidecar.core.jobs.schedule(Job("j", schedule="@every 10s"))
    clock.advance(10)
    clock.reset()
    sidecar.reset()
    clock.advance(100)
    assert not sidecar.core.jobs.triggered
    sidecar.core.jobs.schedule(Job("j", schedule="@every 10s"))
    clock.advance(10)
    assert len(sidecar.core.jobs.triggered) == 1


def test_a_job_may_schedule_and_delete_jobs() -> None:
    sidecar, clock = alone()
    jobs, start = sidecar.core.jobs, clock.now()

    def next_one(tick: Triggered) -> bool:
        jobs.delete(tick.name)
        jobs.schedule(Job(tick.name + "+", due_time="5s"))
        return True

    jobs.receiver = next_one
    jobs.schedule(Job("j", schedule="@every 10s"))
    clock.advance(21)
    assert [(tick.name, tick.due - start) for tick in jobs.triggered] == [("j", 10), ("j+", 15), ("j++", 20)]


def test_a_job_that_is_due_waits_while_nobody_takes_it() -> None:
    sidecar, clock = alone()
    sidecar.core.jobs.receiver = None
    sidecar.core.jobs.schedule(Job("j", due_time="1s"))
    clock.advance(100)
    assert sidecar.core.jobs.get("j").due_time == "1s"
    assert not sidecar.core.jobs.triggered


SCHEDULES = ("@every 7s", "@every 1m", "*/20 * * * * *", "0 */3 * * * *", "5,6 1-3 * * * *", "@hourly", "@daily")


STARTS = [
    datetime.fromisoformat(f"{text}+00:00")
    for text in ("2030-01-01T00:00", "2030-03-31T00:50", "2031-12-31T23:45", "2032-02-28T23:50")
]
"""Where days, months, years, and the summer of Vienna begin soon."""


@dataclass(frozen=True, slots=True)
class Told:
    """A job, and how a calendar says when it comes."""

    interval: int | None
    cron: CronText
    due: int | None
    repeats: int | None
    ttl: int | None

    def job(self, name: str) -> Job:
        def seconds(number: int | None) -> str | None:
            return None if number is None else f"{number}s"

        schedule = self.cron.text if self.interval is None else f"@every {self.interval}s"
        return Job(name, schedule, seconds(self.due), self.repeats, seconds(self.ttl))

    def ticks(self, start: float, end: float) -> list[float]:
        first = [] if self.due is None else [start + self.due]
        after = start + (self.due or 0)
        if self.interval is None:
            more = self.cron.ticks(after, end)
        else:
            more = [float(tick) for tick in range(int(after) + self.interval, int(end) + 1, self.interval)]
        last = end if self.ttl is None else min(end, after + self.ttl)
        return [tick for tick in [*first, *more][: self.repeats] if tick <= last]


def maybe(strategy: st.SearchStrategy[int]) -> st.SearchStrategy[int | None]:
    return st.none() | strategy


jobs_told = st.builds(
    Told,
    interval=maybe(st.integers(1, 500)),
    cron=st.builds(
        lambda second, minute, hour, zone: CronText(second, minute, hour, ALL_DAYS, zone),
        parts(0, 59),
        parts(0, 59),
        parts(0, 23),
        st.sampled_from(["", "Europe/Vienna", "Asia/Kathmandu"]),
    ),
    due=maybe(st.integers(0, 500)),
    repeats=maybe(st.integers(1, 5)),
    ttl=maybe(st.integers(0, 1500)),
)


@given(
    start=st.sampled_from(STARTS),
    told=st.lists(jobs_told, min_size=1, max_size=3),
    again=jobs_told,
    jumps=st.lists(st.integers(0, 600), min_size=2, max_size=5),
)
def test_jobs_come_when_a_calendar_says_however_the_clock_jumps(
    start: datetime, told: list[Told], again: Told, jumps: list[int]
) -> None:
    """One of them is overwritten on the way."""
    clock = VirtualClock(start)
    sidecar = Sidecar(Options(app_id="jobs"), clock=clock)
    jobs, began, end = sidecar.core.jobs, clock.now(), clock.now() + sum(jumps)
    jobs.receiver = lambda tick: True
    for number, one in enumerate(told):
        jobs.schedule(one.job(str(number)))
    clock.advance(jumps[0])
    changed = clock.now()
    jobs.schedule(again.job("0"), overwrite=True)
    for jump in jumps[1:]:
        clock.advance(jump)
    expected = [(tick, "0") for tick in (*told[0].ticks(began, changed), *again.ticks(changed, end))]
    expected += [(tick, str(number)) for number, one in enumerate(told[1:], 1) for tick in one.ticks(began, end)]
    triggered = [(tick.due, tick.name) for tick in jobs.triggered]
    assert [due for due, _ in triggered] == sorted(due for due, _ in triggered)
    assert sorted(triggered) == sorted(expected)


@given(
    failures=st.lists(st.booleans(), max_size=30),
    interval=st.sampled_from([None, -1.0, 0.0, 3.0, 11.0]),
    retries=st.sampled_from([0, 1, 3]),
)
def test_a_tick_is_tried_so_often_and_no_tick_is_lost(
    failures: list[bool], interval: float | None, retries: int
) -> None:
    sidecar, clock = alone()
    outcomes = iter(failures)
    sidecar.core.jobs.receiver = lambda tick: not next(outcomes, False)
    start = clock.now()
    job = Job("j", schedule="@every 10s", repeats=5, failure_policy=FailurePolicy(interval, retries))
    sidecar.core.jobs.schedule(job)
    clock.advance(1000)
    left, expected = list(failures), []
    for number in range(1, 6):
        for attempt in range(retries + 1):
            expected.append((number * 10.0, attempt))
            if not (left and left.pop(0)):
                break
    assert [(tick.due - start, tick.attempt) for tick in sidecar.core.jobs.triggered] == expected
    assert sidecar.core.jobs.list() == ()


def test_the_clock_of_the_machine_triggers_too() -> None:
    sidecar = Sidecar(Options(app_id="jobs"), clock=SystemClock())
    told = threading.Event()
    sidecar.core.jobs.receiver = handles(told.set)
    with sidecar:
        grpc_call(sidecar, "ScheduleJob", job={"name": "soon", "due_time": "10ms"})
        assert told.wait(10)


# --- the application -----------------------------------------------------------------------------


def test_an_application_is_told_over_http(sidecar: Sidecar, clock: VirtualClock, app: App) -> None:
    http_ok(sidecar, "POST", "/v1.0/jobs/my%20job", {"schedule": "@every 1h", "data": {"b": 1, "a": [1.5, "<&>"]}})
    clock.advance(3 * 3600)
    assert app.received == [(3600, "/job/my%20job"), (7200, "/job/my%20job"), (10800, "/job/my%20job")]
    assert set(app.bodies) == {b'{"a":[1.5, "<&>"], "b":1}'}


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (None, b""),
        (any_pb2.Any(), b""),
        (any_pb2.Any(value=b" raw words \n"), b"raw words"),
        (any_pb2.Any(type_url="type.googleapis.com/google.protobuf.StringValue", value=b"\n\x03abc"), b"\x03abc"),
        (
            any_pb2.Any(
                type_url="type.googleapis.com/google.protobuf.Value",
                value=struct_pb2.Value(number_value=5).SerializeToString(),
            ),
            b"5",
        ),
    ],
)
def test_what_an_application_is_sent(
    sidecar: Sidecar, clock: VirtualClock, app: App, data: any_pb2.Any | None, body: bytes
) -> None:
    grpc_call(sidecar, "ScheduleJob", job={"name": "j", "due_time": "1s", "data": data})
    clock.advance(1)
    assert app.bodies == [body]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a!b", "/job/a!b"),
        ("a'(b)*", "/job/a'(b)*"),
        ("%41", "/job/%41"),
        ("a<b>", "/job/a%3Cb%3E"),
        ("[x]{y}|^`!", "/job/%5Bx%5D%7By%7D%7C%5E%60%21"),
        (" é ", "/job/%20%C3%A9%20"),
        ("..", "/job/.."),
    ],
)
def test_the_path_of_a_job(sidecar: Sidecar, clock: VirtualClock, app: App, name: str, path: str) -> None:
    sidecar.core.jobs.schedule(Job(name, due_time="1s"))
    clock.advance(1)
    assert app.received == [(1, path)]


def test_a_job_whose_name_is_no_path_cannot_be_told(sidecar: Sidecar, clock: VirtualClock, app: App) -> None:
    sidecar.core.jobs.schedule(Job("a%b", due_time="1s"))
    clock.advance(60)
    assert [tick.attempt for tick in sidecar.core.jobs.triggered] == [0, 1, 2, 3]
    assert app.received == []


@pytest.mark.parametrize(("status", "times"), [(200, 1), (204, 1), (404, 1), (301, 3), (400, 3), (500, 3), (None, 3)])
def test_a_tick_that_fails_is_tried_again(
    sidecar: Sidecar, clock: VirtualClock, app: App, status: int | None, times: int
) -> None:
    app.answer = lambda name: status
    policy = common_pb2.JobFailurePolicyConstant(interval=duration_pb2.Duration(seconds=5), max_retries=2)
    grpc_call(sidecar, "ScheduleJob", job={"name": "j", "due_time": "1s", "failure_policy": {"constant": policy}})
    clock.advance(60)
    assert app.times() == [1, 6, 11][:times]
    with pytest.raises(Refused, match="job not found: j"):
        grpc_call(sidecar, "GetJob", name="j")


def test_by_default_a_tick_is_tried_four_times_a_second_apart(sidecar: Sidecar, clock: VirtualClock, app: App) -> None:
    app.answer = lambda name: 500
    http_ok(sidecar, "POST", "/v1.0/jobs/j", {"dueTime": "1m"})
    clock.advance(3600)
    assert app.times() == [60, 61, 62, 63]


def test_retries_that_take_longer_than_the_schedule_delay_the_next_tick(
    sidecar: Sidecar, clock: VirtualClock, app: App
) -> None:
    """As recorded: retries are counted from when the tick should have been, ticks that are late come at once."""
    app.answer = lambda name: 500
    job = Job("j", schedule="@every 1s", repeats=3, failure_policy=FailurePolicy(0.9, 2))
    sidecar.core.jobs.schedule(job)
    clock.advance(60)
    assert app.times() == [1, 1.9, 2.8, 2.801, 2.9, 3.8, 3.801, 3.9, 4.8]


def test_a_dropped_tick_is_not_tried_again(sidecar: Sidecar, clock: VirtualClock, app: App) -> None:
    app.answer = lambda name: 500
    sidecar.core.jobs.schedule(Job("j", schedule="@every 10s", repeats=2, failure_policy=DROP))
    clock.advance(60)
    assert app.times() == [10, 20]


def test_a_grpc_application_is_told(sidecar: Sidecar, clock: VirtualClock, app: App) -> None:
    assert sidecar.core.app is not None
    sidecar.core.app.is_grpc = True
    http_ok(sidecar, "POST", "/v1.0/jobs/j", {"dueTime": "5s", "data": "words"})
    clock.advance(5)
    assert app.received == [(5, "OnJobEvent")]
    (event,) = app.messages
    assert (event.name, event.method, event.http_extension.verb) == ("j", "job/j", event.http_extension.POST)
    assert event.content_type == event.data.type_url == "type.googleapis.com/google.protobuf.Value"
    assert struct_pb2.Value.FromString(event.data.value).string_value == "words"


def test_a_grpc_application_of_before_is_told_as_it_was_then(sidecar: Sidecar, clock: VirtualClock, app: App) -> None:
    def answer(name: str) -> int:
        if name == "OnJobEvent":
            raise AppRpcFailed(AioRpcError(StatusCode.UNIMPLEMENTED, Metadata(), Metadata(), "unknown"), "127.0.0.1:1")
        return 200

    assert sidecar.core.app is not None
    sidecar.core.app.is_grpc, app.answer = True, answer
    http_ok(sidecar, "POST", "/v1.0/jobs/j", {"dueTime": "5s"})
    clock.advance(60)
    assert app.received == [(5, "OnJobEvent"), (5, "OnJobEventAlpha1")]


@pytest.mark.parametrize("is_grpc", [False, True])
def test_a_job_that_is_due_waits_for_the_application_to_listen(
    sidecar: Sidecar, clock: VirtualClock, app: App, is_grpc: bool
) -> None:
    assert sidecar.core.app is not None
    sidecar.core.app.is_grpc = is_grpc
    app.answer = unavailable
    sidecar.core.health.waiting_for.append("app")
    sidecar.core.jobs.schedule(Job("early", due_time="1s"))
    sidecar.core.jobs.schedule(Job("deleted", due_time="2s"))
    clock.advance(60)
    assert app.times() == [1, 2]
    sidecar.core.jobs.delete("deleted")
    app.answer = lambda name: 200
    sidecar.core.health.waiting_for.clear()
    sidecar.core.jobs.app_is_ready()
    clock.wait_until_idle()
    assert app.times() == [1, 2, 60]
    assert sidecar.core.jobs.list() == ()


def unavailable(name: str) -> None:
    """Nobody listens."""
    if name.startswith("/"):
        return
    raise AppRpcFailed(AioRpcError(StatusCode.UNAVAILABLE, Metadata(), Metadata(), "nobody listens"), "127.0.0.1:1")


def test_a_job_can_be_triggered_by_hand(sidecar: Sidecar, clock: VirtualClock, app: App) -> None:
    http_ok(sidecar, "POST", "/v1.0/jobs/j", {"schedule": "@yearly"})
    sidecar.core.jobs.trigger("j")
    clock.wait_until_idle()
    assert app.received == [(0, "/job/j")]
    with pytest.raises(KeyError, match="there is no job 'nobody'"):
        sidecar.core.jobs.trigger("nobody")


# --- the doors -----------------------------------------------------------------------------------


def test_a_job_that_cannot_be_written_as_json(sidecar: Sidecar) -> None:
    for url, reason in (("", "type_url is not set"), ("type.googleapis.com/no.Such", "unable to resolve")):
        data = any_pb2.Any(type_url=url, value=b"x")
        grpc_call(sidecar, "ScheduleJob", job={"name": "j", "schedule": "@yearly", "data": data}, overwrite=True)
        with pytest.raises(Refused) as caught:
            http_ok(sidecar, "GET", "/v1.0/jobs/j")
        assert caught.value.code == "ERR_INTERNAL"
        assert f"failed to encode response as JSON: proto: google.protobuf.Any: {reason}" in caught.value.message


@pytest.mark.parametrize(("named", "addresses"), [("", []), ("a:1,b:2", ["a:1", "b:2"])])
def test_the_metadata_name_the_scheduler(named: str, addresses: list[str]) -> None:
    with Sidecar(Options(scheduler_host_address=named)) as sidecar:
        assert list(grpc_call(sidecar, "GetMetadata").scheduler.connected_addresses) == addresses
        found = http_ok(sidecar, "GET", "/v1.0/metadata")
        assert found.get("scheduler", {"connected_addresses": []}) == {"connected_addresses": addresses}


def test_without_a_scheduler_there_are_no_jobs() -> None:
    with Sidecar(Options(app_id="jobs", scheduler_host_address="")) as sidecar:
        for name, fields in (
            ("ScheduleJob", {"job": {"name": "j", "due_time": "1s"}}),
            ("GetJob", {"name": "j"}),
            ("DeleteJob", {"name": "j"}),
            ("ListJobs", {}),
            ("DeleteJobsByPrefix", {}),
        ):
            with pytest.raises(Refused, match="due to: scheduler clients are disabled"):
                grpc_call(sidecar, name, **fields)


@pytest.mark.parametrize("seed", range(3))
def test_no_schedule_breaks_the_sidecar(sidecar: Sidecar, seed: int) -> None:
    """Whatever is asked, the answer is a job or Dapr's error."""
    dice = random.Random(seed)
    letters = "0123456789*/,-?@#LW \tTZ=CRON_PYMDHS:.+ everydailyUTC"
    for _ in range(200):
        text = "".join(dice.choices(letters, k=dice.randint(0, 20)))
        body = {"schedule": text, "dueTime": dice.choice(["1s", text]), "overwrite": True}
        status = http_call(sidecar, "POST", "/v1.0/jobs/j", body)[0]
        assert status in (204, 500)
