"""What a sidecar says of itself, and what its user adds to that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fakesidecar import golang
from fakesidecar.options import IN_PROCESS, AppHealth, Options
from fakesidecar.resources.subscription import Rule
from fakesidecar.version import DAPR_VERSION

if TYPE_CHECKING:
    from fakesidecar.core import Core
    from fakesidecar.resources.load import Resources

VERSION_KEY = "daprRuntimeVersion"

INITIALIZING = "INITIALIZING"
DISABLED = "DISABLED"
RUNNING = "RUNNING"


@dataclass(frozen=True, slots=True)
class RegisteredComponent:
    """A component as the metadata lists it."""

    name: str
    type: str
    version: str
    capabilities: Sequence[str]


@dataclass(frozen=True, slots=True)
class RegisteredSubscription:
    """A subscription as the metadata lists it."""

    pubsub_name: str
    topic: str
    metadata: Mapping[str, str]
    rules: Sequence[Rule]
    dead_letter_topic: str
    type: str
    """`DECLARATIVE`, `PROGRAMMATIC` or `STREAMING`."""


@dataclass(frozen=True, slots=True)
class ActorRuntime:
    """What the metadata says of actors."""

    status: str
    active: Mapping[str, int] = field(default_factory=dict)
    """The types that are hosted, and how many actors of each are active."""
    host_ready: bool = False
    placement: str = ""


@dataclass(frozen=True, slots=True)
class HealthProperties:
    """How the application is probed, durations as Go writes them."""

    path: str
    interval: str
    timeout: str
    threshold: int


@dataclass(frozen=True, slots=True)
class AppConnection:
    """How the application is reached; said even when there is none."""

    port: int
    protocol: str
    channel_address: str
    max_concurrency: int
    health: HealthProperties | None


@dataclass(frozen=True, slots=True)
class Metadata:
    """Everything that GetMetadata answers."""

    id: str
    runtime_version: str
    enabled_features: Sequence[str]
    components: Sequence[RegisteredComponent]
    extended: Mapping[str, str]
    subscriptions: Sequence[RegisteredSubscription]
    http_endpoints: Sequence[str]
    app_connection: AppConnection
    actor_runtime: ActorRuntime
    scheduler_addresses: Sequence[str]
    resiliencies: Sequence[str]
    workflow_workers: int
    """How many workers are connected; -1 after one was refused."""


class MetadataBlock:
    """Reads and sets the metadata of a sidecar."""

    def __init__(self, core: Core, resources: Resources) -> None:
        self._core = core
        self._resources = resources
        self._set: dict[str, str] = {}

    def get(self) -> Metadata:
        """What the sidecar is, what it has loaded, and what was set."""
        resources = self._resources
        return Metadata(
            id=self._core.app_id,
            runtime_version=DAPR_VERSION,
            enabled_features=resources.configuration.enabled_features,
            components=[
                RegisteredComponent(spec.name, spec.type, spec.version, component.component_type.features)
                for spec, component in self._core.components
            ],
            extended={**self._set, VERSION_KEY: DAPR_VERSION},
            subscriptions=self._subscriptions(),
            http_endpoints=[endpoint.name for endpoint in resources.http_endpoints],
            app_connection=self._app_connection(),
            actor_runtime=self._actor_runtime(),
            scheduler_addresses=scheduler_addresses(self._core.options),
            resiliencies=[resiliency.name for resiliency in resources.resiliencies],
            workflow_workers=self._core.workflow.connected_workers,
        )

    def set(self, key: str, value: str) -> None:
        """Add a value; an empty key is ignored."""
        if key:
            self._set[key] = value

    def reset(self) -> None:
        """Forget what was set."""
        self._set.clear()

    def snapshot(self) -> dict[str, str]:
        """What was set."""
        return self._set.copy()

    def restore(self, kept: dict[str, str]) -> None:
        """Set what was set then."""
        self._set = kept.copy()

    def _subscriptions(self) -> list[RegisteredSubscription]:
        return [
            RegisteredSubscription(
                known.subscription.pubsub_name,
                known.subscription.topic,
                known.subscription.metadata,
                known.subscription.rules,
                known.subscription.dead_letter_topic,
                known.kind,
            )
            for known in self._core.pubsub.known()
        ]

    def _app_connection(self) -> AppConnection:
        options = self._core.options
        return AppConnection(
            port=options.app_port,
            protocol=options.app_protocol,
            channel_address=options.app_channel_address,
            max_concurrency=max(0, options.app_max_concurrency),
            health=_health_properties(options.app_health) if options.app_health is not None else None,
        )

    def _actor_runtime(self) -> ActorRuntime:
        # Before the application answers, nobody knows whether it has actors (dapr pkg/actors, RuntimeStatus).
        if not self._core.health.ready:
            return ActorRuntime(INITIALIZING)
        actors = self._core.actors
        if not actors.enabled:
            return ActorRuntime(DISABLED, placement="placement: disconnected")
        counts = {type: len(actors.active(type)) for type in actors.types}
        counts.update(dict.fromkeys(self._core.workflow.actor_types, 0))
        return ActorRuntime(RUNNING, counts, host_ready=True, placement="placement: connected")


def _health_properties(health: AppHealth) -> HealthProperties:
    return HealthProperties(
        health.path, golang.format_duration(health.interval), golang.format_duration(health.timeout), health.threshold
    )


def scheduler_addresses(options: Options) -> Sequence[str]:
    """Where the scheduler is said to be; nowhere when it is only the sidecar itself."""
    named = options.scheduler_host_address
    return [] if named == IN_PROCESS else list(filter(None, named.split(",")))
