"""Actors without a sidecar, for tests of what they do themselves."""

from __future__ import annotations

from typing import Any, TypeVar

from dapr_client._async.actors import DaprActorHttpClient
from dapr_client._serializers import DefaultJSONSerializer
from dapr_client._transport.aio import async_invoke
from dapr_client.actor._actor import (
    REMINDER,
    TIMER,
    Actor,
    ActorRuntimeContext,
    ActorTypeInformation,
)
from dapr_client.actor._interface import ActorId
from dapr_client.actor._reminders import ActorReminderData, ActorTimerData
from dapr_client.actor._state import REMOVED, ActorStateManager, StateChangeKind

A = TypeVar("A", bound=Actor)


class MockStateManager(ActorStateManager):
    """What a mock actor keeps: a dictionary, which shows every change at once."""

    def __init__(self, actor: Actor, initstate: dict[str, Any] | None = None) -> None:
        super().__init__(actor)
        self._mock_state: dict[str, Any] = {} if initstate is None else initstate
        self._mock_timers: dict[str, ActorTimerData] = {}
        self._mock_reminders: dict[str, ActorReminderData] = {}

    async def try_get_state(self, state_name: str, state_type: Any = object) -> tuple[bool, Any]:
        if state_name not in self._mock_state:
            return False, None
        value = self._turn.read[state_name] = self._mock_state[state_name]
        return True, value

    async def contains_state(self, state_name: str) -> bool:
        return state_name in self._mock_state

    async def try_remove_state(self, state_name: str) -> bool:
        removed = await super().try_remove_state(state_name)
        self._mock_state.pop(state_name, None)
        self._turn.read.pop(state_name, None)
        return removed

    async def save_state(self) -> None:
        changes = self._turn.changes
        self._turn.read |= {name: one.value for name, one in changes.items() if one.change_kind is not REMOVED}
        changes.clear()

    def _set(self, name: str, value: Any, kind: StateChangeKind, ttl: int | None) -> None:
        super()._set(name, value, kind, ttl)
        self._mock_state[name] = value


class MockActor(Actor):
    """What `create_mock_actor` makes of an actor: it keeps its state, timers and reminders to itself."""

    _state_manager: MockStateManager

    def __init__(self, actor_id: str, initstate: dict[str, Any] | None = None, **arguments: Any) -> None:
        self._initstate = initstate
        messages = DefaultJSONSerializer()
        kind = ActorTypeInformation(type(self).__name__, type(self))
        ctx = ActorRuntimeContext(kind, messages, DefaultJSONSerializer(), DaprActorHttpClient(messages))
        create: Any = super().__init__  # of the class that is mocked
        create(ctx, ActorId(actor_id), **arguments)

    async def unregister_timer(self, name: str) -> None:
        self._state_manager._mock_timers.pop(name, None)

    async def unregister_reminder(self, name: str) -> None:
        self._state_manager._mock_reminders.pop(name, None)

    async def fire_timer(self, name: str) -> None:
        """Call the callback of a timer, as the sidecar does when it is due. KeyError if there is none."""
        timer = self._state_manager._mock_timers[name]
        await async_invoke(self._on_pre_actor_method, TIMER)
        await async_invoke(getattr(self, timer.callback), timer.state)
        await async_invoke(self._on_post_actor_method, TIMER)

    async def fire_reminder(self, name: str) -> None:
        """Remind the actor, as the sidecar does when a reminder is due. KeyError if there is none."""
        due = self._state_manager._mock_reminders[name]
        await async_invoke(self._on_pre_actor_method, REMINDER)
        actor: Any = self
        await async_invoke(actor.receive_reminder, name, due.state, due.due_time, due.period, due.ttl)
        await async_invoke(self._on_post_actor_method, REMINDER)

    def _manage_state(self) -> ActorStateManager:
        return MockStateManager(self, self._initstate)

    async def _register_timer(self, timer: ActorTimerData) -> None:
        self._state_manager._mock_timers[timer.timer_name] = timer

    async def _register_reminder(self, reminder: ActorReminderData) -> None:
        self._state_manager._mock_reminders[reminder.reminder_name] = reminder


def create_mock_actor(cls1: type[A], actor_id: str, initstate: dict[str, Any] | None = None, **arguments: Any) -> A:
    """An actor of a class that needs no sidecar: its methods can be called, and what it keeps can be looked at.

        cat = create_mock_actor(CatActor, "tom", {"meals": 1})
        await cat.feed("fish")
        assert cat._state_manager._mock_state == {"meals": 2}

    `_state_manager` has `_mock_state`, `_mock_timers` and `_mock_reminders`; `fire_timer` and `fire_reminder` do what
    the sidecar does when one is due. `initstate` is what it keeps to begin with, and is changed; `arguments` are those
    that its `__init__` takes besides the context and the id.
    """
    made: Any = type(cls1.__name__, (MockActor, cls1), {})
    actor: A = made(actor_id, initstate, **arguments)
    return actor
