"""What the clock does to instances: it fires their timers, and wakes those that rest until a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dapr_client.wire import history_events_pb2 as pb
from fakesidecar.core.workflow.apps import APPS, change
from fakesidecar.core.workflow.history import (
    COMPLETED,
    FAILED,
    NEVER_SECONDS,
    TERMINATED,
    Event,
    event_name,
    event_waits,
    make,
    seconds_of,
)
from fakesidecar.core.workflow.instance import Instance

if TYPE_CHECKING:
    from fakesidecar.clock import Clock

ENDINGS = {COMPLETED: "completed", FAILED: "failed", TERMINATED: "terminated"}
ANYHOW = "anyTerminal"
"""What the configuration calls the ends of instances."""


class Timers:
    """The clock, as instances know it."""

    def __init__(self, clock: Clock, tell: Callable[[Instance, Event], None]) -> None:
        """`tell` tells an instance that its timer has fired."""
        self._clock, self._tell = clock, tell

    def arm(self, instance: Instance, created: Event) -> None:
        """Have a timer fire; one that is due at the end of time never does."""
        fire_at, id = created.timerCreated.fireAt, created.eventId
        if fire_at.seconds >= NEVER_SECONDS:
            return
        when = seconds_of(fire_at)
        if when <= self._clock.now():
            APPS.later(lambda: self._fire(instance, created))
        else:
            instance.timers[id] = self._clock.call_at(when, lambda: self._fire(instance, created))

    def _fire(self, instance: Instance, created: Event) -> None:
        with change(self._clock):
            instance.timers.pop(created.eventId, None)
            content = pb.TimerFiredEvent(fireAt=created.timerCreated.fireAt, timerId=created.eventId)
            self._tell(instance, make("timerFired", self._clock.now(), content))

    def wake(self, instance: Instance, when: float, action: Callable[[Instance], None]) -> None:
        """Do something with an instance at a time; when that is over, as soon as the change under way is complete."""
        if when <= self._clock.now():
            APPS.later(lambda: action(instance))
        else:
            instance.alarm = self._clock.call_at(when, lambda: self._awake(instance, action))

    def _awake(self, instance: Instance, action: Callable[[Instance], None]) -> None:
        with change(self._clock):
            action(instance)


def end_wait(instance: Instance, name: str) -> None:
    """An event comes that ends the oldest wait for it: no timer limits that any more."""
    if not instance.timers:
        return
    waits = event_waits((*instance.history, *instance.waiting))
    wait = next((timer for timer in waits if event_name(timer) == name.casefold()), None)
    if wait is not None and (timer := instance.timers.pop(wait.eventId, None)) is not None:
        timer.cancel()


def kept_until(completed: Event, retention: Mapping[str, float]) -> float | None:
    """Until when an instance that has ended is kept, if not for good."""
    ending = ENDINGS.get(completed.executionCompleted.workflowStatus, ANYHOW)
    seconds = retention.get(ending, retention.get(ANYHOW))
    return None if seconds is None else seconds_of(completed.timestamp) + seconds
