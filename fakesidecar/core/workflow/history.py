"""History: what happened to an instance, as the protocol's own events, and what follows from them.

The events of a workflow are what its worker is sent, what its clients are shown and what is stored, so they are the
messages of the protocol here too (durabletask-go backend/runtimestate).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableSequence
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from dapr_client.wire import history_events_pb2 as pb
from dapr_client.wire import orchestration_pb2 as common
from dapr_client.wire import orchestrator_service_pb2 as service

ENGINE = -1
"""The id of every event that answers no action of the workflow."""

NEVER_SECONDS = 253402300799
"""The last second of the year 9999: a timer that is due then belongs to a wait without a limit, and never fires."""

RUNNING = common.ORCHESTRATION_STATUS_RUNNING
COMPLETED = common.ORCHESTRATION_STATUS_COMPLETED
CONTINUED_AS_NEW = common.ORCHESTRATION_STATUS_CONTINUED_AS_NEW
FAILED = common.ORCHESTRATION_STATUS_FAILED
TERMINATED = common.ORCHESTRATION_STATUS_TERMINATED
PENDING = common.ORCHESTRATION_STATUS_PENDING
SUSPENDED = common.ORCHESTRATION_STATUS_SUSPENDED
STALLED = common.ORCHESTRATION_STATUS_STALLED

OPENED_BY = {
    "taskScheduled": "task",
    "timerCreated": "timer",
    "childWorkflowInstanceCreated": "child",
}
"""What an event of this kind opens; something else will resolve it."""

RESOLVED_BY = {
    "taskCompleted": ("task", "taskScheduledId"),
    "taskFailed": ("task", "taskScheduledId"),
    "timerFired": ("timer", "timerId"),
    "childWorkflowInstanceCompleted": ("child", "taskScheduledId"),
    "childWorkflowInstanceFailed": ("child", "taskScheduledId"),
}
"""What an event of this kind resolves, and the field that names it."""


def stamp(seconds: float) -> Timestamp:
    """A time of the clock, to the microsecond: what Python's workers make of it has no more."""
    moment = Timestamp()
    put(moment, seconds)
    return moment


def put(moment: Timestamp, seconds: float) -> None:
    """Make a timestamp show a time of the clock."""
    whole, rest = divmod(round(seconds * 1e6), 1_000_000)
    moment.seconds, moment.nanos = whole, rest * 1000


def seconds_of(moment: Timestamp) -> float:
    """A timestamp as the clock tells time."""
    return float(moment.seconds + moment.nanos / 1e9)


def blank(now: float, *, id: int = ENGINE, router: common.TaskRouter | None = None) -> Event:
    """An event that happens now, to be filled. (In place: what a constructor is given it copies slowly.)"""
    event = pb.HistoryEvent(eventId=id)
    put(event.timestamp, now)
    if router is not None:
        event.router.CopyFrom(router)
    return event


def make(kind: str, now: float, content: Any, *, id: int = ENGINE, router: common.TaskRouter | None = None) -> Event:
    """An event that happens now."""
    event = blank(now, id=id, router=router)
    getattr(event, kind).CopyFrom(content)
    return event


Event = pb.HistoryEvent
Events = MutableSequence[Event]


def events_of(events: Iterable[Event] = ()) -> Events:
    """A copy of events that is one object for whoever counts objects, however many there are."""
    return service.GetInstanceHistoryResponse(events=events).events


def kind_of(event: Event) -> str:
    """`taskScheduled`, `eventRaised`, …; empty for an event that says nothing."""
    return event.WhichOneof("eventType") or ""


def resolution_of(event: Event) -> tuple[str, int] | None:
    """What an event resolves: `("task", 3)`; None for one that resolves nothing."""
    kind = event.WhichOneof("eventType")
    if kind not in RESOLVED_BY:
        return None
    opened, field = RESOLVED_BY[kind]
    return opened, getattr(getattr(event, kind), field)


