"""A worker whose workflows are scripts: functions from what happened so far to the next actions."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from dapr_client.wire import history_events_pb2 as pb
from dapr_client.wire import orchestration_pb2 as common
from dapr_client.wire import orchestrator_actions_pb2 as actions_pb
from dapr_client.wire import orchestrator_service_pb2 as service
from fakesidecar.core.workflow import Engine, Start
from fakesidecar.core.workflow.history import COMPLETED, CONTINUED_AS_NEW, FAILED, NEVER_SECONDS, kind_of
from fakesidecar.core.workflow.instance import Instance

T = TypeVar("T")
Action = actions_pb.WorkflowAction
SECONDS = 10.0


def text(value: str | None) -> StringValue | None:
    return None if value is None else StringValue(value=value)


def task(id: int, name: str, data: str | None = None, app: str = "", **more: Any) -> Action:
    action = Action(id=id, scheduleTask=actions_pb.ScheduleTaskAction(name=name, input=text(data), **more))
    if app:
        action.router.targetAppID = app
    return action


def timer(id: int, at: float, event: str = "") -> Action:
    action = Action(id=id, createTimer=actions_pb.CreateTimerAction(fireAt=Timestamp(seconds=int(at))))
    if event:
        action.createTimer.externalEvent.name = event
    return action


def wait_for(id: int, event: str) -> Action:
    return timer(id, NEVER_SECONDS, event)


def child(id: int, name: str, data: str | None = None, instance: str = "", app: str = "", **more: Any) -> Action:
    content = actions_pb.CreateChildWorkflowAction(name=name, input=text(data), instanceId=instance, **more)
    action = Action(id=id, createChildWorkflow=content)
    if app:
        action.router.targetAppID = app
    return action


def complete(id: int, result: str | None = None, status: common.OrchestrationStatus = COMPLETED, **more: Any) -> Action:
    content = actions_pb.CompleteWorkflowAction(workflowStatus=status, result=text(result), **more)
    return Action(id=id, completeWorkflow=content)


def again(id: int, data: str | None = None, carry: Iterable[pb.HistoryEvent] = ()) -> Action:
    return complete(id, data, CONTINUED_AS_NEW, carryoverEvents=carry)


def fail(id: int, message: str) -> Action:
    return complete(id, None, FAILED, failureDetails=common.TaskFailureDetails(errorType="E", errorMessage=message))


class So:
    """What happened so far, as a script sees it."""

    def __init__(self, id: str, past: Sequence[pb.HistoryEvent], new: Sequence[pb.HistoryEvent]) -> None:
        self.id, self.past, self.new = id, past, new
        self.events = [*past, *new]

    @property
    def input(self) -> str:
        return next(e.executionStarted.input.value for e in self.events if e.HasField("executionStarted"))

    @property
    def kinds(self) -> list[str]:
        return [kind_of(event) for event in self.events]

    def took(self, id: int) -> bool:
        """Whether the action of that id was taken before."""
        return any(event.eventId == id for event in self.past)

    def fired(self, id: int) -> bool:
        return any(e.HasField("timerFired") and e.timerFired.timerId == id for e in self.events)

    def raised(self, name: str) -> list[str]:
        found = (e.eventRaised for e in self.events if e.HasField("eventRaised"))
        return [event.input.value for event in found if event.name.casefold() == name.casefold()]

    def result(self, id: int) -> str | None:
        """The result of an activity or a child, None while there is none."""
        for event in self.events:
            for kind in ("taskCompleted", "childWorkflowInstanceCompleted"):
                if event.HasField(kind) and getattr(event, kind).taskScheduledId == id:
                    return str(getattr(event, kind).result.value)
        return None

    def failure(self, id: int) -> str | None:
        for event in self.events:
            for kind in ("taskFailed", "childWorkflowInstanceFailed"):
                if event.HasField(kind) and getattr(event, kind).taskScheduledId == id:
                    return str(getattr(event, kind).failureDetails.errorMessage)
        return None


Script = Callable[[So], "list[Action] | None"]
Activity = Callable[[str], str]


class Worker:
    """A worker in this process; names without a script are held for the test to answer."""

    def __init__(
        self,
        engine: Engine,
        workflows: Mapping[str, Script] = {},
        activities: Mapping[str, Activity] = {},
        *,
        stateful: bool = False,
    ) -> None:
        self.engine, self.workflows, self.activities = engine, workflows, activities
        self.items: list[service.WorkItem] = []
        self.held: queue.SimpleQueue[service.WorkItem] = queue.SimpleQueue()
        self.ended = threading.Event()
        self._known: dict[str, list[pb.HistoryEvent]] = {}
        self._incoming: queue.SimpleQueue[service.WorkItem | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        self.connection = engine.connect(self._incoming.put, self._end, stateful=stateful)

    def leave(self) -> None:
        self.engine.disconnect(self.connection)
        self._incoming.put(None)
        self._thread.join(SECONDS)

    def _end(self) -> None:
        self.ended.set()
        self.engine.disconnect(self.connection)
        self._incoming.put(None)

    def hold(self) -> service.WorkItem:
        """The next item that no script answers."""
        return self.held.get(timeout=SECONDS)

    def _work(self) -> None:
        while (item := self._incoming.get()) is not None:
            self.items.append(item)
            if item.HasField("activityRequest"):
                self._run_activity(item)
            else:
                self._run_turn(item)

    def _run_activity(self, item: service.WorkItem) -> None:
        request = item.activityRequest
        script = self.activities.get(request.name)
        if script is None:
            self.held.put(item)
            return
        try:
            self.answer_task(item, script(request.input.value))
        except Exception as error:
            self.answer_task(item, failure=str(error))

    def _run_turn(self, item: service.WorkItem) -> None:
        so = self.so(item)
        name = next(e.executionStarted.name for e in so.events if e.HasField("executionStarted"))
        actions = self.workflows[name](so) if name in self.workflows else None
        if actions is None:
            self.held.put(item)
        else:
            self.answer_turn(item, *actions)

    def so(self, item: service.WorkItem) -> So:
        request = item.workflowRequest
        kept = self._known.get(request.instanceId, [])[: request.cachedHistory.eventCount]
        past = [*kept, *request.pastEvents]
        self._known[request.instanceId] = past
        return So(request.instanceId, past, request.newEvents)

    def answer_turn(self, item: service.WorkItem, *actions: Action, token: str | None = None, **more: Any) -> None:
        self.engine.complete_turn(
            service.WorkflowResponse(
                instanceId=item.workflowRequest.instanceId,
                actions=actions,
                completionToken=item.completionToken if token is None else token,
                **more,
            )
        )

    def answer_task(
        self, item: service.WorkItem, result: str | None = None, failure: str = "", token: str | None = None
    ) -> None:
        request = item.activityRequest
        details = common.TaskFailureDetails(errorType="E", errorMessage=failure) if failure else None
        self.engine.complete_task(
            service.ActivityResponse(
                instanceId=request.workflowInstance.instanceId,
                taskId=request.taskId,
                result=text(result),
                failureDetails=details,
                completionToken=item.completionToken if token is None else token,
            )
        )


def wait(future: Future[T]) -> T:
    return future.result(SECONDS)


def start(engine: Engine, id: str, name: str, data: str | None = None) -> Instance:
    """Start an instance; its first turn is over."""
    return wait(engine.start(Start(id, name, text(data))))


def run(engine: Engine, id: str, name: str, data: str | None = None) -> Instance:
    """Start an instance and wait for its end."""
    engine.begin(Start(id, name, text(data)))
    return ended(engine, id)


def ended(engine: Engine, id: str) -> Instance:
    return wait(engine.wait_until_completed(id))


def instance_of(engine: Engine, id: str) -> Instance:
    found = engine.get(id)
    assert found is not None
    return found


def output(instance: Instance) -> str:
    assert instance.facts.completed is not None
    return instance.facts.completed.executionCompleted.result.value


def kinds(instance: Instance) -> list[str]:
    return [f"{event.eventId}:{kind_of(event)}" for event in instance.history]
