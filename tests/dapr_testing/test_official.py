"""The unmodified official SDK against the sidecar: over sockets, and with its channels in process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.aio
import pytest
from dapr.aio.clients import DaprClient as AioDaprClient
from dapr.clients import DaprClient, DropFailurePolicy, Job
from dapr.clients.exceptions import DaprGrpcError
from dapr.clients.grpc._state import StateItem
from dapr.clients.grpc.conversation import (
    ConversationInput,
    ConversationInputAlpha2,
    ConversationToolCallsOfFunction,
    ConversationTools,
    ConversationToolsFunction,
    create_user_message,
)

from dapr_testing import Component, DaprSidecar, _inprocess, _inprocess_aio

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


@pytest.fixture(params=["in process", "sockets"])
def _way(dapr_sidecar: DaprSidecar, request: pytest.FixtureRequest) -> Iterator[None]:
    with dapr_sidecar.intercept_channels() if request.param == "in process" else contextlib.nullcontext():
        yield


@pytest.mark.usefixtures("_way")
def test_its_calls_are_answered(dapr_sidecar: DaprSidecar) -> None:
    dapr_sidecar.secrets.set("secretstore", "db", "x")
    dapr_sidecar.configuration.set("configstore", "color", "red")
    heard = threading.Event()
    with DaprClient() as dapr:
        dapr.save_state("statestore", "k", "v")
        dapr.save_bulk_state("statestore", [StateItem("a", "1"), StateItem("b", "2")])
        assert dapr.get_state("statestore", "k").data == b"v"
        assert sorted(item.data for item in dapr.get_bulk_state("statestore", ["a", "b"]).items) == [b"1", b"2"]
        assert dapr.get_secret("secretstore", "db").secret == {"db": "x"}
        assert dapr.get_configuration("configstore", ["color"]).items["color"].value == "red"
        with dapr.try_lock("lockstore", "r", "ann", 60) as held:
            assert held
            assert dapr_sidecar.lock.owner("lockstore", "r") == "ann"
        assert dapr_sidecar.lock.owner("lockstore", "r") is None
        dapr.subscribe_configuration("configstore", ["color"], lambda id, response: heard.set())
        dapr_sidecar.configuration.set("configstore", "color", "blue")
        assert heard.wait(5)
        dapr.schedule_job(Job("nightly", schedule="@daily", failure_policy=DropFailurePolicy()))
        dapr_sidecar.clock.advance(86400)
        assert [tick.name for tick in dapr_sidecar.jobs.triggered] == ["nightly"]
        assert dapr.get_job("nightly").schedule == "@daily"
        dapr.delete_job("nightly")
        assert dapr_sidecar.jobs.scheduled == {}
        with pytest.raises(DaprGrpcError) as raised:
            dapr.get_state("nowhere", "k")
        error: Any = raised.value
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.usefixtures("_way")
async def test_its_async_calls_are_answered(dapr_sidecar: DaprSidecar) -> None:
    dapr_sidecar.secrets.set("secretstore", "db", "x")
    async with AioDaprClient() as dapr:
        await dapr.save_state("statestore", "k", "v")
        assert (await dapr.get_state("statestore", "k")).data == b"v"
        assert (await dapr.get_secret("secretstore", "db")).secret == {"db": "x"}
        assert (await dapr.try_lock("lockstore", "r", "ann", 60)).success
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await dapr.get_secret("nowhere", "k")
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.dapr(components=[Component("echo", "conversation.echo"), Component("llm", "conversation.scripted")])
@pytest.mark.usefixtures("_way")
async def test_it_converses(dapr_sidecar: DaprSidecar) -> None:
    llm = dapr_sidecar.conversation["llm"]
    llm.when("weather", calls={"get_weather": {"city": "Rome"}}).when(say="at last", after=60)
    with DaprClient() as dapr:
        weather = [ConversationInputAlpha2([create_user_message("weather?")])]
        tools = [ConversationTools(ConversationToolsFunction("get_weather", parameters={"type": "object"}))]
        message = dapr.converse_alpha2("llm", weather, tools=tools).outputs[0].choices[0].message
        assert message.tool_calls[0].function == ConversationToolCallsOfFunction("get_weather", '{"city": "Rome"}')
        assert dapr.converse_alpha1("echo", [ConversationInput("hi", scrub_pii=True)]).outputs[0].result == "hi"
    async with AioDaprClient() as aio:
        waiting = asyncio.create_task(aio.converse_alpha1("llm", [ConversationInput("well?")]))
        await asyncio.to_thread(llm.wait_until_asked, 2)
        assert not waiting.done()
        dapr_sidecar.clock.advance(60)
        assert (await waiting).outputs[0].result == "at last"
    with pytest.raises(TypeError, match=r"'echo' is a conversation.echo: it says what it will"):
        _ = dapr_sidecar.conversation["echo"]


@pytest.mark.dapr(intercept_channels=True)
def test_only_channels_to_the_sidecar_are_given(dapr_sidecar: DaprSidecar) -> None:
    port = dapr_sidecar.grpc_port
    for target in (f"127.0.0.1:{port}", f"localhost:{port}", f"dns:127.0.0.1:{port}", f"dns:///localhost:{port}"):
        assert isinstance(grpc.insecure_channel(target), _inprocess.Channel)
        assert isinstance(grpc.aio.insecure_channel(target), _inprocess_aio.AioChannel)
    with grpc.insecure_channel("127.0.0.1:1") as other:
        assert not isinstance(other, _inprocess.Channel)


def test_everything_is_given_back(dapr_sidecar: DaprSidecar) -> None:
    before: tuple[Any, Any] = grpc.insecure_channel, grpc.aio.insecure_channel
    with dapr_sidecar.intercept_channels():
        assert (grpc.insecure_channel, grpc.aio.insecure_channel) != before
    assert (grpc.insecure_channel, grpc.aio.insecure_channel) == before


@pytest.mark.dapr(api_token="secret", intercept_channels=True)
def test_its_token_is_sent() -> None:
    with DaprClient() as dapr:
        assert dapr.get_state("statestore", "k").data == b""