def event_waits(events: Iterable[Event]) -> list[Event]:
    """The timers of the waits for events that are still open: who has waited longest gets what comes next.

    An event that is there already leaves no timer with who waits for it. In the turn that it comes in it may be told
    before the wait that it ends.
    """
    opened: dict[int, Event] = {}
    new: list[str] = []
    for event in events:
        kind = kind_of(event)
        if kind == "workflowStarted":
            new.clear()
        elif kind == "timerCreated" and event.timerCreated.HasField("externalEvent"):
            name = event_name(event)
            if name in new:
                new.remove(name)
            else:
                opened[event.eventId] = event
        elif kind == "timerFired":
            opened.pop(event.timerFired.timerId, None)
        elif kind == "eventRaised":
            name = event_name(event)
            ended = next((id for id, timer in opened.items() if event_name(timer) == name), None)
            if ended is None:
                new.append(name)
            else:
                del opened[ended]
    return list(opened.values())


def event_name(event: Event) -> str:
    """The name of an event that was raised, or that a timer limits the wait for; case does not matter."""
    if event.HasField("eventRaised"):
        return event.eventRaised.name.casefold()
    return event.timerCreated.externalEvent.name.casefold()


class Facts:
    """What a history says, kept up to date event by event."""

    __slots__ = (
        "actions",
        "children",
        "completed",
        "first",
        "last",
        "open",
        "patches",
        "resolved",
        "size",
        "stalled",
        "started",
        "suspended",
        "version",
    )

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.started: Event | None = None
        self.completed: Event | None = None
        self.suspended = False
        self.stalled: Event | None = None
        self.version: str | None = None
        self.patches: list[str] = []
        self.actions: set[tuple[str, int]] = set()
        """Kinds and ids of the events that answer actions."""
        self.open: dict[tuple[str, int], Event] = {}
        """What was begun, and nothing has resolved."""
        self.resolved: set[tuple[str, int]] = set()
        self.children: list[str] = []
        self.size = 0
        """Of all events, in bytes."""
        self.first: Event | None = None
        self.last: Event | None = None
        for event in events:
            self.see(event)

    def see(self, event: Event) -> None:
        """Take in the next event."""
        kind, id = kind_of(event), event.eventId
        if self.first is None:
            self.first = event
        self.last = event
        self.size += event.ByteSize()
        self.stalled = event if kind == "executionStalled" else None
        if id != ENGINE:
            self.actions.add((kind, id))
        if kind in OPENED_BY:
            self.open[OPENED_BY[kind], id] = event
        elif kind in RESOLVED_BY and (resolves := resolution_of(event)) is not None:
            self.resolved.add(resolves)
            self.open.pop(resolves, None)
        if kind in TAKEN_IN:
            TAKEN_IN[kind](self, event)

    def _turn_started(self, event: Event) -> None:
        if event.workflowStarted.HasField("version"):
            version = event.workflowStarted.version
            self.patches += version.patches
            if version.HasField("name"):
                self.version = version.name

    def _started(self, event: Event) -> None:
        self.started = event

    def _completed(self, event: Event) -> None:
        self.completed = event

    def _suspended(self, event: Event) -> None:
        self.suspended = True

    def _resumed(self, event: Event) -> None:
        self.suspended = False

    def _child_created(self, event: Event) -> None:
        self.children.append(event.childWorkflowInstanceCreated.instanceId)

    @property
    def status(self) -> common.OrchestrationStatus:
        """The status of an instance with this history."""
        if self.completed is not None:
            return self.completed.executionCompleted.workflowStatus
        if self.stalled is not None:
            return STALLED
        if self.started is None:
            return PENDING
        return SUSPENDED if self.suspended else RUNNING

    @property
    def name(self) -> str:
        """The workflow's name, empty before the first turn."""
        return self.started.executionStarted.name if self.started is not None else ""


TAKEN_IN: Mapping[str, Callable[[Facts, Event], None]] = {
    "workflowStarted": Facts._turn_started,
    "executionStarted": Facts._started,
    "executionCompleted": Facts._completed,
    "executionSuspended": Facts._suspended,
    "executionResumed": Facts._resumed,
    "childWorkflowInstanceCreated": Facts._child_created,
}
"""What events of a kind say, besides what they open or resolve."""
