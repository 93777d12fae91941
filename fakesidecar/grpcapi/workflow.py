"""Workflows over gRPC: the service of workers and their clients, and Dapr's own management API.

`TaskHubSidecarService` is durabletask-go's backend/client and backend/executor.go; the management API is
dapr pkg/api/universal/workflow.go.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from google.protobuf import empty_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from dapr_client import wire
from dapr_client.wire import orchestration_pb2, workflow_pb2
from dapr_client.wire import orchestrator_service_pb2 as hub
from fakesidecar.core import Core
from fakesidecar.core.workflow import Asked, Engine, Start, management
from fakesidecar.core.workflow.apps import APPS
from fakesidecar.core.workflow.faults import PurgeByFilter, ShuttingDown
from fakesidecar.core.workflow.instance import Instance
from fakesidecar.errors import ActorStateStoreMissing, ApiError
from fakesidecar.grpcapi.registry import Context, Stream, serves
from fakesidecar.later import then

T = TypeVar("T")
R = TypeVar("R")

NO_TIME = Timestamp(seconds=-62135596800)
"""Go's zero time."""
STATEFUL = hub.WORKER_CAPABILITY_STATEFUL_HISTORY


class HubError(ApiError):
    """An error of the engine, with what the client of the service puts before it."""

    def __init__(self, prefix: str, error: ApiError) -> None:
        super().__init__(message=f"{prefix}{error.go_text}" if prefix else error.message)
        self.grpc = error.grpc


def answer(prefix: str, ask: Callable[[], Future[T]], convert: Callable[[T], R]) -> Future[R]:
    """What the engine answers, later, converted; its errors get a prefix."""

    def recover(error: Exception) -> R:
        if isinstance(error, ApiError):
            raise HubError(prefix, error)
        raise error

    try:
        return then(ask(), convert, recover)
    except ApiError as error:
        raise HubError(prefix, error) from error


def text(message: Message, field: str) -> StringValue | None:
    """A text that may be unset."""
    return getattr(message, field) if message.HasField(field) else None


def engine_of(core: Core, request: Message) -> Engine:
    """The engine that a request is for: another app's, when it names one that is there."""
    app: str = request.router.targetAppID  # type: ignore[attr-defined]
    return (APPS.find(app) if app and app != core.app_id else None) or core.workflow


# --- workers -----------------------------------------------------------------------------------------------------


