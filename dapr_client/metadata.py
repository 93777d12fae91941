"""What the sidecar tells about itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dapr_client._response import DaprResponse, Headers
from dapr_client.wire import metadata_pb2


class RegisteredComponents(NamedTuple):
    """A component that the sidecar has loaded."""

    name: str
    type: str
    version: str
    capabilities: Sequence[str]


class MetadataMCPServer(NamedTuple):
    """An MCP server that the sidecar knows."""

    name: str


@dataclass(frozen=True, slots=True)
class SubscriptionRule:
    """Events that match go to the path."""

    match: str
    path: str


@dataclass(frozen=True, slots=True)
class SubscriptionMetadata:
    """A subscription of the application: `type` is DECLARATIVE, PROGRAMMATIC or STREAMING."""

    pubsub_name: str
    topic: str
    type: str = "UNKNOWN"
    rules: Sequence[SubscriptionRule] = ()
    dead_letter_topic: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AppHealth:
    """How the sidecar asks the application whether it is well."""

    health_check_path: str
    health_probe_interval: str
    health_probe_timeout: str
    health_threshold: int


@dataclass(frozen=True, slots=True)
class AppConnection:
    """How the sidecar reaches the application."""

    port: int
    protocol: str
    channel_address: str
    max_concurrency: int
    health: AppHealth | None = None


@dataclass(frozen=True, slots=True)
class ActorRuntimeMetadata:
    """The actors of this sidecar: `runtime_status` is INITIALIZING, DISABLED or RUNNING."""

    runtime_status: str = "INITIALIZING"
    active_actors: Mapping[str, int] | None = None
    host_ready: bool = False
    placement: str = ""


class GetMetadataResponse(DaprResponse):
    """Everything the sidecar tells about itself."""

    __slots__ = (
        "active_actors_count",
        "actor_runtime",
        "app_connection",
        "application_id",
        "enabled_features",
        "extended_metadata",
        "http_endpoints",
        "mcp_servers",
        "registered_components",
        "resiliencies",
        "runtime_version",
        "scheduler_addresses",
        "subscriptions",
        "workflow_access_policies",
        "workflow_workers",
    )

    def __init__(
        self,
        application_id: str,
        active_actors_count: Mapping[str, int],
        registered_components: Sequence[RegisteredComponents],
        extended_metadata: Mapping[str, str],
        headers: Headers = (),
        mcp_servers: Sequence[MetadataMCPServer] | None = None,
        *,
        runtime_version: str = "",
        enabled_features: Sequence[str] = (),
        subscriptions: Sequence[SubscriptionMetadata] = (),
        http_endpoints: Sequence[str] = (),
        app_connection: AppConnection | None = None,
        actor_runtime: ActorRuntimeMetadata | None = None,
        scheduler_addresses: Sequence[str] = (),
        workflow_workers: int = 0,
        workflow_access_policies: Sequence[str] = (),
        resiliencies: Sequence[str] = (),
    ) -> None:
        super().__init__(headers)
        self.application_id = application_id
        self.active_actors_count = dict(active_actors_count)
        self.registered_components = list(registered_components)
        self.extended_metadata = dict(extended_metadata)
        self.mcp_servers = list(mcp_servers or ())
        self.runtime_version = runtime_version
        self.enabled_features = list(enabled_features)
        self.subscriptions = list(subscriptions)
        self.http_endpoints = list(http_endpoints)
        self.app_connection = app_connection
        self.actor_runtime = actor_runtime
        self.scheduler_addresses = list(scheduler_addresses)
        self.workflow_workers = workflow_workers
        self.workflow_access_policies = list(workflow_access_policies)
        self.resiliencies = list(resiliencies)


# --- from the wire ---


def response(told: metadata_pb2.GetMetadataResponse, headers: Headers) -> GetMetadataResponse:
    """The sidecar's message as a response."""
    return GetMetadataResponse(
        application_id=told.id,
        active_actors_count=_counts(told.active_actors_count),
        registered_components=[
            RegisteredComponents(component.name, component.type, component.version, list(component.capabilities))
            for component in told.registered_components
        ],
        extended_metadata=told.extended_metadata,
        headers=headers,
        mcp_servers=[MetadataMCPServer(server.name) for server in told.mcp_servers],
        runtime_version=told.runtime_version,
        enabled_features=told.enabled_features,
        subscriptions=[_subscription(subscription) for subscription in told.subscriptions],
        http_endpoints=[endpoint.name for endpoint in told.http_endpoints],
        app_connection=_connection(told),
        actor_runtime=_actors(told),
        scheduler_addresses=told.scheduler.connected_addresses,
        workflow_workers=told.workflows.connected_workers,
        workflow_access_policies=[policy.name for policy in told.workflow_access_policies],
        resiliencies=[resiliency.name for resiliency in told.resiliencies],
    )


def _counts(actors: Sequence[metadata_pb2.ActiveActorsCount]) -> dict[str, int]:
    return {actor.type: actor.count for actor in actors}


def _subscription(told: metadata_pb2.PubsubSubscription) -> SubscriptionMetadata:
    return SubscriptionMetadata(
        told.pubsub_name,
        told.topic,
        metadata_pb2.PubsubSubscriptionType.Name(told.type),
        tuple(SubscriptionRule(rule.match, rule.path) for rule in told.rules.rules),
        told.dead_letter_topic,
        dict(told.metadata),
    )


def _connection(told: metadata_pb2.GetMetadataResponse) -> AppConnection | None:
    if not told.HasField("app_connection_properties"):
        return None
    app = told.app_connection_properties
    health = app.health
    return AppConnection(
        app.port,
        app.protocol,
        app.channel_address,
        app.max_concurrency,
        AppHealth(
            health.health_check_path,
            health.health_probe_interval,
            health.health_probe_timeout,
            health.health_threshold,
        )
        if app.HasField("health")
        else None,
    )


def _actors(told: metadata_pb2.GetMetadataResponse) -> ActorRuntimeMetadata | None:
    if not told.HasField("actor_runtime"):
        return None
    actors = told.actor_runtime
    return ActorRuntimeMetadata(
        metadata_pb2.ActorRuntime.ActorRuntimeStatus.Name(actors.runtime_status),
        _counts(actors.active_actors),
        actors.host_ready,
        actors.placement,
    )
