"""What a worker's answer makes of an instance (durabletask-go backend/runtimestate/applier.go).

`apply` looks at a turn and the answer, and says what follows; it changes neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.wrappers_pb2 import StringValue

from dapr_client.wire import history_events_pb2 as pb
from dapr_client.wire import orchestration_pb2 as common
from dapr_client.wire import orchestrator_actions_pb2 as actions_pb
from dapr_client.wire import orchestrator_service_pb2 as service
from fakesidecar.core.workflow.history import (
    COMPLETED,
    CONTINUED_AS_NEW,
    TERMINATED,
    Event,
    blank,
    make,
)
from fakesidecar.core.workflow.instance import Turn

CHILD_IDS = 1 << 16
"""Ids of children that are not named have four hexadecimal digits of the action's id."""

ALLOWED = 0.95
"""How much of the largest message an event or a history may take."""

Action = actions_pb.WorkflowAction


class CannotApply(Exception):
    """An action that the engine has no way to carry out: the turn stays unanswered."""


@dataclass(slots=True)
class Message:
    """An event on its way to another instance."""

    app: str
    """The app of that instance, empty for this one."""
    instance: str
    event: Event
    propagated: pb.PropagatedHistory | None = None


@dataclass(slots=True)
class Scheduled:
    """An activity that is to run."""

    app: str
    event: Event
    propagated: pb.PropagatedHistory | None = None


@dataclass(slots=True)
class Outcome:
    """What follows from an answer."""

    events: list[Event] = field(default_factory=list)
    """For the history, after the turn's own."""
    tasks: list[Scheduled] = field(default_factory=list)
    timers: list[Event] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    completed: Event | None = None
    next_round: list[Event] | None = None
    """The events that a new round begins with."""
    stalled: pb.ExecutionStalledEvent | None = None
    """Why the worker cannot go on."""


@dataclass(slots=True)
class Place:
    """Where and when an answer is applied."""

    app_id: str
    now: float
    new_id: Callable[[], str]
    most_bytes: int
    """How large gRPC messages may be."""


def apply(turn: Turn, answer: service.WorkflowResponse, place: Place) -> Outcome:
    """What follows from a worker's answer to a turn."""
    if (stalled := _stall(turn, answer)) is not None:
        return Outcome(stalled=stalled)
    outcome = _Applier(turn, place).run(answer)
    for task in outcome.tasks:
        if is_too_large(size := task.event.ByteSize(), place.most_bytes):
            what = f"activity '{task.event.taskScheduled.name}::{task.event.eventId}' payload"
            stalled = too_large(what, size, place.most_bytes)
            stalled.description += ": activity payload exceeds max gRPC body size"
            return Outcome(stalled=stalled)
    return outcome


def is_too_large(size: int, most_bytes: int) -> bool:
    """Whether an instance stalls: for workers there is a limit to its size (dapr pkg/actors/targets/workflow)."""
    return size > most_bytes * ALLOWED


def too_large(what: str, size: int, most_bytes: int) -> pb.ExecutionStalledEvent:
    """Why it stalls then."""
    description = (
        f"{what} {size} bytes exceeds 95% of max gRPC body size {most_bytes} bytes; "
        "increase daprd --max-body-size and restart to resume"
    )
    return pb.ExecutionStalledEvent(reason=common.PAYLOAD_SIZE_EXCEEDED, description=description)


def _stall(turn: Turn, answer: service.WorkflowResponse) -> pb.ExecutionStalledEvent | None:
    known, current = turn.facts.patches, answer.version.patches
    if known and current[: len(known)] != known:
        texts = f"History patches: [{' '.join(known)}], current patches: [{' '.join(current)}]"
        return pb.ExecutionStalledEvent(reason=common.PATCH_MISMATCH, description=f"Patch mismatch. {texts}. ")
    if any(action.HasField("workflowVersionNotAvailable") for action in answer.actions):
        description = f"Version not available: {answer.version.name}"
        return pb.ExecutionStalledEvent(reason=common.VERSION_NOT_AVAILABLE, description=description)
    return None


def version_of(turn: Turn, answer: service.WorkflowResponse) -> common.WorkflowVersion | None:
    """What the turn's `workflowStarted` says of the version: the patches that are new, or else its name."""
    if not answer.HasField("version"):
        return None
    if answer.version.patches:
        new = answer.version.patches[len(turn.facts.patches) :]
        return common.WorkflowVersion(patches=new) if new else None
    return common.WorkflowVersion(name=answer.version.name) if answer.version.HasField("name") else None


