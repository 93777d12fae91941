"""Whether code still fits what it has done before: stored histories, replayed without a sidecar."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from google.protobuf.json_format import MessageToDict, ParseDict

from dapr_client.wire import history_events_pb2, orchestration_pb2
from dapr_client.workflow._registry import OrchestratorNotRegisteredError, Registry, name_of
from dapr_client.workflow._replay import Answer, Event, Execution
from dapr_client.workflow._runtime import WorkflowRuntime
from dapr_client.workflow._state import WorkflowHistoryEvent
from dapr_client.workflow._tasks import NonDeterminismError


@dataclass(frozen=True, slots=True)
class WorkflowHistory:
    """What has happened in an instance, to be stored and replayed."""

    instance_id: str
    events: Sequence[history_events_pb2.HistoryEvent]

    @classmethod
    def of(cls, instance_id: str, events: Iterable[WorkflowHistoryEvent]) -> Self:
        """Of what `get_workflow_history` gives."""
        return cls(instance_id, [one.event for one in events if one.event is not None])

    @classmethod
    def from_json(cls, stored: str | bytes | dict[str, Any]) -> Self:
        """Of what `to_json` gave."""
        found = stored if isinstance(stored, dict) else json.loads(stored)
        return cls(found["instanceId"], [ParseDict(one, Event()) for one in found["events"]])

    def to_json(self) -> str:
        """The history as a JSON object: `instanceId`, and `events` as protobuf writes them."""
        return json.dumps(
            {"instanceId": self.instance_id, "events": [MessageToDict(one) for one in self.events]}, indent=2
        )


class Replayer:
    """Replays histories with workflows as they are now.

        replayer = Replayer(order)
        replayer.replay_workflow(WorkflowHistory.from_json(path.read_text()))  # raises NonDeterminismError

    The workflows are given, or those of a runtime, which need not be started.
    """

    def __init__(self, *workflows: Callable[..., Any], runtime: WorkflowRuntime | None = None) -> None:
        self._registry = Registry() if runtime is None else runtime.registry
        for workflow in workflows:
            self._registry.add_workflow(workflow, name_of(workflow))

    def replay_workflow(self, history: WorkflowHistory) -> None:
        """NonDeterminismError if the workflow would not do what it did; the message has both."""
        execution = Execution(history.instance_id, self._registry.workflow, self._registry.name_of)
        try:
            execution.feed(history.events, replaying=True)
            if difference := _difference(execution.answer(), history.events):
                raise execution.difference(difference)
        finally:
            execution.close()

    def replay_workflows(self, histories: Iterable[WorkflowHistory]) -> dict[str, NonDeterminismError]:
        """The same for many: those that failed, by their ids."""
        failed = {}
        for history in histories:
            try:
                self.replay_workflow(history)
            except NonDeterminismError as difference:
                failed[history.instance_id] = difference
        return failed


def _difference(answer: Answer, events: Sequence[Event]) -> str:
    """How the code stands otherwise after the history than the history itself."""
    ends = [event.executionCompleted.workflowStatus for event in events if event.HasField("executionCompleted")]
    was = _status(ends[-1]) if ends else "RUNNING"
    action = answer.actions[-1] if answer.actions else None
    if action is not None and action.HasField("workflowVersionNotAvailable"):
        return "the version of the workflow is not there any more"
    if isinstance(answer.failure, OrchestratorNotRegisteredError):
        return str(answer.failure)
    now = "RUNNING" if answer.lasts or action is None else _status(action.completeWorkflow.workflowStatus)
    if was != now:
        return f"the history is {was}, the code is {now}"
    if answer.lasts and any(not _is_wait(action) for action in answer.actions):
        return "the code asks for more than the history has"
    return ""


def _is_wait(action: Any) -> bool:
    return bool(action.createTimer.WhichOneof("origin") == "externalEvent")


def _status(status: orchestration_pb2.OrchestrationStatus) -> str:
    return orchestration_pb2.OrchestrationStatus.Name(status).removeprefix("ORCHESTRATION_STATUS_")
