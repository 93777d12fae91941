"""The service that workflow workers and their clients speak (durabletask-go backend/executor.go)."""

from __future__ import annotations

from google.protobuf import empty_pb2

from dapr_client import wire
from fakesidecar.core import Core
from fakesidecar.grpcapi.registry import Context, serves


@serves("Hello", call="workflow.hello", service=wire.TASK_HUB)
def hello(core: Core, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:
    return empty_pb2.Empty()
