"""Actors: objects that live somewhere, one turn at a time, and keep what they know.

    from dapr_client.actor import Actor, ActorId, ActorInterface, ActorProxy, actormethod

`dapr_client.app.fastapi`, `.starlette` and `.flask` have a `DaprActor` that hosts them, `ActorGrpcHost` hosts them over
a stream. Proxies are async; `dapr_client.actor.sync` has those that block. Names and signatures are those of
`dapr.actor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dapr_client._lazy import lazy_names

if TYPE_CHECKING:
    from dapr_client._async.actors import ActorProxy as ActorProxy
    from dapr_client._async.actors import ActorProxyFactory as ActorProxyFactory
    from dapr_client._async.actors import DaprActorClientBase as DaprActorClientBase
    from dapr_client._async.actors import DaprActorHttpClient as DaprActorHttpClient
    from dapr_client.actor._actor import Actor as Actor
    from dapr_client.actor._actor import ActorRuntimeContext as ActorRuntimeContext
    from dapr_client.actor._config import ActorReentrancyConfig as ActorReentrancyConfig
    from dapr_client.actor._config import ActorRuntimeConfig as ActorRuntimeConfig
    from dapr_client.actor._config import ActorTypeConfig as ActorTypeConfig
    from dapr_client.actor._grpc import ActorGrpcHost as ActorGrpcHost
    from dapr_client.actor._grpc import DaprActorGrpcClient as DaprActorGrpcClient
    from dapr_client.actor._interface import ActorId as ActorId
    from dapr_client.actor._interface import ActorInterface as ActorInterface
    from dapr_client.actor._interface import ActorMethodNotFoundError as ActorMethodNotFoundError
    from dapr_client.actor._interface import ActorNotFoundError as ActorNotFoundError
    from dapr_client.actor._interface import ActorPayloadDecodeError as ActorPayloadDecodeError
    from dapr_client.actor._interface import ActorTypeNotFoundError as ActorTypeNotFoundError
    from dapr_client.actor._interface import actormethod as actormethod
    from dapr_client.actor._mock import create_mock_actor as create_mock_actor
    from dapr_client.actor._reminders import ActorReminderFailurePolicy as ActorReminderFailurePolicy
    from dapr_client.actor._reminders import Remindable as Remindable
    from dapr_client.actor._runtime import ActorRuntime as ActorRuntime
    from dapr_client.actor._runtime import Actors as Actors

HOMES = {
    "_async.actors": ("ActorProxy", "ActorProxyFactory", "DaprActorClientBase", "DaprActorHttpClient"),
    "actor._actor": ("Actor", "ActorRuntimeContext"),
    "actor._config": ("ActorReentrancyConfig", "ActorRuntimeConfig", "ActorTypeConfig"),
    "actor._grpc": ("ActorGrpcHost", "DaprActorGrpcClient"),
    "actor._interface": (
        "ActorId",
        "ActorInterface",
        "ActorMethodNotFoundError",
        "ActorNotFoundError",
        "ActorPayloadDecodeError",
        "ActorTypeNotFoundError",
        "actormethod",
    ),
    "actor._mock": ("create_mock_actor",),
    "actor._reminders": ("ActorReminderFailurePolicy", "Remindable"),
    "actor._runtime": ("ActorRuntime", "Actors"),
}
"""Where each name lives. It is imported when it is asked for: who calls actors needs little of it."""

__all__, __getattr__, __dir__ = lazy_names(globals(), HOMES)
