"""Fault plans, as tests make them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
import pytest

from dapr_client import DaprClient, DaprGrpcError, RetryPolicy
from dapr_testing import DaprSidecar, FaultNotNeeded, HangsForever, sidecar, when
from dapr_testing._criteria import WORDS
from fakesidecar.faults import retry_info
from fakesidecar.grpcapi.registry import SERVED
from tests.dapr_testing.test_plugin import run

CODE = grpc.StatusCode


@pytest.fixture
def patient(dapr_sidecar: DaprSidecar) -> DaprClient:
    """A client that tries four times, with seconds in between."""
    return dapr_sidecar.client(retry_policy=RetryPolicy(max_attempts=4, initial_backoff=10, max_backoff=1000))


def test_a_retry_that_waits_takes_no_time(dapr_sidecar: DaprSidecar, patient: DaprClient) -> None:
    before = dapr_sidecar.clock.now()
    plan = dapr_sidecar.faults.when("state.save", store="statestore", key="7").fail(CODE.UNAVAILABLE).times(2)
    patient.save_state("statestore", "7", "paid")
    assert (plan.seen, plan.acted) == (3, 2)
    assert dapr_sidecar.clock.now() - before == 10 + 15
    assert dapr_sidecar.state.get("statestore", "7") == b"paid"


async def test_a_retry_that_waits_takes_no_time_in_asyncio(dapr_sidecar: DaprSidecar) -> None:
    import asyncio

    before = dapr_sidecar.clock.now()
    dapr_sidecar.faults.when("state.save").fail().times(2)
    policy = RetryPolicy(max_attempts=4, initial_backoff=10)
    async with dapr_sidecar.aio_client(retry_policy=policy) as dapr:
        await asyncio.gather(dapr.save_state("statestore", "a", "1"), dapr.save_state("statestore", "b", "2"))
    assert dapr_sidecar.clock.now() - before == 10


async def test_a_wait_passes_what_is_due_in_between(
    dapr_sidecar: DaprSidecar,
) -> None:
    from dapr_client import _clock

    rang: list[float] = []
    before = dapr_sidecar.clock.now()
    dapr_sidecar.clock.call_later(5, lambda: rang.append(dapr_sidecar.clock.now() - before))
    await _clock.async_sleep(60)
    assert (rang, dapr_sidecar.clock.now() - before) == ([5.0], 60.0)


def test_the_server_names_the_wait(dapr_sidecar: DaprSidecar, patient: DaprClient) -> None:
    before = dapr_sidecar.clock.now()
    dapr_sidecar.faults.when("state.get").fail("UNAVAILABLE", details=(retry_info(90),)).once()
    patient.get_state("statestore", "7")
    assert dapr_sidecar.clock.now() - before == 90


def test_a_lost_reply_makes_a_retry_write_twice(dapr_sidecar: DaprSidecar, patient: DaprClient) -> None:
    dapr_sidecar.state.put("statestore", "7", "new")
    etag = dapr_sidecar.state.etag("statestore", "7")
    dapr_sidecar.faults.when("state.save", key="7").lose_reply().once()
    with pytest.raises(DaprGrpcError) as raised:
        patient.save_state("statestore", "7", "paid", etag=etag)
    assert raised.value.code() is CODE.ABORTED  # the second try does not know that the first one was carried out
    assert dapr_sidecar.state.get("statestore", "7") == b"paid"


def test_a_plan_holds_inside_of_a_block(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    with dapr_sidecar.faults.when("state.get").fail("ABORTED"), pytest.raises(DaprGrpcError):
        dapr_client.get_state("statestore", "7")
    dapr_client.get_state("statestore", "7")
    with pytest.raises(FaultNotNeeded), dapr_sidecar.faults.when("state.get").fail("ABORTED"):
        pass
    with pytest.raises(KeyError), dapr_sidecar.faults.when("state.get").fail("ABORTED"):
        raise KeyError  # which says more


def test_a_hang_without_a_deadline_is_told(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    dapr_sidecar.faults.when("state.get").hang()
    with pytest.raises(HangsForever):
        dapr_client.get_state("statestore", "7")
    before = dapr_sidecar.clock.now()
    with pytest.raises(DaprGrpcError) as raised:
        dapr_client.get_state("statestore", "7", timeout=30)
    assert raised.value.code() is CODE.DEADLINE_EXCEEDED
    assert dapr_sidecar.clock.now() - before == 30


@pytest.mark.dapr(clock="system")
def test_a_hang_on_the_machines_clock(dapr_sidecar: DaprSidecar) -> None:
    dapr_sidecar.faults.when("state.get").hang()
    with dapr_sidecar.client() as dapr, pytest.raises(DaprGrpcError) as raised:
        dapr.get_state("statestore", "7", timeout=0.02)
    assert raised.value.code() is CODE.DEADLINE_EXCEEDED


@pytest.mark.parametrize("clock", ["virtual", "system"])
async def test_a_hang_in_asyncio(clock: Any) -> None:
    async with sidecar(clock=clock) as dapr_sidecar:
        dapr_sidecar.faults.when("state.get").hang()
        async with dapr_sidecar.aio_client() as dapr:
            with pytest.raises(DaprGrpcError) as raised:
                await dapr.get_state("statestore", "7", timeout=0.02)
        assert raised.value.code() is CODE.DEADLINE_EXCEEDED


@pytest.mark.parametrize("transport", ["in-process", "grpc"])
def test_a_stream_is_cut(dapr_sidecar: DaprSidecar, transport: Any) -> None:
    from dapr_client import wire

    method = wire.method(wire.DAPR, "SubscribeConfiguration")
    dapr_sidecar.faults.when("configuration.subscribe", store="configstore").cut(after=1)
    channel = dapr_sidecar.channel(transport=transport)
    call = channel.unary_stream(method.path, method.request.SerializeToString, method.response.FromString)
    stream: Any = call(method.request(store_name="configstore"))
    next(stream)
    with pytest.raises(grpc.RpcError):
        next(stream)
    assert (stream.code(), stream.details()) == (CODE.UNAVAILABLE, "Stream removed (Socket closed)")


@pytest.mark.parametrize("transport", ["in-process", "grpc"])
async def test_a_stream_is_cut_in_asyncio(dapr_sidecar: DaprSidecar, transport: Any) -> None:
    from dapr_client import wire

    method = wire.method(wire.DAPR, "SubscribeConfiguration")
    dapr_sidecar.faults.when("configuration.subscribe").cut(after=1)
    channel = dapr_sidecar.aio_channel(transport=transport)
    call = channel.unary_stream(method.path, method.request.SerializeToString, method.response.FromString)
    stream: Any = call(method.request(store_name="configstore"))
    await stream.read()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stream.read()
    assert (raised.value.code(), raised.value.details()) == (CODE.UNAVAILABLE, "Stream removed (Socket closed)")
    await channel.close()


def test_who_calls_can_be_told(dapr_sidecar: DaprSidecar) -> None:
    plan = dapr_sidecar.faults.when("state.get", metadata={"user-agent": "the-other*"}).fail()
    options = [("grpc.primary_user_agent", "the-other/1")]
    one, other = dapr_sidecar.client(), DaprClient(channel=dapr_sidecar.channel(options=options))
    one.get_state("statestore", "7")
    with other, pytest.raises(DaprGrpcError):
        other.get_state("statestore", "7")
    assert plan.acted == 1


def test_every_key_of_a_call_counts(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    dapr_sidecar.faults.when("state.*", key="b*").fail("ABORTED")
    with pytest.raises(DaprGrpcError):
        dapr_client.get_bulk_state("statestore", ["a1", "b1"])
    dapr_client.get_bulk_state("statestore", ["a1", "a2"])


def test_plans_are_printed_as_they_are_written(dapr_sidecar: DaprSidecar) -> None:
    faults = dapr_sidecar.faults
    written = [
        faults.when("state.save", store="orders", key="7").fail("ABORTED", message="no").times(2),
        faults.when("*", protocol="http").delay(0.5, jitter=1).truncate(size=3).nth(3),
        faults.when("lock.try_lock", resource="r*").lose_reply().with_probability(0.5).seed(7).since(1).until(2),
        faults.when("pubsub.publish", topic="t", where={"data": "*x*"}).duplicate(3).optional(),
        faults.when("configuration.subscribe", metadata={"a": "b"}).cut(2, "ABORTED").every(2).first(4),
        faults.when("health.*").not_ready().until(5),
        faults.when("jobs.*").fail().after(3),
        faults.when("state.get").stale_etag(),
        faults.when("state.get").drip(2, pause=0.1),
        faults.when("state.get").hang(),
        faults.when("state.get").restart(keep_data=False),
        faults.when("state.get").fail(details=(retry_info(1),), headers={"retry-after": "1"}, http=429),
    ]
    for plan in written:
        copied = eval(repr(plan), {"faults": faults})
        assert copied.rule == plan.rule
        assert repr(copied) == repr(plan)
    assert repr(written[0]) == (
        "faults.when('state.save', store='orders', key='7').fail('ABORTED', message='no').times(2)"
    )
    faults.clear()


def test_every_block_with_words_of_its_own_is_one() -> None:
    assert set(WORDS) <= {served.block for served in SERVED.values()}
    assert repr(when("invocation.*", app="kitchen").fail()) == "when('invocation.*', app='kitchen').fail('UNAVAILABLE')"


def test_plans_go_through_json(dapr_sidecar: DaprSidecar, tmp_path: Path) -> None:
    faults = dapr_sidecar.faults
    rule = faults.when("state.save", key="7").fail("ABORTED").times(2).rule
    text = faults.to_json()
    faults.clear()
    (tmp_path / "plan.json").write_text(text)
    for plan in (text, tmp_path / "plan.json", json.loads(text), json.loads(text)[0]):
        assert [one.rule for one in faults.from_json(plan)] == [rule]
    faults.clear()
    assert faults.to_json() == "[]"


def test_what_calls_do_not_have_is_refused(dapr_sidecar: DaprSidecar) -> None:
    with pytest.raises(TypeError, match="calls have no 'keys'"):
        dapr_sidecar.faults.when("state.save", keys="7")
    with pytest.raises(TypeError, match="says twice"):
        dapr_sidecar.faults.when("state.save", store="a", component="b")


def test_the_sidecar_is_not_ready(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    before = dapr_sidecar.clock.now()
    dapr_sidecar.faults.not_ready(seconds=5)
    with DaprClient() as dapr:  # it waits for the sidecar's health, on the sidecar's clock
        dapr.save_state("statestore", "7", "x")
    assert 5 <= dapr_sidecar.clock.now() - before < 60


NEEDED = """
    import pytest

    def test_a(dapr_sidecar, dapr_client):
        dapr_sidecar.faults.when("state.save", store="statestore", key="8").fail("UNAVAILABLE")
        dapr_client.save_state("statestore", "7", "x")

    def test_b(dapr_sidecar):
        dapr_sidecar.faults.when("state.save")

    def test_c(dapr_sidecar, dapr_client):
        dapr_sidecar.faults.when("state.save").fail().nth(2)
        dapr_client.save_state("statestore", "7", "x")

    def test_d(dapr_sidecar):
        dapr_sidecar.faults.when("state.save").fail()
        assert "the real reason" == ""

    def test_e(dapr_sidecar):
        dapr_sidecar.faults.when("state.save").fail().optional()
        dapr_sidecar.faults.when("state.get").fail().remove()
        dapr_sidecar.faults.when("state.get").fail()
        dapr_sidecar.faults.clear()
"""


def test_a_plan_that_was_not_needed_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(NEEDED)
    result = run(pytester)
    assert result.parseoutcomes() == {"passed": 4, "failed": 1, "errors": 3}
    result.stdout.fnmatch_lines_random(
        [
            "*FaultNotNeeded: nothing happened by the plan",
            "*faults.when('state.save', store='statestore', key='8').fail('UNAVAILABLE')",
            "*because no call was meant by it; the nearest calls were",
            "*#1*state.save statestore 7 → OK",
            "*its target is '7', not '8'",
            "*because it does not say what is to happen",
            "*though it was about 1 call(s): see which of them it means",
        ]
    )
