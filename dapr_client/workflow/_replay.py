"""Histories in, actions out: what a workflow does next, found by doing again what it did before.

An `Execution` is one workflow instance. It is fed with the events of its history, in order, and knows what the code has
asked for that the history does not have yet. Nothing here waits, reads a clock or talks to anybody: the same code and
the same events give the same actions. `replay` does one turn from the beginning.
"""

from __future__ import annotations

import inspect
import traceback
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from dapr_client.wire import history_events_pb2, orchestration_pb2, orchestrator_actions_pb2
from dapr_client.workflow import _payload
from dapr_client.workflow._context import DaprWorkflowContext
from dapr_client.workflow._propagation import PropagatedHistory, PropagationScope
from dapr_client.workflow._registry import Callee, VersionNotAvailable
from dapr_client.workflow._retry import ZERO, RetryPolicy
from dapr_client.workflow._tasks import NonDeterminismError, Task, TaskFailedError

Event = history_events_pb2.HistoryEvent
Action = orchestrator_actions_pb2.WorkflowAction
ScheduleTaskAction = orchestrator_actions_pb2.ScheduleTaskAction
CreateChildWorkflowAction = orchestrator_actions_pb2.CreateChildWorkflowAction
Find = Callable[[str, str | None], Callee]
NameOf = Callable[[Callable[..., Any] | str], str]

IDS = uuid.UUID("9e952958-5e33-4daf-827f-2fa12937b875")
"""The namespace of ids that are the same in each replay."""

CALL_DIGITS = 12
"""How many digits of the id of a call are its number: the last group of a UUID."""

NEVER = Timestamp(seconds=253402300799, nanos=999999999)
"""When a timer fires that is only there to show that the workflow waits for an event."""

COMPLETED = orchestration_pb2.ORCHESTRATION_STATUS_COMPLETED
FAILED = orchestration_pb2.ORCHESTRATION_STATUS_FAILED
TERMINATED = orchestration_pb2.ORCHESTRATION_STATUS_TERMINATED
CONTINUED_AS_NEW = orchestration_pb2.ORCHESTRATION_STATUS_CONTINUED_AS_NEW

MADE_BY: Mapping[str, str] = {
    "taskScheduled": "scheduleTask",
    "timerCreated": "createTimer",
    "childWorkflowInstanceCreated": "createChildWorkflow",
}
"""Which events answer actions, and which."""

ANSWERED_BY: Mapping[str, str] = {
    "taskCompleted": "scheduleTask",
    "taskFailed": "scheduleTask",
    "childWorkflowInstanceCompleted": "createChildWorkflow",
    "childWorkflowInstanceFailed": "createChildWorkflow",
}
"""Which actions events are the answers to."""

WORDS: Mapping[str, str] = {
    "scheduleTask": "activity",
    "createTimer": "timer",
    "createChildWorkflow": "child workflow",
    "": "nothing",
}

SUSPENDABLE = frozenset(
    {
        "taskCompleted",
        "taskFailed",
        "timerFired",
        "eventRaised",
        "childWorkflowInstanceCompleted",
        "childWorkflowInstanceFailed",
    }
)
"""Events that wait until a suspended workflow is resumed."""


HEARD_AT_THE_END = frozenset({"eventRaised", "executionTerminated"})
"""Events that count although the code is about to begin again: the next round may want them, or there is none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a turn has come to."""

    actions: Sequence[Action]
    custom_status: str | None = None
    version: str | None = None
    patches: Sequence[str] = ()
    failure: BaseException | None = None
    """What the workflow has failed with."""

    lasts: bool = True
    """Whether the code waits for something: otherwise this history has no next turn."""


@dataclass(slots=True)
class _Call:
    """An activity or a child workflow, and how often it was tried."""

    kind: str
    name: str
    input: str | None
    app_id: str | None
    scope: Any
    policy: RetryPolicy | None
    execution_id: str = ""
    instance_id: str | None = None
    failures: int = 0
    waited: timedelta = ZERO

    def failed(self, details: orchestration_pb2.TaskFailureDetails) -> timedelta | None:
        """Count a failure. How long to wait until the next attempt, None for none."""
        self.failures += 1
        wait = self.policy.wait_after(self.failures, self.waited, details) if self.policy else None
        if wait is not None:
            self.waited += wait
        return wait


