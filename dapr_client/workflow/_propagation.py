"""The history that a workflow hands to what it calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Self

from dapr_client.wire import history_events_pb2, orchestration_pb2
from dapr_client.workflow._tasks import FailureDetails

Event = history_events_pb2.HistoryEvent


class PropagationScope(IntEnum):
    """How much history goes along with a call: nothing, the caller's own, or that of its callers too."""

    NONE = orchestration_pb2.HISTORY_PROPAGATION_SCOPE_NONE
    OWN_HISTORY = orchestration_pb2.HISTORY_PROPAGATION_SCOPE_OWN_HISTORY
    LINEAGE = orchestration_pb2.HISTORY_PROPAGATION_SCOPE_LINEAGE


class PropagationNotFoundError(Exception):
    """The propagated history has nothing of that name."""


@dataclass(frozen=True, slots=True)
class ActivityResult:
    """What the history says of an activity. Payloads are JSON."""

    name: str
    started: bool
    completed: bool
    failed: bool
    input: str | None
    output: str | None
    error: FailureDetails | None


@dataclass(frozen=True, slots=True)
class ChildWorkflowResult:
    """What the history says of a child workflow."""

    name: str
    started: bool
    completed: bool
    failed: bool
    output: str | None
    error: FailureDetails | None


@dataclass(frozen=True, slots=True)
class WorkflowResult:
    """One workflow of the propagated history, and what it called."""

    instance_id: str
    app_id: str
    name: str
    _events: Sequence[Event] = field(repr=False)

    def get_activities_by_name(self, name: str) -> list[ActivityResult]:
        """Its activities of a name, in order. PropagationNotFoundError if there is none."""
        found = []
        for event in self._events:
            if event.WhichOneof("eventType") == "taskScheduled" and event.taskScheduled.name == name:
                output, error, done = self._outcome(event.eventId, "taskCompleted", "taskFailed")
                given = _text(event.taskScheduled, "input")
                found.append(ActivityResult(name, True, done and not error, error is not None, given, output, error))
        return _some(found, f"no activity {name!r} in the propagated history of workflow {self.name!r}")

    def get_last_activity_by_name(self, name: str) -> ActivityResult:
        """The last of them."""
        return self.get_activities_by_name(name)[-1]

    def get_child_workflows_by_name(self, name: str) -> list[ChildWorkflowResult]:
        """Its children of a name, in order. PropagationNotFoundError if there is none."""
        found = []
        kind = "childWorkflowInstance"
        for event in self._events:
            if event.WhichOneof("eventType") == f"{kind}Created" and event.childWorkflowInstanceCreated.name == name:
                output, error, done = self._outcome(event.eventId, f"{kind}Completed", f"{kind}Failed")
                found.append(ChildWorkflowResult(name, True, done and not error, error is not None, output, error))
        return _some(found, f"no child workflow {name!r} in the propagated history of workflow {self.name!r}")

    def get_last_child_workflow_by_name(self, name: str) -> ChildWorkflowResult:
        """The last of them."""
        return self.get_child_workflows_by_name(name)[-1]

    def _outcome(self, id: int, completed: str, failed: str) -> tuple[str | None, FailureDetails | None, bool]:
        """Output, error, and whether there is either yet."""
        for event in self._events:
            kind = event.WhichOneof("eventType")
            if kind in (completed, failed) and getattr(event, kind).taskScheduledId == id:
                if kind == failed:
                    return None, FailureDetails.of(getattr(event, kind).failureDetails), True
                return _text(getattr(event, kind), "result"), None, True
        return None, None, False


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What one workflow of the lineage has handed down."""

    app_id: str
    instance_id: str
    workflow_name: str
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class PropagatedHistory:
    """What the callers of a workflow or an activity have handed down, the oldest first."""

    events: list[Event]
    scope: PropagationScope
    chunks: Sequence[_Chunk] = field(repr=False, default=())

    @classmethod
    def from_proto(cls, propagated_history: history_events_pb2.PropagatedHistory | None) -> Self | None:
        """The same from the wire."""
        if propagated_history is None or not propagated_history.chunks:
            return None
        chunks = [
            _Chunk(
                chunk.appId, chunk.instanceId, chunk.workflowName, [Event.FromString(raw) for raw in chunk.rawEvents]
            )
            for chunk in propagated_history.chunks
        ]
        events = [event for chunk in chunks for event in chunk.events]
        return cls(events, PropagationScope(propagated_history.scope), chunks)

    def get_app_ids(self) -> list[str]:
        """The applications that it comes from, each once."""
        return list(dict.fromkeys(chunk.app_id for chunk in self.chunks))

    def get_events_by_app_id(self, app_id: str) -> list[Event]:
        """The events of an application."""
        return list(self._of(lambda chunk: chunk.app_id == app_id))

    def get_events_by_instance_id(self, instance_id: str) -> list[Event]:
        """The events of a workflow instance."""
        return list(self._of(lambda chunk: chunk.instance_id == instance_id))

    def get_events_by_workflow_name(self, workflow_name: str) -> list[Event]:
        """The events of all workflows of a name."""
        return list(self._of(lambda chunk: chunk.workflow_name == workflow_name))

    def get_workflows(self) -> list[WorkflowResult]:
        """The workflows that it comes from, the oldest first."""
        return [WorkflowResult(one.instance_id, one.app_id, one.workflow_name, one.events) for one in self.chunks]

    def get_workflows_by_name(self, name: str) -> list[WorkflowResult]:
        """The workflows of a name. PropagationNotFoundError if there is none."""
        found = [workflow for workflow in self.get_workflows() if workflow.name == name]
        return _some(found, f"no workflow {name!r} in the propagated history")

    def get_last_workflow_by_name(self, name: str) -> WorkflowResult:
        """The last of them."""
        return self.get_workflows_by_name(name)[-1]

    def _of(self, wanted: Callable[[_Chunk], bool]) -> Iterator[Event]:
        return (event for chunk in self.chunks if wanted(chunk) for event in chunk.events)


def _some(found: list[Any], otherwise: str) -> list[Any]:
    if not found:
        raise PropagationNotFoundError(otherwise)
    return found


def _text(message: Any, field: str) -> str | None:
    return getattr(message, field).value if message.HasField(field) else None
