"""Which types of actors an application hosts, and how they are kept: what it answers to `GET /dapr/config`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fakesidecar import golang

IDLE_SECONDS = 3600.0
DRAIN_SECONDS = 2.0
STACK_DEPTH = 32


@dataclass(frozen=True, slots=True)
class TypeConfig:
    """How the actors of a type are kept."""

    idle_seconds: float = IDLE_SECONDS
    """How long an actor that nobody calls stays active."""
    drain_seconds: float = DRAIN_SECONDS
    """How long a call under way may take when its actor moves to another host; 0: it is not waited for."""
    stack_depth: int | None = None
    """How deep calls of one reentrancy id may nest; None: they may not."""


Types = Mapping[str, TypeConfig]

_REENTRANCY = golang.Struct(
    "config.ReentrancyConfig",
    (golang.Field("enabled", golang.BOOL), golang.Field("maxStackDepth", golang.Optional(golang.INT))),
)
_COMMON = (
    golang.Field("entities", golang.ListOf(golang.TEXT)),
    golang.Field("actorIdleTimeout", golang.TEXT),
    golang.Field("drainOngoingCallTimeout", golang.TEXT),
    golang.Field("drainRebalancedActors", golang.Optional(golang.BOOL)),
    golang.Field("reentrancy", _REENTRANCY),
    golang.Field("remindersStoragePartitions", golang.INT),
)
_ENTITY = golang.Struct("config.EntityConfig", _COMMON)
_APPLICATION = golang.Struct(
    "config.ApplicationConfig", (*_COMMON, golang.Field("entitiesConfig", golang.ListOf(_ENTITY)))
)


def types_of(body: bytes) -> Types:
    """The types that an application says it hosts; raises `GoError` (dapr pkg/runtime, loadAppConfiguration)."""
    said = golang.unmarshal_into(body, _APPLICATION)
    common = _config(said)
    own = {name: _config(entry) for entry in said["entitiesConfig"] or () for name in entry["entities"] or ()}
    return {name: own.get(name, common) for name in said["entities"] or ()}


def _config(said: Mapping[str, Any]) -> TypeConfig:
    depth = said["reentrancy"]["maxStackDepth"]
    drain_seconds = _seconds(said["drainOngoingCallTimeout"], DRAIN_SECONDS)
    return TypeConfig(
        _seconds(said["actorIdleTimeout"], IDLE_SECONDS),
        0.0 if said["drainRebalancedActors"] is False else drain_seconds,
        (STACK_DEPTH if depth is None else depth) if said["reentrancy"]["enabled"] else None,
    )


def _seconds(text: str, default: float) -> float:
    return golang.parse_duration(text) if text else default
