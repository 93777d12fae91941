"""Jobs, by every way in, and told to applications of both kinds; a real daprd needs a scheduler besides."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import queue
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2

from dapr_client.app import App
from dapr_client.jobs import JobEvent
from dapr_testing import DaprSidecar, sidecar
from dapr_testing._sidecar import OnlyTheFakeHasIt
from tests.http_server import serving

from .ways import Planned, Refused, Way, open_way

Key = Callable[[str], str]
Answer = Callable[[str, Any], bool]
SCHEDULER = "DAPR_SCHEDULER_HOST_ADDRESS"
SECONDS = 20.0
"""How long, in real time, a job that is due may take to come."""


@pytest.fixture
def dapr_components() -> tuple[()]:
    return ()


@pytest.fixture(autouse=True)
def kind(_dapr_servers: Any) -> str:
    """The kind of sidecar, which has a scheduler."""
    if _dapr_servers.kind != "fake" and not os.environ.get(SCHEDULER):
        pytest.skip(f"a real daprd needs a scheduler, and {SCHEDULER} does not say where it is")
    return str(_dapr_servers.kind)


JOBS: Mapping[str, Planned] = {
    "cron": Planned("0 30 6 * * MON-FRI"),
    "zone": Planned("CRON_TZ=Europe/Rome 0 0 6 1 1 *"),
    "descriptor": Planned("@yearly", repeats=3),
    "interval": Planned("@every 1h30m", due_time="10m", ttl="P1D"),
    "time": Planned(due_time="2099-01-02T03:04:05+01:00", data={"a": [1, "x", None]}),
    "once": Planned(due_time="PT100H", data="text", retries=0),
    "policy": Planned("@daily", retries=5),
}


@pytest.mark.parametrize("form", JOBS)
def test_a_job_is_as_it_was_scheduled(way: Way, key: Key, form: str) -> None:
    way.schedule(key("job"), JOBS[form])
    found = way.job(key("job"))
    way.unschedule(key("job"))
    assert (found.schedule, found.due_time, found.ttl) == (JOBS[form].schedule, JOBS[form].due_time, JOBS[form].ttl)
    assert (found.repeats, found.data) == (JOBS[form].repeats, JOBS[form].data)
    assert found.retries == (3 if JOBS[form].retries is None else JOBS[form].retries)
    with pytest.raises(Refused, match="job not found"):
        way.job(key("job"))


def test_a_job_stays_unless_it_is_overwritten(way: Way, key: Key) -> None:
    way.schedule(key("job"), Planned("@daily"))
    with pytest.raises(Refused, match="already exists"):
        way.schedule(key("job"), Planned("@hourly"))
    assert way.job(key("job")).schedule == "@daily"
    way.schedule(key("job"), Planned("@hourly"), overwrite=True)
    assert way.job(key("job")).schedule == "@hourly"
    way.unschedule(key("job"))
    way.unschedule(key("job"))  # no error


def test_jobs_are_listed_and_deleted_by_prefix(way: Way, key: Key) -> None:
    assert not [name for name in way.jobs() if name.startswith(key(""))]
    for name in ("a-1", "a-2", "b-1"):
        way.schedule(key(name), Planned("@daily"))
    assert [name for name in way.jobs() if name.startswith(key(""))] == [key("a-1"), key("a-2"), key("b-1")]
    way.unschedule_all(key("a-"))
    assert [name for name in way.jobs() if name.startswith(key(""))] == [key("b-1")]
    way.unschedule_all(key(""))


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (Planned("* * * * *"), r"expected exactly 6 fields, found 5: \[\* \* \* \* \*\]"),
        (Planned("0 0 0 * * 7"), r"end of range \(7\) above maximum \(6\): 7"),
        (Planned("TZ=Mars/Olympus @daily"), "provided bad location Mars/Olympus: unknown time zone Mars/Olympus"),
        (Planned("@every 1d"), "failed to parse duration @every 1d"),
        (Planned("@often"), "unrecognized descriptor: @often"),
        (Planned("@daily", repeats=0), "defined repeats must be greater than 0"),
        (Planned(due_time="tomorrow"), "due time format not recognized"),
        (Planned(due_time="R3/PT1S"), "repeats not supported for due time"),
        (Planned(due_time="1h", repeats=2), "job must have a schedule to repeat"),
        (Planned(due_time="1h", ttl="2h"), "job must have a schedule to have a ttl"),
        (Planned("@daily", ttl="soon"), "ttl format not recognized"),
        (
            Planned("@daily", due_time="2099-01-01T00:00:00Z", ttl="2098-01-01T00:00:00Z"),
            "ttl must be greater than due",
        ),
    ],
    ids=str,
)
def test_a_job_that_makes_no_sense_is_refused(way: Way, key: Key, job: Planned, message: str) -> None:
    with pytest.raises(Refused, match=message):
        way.schedule(key("job"), job)


def test_a_name_that_is_none_is_refused(way: Way, key: Key) -> None:
    with pytest.raises(Refused, match="job name is invalid"):
        way.schedule(key("a#b"), Planned("@daily"))


# --- what is told to applications ----------------------------------------------------------------

Told = tuple[str, Any]


@contextmanager
def http_app(answer: Answer) -> Iterator[tuple[int, queue.Queue[Told]]]:
    told: queue.Queue[Told] = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status = 200
            if self.path.startswith("/job/"):
                one = self.path.removeprefix("/job/"), json.loads(body) if body else None
                status = 200 if answer(*one) else 500
                told.put(one)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST = do_OPTIONS = reply  # noqa: N815  (named so by the base class)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (named so by the base class)
            """Nobody wants to know."""

    with serving(Handler) as port:
        yield port, told


@contextmanager
def grpc_app(answer: Answer, names: tuple[str, ...]) -> Iterator[tuple[int, queue.Queue[Told]]]:
    told: queue.Queue[Told] = queue.Queue()
    app = App()

    def handle(event: JobEvent) -> None:
        value = struct_pb2.Value()
        value.ParseFromString(event.data)
        one = event.name, json_format.MessageToDict(value) if event.data else None
        good = answer(*one)
        told.put(one)
        if not good:
            raise RuntimeError("not now")

    for name in names:
        app.job_event(name)(handle)
    port = app.start()
    try:
        yield port, told
    finally:
        app.stop()


class Delivery:
    """A sidecar with an application, and what the application was told."""

    def __init__(self, dapr: DaprSidecar, told: queue.Queue[Told]) -> None:
        self.dapr, self._told = dapr, told

    def next(self, seconds: float) -> Told:
        """What comes next, in so many seconds of the clock at most."""
        with contextlib.suppress(OnlyTheFakeHasIt):
            self.dapr.clock.advance(seconds)
        return self._told.get(timeout=SECONDS)

    def empty(self) -> bool:
        return self._told.empty()


@contextmanager
def delivery(protocol: str, kind: str, app_id: str, answer: Answer, *names: str) -> Iterator[Delivery]:
    app = http_app(answer) if protocol == "http" else grpc_app(answer, names)
    with app as (port, told), sidecar(kind=kind, app_id=app_id, app_port=port, app_protocol=protocol) as dapr:
        yield Delivery(dapr, told)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_an_application_is_told_so_often(protocol: str, key: Key, kind: str) -> None:
    with (
        delivery(protocol, kind, key("app"), lambda name, data: True, key("job")) as app,
        open_way("client over gRPC", app.dapr) as way,
    ):
        way.schedule(key("job"), Planned("@every 1s", repeats=2, data={"a": [1, True, "ä"]}))
        assert [app.next(1), app.next(1)] == [(key("job"), {"a": [1, True, "ä"]})] * 2
        while key("job") in way.jobs():
            pass  # the scheduler is told of the answer a moment later
        assert app.empty()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_an_application_that_fails_is_told_again(protocol: str, key: Key, kind: str) -> None:
    failures = [True, True]

    def answer(name: str, data: Any) -> bool:
        return name != key("retried") or not failures or not failures.pop()

    with (
        delivery(protocol, kind, key("app"), answer, key("retried"), key("dropped")) as app,
        open_way("client over gRPC", app.dapr) as way,
    ):
        way.schedule(key("retried"), Planned(due_time="0s", retries=5))
        assert [app.next(0), app.next(1), app.next(1)] == [(key("retried"), None)] * 3
        while way.jobs():
            pass
        assert app.empty()
