"""Actors and proxies of the unmodified official package, and ours with theirs."""

# mypy: disable-error-code="empty-body, untyped-decorator, no-any-return"

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from dapr import actor as official
from dapr.actor.runtime.runtime import ActorRuntime
from dapr.ext.fastapi import DaprActor
from fastapi import FastAPI

import dapr_testing
from dapr_client import actor as ours
from dapr_testing import DaprSidecar

from .hosting import asgi, beside, hosted
from .test_hosting import Counter, CounterActor, kept

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


class OfficialCounter(official.ActorInterface):
    @official.actormethod(name="Add")
    async def add(self, number: int) -> int: ...

    @official.actormethod(name="Start")
    async def start(self) -> None: ...

    @official.actormethod(name="Heard")
    async def heard(self) -> object: ...


class OfficialActor(official.Actor, OfficialCounter, official.Remindable):
    async def add(self, number: int) -> int:
        return await self._state_manager.add_or_update_state("total", number, lambda _, kept: kept + number)

    async def start(self) -> None:
        await self.register_timer("t", self.tick, {"a": 1}, timedelta(seconds=1), timedelta(seconds=2))
        await self.register_reminder("r", b"up", timedelta(seconds=1), timedelta(seconds=10))

    async def tick(self, data: object) -> None:
        await self._state_manager.add_or_update_state("ticks", [data], lambda _, kept: [*kept, data])

    async def receive_reminder(self, name: str, state: bytes, due_time: Any, period: Any, ttl: Any = None) -> None:
        await self._state_manager.set_state("reminded", [name, state.decode()])

    async def heard(self) -> object:
        return [await self._state_manager.get_state("ticks"), await self._state_manager.get_state("reminded")]


@pytest.fixture(autouse=True)
def _forgets() -> Iterator[None]:
    """The official package keeps actors and the default way to them for the length of the process."""
    yield
    ActorRuntime._actor_managers.clear()
    official.ActorProxy._default_proxy_factory = None


async def works(dapr: DaprSidecar) -> None:
    proxy: Any = official.ActorProxy.create("OfficialActor", official.ActorId("1"), OfficialCounter)
    assert await proxy.Add(2) == 2
    assert await proxy.Add(3) == 5
    blocking = ours.sync.ActorProxy.create("OfficialActor", "1")
    assert await asyncio.to_thread(blocking.invoke_method, "Add", b"1") == b"6"
    await proxy.Start()
    await asyncio.to_thread(dapr.clock.advance, 4)
    assert await proxy.Heard() == [[{"a": 1}, {"a": 1}], ["r", "up"]]
    assert kept(dapr, "OfficialActor", "1")["total"] == 6
    await asyncio.to_thread(dapr.actors.deactivate, "OfficialActor", "1")
    assert await proxy.Add(1) == 7


async def test_its_actors_live_in_fastapi() -> None:
    app = FastAPI()
    with asgi(app) as port:
        hosting = DaprActor(app)
        with dapr_testing.sidecar():  # the official client looks for a sidecar when an actor is registered
            await hosting.register_actor(OfficialActor)
        with beside(port) as dapr:
            await ActorRuntime.register_actor(OfficialActor)
            await works(dapr)


async def test_its_actors_live_at_the_end_of_a_stream() -> None:
    with dapr_testing.sidecar() as dapr:
        host = official.ActorGrpcHost(app_port=0)
        await host.register_actor(OfficialActor)
        async with host:
            await works(dapr)


@pytest.mark.parametrize("kind", ["fastapi", "grpc"])
async def test_its_proxies_call_our_actors(kind: str) -> None:
    async with hosted(kind, CounterActor):
        proxy: Any = official.ActorProxy.create("CounterActor", official.ActorId("1"), OfficialCounter)
        assert await proxy.Add(2) == 2
        ours_too = ours.ActorProxy.create("CounterActor", "1", Counter)
        assert await ours_too.Add(2) == 4
