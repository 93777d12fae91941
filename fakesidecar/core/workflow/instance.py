"""An instance of a workflow, and the turn that it is in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dapr_client.wire import history_events_pb2 as pb
from fakesidecar.core.workflow.history import (
    OPENED_BY,
    Event,
    Events,
    Facts,
    blank,
    events_of,
    kind_of,
    resolution_of,
)

if TYPE_CHECKING:
    from fakesidecar.clock import Timer
    from fakesidecar.core.workflow.workers import Worker


@dataclass(eq=False, slots=True)
class Instance:
    """What is known of an instance: committed history, what waits for its next turn, and the turn that is out."""

    id: str
    history: Events = field(default_factory=events_of)
    inbox: list[Event] = field(default_factory=list)
    """What the next turn begins with, in the order of arrival."""
    custom_status: str = ""
    generation: int = 0
    """Counts how often the instance was continued as new."""
    propagated: pb.PropagatedHistory | None = None
    """The histories that its caller passed on."""
    facts: Facts = field(default_factory=Facts)
    turn: Turn | None = None
    alarm: Timer | None = None
    """Set while its start, the end of a pause, or that of the time it is kept for lies ahead."""
    timers: dict[int, Timer] = field(default_factory=dict)
    """The timers that the clock runs for it, by the id of the action."""
    worker: Worker | None = None
    """Who took the last turn."""
    saved: int = 0
    """How much of the history the store has."""

    @property
    def waiting(self) -> list[Event]:
        """What has happened and is not history yet."""
        return [*(self.turn.consumed if self.turn is not None else ()), *self.inbox]

    @property
    def start(self) -> Event | None:
        """The event that it was started with, before its first turn too."""
        if self.facts.started is not None:
            return self.facts.started
        return next((event for event in self.waiting if event.HasField("executionStarted")), None)

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.facts.completed is None

    def begin(self, now: float) -> Turn:
        """A turn with all that waits; what was there before, or is resolved already, is dropped."""
        consumed, self.inbox = self.inbox, []
        began = blank(now)
        began.workflowStarted.SetInParent()
        events = [began, *accept(self.facts, consumed)]
        self.turn = Turn(self, self.history, self.facts, events, consumed)
        return self.turn

    def commit(self, turn: Turn, events: Sequence[Event], custom_status: str) -> None:
        """Make a turn history, with the events that its actions became."""
        kept = [event for event in turn.events if turn.matches(event)]
        if turn.past is not self.history:
            self.history, self.facts, self.saved = turn.past, turn.facts, 0
        for event in (*kept, *events):
            self.history.append(event)
            self.facts.see(event)
        if self.inbox:  # nothing resolves what was not open: that came to an earlier round, under the same number
            opened = {(OPENED_BY.get(kind_of(event), ""), event.eventId) for event in events}
            self.inbox = [event for event in self.inbox if resolution_of(event) not in opened]
        self.custom_status = custom_status
        self.turn = None

    def give_up(self, turn: Turn) -> None:
        """Undo a turn: what it began with waits for the next one."""
        if turn.past is not self.history:
            self.history, self.facts, self.saved = turn.past, turn.facts, 0
        self.inbox = [*turn.events[1:], *self.inbox]
        self.turn = None

    def due(self) -> Iterator[float]:
        """When something that it waits for comes by itself."""
        for timer in self.timers.values():
            yield timer.when
        if self.alarm is not None:
            yield self.alarm.when

    def stop_timers(self) -> None:
        """Fire no timer any more."""
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()


@dataclass(eq=False, slots=True)
class Turn:
    """What a worker is asked to go on with."""

    instance: Instance
    past: Events
    """The history before: the instance's own, or an empty one that begins a new round."""
    facts: Facts
    """What that history says."""
    events: list[Event]
    """What is new, `workflowStarted` first."""
    consumed: list[Event] = field(default_factory=list)
    """What of the inbox went into it, and into the rounds before."""
    rounds: int = 0
    """How often this turn was continued as new."""
    worker: Worker | None = None
    token: str = ""
    started: Event | None = field(init=False)
    """The event that started the instance."""
    name: str = field(init=False)
    """The workflow's."""

    def __post_init__(self) -> None:
        found = (event for event in self.events if event.HasField("executionStarted"))
        self.started = self.facts.started or next(found, None)
        self.name = self.started.executionStarted.name if self.started is not None else ""

    @property
    def size(self) -> int:
        """The bytes of what was before and what has happened since (dapr counts no `workflowStarted` of this turn)."""
        return self.facts.size + sum(event.ByteSize() for event in self.events[1:])

    def next_round(self, events: list[Event]) -> Turn:
        """The turn that begins a new round, with a history of its own."""
        return Turn(self.instance, events_of(), Facts(), events, self.consumed, self.rounds + 1)

    @property
    def terminated(self) -> Event | None:
        """The event that ends the instance, when one is among the new ones."""
        return next((event for event in self.events if event.HasField("executionTerminated")), None)

    def matches(self, event: Event) -> bool:
        """Whether an event belongs to the history: results of an earlier round's tasks and children do not.

        The worker is told of them all the same (dapr pkg/actors/targets/workflow, stripUnmatchedResolutions).
        """
        key = resolution_of(event)
        return key is None or key in self.facts.open or key in self.facts.resolved


def accept(facts: Facts, events: Iterable[Event]) -> list[Event]:
    """The events that a history takes: it starts once, and resolves everything once."""
    out: list[Event] = []
    resolved: set[tuple[str, int]] = set()
    started = facts.started is not None
    for event in events:
        if kind_of(event) == "executionStarted":
            if started:
                continue
            started = True
        elif (key := resolution_of(event)) is not None:
            if key in facts.resolved or key in resolved:
                continue
            resolved.add(key)
        out.append(event)
    return out


def snapshot_of(instance: Instance) -> dict[str, Any]:
    """An instance as plain values; a turn that is out has not been."""
    return {
        "id": instance.id,
        "history": [event.SerializeToString() for event in instance.history],
        "inbox": [event.SerializeToString() for event in instance.waiting],
        "custom_status": instance.custom_status,
        "generation": instance.generation,
        "propagated": None if instance.propagated is None else instance.propagated.SerializeToString(),
    }


def of_snapshot(kept: Mapping[str, Any]) -> Instance:
    """The instance that was kept as plain values."""
    history = events_of(pb.HistoryEvent.FromString(data) for data in kept["history"])
    propagated = kept["propagated"]
    return Instance(
        kept["id"],
        history=history,
        inbox=[pb.HistoryEvent.FromString(data) for data in kept["inbox"]],
        custom_status=kept["custom_status"],
        generation=kept["generation"],
        propagated=None if propagated is None else pb.PropagatedHistory.FromString(propagated),
        facts=Facts(history),
    )
