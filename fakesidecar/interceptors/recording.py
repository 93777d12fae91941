"""Remembers what was asked of the sidecar, for tests that look at it afterwards."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fakesidecar.errors import ApiError

if TYPE_CHECKING:
    from fakesidecar.call import Call, Onion
    from fakesidecar.clock import Clock
    from fakesidecar.faults.engine import Armed
    from fakesidecar.faults.rules import Rule

KEPT = 10_000
"""How many events are kept; the oldest go first."""
OK = "OK"


@dataclass(frozen=True, slots=True)
class Event:
    """A call, and how it ended."""

    call: Call
    outcome: str
    """`OK`, or the name of the gRPC status that the error has."""
    error: Exception | None
    time: float
    """When it was asked, in seconds since 1970 on the sidecar's clock."""
    number: int = 0
    """Which call it was, in the order in which they ended."""
    fault: Rule | None = None
    """The rule of the fault plan that made something happen to it."""

    @property
    def caller(self) -> str:
        """The app that called, as far as it says so, else the program."""
        metadata = self.call.metadata
        return metadata.get("dapr-caller-app-id") or metadata.get("user-agent", "")


class Recording:
    """The events of one sidecar; costs nothing until `start` is called."""

    def __init__(self, onion: Onion, clock: Clock) -> None:
        self._onion = onion
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._faults: dict[int, Rule] = {}
        self._numbers = itertools.count(1)
        self.listeners: list[Callable[[Event], None]] = []
        """They hear of every event, on the thread of the call."""
        self.running = False

    @property
    def events(self) -> tuple[Event, ...]:
        """What was asked since the recording began, oldest first."""
        return tuple(self._events)

    def start(self) -> None:
        """Record from now on, calls that other interceptors refuse included."""
        if not self.running:
            self._onion.interceptors.insert(0, self.intercept)
            self.running = True

    def stop(self) -> None:
        """Record no more; what was recorded stays."""
        if self.running:
            self._onion.interceptors.remove(self.intercept)
            self.running = False

    def clear(self) -> None:
        """Forget what was recorded."""
        self._events.clear()
        self._numbers = itertools.count(1)

    def note(self, call: Call, armed: Armed) -> None:
        """A rule makes something happen to a call that is under way."""
        if self.running:
            self._faults[id(call)] = armed.rule

    def intercept(self, call: Call, proceed: Callable[[], Any]) -> Any:
        """Carry a call out, and remember it."""
        asked = self._clock.now()
        outcome, failure = OK, None
        try:
            return proceed()
        except Exception as error:
            outcome, failure = error.grpc.name if isinstance(error, ApiError) else "INTERNAL", error
            raise
        finally:
            fault = self._faults.pop(id(call), None) if self._faults else None
            event = Event(call, outcome, failure, asked, next(self._numbers), fault)
            self._events.append(event)
            for listener in tuple(self.listeners):
                listener(event)
