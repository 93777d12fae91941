"""Activities: those that run or wait for a worker, and what comes of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dapr_client.wire import history_events_pb2 as pb
from dapr_client.wire import orchestrator_service_pb2 as service
from fakesidecar.core.workflow.history import Event, blank
from fakesidecar.core.workflow.interception import Interception
from fakesidecar.core.workflow.workers import Task, Workers

if TYPE_CHECKING:
    from fakesidecar.clock import Clock


class Activities:
    """The activities that the workers of one app run, whichever app's instances they belong to."""

    def __init__(self, clock: Clock, workers: Workers) -> None:
        self._workers = workers
        self._tasks: dict[str, dict[int, Task]] = {}
        self.interception = Interception(clock)

    def find(self, instance: str, id: int) -> Task | None:
        """The activity of that number, while its end is waited for."""
        return self._tasks.get(instance, {}).get(id)

    def run(self, task: Task) -> None:
        """Have an activity run by one of the workers, unless somebody answers in their place."""
        tasks = self._tasks.setdefault(task.instance, {})
        if (before := tasks.get(task.event.eventId)) is not None:
            self._workers.settle(before)  # an earlier round's, which nobody waits for
        tasks[task.event.eventId] = task
        if not self.interception.takes(task.request, partial(self._end, task)):
            self._workers.give(task)

    def complete(self, answer: service.ActivityResponse) -> None:
        """A worker's answer; one that nobody waits for is ignored."""
        task = self.find(answer.instanceId, answer.taskId)
        if task is not None and self._workers.is_answered(task, answer.completionToken):
            self._workers.settle(task)
            self._end(task, answer)

    def forget(self, instance: str) -> None:
        """An instance is gone: nobody waits for its activities."""
        for task in self._tasks.pop(instance, {}).values():
            self._workers.settle(task)

    def _end(self, task: Task, answer: service.ActivityResponse) -> None:
        if self.find(task.instance, task.event.eventId) is not task:
            return
        tasks = self._tasks[task.instance]
        del tasks[task.event.eventId]
        if not tasks:
            del self._tasks[task.instance]
        task.tell(task, answer)


def end_of(task: Task, answer: service.ActivityResponse, now: float) -> Event:
    """What happens to an instance when its activity ends."""
    event = blank(now, router=task.event.router)
    content: pb.TaskCompletedEvent | pb.TaskFailedEvent
    if answer.HasField("failureDetails"):
        content = event.taskFailed
        content.failureDetails.CopyFrom(answer.failureDetails)
    else:
        content = event.taskCompleted
        if answer.HasField("result"):
            content.result.CopyFrom(answer.result)
    content.taskScheduledId, content.taskExecutionId = task.event.eventId, task.event.taskScheduled.taskExecutionId
    return event
