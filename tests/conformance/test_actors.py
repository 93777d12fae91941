"""Actors over HTTP and over a stream, called through either door.

A real daprd needs a placement and a scheduler for them: where `DAPR_PLACEMENT_HOST_ADDRESS` and
`DAPR_SCHEDULER_HOST_ADDRESS` say, or else on the ports below.
"""

# mypy: disable-error-code="empty-body"

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import queue
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

import dapr_testing
from dapr_client import DaprError
from dapr_client.actor import (
    Actor,
    ActorGrpcHost,
    ActorInterface,
    ActorProxyFactory,
    ActorReentrancyConfig,
    ActorRuntimeConfig,
    Actors,
    DaprActorClientBase,
    DaprActorGrpcClient,
    DaprActorHttpClient,
    Remindable,
    actormethod,
)
from dapr_client.actor._config import ActorTypeConfig
from dapr_client.app.starlette import DaprActor
from dapr_testing import Component
from dapr_testing._daprd import Daprd
from tests.dapr_client.actor.hosting import Hall

PATIENCE = 20.0
CONTROL_PLANE = {
    "placement": os.environ.get("DAPR_PLACEMENT_HOST_ADDRESS", "127.0.0.1:50005"),
    "scheduler": os.environ.get("DAPR_SCHEDULER_HOST_ADDRESS", "127.0.0.1:50006"),
}
STORE = Component("store", "state.in-memory", metadata={"actorStateStore": "true"})
CONFIGURATION = """
apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {name: conformance}
spec:
  features: [{name: ActorStateTTL, enabled: true}]
"""
IDLE, LONG = timedelta(seconds=1), timedelta(hours=1)


class Cat(ActorInterface):
    @actormethod("Feed")
    async def feed(self, food: str) -> list[str]: ...

    @actormethod("Meals")
    async def meals(self) -> list[str]: ...

    @actormethod("Choke")
    async def choke(self, food: str) -> None: ...

    @actormethod("Keep")
    async def keep(self, seconds: int) -> None: ...

    @actormethod("Kept")
    async def kept(self) -> bool: ...

    @actormethod("Wait")
    async def wait(self, name: str) -> None: ...

    @actormethod("Chase")
    async def chase(self, times: int) -> int: ...


class CatActor(Actor, Cat, Remindable):
    notes: queue.Queue[tuple[Any, ...]]

    async def feed(self, food: str) -> list[str]:
        meals: list[str] = [*await self.meals(), food]
        await self._state_manager.set_state("meals", meals)
        return meals

    async def meals(self) -> list[str]:
        found, meals = await self._state_manager.try_get_state("meals")
        return list(meals) if found else []

    async def choke(self, food: str) -> None:
        await self.feed(food)
        raise RuntimeError("too much")

    async def keep(self, seconds: int) -> None:
        await self._state_manager.set_state_ttl("short", True, seconds)

    async def kept(self) -> bool:
        return await self._state_manager.contains_state("short")

    async def wait(self, name: str) -> None:
        self.notes.put(("begin", name))
        await asyncio.sleep(0)
        self.notes.put(("end", name))

    async def chase(self, times: int) -> int:
        if not times:
            return 0
        async with ActorProxyFactory() as factory:
            return 1 + int(await factory.create(type(self).__name__, self.id, Cat).Chase(times - 1))

    async def tick(self, data: object) -> None:
        self.notes.put(("timer", data))

    async def receive_reminder(
        self, name: str, state: bytes, due_time: timedelta, period: timedelta | None, ttl: timedelta | None = None
    ) -> None:
        self.notes.put(("reminder", name, state))

    async def _on_deactivate(self) -> None:
        self.notes.put(("deactivation", self.id.id))


NUMBERS = itertools.count()


class Placed(Daprd):
    """A daprd with a control plane, and maybe an application over HTTP."""

    app_port: int | None = None

    def _flags(self, internal_port: int) -> list[str]:
        addresses = [f"--{name}-host-address={address}" for name, address in CONTROL_PLANE.items()]
        return [*super()._flags(internal_port), *addresses, *([f"--app-port={self.app_port}"] if self.app_port else [])]


class Scene:
    """Actors, the sidecar that they live beside, and a client of it."""

    def __init__(self, client: DaprActorClientBase, clock: Any, type: str, brief: str) -> None:
        self.client, self._clock, self.type, self.brief = client, clock, type, brief
        self.notes: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self.factory = ActorProxyFactory(client=client)

    def cat(self, id: str, type: str = "") -> Any:
        return self.factory.create(type or self.type, id, Cat)

    async def pass_by(self, seconds: float) -> None:
        """Time passes: by itself, beside a real daprd."""
        if self._clock is None:
            await asyncio.sleep(seconds)
        else:
            await asyncio.to_thread(self._clock.advance, seconds)

    async def heard(self, seconds: float) -> tuple[Any, ...]:
        """What an actor noted next, within some seconds."""
        if self._clock is not None and self.notes.empty():
            await self.pass_by(seconds)
        return await asyncio.to_thread(self.notes.get, True, PATIENCE)

    async def remind(self, name: str, *, id: str = "tom", **said: object) -> None:
        await self.client.register_reminder(self.type, id, name, json.dumps(said).encode())

    async def time(self, name: str, *, id: str = "tom", **said: object) -> None:
        body = json.dumps({"callback": "tick", **said}).encode()
        await self.client.register_timer(self.type, id, name, body)

    async def transact(self, id: str, *operations: Mapping[str, Any]) -> None:
        await self.client.save_state_transactionally(self.type, id, json.dumps(operations).encode())


