"""The bindings API over gRPC (dapr pkg/api/grpc/grpc.go)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dapr_client.wire import binding_pb2
from fakesidecar.core import Core
from fakesidecar.errors import InvokeBindingFailed
from fakesidecar.grpcapi.registry import Context, serves

_NAME = re.compile(r"[0-9a-z_.\-]+")
_TEXT = re.compile(r"[ -~]*")
_BINARY = "-bin"


@serves("InvokeBinding", call="bindings.invoke", component="name")
def invoke_binding(
    core: Core, request: binding_pb2.InvokeBindingRequest, context: Context
) -> binding_pb2.InvokeBindingResponse:
    # What came with the call is metadata of the request, too: that is how a trace goes on.
    metadata = {"traceparent": context.span.traceparent, **request.metadata, **context.texts()}
    if context.span.valid:
        metadata["traceparent"] = context.span.traceparent
    try:
        reply = core.bindings.invoke(request.name, request.operation, request.data, metadata=metadata)
    except InvokeBindingFailed as error:
        context.header += as_header(error.metadata)
        raise
    if reply is None:
        return binding_pb2.InvokeBindingResponse()
    context.header += as_header(reply.metadata)
    return binding_pb2.InvokeBindingResponse(data=reply.data, metadata=dict(reply.metadata))


def as_header(metadata: Mapping[str, str]) -> Iterator[tuple[str, str | bytes]]:
    """Metadata of a reply as initial metadata of the call; what gRPC cannot carry is left out."""
    for name, value in metadata.items():
        key = f"metadata.{name}".lower()
        if not _NAME.fullmatch(key):
            continue
        if key.endswith(_BINARY):
            yield key, value.encode()
        elif _TEXT.fullmatch(value):
            yield key, value
