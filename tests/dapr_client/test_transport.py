"""What every call has: token, deadline, retries, one family of errors."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from dapr_client import DaprClient, DaprGrpcError, DaprInternalError, RetryPolicy
from dapr_client._transport.aio import AsyncTransport
from dapr_client._transport.sync import Transport
from dapr_client._version import USER_AGENT
from dapr_client.aio import DaprClient as AsyncDaprClient
from dapr_client.interceptors import DaprClientInterceptor, DaprClientInterceptorAsync
from dapr_client.wire import configuration_pb2, state_pb2
from tests.dapr_client.scripted import Fails, Script, recorder, served

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
VALUE = state_pb2.GetStateResponse(data=b"value", etag="1").SerializeToString()
FIRST = configuration_pb2.SubscribeConfigurationResponse(id="id").SerializeToString()


def client(script: Script, **arguments: Any) -> DaprClient:
    return DaprClient(channel=grpc.insecure_channel(script.address), api_token="secret", **arguments)


def async_client(script: Script, **arguments: Any) -> AsyncDaprClient:
    return AsyncDaprClient(channel=grpc.aio.insecure_channel(script.address), api_token="secret", **arguments)


def test_a_call_is_tried_again_after_a_wait() -> None:
    slept, sleep, _ = recorder()
    with (
        served(Fails(UNAVAILABLE), Fails(UNAVAILABLE), VALUE) as script,
        client(script, retry_policy=RetryPolicy(max_attempts=3, sleep=sleep)) as dapr,
    ):
        assert dapr.get_state("statestore", "key").data == b"value"
    assert slept == [1.0, 1.5]


async def test_a_call_of_the_async_client_is_tried_again_after_a_wait() -> None:
    slept, _, sleep = recorder()
    with served(Fails(UNAVAILABLE), Fails(UNAVAILABLE), VALUE) as script:
        async with async_client(script, retry_policy=RetryPolicy(max_attempts=3, async_sleep=sleep)) as dapr:
            assert (await dapr.get_state("statestore", "key")).data == b"value"
    assert slept == [1.0, 1.5]


def test_the_last_failure_is_raised_when_the_attempts_are_used_up() -> None:
    slept, sleep, _ = recorder()
    with (
        served(Fails(UNAVAILABLE), Fails(UNAVAILABLE, "for good")) as script,
        client(script, retry_policy=RetryPolicy(max_attempts=2, sleep=sleep)) as dapr,
        pytest.raises(DaprGrpcError, match="for good") as caught,
    ):
        dapr.get_secret("vault", "key")
    assert caught.value.code() is UNAVAILABLE
    assert slept == [1.0]


def test_the_wait_that_the_server_asks_for_is_kept() -> None:
    slept, sleep, _ = recorder()
    with (
        served(Fails(UNAVAILABLE, retry_after=7.5), VALUE) as script,
        client(script, retry_policy=RetryPolicy(max_attempts=2, sleep=sleep)) as dapr,
    ):
        dapr.get_state("statestore", "key")
    assert slept == [7.5]


def test_a_status_that_is_not_in_the_policy_is_not_tried_again() -> None:
    slept, sleep, _ = recorder()
    with (
        served(Fails(grpc.StatusCode.ABORTED)) as script,
        client(script, retry_policy=RetryPolicy(max_attempts=5, sleep=sleep)) as dapr,
        pytest.raises(DaprGrpcError),
    ):
        dapr.get_state("statestore", "key")
    assert slept == []


def test_a_stream_is_opened_again_before_its_first_message_and_never_after() -> None:
    slept, sleep, _ = recorder()
    steps = Fails(UNAVAILABLE), Fails(UNAVAILABLE, after=(FIRST,)), FIRST
    with served(*steps) as script, client(script, retry_policy=RetryPolicy(max_attempts=9, sleep=sleep)) as dapr:
        transport: Transport = dapr._transport
        stream = transport.server_stream(
            "SubscribeConfiguration",
            configuration_pb2.SubscribeConfigurationRequest(),
            configuration_pb2.SubscribeConfigurationResponse,
        )
        assert next(stream).id == "id"
        with pytest.raises(DaprGrpcError):
            next(stream)
    assert slept == [1.0]


async def test_an_async_stream_is_opened_again_before_its_first_message_and_never_after() -> None:
    slept, _, sleep = recorder()
    steps = Fails(UNAVAILABLE), Fails(UNAVAILABLE, after=(FIRST,)), FIRST
    policy = RetryPolicy(max_attempts=9, async_sleep=sleep)
    with served(*steps) as script:
        async with async_client(script, retry_policy=policy) as dapr:
            transport: AsyncTransport = dapr._transport
            stream = await transport.server_stream(
                "SubscribeConfiguration",
                configuration_pb2.SubscribeConfigurationRequest(),
                configuration_pb2.SubscribeConfigurationResponse,
            )
            assert (await anext(stream)).id == "id"
            with pytest.raises(DaprGrpcError):
                await anext(stream)
    assert slept == [1.0]


def test_the_token_goes_with_calls_and_with_streams() -> None:
    with served(VALUE, (FIRST,)) as script, client(script) as dapr:
        dapr.get_state("statestore", "key")
        dapr.subscribe_configuration("settings", ["key"], print)
    assert [call["dapr-api-token"] for call in script.calls] == ["secret", "secret"]


async def test_the_token_goes_with_calls_and_with_streams_of_the_async_client() -> None:
    with served(VALUE, (FIRST,)) as script:
        async with async_client(script) as dapr:
            await dapr.get_state("statestore", "key")
            await dapr.subscribe_configuration("settings", ["key"], print)
    assert [call["dapr-api-token"] for call in script.calls] == ["secret", "secret"]


def test_metadata_of_the_caller_is_sent_and_told_to_be_old() -> None:
    with served(VALUE) as script, client(script) as dapr, pytest.warns(DeprecationWarning, match="metadata argument"):
        dapr.get_state("statestore", "key", metadata=(("mine", "1"),))
    assert {"mine": "1", "dapr-api-token": "secret"}.items() <= script.calls[0].items()


def test_a_deadline_comes_from_the_caller_or_the_settings_and_is_none_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with served(VALUE, VALUE, VALUE) as script:
        with client(script) as dapr:
            dapr.get_state("statestore", "key")
            dapr.get_state("statestore", "key", timeout=1000)
        monkeypatch.setenv("DAPR_API_TIMEOUT_SECONDS", "500")
        with client(script) as dapr:
            dapr.get_state("statestore", "key")
    without, given, set_ = script.deadlines
    assert without is None
    assert given is not None
    assert set_ is not None
    assert 900 < given < 1100
    assert 400 < set_ < 600


def test_interceptors_of_the_user_see_every_call(sidecar_free: None) -> None:
    with (
        served(VALUE, (FIRST,)) as script,
        client(script, interceptors=[DaprClientInterceptor([("added", "yes")])]) as dapr,
    ):
        dapr.get_state("statestore", "key")
        dapr.subscribe_configuration("settings", ["key"], print)
    assert [call["added"] for call in script.calls] == ["yes", "yes"]


async def test_interceptors_of_the_user_see_every_call_of_the_async_client(
    sidecar_free: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ready(*arguments: object) -> None:
        """The scripted server has no HTTP door."""

    monkeypatch.setattr("dapr_client._async.client.wait_for_sidecar", ready)
    with served(VALUE, (FIRST,)) as script:
        interceptor = DaprClientInterceptorAsync([("added", "yes")])
        async with AsyncDaprClient(script.address, interceptors=[interceptor]) as dapr:
            await dapr.get_state("statestore", "key")
            await dapr.subscribe_configuration("settings", ["key"], print)
    assert [call["added"] for call in script.calls] == ["yes", "yes"]
    assert USER_AGENT in str(script.calls[0]["user-agent"])


def test_an_address_that_is_none_is_told_at_once() -> None:
    with pytest.raises(DaprInternalError, match="invalid scheme 'grpc'"):
        DaprClient("grpc://somewhere:1")


@pytest.fixture
def sidecar_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings from outside."""
    for name in ("DAPR_API_TOKEN", "DAPR_GRPC_ENDPOINT", "DAPR_HTTP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
