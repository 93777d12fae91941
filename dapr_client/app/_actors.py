"""Actors over HTTP: the routes that a sidecar calls, for a web framework to serve."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dapr_client._serializers import DefaultJSONSerializer
from dapr_client.actor._interface import ActorNotFoundError
from dapr_client.actor._runtime import ActorRuntime, Actors
from dapr_client.errors import ERROR_CODE_UNKNOWN, DaprInternalError

JSON = "application/json"
ACTOR = "/actors/{actor_type}/{actor_id}"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of the sidecar's."""

    path: Mapping[str, str]
    """What the path names: `actor_type`, `actor_id`, `name`."""
    reentrancy_id: str | None
    body: bytes


Reply = tuple[int, bytes]
Handler = Callable[[Actors, Asked], Awaitable[bytes]]


async def _healthy(actors: Actors, asked: Asked) -> bytes:
    return b'{"status":"ok"}'


async def _config(actors: Actors, asked: Asked) -> bytes:
    return DefaultJSONSerializer().serialize(actors.config)


async def _deactivate(actors: Actors, asked: Asked) -> bytes:
    await actors.manager(asked.path["actor_type"]).deactivate(asked.path["actor_id"])
    return _done("deactivated", asked)


async def _call(actors: Actors, asked: Asked) -> bytes:
    path = asked.path
    return await actors.dispatch(path["actor_type"], path["actor_id"], path["name"], asked.body, asked.reentrancy_id)


async def _tick(actors: Actors, asked: Asked) -> bytes:
    path = asked.path
    await actors.manager(path["actor_type"]).tick(path["actor_id"], path["name"], asked.body)
    return _done("called timer of", asked)


async def _remind(actors: Actors, asked: Asked) -> bytes:
    path = asked.path
    await actors.manager(path["actor_type"]).remind(path["actor_id"], path["name"], asked.body)
    return _done("called reminder of", asked)


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/healthz", _healthy),
    ("GET", "/dapr/config", _config),
    ("DELETE", ACTOR, _deactivate),
    ("PUT", f"{ACTOR}/method/{{name}}", _call),
    ("PUT", f"{ACTOR}/method/timer/{{name}}", _tick),
    ("PUT", f"{ACTOR}/method/remind/{{name}}", _remind),
)
"""Verb, path and what answers."""


class ActorRoutes:
    """Has the sidecar's requests answered by actors: those of the process, unless others are given."""

    def __init__(self, actors: Actors | None = None) -> None:
        self._actors = ActorRuntime.shared if actors is None else actors

    async def _answer(self, handler: Handler, asked: Asked) -> Reply:
        """Status and JSON for a request."""
        try:
            return 200, await handler(self._actors, asked)
        except ActorNotFoundError as error:
            return 404, told(error)  # the sidecar does not try again then
        except Exception as error:
            return 500, told(error)


def told(error: Exception) -> bytes:
    """What callers are told of an error."""
    if isinstance(error, DaprInternalError):
        said: dict[str, Any] = error.as_json_safe_dict()
    else:
        said = {"message": repr(error), "errorCode": ERROR_CODE_UNKNOWN}
    return json.dumps(said).encode()


def _done(what: str, asked: Asked) -> bytes:
    return json.dumps({"message": f"{what} actor: {asked.path['actor_type']}.{asked.path['actor_id']}"}).encode()
