"""What the workflow methods of DaprClient answer."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from google.protobuf.timestamp_pb2 import Timestamp

from dapr_client._response import DaprResponse, Headers
from dapr_client.wire import workflow_pb2


class WorkflowRuntimeStatus(Enum):
    """How far an instance is, in words."""

    UNKNOWN = "Unknown"
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    TERMINATED = "Terminated"
    PENDING = "Pending"
    SUSPENDED = "Suspended"


def runtime_status(name: str) -> str | WorkflowRuntimeStatus:
    """The word for a status of the API; WorkflowRuntimeStatus.UNKNOWN itself for one that has none."""
    found = WorkflowRuntimeStatus.__members__.get(name)
    return WorkflowRuntimeStatus.UNKNOWN if found is None else found.value


class StartWorkflowResponse(DaprResponse):
    """Which instance was started."""

    __slots__ = ("instance_id",)

    def __init__(self, instance_id: str, headers: Headers = ()) -> None:
        super().__init__(headers)
        self.instance_id = instance_id


class GetWorkflowResponse(DaprResponse):
    """An instance as it is."""

    __slots__ = ("created_at", "instance_id", "last_updated_at", "properties", "runtime_status", "workflow_name")

    def __init__(
        self,
        instance_id: str,
        workflow_name: str,
        created_at: Timestamp,
        last_updated_at: Timestamp,
        runtime_status: str | WorkflowRuntimeStatus,
        properties: Mapping[str, str],
        headers: Headers = (),
    ) -> None:
        super().__init__(headers)
        self.instance_id = instance_id
        self.workflow_name = workflow_name
        self.created_at = created_at
        self.last_updated_at = last_updated_at
        self.runtime_status = runtime_status
        self.properties = dict(properties)


def instance_of(answer: workflow_pb2.GetWorkflowResponse, headers: Headers) -> GetWorkflowResponse:
    """The same from the wire."""
    return GetWorkflowResponse(
        answer.instance_id,
        answer.workflow_name,
        answer.created_at,
        answer.last_updated_at,
        runtime_status(answer.runtime_status),
        answer.properties,
        headers,
    )
