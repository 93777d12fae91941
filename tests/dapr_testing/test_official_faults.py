"""What the unmodified official SDK makes of every kind of fault, over sockets and in process."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.aio
import pytest

from dapr_testing import DaprSidecar
from dapr_testing._faults import Plan
from fakesidecar.faults import bad_request, error_info, retry_info

pytest.importorskip("dapr", reason="the official SDK is not installed")

from dapr.aio.clients import DaprClient as AioDaprClient
from dapr.clients import DaprClient
from dapr.clients.exceptions import DaprGrpcError, DaprHttpError
from dapr.clients.grpc._state import StateItem
from dapr.clients.health import DaprHealth
from dapr.clients.retry import RetryPolicy

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

STORE = "statestore"
CODE = grpc.StatusCode
BROKEN = "Stream removed (Socket closed)"


@pytest.fixture(params=["in process", "sockets"])
def dapr(dapr_sidecar: DaprSidecar, request: pytest.FixtureRequest) -> Iterator[DaprClient]:
    way = dapr_sidecar.intercept_channels() if request.param == "in process" else contextlib.nullcontext()
    with way, DaprClient() as client:
        yield client


def refused(action: Any) -> Any:
    with pytest.raises((DaprGrpcError, grpc.RpcError)) as raised:
        action()
    return raised.value


def put(sidecar: DaprSidecar) -> str:
    sidecar.state.put(STORE, "7", "new")
    etag = sidecar.state.etag(STORE, "7")
    assert etag is not None
    return etag


def test_an_error_before_the_call_is_carried_out(dapr_sidecar: DaprSidecar, dapr: DaprClient) -> None:
    put(dapr_sidecar)
    details = (retry_info(2), bad_request(key="is bad"), error_info("BUSY", order="7"))
    dapr_sidecar.faults.when("state.save", key="7").fail("ABORTED", "not now", details=details)
    error = refused(lambda: dapr.save_state(STORE, "7", "paid"))
    assert (error.code(), error.details()) == (CODE.ABORTED, "not now")
    if isinstance(error, DaprGrpcError):
        told: Any = error.status_details().as_dict()  # type: ignore[no-untyped-call]  # the official SDK
        assert told["error_info"]["reason"] == "BUSY"
        assert told["retry_info"]["retry_delay"] == "2s"
        assert told["bad_request"]["field_violations"][0]["field"] == "key"
    assert dapr_sidecar.state.get(STORE, "7") == b"new"


def test_an_error_after_the_call_was_carried_out(dapr_sidecar: DaprSidecar, dapr: DaprClient) -> None:
    dapr_sidecar.faults.when("state.save").apply_then_fail("INTERNAL")
    assert refused(lambda: dapr.save_state(STORE, "7", "paid")).code() is CODE.INTERNAL
    assert dapr_sidecar.state.get(STORE, "7") == b"paid"


@pytest.mark.parametrize("applied", [False, True])
def test_a_connection_that_breaks(dapr_sidecar: DaprSidecar, dapr: DaprClient, applied: bool) -> None:
    dapr_sidecar.faults.when("state.save").reset(applied=applied)
    error = refused(lambda: dapr.save_state(STORE, "7", "paid"))
    assert (error.code(), error.details()) == (CODE.UNAVAILABLE, BROKEN)
    assert dapr_sidecar.state.get(STORE, "7") == (b"paid" if applied else None)


HEADERS, SETTINGS = 1, 4
"""Types of frames (RFC 9113)."""


def die_at_the_first_call(listener: socket.socket) -> None:
    """Be a server that ends when it is called."""
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as received:
        connection.sendall(bytes([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]))
        received.read(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        while (frame := received.read(9))[3] != HEADERS:
            received.read(int.from_bytes(frame[:3]))


def test_a_connection_that_breaks_for_true_is_told_alike(dapr_sidecar: DaprSidecar, dapr: DaprClient) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        DaprClient(f"127.0.0.1:{listener.getsockname()[1]}") as dead,
    ):
        threading.Thread(target=die_at_the_first_call, args=[listener], daemon=True).start()
        true = refused(lambda: dead.get_state(STORE, "7"))
    dapr_sidecar.faults.when("state.get").reset()
    ours = refused(lambda: dapr.get_state(STORE, "7"))
    assert true.code() is ours.code() is CODE.UNAVAILABLE
    assert all("Socket closed" in one.details() for one in (true, ours))


def test_its_retry_policy_comes_through(dapr_sidecar: DaprSidecar, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("dapr.clients.retry.time.sleep", slept.append)
    dapr_sidecar.faults.when("state.save").fail("UNAVAILABLE").times(2)
    with DaprClient(retry_policy=RetryPolicy(max_attempts=3)) as dapr:
        dapr.save_state(STORE, "7", "paid")
    assert slept == [1, 1.5]
    dapr_sidecar.calls.assert_called("state.save", times=3)
    dapr_sidecar.calls.assert_called("state.save", times=2, outcome="UNAVAILABLE")


def test_a_duplicate_makes_its_own_etag_stale(dapr_sidecar: DaprSidecar, dapr: DaprClient) -> None:
    etag = put(dapr_sidecar)
    dapr_sidecar.faults.when("state.save").duplicate()
    assert refused(lambda: dapr.save_state(STORE, "7", "paid", etag=etag)).code() is CODE.ABORTED
    assert dapr_sidecar.state.get(STORE, "7") == b"paid"


def test_somebody_else_writes_in_between(dapr_sidecar: DaprSidecar, dapr: DaprClient) -> None:
    put(dapr_sidecar)
    dapr_sidecar.faults.when("state.get").stale_etag().once()
    etag = dapr.get_state(STORE, "7").etag
    error = refused(lambda: dapr.save_bulk_state(STORE, [StateItem("7", "paid", etag=etag)]))
    assert error.code() is CODE.ABORTED
    assert "possible etag mismatch" in error.details()


def test_a_delay(dapr_sidecar: DaprSidecar, dapr: DaprClient) -> None:
    before = dapr_sidecar.clock.now()
    dapr_sidecar.faults.when("state.get").delay(60)
    dapr.get_state(STORE, "7")
    assert dapr_sidecar.clock.now() == before + 60


@pytest.mark.parametrize("way", ["in process", "sockets"])
async def test_a_call_that_is_never_answered(dapr_sidecar: DaprSidecar, way: str) -> None:
    import asyncio

    dapr_sidecar.faults.when("state.get").hang()
    with dapr_sidecar.intercept_channels() if way == "in process" else contextlib.nullcontext():
        async with AioDaprClient() as dapr:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(dapr.get_state(STORE, "7"), 0.05)
    dapr_sidecar.calls.assert_called("state.get", outcome="DEADLINE_EXCEEDED")


@pytest.mark.parametrize("way", ["in process", "sockets"])
async def test_errors_in_asyncio(dapr_sidecar: DaprSidecar, way: str) -> None:
    dapr_sidecar.faults.when("state.get").fail("RESOURCE_EXHAUSTED", "too many").once()
    dapr_sidecar.faults.when("state.get").reset()
    with dapr_sidecar.intercept_channels() if way == "in process" else contextlib.nullcontext():
        async with AioDaprClient() as dapr:
            for expected in (
                (CODE.RESOURCE_EXHAUSTED, "too many"),
                (CODE.UNAVAILABLE, BROKEN),
            ):
                with pytest.raises((grpc.aio.AioRpcError, DaprGrpcError)) as raised:
                    await dapr.get_state(STORE, "7")
                error: Any = raised.value
                assert (error.code(), error.details()) == expected


def test_a_stream_that_is_cut(dapr_sidecar: DaprSidecar, dapr: DaprClient) -> None:
    dapr_sidecar.configuration.set("configstore", "color", "red")
    plan = dapr_sidecar.faults.when("configuration.subscribe").cut(after=2)
    heard: list[Any] = []
    first = threading.Event()

    def hear(id: str, answer: Any) -> None:
        heard.append(answer)
        first.set()

    dapr.subscribe_configuration("configstore", ["color"], hear)
    dapr_sidecar.calls.wait_for("configuration.subscribe")
    dapr_sidecar.configuration.set("configstore", "color", "blue")
    assert first.wait(5)
    dapr_sidecar.configuration.set("configstore", "color", "green")
    assert (plan.acted, len(heard)) == (1, 1)  # the id was the first message, blue the second: green never comes


def test_a_sidecar_that_is_not_ready(dapr_sidecar: DaprSidecar, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        dapr_sidecar.clock.advance(seconds)

    monkeypatch.setattr("dapr.clients.health.time.sleep", sleep)
    dapr_sidecar.faults.not_ready(seconds=3)
    DaprHealth.wait_for_sidecar()  # type: ignore[no-untyped-call]  # the official SDK
    assert sum(waits) >= 3


def test_a_restart(dapr_sidecar: DaprSidecar, dapr: DaprClient) -> None:
    put(dapr_sidecar)
    dapr_sidecar.faults.when("state.get").restart(keep_data=False).once()
    error = refused(lambda: dapr.get_state(STORE, "7"))
    assert (error.code(), error.details()) == (CODE.UNAVAILABLE, BROKEN)
    assert dapr.get_state(STORE, "7").data == b""


async def test_calls_that_it_makes_over_http(dapr_sidecar: DaprSidecar) -> None:
    import aiohttp

    dapr_sidecar.app("kitchen").on("prepare", returns={"meal": "soup"})

    def when() -> Plan:
        return dapr_sidecar.faults.when("invocation.invoke", app="kitchen", protocol="http")

    faults: list[tuple[Plan, type[Exception], str]] = [
        (when().truncate(), aiohttp.ClientPayloadError, "received 8 of 16 bytes"),
        (when().reset(), aiohttp.ClientConnectionError, ""),
        (when().fail("NOT_FOUND", "no soup"), DaprHttpError, "no soup"),
    ]
    async with AioDaprClient() as dapr:
        for fault, kind, text in faults:
            with fault, pytest.raises(kind, match=text):
                await dapr.invoke_method("kitchen", "prepare", http_verb="GET")
        before = dapr_sidecar.clock.now()
        with when().drip(4, pause=1):
            answer = await dapr.invoke_method("kitchen", "prepare", http_verb="GET")
        assert answer.json() == {"meal": "soup"}
        assert dapr_sidecar.clock.now() == before + 3  # 16 bytes in 4 pieces


def test_what_is_of_http_alone(dapr_sidecar: DaprSidecar) -> None:
    import http.client

    def ask() -> tuple[int, Any, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", dapr_sidecar.http_port, timeout=5)
        try:
            connection.request("GET", f"/v1.0/state/{STORE}/7")
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    dapr_sidecar.state.put(STORE, "7", {"status": "new"})
    with dapr_sidecar.faults.when("state.get").truncate(size=5), pytest.raises(http.client.IncompleteRead) as raised:
        ask()
    assert raised.value.partial == b'{"sta'
    with dapr_sidecar.faults.when("state.get").drip(4, pause=1):
        before = dapr_sidecar.clock.now()
        assert json.loads(ask()[2]) == {"status": "new"}
        assert dapr_sidecar.clock.now() == before + 3  # 16 bytes in 4 pieces
    with dapr_sidecar.faults.when("state.get").fail("UNAVAILABLE", headers={"retry-after": "7"}, code="ERR_STATE_GET"):
        status, headers, body = ask()
    assert (status, headers["retry-after"]) == (503, "7")
    assert json.loads(body) == {"errorCode": "ERR_STATE_GET", "message": "fault injected: UNAVAILABLE"}
