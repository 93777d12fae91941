"""Server reflection, v1 and v1alpha: what services there are, and their descriptors under Dapr's own names.

As in daprd it answers only calls that name an app (metadata `dapr-app-id`, of any value): without it they are taken
for calls of an app's service.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from grpc import StatusCode

from dapr_client import wire
from dapr_client.wire.true_names import true_pool
from fakesidecar.core import Core
from fakesidecar.grpcapi.registry import Stream, serve

VERSIONS = ("v1", "v1alpha")
SERVICE = "ServerReflection"
METHOD = "ServerReflectionInfo"

TEXT, BYTES, INT32 = "TYPE_STRING", "TYPE_BYTES", "TYPE_INT32"
MESSAGES: dict[str, tuple[tuple[int, str, str], ...]] = {
    "ExtensionRequest": ((1, "containing_type", TEXT), (2, "extension_number", INT32)),
    "ServerReflectionRequest": (
        (1, "host", TEXT),
        (3, "file_by_filename", TEXT),
        (4, "file_containing_symbol", TEXT),
        (5, "file_containing_extension", "ExtensionRequest"),
        (6, "all_extension_numbers_of_type", TEXT),
        (7, "list_services", TEXT),
    ),
    "FileDescriptorResponse": ((1, "file_descriptor_proto*", BYTES),),
    "ExtensionNumberResponse": ((1, "base_type_name", TEXT), (2, "extension_number*", INT32)),
    "ServiceResponse": ((1, "name", TEXT),),
    "ListServiceResponse": ((1, "service*", "ServiceResponse"),),
    "ErrorResponse": ((1, "error_code", INT32), (2, "error_message", TEXT)),
    "ServerReflectionResponse": (
        (1, "valid_host", TEXT),
        (2, "original_request", "ServerReflectionRequest"),
        (4, "file_descriptor_response", "FileDescriptorResponse"),
        (5, "all_extension_numbers_response", "ExtensionNumberResponse"),
        (6, "list_services_response", "ListServiceResponse"),
        (7, "error_response", "ErrorResponse"),
    ),
}
"""Of each message, the number, the name (`*`: repeated) and the type of every field (grpc/reflection/v1)."""
ONE_OF = {"ServerReflectionRequest": "message_request", "ServerReflectionResponse": "message_response"}
"""The oneof that the fields from number 3 on are in."""


def file_of(version: str) -> descriptor_pb2.FileDescriptorProto:
    """The description of the reflection service itself."""
    package = f"grpc.reflection.{version}"
    file = descriptor_pb2.FileDescriptorProto(
        name=f"grpc/reflection/{version}/reflection.proto", package=package, syntax="proto3"
    )
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        if name in ONE_OF:
            message.oneof_decl.add(name=ONE_OF[name])
        for number, field_name, kind in fields:
            field = message.field.add(name=field_name.rstrip("*"), number=number)
            field.label = field.LABEL_REPEATED if field_name.endswith("*") else field.LABEL_OPTIONAL
            if kind in MESSAGES:
                field.type, field.type_name = field.TYPE_MESSAGE, f".{package}.{kind}"
            else:
                field.type = field.Type.Value(kind)
            if name in ONE_OF and number > 2:
                field.oneof_index = 0
    service = file.service.add(name=SERVICE)
    service.method.add(
        name=METHOD,
        input_type=f".{package}.ServerReflectionRequest",
        output_type=f".{package}.ServerReflectionResponse",
        client_streaming=True,
        server_streaming=True,
    )
    return file


@cache
def reflection_pool() -> DescriptorPool:
    """A pool of its own with the reflection services."""
    pool = DescriptorPool()
    for version in VERSIONS:
        pool.AddSerializedFile(file_of(version).SerializeToString())
    return pool


def services() -> list[str]:
    """The services that there are, by their names on the wire."""
    return sorted([wire.DAPR, wire.TASK_HUB, *(f"grpc.reflection.{version}.{SERVICE}" for version in VERSIONS)])


def answer(request: Any, reply: Any) -> None:
    """Put what is asked for into the reply."""
    reply.valid_host = request.host
    reply.original_request.ParseFromString(request.SerializeToString())
    asked = request.WhichOneof("message_request")
    if asked == "list_services":
        for name in services():
            reply.list_services_response.service.add(name=name)
        return
    lookup = LOOKUPS.get(asked)
    name = request.file_containing_extension.containing_type if lookup is None else getattr(request, asked)
    found = lookup and _find(lookup, name)
    if not found:
        reply.error_response.error_code = StatusCode.NOT_FOUND.value[0]
        reply.error_response.error_message = f"{name} not found"
    elif asked == "all_extension_numbers_of_type":  # Dapr has no extensions
        reply.all_extension_numbers_response.base_type_name = name
    else:
        reply.file_descriptor_response.file_descriptor_proto.extend(_with_imports(found))


LOOKUPS: dict[str | None, str] = {
    "file_by_filename": "FindFileByName",
    "file_containing_symbol": "FindFileContainingSymbol",
    "all_extension_numbers_of_type": "FindFileContainingSymbol",
}


def _find(lookup: str, name: str) -> FileDescriptor | None:
    for pool in (true_pool(), reflection_pool()):
        try:
            found: FileDescriptor = getattr(pool, lookup)(name)
            return found
        except KeyError:
            continue
    return None


def _with_imports(file: FileDescriptor) -> list[bytes]:
    found: dict[str, bytes] = {}
    waiting = [file]
    while waiting:
        one = waiting.pop(0)
        if one.name not in found:
            found[one.name] = one.serialized_pb
            waiting += one.dependencies
    return list(found.values())


def _serve(version: str) -> None:
    name = f"grpc.reflection.{version}.{SERVICE}"
    method = reflection_pool().FindServiceByName(name).FindMethodByName(METHOD)
    request = message_factory.GetMessageClass(method.input_type)
    response = message_factory.GetMessageClass(method.output_type)

    def reflect(core: Core, stream: Stream) -> None:
        def on_message(message: Message) -> None:
            reply = response()
            answer(message, reply)
            stream.send(reply)

        stream.on_message = on_message
        stream.on_half_close = stream.finish

    serve(
        wire.Method(name, METHOD, f"/{name}/{METHOD}", request, response, True, True),
        reflect,
        call="reflection.info",
    )


for _version in VERSIONS:
    _serve(_version)
