"""Remembers what was asked of the sidecar, for tests that look at it afterwards."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from fakesidecar.errors import ApiError
from fakesidecar.later import is_awaited

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
    def name(self) -> str:
        """`state.save`, …"""
        return self.call.name

    @property
    def component(self) -> str:
        """The component that was asked."""
        return self.call.component

    @property
    def targets(self) -> tuple[str, ...]:
        """The keys, topics, … that were named."""
        return self.call.targets

    @property
    def arguments(self) -> Any:
        """What was sent, as dictionaries, lists and plain values."""
        return self.call.arguments

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the caller sent besides: gRPC metadata, or headers."""
        return self.call.metadata

    @property
    def caller(self) -> str:
        """The app that called, as far as it says so, else the program."""
        metadata = self.call.metadata
        return metadata.get("dapr-caller-app-id") or metadata.get("user-agent", "")


_Kept: TypeAlias = "tuple[Call, str, Exception | None, float, int, Rule | None]"
"""An event that nobody has looked at yet."""


class Recording:
    """The events of one sidecar; costs nothing until `start` is called."""

    def __init__(self, onion: Onion, clock: Clock) -> None:
        self._onion = onion
        self._now = clock.now
        self._kept: deque[_Kept] = deque(maxlen=KEPT)
        self._append = self._kept.append
        self._faults: dict[int, Rule] = {}
        self._numbers = itertools.count(1)
        self.listeners: list[Callable[[Event], None]] = []
        """They hear of every event, on the thread of the call."""
        self.running = False

    @property
    def events(self) -> tuple[Event, ...]:
        """What was asked since the recording began, oldest first."""
        return tuple(Event(*kept) for kept in tuple(self._kept))

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
        self._kept.clear()
        self._numbers = itertools.count(1)

    def note(self, call: Call, armed: Armed) -> None:
        """A rule makes something happen to a call that is under way."""
        if self.running:
            self._faults[id(call)] = armed.rule

    def intercept(self, call: Call, proceed: Callable[[], Any]) -> Any:
        """Carry a call out, and remember it."""
        asked = self._now()
        try:
            answer = proceed()
        except Exception as error:
            self._keep(call, outcome_of(error), error, asked)
            raise
        if is_awaited(answer):
            return self._later(call, asked, answer)
        if isinstance(answer, Future):
            answer.add_done_callback(partial(self._ended, call, asked))
        elif self._faults or self.listeners:
            self._keep(call, OK, None, asked)
        else:
            self._append((call, OK, None, asked, next(self._numbers), None))
        return answer

    async def _later(self, call: Call, asked: float, answer: Awaitable[Any]) -> Any:
        try:
            value = await answer
        except Exception as error:
            self._keep(call, outcome_of(error), error, asked)
            raise
        self._keep(call, OK, None, asked)
        return value

    def _ended(self, call: Call, asked: float, done: Future[Any]) -> None:
        if done.cancelled():
            self._keep(call, "CANCELLED", None, asked)
        elif isinstance(error := done.exception(), Exception):
            self._keep(call, outcome_of(error), error, asked)
        else:
            self._keep(call, OK, None, asked)

    def _keep(self, call: Call, outcome: str, error: Exception | None, asked: float) -> None:
        kept = call, outcome, error, asked, next(self._numbers), self._faults.pop(id(call), None)
        self._kept.append(kept)
        for listener in tuple(self.listeners):
            listener(Event(*kept))


def outcome_of(error: Exception) -> str:
    """The name of the gRPC status that an error is answered with."""
    return error.grpc.name if isinstance(error, ApiError) else "INTERNAL"
