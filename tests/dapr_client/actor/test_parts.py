"""Ids, interfaces, what is serialized, what is refused, and what ends."""

# mypy: disable-error-code="empty-body"

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import warnings
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dapr_testing
from dapr_client import DaprError
from dapr_client._serializers import DefaultJSONSerializer, from_duration, to_duration
from dapr_client.actor import (
    Actor,
    ActorGrpcHost,
    ActorId,
    ActorInterface,
    ActorMethodNotFoundError,
    ActorProxy,
    ActorProxyFactory,
    ActorReentrancyConfig,
    ActorReminderFailurePolicy,
    ActorRuntime,
    ActorRuntimeConfig,
    Actors,
    ActorTypeConfig,
    ActorTypeNotFoundError,
    DaprActorHttpClient,
    actormethod,
)
from dapr_client.actor._interface import methods_of
from dapr_testing import DaprSidecar

from .test_hosting import Counter, CounterActor

JSON = DefaultJSONSerializer()


def test_ids_are_equal_by_their_text_and_to_nothing_else() -> None:
    one: Any = ActorId("1")
    assert one == ActorId("1")
    assert one != ActorId("2")
    assert one != None  # noqa: E711  # that is what is tried
    assert one != "1"
    assert {one, ActorId("1")} == {one}
    assert ActorId.create_random_id() != ActorId.create_random_id()
    with pytest.raises(TypeError, match="must be of type str"):
        ActorId(1)  # type: ignore[arg-type]


class Base(ActorInterface):
    @actormethod(name="One")
    async def one(self) -> int: ...

    async def two(self) -> int: ...


class Derived(Base):
    @actormethod(name="Three")
    async def three(self, given: int = 3) -> int: ...


class DerivedActor(Actor, Derived):
    async def one(self) -> int:
        return 1

    async def two(self) -> int:
        return 2

    async def three(self, given: int = 3) -> int:
        return given

    async def hidden(self) -> int:
        return 0


async def test_inherited_methods_belong_to_an_interface_and_the_actor_s_own_do_not() -> None:
    assert [*methods_of(Derived)] == [*methods_of(DerivedActor)] == ["One", "two", "Three"]
    actors = Actors()
    actors.register(DerivedActor)
    assert await actors.dispatch("DerivedActor", "1", "Three", b"") == b"3"
    assert await actors.dispatch("DerivedActor", "1", "Three", b"4") == b"4"
    with pytest.raises(ActorMethodNotFoundError):
        await actors.dispatch("DerivedActor", "1", "hidden", b"")
    with pytest.raises(ActorTypeNotFoundError, match=r"Nobody is not registered\."):
        await actors.dispatch("Nobody", "1", "One", b"")
    with pytest.raises(ValueError, match="DerivedActor does not implement Remindable"):
        await actors.manager("DerivedActor").remind("1", "r", b"{}")


async def test_what_is_no_actor_is_not_registered() -> None:
    with pytest.raises(ValueError, match="is not Actor class"):
        await ActorRuntime.register_actor(Derived)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="has not inherited from ActorInterface"):
        Actors().register(Actor)


async def test_a_proxy_says_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="actor_interface is not set"):
        _ = ActorProxy.create("A", "1").One
    proxy = ActorProxy.create("A", ActorId("1"), Base)
    with pytest.raises(AttributeError, match="Base has no attribute Three"):
        _ = proxy.Three
    with pytest.raises(ValueError, match="does not support multiple arguments"):
        await proxy.One(1, 2)
    with pytest.raises(ValueError, match="is not bytes type"):
        await proxy.invoke_method("One", "text")  # type: ignore[arg-type]
    assert (copy.copy(proxy).actor_type, proxy.actor_id) == ("A", ActorId("1"))


@given(st.timedeltas(timedelta(days=-9999), timedelta(days=9999)))
def test_a_duration_is_read_as_it_was_written(length: timedelta) -> None:
    assert from_duration(to_duration(length)) == length


