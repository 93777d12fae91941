"""What goes wrong on the way to the application: plans of `app.*`."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dapr_client import DaprHttpError, Job
from dapr_testing import DaprSidecar, FaultNotNeeded, sidecar, when
from fakesidecar import Component
from fakesidecar.clock import SystemClock, VirtualClock
from fakesidecar.faults import BadPlan
from tests.dapr_testing.test_pubsub_apps import grpc_app

REDIS = Component(
    "pubsub",
    "pubsub.redis",
    metadata={"redisHost": "deliveries:1", "processingTimeout": "30s", "redeliverInterval": "10000"},
)
BUS = Component("pubsub", "pubsub.in-memory")
MINUTE = Component("minute", "bindings.cron", metadata={"schedule": "@every 60s"})


class Reader:
    """Reads orders down a stream, and keeps their numbers or names."""

    def __init__(self, dapr: DaprSidecar) -> None:
        self.client = dapr.client()
        self.seen: list[Any] = []
        self._changed = threading.Condition()
        self.close = self.client.subscribe_with_handler("pubsub", "orders", self._take)

    def _take(self, message: Any) -> str:
        with self._changed:
            data = message.data()
            self.seen.append(data["id"] if isinstance(data, dict) else data)
            self._changed.notify_all()
        return "success"

    def publish(self, id: int) -> None:
        self.client.publish_event("pubsub", "orders", f'{{"id": {id}}}', data_content_type="application/json")

    def wait(self, *ids: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.seen == list(ids), 5), self.seen


@pytest.fixture
def reader(dapr_sidecar: DaprSidecar) -> Iterator[Reader]:
    reader = Reader(dapr_sidecar)
    yield reader
    reader.close()
    reader.client.close()


@pytest.mark.dapr(components=[REDIS])
def test_an_acknowledgement_that_is_lost_brings_the_event_again(dapr_sidecar: DaprSidecar, reader: Reader) -> None:
    plan = dapr_sidecar.faults.when("app.event", pubsub="pubsub", topic="orders").hang(applied=True).once()
    reader.publish(7)
    reader.wait(7)
    dapr_sidecar.clock.advance(45)
    dapr_sidecar.pubsub.wait_delivered("pubsub", "orders", status="SUCCESS")
    reader.wait(7, 7)
    assert (plan.seen, plan.acted) == (2, 1)


@pytest.mark.dapr(components=[REDIS])
def test_an_event_that_never_arrives_is_refused(dapr_sidecar: DaprSidecar, reader: Reader) -> None:
    dapr_sidecar.faults.when("app.*", where={"data": '*"id":7*'}).fail(message="away").once()
    reader.publish(7)
    assert dapr_sidecar.pubsub.wait_delivered("pubsub", "orders", status="RETRY").why == "away"
    reader.publish(8)
    reader.wait(8)
    dapr_sidecar.faults.when("app.*").lose_reply().once()
    reader.publish(9)
    dapr_sidecar.pubsub.wait_delivered("pubsub", "orders", data={"id": 9}, status="RETRY")
    assert reader.seen == [8, 9]


@pytest.mark.dapr(components=[REDIS])
def test_who_leaves_without_an_answer_leaves_nothing_behind(dapr_sidecar: DaprSidecar) -> None:
    dapr_sidecar.faults.when("app.event").duplicate()
    with dapr_sidecar.client() as client:
        subscription = client.subscribe("pubsub", "orders")
        client.publish_event("pubsub", "orders", "seven")
        assert subscription.next_message() is not None
        subscription.close()
    reader = Reader(dapr_sidecar)
    dapr_sidecar.clock.advance(45)
    dapr_sidecar.pubsub.wait_delivered("pubsub", "orders", status="SUCCESS")
    reader.close()
    reader.client.close()
    assert reader.seen == ["seven", "seven"]


@pytest.mark.dapr(components=[BUS])
def test_an_event_may_come_twice_and_late(dapr_sidecar: DaprSidecar, reader: Reader) -> None:
    dapr_sidecar.faults.when("app.event").duplicate(3).once()
    dapr_sidecar.faults.when("app.event").delay(60).once()
    reader.publish(1)
    reader.wait(1, 1, 1)
    dapr_sidecar.pubsub.wait_delivered("pubsub", "orders", status="SUCCESS")
    before = dapr_sidecar.clock.pending()
    reader.publish(2)
    reader.wait(1, 1, 1)
    while dapr_sidecar.clock.pending() == before:
        threading.Event().wait(0.001)
    dapr_sidecar.clock.advance(60)
    reader.wait(1, 1, 1, 2)


@pytest.mark.parametrize("package", ["dapr_client", "dapr"])
@pytest.mark.filterwarnings("ignore")
def test_a_grpc_application_that_answered_is_asked_again(package: str) -> None:
    app = importlib.import_module(f"{package}.ext.grpc").App()
    seen: list[Any] = []
    app.subscribe("pubsub", "orders")(lambda event: seen.append(event.Data()))
    with grpc_app(app) as port, sidecar(components=[REDIS], app_port=port, app_protocol="grpc") as dapr:
        dapr.fake.core.clock.wait_until_idle()
        while not dapr.fake.core.pubsub.in_force:
            threading.Event().wait(0.005)
        dapr.faults.when("app.event", topic="orders").apply_then_fail("INTERNAL", "lost").nth(1)
        dapr.faults.when("app.event", topic="orders").hang(applied=True).nth(2)
        with dapr.client() as client:
            client.publish_event("pubsub", "orders", "seven")
            refused = dapr.pubsub.wait_delivered("pubsub", "orders", status="RETRY")
            assert refused.why.endswith("INTERNAL lost")
            client.publish_event("pubsub", "orders", "eight")
            dapr.clock.advance(45)  # it was not answered in time, and comes again
            dapr.pubsub.wait_delivered("pubsub", "orders", status="SUCCESS")
        assert [str(data).strip("b'") for data in seen] == ["seven", "eight", "eight"]


@pytest.mark.dapr(components=[MINUTE])
def test_an_application_over_http(dapr_sidecar: DaprSidecar) -> None:
    shop = dapr_sidecar.app().on("minute")
    faults = dapr_sidecar.faults
    faults.when("app.binding", binding="minute").fail("UNAVAILABLE", "closed").nth(1)
    faults.when("app.binding").reset(applied=True).nth(2)
    faults.when("app.binding").hang().nth(3)
    faults.when("app.binding").fail(http=418, body={"tea": True}, applied=True).nth(4)
    faults.when("app.binding", protocol="http").duplicate().nth(5)
    dapr_sidecar.clock.advance(60)
    assert shop.received == []
    dapr_sidecar.clock.advance(60)
    shop.assert_called("minute", times=1)
    dapr_sidecar.clock.advance(180)
    shop.assert_called("minute", times=1 + 1 + 2)
    assert sorted(one.error for one in dapr_sidecar.bindings.deliveries) == sorted(
        [
            "fails to send binding event to http app channel, status code: 503 body: closed",
            "error invoking app: EOF",
            "error invoking app: timed out after 60.0 s",
            'fails to send binding event to http app channel, status code: 418 body: {"tea": true}',
            "",
        ]
    )


@pytest.mark.dapr(components=[MINUTE])
def test_a_delivery_that_is_late_waits_for_the_clock(dapr_sidecar: DaprSidecar) -> None:
    shop = dapr_sidecar.app().on("minute")
    dapr_sidecar.faults.when("app.binding").delay(30, applied=True).nth(1)
    dapr_sidecar.faults.when("app.binding").delay(30).nth(2)
    dapr_sidecar.faults.when("app.binding").delay(90).nth(3)  # longer than the sidecar waits
    began = dapr_sidecar.clock.now()
    dapr_sidecar.clock.advance(300)
    assert sorted(one.time - began for one in shop.received) == [60, 150, 240, 300]
    told = [(one.time - began, one.error) for one in dapr_sidecar.bindings.deliveries]
    assert sorted(told) == [
        (90, ""),
        (150, ""),
        (240, ""),
        (240, "error invoking app: timed out after 60.0 s"),
        (300, ""),
    ]


def test_who_invokes_a_method_sees_what_the_application_would_say(dapr_sidecar: DaprSidecar) -> None:
    own = dapr_sidecar.app().on("hello", returns="world")
    began = dapr_sidecar.clock.now()
    with dapr_sidecar.client() as dapr:

        def invoke() -> str:
            return dapr.invoke_method(dapr_sidecar.app_id, "hello").text()

        with dapr_sidecar.faults.when("app.invoke", target="hello").delay(30):
            assert invoke() == "world"
        assert dapr_sidecar.clock.now() - began == 30
        lost = dapr_sidecar.faults.when("app.invoke").apply_then_fail("NOT_FOUND", "lost")
        with lost, pytest.raises(DaprHttpError, match="404"):
            invoke()
        with dapr_sidecar.faults.when("app.invoke").duplicate():
            assert invoke() == "world"
    own.assert_called("hello", times=4)


def test_jobs_and_others_are_meant_by_their_names(dapr_sidecar: DaprSidecar) -> None:
    own = dapr_sidecar.app().on("job/nightly")
    plan = dapr_sidecar.faults.when("app.job", job="night*").reset().once()
    elsewhere = dapr_sidecar.faults.when("*").fail("ABORTED").after(1).optional()
    with dapr_sidecar.client() as dapr:
        dapr.schedule_job(Job("nightly", due_time="1h"))
    dapr_sidecar.fake.core.jobs.receiver = None
    dapr_sidecar.clock.advance(3600)
    assert (plan.acted, elsewhere.seen) == (1, 1)
    own.assert_not_called("job/nightly")
    dapr_sidecar.clock.advance(1)
    own.assert_called("job/nightly", times=1)


def test_a_plan_that_nothing_happened_by_says_what_the_application_was_told(dapr_sidecar: DaprSidecar) -> None:
    dapr_sidecar.app().on("hello")
    plan = dapr_sidecar.faults.when("app.invoke", target="bye").reset()
    with dapr_sidecar.client() as dapr, pytest.raises(FaultNotNeeded, match="its target is 'hello', not 'bye'"), plan:
        dapr.invoke_method(dapr_sidecar.app_id, "hello")


def test_what_cannot_happen_is_refused(dapr_sidecar: DaprSidecar) -> None:
    with pytest.raises(BadPlan, match="stale_etag cannot happen to a call that the sidecar makes"):
        when("app.event").stale_etag()


def test_without_such_plans_nothing_is_looked_at(dapr_sidecar: DaprSidecar) -> None:
    core = dapr_sidecar.fake.core
    before = len(core.onion.interceptors)
    plan = dapr_sidecar.faults.when("app.event").reset().optional()
    assert (core.faults.about_app, len(core.onion.interceptors)) == (True, before)
    plan.remove()
    assert not core.faults.about_app


@pytest.mark.parametrize("clock", [VirtualClock(), SystemClock()], ids=["virtual", "system"])
async def test_sleep_steps_aside(clock: Any) -> None:
    with clock.busy():
        sleeping = asyncio.create_task(clock.sleep(60))
        await asyncio.sleep(0)
        assert clock.wait_until_idle(0)
        sleeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeping
    assert clock.wait_until_idle(0)