@serves("Hello", call="workflow.hello", service=wire.TASK_HUB)
def hello(core: Core, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:
    return empty_pb2.Empty()


@serves("GetWorkItems", call="workflow.get_work_items", service=wire.TASK_HUB)
def get_work_items(core: Core, request: hub.GetWorkItemsRequest, stream: Stream) -> None:
    worker = core.workflow.connect(
        stream.send, lambda: stream.finish(ShuttingDown()), stateful=STATEFUL in request.capabilities
    )
    stream.on_close = lambda: core.workflow.disconnect(worker)


@serves("CompleteOrchestratorTask", "CompleteWorkflowTask", call="workflow.complete_turn", service=wire.TASK_HUB)
def complete_turn(core: Core, request: hub.WorkflowResponse, context: Context) -> hub.CompleteTaskResponse:
    core.workflow.complete_turn(request)
    return hub.CompleteTaskResponse()


@serves("CompleteActivityTask", call="workflow.complete_task", service=wire.TASK_HUB)
def complete_task(core: Core, request: hub.ActivityResponse, context: Context) -> hub.CompleteTaskResponse:
    core.workflow.complete_task(request)
    return hub.CompleteTaskResponse()


# --- their clients -----------------------------------------------------------------------------------------------


@serves("StartInstance", call="workflow.start", target="instanceId", service=wire.TASK_HUB)
def start_instance(
    core: Core, request: hub.CreateInstanceRequest, context: Context
) -> Future[hub.CreateInstanceResponse]:
    start = Start(
        request.instanceId,
        request.name,
        text(request, "input"),
        request.scheduledStartTimestamp if request.HasField("scheduledStartTimestamp") else None,
        request.parentTraceContext if request.HasField("parentTraceContext") else None,
    )
    return answer(
        "failed to create workflow instance: ",
        lambda: engine_of(core, request).start(start),
        lambda instance: hub.CreateInstanceResponse(instanceId=instance.id),
    )


@serves("GetInstance", call="workflow.get", target="instanceId", service=wire.TASK_HUB)
def get_instance(core: Core, request: hub.GetInstanceRequest, context: Context) -> hub.GetInstanceResponse:
    try:
        instance = engine_of(core, request).get(request.instanceId)
    except ApiError as error:
        raise unreadable(error) from error
    if instance is None:
        return hub.GetInstanceResponse()
    return hub.GetInstanceResponse(exists=True, workflowState=state_of(instance, request.getInputsAndOutputs))


def unreadable(error: ApiError) -> ApiError:
    """Why the state of an instance cannot be had."""
    prefixed = isinstance(error, ActorStateStoreMissing)
    return HubError("failed to load workflow metadata: ", error) if prefixed else error


def state_of(instance: Instance, payloads: bool, *, parents: bool = False) -> orchestration_pb2.WorkflowState:
    """What is told of an instance."""
    facts = instance.facts
    state = orchestration_pb2.WorkflowState(
        instanceId=instance.id,
        workflowStatus=facts.status,
        createdTimestamp=NO_TIME,
        lastUpdatedTimestamp=NO_TIME,
    )
    if facts.first is not None:
        state.startedAt.CopyFrom(facts.first.timestamp)
    if facts.version is not None:
        state.version.value = facts.version
    if facts.started is None or facts.last is None:
        return state
    started = facts.started.executionStarted
    state.name = started.name
    state.createdTimestamp.CopyFrom(facts.started.timestamp)
    state.lastUpdatedTimestamp.CopyFrom(facts.last.timestamp)
    if parents and started.HasField("parentInstance"):
        state.parentInstanceId.value = started.parentInstance.workflowInstance.instanceId
        state.parentAppId.value = started.parentInstance.appID
    if payloads:
        _add_payloads(state, instance)
    return state


def _add_payloads(state: orchestration_pb2.WorkflowState, instance: Instance) -> None:
    facts = instance.facts
    if facts.started is not None and facts.started.executionStarted.HasField("input"):
        state.input.CopyFrom(facts.started.executionStarted.input)
    if instance.custom_status:
        state.customStatus.value = instance.custom_status
    if facts.completed is not None:
        done = facts.completed.executionCompleted
        if done.HasField("result"):
            state.output.CopyFrom(done.result)
        if done.HasField("failureDetails"):
            state.failureDetails.CopyFrom(done.failureDetails)


def _waited(request: hub.GetInstanceRequest) -> Callable[[Instance], hub.GetInstanceResponse]:
    def convert(instance: Instance) -> hub.GetInstanceResponse:
        state = state_of(instance, request.getInputsAndOutputs, parents=True)
        return hub.GetInstanceResponse(exists=True, workflowState=state)

    return convert


@serves("WaitForInstanceStart", call="workflow.wait_until_started", target="instanceId", service=wire.TASK_HUB)
def wait_for_start(core: Core, request: hub.GetInstanceRequest, context: Context) -> Future[hub.GetInstanceResponse]:
    return then(engine_of(core, request).wait_until_started(request.instanceId), _waited(request))


@serves("WaitForInstanceCompletion", call="workflow.wait_until_completed", target="instanceId", service=wire.TASK_HUB)
def wait_for_completion(
    core: Core, request: hub.GetInstanceRequest, context: Context
) -> Future[hub.GetInstanceResponse]:
    return then(engine_of(core, request).wait_until_completed(request.instanceId), _waited(request))


@serves("RaiseEvent", call="workflow.raise_event", target="instanceId", service=wire.TASK_HUB)
def raise_event(core: Core, request: hub.RaiseEventRequest, context: Context) -> Future[hub.RaiseEventResponse]:
    engine = engine_of(core, request)
    return then(
        engine.raise_event(request.instanceId, request.name, text(request, "input")),
        lambda _: hub.RaiseEventResponse(),
    )


@serves("TerminateInstance", call="workflow.terminate", target="instanceId", service=wire.TASK_HUB)
def terminate_instance(core: Core, request: hub.TerminateRequest, context: Context) -> Future[hub.TerminateResponse]:
    engine, output = engine_of(core, request), text(request, "output")
    return answer(
        "failed to submit termination request: ",
        lambda: engine.terminate(request.instanceId, output, recursive=request.recursive),
        lambda _: hub.TerminateResponse(),
    )


@serves("SuspendInstance", call="workflow.suspend", target="instanceId", service=wire.TASK_HUB)
def suspend_instance(core: Core, request: hub.SuspendRequest, context: Context) -> Future[hub.SuspendResponse]:
    engine = engine_of(core, request)
    return then(engine.suspend(request.instanceId, text(request, "reason")), lambda _: hub.SuspendResponse())


@serves("ResumeInstance", call="workflow.resume", target="instanceId", service=wire.TASK_HUB)
def resume_instance(core: Core, request: hub.ResumeRequest, context: Context) -> Future[hub.ResumeResponse]:
    engine = engine_of(core, request)
    return then(engine.resume(request.instanceId, text(request, "reason")), lambda _: hub.ResumeResponse())


@serves("PurgeInstances", call="workflow.purge", target="instanceId", service=wire.TASK_HUB)
def purge_instances(
    core: Core, request: hub.PurgeInstancesRequest, context: Context
) -> Future[hub.PurgeInstancesResponse]:
    if request.HasField("purgeInstanceFilter"):
        raise PurgeByFilter
    engine = engine_of(core, request)
    return answer(
        "failed to purge workflow state: ",
        lambda: engine.purge(request.instanceId, recursive=request.recursive, force=request.force),
        lambda count: hub.PurgeInstancesResponse(deletedInstanceCount=count),
    )


@serves("RerunWorkflowFromEvent", call="workflow.rerun", target="sourceInstanceID", service=wire.TASK_HUB)
def rerun_from_event(
    core: Core, request: hub.RerunWorkflowFromEventRequest, context: Context
) -> Future[hub.RerunWorkflowFromEventResponse]:
    asked = Asked(
        request.sourceInstanceID,
        request.eventID,
        request.newInstanceID or core.around.ids.uuid(),
        text(request, "input"),
        request.overwriteInput,
        request.newChildWorkflowInstanceID,
    )
    return then(engine_of(core, request).rerun(asked), lambda id: hub.RerunWorkflowFromEventResponse(newInstanceID=id))


@serves("ListInstanceIDs", call="workflow.list", service=wire.TASK_HUB)
def list_instance_ids(core: Core, request: hub.ListInstanceIDsRequest, context: Context) -> hub.ListInstanceIDsResponse:
    token = request.continuationToken if request.HasField("continuationToken") else None
    size = request.pageSize if request.HasField("pageSize") else None
    ids, following = core.workflow.list_ids(token, size)
    return hub.ListInstanceIDsResponse(instanceIds=ids, continuationToken=following)


@serves("GetInstanceHistory", call="workflow.history", target="instanceId", service=wire.TASK_HUB)
def get_instance_history(
    core: Core, request: hub.GetInstanceHistoryRequest, context: Context
) -> hub.GetInstanceHistoryResponse:
    try:
        return hub.GetInstanceHistoryResponse(events=core.workflow.history(request.instanceId))
    except ApiError as error:
        raise unreadable(error) from error


# --- Dapr's management API ---------------------------------------------------------------------------------------


def _empty(_: object) -> empty_pb2.Empty:
    return empty_pb2.Empty()


@serves("StartWorkflowAlpha1", "StartWorkflowBeta1", call="workflow.start", target="workflow_name")
def start_workflow(
    core: Core, request: workflow_pb2.StartWorkflowRequest, context: Context
) -> Future[workflow_pb2.StartWorkflowResponse]:
    started = management.start(core, request.instance_id, request.workflow_name, request.input, request.options)
    return then(started, lambda id: workflow_pb2.StartWorkflowResponse(instance_id=id))


@serves("GetWorkflowAlpha1", "GetWorkflowBeta1", call="workflow.get", target="instance_id")
def get_workflow(
    core: Core, request: workflow_pb2.GetWorkflowRequest, context: Context
) -> workflow_pb2.GetWorkflowResponse:
    found = management.get(core, request.instance_id)
    if found is None:
        return workflow_pb2.GetWorkflowResponse(instance_id=request.instance_id)
    return workflow_pb2.GetWorkflowResponse(
        instance_id=found.id,
        workflow_name=found.name,
        created_at=found.created or NO_TIME,
        last_updated_at=found.updated or NO_TIME,
        runtime_status=found.status,
        properties=found.properties,
    )


@serves("PauseWorkflowAlpha1", "PauseWorkflowBeta1", call="workflow.suspend", target="instance_id")
def pause_workflow(core: Core, request: workflow_pb2.PauseWorkflowRequest, context: Context) -> Future[empty_pb2.Empty]:
    return then(management.pause(core, request.instance_id), _empty)


@serves("ResumeWorkflowAlpha1", "ResumeWorkflowBeta1", call="workflow.resume", target="instance_id")
def resume_workflow(
    core: Core, request: workflow_pb2.ResumeWorkflowRequest, context: Context
) -> Future[empty_pb2.Empty]:
    return then(management.resume(core, request.instance_id), _empty)


@serves("TerminateWorkflowAlpha1", "TerminateWorkflowBeta1", call="workflow.terminate", target="instance_id")
def terminate_workflow(
    core: Core, request: workflow_pb2.TerminateWorkflowRequest, context: Context
) -> Future[empty_pb2.Empty]:
    return then(management.terminate(core, request.instance_id), _empty)


@serves("PurgeWorkflowAlpha1", "PurgeWorkflowBeta1", call="workflow.purge", target="instance_id")
def purge_workflow(core: Core, request: workflow_pb2.PurgeWorkflowRequest, context: Context) -> Future[empty_pb2.Empty]:
    return then(management.purge(core, request.instance_id), _empty)


@serves("RaiseEventWorkflowAlpha1", "RaiseEventWorkflowBeta1", call="workflow.raise_event", target="instance_id")
def raise_event_workflow(
    core: Core, request: workflow_pb2.RaiseEventWorkflowRequest, context: Context
) -> Future[empty_pb2.Empty]:
    data = request.event_data or None
    return then(management.raise_event(core, request.instance_id, request.event_name, data), _empty)
