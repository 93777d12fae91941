"""The shutdown API over gRPC (dapr pkg/api/universal/shutdown.go)."""

from __future__ import annotations

from google.protobuf import empty_pb2

from dapr_client.wire import dapr_pb2
from fakesidecar.core import Core
from fakesidecar.core.shutdown import FORCE, is_forced
from fakesidecar.grpcapi.registry import Context, serves


@serves("Shutdown", call="shutdown.shutdown")
def shutdown(core: Core, request: dapr_pb2.ShutdownRequest, context: Context) -> empty_pb2.Empty:
    core.on_shutdown(is_forced(context.first(FORCE)))
    return empty_pb2.Empty()
