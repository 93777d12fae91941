"""A workflow as a test looks at it: how it is, and what has happened, in lines that a failed assertion can show."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from dapr_client.wire import history_events_pb2 as pb
from dapr_client.wire import orchestration_pb2 as common
from dapr_client.workflow._payload import load
from dapr_client.workflow._replayer import WorkflowHistory
from dapr_client.workflow._state import WorkflowHistoryEvent, WorkflowStatus
from dapr_client.workflow._tasks import FailureDetails
from fakesidecar.core.workflow import Engine
from fakesidecar.core.workflow.history import NEVER_SECONDS, event_waits, kind_of, seconds_of
from fakesidecar.core.workflow.instance import Instance

LONGEST = 100
"""How much of a payload a line shows."""


class WorkflowFailed(AssertionError):
    """A workflow that was to have a result has none; the message has its history."""

    def __init__(self, message: str, failure: FailureDetails | None) -> None:
        super().__init__(message)
        self.failure = failure


class WorkflowRun:
    """One instance of a workflow, as it is whenever it is asked."""

    def __init__(self, engine: Engine, id: str) -> None:
        self._engine = engine
        self.id = id

    # --- how it is ---

    @property
    def exists(self) -> bool:
        """Whether there is an instance of that id."""
        return self._engine.find(self.id) is not None

    @property
    def name(self) -> str:
        """The name of the workflow."""
        start = self._instance.start
        return "" if start is None else start.executionStarted.name

    @property
    def status(self) -> WorkflowStatus:
        """How far it is."""
        return WorkflowStatus[_status(self._instance.facts.status)]

    @property
    def input(self) -> Any:
        """What it was started with."""
        start = self._instance.start
        return None if start is None else load(start.executionStarted.input.value)

    @property
    def output(self) -> Any:
        """Its result, None before its end."""
        completed = self._instance.facts.completed
        return None if completed is None else load(completed.executionCompleted.result.value)

    @property
    def custom_status(self) -> Any:
        """What it has set with `set_custom_status`."""
        return load(self._instance.custom_status)

    @property
    def failure(self) -> FailureDetails | None:
        """Why it has failed."""
        completed = self._instance.facts.completed
        if completed is None or not completed.executionCompleted.HasField("failureDetails"):
            return None
        return FailureDetails.of(completed.executionCompleted.failureDetails)

    @property
    def children(self) -> list[WorkflowRun]:
        """The workflows that it has called, in order."""
        return [WorkflowRun(self._engine, id) for id in self._instance.facts.children]

    @property
    def waits_for(self) -> list[str]:
        """What it has asked for and has not got, as `steps` would say it."""
        instance = self._instance
        if not instance.active:
            return []
        steps, facts = Steps(instance.history), instance.facts
        opened = list(facts.open.values())
        events = {timer.eventId for timer in event_waits(instance.history)}
        return [_awaited(event, steps) for event in opened if not _is_event(event) or event.eventId in events]

    def result(self) -> Any:
        """Its result; raises `WorkflowFailed` when it has none, with all that has happened."""
        status = self.status
        if status is not WorkflowStatus.COMPLETED:
            failure = self.failure
            why = f": {failure.error_type}: {failure.message}" if failure is not None else ""
            raise WorkflowFailed(f"{self.name} {self.id!r} is {status.name}{why}\n{self.timeline()}", failure)
        return self.output

    @property
    def _instance(self) -> Instance:
        found = self._engine.find(self.id)
        if found is None:
            raise LookupError(
                f"there is no workflow {self.id!r}; there are {', '.join(self._engine.instances) or 'none'}"
            )
        return found

    # --- what has happened ---

    @property
    def history(self) -> list[WorkflowHistoryEvent]:
        """Every event, as the clients of workflows give them."""
        return [WorkflowHistoryEvent.of(event) for event in self._engine.history(self.id)]

    @property
    def steps(self) -> list[str]:
        """What has happened, a short text for each event: `activity charge`, `activity charge completed`, …"""
        return [text for _, text, _ in Steps(self._engine.history(self.id))]

    def timeline(self) -> str:
        """What has happened, a line per event, with the time since the start and the payload."""
        events = self._engine.history(self.id)
        begin = seconds_of(events[0].timestamp) if events else 0.0
        lines = [_line(event, text, payload, begin) for event, text, payload in Steps(events)]
        waits = [f"  it waits for {', '.join(self.waits_for)}"] if self.waits_for else []
        return "\n".join([f"{self.name} {self.id!r} {self.status.name}", *lines, *waits])

    def __repr__(self) -> str:
        return self.timeline() if self.exists else f"no workflow {self.id!r}"

    # --- to assert ---

    def assert_steps(self, *wanted: str) -> None:
        """Exactly these steps have happened, in this order."""
        steps = self.steps
        if steps != list(wanted):
            difference = "\n".join(f"  {line}" for line in difflib.ndiff(list(wanted), steps) if line[0] != "?")
            raise AssertionError(f"other steps (- wanted, + happened)\n{difference}\n{self.timeline()}")

    def assert_in_order(self, *wanted: str) -> None:
        """These steps have happened one after the other, others in between or not."""
        steps = iter(self.steps)
        for number, step in enumerate(wanted, 1):
            if step not in steps:
                missing = f"step {number} of {len(wanted)} did not follow: {step!r}"
                raise AssertionError(f"{missing}\n{self.timeline()}")

    def assert_not_happened(self, *unwanted: str) -> None:
        """None of these steps has happened."""
        if found := [step for step in self.steps if step in unwanted]:
            raise AssertionError(f"happened: {', '.join(found)}\n{self.timeline()}")

    # --- to keep ---

    @property
    def recorded(self) -> WorkflowHistory:
        """Its history, for a `Replayer`, or for a file."""
        return WorkflowHistory(self.id, self._engine.history(self.id))

    def to_json(self, path: str | Path | None = None) -> str:
        """Its history as JSON, written to a file if one is named."""
        text = self.recorded.to_json()
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text


def _status(status: common.OrchestrationStatus) -> str:
    name = common.OrchestrationStatus.Name(status).removeprefix("ORCHESTRATION_STATUS_")
    return name if name in WorkflowStatus.__members__ else "UNKNOWN"


def _line(event: pb.HistoryEvent, text: str, payload: str, begin: float) -> str:
    since = timedelta(seconds=round(seconds_of(event.timestamp) - begin, 3))
    shown = payload if len(payload) <= LONGEST else f"{payload[:LONGEST]}…"
    return f"  {since!s:>16}  {text}{f'  {shown}' if shown else ''}"


def _is_event(opened: pb.HistoryEvent) -> bool:
    return opened.timerCreated.HasField("externalEvent")


def _awaited(opened: pb.HistoryEvent, steps: Steps) -> str:
    """What somebody waits for who has asked for this."""
    if _is_event(opened):
        return f"event {opened.timerCreated.externalEvent.name}"
    return steps.text_of(opened)


class Steps:
    """The events of a history as texts: `(event, text, payload)` each. Mere bookkeeping is left out."""

    def __init__(self, events: Sequence[pb.HistoryEvent]) -> None:
        self._events = events
        self._names: dict[int, str] = {}
        """The names of activities and children, by the ids of their events."""

    def __iter__(self) -> Iterator[tuple[pb.HistoryEvent, str, str]]:
        for event in self._events:
            if text := self.text_of(event):
                yield event, text, _payload(event)

    def text_of(self, event: pb.HistoryEvent) -> str:
        """What has happened; empty for bookkeeping."""
        kind = kind_of(event)
        content: Any = getattr(event, kind) if kind else None
        match kind:
            case "taskScheduled" | "childWorkflowInstanceCreated":
                what = "activity" if kind == "taskScheduled" else "child"
                self._names[event.eventId] = name = f"{what} {content.name}"
                return name
            case "timerCreated":
                return "" if content.fireAt.seconds >= NEVER_SECONDS else _timer(content)
            case "executionCompleted":
                return _status(content.workflowStatus).lower().replace("_", " ")
        if kind in ENDS:
            return f"{self._names.get(content.taskScheduledId, 'something')} {ENDS[kind]}"
        return TEXTS[kind](content) if kind in TEXTS else ""


ENDS: Mapping[str, str] = {
    "taskCompleted": "completed",
    "taskFailed": "failed",
    "childWorkflowInstanceCompleted": "completed",
    "childWorkflowInstanceFailed": "failed",
}
TEXTS: Mapping[str, Callable[[Any], str]] = {
    "executionStarted": lambda content: f"started {content.name}",
    "executionTerminated": lambda content: "asked to end",
    "executionSuspended": lambda content: "suspended",
    "executionResumed": lambda content: "resumed",
    "executionStalled": lambda content: "stalled",
    "timerFired": lambda content: "timer fired",
    "eventRaised": lambda content: f"event {content.name}",
    "eventSent": lambda content: f"event {content.name} sent to {content.instanceId}",
    "detachedWorkflowInstanceCreated": lambda content: f"detached {content.name}",
}


def _timer(created: pb.TimerCreatedEvent) -> str:
    return f"timer for event {created.externalEvent.name}" if created.HasField("externalEvent") else "timer"


def _payload(event: pb.HistoryEvent) -> str:
    content: Any = getattr(event, kind_of(event))
    fields = content.DESCRIPTOR.fields_by_name
    if "failureDetails" in fields and content.HasField("failureDetails"):
        details = content.failureDetails
        return f"{details.errorType}: {details.errorMessage}"
    if "fireAt" in fields and event.HasField("timerCreated"):
        return f"for {timedelta(seconds=round(seconds_of(content.fireAt) - seconds_of(event.timestamp), 3))}"
    for name in ("input", "result"):
        if name in fields and content.HasField(name):
            return str(getattr(content, name).value)
    return ""
