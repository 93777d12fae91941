"""What a sidecar tells about workflow instances."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Self

from dapr_client.wire import history_events_pb2, orchestration_pb2, orchestrator_service_pb2
from dapr_client.workflow._tasks import FailureDetails


class WorkflowStatus(Enum):
    """How far an instance is."""

    UNKNOWN = 0
    RUNNING = 1
    COMPLETED = 2
    FAILED = 3
    TERMINATED = 4
    PENDING = 5
    SUSPENDED = 6
    STALLED = 7


class WorkflowFailedError(Exception):
    """A workflow has failed; `failure_details` has its error."""

    def __init__(self, message: str, failure_details: FailureDetails) -> None:
        super().__init__(message)
        self._failure_details = failure_details

    @property
    def failure_details(self) -> FailureDetails:
        """The error of the workflow."""
        return self._failure_details

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.args[0], self._failure_details)


@dataclass(frozen=True, slots=True)
class WorkflowState:
    """An instance as it is. Times are UTC, without a time zone; payloads are JSON."""

    instance_id: str
    name: str
    runtime_status: WorkflowStatus
    created_at: datetime
    last_updated_at: datetime
    serialized_input: str | None
    serialized_output: str | None
    serialized_custom_status: str | None
    failure_details: FailureDetails | None

    @classmethod
    def of(cls, instance_id: str, answer: orchestrator_service_pb2.GetInstanceResponse) -> Self | None:
        """The same from the wire; None if there is no such instance."""
        if not answer.exists:
            return None
        state = answer.workflowState
        status = orchestration_pb2.OrchestrationStatus.Name(state.workflowStatus).removeprefix("ORCHESTRATION_STATUS_")
        return cls(
            instance_id,
            state.name,
            WorkflowStatus.__members__.get(status, WorkflowStatus.UNKNOWN),
            state.createdTimestamp.ToDatetime(),
            state.lastUpdatedTimestamp.ToDatetime(),
            _text(state, "input"),
            _text(state, "output"),
            _text(state, "customStatus"),
            FailureDetails.of(state.failureDetails) if state.HasField("failureDetails") else None,
        )

    def raise_if_failed(self) -> None:
        """Raise WorkflowFailedError if the workflow has failed."""
        if self.failure_details is not None:
            message = f"Orchestration '{self.instance_id}' failed: {self.failure_details.message}"
            raise WorkflowFailedError(message, self.failure_details)

    def to_json(self) -> dict[str, Any]:
        """Everything, as a dict."""
        failure = self.failure_details
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "runtime_status": self.runtime_status.name,
            "failure_details": failure
            and {
                "message": failure.message,
                "error_type": failure.error_type,
                "stack_trace": failure.stack_trace,
            },
        }

    def __str__(self) -> str:
        return json.dumps(self.to_json(), indent=4, sort_keys=True, default=str)


class WorkflowHistoryEventType(Enum):
    """What has happened."""

    UNKNOWN = "unknown"
    EXECUTION_STARTED = "executionStarted"
    EXECUTION_COMPLETED = "executionCompleted"
    EXECUTION_TERMINATED = "executionTerminated"
    EXECUTION_SUSPENDED = "executionSuspended"
    EXECUTION_RESUMED = "executionResumed"
    EXECUTION_STALLED = "executionStalled"
    TASK_SCHEDULED = "taskScheduled"
    TASK_COMPLETED = "taskCompleted"
    TASK_FAILED = "taskFailed"
    CHILD_WORKFLOW_INSTANCE_CREATED = "childWorkflowInstanceCreated"
    CHILD_WORKFLOW_INSTANCE_COMPLETED = "childWorkflowInstanceCompleted"
    CHILD_WORKFLOW_INSTANCE_FAILED = "childWorkflowInstanceFailed"
    DETACHED_WORKFLOW_INSTANCE_CREATED = "detachedWorkflowInstanceCreated"
    TIMER_CREATED = "timerCreated"
    TIMER_FIRED = "timerFired"
    EVENT_SENT = "eventSent"
    EVENT_RAISED = "eventRaised"
    CONTINUE_AS_NEW = "continueAsNew"
    WORKFLOW_STARTED = "workflowStarted"
    WORKFLOW_COMPLETED = "workflowCompleted"


RERUNNABLE = frozenset(
    {
        WorkflowHistoryEventType.TASK_SCHEDULED,
        WorkflowHistoryEventType.CHILD_WORKFLOW_INSTANCE_CREATED,
        WorkflowHistoryEventType.TIMER_CREATED,
    }
)
"""Events that an instance can be run again from."""


@dataclass(frozen=True, slots=True)
class WorkflowHistoryEvent:
    """One event of a history."""

    event_id: int
    timestamp: datetime
    event_type: WorkflowHistoryEventType
    name: str | None
    task_scheduled_id: int | None
    failure_details: FailureDetails | None
    event: history_events_pb2.HistoryEvent | None = field(default=None, repr=False, compare=False)
    """The event as it is stored, with all that it has."""

    @classmethod
    def of(cls, event: history_events_pb2.HistoryEvent) -> Self:
        """The same from the wire."""
        kind = event.WhichOneof("eventType")
        body: Any = getattr(event, kind) if kind else event
        fields = body.DESCRIPTOR.fields_by_name
        failed = "failureDetails" in fields and body.HasField("failureDetails")
        return cls(
            event.eventId,
            event.timestamp.ToDatetime(),
            WorkflowHistoryEventType(kind) if kind else WorkflowHistoryEventType.UNKNOWN,
            (body.name or None) if "name" in fields else None,
            body.taskScheduledId if "taskScheduledId" in fields else None,
            FailureDetails.of(body.failureDetails) if failed else None,
            event,
        )

    @property
    def is_rerunnable(self) -> bool:
        """Whether rerun_workflow_from_event takes it."""
        return self.event_type in RERUNNABLE


@dataclass(frozen=True, slots=True)
class WorkflowInstanceIdPage:
    """Some of the ids that there are, and how to get the next ones; no token means that these were the last."""

    instance_ids: list[str]
    continuation_token: str | None


class Unset:
    """Stands for an argument that nobody gave."""

    def __repr__(self) -> str:
        return "<unset>"


UNSET = Unset()
"""The input of a rerun that keeps the old one; None is an input."""


def _text(message: Any, name: str) -> str | None:
    return getattr(message, name).value if message.HasField(name) else None