@dataclass(slots=True, eq=False)
class _Open:
    """Something that was asked for and is not there yet."""

    id: int
    task: Task[Any]
    call: _Call | None = None
    again: bool = False
    """It is the wait before the next attempt of the call."""
    timeout: str = ""
    """It is the timeout of a wait for an event, and this is what to tell then."""


@dataclass(slots=True, eq=False)
class _Waiter:
    """A wait for an event."""

    task: Task[Any]
    timer: _Open | None


@dataclass(slots=True)
class _Recorded:
    """What the history and the code say about the actions, by id, for those who have to compare them."""

    history: dict[int, str] = field(default_factory=dict)
    code: dict[int, str] = field(default_factory=dict)


class Execution:
    """One workflow instance."""

    def __init__(
        self, instance_id: str, find: Find, name_of: NameOf, propagated: PropagatedHistory | None = None
    ) -> None:
        self.instance_id = instance_id
        self.execution_id = ""
        self.propagated = propagated
        self.replaying = True
        self.custom_status: str | None = None
        self._find, self._name_of = find, name_of
        self._began_at: Timestamp | None = None
        self._now: datetime | None = None
        """The same, once it was asked for."""
        self._app_id = ""
        self._version: str | None = None
        self._known_patches: list[str] = []
        self._patches: list[str] = []
        self._decided: dict[str, bool] = {}
        self._code: Generator[Any, Any, Any] | None = None
        self._awaited: Task[Any] | None = None
        self._sequence = 0
        self._uuids = 0
        self._calls = ""
        """What the ids of calls begin with."""
        self._asked: dict[int, Action] = {}
        self._optional: set[int] = set()
        self._open: dict[int, _Open] = {}
        self._waiting: defaultdict[str, deque[_Waiter]] = defaultdict(deque)
        self._early: defaultdict[str, deque[Event]] = defaultdict(deque)
        self._suspended: deque[Event] | None = None
        self._again: tuple[str, bool] | None = None
        self._end: orchestrator_actions_pb2.CompleteWorkflowAction | None = None
        self._began = self._unavailable = False
        self._failure: BaseException | None = None
        self._recorded = _Recorded()

    # --- fed by the worker ---

    def feed(self, events: Iterable[Event], *, replaying: bool) -> None:
        """Take the next events: those of earlier turns, or the new ones. NonDeterminismError if they do not fit."""
        self.replaying = replaying
        following = iter(events)
        for event in following:
            try:
                self._take(event)
            except NonDeterminismError as difference:
                for later in following:
                    self._record(later)
                raise self.difference(str(difference)) from None

    def difference(self, what: str) -> NonDeterminismError:
        """The error for a history that was not made by this code."""
        cause = f": it failed with {self._failure!r}" if self._failure else ""
        return NonDeterminismError(f"{what}{cause}\n{self._side_by_side()}")

    def answer(self) -> Answer:
        """What has been asked for, and is not in the history yet."""
        if self._unavailable:
            action = Action(id=1)
            action.workflowVersionNotAvailable.SetInParent()
            return Answer([action], lasts=False)
        end = self._end or (self._next_round() if self._again else None)
        actions = [Action(id=self._sequence + 1, completeWorkflow=end)] if end else list(self._asked.values())
        return Answer(actions, self.custom_status, self._version, tuple(self._patches), self._failure, end is None)

    def fail(self, failure: BaseException) -> None:
        """End the workflow with a failure."""
        self._failure = failure
        self._end = orchestrator_actions_pb2.CompleteWorkflowAction(
            workflowStatus=FAILED, failureDetails=details_of(failure)
        )
        self.close()

    def close(self) -> None:
        """Let go of the code. What its `finally` blocks ask for is not heard."""
        code, self._code = self._code, None
        if code is not None:
            asked, sequence = dict(self._asked), self._sequence
            with suppress(BaseException):
                code.close()
            self._asked, self._sequence = asked, sequence

    # --- events ---

    def _take(self, event: Event) -> None:
        kind = event.WhichOneof("eventType") or ""
        if kind in MADE_BY:
            self._confirm(event)
        elif self._end is not None or (self._again is not None and kind not in HEARD_AT_THE_END):
            return
        elif self._suspended is not None and kind in SUSPENDABLE:
            self._suspended.append(event)
        elif kind in HANDLERS:
            HANDLERS[kind](self, event)
            self._run()

    def _turn_started(self, event: Event) -> None:
        self._began_at, self._now = event.timestamp, None
        if event.workflowStarted.HasField("version"):
            version = event.workflowStarted.version
            if version.HasField("name"):
                self._version = version.name
            self._known_patches += [patch for patch in version.patches if patch not in self._known_patches]

    def _execution_started(self, event: Event) -> None:
        if self._code is not None:
            return
        started = event.executionStarted
        self.execution_id = started.workflowInstance.executionId.value
        self._app_id = event.router.sourceAppID
        try:
            callee = self._find(started.name, self._version)
            self._version = callee.version
            given = started.input.value if started.HasField("input") else None
            begun = callee.function(DaprWorkflowContext(self), *callee.arguments(given))
        except VersionNotAvailable:
            self._unavailable = True
        except BaseException as failure:
            self.fail(failure)
        else:
            self._began = True
            if inspect.isgenerator(begun) or inspect.iscoroutine(begun):
                self._code = cast(Generator[Any, Any, Any], begun)
            else:
                self._returned(begun)

    def _confirm(self, event: Event) -> None:
        """The history has an action: the code must have asked for it."""
        self._record(event)
        if not self._began:
            return  # there is no such workflow here, which is told instead
        if event.eventId not in self._asked:
            raise NonDeterminismError(f"the code did not ask for what the history has as number {event.eventId}")
        if not _fits(event, self._asked[event.eventId], event.eventId in self._optional):
            if event.eventId not in self._optional:
                raise NonDeterminismError(f"the code asked for something else as number {event.eventId}")
            # Histories of older SDKs have no timers for waits without a timeout: the numbers move up.
            self._drop(event.eventId)
            self._confirm(event)
            return
        del self._asked[event.eventId]
        self._optional.discard(event.eventId)

    def _task_completed(self, event: Event) -> None:
        kind = event.WhichOneof("eventType") or ""
        done = getattr(event, kind)
        waiting = self._take_call(kind, done.taskScheduledId)
        if waiting is not None:
            _settle(waiting.task, done.result.value)

    def _task_failed(self, event: Event) -> None:
        kind = event.WhichOneof("eventType") or ""
        done = getattr(event, kind)
        waiting = self._take_call(kind, done.taskScheduledId)
        if waiting is None or waiting.call is None:
            return
        call, details = waiting.call, done.failureDetails
        wait = call.failed(details)
        if wait is None:
            what = (
                f"{self.instance_id}: Activity task" if call.kind == "scheduleTask" else "Sub-orchestration task"
            ) + f" #{waiting.id} failed: {details.errorMessage}"
            waiting.task.settle(error=TaskFailedError(what, details))
        elif call.kind == "scheduleTask":
            origin = history_events_pb2.TimerOriginActivityRetry(taskExecutionId=call.execution_id)
            self._ask_for_timer(_Open(0, waiting.task, call, again=True), self.now + wait, activityRetry=origin)
        else:
            retry = history_events_pb2.TimerOriginChildWorkflowRetry(instanceId=call.instance_id or "")
            self._ask_for_timer(_Open(0, waiting.task, call, again=True), self.now + wait, childWorkflowRetry=retry)

    def _opened(self, id: int) -> _Open | None:
        """What waits for an answer under that id; nothing does that the history has not, an earlier round's does."""
        return None if id in self._asked else self._open.get(id)

    def _take_call(self, kind: str, id: int) -> _Open | None:
        waiting = self._opened(id)
        # Twice the same answer, or one to something else.
        if waiting is None or waiting.call is None or waiting.again or waiting.call.kind != ANSWERED_BY[kind]:
            return None
        return self._open.pop(id)

    def _timer_fired(self, event: Event) -> None:
        timer = self._opened(event.timerFired.timerId)
        if timer is None or (timer.call is not None and not timer.again):
            return
        del self._open[timer.id]
        if timer.call is not None:
            self._ask_for_call(timer.task, timer.call)
        elif timer.timeout:
            timer.task.settle(error=TimeoutError(timer.timeout))
        else:
            timer.task.settle()

    def _event_raised(self, event: Event) -> None:
        name = event.eventRaised.name.casefold()
        waiters = self._waiting[name]
        while waiters:
            waiter = waiters.popleft()
            if not waiter.task.is_complete:
                if waiter.timer is not None:
                    self._open.pop(waiter.timer.id, None)
                _settle(waiter.task, event.eventRaised.input.value)
                return
        self._early[name].append(event)

    def _execution_suspended(self, event: Event) -> None:
        if self._suspended is None:
            self._suspended = deque()

    def _execution_resumed(self, event: Event) -> None:
        held, self._suspended = self._suspended or (), None
        for one in held:
            self._take(one)

    def _execution_terminated(self, event: Event) -> None:
        self._end = orchestrator_actions_pb2.CompleteWorkflowAction(workflowStatus=TERMINATED)
        if event.executionTerminated.HasField("input"):
            self._end.result.CopyFrom(event.executionTerminated.input)
        self.close()

    # --- the code ---

    def _run(self) -> None:
        """Go on until the code waits for something that is not there, or ends."""
        while self._code is not None and self._again is None and (self._awaited is None or self._awaited.is_complete):
            task, self._awaited = self._awaited, None
            try:
                if task is not None and task.is_failed:
                    awaited = self._code.throw(task.get_exception())
                else:
                    awaited = self._code.send(None if task is None else task.get_result())
                if not isinstance(awaited, Task):
                    raise TypeError(
                        f"a workflow waits for tasks of its context, not for {type(awaited).__name__}: {awaited!r}"
                    )
                self._awaited = awaited
            except StopIteration as done:
                self._code = None
                self._returned(done.value)
            except BaseException as failure:
                self.fail(failure)
        if self._again is not None:
            self.close()

    def _returned(self, value: Any) -> None:
        if self._again is not None:
            return
        try:
            result = _payload.dump_optional(value)
        except Exception as failure:
            self.fail(failure)
            return
        self._end = orchestrator_actions_pb2.CompleteWorkflowAction(workflowStatus=COMPLETED, result=_string(result))

    def _next_round(self) -> orchestrator_actions_pb2.CompleteWorkflowAction:
        assert self._again is not None
        result, save_events = self._again
        carried = [event for events in self._early.values() for event in events] if save_events else []
        return orchestrator_actions_pb2.CompleteWorkflowAction(
            workflowStatus=CONTINUED_AS_NEW, result=_string(result), carryoverEvents=carried
        )

    # --- what the context asks for ---

    @property
    def now(self) -> datetime:
        """When the turn began."""
        if self._now is None:
            if self._began_at is None:
                raise ValueError("the history has no beginning")
            self._now = self._began_at.ToDatetime()
        return self._now

    @property
    def seed(self) -> str:
        """What chance and ids begin with: the instance, and the round that it is in."""
        return f"{self.instance_id}_{self.execution_id}"

    def new_uuid(self) -> uuid.UUID:
        """The next id that is the same in each replay, and another in each round, be it of the same moment."""
        made = uuid.uuid5(IDS, f"{self.seed}_{self.now.isoformat()}_{self._uuids}")
        self._uuids += 1
        return made

    def _new_call_id(self) -> str:
        """The id of the next call: as unique as `new_uuid`, of which each round needs one."""
        if not self._calls:
            self._calls = str(self.new_uuid())[:-CALL_DIGITS]
        return f"{self._calls}{self._sequence + 1:0{CALL_DIGITS}x}"

    def timer(self, fire_at: datetime | timedelta) -> Task[None]:
        """Ask for a timer."""
        task: Task[None] = Task()
        self._ask_for_timer(
            _Open(0, task), self._moment(fire_at), createTimer=history_events_pb2.TimerOriginCreateTimer()
        )
        return task

    def call_activity(
        self,
        activity: Callable[..., Any] | str,
        input: Any,
        policy: RetryPolicy | None,
        app_id: str | None,
        scope: PropagationScope | None,
    ) -> Task[Any]:
        """Ask for an activity."""
        text = _payload.dump_optional(input)
        call = _Call("scheduleTask", self._name_of(activity), text, app_id, scope, policy)
        call.execution_id = self._new_call_id()
        task: Task[Any] = Task()
        self._ask_for_call(task, call)
        return task

    def call_child(
        self,
        workflow: Callable[..., Any] | str,
        input: Any,
        instance_id: str | None,
        policy: RetryPolicy | None,
        app_id: str | None,
        scope: PropagationScope | None,
    ) -> Task[Any]:
        """Ask for a child workflow."""
        text = _payload.dump_optional(input)
        call = _Call("createChildWorkflow", self._name_of(workflow), text, app_id, scope, policy)
        call.instance_id = instance_id
        task: Task[Any] = Task()
        self._ask_for_call(task, call)
        return task

    def wait_for_event(self, name: str, timeout: datetime | timedelta | None) -> Task[Any]:
        """Wait for an event, or take one that came early."""
        task: Task[Any] = Task()
        early = self._early[name.casefold()]
        if early:
            _settle(task, early.popleft().eventRaised.input.value)
            return task
        if timeout == ZERO:
            task.settle(
                error=TimeoutError(f"Wait for external event '{name}' canceled immediately due to zero timeout")
            )
            return task
        origin = history_events_pb2.TimerOriginExternalEvent(name=name)
        timer = _Open(0, task, timeout=f"Timed out after {timeout!r} waiting for external event '{name}'")
        if timeout is None or (isinstance(timeout, timedelta) and timeout < ZERO):
            self._ask_for_timer(timer, None, externalEvent=origin)
        else:
            self._ask_for_timer(timer, self._moment(timeout), externalEvent=origin)
        waiting = self._waiting[name.casefold()]
        while waiting and waiting[0].task.is_complete:
            waiting.popleft()
        waiting.append(_Waiter(task, timer))
        return task

    def continue_as_new(self, new_input: Any, save_events: bool) -> None:
        """Begin again when the code returns or waits."""
        self._again = _payload.dump(new_input), save_events

    def is_patched(self, name: str) -> bool:
        """Decide once: patched if the history says so, or if this point was not reached before."""
        if name not in self._decided:
            self._decided[name] = name in self._known_patches or not self.replaying
            if self._decided[name]:
                self._patches.append(name)
        return self._decided[name]

    def _moment(self, when: datetime | timedelta) -> datetime:
        return self.now + when if isinstance(when, timedelta) else when

    def _ask_for_timer(self, timer: _Open, fire_at: datetime | None, **origin: Any) -> None:
        action = orchestrator_actions_pb2.CreateTimerAction(fireAt=NEVER, **origin)
        if fire_at is not None:
            action.fireAt.FromDatetime(fire_at)
        id = self._ask(Action(createTimer=action), timer)
        if fire_at is None:
            self._optional.add(id)

    def _ask_for_call(self, task: Task[Any], call: _Call) -> None:
        # Filled in place: what a constructor is given it copies slowly.
        action = Action()
        asked: ScheduleTaskAction | CreateChildWorkflowAction
        if call.kind == "scheduleTask":
            asked = action.scheduleTask
            asked.taskExecutionId = call.execution_id
        else:
            # A child that is tried again keeps the id of the first attempt.
            asked = action.createChildWorkflow
            asked.instanceId = call.instance_id = call.instance_id or self._child_id(self._sequence + 1)
        asked.name = call.name
        if call.input is not None:
            asked.input.value = call.input
        if call.scope is not None:
            asked.historyPropagationScope = call.scope
        router = action.router
        router.sourceAppID = self._app_id
        if call.app_id is not None:
            router.targetAppID = call.app_id
        self._ask(action, _Open(0, task, call))

    def _ask(self, action: Action, answer: _Open) -> int:
        self._sequence += 1
        action.id = answer.id = self._sequence
        self._asked[action.id] = action
        self._open[action.id] = answer
        self._recorded.code[action.id] = _describe(action)
        return action.id

    def _child_id(self, id: int) -> str:
        return f"{self.instance_id}:{id:04x}"

    def _drop(self, id: int) -> None:
        """Take back an action, as if it had never been asked for."""
        del self._asked[id], self._recorded.code[id]
        self._open.pop(id).id = 0  # which nothing has: whoever still knows the timer finds nothing under it
        self._optional.discard(id)
        for later in range(id + 1, self._sequence + 1):
            self._move_up(later)
        self._sequence -= 1

    def _move_up(self, id: int) -> None:
        if id in self._asked:
            action = self._asked[id - 1] = self._asked.pop(id)
            action.id = id - 1
            child = action.createChildWorkflow
            if child.instanceId == self._child_id(id):
                child.instanceId = self._child_id(id - 1)
                call = self._open[id].call
                assert call is not None
                call.instance_id = child.instanceId
        if id in self._optional:
            self._optional.symmetric_difference_update((id, id - 1))
        if id in self._open:
            self._open[id - 1] = self._open.pop(id)
            self._open[id - 1].id = id - 1
        if id in self._recorded.code:
            self._recorded.code[id - 1] = self._recorded.code.pop(id)

    # --- when they differ ---

    def _record(self, event: Event) -> None:
        if (event.WhichOneof("eventType") or "") in MADE_BY:
            self._recorded.history[event.eventId] = _describe(event)

    def _side_by_side(self) -> str:
        """The actions of the history and those of the code, by number."""
        history, code = self._recorded.history, self._recorded.code
        rows = [(str(id), history.get(id, "-"), code.get(id, "-")) for id in sorted(history.keys() | code.keys())]
        rows.insert(0, ("", "the history has", "this code asks for"))
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        return "\n".join(
            f"{' ' if one == other or not id else '*'} {id:>{widths[0]}}  {one:<{widths[1]}}  {other}"
            for id, one, other in rows
        )


