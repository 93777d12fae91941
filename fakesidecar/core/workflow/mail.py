"""What instances send each other: starts of children, and how children ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from dapr_client.wire import history_events_pb2 as pb
from dapr_client.wire import orchestration_pb2 as common
from dapr_client.wire import orchestrator_service_pb2 as service
from fakesidecar.core.workflow import actions
from fakesidecar.core.workflow.actions import Message, Place
from fakesidecar.core.workflow.family import as_activity, is_asked_for
from fakesidecar.core.workflow.history import COMPLETED, FAILED, make
from fakesidecar.core.workflow.interception import Interception
from fakesidecar.core.workflow.turns import Turns
from fakesidecar.errors import ApiError

log = logging.getLogger("fakesidecar.workflow")


class Mail:
    """What comes for the instances of an app."""

    def __init__(self, turns: Turns, interception: Interception, place: Callable[[], Place]) -> None:
        self._turns, self._interception, self._place = turns, interception, place

    def receive(self, message: Message) -> None:
        """Tell an instance, or begin it."""
        if message.event.HasField("executionStarted"):
            self._receive_start(message)
        elif (instance := self._turns.instances.get(message.instance)) is not None:
            self._turns.tell(instance, message.event)

    def _receive_start(self, message: Message) -> None:
        started = message.event.executionStarted
        if started.HasField("parentInstance") and self._interception.takes(
            lambda: as_activity(started), partial(self._answer_parent, started)
        ):
            return
        before = self._turns.instances.get(message.instance)
        if before is not None and is_asked_for(before, message.event):
            if before.start is not None and before.facts.completed is not None:  # the parent has not heard of it
                self._end(before.start.executionStarted, before.facts.completed.executionCompleted)
            return
        try:
            self._turns.create(message.instance, message.event, message.propagated)
        except ApiError as error:
            self._refuse(started, error)

    def _refuse(self, started: pb.ExecutionStartedEvent, error: ApiError) -> None:
        """Tell a parent that there is no such child."""
        if not started.HasField("parentInstance"):
            log.warning("a detached workflow was not started: %s", error)
            return
        parent, place = started.parentInstance, self._place()
        details = common.TaskFailureDetails(errorType="WorkflowInstanceAlreadyExists", errorMessage=error.message)
        content = pb.ChildWorkflowInstanceFailedEvent(taskScheduledId=parent.taskScheduledId, failureDetails=details)
        event = make("childWorkflowInstanceFailed", place.now, content)
        self._turns.send(actions.for_parent(parent, event, place))

    def _answer_parent(self, started: pb.ExecutionStartedEvent, answer: service.ActivityResponse) -> None:
        """Tell a parent what somebody has answered in the place of its child."""
        done = pb.ExecutionCompletedEvent(workflowStatus=COMPLETED)
        if answer.HasField("failureDetails"):
            done = pb.ExecutionCompletedEvent(workflowStatus=FAILED, failureDetails=answer.failureDetails)
        elif answer.HasField("result"):
            done.result.CopyFrom(answer.result)
        self._end(started, done)

    def _end(self, started: pb.ExecutionStartedEvent, done: pb.ExecutionCompletedEvent) -> None:
        self._turns.send(actions.to_parent(started, done, self._place()))
