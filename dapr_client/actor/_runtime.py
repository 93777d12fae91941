"""Where actors live: they are activated when they are called, and do what they are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from dapr_client._async.actors import DaprActorClientBase, DaprActorHttpClient
from dapr_client._serializers import DefaultJSONSerializer, Serializer
from dapr_client._transport.aio import async_invoke
from dapr_client.actor._actor import (
    REMINDER,
    TIMER,
    Actor,
    ActorCallType,
    ActorMethodContext,
    ActorRuntimeContext,
    ActorTypeInformation,
)
from dapr_client.actor._config import ActorRuntimeConfig
from dapr_client.actor._context import reentrancy_ctx
from dapr_client.actor._interface import (
    ActorId,
    ActorMethod,
    ActorMethodNotFoundError,
    ActorPayloadDecodeError,
    ActorTypeNotFoundError,
)
from dapr_client.actor._reminders import due_reminder, due_timer
from dapr_client.settings import settings

Factory = Callable[[ActorRuntimeContext, ActorId], Actor]
Work = Callable[[Actor], Any]


class ActorManager:
    """The actors of one type."""

    def __init__(self, ctx: ActorRuntimeContext) -> None:
        self._ctx = ctx
        self._info = ctx.actor_type_info
        self._active: dict[str, Actor] = {}
        self._activations: dict[str, asyncio.Task[Actor]] = {}
        """Under way: who calls meanwhile waits for them."""

    async def deactivate(self, actor_id: str) -> None:
        """Nobody needs this actor any more. ValueError if nobody did."""
        actor = self._active.pop(actor_id, None)
        if actor is None:
            raise ValueError(f"{actor_id} is not activated")
        async with actor._state_manager.turn():
            await async_invoke(actor._on_deactivate)

    async def dispatch(self, actor_id: str, name: str, body: bytes) -> bytes:
        """Call a method; gives what it returns, serialized."""
        method = self._info.methods.get(name)
        if method is None:
            raise ActorMethodNotFoundError(f"type object {self._info.type_name!r} has no method {name!r}")
        arguments = self._arguments(method, body)

        def call(actor: Actor) -> Any:
            return getattr(actor, method.attribute)(*arguments)

        context = ActorMethodContext(name, ActorCallType.actor_interface_method)
        return self._ctx.message_serializer.serialize(await self._turn(actor_id, context, call))

    async def remind(self, actor_id: str, name: str, body: bytes) -> None:
        """Tell an actor that a reminder is due."""
        if not self._info.is_remindable():
            raise ValueError(f"{self._info.type_name} does not implement Remindable.")
        due = due_reminder(name, self._read(body))

        def call(actor: Any) -> Any:
            return actor.receive_reminder(due.name, due.state, due.due_time, due.period, due.ttl)

        await self._turn(actor_id, REMINDER, call)

    async def tick(self, actor_id: str, name: str, body: bytes) -> None:
        """Have a timer's callback called."""
        callback, data = due_timer(name, self._read(body))
        if not callable(getattr(self._info.implementation_type, callback, None)):
            raise ActorMethodNotFoundError(f"type object {self._info.type_name!r} has no method {callback!r}")
        await self._turn(actor_id, TIMER, lambda actor: getattr(actor, callback)(data))

    async def _turn(self, actor_id: str, context: ActorMethodContext, work: Work) -> Any:
        actor = self._active.get(actor_id) or await self._activate(actor_id)
        async with actor._state_manager.turn():
            await async_invoke(actor._on_pre_actor_method, context)
            returned = await async_invoke(work, actor)
            await async_invoke(actor._on_post_actor_method, context)
            await actor._state_manager.save_state()
        return returned

    async def _activate(self, actor_id: str) -> Actor:
        if actor_id not in self._activations:
            task = asyncio.create_task(self._activated(actor_id), name=f"activate {self._info.type_name}/{actor_id}")
            self._activations[actor_id] = task
            task.add_done_callback(lambda _: self._activations.pop(actor_id))
        return await asyncio.shield(self._activations[actor_id])

    async def _activated(self, actor_id: str) -> Actor:
        actor = self._ctx.create_actor(ActorId(actor_id))
        async with actor._state_manager.turn():
            await async_invoke(actor._on_activate)
            await actor._state_manager.save_state()
        self._active[actor_id] = actor
        return actor

    def _arguments(self, method: ActorMethod, body: bytes) -> tuple[Any, ...]:
        parameter = method.argument
        if parameter is None or (not body and parameter.default is not parameter.empty):
            return ()
        if method.argument_type is bytes:
            return (body,)
        return (self._read(body, method.argument_type) if body else None,)

    def _read(self, body: bytes, wanted: Any = object) -> Any:
        try:
            return self._ctx.message_serializer.deserialize(body, wanted)
        except ValueError as error:
            raise ActorPayloadDecodeError(f"what was sent cannot be read: {error}") from error


