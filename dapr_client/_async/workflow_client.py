"""Workflow instances: start them, wait for them, tell them something, look at them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, Self, TypeVar
from warnings import warn

import grpc
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from dapr_client import _clock
from dapr_client import settings as _settings
from dapr_client._transport.aio import AsyncTransport
from dapr_client.errors import DaprGrpcError
from dapr_client.wire import orchestration_pb2
from dapr_client.wire import orchestrator_service_pb2 as pb
from dapr_client.workflow import _payload
from dapr_client.workflow._logging import LoggerOptions
from dapr_client.workflow._registry import name_of
from dapr_client.workflow._state import (
    UNSET,
    WorkflowHistoryEvent,
    WorkflowInstanceIdPage,
    WorkflowState,
)
from dapr_client.workflow._wiring import hub_path, wiring

R = TypeVar("R", bound=Message)

PATIENCE = 30.0
"""How long a wait without a limit goes on while the sidecar cannot answer."""

PAUSE = 0.5
"""Between two tries."""

NOT_YET = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.FAILED_PRECONDITION)
"""What a sidecar says whose workflow engine has not started."""


class DaprWorkflowClient:
    """Manages workflow instances.

        async with DaprWorkflowClient() as workflows:
            id = await workflows.schedule_new_workflow(order, input={"item": "milk"})
            state = await workflows.wait_for_workflow_completion(id)

    The address is the arguments, else that of DaprClient; the sidecar's health is not asked for. Errors of the sidecar
    are DaprGrpcError. With `app_id` a call is about an instance of another application.
    """

    def __init__(
        self,
        host: str | None = None,
        port: str | int | None = None,
        logger_options: LoggerOptions | None = None,
        max_grpc_message_length: int | None = None,
        *,
        channel: Any = None,
        api_token: str | None = None,
    ) -> None:
        if logger_options is not None:
            logger_options.apply()
        self._timeout = _settings.api_timeout()
        self._transport = AsyncTransport(wiring(host, port, channel, api_token, max_grpc_message_length), _ready)

    async def schedule_new_workflow(
        self,
        workflow: Callable[..., Any] | str,
        *,
        input: Any = None,
        instance_id: str | None = None,
        start_at: datetime | None = None,
        reuse_id_policy: Any = None,
        app_id: str | None = None,
    ) -> str:
        """Start a workflow, now or at a time; its instance id.

        It returns when the first turn is done, for which a worker is needed; with `start_at` at once.
        """
        if reuse_id_policy is not None:
            warn("reuse_id_policy has no effect", DeprecationWarning, stacklevel=2)
        request = pb.CreateInstanceRequest(
            name=name_of(workflow),
            instanceId=instance_id or _clock.new_id().hex,
            input=_string(_payload.dump_optional(input)),
            router=_router(app_id),
        )
        if start_at is not None:
            request.scheduledStartTimestamp.CopyFrom(_timestamp(start_at))
        answer = await self._call("StartInstance", request, pb.CreateInstanceResponse)
        return answer.instanceId

    async def get_workflow_state(
        self, instance_id: str, *, fetch_payloads: bool = True, app_id: str | None = None
    ) -> WorkflowState | None:
        """An instance as it is; None if there is none of that id."""
        request = pb.GetInstanceRequest(
            instanceId=instance_id, getInputsAndOutputs=fetch_payloads, router=_router(app_id)
        )
        try:
            answer = await self._call("GetInstance", request, pb.GetInstanceResponse)
        except DaprGrpcError as error:
            if "no such instance exists" in error.details():
                return None
            raise
        return WorkflowState.of(instance_id, answer)

    async def wait_for_workflow_start(
        self,
        instance_id: str,
        *,
        fetch_payloads: bool = False,
        timeout_in_seconds: float = 0,
        app_id: str | None = None,
    ) -> WorkflowState | None:
        """Return when an instance has started. TimeoutError if that takes longer; 0 is no limit."""
        request = pb.GetInstanceRequest(
            instanceId=instance_id, getInputsAndOutputs=fetch_payloads, router=_router(app_id)
        )
        answer = await self._wait("WaitForInstanceStart", request, timeout_in_seconds, "start")
        return WorkflowState.of(instance_id, answer)

    async def wait_for_workflow_completion(
        self,
        instance_id: str,
        *,
        fetch_payloads: bool = True,
        timeout_in_seconds: float = 0,
        app_id: str | None = None,
    ) -> WorkflowState | None:
        """Return when an instance has ended, however. TimeoutError if that takes longer; 0 is no limit."""
        request = pb.GetInstanceRequest(
            instanceId=instance_id, getInputsAndOutputs=fetch_payloads, router=_router(app_id)
        )
        answer = await self._wait("WaitForInstanceCompletion", request, timeout_in_seconds, "complete")
        return WorkflowState.of(instance_id, answer)

    async def raise_workflow_event(
        self, instance_id: str, event_name: str, *, data: Any = None, app_id: str | None = None
    ) -> None:
        """Raise an event for an instance, which may wait for it now or later."""
        request = pb.RaiseEventRequest(
            instanceId=instance_id,
            name=event_name,
            input=_string(_payload.dump_optional(data)),
            router=_router(app_id),
        )
        await self._call("RaiseEvent", request, pb.RaiseEventResponse)

    async def terminate_workflow(
        self, instance_id: str, *, output: Any = None, recursive: bool = True, app_id: str | None = None
    ) -> None:
        """End an instance, and its children with it. What activities are at is not interrupted."""
        request = pb.TerminateRequest(
            instanceId=instance_id,
            output=_string(_payload.dump_optional(output)),
            recursive=recursive,
            router=_router(app_id),
        )
        await self._call("TerminateInstance", request, pb.TerminateResponse)

    async def pause_workflow(self, instance_id: str, *, app_id: str | None = None) -> None:
        """Let an instance wait: what comes meanwhile is kept until it is resumed."""
        request = pb.SuspendRequest(instanceId=instance_id, router=_router(app_id))
        await self._call("SuspendInstance", request, pb.SuspendResponse)

    async def resume_workflow(self, instance_id: str, *, app_id: str | None = None) -> None:
        """Let an instance go on."""
        request = pb.ResumeRequest(instanceId=instance_id, router=_router(app_id))
        await self._call("ResumeInstance", request, pb.ResumeResponse)

    async def purge_workflow(
        self, instance_id: str, recursive: bool = True, *, force: bool = False, app_id: str | None = None
    ) -> int:
        """Forget an instance that has ended, and its children; how many. `force` does not ask whether it has ended."""
        request = pb.PurgeInstancesRequest(
            instanceId=instance_id, recursive=recursive, force=force, router=_router(app_id)
        )
        answer = await self._call("PurgeInstances", request, pb.PurgeInstancesResponse)
        return answer.deletedInstanceCount

    async def list_workflow_instance_ids(
        self, *, page_size: int | None = None, continuation_token: str | None = None
    ) -> WorkflowInstanceIdPage:
        """A page of the ids of all instances."""
        request = pb.ListInstanceIDsRequest(pageSize=page_size, continuationToken=continuation_token)
        answer = await self._manage("ListInstanceIDs", request, pb.ListInstanceIDsResponse)
        return WorkflowInstanceIdPage(list(answer.instanceIds), answer.continuationToken or None)

    async def iter_workflow_instance_ids(self, *, page_size: int = 1024) -> AsyncIterator[str]:
        """The ids of all instances, fetched page by page."""
        token: str | None = None
        while True:
            page = await self.list_workflow_instance_ids(page_size=page_size, continuation_token=token)
            for id in page.instance_ids:
                yield id
            token = page.continuation_token
            if token is None:
                return

    async def get_workflow_history(self, instance_id: str) -> list[WorkflowHistoryEvent]:
        """What has happened in an instance, in order."""
        request = pb.GetInstanceHistoryRequest(instanceId=instance_id)
        answer = await self._manage("GetInstanceHistory", request, pb.GetInstanceHistoryResponse)
        return [WorkflowHistoryEvent.of(event) for event in answer.events]

    async def rerun_workflow_from_event(
        self,
        instance_id: str,
        event_id: int,
        *,
        new_instance_id: str | None = None,
        input: Any = UNSET,
        new_child_workflow_instance_id: str | None = None,
        app_id: str | None = None,
    ) -> str:
        """Run an instance again from an event of its history on, as a new one; its id.

        The event is one that asked for something (`is_rerunnable`); that may get another input.
        """
        request = pb.RerunWorkflowFromEventRequest(
            sourceInstanceID=instance_id,
            eventID=event_id,
            newInstanceID=new_instance_id,
            overwriteInput=input is not UNSET,
            newChildWorkflowInstanceID=new_child_workflow_instance_id,
            router=_router(app_id),
        )
        if input is not UNSET:
            request.input.CopyFrom(StringValue(value=_payload.dump(input)))
        answer = await self._manage("RerunWorkflowFromEvent", request, pb.RerunWorkflowFromEventResponse)
        return answer.newInstanceID

    async def close(self) -> None:
        """End the connection."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    async def _call(self, name: str, request: Message, response: type[R]) -> R:
        answer, _ = await self._transport.unary(hub_path(name), request, response, None, self._timeout)
        return answer

    async def _manage(self, name: str, request: Message, response: type[R]) -> R:
        """The same for calls that not every sidecar has."""
        try:
            return await self._call(name, request, response)
        except DaprGrpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise
            raise NotImplementedError(f"{name} needs a Dapr runtime of 1.17 or newer") from error

    async def _wait(
        self, name: str, request: pb.GetInstanceRequest, seconds: float, what: str
    ) -> pb.GetInstanceResponse:
        """Call as long as the sidecar cannot answer yet."""
        begin = _clock.monotonic()
        while True:
            left = seconds - (_clock.monotonic() - begin) if seconds > 0 else None
            try:
                if left is not None and left <= 0:
                    raise TimeoutError(f"Timed-out waiting for the orchestration to {what}")
                answer, _ = await self._transport.unary(hub_path(name), request, pb.GetInstanceResponse, None, left)
                return answer
            except DaprGrpcError as error:
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise TimeoutError(f"Timed-out waiting for the orchestration to {what}") from error
                if error.code() not in NOT_YET or _clock.monotonic() - begin > (seconds or PATIENCE):
                    raise
            await _clock.REAL.async_sleep(PAUSE)  # for a worker, which takes its real time


async def _ready() -> None:
    """There is nothing to wait for."""


def _router(app_id: str | None) -> orchestration_pb2.TaskRouter | None:
    return orchestration_pb2.TaskRouter(targetAppID=app_id) if app_id else None


def _string(text: str | None) -> StringValue | None:
    return None if text is None else StringValue(value=text)


def _timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