HANDLERS: Mapping[str, Callable[[Execution, Event], None]] = {
    "workflowStarted": Execution._turn_started,
    "executionStarted": Execution._execution_started,
    "executionTerminated": Execution._execution_terminated,
    "executionSuspended": Execution._execution_suspended,
    "executionResumed": Execution._execution_resumed,
    "taskCompleted": Execution._task_completed,
    "taskFailed": Execution._task_failed,
    "childWorkflowInstanceCompleted": Execution._task_completed,
    "childWorkflowInstanceFailed": Execution._task_failed,
    "timerFired": Execution._timer_fired,
    "eventRaised": Execution._event_raised,
}
"""What is done about an event. Events that are not here need nothing done."""


def replay(execution: Execution, past: Iterable[Event], new: Iterable[Event]) -> Answer:
    """Do a turn. A history that does not fit fails the workflow."""
    try:
        execution.feed(past, replaying=True)
        execution.feed(new, replaying=False)
    except NonDeterminismError as difference:
        execution.fail(difference)
    return execution.answer()


def details_of(failure: BaseException) -> orchestration_pb2.TaskFailureDetails:
    """An exception as it travels."""
    return orchestration_pb2.TaskFailureDetails(
        errorType=type(failure).__name__,
        errorMessage=str(failure),
        stackTrace=_string("".join(traceback.format_tb(failure.__traceback__))),
    )


