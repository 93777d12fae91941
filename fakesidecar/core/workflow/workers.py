"""Workers: who takes turns and activities, who has which, and what waits for somebody to take it.

A worker that asks for stateful history is of the newer protocol: it keeps histories, so that a turn carries what it
has not seen yet, and it gives back the token of what it was sent, so that an answer that comes twice or too late is
known for what it is. All others are served as daprd 1.18 serves everybody: with whole histories, without tokens.
(durabletask-go backend/executor_stateful.go.)
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dapr_client.wire import history_events_pb2 as pb
from dapr_client.wire import orchestrator_service_pb2 as service
from fakesidecar.core.workflow.apps import APPS
from fakesidecar.core.workflow.history import Event
from fakesidecar.core.workflow.instance import Turn

if TYPE_CHECKING:
    from fakesidecar.clock import Clock
    from fakesidecar.resources.configuration import Workflow as Settings


@dataclass(eq=False, slots=True)
class Task:
    """An activity that runs, or waits for a worker."""

    tell: Callable[[Task, service.ActivityResponse], None]
    """Tells the instance that it belongs to how it ended; another app's worker may run it."""
    instance: str
    event: Event
    """The `taskScheduled` of the history."""
    propagated: pb.PropagatedHistory | None = None
    worker: Worker | None = None
    token: str = ""
    name: str = field(init=False)
    """The activity's."""

    def __post_init__(self) -> None:
        self.name = self.event.taskScheduled.name

    def request(self) -> service.ActivityRequest:
        """What a worker would be sent."""
        request = service.ActivityRequest()
        self.fill(request)
        return request

    def fill(self, request: service.ActivityRequest) -> None:
        """Say what a worker is to do."""
        task = self.event.taskScheduled
        request.name = self.name
        request.workflowInstance.instanceId = self.instance
        request.taskId = self.event.eventId
        request.taskExecutionId = task.taskExecutionId
        if self.propagated is not None:
            request.propagatedHistory.CopyFrom(self.propagated)
        if task.HasField("version"):
            request.version.CopyFrom(task.version)
        if task.HasField("input"):
            request.input.CopyFrom(task.input)
        if task.HasField("parentTraceContext"):
            request.parentTraceContext.CopyFrom(task.parentTraceContext)


Work = Turn | Task


class Limits:
    """How many turns and activities may be under way (dapr pkg/config; the named limits are the scheduler's)."""

    def __init__(self, settings: Settings) -> None:
        self._most = {Turn: settings.max_concurrent_workflows, Task: settings.max_concurrent_activities}
        self._named = {Turn: settings.workflow_limits, Task: settings.activity_limits}
        self._unlimited = not any(self._named.values()) and set(self._most.values()) == {None}

    def allow(self, work: Work, under_way: Counter[str]) -> bool:
        """Whether there may be one more."""
        if self._unlimited:
            return True
        kind = type(work)
        most, named = self._most[kind], self._named[kind].get(work.name, 0)
        return (most is None or under_way.total() < most) and (named <= 0 or under_way[work.name] < named)


@dataclass(eq=False, slots=True)
class Worker:
    """One stream of work items."""

    send: Callable[[service.WorkItem], None]
    end: Callable[[], None] = lambda: None
    """Ends the stream, for the sidecar stops."""
    stateful: bool = False
    seen: dict[str, int] = field(default_factory=dict)
    """How much of the history of an instance a stateful worker has."""
    held: dict[Work, None] = field(default_factory=dict)
    """What it was sent and has not answered, in order."""

    def item(self, work: Work) -> service.WorkItem:
        """Work as it is sent to this worker."""
        item = service.WorkItem(completionToken=work.token)
        if isinstance(work, Task):
            work.fill(item.activityRequest)
            return item
        id, past, request = work.instance.id, work.past, item.workflowRequest
        request.instanceId = id
        if work.instance.propagated is not None:
            request.propagatedHistory.CopyFrom(work.instance.propagated)
        known = 0
        if self.stateful:
            known = self.seen.get(id, 0)
            if 0 < known <= len(past):
                request.cachedHistory.eventCount = known
            else:
                known = 0
            self.seen[id] = len(past)
        request.pastEvents.extend(past[known:] if known else past)
        request.newEvents.extend(work.events)
        return item


class Workers:
    """The workers of one app."""

    def __init__(self, clock: Clock, new_id: Callable[[], str], limits: Limits) -> None:
        self._clock, self._limits = clock, limits
        self._under_way: dict[type[Work], Counter[str]] = {Turn: Counter(), Task: Counter()}
        """How many turns and activities workers have, by name."""
        self._new_id = new_id
        self._tokens = itertools.count(1)
        self._prefix = ""
        self._workers: list[Worker] = []
        self._waiting: deque[Work] = deque()

    def __len__(self) -> int:
        return len(self._workers)

    @property
    def waiting(self) -> bool:
        """Whether there is work, and no worker."""
        return bool(self._waiting and not self._workers)

    def __iter__(self) -> Iterator[Worker]:
        return iter(tuple(self._workers))

    def connect(self, worker: Worker) -> None:
        """A worker is there: what waits is sent to it."""
        self._workers.append(worker)
        self._give_waiting()

    def disconnect(self, worker: Worker) -> None:
        """A worker is gone: what it had is given to others, or waits for the next."""
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        for work in tuple(worker.held):
            self.settle(work)
            self.give(work)

    def give(self, work: Work) -> None:
        """Have somebody do it: who took the instance's last turn, or who has the least to do.

        It waits while there is nobody, or while there is as much under way as there may be.
        """
        if not self._workers or not self._limits.allow(work, self._under_way[type(work)]):
            self._waiting.append(work)
            return
        worker = work.instance.worker if isinstance(work, Turn) else None
        if worker is None or not worker.stateful or worker not in self._workers:
            worker = min(self._workers, key=lambda one: len(one.held))
        if isinstance(work, Turn):
            work.instance.worker = worker
        work.worker = worker
        work.token = self._token() if worker.stateful else ""
        worker.held[work] = None
        self._under_way[type(work)][work.name] += 1
        self._clock.begin()
        worker.send(worker.item(work))

    def _give_waiting(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for work in waiting:
            self.give(work)

    def _token(self) -> str:
        self._prefix = self._prefix or self._new_id()
        return f"{self._prefix}-{next(self._tokens)}"

    def is_answered(self, work: Work, token: str) -> bool:
        """Whether an answer with that token is one to this: a worker of the older protocol gives back any, or none.

        Work that nobody has is answered by nobody: whoever had it is taken for lost, and somebody else will do it.
        """
        if work.worker is None:
            return False
        ours = bool(self._prefix) and token.startswith(self._prefix)
        return token == work.token or not token or not (work.token or ours)

    def settle(self, work: Work) -> None:
        """Nobody does it any more: it was answered, lost or taken back."""
        if work.worker is not None:
            del work.worker.held[work]
            work.worker = None
            self._under_way[type(work)][work.name] -= 1
            self._clock.end()
            if self._waiting:
                APPS.later(self._give_waiting)  # after what goes on in the same go, as a next round does
        elif work in self._waiting:
            self._waiting.remove(work)

    def forget(self, id: str) -> None:
        """An instance is gone, or has ended: nobody keeps its history."""
        for worker in self._workers:
            worker.seen.pop(id, None)

    def end_all(self) -> None:
        """End every stream."""
        for worker in self:
            worker.end()

    def clear(self) -> None:
        """Take everything back; the workers stay."""
        self._waiting.clear()
        for worker in self._workers:
            worker.seen.clear()
            for work in tuple(worker.held):
                self.settle(work)
