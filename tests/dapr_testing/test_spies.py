"""What was asked of a sidecar, as tests look at it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dapr_client import DaprClient, DaprGrpcError
from dapr_client.aio import DaprClient as AioDaprClient
from dapr_testing import DaprSidecar, UnexpectedCall, sidecar
from fakesidecar.call import Call
from tests.dapr_testing.test_plugin import run


@pytest.fixture
def asked(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> DaprSidecar:
    """A sidecar that was asked some things."""
    dapr_client.save_state("statestore", "7", "new", state_metadata={"ttlInSeconds": "60"})
    dapr_sidecar.clock.advance(2)
    dapr_client.get_state("statestore", "7")
    dapr_sidecar.faults.when("state.get", key="8").fail("ABORTED", "not now")
    with pytest.raises(DaprGrpcError):
        dapr_client.get_state("statestore", "8")
    return dapr_sidecar


def test_every_call_is_an_event(asked: DaprSidecar) -> None:
    saved, _, failed = asked.calls
    assert (saved.name, saved.component, saved.targets, saved.outcome) == ("state.save", "statestore", ("7",), "OK")
    assert saved.arguments["states"][0] == {"key": "7", "value": b"new", "metadata": {"ttlInSeconds": "60"}}
    assert "grpc-python" in saved.caller
    assert failed.time - saved.time == 2
    assert failed.outcome == "ABORTED"
    assert str(failed.error) == "not now"
    assert failed.fault is not None
    assert failed.fault.target == "8"
    assert (len(asked.calls), asked.calls[0], asked.calls[-1:]) == (3, saved, [failed])


def test_calls_are_asserted(asked: DaprSidecar) -> None:
    calls = asked.calls
    assert calls.assert_called("state.get").targets == ("8",)
    calls.assert_called("state.get", times=2)
    calls.assert_called("state.*", key="7", times=2)
    calls.assert_called("state.get", outcome="ABORTED", times=1)
    calls.assert_called(where={"states.metadata.ttlInSeconds": "6*"})
    calls.assert_not_called("lock.*")
    calls.assert_not_called("state.get", key="8", outcome="OK")
    assert [event.targets for event in calls.matching("state.get")] == [("7",), ("8",)]
    calls.assert_in_order("state.save", "state.get", calls.like("state.get", key="8"))
    calls.clear()
    calls.assert_not_called()


def test_failures_name_the_nearest_calls(asked: DaprSidecar) -> None:
    with pytest.raises(AssertionError) as raised:
        asked.calls.assert_called("state.save", store="statestore", key="70")
    text = str(raised.value)
    assert text.splitlines()[:4] == [
        "not called: 'state.save', store='statestore', key='70'",
        "the nearest calls were",
        "  #1       +0.000 s  grpc  state.save statestore 7 → OK",
        "      its target is '7', not '70'",
    ]
    assert text.splitlines()[-1] == (
        "#3       +2.000 s  grpc  state.get statestore 8 → ABORTED (not now)  [fault: fail]"
    )
    with pytest.raises(AssertionError, match="not called 3 time"):
        asked.calls.assert_called("state.get", times=3)
    with pytest.raises(AssertionError, match="called 2 time"):
        asked.calls.assert_not_called("state.get")
    with pytest.raises(AssertionError, match="call 2 of 2 did not follow"):
        asked.calls.assert_in_order("state.get", "state.save")
    with pytest.raises(AssertionError, match="within 0 s"):
        asked.calls.wait_for("lock.*", timeout=0)


def test_without_calls_it_says_so(dapr_sidecar: DaprSidecar) -> None:
    with pytest.raises(AssertionError, match="there were no calls at all"):
        dapr_sidecar.calls.assert_called("state.get")
    assert repr(dapr_sidecar.calls) == "no calls"


def test_calls_are_waited_for(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    begun = threading.Event()

    def later() -> None:
        begun.wait()
        for key in ("6", "7", "7"):
            dapr_client.get_state("statestore", key)

    thread = threading.Thread(target=later)
    thread.start()
    begun.set()
    event = dapr_sidecar.calls.wait_for("state.get", key="7", times=2)
    thread.join()
    assert event is not dapr_sidecar.calls[0]
    assert dapr_sidecar.calls.wait_for("state.get").targets == ("6",)
    assert dapr_sidecar.fake.core.recording.listeners == []


async def test_calls_are_waited_for_in_asyncio(dapr_sidecar: DaprSidecar, async_dapr_client: AioDaprClient) -> None:
    import asyncio

    waiting = asyncio.ensure_future(dapr_sidecar.calls.wait_for_async("state.get", key="7"))
    await asyncio.sleep(0)
    await async_dapr_client.get_state("statestore", "7")
    assert (await waiting).targets == ("7",)
    with pytest.raises(AssertionError, match="not called within"):
        await dapr_sidecar.calls.wait_for_async("state.get", key="8", timeout=0.001)


def test_an_event_has_what_was_sent_whatever_became_of_it(dapr_client: DaprClient, dapr_sidecar: DaprSidecar) -> None:
    def meddle(call: Call, proceed: Callable[[], Any]) -> Any:
        call.request.key = "8"
        return proceed()

    dapr_sidecar.fake.core.onion.interceptors.append(meddle)
    dapr_client.get_state("statestore", "7")
    dapr_sidecar.fake.core.onion.interceptors.remove(meddle)
    event = dapr_sidecar.calls.assert_called("state.get", key="7")
    event.call.request.key = "9"
    assert event.arguments["key"] == event.call.request.key == "7"


def test_http_calls_are_events_too(dapr_sidecar: DaprSidecar) -> None:
    import json
    from http.client import HTTPConnection

    connection = HTTPConnection("127.0.0.1", dapr_sidecar.http_port, timeout=5)
    body = json.dumps([{"key": "7", "value": {"a": 1}}])
    connection.request("POST", "/v1.0/state/statestore?metadata.ttlInSeconds=5", body)
    connection.getresponse().read()
    connection.close()
    event = dapr_sidecar.calls.assert_called("state.save", key="7", protocol="http")
    assert event.arguments == {
        "metadata.ttlInSeconds": "5",
        "store": "statestore",
        "body": [{"key": "7", "value": {"a": 1}}],
    }


def test_strictness_refuses_what_is_not_allowed(dapr_client: DaprClient, dapr_sidecar: DaprSidecar) -> None:
    calls = dapr_sidecar.calls
    calls.strict("state.get")
    calls.strict(calls.like("state.save", key="7"))
    dapr_client.get_state("statestore", "7")
    dapr_client.save_state("statestore", "7", "x")
    calls.check()
    with pytest.raises(DaprGrpcError, match="the test does not expect this call"):
        dapr_client.save_state("statestore", "8", "x")
    with pytest.raises(UnexpectedCall, match=r"state\.save statestore 8"):
        calls.check()
    calls._unexpected.clear()


@pytest.fixture
def outside() -> Iterator[DaprSidecar]:
    with sidecar() as dapr:
        yield dapr
        assert dapr.fake.core.onion.interceptors[0] == dapr.fake.core.recording.intercept
    assert dapr.fake.core.onion.interceptors == []


def test_nothing_stays_in_the_way(outside: DaprSidecar) -> None:
    outside.calls.strict("state.*")
    outside.faults.when("state.*").fail().optional()


REPORT = """
    def test_a(dapr_sidecar, dapr_client):
        dapr_client.save_state("statestore", "7", "x")
        assert False

    def test_b(dapr_sidecar, dapr_client):
        dapr_sidecar.calls.strict()
        try:
            dapr_client.save_state("statestore", "7", "x")
        except Exception:
            pass
"""


def test_reports_of_failures_have_the_timeline(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(REPORT)
    result = run(pytester)
    assert result.parseoutcomes() == {"passed": 1, "failed": 1, "errors": 1}
    result.stdout.fnmatch_lines_random(
        ["*Dapr timeline*", "#1*state.save statestore 7 → OK", "*UnexpectedCall: calls that the test does not allow*"]
    )


def test_arguments_of_any_kind() -> None:
    from fakesidecar.call import arguments_of

    plain: Any = {"a": [1]}
    assert arguments_of(plain) is plain