@given(st.one_of(st.text(), st.sampled_from(["5m", "2024-01-01", "2024-13-45", "2020-01-01 hello", ""])))
def test_text_stays_text(text: str) -> None:
    assert JSON.deserialize(JSON.serialize(text)) == text


@pytest.mark.parametrize("value", [datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), date(2026, 1, 2), timedelta(1), b"\xff"])
def test_other_types_come_back_where_they_are_named(value: object) -> None:
    written = JSON.serialize(value)
    assert JSON.deserialize(written, type(value)) == value
    assert JSON.deserialize(written, type(value) | None) == value
    assert isinstance(JSON.deserialize(written), str)


def test_the_configuration_is_told_as_dapr_reads_it() -> None:
    own = ActorTypeConfig("B", actor_idle_timeout=timedelta(minutes=1), reentrancy=ActorReentrancyConfig(True))
    config = ActorRuntimeConfig(actor_type_configs=[own])
    config.update_entities([])
    config.update_entities(["A"])
    config.update_entities([])  # they are added
    assert JSON.deserialize(JSON.serialize(config)) == {
        "actorIdleTimeout": "1h0m0s0ms0\u03bcs",
        "actorScanInterval": "0h0m30s0ms0\u03bcs",
        "drainRebalancedActors": True,
        "entitiesConfig": [
            {
                "entities": ["B"],
                "actorIdleTimeout": "0h1m0s0ms0\u03bcs",
                "reentrancy": {"enabled": True, "maxStackDepth": 32},
            }
        ],
        "entities": ["A", "B"],
    }


@pytest.mark.parametrize("arguments", [{}, {"drop": True, "max_retries": 1}])
def test_a_failure_policy_is_one_thing_or_the_other(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="drop"):
        ActorReminderFailurePolicy(**arguments)


async def test_one_client_s_headers_are_not_another_s(dapr_sidecar: DaprSidecar) -> None:
    actors = Actors()
    host = ActorGrpcHost(app_port=0, actors=actors)
    await host.register_actor(CounterActor)
    seen: list[str] = []
    async with host, ActorProxyFactory() as plain:
        mine = DaprActorHttpClient(headers_callback=lambda: seen.append("asked") or {"x-mine": "1"})  # type: ignore[func-returns-value]
        async with ActorProxyFactory(client=mine) as factory:
            await factory.create("CounterActor", "1", Counter).Add(1)
            await plain.create("CounterActor", "1", Counter).Add(1)
    assert seen == ["asked"]


def test_connections_end_with_their_event_loop(dapr_sidecar: DaprSidecar) -> None:
    async def count() -> None:
        host = ActorGrpcHost(app_port=0, actors=Actors())
        await host.register_actor(CounterActor)
        async with host:
            await ActorProxy.create("CounterActor", "1", Counter).Add(1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            asyncio.run(count())
        gc.collect()
    assert dapr_sidecar.actors.state("CounterActor", "1") == {"total": b"3"}


async def test_a_host_comes_back_when_its_stream_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dapr_client.actor._grpc.RECONNECT_SECONDS", 0.01)
    with dapr_testing.sidecar() as dapr:
        host = ActorGrpcHost(app_port=0, actors=Actors())
        await host.register_actor(CounterActor)
        async with host, ActorProxyFactory() as factory:
            counter = factory.create("CounterActor", "1", Counter)
            await counter.Add(1)
            dapr.fake.grpc.break_streams()
            async with asyncio.timeout(10):
                while True:
                    with contextlib.suppress(DaprError):
                        assert await counter.Add(1) >= 2
                        break


async def test_a_host_needs_actors_and_is_started_once(dapr_sidecar: DaprSidecar) -> None:
    host = ActorGrpcHost(app_port=0, actors=Actors())
    with pytest.raises(RuntimeError, match="Register at least one actor type"):
        await host.start()
    await host.register_actor(CounterActor)
    await host.start()
    with pytest.raises(RuntimeError, match="already started"):
        await host.start()
    await host.stop()
    async with asyncio.timeout(10):
        while dapr_sidecar.fake.core.actors.types:
            await asyncio.sleep(0)
    await host.start()
    await host.close()