class Actors:
    """The types of actors that live in one place."""

    def __init__(self) -> None:
        self._managers: dict[str, ActorManager] = {}
        self._config = ActorRuntimeConfig()

    def register(
        self,
        actor: type[Actor],
        message_serializer: Serializer | None = None,
        state_serializer: Serializer | None = None,
        http_timeout_seconds: float | None = None,
        actor_factory: Factory | None = None,
        actor_client: DaprActorClientBase | None = None,
    ) -> None:
        """Have actors of a class live here; those of a class of the same name do so no longer."""
        info = ActorTypeInformation.create(actor)
        messages = message_serializer or DefaultJSONSerializer()
        if actor_client is None:
            seconds = settings.DAPR_HTTP_TIMEOUT_SECONDS if http_timeout_seconds is None else http_timeout_seconds
            actor_client = DaprActorHttpClient(messages, timeout=seconds)
        states = state_serializer or DefaultJSONSerializer()
        context = ActorRuntimeContext(info, messages, states, actor_client, actor_factory)
        self._managers[info.type_name] = ActorManager(context)
        self._config.update_entities(self.types)

    @property
    def types(self) -> list[str]:
        """The names of the types."""
        return list(self._managers)

    @property
    def config(self) -> ActorRuntimeConfig:
        """How the actors are kept."""
        return self._config

    @config.setter
    def config(self, config: ActorRuntimeConfig) -> None:
        config.update_entities(self.types)
        self._config = config

    def manager(self, type: str) -> ActorManager:
        """The actors of a type. ActorTypeNotFoundError if there are none."""
        try:
            return self._managers[type]
        except KeyError:
            raise ActorTypeNotFoundError(f"{type} is not registered.") from None

    async def dispatch(self, type: str, id: str, method: str, body: bytes, reentrancy_id: str | None = None) -> bytes:
        """Call a method of an actor."""
        token = reentrancy_ctx.set(reentrancy_id)
        try:
            return await self.manager(type).dispatch(id, method, body)
        finally:
            reentrancy_ctx.reset(token)

    def clear(self) -> None:
        """Forget all types, actors and how they are kept."""
        self._managers.clear()
        self._config = ActorRuntimeConfig()


class ActorRuntime:
    """The actors of this process: what `DaprActor` and `ActorGrpcHost` host when they are told nothing else."""

    shared = Actors()

    @classmethod
    async def register_actor(
        cls,
        actor: type[Actor],
        message_serializer: Serializer | None = None,
        state_serializer: Serializer | None = None,
        http_timeout_seconds: float | None = None,
        actor_factory: Factory | None = None,
        actor_client: DaprActorClientBase | None = None,
    ) -> None:
        """Have actors of a class live here, under the name of the class.

        What they ask of the sidecar goes through `actor_client`; over HTTP, if there is none.
        """
        cls.shared.register(
            actor, message_serializer, state_serializer, http_timeout_seconds, actor_factory, actor_client
        )

    @classmethod
    def get_registered_actor_types(cls) -> list[str]:
        """The names of the types that live here."""
        return cls.shared.types

    @classmethod
    async def deactivate(cls, actor_type_name: str, actor_id: str) -> None:
        """Nobody needs this actor any more."""
        await cls.shared.manager(actor_type_name).deactivate(actor_id)

    @classmethod
    async def dispatch(
        cls,
        actor_type_name: str,
        actor_id: str,
        actor_method_name: str,
        request_body: bytes,
        reentrancy_id: str | None = None,
    ) -> bytes:
        """Call a method of an actor; gives what it returns, serialized."""
        return await cls.shared.dispatch(actor_type_name, actor_id, actor_method_name, request_body, reentrancy_id)

    @classmethod
    async def fire_reminder(cls, actor_type_name: str, actor_id: str, name: str, state: bytes) -> None:
        """Tell an actor that a reminder is due; `state` is what the sidecar says of it."""
        await cls.shared.manager(actor_type_name).remind(actor_id, name, state)

    @classmethod
    async def fire_timer(cls, actor_type_name: str, actor_id: str, name: str, state: bytes) -> None:
        """Have a timer's callback called; `state` is what the sidecar says of it."""
        await cls.shared.manager(actor_type_name).tick(actor_id, name, state)

    @classmethod
    def set_actor_config(cls, config: ActorRuntimeConfig) -> None:
        """How the actors are kept."""
        cls.shared.config = config

    @classmethod
    def get_actor_config(cls) -> ActorRuntimeConfig:
        """How the actors are kept."""
        return cls.shared.config
