"""Stand-in applications."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc import StatusCode

from dapr_client import DaprClient, DaprGrpcError, DaprHttpError, Job
from dapr_testing import DaprSidecar, Received, Reply

GRPC_FORM = pytest.mark.filterwarnings("ignore:invoke_method with protocol gRPC:DeprecationWarning")


def test_a_stand_in_answers_and_remembers(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    kitchen = dapr_sidecar.app("kitchen").on("prepare", returns={"minutes": 12})
    answer = dapr_client.invoke_method("kitchen", "prepare", '{"order": "7"}', http_verb="post")
    assert (answer.json(), answer.content_type, answer.status_code) == ({"minutes": 12}, "application/json", 200)
    (asked,) = kitchen.assert_called("prepare", times=1)
    assert (asked.verb, asked.json(), asked.caller) == ("POST", {"order": "7"}, dapr_sidecar.app_id)
    assert asked.header("Content-Type") == "application/json; charset=utf-8"
    assert asked.time == dapr_sidecar.clock.now()
    kitchen.assert_not_called("clean")
    with pytest.raises(AssertionError, match="was called 1 times, not 2 times; it was asked:\n  POST prepare from"):
        kitchen.assert_called("prepare", times=2)


@pytest.mark.parametrize(
    ("returns", "body", "content_type"),
    [
        ("text", b"text", "text/plain; charset=utf-8"),
        (b"\x00", b"\x00", "application/octet-stream"),
        (None, b"", ""),
        ([1, 2], b"[1, 2]", "application/json"),
    ],
)
def test_values_have_the_content_type_of_their_kind(
    dapr_sidecar: DaprSidecar, dapr_client: DaprClient, returns: Any, body: bytes, content_type: str
) -> None:
    dapr_sidecar.app("kitchen").on("menu", returns=returns, headers={"x-cook": "Ada"})
    answer = dapr_client.invoke_method("kitchen", "menu")
    assert (answer.data, answer.headers["x-cook"]) == (body, ["Ada"])
    assert answer.headers.get("content-type", [""])[0] == content_type


def test_answers_may_differ_by_verb_and_by_turn(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    kitchen = dapr_sidecar.app("kitchen")
    kitchen.on("oven", verb="get", returns="cold").then(returns="warm")
    kitchen.on("oven", verb="delete", status=409)
    assert [dapr_client.invoke_method("kitchen", "oven").text() for _ in range(3)] == ["cold", "warm", "warm"]
    for verb, status in (("delete", 409), ("put", 404)):
        with pytest.raises(DaprHttpError) as refused:
            dapr_client.invoke_method("kitchen", "oven", http_verb=verb)
        assert refused.value.status_code == status
    with pytest.raises(ValueError, match=r"then\(\) goes on with an on\(\)"):
        dapr_sidecar.app("bar").then(returns="x")


def test_a_function_may_answer_and_time_may_pass(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    def cook(asked: Received) -> Any:
        with dapr_sidecar.client() as inner:  # it may use the sidecar itself
            inner.save_state("statestore", "cooked", asked.body)
        return Reply("done", status=201) if asked.query == "fast=1" else asked.text().upper()

    kitchen = dapr_sidecar.app("kitchen").on("cook", side_effect=cook)
    kitchen.on("slowly", returns="done", delay=3600)
    assert dapr_client.invoke_method("kitchen", "cook", "soup", http_verb="POST").text() == "SOUP"
    assert dapr_client.invoke_method("kitchen", "cook", http_querystring={"fast": "1"}).status_code == 201
    before = dapr_sidecar.clock.now()
    assert dapr_client.invoke_method("kitchen", "slowly").text() == "done"
    assert dapr_sidecar.clock.now() == before + 3600


def test_an_application_that_is_unreachable(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    dapr_sidecar.app("kitchen").on("prepare", unreachable=True)
    with pytest.raises(DaprHttpError, match="connection refused") as refused:
        dapr_client.invoke_method("kitchen", "prepare")
    assert refused.value.error_code == "ERR_DIRECT_INVOKE"


@GRPC_FORM
def test_a_stand_in_may_speak_grpc(
    dapr_sidecar: DaprSidecar, dapr_client: DaprClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAPR_API_METHOD_INVOCATION_PROTOCOL", "grpc")
    kitchen = dapr_sidecar.app("kitchen", protocol="grpc")
    kitchen.on("prepare", returns=StringValue(value="soup"))
    kitchen.on("burn", status=StatusCode.ABORTED, message="on fire")
    answer = dapr_client.invoke_method("kitchen", "prepare", "x")
    assert answer.unpack(StringValue()).value == "soup"
    for method, code in (("burn", StatusCode.ABORTED), ("unknown", StatusCode.UNIMPLEMENTED)):
        with pytest.raises(DaprGrpcError) as refused:
            dapr_client.invoke_method("kitchen", method)
        assert refused.value.code() is code


def test_a_service_of_its_own_is_proxied(dapr_sidecar: DaprSidecar) -> None:
    kitchen = dapr_sidecar.app("kitchen", protocol="grpc")
    kitchen.on("/food.Kitchen/Cook", returns=StringValue(value="soup"))
    kitchen.on("/food.Kitchen/Courses", returns=[StringValue(value="soup"), StringValue(value="cake")])
    kitchen.on("/food.Kitchen/Burn", status=StatusCode.ABORTED, message="on fire")
    to_kitchen = (("dapr-app-id", "kitchen"),)
    with grpc.insecure_channel(dapr_sidecar.grpc_endpoint) as channel:

        def cook(path: str) -> StringValue:
            call = channel.unary_unary(path, StringValue.SerializeToString, StringValue.FromString)
            answer: StringValue = call(StringValue(value="x"), metadata=to_kitchen, timeout=10)
            return answer

        assert cook("/food.Kitchen/Cook").value == "soup"
        courses = channel.unary_stream("/food.Kitchen/Courses", StringValue.SerializeToString, StringValue.FromString)
        found = [course.value for course in courses(StringValue(), metadata=to_kitchen, timeout=10)]
        assert found == ["soup", "cake"]
        with pytest.raises(grpc.RpcError) as refused:
            cook("/food.Kitchen/Burn")
        assert (refused.value.code(), refused.value.details()) == (StatusCode.ABORTED, "on fire")
    assert StringValue.FromString(kitchen.received[0].body).value == "x"


def test_the_sidecar_s_own_application_may_be_a_stand_in(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    own = dapr_sidecar.app().on("hello", returns="world").on("job/nightly")
    assert dapr_client.invoke_method(dapr_sidecar.app_id, "hello").text() == "world"
    dapr_client.schedule_job(Job("nightly", due_time="1h"))
    dapr_sidecar.fake.core.jobs.receiver = None
    dapr_sidecar.clock.advance(3600)
    own.assert_called("job/nightly", times=1)


def test_nobody_stands_in_after_the_test(dapr_sidecar: DaprSidecar) -> None:
    dapr_sidecar.app("kitchen").on("prepare", returns="soup")
    dapr_sidecar.app()
    with dapr_sidecar.in_use(), dapr_sidecar.client() as dapr:
        assert dapr.invoke_method("kitchen", "prepare").text() == "soup"
    with dapr_sidecar.client() as dapr, pytest.raises(DaprHttpError, match="couldn't find service: kitchen"):
        dapr.invoke_method("kitchen", "prepare")
    assert dapr_sidecar.fake.core.app is None
