"""Actors written with the official SDK, hosted over the stream, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from dapr.actor import (
    Actor,
    ActorGrpcHost,
    ActorId,
    ActorInterface,
    ActorProxy,
    ActorProxyFactory,
    Remindable,
    actormethod,
)

from dapr_testing import DaprSidecar


class CatInterface(ActorInterface):
    @actormethod(name="Feed")  # type: ignore[untyped-decorator]  # the official package has no types here
    async def feed(self, food: str) -> int:
        raise NotImplementedError


class Cat(Actor, CatInterface, Remindable):
    async def feed(self, food: str) -> int:
        _, meals = await self._state_manager.try_get_state("meals")
        meals = [*(meals or []), food]
        await self._state_manager.set_state("meals", meals)
        await self.register_reminder("hungry", b"meow", timedelta(hours=8), timedelta(hours=8))
        await self.register_timer("nap", self.nap, "zzz", timedelta(minutes=5), timedelta(0))
        return len(meals)

    async def nap(self, state: Any) -> None:
        await self._state_manager.set_state("nap", state)

    async def receive_reminder(
        self,
        name: str,
        state: bytes,
        due_time: timedelta,
        period: timedelta | None = None,
        ttl: timedelta | None = None,
    ) -> None:
        _, said = await self._state_manager.try_get_state("said")
        await self._state_manager.set_state("said", (said or "") + state.decode())


@pytest.fixture
async def host(dapr_sidecar: DaprSidecar) -> AsyncIterator[ActorGrpcHost]:
    host = ActorGrpcHost(address=f"127.0.0.1:{dapr_sidecar.grpc_port}", app_port=0)
    await host.register_actor(Cat)
    async with host:
        yield host


async def test_an_official_actor_from_its_first_meal_to_its_last_reminder(
    dapr_sidecar: DaprSidecar, host: ActorGrpcHost
) -> None:
    tom: Any = ActorProxy.create("Cat", ActorId("tom"), CatInterface, ActorProxyFactory())
    assert await tom.Feed("fish") == 1
    assert await tom.Feed("mouse") == 2
    actors = dapr_sidecar.actors
    assert actors.active == [("Cat", "tom")]
    assert actors.state("Cat", "tom")["meals"] == b'["fish","mouse"]'
    await asyncio.to_thread(dapr_sidecar.clock.advance, timedelta(hours=24))
    assert actors.state("Cat", "tom")["said"] == b'"meowmeowmeow"'
    assert actors.state("Cat", "tom")["nap"] == b'"zzz"'
    kinds = [turn.kind for turn in actors.turns]
    assert (kinds.count("reminder"), kinds.count("timer"), kinds.count("deactivation")) == (3, 1, 3)
    await asyncio.to_thread(actors.fire_reminder, "Cat", "tom", "hungry")
    await asyncio.to_thread(actors.deactivate, "Cat", "tom")
    assert actors.active == []
    assert [one.name for one in actors.reminders("Cat", "tom")] == ["hungry"]