class _Applier:
    def __init__(self, turn: Turn, place: Place) -> None:
        self.turn = turn
        self.place = place
        self.out = Outcome()
        self.id = turn.instance.id

    def run(self, answer: service.WorkflowResponse) -> Outcome:
        out, terminated = self.out, self.turn.terminated
        for action in answer.actions:
            kind = action.WhichOneof("workflowActionType")
            if kind == "completeWorkflow" and action.completeWorkflow.workflowStatus == CONTINUED_AS_NEW:
                if terminated is None and out.completed is None:
                    return Outcome(next_round=self._next_round(action))
                continue
            if kind not in CARRIED_OUT:
                raise CannotApply(f"action {action.id} is of a kind that is not carried out: {kind}")
            CARRIED_OUT[kind](self, action)
        if terminated is not None and out.completed is None:
            out.tasks, out.timers, out.messages = [], [], []
            output = _text(terminated.executionTerminated, "input")
            content = pb.ExecutionCompletedEvent(workflowStatus=TERMINATED, result=output)
            self._complete(make("executionCompleted", self.place.now, content, router=self._router(None)))
        if out.completed is not None:
            out.timers = []
        return out

    def _router(self, action: Action | None) -> common.TaskRouter:
        router = common.TaskRouter()
        if action is not None and action.HasField("router"):
            router.CopyFrom(action.router)
        router.sourceAppID = self.place.app_id
        return router

    def _target(self, action: Action) -> str:
        app = action.router.targetAppID
        return "" if app == self.place.app_id else app

    def _event(self, action: Action, kind: str) -> Event | None:
        """A blank event of an action, in the history; None when it is there already.

        A worker may give the same action again, on turns that follow a suspension.
        """
        if (kind, action.id) in self.turn.facts.actions:
            return None
        event = blank(self.place.now, id=action.id, router=self._router(action))
        self.out.events.append(event)
        return event

    def _schedule_task(self, action: Action) -> None:
        if (event := self._event(action, "taskScheduled")) is None:
            return
        task, content = action.scheduleTask, event.taskScheduled
        content.name, content.taskExecutionId = task.name, task.taskExecutionId
        self._copy(task, content)
        propagated = self._propagated(task.historyPropagationScope)
        self.out.tasks.append(Scheduled(self._target(action), event, propagated))

    def _create_timer(self, action: Action) -> None:
        if (event := self._event(action, "timerCreated")) is None:
            return
        timer, content = action.createTimer, event.timerCreated
        content.fireAt.CopyFrom(timer.fireAt)
        if timer.HasField("name"):
            content.name = timer.name
        if (origin := timer.WhichOneof("origin")) is not None:
            getattr(content, origin).CopyFrom(getattr(timer, origin))
        self.out.timers.append(event)

    def _create_child(self, action: Action) -> None:
        if (event := self._event(action, "childWorkflowInstanceCreated")) is None:
            return
        child, content = action.createChildWorkflow, event.childWorkflowInstanceCreated
        instance = child.instanceId or child_id(self.id, action.id)
        content.instanceId, content.name = instance, child.name
        self._copy(child, content)
        propagated = self._propagated(child.historyPropagationScope)
        self.out.messages.append(
            Message(self._target(action), instance, start_of_child(self.turn, event, self.place), propagated)
        )

    def _create_detached(self, action: Action) -> None:
        if (created := self._event(action, "detachedWorkflowInstanceCreated")) is None:
            return
        asked = action.createDetachedWorkflow
        created.detachedWorkflowInstanceCreated.instanceId = asked.instanceId
        started = pb.ExecutionStartedEvent(
            name=asked.name,
            input=_text(asked, "input"),
            workflowInstance=_new_instance(asked.instanceId, self.place),
            tags=asked.tags,
        )
        if asked.HasField("scheduledStartTimestamp"):
            started.scheduledStartTimestamp.CopyFrom(asked.scheduledStartTimestamp)
        event = make("executionStarted", self.place.now, started, router=self._router(action))
        self.out.messages.append(Message(self._target(action), asked.instanceId, event))

    def _complete_workflow(self, action: Action) -> None:
        if self.out.completed is not None:
            return
        done = action.completeWorkflow
        content = pb.ExecutionCompletedEvent(workflowStatus=done.workflowStatus, result=_text(done, "result"))
        if done.HasField("failureDetails"):
            content.failureDetails.CopyFrom(done.failureDetails)
        self._complete(make("executionCompleted", self.place.now, content, id=action.id, router=self._router(action)))

    def _complete(self, event: Event) -> None:
        self.out.completed = event
        self.out.events.append(event)
        started = self.turn.started
        if started is not None and started.executionStarted.HasField("parentInstance"):
            self.out.messages.append(to_parent(started.executionStarted, event.executionCompleted, self.place))

    def _next_round(self, action: Action) -> list[Event]:
        done, now, router = action.completeWorkflow, self.place.now, self._router(action)
        before = self.turn.started
        started = pb.ExecutionStartedEvent(
            name=before.executionStarted.name if before is not None else "",
            input=_text(done, "result"),
            workflowInstance=_new_instance(self.id, self.place),
        )
        if before is not None and before.executionStarted.HasField("parentInstance"):
            started.parentInstance.CopyFrom(before.executionStarted.parentInstance)
        return [
            make("workflowStarted", now, pb.WorkflowStartedEvent(), router=router),
            make("executionStarted", now, started, router=router),
            *done.carryoverEvents,
        ]

    def _copy(self, asked: Any, content: Any) -> None:
        """Put into an event what an action says of version, input and how much history it passes on, and the trace."""
        for name in ("version", "input"):
            if asked.HasField(name):
                getattr(content, name).CopyFrom(getattr(asked, name))
        if asked.HasField("historyPropagationScope"):
            content.historyPropagationScope = asked.historyPropagationScope
        started = self.turn.started
        if started is not None and started.executionStarted.HasField("parentTraceContext"):
            content.parentTraceContext.CopyFrom(started.executionStarted.parentTraceContext)

    def _propagated(self, scope: common.HistoryPropagationScope) -> pb.PropagatedHistory | None:
        if scope == common.HISTORY_PROPAGATION_SCOPE_NONE:
            return None
        started = self.turn.started
        events = (*self.turn.past, *self.turn.events, *self.out.events)
        own = pb.PropagatedHistoryChunk(
            rawEvents=[event.SerializeToString() for event in events],
            appId=self.place.app_id,
            instanceId=self.id,
            workflowName=started.executionStarted.name if started is not None else "",
        )
        inherited = self.turn.instance.propagated
        lineage = scope == common.HISTORY_PROPAGATION_SCOPE_LINEAGE and inherited is not None
        chunks = [*inherited.chunks, own] if lineage and inherited is not None else [own]
        return pb.PropagatedHistory(scope=scope, chunks=chunks)


