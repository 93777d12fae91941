"""What happens to calls, as clients of both doors see it."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from dapr_client import wire
from fakesidecar import Component, Sidecar
from fakesidecar.clock import SystemClock, VirtualClock
from fakesidecar.components.state import Upsert
from fakesidecar.faults import (
    Cut,
    Delay,
    Drip,
    Duplicate,
    Effect,
    Fail,
    Hang,
    NotReady,
    Reset,
    Rule,
    StaleEtag,
    Truncate,
    bad_request,
    error_info,
    retry_info,
)
from fakesidecar.faults.effects import KINDS

HOST = "127.0.0.1"
BODY = b'"hello world"'
COMPONENTS = [Component("orders", "state.in-memory"), Component("settings", "configuration.in-memory")]
CODE = grpc.StatusCode


@pytest.fixture
def it() -> Iterator[Sidecar]:
    with Sidecar(components=COMPONENTS, clock=VirtualClock()) as sidecar:
        sidecar.core.state.save("orders", [Upsert("7", BODY)])
        yield sidecar


@pytest.fixture
def channel(it: Sidecar) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"{HOST}:{it.grpc_port}") as channel:
        yield channel


def plan(it: Sidecar, call: str, *effects: Effect, **said: Any) -> None:
    it.core.faults.add(Rule(call=call, effects=effects, **said))


def ask(channel: grpc.Channel, name: str, timeout: float | None = 5, **fields: Any) -> Any:
    method = wire.method(wire.DAPR, name)
    call = channel.unary_unary(method.path, method.request.SerializeToString, method.response.FromString)
    return call(method.request(**fields), timeout=timeout)


def get(channel: grpc.Channel, timeout: float | None = 5) -> Any:
    return ask(channel, "GetState", timeout, store_name="orders", key="7")


def save(channel: grpc.Channel, value: bytes = b"new", etag: str = "") -> Any:
    item = {"key": "7", "value": value, **({"etag": {"value": etag}} if etag else {})}
    return ask(channel, "SaveState", store_name="orders", states=[item])


def refusal(action: Any) -> Any:
    with pytest.raises(grpc.RpcError) as raised:
        action()
    return raised.value


def http_get(
    it: Sidecar, path: str = "/v1.0/state/orders/7", timeout: float = 5
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(HOST, it.http_port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def stored(it: Sidecar) -> bytes:
    item = it.core.state.get("orders", "7")
    assert item is not None
    return item.data


def test_a_call_fails_before_it_is_carried_out(it: Sidecar, channel: grpc.Channel) -> None:
    plan(it, "state.save", Fail("UNAVAILABLE", "down for a moment"), times=1)
    error = refusal(lambda: save(channel))
    assert (error.code(), error.details()) == (CODE.UNAVAILABLE, "down for a moment")
    assert stored(it) == BODY
    save(channel)
    assert stored(it) == b"new"


def test_a_call_is_carried_out_and_fails(it: Sidecar, channel: grpc.Channel) -> None:
    plan(it, "state.save", Fail("UNAVAILABLE", applied=True))
    assert refusal(lambda: save(channel)).code() is CODE.UNAVAILABLE
    assert stored(it) == b"new"


def test_details_and_trailers_are_real(it: Sidecar, channel: grpc.Channel) -> None:
    from dapr_client.errors import DaprGrpcError

    details = (retry_info(1.5), bad_request(key="is bad"), error_info("WHY", "shop", id="7"))
    plan(it, "state.get", Fail("ABORTED", details=details, trailers={"grpc-retry-pushback-ms": "250"}))
    failure = refusal(lambda: get(channel))
    error = DaprGrpcError(failure)
    assert error.retry_info is not None
    assert error.retry_info["retry_delay"] == "1.500s"
    assert error.error_info is not None
    assert error.error_info["reason"] == "WHY"
    assert ("grpc-retry-pushback-ms", "250") in [tuple(pair) for pair in failure.trailing_metadata()]
    answer, body = http_get(it)
    told = json.loads(body)
    assert (answer.status, told["errorCode"], told["message"]) == (409, "ERR_INJECTED", "fault injected: ABORTED")
    assert told["details"] == [*details]


def test_the_twin_over_http_has_its_own_status_headers_and_body(it: Sidecar) -> None:
    plan(it, "state.get", Fail(http=429, headers={"retry-after": "3"}, body={"slow": "down"}))
    answer, body = http_get(it)
    assert (answer.status, answer.headers["retry-after"], body) == (429, "3", b'{"slow": "down"}')


def test_a_delay_is_on_the_clock(it: Sidecar, channel: grpc.Channel) -> None:
    plan(it, "state.get", Delay(3600))
    before = it.clock.now()
    assert http_get(it)[1] == BODY
    assert get(channel, timeout=None).data == BODY
    assert it.clock.now() == before + 7200


def test_a_delay_that_is_longer_than_the_deadline(it: Sidecar, channel: grpc.Channel) -> None:
    plan(it, "state.save", Delay(3600), nth=1)
    plan(it, "state.save", Delay(3600, applied=True), nth=2)
    assert refusal(lambda: save(channel)).code() is CODE.DEADLINE_EXCEEDED
    assert stored(it) == BODY
    assert refusal(lambda: save(channel)).code() is CODE.DEADLINE_EXCEEDED
    assert stored(it) == b"new"


def test_jitter_is_drawn_from_the_seed(it: Sidecar, channel: grpc.Channel) -> None:
    took = []
    for _ in range(2):
        it.core.faults.clear()
        plan(it, "state.get", Delay(1, jitter=2), seed=3)
        before = it.clock.now()
        get(channel, timeout=None)
        took.append(it.clock.now() - before)
    assert 1 < took[0] < 3
    assert took[0] == pytest.approx(took[1], abs=1e-6)


def test_a_call_that_is_never_answered_ends_with_its_deadline(it: Sidecar, channel: grpc.Channel) -> None:
    plan(it, "state.save", Hang(applied=True))
    assert refusal(lambda: save(channel)).code() is CODE.DEADLINE_EXCEEDED
    assert stored(it) == b"new"
    plan(it, "state.get", Hang())
    with pytest.raises(TimeoutError):
        http_get(it, timeout=0.05)


def test_on_the_machines_clock_the_deadline_is_real() -> None:
    with (
        Sidecar(components=COMPONENTS, clock=SystemClock()) as it,
        grpc.insecure_channel(f"{HOST}:{it.grpc_port}") as channel,
    ):
        plan(it, "state.get", Hang(), times=1)
        plan(it, "state.get", Delay(0.01))
        assert refusal(lambda: get(channel, timeout=0.05)).code() is CODE.DEADLINE_EXCEEDED
        assert get(channel).data == b""


def test_the_connection_breaks(it: Sidecar, channel: grpc.Channel) -> None:
    plan(it, "state.save", Reset(), times=1)
    plan(it, "state.save", Reset(applied=True), times=1)
    for expected in (BODY, b"new"):
        error = refusal(lambda: save(channel))
        assert (error.code(), error.details()) == (CODE.UNAVAILABLE, "Stream removed (Socket closed)")
        assert stored(it) == expected
    plan(it, "state.get", Reset())
    with pytest.raises(ConnectionResetError):
        http_get(it)


def test_a_call_that_comes_twice(it: Sidecar, channel: grpc.Channel) -> None:
    plan(it, "state.save", Duplicate())
    etag = get(channel).etag
    error = refusal(lambda: save(channel, etag=etag))
    assert error.code() is CODE.ABORTED  # the first one was carried out, and made the etag stale
    assert stored(it) == b"new"


def test_somebody_else_writes_in_between(it: Sidecar, channel: grpc.Channel) -> None:
    plan(it, "state.get", StaleEtag(), times=1)
    etag = get(channel).etag
    error = refusal(lambda: save(channel, etag=etag))
    assert error.code() is CODE.ABORTED
    assert "possible etag mismatch" in error.details()
    save(channel, etag=get(channel).etag)
    plan(it, "state.save", StaleEtag())
    assert refusal(lambda: save(channel, etag=get(channel).etag)).code() is CODE.ABORTED
    save(channel, b"without an etag")
    assert stored(it) == b"without an etag"


def test_a_value_that_somebody_else_writes_keeps_its_end(it: Sidecar) -> None:
    it.core.state.save("orders", [Upsert("7", b"x", metadata={"ttlInSeconds": "60"})])
    before = it.core.state.get("orders", "7")
    it.core.state.touch("orders", "7")
    after = it.core.state.get("orders", "7")
    assert before is not None
    assert after is not None
    assert (before.metadata, before.etag == after.etag) == (after.metadata, False)


def test_an_http_body_ends_in_the_middle(it: Sidecar) -> None:
    plan(it, "state.get", Truncate(), times=1)
    plan(it, "state.get", Truncate(size=3))
    for expected in (BODY[:6], BODY[:3]):
        with pytest.raises(http.client.IncompleteRead) as raised:
            http_get(it)
        assert raised.value.partial == expected


def test_an_answer_drips(it: Sidecar, channel: grpc.Channel) -> None:
    plan(it, "state.get", Drip(size=4, pause=10))
    before = it.clock.now()
    assert http_get(it)[1] == BODY
    assert it.clock.now() - before == 30  # 13 bytes in 4 pieces
    with socket.create_connection((HOST, it.http_port), timeout=5) as connection:
        connection.sendall(b"GET /v1.0/state/orders/7 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert received.endswith(BODY)
    assert refusal(lambda: get(channel)).code() is CODE.DEADLINE_EXCEEDED


def test_the_sidecar_is_not_ready(it: Sidecar) -> None:
    plan(it, "health.*", NotReady(), until=30)
    assert http_get(it, "/v1.0/healthz")[0].status == 500
    answer, body = http_get(it, "/v1.0/healthz/outbound")
    assert (answer.status, json.loads(body)["errorCode"]) == (500, "ERR_OUTBOUND_HEALTH_NOT_READY")
    assert isinstance(it.clock, VirtualClock)
    it.clock.advance(30)
    assert http_get(it, "/v1.0/healthz/outbound")[0].status == 204


def watch(channel: grpc.Channel, timeout: float | None = 5) -> Any:
    method = wire.method(wire.DAPR, "SubscribeConfiguration")
    call = channel.unary_stream(method.path, method.request.SerializeToString, method.response.FromString)
    return call(method.request(store_name="settings"), timeout=timeout)


@pytest.mark.parametrize(
    ("cut", "messages", "code", "details"),
    [
        (Cut(), 0, CODE.UNAVAILABLE, "Stream removed (Socket closed)"),
        (Cut(1), 1, CODE.UNAVAILABLE, "Stream removed (Socket closed)"),
        (Cut(3, "ABORTED", "enough"), 3, CODE.ABORTED, "enough"),
    ],
)
def test_a_stream_is_cut(
    it: Sidecar, channel: grpc.Channel, cut: Cut, messages: int, code: grpc.StatusCode, details: str
) -> None:
    plan(it, "configuration.subscribe", cut)
    stream = watch(channel)
    store: Any = it.core.configuration.store("settings")
    seen = 0

    def read() -> None:
        nonlocal seen
        for _ in stream:
            seen += 1
            store.set("color", str(seen))

    refusal(read)
    assert (seen, stream.code(), stream.details()) == (messages, code, details)


@pytest.mark.parametrize(
    ("effect", "code"),
    [
        (Fail("RESOURCE_EXHAUSTED"), CODE.RESOURCE_EXHAUSTED),
        (Reset(), CODE.UNAVAILABLE),
        (Hang(), CODE.DEADLINE_EXCEEDED),
        (Delay(60), CODE.DEADLINE_EXCEEDED),
    ],
)
def test_a_stream_is_not_even_opened(it: Sidecar, channel: grpc.Channel, effect: Effect, code: grpc.StatusCode) -> None:
    plan(it, "configuration.subscribe", effect)
    stream = watch(channel)
    with pytest.raises(grpc.RpcError):
        next(stream)
    assert stream.code() is code


def test_effects_of_streams_do_not_mean_other_calls(it: Sidecar, channel: grpc.Channel) -> None:
    plan(it, "*", Cut())
    assert get(channel).data == BODY
    assert [armed.seen for armed in it.core.faults.rules] == [0]


def test_a_call_during_the_move_of_the_clock_waits_for_it(it: Sidecar) -> None:
    plan(it, "state.get", Delay(5))
    answered: list[float] = []

    def deliver() -> None:
        http_get(it)
        answered.append(it.clock.now())
        it.clock.end()

    def ring() -> None:
        it.clock.begin()
        threading.Thread(target=deliver).start()

    assert isinstance(it.clock, VirtualClock)
    start = it.clock.now()
    it.clock.call_later(1, ring)
    it.clock.advance(60)
    assert answered == [start + 6]


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("path", ["/v1.0/state/orders/8", "/v1.0/state/none/8", "/v1.0/metadata", "/v1.0/healthz"])
def test_no_effect_makes_the_sidecar_fail(
    it: Sidecar, channel: grpc.Channel, kind: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    it.core.faults.add(Rule(effects=(KINDS[kind](),)))
    with contextlib.suppress(OSError, http.client.HTTPException):
        http_get(it, path, timeout=0.05)
    with contextlib.suppress(grpc.RpcError):
        save(channel, etag="stale")
    with contextlib.suppress(grpc.RpcError):
        list(watch(channel, timeout=0.05))
    with contextlib.suppress(grpc.RpcError):
        ask(channel, "TryLockAlpha1", store_name="none", resource_id="r", lock_owner="o", expiry_in_seconds=5)
    assert caplog.records == []


# --- over HTTP, and from the command line -------------------------------------------------------------------------


def control(it: Sidecar, method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(HOST, it.http_port, timeout=5)
    try:
        connection.request(method, f"/fakesidecar/v1/faults{path}", None if body is None else json.dumps(body))
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    finally:
        connection.close()


def test_plans_are_made_over_http(it: Sidecar, channel: grpc.Channel) -> None:
    rule = {"call": "state.get", "times": 1, "effects": [{"kind": "fail", "status": "ABORTED"}]}
    status, told = control(it, "POST", body=rule)
    assert (status, told) == (200, {"faults": [{"id": 1, "rule": rule, "seen": 0, "acted": 0}]})
    assert refusal(lambda: get(channel)).code() is CODE.ABORTED
    get(channel)
    assert control(it, "GET")[1]["faults"][0] == {"id": 1, "rule": rule, "seen": 2, "acted": 1}
    assert [one["id"] for one in control(it, "PUT", body=[rule, rule])[1]["faults"]] == [2, 3]
    assert control(it, "DELETE", "/2")[0] == 204
    assert control(it, "DELETE", "/2")[0] == 404
    assert [one["id"] for one in control(it, "GET")[1]["faults"]] == [3]
    assert control(it, "DELETE")[0] == 204
    assert control(it, "GET") == (200, {"faults": []})
    status, told = control(it, "POST", body={"effects": [{"kind": "explode"}]})
    assert (status, told["errorCode"]) == (400, "ERR_MALFORMED_REQUEST")
    assert "an effect has a kind" in told["message"]


def test_plans_are_made_on_the_command_line(
    it: Sidecar, channel: grpc.Channel, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    from fakesidecar.cli import main

    base = ["faults", "--sidecar", f"http://{HOST}:{it.http_port}"]
    options = ["--call", "state.save", "--component", "orders", "--times", "2", "--fail", "unavailable", "--applied"]
    assert main([*base, "add", *options]) == 0
    assert refusal(lambda: save(channel)).code() is CODE.UNAVAILABLE
    assert stored(it) == b"new"
    (tmp_path / "plan.json").write_text('[{"call": "state.get", "effects": [{"kind": "delay", "seconds": 2}]}]')
    assert main([*base, "add", f"@{tmp_path}/plan.json"]) == 0
    capsys.readouterr()
    assert main([*base, "list"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["id"], line["acted"]) for line in lines] == [(1, 1), (2, 0)]
    assert main([*base, "clear", "1"]) == 0
    assert [armed.id for armed in it.core.faults.rules] == [2]
    assert main([*base, "clear"]) == 0
    assert it.core.faults.rules == ()
    assert main([*base, "add", "{}"]) == 1
    assert "a rule has effects" in capsys.readouterr().err
    assert main(["faults", "--sidecar", f"{HOST}:1", "list"]) == 1


def test_what_it_keeps_goes_through_files(it: Sidecar, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from fakesidecar.cli import main

    base, file = ["snapshot", "--sidecar", f"http://{HOST}:{it.http_port}"], str(tmp_path / "kept.json")
    assert main([*base, "save", file]) == 0
    it.reset()
    assert main([*base, "load", file]) == 0
    assert stored(it) == BODY
    (tmp_path / "kept.json").write_text("{}")
    assert main([*base, "load", file]) == 1
    assert "no copy of a sidecar" in capsys.readouterr().err
    assert main(["faults", "add", "--nope"]) == 2
