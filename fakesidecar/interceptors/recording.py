"""Remembers what was asked of the sidecar, for tests that look at it afterwards."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fakesidecar.errors import ApiError

if TYPE_CHECKING:
    from fakesidecar.call import Call, Onion
    from fakesidecar.clock import Clock

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


class Recording:
    """The events of one sidecar; costs nothing until `start` is called."""

    def __init__(self, onion: Onion, clock: Clock) -> None:
        self._onion = onion
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=KEPT)
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

    def intercept(self, call: Call, proceed: Callable[[], Any]) -> Any:
        """Carry a call out, and remember it."""
        asked = self._clock.now()
        try:
            answer = proceed()
        except Exception as error:
            self._remember(call, asked, error)
            raise
        if inspect.isawaitable(answer):
            return self._later(call, asked, answer)
        self._remember(call, asked, None)
        return answer

    async def _later(self, call: Call, asked: float, answer: Awaitable[Any]) -> Any:
        try:
            value = await answer
        except Exception as error:
            self._remember(call, asked, error)
            raise
        self._remember(call, asked, None)
        return value

    def _remember(self, call: Call, asked: float, error: Exception | None) -> None:
        outcome = OK if error is None else error.grpc.name if isinstance(error, ApiError) else "INTERNAL"
        self._events.append(Event(call, outcome, error, asked))