def upsert(key: str, value: object) -> Mapping[str, Any]:
    return {"operation": "upsert", "request": {"key": key, "value": value}}


@pytest.fixture(params=["HTTP", "stream"])
def host_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["HTTP", "gRPC"])
def door(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def scene(
    host_kind: str, door: str, hall: Hall, _dapr_servers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    """Actors are hosted."""
    real = _dapr_servers.kind != "fake"
    if real and not all(map(listens, CONTROL_PLANE.values())):
        pytest.skip("a real daprd needs a placement and a scheduler for actors, and they do not listen")
    (configuration := tmp_path / "configuration.yaml").write_text(CONFIGURATION)
    # The scheduler of a real daprd outlives a test, and so do its reminders.
    kind, brief_kind = kinds = [
        type(f"{name}{os.getpid()}n{next(NUMBERS)}", (CatActor,), {}) for name in ("Cat", "BriefCat")
    ]
    actors = Actors()
    reentrancy = ActorReentrancyConfig(enabled=True, maxStackDepth=3)
    brief = ActorTypeConfig(brief_kind.__name__, IDLE, reentrancy=reentrancy)
    actors.config = ActorRuntimeConfig(LONG, actor_type_configs=[brief])
    async with AsyncExitStack() as stack:
        app_port = None
        if host_kind == "HTTP":
            app = Starlette()
            routes = DaprActor(app, actors=actors)
            for one in kinds:
                await routes.register_actor(one)
            app_port = stack.enter_context(hall.serving(app))
        if real:
            daprd = Placed(components=[STORE], config=[configuration], program=_dapr_servers.kind)
            daprd.app_port = app_port
            dapr: Any = await asyncio.to_thread(stack.enter_context, daprd)
        else:
            wanted: dict[str, Any] = {} if app_port is None else {"app_port": app_port}
            dapr = stack.enter_context(dapr_testing.sidecar(components=[STORE], config=[configuration], **wanted))
        monkeypatch.setenv("DAPR_HTTP_PORT", str(dapr.http_port))
        monkeypatch.setenv("DAPR_GRPC_PORT", str(dapr.grpc_port))
        client = DaprActorHttpClient() if door == "HTTP" else DaprActorGrpcClient()
        stack.push_async_callback(client.close)
        scene = Scene(client, None if real else dapr.clock, kind.__name__, brief_kind.__name__)
        for one in kinds:
            one.notes = scene.notes  # type: ignore[attr-defined]  # of CatActor
        if host_kind == "stream":
            host = ActorGrpcHost(app_port=0, actors=actors)
            for one in kinds:
                await host.register_actor(one)
            await stack.enter_async_context(host)
        await scene.cat("first").Meals()  # which waits until they are hosted
        yield scene


def listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


# --- calls ---------------------------------------------------------------------------------------


async def test_an_actor_answers_and_remembers(scene: Scene) -> None:
    assert await scene.cat("tom").Feed("fish") == ["fish"]
    assert await scene.cat("tom").Feed("mouse") == ["fish", "mouse"]
    assert await scene.cat("felix").Meals() == []


async def test_an_actor_does_one_thing_after_the_other(scene: Scene) -> None:
    names = [str(number) for number in range(8)]
    await asyncio.gather(*(scene.cat("tom").Wait(name) for name in names))
    noted = [scene.notes.get_nowait() for _ in range(16)]
    assert [kind for kind, _ in noted] == ["begin", "end"] * 8
    assert [name for _, name in noted[::2]] == [name for _, name in noted[1::2]]
    assert sorted(name for _, name in noted[::2]) == names


async def test_a_turn_that_fails_leaves_nothing(scene: Scene, door: str, host_kind: str) -> None:
    await scene.cat("tom").Feed("fish")
    if (host_kind, door) == ("stream", "gRPC"):
        answer = await scene.client.invoke_method(scene.type, "tom", "Choke", b'"mouse"')
        assert b"too much" in answer  # that it failed is not told there
    else:
        with pytest.raises(DaprError, match="too much"):
            await scene.cat("tom").Choke("mouse")
    assert await scene.cat("tom").Feed("bird") == ["fish", "bird"]


async def test_calls_that_lead_nowhere(scene: Scene) -> None:
    with pytest.raises(DaprError, match="actor method not found"):
        await scene.client.invoke_method(scene.type, "tom", "Bark")
    with pytest.raises(DaprError, match="did not find address for actor 'Dog/rex'"):
        await scene.client.invoke_method("Dog", "rex", "Bark")
    with pytest.raises(DaprError, match="forbidden character"):
        await scene.client.invoke_method(scene.type, "a#b", "Feed")


async def test_a_reentrant_actor_calls_itself_as_deep_as_it_may(scene: Scene) -> None:
    assert await scene.cat("tom", scene.brief).Chase(2) == 2


async def test_an_idle_actor_is_deactivated_and_keeps_what_it_had(scene: Scene) -> None:
    await scene.cat("tom", scene.brief).Feed("fish")
    assert await scene.heard(1) == ("deactivation", "tom")
    assert await scene.cat("tom", scene.brief).Meals() == ["fish"]


# --- state ---------------------------------------------------------------------------------------


async def test_all_of_a_transaction_or_nothing(scene: Scene) -> None:
    await scene.cat("tom").Meals()
    await scene.transact("tom", upsert("a", 1), upsert("b", [2]))
    await scene.transact("tom", {"operation": "delete", "request": {"key": "a"}}, upsert("c", 3))
    bad = {"operation": "upsert", "request": {"key": "d", "value": 4, "metadata": {"ttlInSeconds": "soon"}}}
    with pytest.raises(DaprError, match="soon"):
        await scene.transact("tom", upsert("b", 5), bad)
    found = [await scene.client.get_state(scene.type, "tom", key) for key in "abcd"]
    assert [json.loads(data) if data else None for data in found] == [None, [2], 3, None]


async def test_only_an_actor_that_is_active_is_written(scene: Scene) -> None:
    with pytest.raises(DaprError, match="actor instance is missing"):
        await scene.transact("nobody", upsert("a", 1))
    assert await scene.client.get_state(scene.type, "nobody", "a") == b""


async def test_state_expires(scene: Scene) -> None:
    await scene.cat("tom").Keep(1)
    assert await scene.cat("tom").Kept()
    await scene.pass_by(2)
    assert not await scene.cat("tom").Kept()


# --- reminders and timers ------------------------------------------------------------------------


async def test_an_actor_is_reminded(scene: Scene) -> None:
    await scene.remind("hungry", dueTime="1s", period="R2/PT1S", data="bWVvdw==")
    assert [await scene.heard(1) for _ in range(2)] == [("reminder", "hungry", b"meow")] * 2


async def test_a_reminder_is_replaced_and_taken_back(scene: Scene) -> None:
    await scene.remind("hungry", dueTime="1s", data="bm90")
    await scene.remind("hungry", dueTime="1s", data="bWVvdw==")
    await scene.remind("sleepy", dueTime="1s")
    await scene.client.unregister_reminder(scene.type, "tom", "sleepy")
    assert await scene.heard(1) == ("reminder", "hungry", b"meow")
    await scene.client.unregister_reminder(scene.type, "tom", "nothing")
    await scene.remind("last", dueTime="0s")
    assert await scene.heard(0) == ("reminder", "last", b"")


async def test_a_timer_ticks_until_it_is_taken_back(scene: Scene, door: str, host_kind: str) -> None:
    data: object = {"a": [1]}
    await scene.time("ring", dueTime="1s", period="1s", data=data)
    if (host_kind, door) == ("HTTP", "gRPC"):
        data = base64.b64encode(json.dumps(data).encode()).decode()  # as Go writes bytes
    await scene.time("wrong", dueTime="1s")
    await scene.client.unregister_timer(scene.type, "tom", "wrong")
    assert [await scene.heard(1) for _ in range(3)] == [("timer", data)] * 3
    await scene.client.unregister_timer(scene.type, "tom", "ring")
    await scene.client.unregister_timer(scene.type, "tom", "ring")


async def test_reminders_and_timers_that_make_no_sense(scene: Scene) -> None:
    reminders: tuple[dict[str, str], ...] = ({}, {"period": "often"}, {"period": "P1M"}, {"dueTime": "soon"})
    for said in reminders:
        with pytest.raises(DaprError, match="error creating actor reminder"):
            await scene.remind("bad", **said)
    for said in ({"period": "often"}, {"period": "R0/PT1S"}, {"dueTime": "soon"}):
        with pytest.raises(DaprError, match="error creating actor timer"):
            await scene.time("bad", **said)


async def test_what_is_not_hosted_is_not_reminded(scene: Scene) -> None:
    with pytest.raises(DaprError, match="only possible on hosted actor types"):
        await scene.client.register_reminder("Dog", "rex", "walk", b'{"dueTime": "1s"}')
    with pytest.raises(DaprError, match="actor type not registered"):
        await scene.client.register_timer("Dog", "rex", "walk", b'{"dueTime": "1s", "callback": "x"}')
