"""Actors in every framework and over the stream: what they are asked reaches them, what they keep is kept."""

# mypy: disable-error-code="empty-body"

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from dapr_client import DaprError, DaprHttpError
from dapr_client.actor import (
    Actor,
    ActorId,
    ActorInterface,
    ActorProxy,
    ActorProxyFactory,
    ActorReentrancyConfig,
    ActorReminderFailurePolicy,
    ActorRuntimeConfig,
    ActorTypeConfig,
    DaprActorGrpcClient,
    Remindable,
    actormethod,
)
from dapr_client.actor import sync as blocking
from dapr_testing import DaprSidecar

from .hosting import KINDS, hosted

SECOND = timedelta(seconds=1)


class Counter(ActorInterface):
    @actormethod(name="Add")
    async def add(self, number: int) -> int: ...

    @actormethod(name="AddAndFail")
    async def add_and_fail(self, number: int) -> None: ...

    @actormethod(name="Total")
    async def total(self) -> int: ...


class Clocked(ActorInterface):
    @actormethod()
    async def start_timer(self, data: object) -> None: ...

    @actormethod()
    async def stop_timer(self) -> None: ...

    @actormethod()
    async def remind_me(self, text: str) -> None: ...

    @actormethod()
    async def forget(self) -> None: ...

    @actormethod()
    async def heard(self) -> list[object]: ...

    @actormethod()
    async def tomorrow(self, today: datetime) -> datetime: ...

    @actormethod()
    async def reverse(self, data: bytes) -> bytes: ...


class RemindableBase(Actor, Remindable):
    async def receive_reminder(
        self, name: str, state: bytes, due_time: timedelta, period: timedelta | None, ttl: timedelta | None = None
    ) -> None:
        await self.hear(["reminder", name, state.decode()])

    async def hear(self, what: object) -> None:
        await self._state_manager.add_or_update_state("heard", [what], lambda _, kept: [*kept, what])


class CounterActor(RemindableBase, Counter, Clocked):
    """Its ability to be reminded is inherited from an ancestor."""

    async def add(self, number: int) -> int:
        total: int = await self._state_manager.add_or_update_state("total", number, lambda _, kept: kept + number)
        return total

    async def add_and_fail(self, number: int) -> None:
        await self.add(number)
        raise ArithmeticError("too much")

    async def total(self) -> int:
        total: int = await self._state_manager.get_or_add_state("total", 0)
        return total

    async def start_timer(self, data: object) -> None:
        await self.register_timer("tick", self.__ticked, data, SECOND, 2 * SECOND)

    async def stop_timer(self) -> None:
        await self.unregister_timer("tick")

    async def __ticked(self, data: object) -> None:
        await self.hear(["timer", data])

    async def remind_me(self, text: str) -> None:
        policy = ActorReminderFailurePolicy.constant_policy(SECOND, 2)
        await self.register_reminder("r", text.encode(), SECOND, 10 * SECOND, failure_policy=policy)

    async def forget(self) -> None:
        await self.unregister_reminder("r")

    async def heard(self) -> list[object]:
        found: list[object] = await self._state_manager.get_or_add_state("heard", [])
        return found

    async def tomorrow(self, today: datetime) -> datetime:
        return today + timedelta(days=1)

    async def reverse(self, data: bytes) -> bytes:
        return data[::-1]


def counter(id: str = "1") -> ActorProxy:
    return ActorProxy.create("CounterActor", ActorId(id), CounterActor)


def kept(dapr: DaprSidecar, type: str, id: str) -> dict[str, object]:
    """What the sidecar has of an actor."""
    return {name: json.loads(data) for name, data in dapr.actors.state(type, id).items()}


@pytest.fixture(params=KINDS)
async def dapr(request: pytest.FixtureRequest) -> object:
    async with hosted(request.param, CounterActor) as dapr:
        yield dapr


async def test_methods_are_called_and_state_is_kept(dapr: DaprSidecar) -> None:
    assert await counter().Add(2) == 2
    assert await counter().add(3) == 5
    assert await counter("2").Add(number=1) == 1
    assert await asyncio.to_thread(blocking.ActorProxy.create("CounterActor", "1", Counter).Total) == 5
    assert await counter().invoke_method("Total") == b"5"
    assert kept(dapr, "CounterActor", "1") == {"total": 5}
    assert dapr.actors.active == [("CounterActor", "1"), ("CounterActor", "2")]