def _settle(task: Task[Any], text: str) -> None:
    """Complete a task with a payload; one that cannot be read is an error."""
    try:
        task.settle(_payload.load(text))
    except ValueError as failure:
        task.settle(error=failure)


def _fits(event: Event, action: Action, optional: bool) -> bool:
    """Whether an event of the history is what an action makes."""
    kind = event.WhichOneof("eventType") or ""
    if MADE_BY[kind] != action.WhichOneof("workflowActionType"):
        return False
    if kind == "timerCreated":
        if optional:
            return event.timerCreated.WhichOneof("origin") in (None, "externalEvent")
        return event.timerCreated.fireAt != NEVER
    made = event.taskScheduled if kind == "taskScheduled" else event.childWorkflowInstanceCreated
    asked = action.scheduleTask if kind == "taskScheduled" else action.createChildWorkflow
    return made.name == asked.name


def _describe(what: Event | Action) -> str:
    """An action, or the event that it made, in a few words."""
    if isinstance(what, Event):
        kind = what.WhichOneof("eventType") or ""
        body, word = getattr(what, kind), WORDS[MADE_BY[kind]]
    else:
        kind = what.WhichOneof("workflowActionType") or ""
        body, word = getattr(what, kind), WORDS[kind]
    if word != "timer":
        return f"{word} {body.name!r}"
    return f"timer for event {body.externalEvent.name!r}" if body.WhichOneof("origin") == "externalEvent" else word


def _string(text: str | None) -> StringValue | None:
    return None if text is None else StringValue(value=text)
