"""An actor, as its author sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from dapr_client import _clock
from dapr_client._async.actors import DaprActorClientBase
from dapr_client._serializers import Serializer
from dapr_client.actor._interface import ActorId, Methods, interfaces_of, methods_of
from dapr_client.actor._reminders import (
    ActorReminderData,
    ActorReminderFailurePolicy,
    ActorTimerData,
    Remindable,
    TimerCallback,
)
from dapr_client.actor._state import ActorStateManager, StateProvider


class ActorCallType(Enum):
    """Why an actor is called."""

    actor_interface_method = 0
    timer_method = 1
    reminder_method = 2


@dataclass(frozen=True, slots=True)
class ActorMethodContext:
    """What an actor is about to do, or has done."""

    method_name: str
    call_type: ActorCallType


TIMER = ActorMethodContext("fire_timer", ActorCallType.timer_method)
REMINDER = ActorMethodContext("receive_reminder", ActorCallType.reminder_method)


class ActorTypeInformation:
    """What is known of a class of actors."""

    def __init__(self, name: str, implementation_class: type[Actor]) -> None:
        self.type_name = name
        self.implementation_type: type = implementation_class

    @classmethod
    def create(cls, actor_class: type[Actor]) -> ActorTypeInformation:
        """What is known of a class. ValueError if it is no actor's, or has no interface."""
        if not issubclass(actor_class, Actor):
            raise ValueError(f"{actor_class} is not Actor class")
        if not interfaces_of(actor_class):
            raise ValueError(f"{actor_class.__name__} has not inherited from ActorInterface")
        return cls(actor_class.__name__, actor_class)

    @property
    def actor_interfaces(self) -> list[type]:
        """The interfaces that it has."""
        return interfaces_of(self.implementation_type)

    @property
    def methods(self) -> Methods:
        """What can be asked of it."""
        return methods_of(self.implementation_type)

    def is_remindable(self) -> bool:
        """Whether it can be reminded."""
        return issubclass(self.implementation_type, Remindable)


class ActorRuntimeContext:
    """What an actor has around it."""

    def __init__(
        self,
        actor_type_info: ActorTypeInformation,
        message_serializer: Serializer,
        state_serializer: Serializer,
        actor_client: DaprActorClientBase,
        actor_factory: Callable[[ActorRuntimeContext, ActorId], Actor] | None = None,
    ) -> None:
        self.actor_type_info = actor_type_info
        self.message_serializer = message_serializer
        self.state_serializer = state_serializer
        self.dapr_client = actor_client
        self.state_provider = StateProvider(actor_client, state_serializer)
        self._factory = actor_factory or actor_type_info.implementation_type

    def create_actor(self, actor_id: ActorId) -> Actor:
        """An actor of this id."""
        return self._factory(self, actor_id)


class Actor:
    """An actor: inherit from it and from an interface.

        class CounterActor(Actor, Counter):
            async def add(self, number: int) -> int:
                total = await self._state_manager.get_or_add_state("total", 0) + number
                await self._state_manager.set_state("total", total)
                return total

    What it has changed is saved when a method, a timer's callback or a reminder ends well. Methods may be plain
    functions where they wait for nothing.
    """

    def __init__(self, ctx: ActorRuntimeContext, actor_id: ActorId) -> None:
        self.id = actor_id
        self._runtime_ctx = ctx
        self._state_manager = self._manage_state()

    @property
    def runtime_ctx(self) -> ActorRuntimeContext:
        """What it has around it."""
        return self._runtime_ctx

    # --- timers and reminders ---

    async def register_timer(
        self,
        name: str | None,
        callback: TimerCallback | str,
        state: Any,
        due_time: timedelta,
        period: timedelta | None = None,
        ttl: timedelta | None = None,
    ) -> None:
        """Have a method of this actor called with `state`, after a while and then again and again.

        Timers end when the actor is deactivated.
        """
        name = name or f"{self.id}_Timer_{_clock.new_id()}"
        method = callback if isinstance(callback, str) else callback.__name__
        await self._register_timer(ActorTimerData(name, self._attribute(method), state, due_time, period, ttl))

    async def unregister_timer(self, name: str) -> None:
        """End a timer."""
        await self._runtime_ctx.dapr_client.unregister_timer(self._type, self.id.id, name)

    async def register_reminder(
        self,
        name: str,
        state: bytes,
        due_time: timedelta,
        period: timedelta | None = None,
        ttl: timedelta | None = None,
        failure_policy: ActorReminderFailurePolicy | None = None,
    ) -> None:
        """Have this actor reminded, after a while and then again and again, whether it is active or not.

        A reminder of the same name is replaced. Over HTTP Dapr passes over the failure policy.
        """
        await self._register_reminder(ActorReminderData(name, state, due_time, period, ttl, failure_policy))

    async def unregister_reminder(self, name: str) -> None:
        """Remind this actor no more."""
        await self._runtime_ctx.dapr_client.unregister_reminder(self._type, self.id.id, name)

    # --- to be overridden ---

    async def _on_activate(self) -> None:
        """The actor was activated; what it changes here is saved."""

    async def _on_deactivate(self) -> None:
        """Nobody needs the actor any more; what it changes here is not saved."""

    async def _on_pre_actor_method(self, method_context: ActorMethodContext) -> None:
        """A method, a timer's callback or a reminder is about to be called."""

    async def _on_post_actor_method(self, method_context: ActorMethodContext) -> None:
        """It ended well; what is changed here is saved, too."""

    # --- within ---

    def _manage_state(self) -> ActorStateManager:
        return ActorStateManager(self)

    async def _register_timer(self, timer: ActorTimerData) -> None:
        body = self._serialized(timer.as_dict())
        await self._runtime_ctx.dapr_client.register_timer(self._type, self.id.id, timer.timer_name, body)

    async def _register_reminder(self, reminder: ActorReminderData) -> None:
        body = self._serialized(reminder.as_dict())
        await self._runtime_ctx.dapr_client.register_reminder(self._type, self.id.id, reminder.reminder_name, body)

    @property
    def _type(self) -> str:
        return self._runtime_ctx.actor_type_info.type_name

    def _serialized(self, body: dict[str, Any]) -> bytes:
        return self._runtime_ctx.message_serializer.serialize(body)

    def _attribute(self, method: str) -> str:
        """The name by which a method is found: private ones have another than they say."""
        if not method.startswith("__") or hasattr(self, method):
            return method
        mangled = (f"_{kind.__name__.lstrip('_')}{method}" for kind in type(self).__mro__)
        return next((name for name in mangled if hasattr(self, name)), method)