async def test_what_a_failed_turn_changed_is_not_saved_by_the_next(dapr: DaprSidecar) -> None:
    await counter().Add(1)
    with pytest.raises(DaprHttpError, match=r"ArithmeticError\('too much'\)"):
        await counter().AddAndFail(10)
    assert kept(dapr, "CounterActor", "1") == {"total": 1}
    assert await counter().Add(1) == 2
    assert kept(dapr, "CounterActor", "1") == {"total": 2}


async def test_actors_are_deactivated_and_come_back_with_their_state(dapr: DaprSidecar) -> None:
    await counter().Add(1)
    await asyncio.to_thread(dapr.clock.advance, 3700)
    assert dapr.actors.active == []
    assert await counter().Total() == 1


@pytest.mark.parametrize("data", [{"a": [1, None]}, "text", None])
async def test_timers_tick(dapr: DaprSidecar, data: object) -> None:
    await counter().start_timer(data)
    await asyncio.to_thread(dapr.clock.advance, 5)
    await counter().stop_timer()
    await asyncio.to_thread(dapr.clock.advance, 60)
    assert await counter().heard() == [["timer", data]] * 3


async def test_actors_are_reminded(dapr: DaprSidecar) -> None:
    await counter().remind_me("wake up")
    await asyncio.to_thread(dapr.clock.advance, 11)
    await counter().forget()
    await asyncio.to_thread(dapr.clock.advance, 60)
    assert await counter().heard() == [["reminder", "r", "wake up"]] * 2


async def test_types_that_json_has_no_form_of_arrive(dapr: DaprSidecar) -> None:
    now = datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert await counter().tomorrow(now) == now + timedelta(days=1)
    assert await counter().reverse(b"\x00\xffab") == b"ba\xff\x00"


@pytest.mark.parametrize("name", ["Nothing", "hear", "_on_activate", "id"])
async def test_only_methods_of_interfaces_can_be_called(dapr: DaprSidecar, name: str) -> None:
    with pytest.raises(DaprError, match="actor method not found"):
        await counter().invoke_method(name)


async def test_everything_works_over_grpc_as_well(dapr: DaprSidecar) -> None:
    client = DaprActorGrpcClient()
    async with ActorProxyFactory(client=client) as factory:
        proxy = factory.create("CounterActor", "g", Counter)
        assert await proxy.Add(4) == 4
        assert await client.get_state("CounterActor", "g", "total") == b"4"
        assert await client.get_state("CounterActor", "g", "none") == b""
        await client.save_state_transactionally(
            "CounterActor", "g", b'[{"operation":"upsert","request":{"key":"x","value":"y"}}]'
        )
        assert kept(dapr, "CounterActor", "g") == {"total": 4, "x": "y"}


# --- reentrancy ---


class Ring(ActorInterface):
    @actormethod()
    async def walk(self, left: int) -> list[int]: ...


class RingActor(Actor, Ring):
    """Calls itself, and sees what the inner call has saved."""

    async def walk(self, left: int) -> list[int]:
        before = await self._state_manager.get_or_add_state("deepest", 0)
        if left == 0:
            await self._state_manager.set_state("deepest", before + 1)
            return [before]
        inner = await ActorProxy.create("RingActor", self.id, Ring).walk(left - 1)
        return [*inner, await self._state_manager.get_state("deepest")]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_actor_may_call_itself_when_it_is_said_so(kind: str) -> None:
    config = ActorRuntimeConfig(
        actor_type_configs=[ActorTypeConfig("RingActor", reentrancy=ActorReentrancyConfig(True, 3))]
    )
    async with hosted(kind, RingActor, config=config) as dapr:
        ring = ActorProxy.create("RingActor", "r", Ring)
        await ring.walk(0)
        assert await ring.walk(2) == [1, 2, 2]
        with pytest.raises(DaprError, match="maximum stack depth exceeded"):
            await ring.walk(3)
        assert kept(dapr, "RingActor", "r") == {"deepest": 2}
