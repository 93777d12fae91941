"""The metadata API over gRPC (dapr pkg/api/universal/metadata.go)."""

from __future__ import annotations

from google.protobuf import empty_pb2

from dapr_client.wire import metadata_pb2 as pb
from fakesidecar.core import Core
from fakesidecar.core.metadata import AppConnection, HealthProperties, RegisteredSubscription
from fakesidecar.grpcapi.registry import Context, serves


@serves("GetMetadata", call="metadata.get")
def get_metadata(core: Core, request: pb.GetMetadataRequest, context: Context) -> pb.GetMetadataResponse:
    found = core.metadata.get()
    active = [
        pb.ActiveActorsCount(type=type, count=count) for type, count in sorted(found.actor_runtime.active.items())
    ]
    return pb.GetMetadataResponse(
        id=found.id,
        runtime_version=found.runtime_version,
        enabled_features=found.enabled_features,
        active_actors_count=active,  # its old place
        registered_components=[
            pb.RegisteredComponents(name=one.name, type=one.type, version=one.version, capabilities=one.capabilities)
            for one in found.components
        ],
        extended_metadata=found.extended,
        subscriptions=[_subscription(one) for one in found.subscriptions],
        http_endpoints=[pb.MetadataHTTPEndpoint(name=name) for name in found.http_endpoints],
        app_connection_properties=_app_connection(found.app_connection),
        actor_runtime=pb.ActorRuntime(
            runtime_status=found.actor_runtime.status,
            active_actors=active,
            host_ready=found.actor_runtime.host_ready,
            placement=found.actor_runtime.placement,
        ),
        scheduler=pb.MetadataScheduler(connected_addresses=found.scheduler_addresses)
        if found.scheduler_addresses
        else None,
        workflows=pb.MetadataWorkflows(connected_workers=found.workflow_workers),
        resiliencies=[pb.MetadataResiliency(name=name) for name in found.resiliencies],
    )


def _subscription(one: RegisteredSubscription) -> pb.PubsubSubscription:
    return pb.PubsubSubscription(
        pubsub_name=one.pubsub_name,
        topic=one.topic,
        metadata=one.metadata,
        rules=pb.PubsubSubscriptionRules(
            rules=[pb.PubsubSubscriptionRule(match=rule.match, path=rule.path) for rule in one.rules]
        ),
        dead_letter_topic=one.dead_letter_topic,
        type=one.type,
    )


def _app_connection(app: AppConnection) -> pb.AppConnectionProperties:
    return pb.AppConnectionProperties(
        port=app.port,
        protocol=app.protocol,
        channel_address=app.channel_address,
        max_concurrency=app.max_concurrency,
        health=None if app.health is None else _health(app.health),
    )


def _health(health: HealthProperties) -> pb.AppConnectionHealthProperties:
    return pb.AppConnectionHealthProperties(
        health_check_path=health.path,
        health_probe_interval=health.interval,
        health_probe_timeout=health.timeout,
        health_threshold=health.threshold,
    )


@serves("SetMetadata", call="metadata.set", target="key")
def set_metadata(core: Core, request: pb.SetMetadataRequest, context: Context) -> empty_pb2.Empty:
    core.metadata.set(request.key, request.value)
    return empty_pb2.Empty()