CARRIED_OUT: dict[str | None, Callable[[_Applier, Action], None]] = {
    "scheduleTask": _Applier._schedule_task,
    "createTimer": _Applier._create_timer,
    "createChildWorkflow": _Applier._create_child,
    "createDetachedWorkflow": _Applier._create_detached,
    "completeWorkflow": _Applier._complete_workflow,
    "terminateWorkflow": lambda self, action: None,
}
"""What is done with an action of a kind.

daprd drops a termination of another instance without a word. It has no way to deliver a sent event, so that a turn
with one is never over; it falls over an action without a kind.
"""


def start_of_child(turn: Turn, created: Event, place: Place) -> Event:
    """The event that starts the child that an event of its parent created."""
    child, started = created.childWorkflowInstanceCreated, turn.started
    parent = common.ParentInstanceInfo(
        taskScheduledId=created.eventId,
        workflowInstance=common.WorkflowInstance(instanceId=turn.instance.id),
        appID=place.app_id,
    )
    if started is not None:
        parent.name.value = started.executionStarted.name
        parent.workflowInstance.executionId.CopyFrom(started.executionStarted.workflowInstance.executionId)
    content = pb.ExecutionStartedEvent(
        name=child.name,
        input=_text(child, "input"),
        parentInstance=parent,
        workflowInstance=_new_instance(child.instanceId, place),
    )
    if child.HasField("parentTraceContext"):
        content.parentTraceContext.CopyFrom(child.parentTraceContext)
    return make("executionStarted", place.now, content, router=created.router)


def to_parent(started: pb.ExecutionStartedEvent, done: pb.ExecutionCompletedEvent, place: Place) -> Message:
    """How the parent of an instance hears of its end."""
    parent = started.parentInstance
    router = common.TaskRouter(sourceAppID=place.app_id, targetAppID=parent.appID)
    id = parent.taskScheduledId
    if done.workflowStatus == COMPLETED:
        completed = pb.ChildWorkflowInstanceCompletedEvent(taskScheduledId=id, result=_text(done, "result"))
        event = make("childWorkflowInstanceCompleted", place.now, completed, router=router)
    else:
        failed = pb.ChildWorkflowInstanceFailedEvent(taskScheduledId=id)
        if done.HasField("failureDetails"):
            failed.failureDetails.CopyFrom(done.failureDetails)
        event = make("childWorkflowInstanceFailed", place.now, failed, router=router)
    return for_parent(parent, event, place)


def for_parent(parent: common.ParentInstanceInfo, event: Event, place: Place) -> Message:
    """An event on its way to the parent of an instance."""
    app = "" if parent.appID == place.app_id else parent.appID
    target = parent.workflowInstance
    return Message(app, target.instanceId, event)


def child_id(parent: str, action: int) -> str:
    """The id of a child that was given none."""
    return f"{parent}:{action % CHILD_IDS:04x}"


def _new_instance(id: str, place: Place) -> common.WorkflowInstance:
    return common.WorkflowInstance(instanceId=id, executionId=StringValue(value=place.new_id()))


def _text(message: object, field: str) -> StringValue | None:
    """A text that may be unset."""
    return getattr(message, field) if message.HasField(field) else None  # type: ignore[attr-defined]
