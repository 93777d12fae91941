"""Dapr's messages and calls as they travel over gRPC.

The messages are in modules named after Dapr's own files: `from dapr_client.wire import dapr_pb2, state_pb2`. Nothing is
imported before it is asked for. The calls are in tables: `method(DAPR, "GetState").path`.

All this is registered in protobuf's pool under names of our own (`dapr_client.wire.runtime.v1.GetStateRequest`), so
that any version of the official `dapr` package can be imported beside it. The bytes on the wire and the gRPC paths are
Dapr's, and Google's well-known types are the shared classes. Two things show the difference:

- A message of ours packed into a `google.protobuf.Any` gets a type URL that only we understand. Dapr packs none of its
  own messages; what it carries in an `Any` is the application's.
- Descriptors name the new files and packages. `true_names.true_pool()` has the originals, for server reflection.

The modules and `true_names.binpb` are generated from `protos/` by `tools/generate_wire.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import MethodDescriptor
    from google.protobuf.message import Message

DAPR = "dapr.proto.runtime.v1.Dapr"
APP_CALLBACK = "dapr.proto.runtime.v1.AppCallback"
APP_CALLBACK_ALPHA = "dapr.proto.runtime.v1.AppCallbackAlpha"
APP_CALLBACK_HEALTH_CHECK = "dapr.proto.runtime.v1.AppCallbackHealthCheck"
SERVICE_INVOCATION = "dapr.proto.internals.v1.ServiceInvocation"
TASK_HUB = "TaskHubSidecarService"

SERVICES: Mapping[str, str] = MappingProxyType(
    {
        DAPR: "dapr_pb2",
        APP_CALLBACK: "appcallback_pb2",
        APP_CALLBACK_ALPHA: "appcallback_pb2",
        APP_CALLBACK_HEALTH_CHECK: "appcallback_pb2",
        SERVICE_INVOCATION: "service_invocation_pb2",
        TASK_HUB: "orchestrator_service_pb2",
    }
)
"""Every service, by the name that it has on the wire, and the module that declares it."""


@dataclass(frozen=True, slots=True)
class Method:
    """One call of a service: where it goes and what it carries."""

    service: str
    name: str
    path: str
    request: type[Message]
    response: type[Message]
    client_streaming: bool
    server_streaming: bool


def method(service: str, name: str) -> Method:
    """The call of that name. KeyError if the service has none."""
    known = methods(service)
    if name not in known:
        raise KeyError(f"{service} has no method {name}")
    return known[name]


@cache
def methods(service: str) -> Mapping[str, Method]:
    """All calls of a service by name, in Dapr's order. KeyError if there is no such service."""
    if service not in SERVICES:
        raise KeyError(f"no service {service}, only {', '.join(SERVICES)}")
    file = import_module(f"{__name__}.{SERVICES[service]}").DESCRIPTOR
    descriptor = file.services_by_name[service.rpartition(".")[2]]
    return MappingProxyType({call.name: _method(service, call) for call in descriptor.methods})


def _method(service: str, descriptor: MethodDescriptor) -> Method:
    from google.protobuf.message_factory import GetMessageClass

    return Method(
        service=service,
        name=descriptor.name,
        path=f"/{service}/{descriptor.name}",
        request=GetMessageClass(descriptor.input_type),
        response=GetMessageClass(descriptor.output_type),
        client_streaming=descriptor.client_streaming,
        server_streaming=descriptor.server_streaming,
    )


__all__ = [
    "APP_CALLBACK",
    "APP_CALLBACK_ALPHA",
    "APP_CALLBACK_HEALTH_CHECK",
    "DAPR",
    "SERVICES",
    "SERVICE_INVOCATION",
    "TASK_HUB",
    "Method",
    "method",
    "methods",
]
