"""What the sidecar is told about the actors of an application: which there are, and how they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

HOUR = timedelta(hours=1)
HALF_A_MINUTE = timedelta(seconds=30)


class ActorReentrancyConfig:
    """Whether an actor may be called by those that it calls, and how deep that may go."""

    def __init__(self, enabled: bool = False, maxStackDepth: int = 32) -> None:  # noqa: N803  # the official name
        self.enabled = enabled
        self.max_stack_depth = maxStackDepth

    def as_dict(self) -> dict[str, Any]:
        """As Dapr's JSON has it."""
        return {"enabled": self.enabled, "maxStackDepth": self.max_stack_depth}


@dataclass(eq=False)
class _Keeping:
    """How actors are kept; None: as the sidecar does it."""

    actor_idle_timeout: timedelta | None = None
    actor_scan_interval: timedelta | None = None
    drain_ongoing_call_timeout: timedelta | None = None
    drain_rebalanced_actors: bool | None = None
    reentrancy: ActorReentrancyConfig | None = None
    reminders_storage_partitions: int | None = None

    def kept(self) -> dict[str, Any]:
        """As Dapr's JSON has it."""
        said = {
            "actorIdleTimeout": self.actor_idle_timeout,
            "actorScanInterval": self.actor_scan_interval,
            "drainOngoingCallTimeout": self.drain_ongoing_call_timeout,
            "drainRebalancedActors": self.drain_rebalanced_actors,
            "reentrancy": self.reentrancy.as_dict() if self.reentrancy else None,
            "remindersStoragePartitions": self.reminders_storage_partitions,
        }
        return {name: value for name, value in said.items() if value is not None}


class ActorTypeConfig(_Keeping):
    """How the actors of one type are kept."""

    def __init__(
        self,
        actor_type: str,
        actor_idle_timeout: timedelta | None = None,
        actor_scan_interval: timedelta | None = None,
        drain_ongoing_call_timeout: timedelta | None = None,
        drain_rebalanced_actors: bool | None = None,
        reentrancy: ActorReentrancyConfig | None = None,
        reminders_storage_partitions: int | None = None,
    ) -> None:
        super().__init__(
            actor_idle_timeout,
            actor_scan_interval,
            drain_ongoing_call_timeout,
            drain_rebalanced_actors,
            reentrancy,
            reminders_storage_partitions,
        )
        self.actor_type = actor_type

    def as_dict(self) -> dict[str, Any]:
        """As Dapr's JSON has it."""
        return {"entities": [self.actor_type], **self.kept()}


class ActorRuntimeConfig(_Keeping):
    """How the actors of an application are kept; a type may have a configuration of its own."""

    def __init__(
        self,
        actor_idle_timeout: timedelta | None = HOUR,
        actor_scan_interval: timedelta | None = HALF_A_MINUTE,
        drain_ongoing_call_timeout: timedelta | None = None,
        drain_rebalanced_actors: bool | None = True,
        reentrancy: ActorReentrancyConfig | None = None,
        reminders_storage_partitions: int | None = None,
        actor_type_configs: Sequence[ActorTypeConfig] = (),
    ) -> None:
        super().__init__(
            actor_idle_timeout,
            actor_scan_interval,
            drain_ongoing_call_timeout,
            drain_rebalanced_actors,
            reentrancy,
            reminders_storage_partitions,
        )
        self._registered: frozenset[str] = frozenset()
        self.update_actor_type_configs(actor_type_configs)

    @property
    def entities(self) -> frozenset[str]:
        """The types of actors that there are."""
        return self._registered | self._types.keys()

    @property
    def actor_type_configs(self) -> list[ActorTypeConfig]:
        """The configurations of single types."""
        return list(self._types.values())

    def update_entities(self, entities: Sequence[str]) -> None:
        """These types are hosted, too."""
        self._registered |= frozenset(entities)

    def update_actor_type_configs(self, actor_type_configs: Sequence[ActorTypeConfig]) -> None:
        """These types have configurations of their own, and no others."""
        self._types = {one.actor_type: one for one in actor_type_configs}

    def as_dict(self) -> dict[str, Any]:
        """What `GET /dapr/config` answers, but for durations."""
        own = {"entitiesConfig": [one.as_dict() for one in self._types.values()]} if self._types else {}
        return {**self.kept(), **own, "entities": sorted(self.entities)}
