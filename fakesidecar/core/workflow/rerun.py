"""Running an instance again from one of its events (dapr pkg/actors/targets/workflow/orchestrator/fork)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from google.protobuf.wrappers_pb2 import StringValue

from dapr_client.wire import orchestration_pb2 as common
from fakesidecar.core.workflow.actions import child_id
from fakesidecar.core.workflow.faults import CannotRerun, NothingToRerun
from fakesidecar.core.workflow.history import OPENED_BY, Event, Facts, kind_of, resolution_of, stamp

NAMES = {"task": "activity", "timer": "timer"}
"""What messages call the events that take no new child id."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rerun is to be."""

    source: str
    event: int
    new: str
    input: StringValue | None = None
    overwrite_input: bool = False
    child: str = ""
    """The id for the child that is started again."""


@dataclass(slots=True)
class Fork:
    """A history to go on from, and what of it runs now."""

    history: list[Event] = field(default_factory=list)
    open: list[Event] = field(default_factory=list)


def fork(facts: Facts, history: Sequence[Event], asked: Asked, now: float) -> Fork:
    """The history before an event, and then that event, to happen again."""
    if facts.completed is None:
        raise CannotRerun(message=f"'{asked.source}' is not in a terminal state")
    if facts.started is not None and facts.started.executionStarted.HasField("parentInstance"):
        raise CannotRerun(message=f"'{asked.source}': cannot rerun from child-workflows")
    target, position = _target(history, asked)
    out = Fork()
    held: dict[tuple[str, int], Event] = {}
    for event in history[:position]:
        if (opens := OPENED_BY.get(kind_of(event))) is not None:
            held[opens, event.eventId] = event
            continue
        key = resolution_of(event)
        if key is not None and key[0] != "timer" and key in held:
            out.history.append(held.pop(key))
        out.history.append(event)
    for event in held.values():
        out.open.append(_again(event, now, asked.new, child=""))
    out.open.append(_target_again(target, asked, now))
    out.history += out.open
    return out


def _target(history: Sequence[Event], asked: Asked) -> tuple[Event, int]:
    found = next(((event, n) for n, event in enumerate(history) if event.eventId == asked.event), None)
    if found is None:
        raise NothingToRerun(message=f"does not have history event with ID '{asked.event}'")
    kind = kind_of(found[0])
    if kind == "detachedWorkflowInstanceCreated":
        raise CannotRerun(
            message=f"event '{asked.event}' is a detached workflow spawn and cannot be rerun: detached spawns are "
            "fire-and-forget and have no replayable continuation in the caller"
        )
    if kind not in OPENED_BY:
        raise NothingToRerun(
            message=f"target event '*protos.HistoryEvent_{kind[:1].upper()}{kind[1:]}' with ID '{asked.event}' is not "
            "an event that can be rerun"
        )
    opens = OPENED_BY[kind]
    if asked.overwrite_input and opens == "timer":
        raise CannotRerun(message=f"cannot write input to timer event '{asked.event}'")
    if asked.child and opens in NAMES:
        raise CannotRerun(message=f"cannot set new child workflow instance ID on {NAMES[opens]} event '{asked.event}'")
    return found


def _again(event: Event, now: float, instance: str, child: str) -> Event:
    again = Event()
    again.CopyFrom(event)
    again.timestamp.CopyFrom(stamp(now))
    if event.HasField("childWorkflowInstanceCreated"):
        again.childWorkflowInstanceCreated.instanceId = child or child_id(instance, event.eventId)
    return again


def _target_again(event: Event, asked: Asked, now: float) -> Event:
    again = _again(event, now, asked.new, asked.child)
    content = getattr(again, kind_of(event))
    content.rerunParentInstanceInfo.CopyFrom(common.RerunParentInstanceInfo(instanceID=asked.source))
    if asked.overwrite_input:
        content.ClearField("input")
        if asked.input is not None:
            content.input.CopyFrom(asked.input)
    return again
