"""The configuration API over gRPC (dapr pkg/api/grpc/grpc.go)."""

from __future__ import annotations

from dapr_client.wire import common_pb2, configuration_pb2
from fakesidecar.components.configuration import Settings
from fakesidecar.core import Core
from fakesidecar.grpcapi.registry import Context, Stream, serves


def items_of(settings: Settings) -> dict[str, common_pb2.ConfigurationItem]:
    return {
        key: common_pb2.ConfigurationItem(value=setting.value, version=setting.version)
        for key, setting in settings.items()
    }


@serves("GetConfiguration", "GetConfigurationAlpha1", call="configuration.get", component="store_name")
def get_configuration(
    core: Core, request: configuration_pb2.GetConfigurationRequest, context: Context
) -> configuration_pb2.GetConfigurationResponse:
    settings = core.configuration.get(request.store_name, request.keys)
    return configuration_pb2.GetConfigurationResponse(items=items_of(settings))


@serves(
    "SubscribeConfiguration", "SubscribeConfigurationAlpha1", call="configuration.subscribe", component="store_name"
)
def subscribe_configuration(
    core: Core, request: configuration_pb2.SubscribeConfigurationRequest, stream: Stream
) -> None:
    def send(id: str, settings: Settings) -> None:
        stream.send(configuration_pb2.SubscribeConfigurationResponse(id=id, items=items_of(settings)))

    id = core.configuration.subscribe(
        request.store_name,
        request.keys,
        tell=send,
        began=lambda id: stream.send(configuration_pb2.SubscribeConfigurationResponse(id=id)),
        ended=stream.finish,
    )

    stream.on_close = lambda: core.configuration.leave(id)


@serves(
    "UnsubscribeConfiguration",
    "UnsubscribeConfigurationAlpha1",
    call="configuration.unsubscribe",
    component="store_name",
    target="id",
)
def unsubscribe_configuration(
    core: Core, request: configuration_pb2.UnsubscribeConfigurationRequest, context: Context
) -> configuration_pb2.UnsubscribeConfigurationResponse:
    # No store is looked at: the id is all that counts.
    if core.configuration.end_stream(request.id):
        return configuration_pb2.UnsubscribeConfigurationResponse(ok=True)
    return configuration_pb2.UnsubscribeConfigurationResponse(
        message=f"failed to unsubscribe to configuration request {request.id}: subscription does not exist"
    )
