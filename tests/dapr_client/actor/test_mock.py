"""Actors without a sidecar; what a test does with the official mocks, it does with ours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import dapr_client.actor as ours
from dapr_client.actor import create_mock_actor
from dapr_client.actor._actor import ActorMethodContext
from dapr_client.actor._mock import MockActor, MockStateManager

SECOND = timedelta(seconds=1)


def cat_of(package: Any) -> Any:
    """An actor, written with a package."""

    class CatInterface(package.ActorInterface):  # type: ignore[misc]  # whichever package it is
        @package.actormethod(name="Feed")  # type: ignore[untyped-decorator]
        async def feed(self, food: str) -> object: ...

    class Cat(package.Actor, CatInterface, package.Remindable):  # type: ignore[misc]
        async def feed(self, food: str) -> object:
            return await self._state_manager.add_or_update_state("meals", [food], lambda _, meals: [*meals, food])

        async def nap(self, state: object) -> None:
            await self._state_manager.set_state("nap", state)

        async def receive_reminder(self, *due: object) -> None:
            await self._state_manager.set_state("reminded", due)

    return Cat


PACKAGES = pytest.mark.parametrize("kind", ["ours", "official"])


@pytest.fixture
def make(kind: str) -> Callable[..., Any]:
    """What makes a cat."""
    if kind == "ours":
        return lambda *arguments: create_mock_actor(cat_of(ours), *arguments)
    official = pytest.importorskip("dapr.actor", reason="compares with the official package")
    mocks = pytest.importorskip("dapr.actor.runtime.mock_actor")
    return lambda *arguments: mocks.create_mock_actor(cat_of(official), *arguments)


@PACKAGES
async def test_what_it_keeps_is_seen_at_once(make: Callable[..., Any]) -> None:
    cat = make("tom")
    manager = cat._state_manager
    assert (cat.id.id, manager._mock_state) == ("tom", {})
    await cat.feed("fish")
    assert manager._mock_state == {"meals": ["fish"]}
    await cat.feed("mouse")
    assert manager._mock_state == {"meals": ["fish", "mouse"]}
    await manager.save_state()
    assert await manager.get_state("meals") == ["fish", "mouse"]
    await manager.remove_state("meals")
    assert manager._mock_state == {}
    assert not await manager.contains_state("meals")


@PACKAGES
async def test_all_that_can_be_done_with_state(make: Callable[..., Any]) -> None:
    manager = make("tom", {"a": 1})._state_manager
    assert await manager.get_state_names() == []  # nothing was read yet
    assert await manager.try_get_state("a") == (True, 1)
    assert await manager.try_get_state("b") == (False, None)
    assert await manager.get_state_names() == ["a"]
    assert not await manager.try_add_state("a", 2)
    assert await manager.get_or_add_state("b", 2) == 2
    await manager.set_state_ttl("c", 3, -1)
    await manager.set_state_ttl("d", 4, 60)
    assert manager._mock_state == {"a": 1, "b": 2, "d": 4}
    assert await manager.try_remove_state("a")
    assert manager.is_state_marked_for_remove("a")
    assert not await manager.try_remove_state("a")
    await manager.save_state()
    assert sorted(await manager.get_state_names()) == ["b", "d"]
    assert await manager.try_add_state("a", 5)
    with pytest.raises(ValueError, match="already exist"):
        await manager.add_state("a", 6)
    with pytest.raises(KeyError, match="not found"):
        await manager.remove_state("none")
    with pytest.raises(KeyError, match="not found"):
        await manager.get_state("none")
    await manager.clear_cache()
    assert manager._mock_state == {"b": 2, "d": 4, "a": 5}
    assert await manager.get_state_names() == []


@PACKAGES
async def test_timers_and_reminders_are_noted(make: Callable[..., Any]) -> None:
    cat = make("tom")
    await cat.register_timer("nap", cat.nap, "zzz", SECOND, 2 * SECOND, 3 * SECOND)
    await cat.register_reminder("hungry", b"meow", SECOND)
    manager = cat._state_manager
    nap, hungry = manager._mock_timers["nap"], manager._mock_reminders["hungry"]
    assert (nap.timer_name, nap.callback, nap.state) == ("nap", "nap", "zzz")
    assert (nap.due_time, nap.period, nap.ttl) == (SECOND, 2 * SECOND, 3 * SECOND)
    assert (hungry.reminder_name, hungry.state, hungry.due_time) == ("hungry", b"meow", SECOND)
    assert (hungry.period, hungry.ttl, hungry.failure_policy) == (None, None, None)
    with pytest.raises(ValueError, match="only bytes"):
        await cat.register_reminder("hungry", "meow", SECOND)
    for _ in range(2):
        await cat.unregister_timer("nap")
        await cat.unregister_reminder("hungry")
    assert (manager._mock_timers, manager._mock_reminders) == ({}, {})


class Diary:
    """Keeps a reference to what it was given."""

    def __init__(self, manager: Any) -> None:
        self.manager = manager


class Careful(cat_of(ours)):  # type: ignore[misc]  # it is a class
    """Has an `__init__` and hooks of its own."""

    def __init__(self, ctx: Any, actor_id: ours.ActorId, service: str = "none") -> None:
        super().__init__(ctx, actor_id)
        self.service, self.hooks, self.diary = service, list[str](), Diary(self._state_manager)

    async def _on_pre_actor_method(self, method_context: ActorMethodContext) -> None:
        self.hooks.append(f"before {method_context.method_name}")

    async def _on_post_actor_method(self, method_context: ActorMethodContext) -> None:
        self.hooks.append(f"after {method_context.method_name}")


async def test_its_own_init_runs_and_what_is_due_can_be_fired() -> None:
    state: dict[str, Any] = {}
    cat = create_mock_actor(Careful, "tom", state, service="kitchen")
    assert isinstance(cat, Careful)
    assert isinstance(cat, MockActor)
    assert isinstance(cat._state_manager, MockStateManager)
    assert (cat.service, cat.diary.manager) == ("kitchen", cat._state_manager)
    assert cat.runtime_ctx.actor_type_info.type_name == "Careful"
    await cat.register_timer(None, cat.nap, "zzz", SECOND, SECOND)
    (name,) = cat._state_manager._mock_timers
    await cat.fire_timer(name)
    await cat.register_reminder("hungry", b"meow", SECOND)
    await cat.fire_reminder("hungry")
    assert state == {"nap": "zzz", "reminded": ("hungry", b"meow", SECOND, None, None)}
    assert cat.hooks == ["before fire_timer", "after fire_timer", "before receive_reminder", "after receive_reminder"]
