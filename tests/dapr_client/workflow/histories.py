"""Histories by hand, and a sidecar in fifty lines that makes them: what Dapr does with actions, without Dapr."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from dapr_client.wire import history_events_pb2 as events
from dapr_client.wire import orchestration_pb2, orchestrator_service_pb2
from dapr_client.workflow._registry import Registry
from dapr_client.workflow._replay import Action, Answer, Event, Execution, replay

BEGIN = datetime(2024, 5, 1, 12, 0, 0, 250000)


def at(seconds: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(BEGIN + timedelta(seconds=seconds))
    return stamp


def event(id: int = -1, seconds: float = 0, **what: Any) -> Event:
    return Event(eventId=id, timestamp=at(seconds), **what)


def text(value: str | None) -> StringValue | None:
    return None if value is None else StringValue(value=value)


def turn(seconds: float = 0, **version: Any) -> Event:
    told = orchestration_pb2.WorkflowVersion(**version) if version else None
    return event(seconds=seconds, workflowStarted=events.WorkflowStartedEvent(version=told))


def started(name: str = "wf", input: str | None = None, execution: str = "e1") -> Event:
    instance = orchestration_pb2.WorkflowInstance(instanceId="i", executionId=text(execution))
    begin = events.ExecutionStartedEvent(name=name, input=text(input), workflowInstance=instance)
    return event(executionStarted=begin)


def scheduled(id: int, name: str) -> Event:
    return event(id, taskScheduled=events.TaskScheduledEvent(name=name))


def completed(id: int, result: str | None = None) -> Event:
    return event(taskCompleted=events.TaskCompletedEvent(taskScheduledId=id, result=text(result)))


def failed(id: int, message: str = "boom", kind: str = "ValueError", **details: Any) -> Event:
    failure = orchestration_pb2.TaskFailureDetails(errorType=kind, errorMessage=message, **details)
    return event(taskFailed=events.TaskFailedEvent(taskScheduledId=id, failureDetails=failure))


def child(id: int, name: str, instance: str = "") -> Event:
    made = events.ChildWorkflowInstanceCreatedEvent(name=name, instanceId=instance)
    return event(id, childWorkflowInstanceCreated=made)


def child_completed(id: int, result: str | None = None) -> Event:
    done = events.ChildWorkflowInstanceCompletedEvent(taskScheduledId=id, result=text(result))
    return event(childWorkflowInstanceCompleted=done)


def child_failed(id: int, message: str = "boom", kind: str = "ValueError") -> Event:
    failure = orchestration_pb2.TaskFailureDetails(errorType=kind, errorMessage=message)
    done = events.ChildWorkflowInstanceFailedEvent(taskScheduledId=id, failureDetails=failure)
    return event(childWorkflowInstanceFailed=done)


def timer(id: int, **origin: Any) -> Event:
    return event(id, timerCreated=events.TimerCreatedEvent(fireAt=at(9), **origin))


def fired(id: int) -> Event:
    return event(timerFired=events.TimerFiredEvent(timerId=id, fireAt=at(9)))


def raised(name: str, data: str | None = None) -> Event:
    return event(eventRaised=events.EventRaisedEvent(name=name, input=text(data)))


def terminated(output: str | None = None) -> Event:
    return event(executionTerminated=events.ExecutionTerminatedEvent(input=text(output)))


def suspended() -> Event:
    return event(executionSuspended=events.ExecutionSuspendedEvent())


def resumed() -> Event:
    return event(executionResumed=events.ExecutionResumedEvent())


def registry(*workflows: Callable[..., Any], **named: Callable[..., Any]) -> Registry:
    made = Registry()
    for function in workflows:
        made.add_workflow(function, function.__name__)
    for name, function in named.items():
        made.add_workflow(function, name)
    return made


def answer(function: Callable[..., Any], past: Sequence[Event], *new: Event) -> Answer:
    """What a workflow, registered as wf, does in a turn."""
    known = registry(wf=function)
    return replay(Execution("i", known.workflow, known.name_of), past, new)


def words(given: Answer) -> list[str]:
    """The actions of an answer, shortly."""
    return [word(action) for action in given.actions]


def word(action: Action) -> str:
    kind = action.WhichOneof("workflowActionType") or ""
    body = getattr(action, kind)
    match kind:
        case "scheduleTask":
            said = f"{body.name}({body.input.value})"
        case "createChildWorkflow":
            said = f"{body.name}({body.input.value}) as {body.instanceId}"
        case "createTimer":
            whole = body.fireAt.ToDatetime(tzinfo=UTC).year == 9999
            after = "never" if whole else f"{(body.fireAt.ToDatetime() - BEGIN).total_seconds():g}"
            said = f"{body.WhichOneof('origin')} {after}"
        case "completeWorkflow":
            status = orchestration_pb2.OrchestrationStatus.Name(body.workflowStatus)
            said = status.removeprefix("ORCHESTRATION_STATUS_")
            if body.HasField("result"):
                said += f" {body.result.value}"
            if body.HasField("failureDetails"):
                said += f" {body.failureDetails.errorType}: {body.failureDetails.errorMessage}"
        case _:
            said = kind
    return f"{action.id} {said}"


class Model:
    """One instance at a sidecar: its committed history, what is to come, and what becomes of actions."""

    def __init__(self, name: str, input: str | None, perform: Callable[[str, str], Event | str]) -> None:
        self.history: list[Event] = []
        self.inbox: list[Event] = [started(name, input)]
        self.coming: list[Event] = []
        self.result: str | None = None
        self.seconds = 0.0
        self._perform = perform
        self._known = 0

    def request(self, *, delta: bool = False) -> orchestrator_service_pb2.WorkflowRequest:
        """The next turn's work item."""
        self.seconds += 1
        made = orchestrator_service_pb2.WorkflowRequest(
            instanceId="i", newEvents=[turn(self.seconds), *self.inbox], pastEvents=self.history
        )
        if delta and 0 < self._known <= len(self.history):
            del made.pastEvents[: self._known]
            made.cachedHistory.eventCount = self._known
        self._known = len(self.history)
        return made

    def commit(self, new: Sequence[Event], given: Answer) -> None:
        """Take over what a turn has come to."""
        self.history += new
        self.inbox = []
        known = {patch for one in self.history for patch in one.workflowStarted.version.patches}
        begin = self.history[-len(new)].workflowStarted
        begin.version.patches.extend(patch for patch in given.patches if patch not in known)
        for action in given.actions:
            self._do(action)

    def _do(self, action: Action) -> None:
        kind = action.WhichOneof("workflowActionType") or ""
        body = getattr(action, kind)
        if kind == "completeWorkflow":
            self.result = word(action).partition(" ")[2]
        elif kind == "createTimer":
            origin = body.WhichOneof("origin")
            made = events.TimerCreatedEvent(fireAt=body.fireAt, **{origin: getattr(body, origin)})
            self.history.append(event(action.id, timerCreated=made))
            if body.fireAt.ToDatetime().year != 9999:
                self.coming.append(fired(action.id))
        elif kind == "scheduleTask":
            self.history.append(scheduled(action.id, body.name))
            done = self._perform(body.name, body.input.value)
            self.coming.append(completed(action.id, done) if isinstance(done, str) else _numbered(done, action.id))
        elif kind == "createChildWorkflow":
            self.history.append(child(action.id, body.name, body.instanceId))
            done = self._perform(body.name, body.input.value)
            assert isinstance(done, str)
            self.coming.append(child_completed(action.id, done))


def _numbered(failure: Event, id: int) -> Event:
    made = Event()
    made.CopyFrom(failure)
    made.taskFailed.taskScheduledId = id
    return made
