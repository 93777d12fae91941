"""Workflow instances between their turns: kept, so that a turn costs what is new and not what was.

An instance that is not kept (any more) is replayed from its history. Whether the kept one has seen the same history is
checked each time, so that keeping changes nothing but the cost.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dapr_client import _clock
from dapr_client.wire import history_events_pb2, orchestrator_service_pb2
from dapr_client.workflow._propagation import PropagatedHistory
from dapr_client.workflow._registry import Registry
from dapr_client.workflow._replay import Answer, Execution, replay
from dapr_client.workflow._tasks import NonDeterminismError

Event = history_events_pb2.HistoryEvent
Request = orchestrator_service_pb2.WorkflowRequest
Fetch = Callable[[str], Sequence[Event]]
"""Gets the history of an instance from the sidecar."""


class HistoryMissing(Exception):
    """The sidecar has less history than it has sent before."""


@dataclass(slots=True)
class _Kept:
    """An instance after a turn."""

    execution: Execution
    start: int
    """How long the history was before that turn."""
    tail: Sequence[Event]
    """What was new in that turn."""
    size: int
    used: float


class Executions:
    """The instances of a worker."""

    def __init__(
        self,
        registry: Registry,
        *,
        keep: bool = True,
        ttl: float = 3600.0,
        max_instances: int = 100_000,
        max_bytes: int = 0,
        clock: Callable[[], float] = _clock.monotonic,
    ) -> None:
        self._registry = registry
        self._keep, self._ttl, self._max_instances, self._max_bytes = keep, ttl, max_instances, max_bytes
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def turn(self, request: Request, fetch: Fetch) -> Answer:
        """Do a turn. HistoryMissing if it cannot be done."""
        kept = self._take(request.instanceId)
        answer = self._go_on(kept, request) if kept is not None else None
        if kept is not None and answer is not None:
            execution, size = kept.execution, kept.size
        else:
            if kept is not None:
                kept.execution.close()
            propagated = PropagatedHistory.from_proto(request.propagatedHistory)
            execution = Execution(request.instanceId, self._registry.workflow, self._registry.name_of, propagated)
            answer, size = replay(execution, self._past(request, fetch), request.newEvents), 0
        if answer.lasts and self._keep:
            length = request.cachedHistory.eventCount + len(request.pastEvents)
            size += request.ByteSize() if self._max_bytes else 0
            self._put(_Kept(execution, length, list(request.newEvents), size, self._clock()))
        else:
            execution.close()
        return answer

    def forget(self, instance_id: str) -> None:
        """Replay the instance next time."""
        if kept := self._take(instance_id):
            kept.execution.close()

    def clear(self) -> None:
        """Replay all instances next time."""
        while self._kept:
            self.forget(next(iter(self._kept)))

    def __len__(self) -> int:
        return len(self._kept)

    def _go_on(self, kept: _Kept, request: Request) -> Answer | None:
        """Do a turn with what was kept; None if that has seen another history."""
        past = request.pastEvents
        begin = kept.start - request.cachedHistory.eventCount
        end = begin + len(kept.tail)
        if begin < 0 or not _same(past[begin:end], kept.tail):
            return None
        if not request.cachedHistory.eventCount and _execution_id(past) != kept.execution.execution_id:
            return None
        try:
            kept.execution.feed(past[end:], replaying=True)
            kept.execution.feed(request.newEvents, replaying=False)
        except NonDeterminismError:
            return None  # told after a replay, with the whole history
        return kept.execution.answer()

    def _past(self, request: Request, fetch: Fetch) -> Sequence[Event]:
        known = request.cachedHistory.eventCount
        if not known:
            return request.pastEvents
        history = fetch(request.instanceId)
        if len(history) < known:
            raise HistoryMissing(f"{request.instanceId}: {len(history)} of {known} events")
        return [*history[:known], *request.pastEvents]

    def _take(self, instance_id: str) -> _Kept | None:
        with self._lock:
            kept = self._kept.pop(instance_id, None)
            self._bytes -= kept.size if kept else 0
            return kept

    def _put(self, kept: _Kept) -> None:
        with self._lock:
            self._kept[kept.execution.instance_id] = kept
            self._bytes += kept.size
            oldest = kept.used - self._ttl
            dropped = []
            while (
                self._kept
                and (first := next(iter(self._kept.values())))
                and (
                    first.used < oldest
                    or len(self._kept) > self._max_instances
                    or (self._max_bytes and self._bytes > self._max_bytes)
                )
            ):
                self._kept.popitem(last=False)
                self._bytes -= first.size
                dropped.append(first)
        for one in dropped:
            one.execution.close()


def _same(sent: Sequence[Event], seen: Sequence[Event]) -> bool:
    """Whether the history has what was seen. The sidecar adds the version to the beginning of a turn."""
    return len(sent) == len(seen) and all(
        one == other or (one.HasField("workflowStarted") and one.timestamp == other.timestamp)
        for one, other in zip(sent, seen, strict=True)
    )


def _execution_id(past: Sequence[Event]) -> str:
    for event in past:
        if event.HasField("executionStarted"):
            return event.executionStarted.workflowInstance.executionId.value
    return ""
