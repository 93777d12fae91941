"""Invocation as it leaves the client and as its answers come back: both forms, both clients."""

from __future__ import annotations

import http.server
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from dapr_client import (
    BindingResponse,
    DaprClient,
    DaprGrpcError,
    DaprHttpError,
    DaprInternalError,
    DaprUnreachableError,
    InvokeMethodRequest,
    InvokeMethodResponse,
    RetryPolicy,
)
from dapr_client.aio import DaprClient as AsyncDaprClient
from dapr_client.wire import binding_pb2, common_pb2, invoke_pb2
from tests.dapr_client.scripted import Fails, recorder, served
from tests.http_server import serving

GRPC_FORM = pytest.mark.filterwarnings("ignore:invoke_method with protocol gRPC:DeprecationWarning")


@dataclass
class Seen:
    """What reached the HTTP door."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Door:
    """An HTTP door that answers as it is told."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    body: bytes = b"{}"
    seen: list[Seen] = field(default_factory=list)


@contextmanager
def door(*statuses: int, body: bytes = b"{}") -> Iterator[Door]:
    told = Door(statuses=list(statuses), body=body)

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.seen.append(Seen(f"{self.command} {self.path}", headers, sent))
            self.send_response(told.statuses.pop(0))
            self.send_header("content-type", "application/json")
            self.send_header("x-told", "yes")
            self.send_header("content-length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def do_POST(self) -> None:
            self.do_GET()

        def do_PATCH(self) -> None:
            self.do_GET()

        def log_message(self, *arguments: Any) -> None:
            """The output of the tests stays clean."""

    with serving(Answers) as told.port:
        yield told


@contextmanager
def client(port: int, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Iterator[DaprClient]:
    monkeypatch.setenv("DAPR_HTTP_ENDPOINT", f"http://127.0.0.1:{port}")
    with DaprClient(channel=grpc.insecure_channel("127.0.0.1:1"), api_token="secret", **more) as dapr:
        yield dapr


def test_the_verb_the_path_and_the_headers_are_the_caller_s(monkeypatch: pytest.MonkeyPatch) -> None:
    with door(200, 201) as told, client(told.port, monkeypatch, headers_callback=lambda: {"x-trace": "t"}) as dapr:
        answer = dapr.invoke_method("shop", "orders/7%2F8?full=1", http_querystring={"q": "a b"})
        assert (answer.status_code, answer.json(), answer.content_type) == (200, {}, "application/json")
        assert answer.headers["x-told"] == ["yes"]
        dapr.invoke_method(
            "shop",
            "a b",
            b"<x/>",
            "text/xml",
            metadata=(("X-Mine", b"1"),),
            http_verb="post",
            http_querystring=[("k", "1"), ("k", "2")],
        )
    first, second = told.seen
    assert first.line == "GET /v1.0/invoke/shop/method/orders/7%2F8?full=1&q=a+b"
    assert (first.headers["content-type"], first.body) == ("application/json; charset=utf-8", b"")
    assert (first.headers["dapr-api-token"], first.headers["x-trace"]) == ("secret", "t")
    assert second.line == "POST /v1.0/invoke/shop/method/a%20b?k=1&k=2"
    assert (second.headers["content-type"], second.headers["x-mine"], second.body) == ("text/xml", "1", b"<x/>")


async def test_the_async_client_sends_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with door(200) as told:
        monkeypatch.setenv("DAPR_HTTP_ENDPOINT", f"http://127.0.0.1:{told.port}")
        async with AsyncDaprClient(channel=grpc.aio.insecure_channel("127.0.0.1:1"), api_token="secret") as dapr:
            answer = await dapr.invoke_method("shop", "add", Int32Value(value=7), http_verb="PATCH")
    assert answer.status_code == 200
    assert told.seen[0].line == "PATCH /v1.0/invoke/shop/method/add"
    assert told.seen[0].headers["content-type"] == "application/x-protobuf"
    assert Int32Value.FromString(told.seen[0].body).value == 7


def test_an_error_tells_what_the_sidecar_told(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"errorCode":"ERR_DIRECT_INVOKE","message":"no such app"}'
    with (
        door(500, body=body) as told,
        client(told.port, monkeypatch) as dapr,
        pytest.raises(DaprHttpError) as refused,
    ):
        dapr.invoke_method("nobody", "x")
    assert (refused.value.status_code, refused.value.error_code) == (500, "ERR_DIRECT_INVOKE")
    assert refused.value.message == "no such app"


def test_the_retry_policy_is_for_http_too(monkeypatch: pytest.MonkeyPatch) -> None:
    slept, sleep, _ = recorder()
    policy = RetryPolicy(max_attempts=3, sleep=sleep)
    with door(503, 429, 200, 404) as told, client(told.port, monkeypatch, retry_policy=policy) as dapr:
        assert dapr.invoke_method("shop", "x").status_code == 200
        with pytest.raises(DaprHttpError):
            dapr.invoke_method("shop", "x")
    assert slept == [1.0, 1.5]
    assert len(told.seen) == 4


async def test_who_cannot_be_reached_is_tried_again_as_over_grpc(monkeypatch: pytest.MonkeyPatch) -> None:
    slept, sleep, async_sleep = recorder()
    policy = RetryPolicy(max_attempts=2, sleep=sleep, async_sleep=async_sleep)
    with client(1, monkeypatch, retry_policy=policy) as dapr, pytest.raises(DaprUnreachableError) as refused:
        dapr.invoke_method("shop", "x")
    assert not refused.value.timed_out
    async with AsyncDaprClient(channel=grpc.aio.insecure_channel("127.0.0.1:1"), retry_policy=policy) as async_dapr:
        with pytest.raises(DaprUnreachableError):
            await async_dapr.invoke_method("shop", "x")
    assert slept == [1.0, 1.0]
    only_late = RetryPolicy(max_attempts=2, retryable_grpc_status_codes=[grpc.StatusCode.DEADLINE_EXCEEDED])
    with client(1, monkeypatch, retry_policy=only_late) as dapr, pytest.raises(DaprUnreachableError):
        dapr.invoke_method("shop", "x")


def test_a_protocol_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAPR_API_METHOD_INVOCATION_PROTOCOL", "FOO")
    with (
        client(1, monkeypatch) as dapr,
        pytest.raises(DaprInternalError, match="DAPR_API_METHOD_INVOCATION_PROTOCOL: FOO"),
    ):
        dapr.invoke_method("shop", "x")


@GRPC_FORM
def test_the_grpc_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAPR_API_METHOD_INVOCATION_PROTOCOL", "grpc")
    reply = common_pb2.InvokeResponse(content_type="text/plain")
    reply.data.value = b"fine"
    with (
        served(reply.SerializeToString(), Fails(grpc.StatusCode.NOT_FOUND, "no app")) as script,
        DaprClient(channel=grpc.insecure_channel(script.address)) as dapr,
    ):
        answer = dapr.invoke_method(
            "shop", "add", StringValue(value="x"), http_verb="put", http_querystring={"q": "1"}, metadata=(("a", "b"),)
        )
        assert (answer.text(), answer.content_type, answer.status_code) == ("fine", "text/plain", None)
        with pytest.raises(DaprGrpcError, match="no app"):
            dapr.invoke_method("shop", "add")
        with pytest.raises(ValueError):
            dapr.invoke_method("shop", "add", http_verb="jump")
    asked = invoke_pb2.InvokeServiceRequest.FromString(script.requests[0])
    assert (asked.id, asked.message.method, asked.message.content_type) == ("shop", "add", "application/x-protobuf")
    assert asked.message.http_extension == common_pb2.HTTPExtension(verb="PUT", querystring="q=1")
    inside = StringValue()
    assert asked.message.data.Unpack(inside)
    assert inside.value == "x"
    assert script.calls[0]["a"] == "b"


def test_a_binding_is_asked_and_answers() -> None:
    reply = binding_pb2.InvokeBindingResponse(data=b'{"n":1}', metadata={"statusCode": "200"})
    with (
        served(reply.SerializeToString()) as script,
        DaprClient(channel=grpc.insecure_channel(script.address)) as dapr,
    ):
        answer = dapr.invoke_binding("kafka", "create", "data", {"key": "1"})
    assert (answer.json(), answer.binding_metadata) == ({"n": 1}, {"statusCode": "200"})
    asked = binding_pb2.InvokeBindingRequest(name="kafka", operation="create", data=b"data", metadata={"key": "1"})
    assert binding_pb2.InvokeBindingRequest.FromString(script.requests[0]) == asked


def test_what_cannot_be_sent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with client(1, monkeypatch) as dapr:
        with pytest.raises(ValueError, match="invalid data type <class 'int'>"):
            dapr.invoke_method("shop", "x", 7)  # type: ignore[arg-type]  # that is what is tested
        with pytest.raises(TypeError, match="invalid data type <class 'int'>"):
            dapr.invoke_binding("kafka", "create", 7)  # type: ignore[arg-type]  # the same


def test_data_is_a_message_when_it_says_its_type_or_the_content_type_does() -> None:
    answer = InvokeMethodResponse(StringValue(value="x"))
    assert answer.is_proto()
    assert answer.content_type == "application/x-protobuf"
    assert answer.unpack(StringValue()).value == "x"
    with pytest.raises(ValueError, match="protocol buffer message object"):
        _ = answer.data
    with pytest.raises(ValueError, match="invalid type"):
        answer.unpack(Int32Value())
    bare = InvokeMethodResponse(StringValue(value="x").SerializeToString(), "application/x-protobuf")
    assert bare.unpack(StringValue()).value == "x"
    with pytest.raises(ValueError, match="is not protocol buffer"):
        InvokeMethodResponse(b"x").unpack(StringValue())
    answer.set_data("text")
    assert answer.text() == "text"
    answer.pack(Int32Value(value=3))
    assert answer.unpack(Int32Value()).value == 3
    request = InvokeMethodRequest("text", "text/plain", (("a", "1"), ("a", "2")))
    assert (request.text(), request.metadata) == ("text", {"a": ["1", "2"]})


@pytest.mark.parametrize(
    "answer",
    [
        InvokeMethodResponse(b"x", "text/plain", (("a", "1"),), 200),
        InvokeMethodResponse(StringValue(value="x")),
        BindingResponse(b"x", {"a": "1"}),
    ],
)
def test_an_answer_travels(answer: Any) -> None:
    assert pickle.loads(pickle.dumps(answer)) == answer
