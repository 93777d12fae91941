"""Workflow instances through Dapr's API: start, look at, tell, end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from dapr_client import _clock
from dapr_client._async.block import Block
from dapr_client._checks import NO_METADATA, not_blank
from dapr_client._response import DaprResponse, Headers
from dapr_client.errors import DaprGrpcError, DaprInternalError
from dapr_client.wire import workflow_pb2
from dapr_client.workflow._management import GetWorkflowResponse, StartWorkflowResponse, instance_of

R = TypeVar("R", bound=Message)

NOT_FOUND = "no such instance exists"


class WorkflowMethods(Block):
    """What a client can do with workflow instances. `DaprWorkflowClient` can do more.

    Errors are DaprInternalError, with the sidecar's message.
    """

    async def start_workflow(
        self,
        workflow_component: str,
        workflow_name: str,
        input: Any = None,
        instance_id: str | None = None,
        workflow_options: Mapping[str, str] | None = NO_METADATA,
        send_raw_bytes: bool = False,
        *,
        timeout: float | None = None,
    ) -> StartWorkflowResponse:
        """Start a workflow; input that is not raw bytes is sent as JSON. The answer does not wait for a worker."""
        not_blank(workflow_component=workflow_component, workflow_name=workflow_name)
        request = workflow_pb2.StartWorkflowRequest(
            instance_id=instance_id or str(_clock.new_id()),
            workflow_component=workflow_component,
            workflow_name=workflow_name,
            options=workflow_options or None,
            input=_data("start_workflow: input data", input, send_raw_bytes),
        )
        answer, headers = await self._ask("StartWorkflowBeta1", request, workflow_pb2.StartWorkflowResponse, timeout)
        return StartWorkflowResponse(answer.instance_id, headers)

    async def get_workflow(
        self, instance_id: str, workflow_component: str, *, timeout: float | None = None
    ) -> GetWorkflowResponse:
        """An instance as it is. DaprInternalError if there is none of that id."""
        not_blank(instance_id=instance_id, workflow_component=workflow_component)
        request = workflow_pb2.GetWorkflowRequest(instance_id=instance_id, workflow_component=workflow_component)
        answer, headers = await self._ask("GetWorkflowBeta1", request, workflow_pb2.GetWorkflowResponse, timeout)
        if not answer.runtime_status:
            raise DaprInternalError(NOT_FOUND)
        return instance_of(answer, headers)

    async def terminate_workflow(
        self, instance_id: str, workflow_component: str, *, timeout: float | None = None
    ) -> DaprResponse:
        """End an instance and its children."""
        not_blank(instance_id=instance_id, workflow_component=workflow_component)
        request = workflow_pb2.TerminateWorkflowRequest(instance_id=instance_id, workflow_component=workflow_component)
        return DaprResponse((await self._ask("TerminateWorkflowBeta1", request, Empty, timeout))[1])

    async def pause_workflow(
        self, instance_id: str, workflow_component: str, *, timeout: float | None = None
    ) -> DaprResponse:
        """Let an instance wait."""
        not_blank(instance_id=instance_id, workflow_component=workflow_component)
        request = workflow_pb2.PauseWorkflowRequest(instance_id=instance_id, workflow_component=workflow_component)
        return DaprResponse((await self._ask("PauseWorkflowBeta1", request, Empty, timeout))[1])

    async def resume_workflow(
        self, instance_id: str, workflow_component: str, *, timeout: float | None = None
    ) -> DaprResponse:
        """Let an instance go on."""
        not_blank(instance_id=instance_id, workflow_component=workflow_component)
        request = workflow_pb2.ResumeWorkflowRequest(instance_id=instance_id, workflow_component=workflow_component)
        return DaprResponse((await self._ask("ResumeWorkflowBeta1", request, Empty, timeout))[1])

    async def purge_workflow(
        self, instance_id: str, workflow_component: str, *, timeout: float | None = None
    ) -> DaprResponse:
        """Forget an instance that has ended, and its children."""
        not_blank(instance_id=instance_id, workflow_component=workflow_component)
        request = workflow_pb2.PurgeWorkflowRequest(instance_id=instance_id, workflow_component=workflow_component)
        return DaprResponse((await self._ask("PurgeWorkflowBeta1", request, Empty, timeout))[1])

    async def raise_workflow_event(
        self,
        instance_id: str,
        workflow_component: str,
        event_name: str,
        event_data: Any = None,
        send_raw_bytes: bool = False,
        *,
        timeout: float | None = None,
    ) -> DaprResponse:
        """Raise an event for an instance; data that is not raw bytes is sent as JSON."""
        not_blank(instance_id=instance_id, workflow_component=workflow_component, event_name=event_name)
        request = workflow_pb2.RaiseEventWorkflowRequest(
            instance_id=instance_id,
            workflow_component=workflow_component,
            event_name=event_name,
            event_data=_data("raise_workflow_event: event_data", event_data, send_raw_bytes),
        )
        return DaprResponse((await self._ask("RaiseEventWorkflowBeta1", request, Empty, timeout))[1])

    async def _ask(self, name: str, request: Message, response: type[R], timeout: float | None) -> tuple[R, Headers]:
        try:
            return await self._transport.unary(name, request, response, None, timeout)
        except DaprGrpcError as error:
            raise DaprInternalError(error.details(), error.error_code()) from error


def _data(what: str, value: Any, raw: bool) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bytes) and raw:
        return value
    try:
        return json.dumps(value).encode()
    except (TypeError, ValueError) as error:
        raise DaprInternalError(f"{what} must be JSON serializable") from error
