"""The broker of `pubsub.in-memory`: buses by name, each with its topics.

Sidecars that are given one broker share the buses of equal names; a sidecar that is given none has its own.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakesidecar.components.pubsub import Cancel, Handler, Message

log = logging.getLogger("fakesidecar.broker")

ANY = "*"
"""A subscription whose topic ends with it takes every longer topic that begins alike."""


class Broker:
    """Buses by name."""

    def __init__(self) -> None:
        self._buses: dict[str, Bus] = {}
        self._lock = threading.Lock()

    def bus(self, name: str) -> Bus:
        """The bus of that name."""
        with self._lock:
            return self._buses.setdefault(name, Bus())


class Bus:
    """Hands each message to every reader of its topic; nobody who comes later gets it."""

    def __init__(self) -> None:
        self._readers: list[Reader] = []
        self._lock = threading.Lock()

    def publish(self, message: Message, at_pattern: Callable[[Message, str], Message]) -> None:
        """Hand a message to the readers that there are now; `at_pattern` makes it the one of a pattern."""
        with self._lock:
            readers = [reader for reader in self._readers if reader.reads(message.topic)]
            for reader in readers:
                reader.queue.append(at_pattern(message, reader.topic))
        for reader in readers:
            reader.run()

    def subscribe(self, topic: str, handler: Handler, *, patterns: bool = True) -> Cancel:
        """Read a topic, or a pattern of topics where there are `patterns`."""
        reader = Reader(topic, handler, patterns)
        with self._lock:
            self._readers.append(reader)
        return lambda: self._leave(reader)

    def _leave(self, reader: Reader) -> None:
        reader.stop()
        with self._lock:
            if reader in self._readers:
                self._readers.remove(reader)

    def clear(self) -> None:
        """Forget the messages that wait for their turn."""
        with self._lock:
            for reader in self._readers:
                reader.queue.clear()


@dataclass(eq=False, slots=True)
class Turn:
    """A message that is with its handler."""

    done: bool = False
    left: bool = False
    """Whether the one who handed it over has gone away meanwhile."""


@dataclass(eq=False, slots=True)
class Reader:
    """Hands messages to a handler, one at a time and in order."""

    topic: str
    handler: Handler
    patterns: bool = True
    queue: deque[Message] = field(default_factory=deque)
    _busy: bool = False
    _stopped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reads(self, topic: str) -> bool:
        """Whether messages of that topic are for this reader."""
        if not self.patterns or not self.topic.endswith(ANY):
            return topic == self.topic
        return len(topic) >= len(self.topic) and topic.startswith(self.topic[:-1])

    def run(self) -> None:
        """Hand over what waits, unless a message is with the handler: then its end goes on with the next."""
        with self._lock:
            if self._busy:
                return
            self._busy = True
        self._run()

    def _run(self) -> None:
        while (message := self._next()) is not None:
            turn = Turn()
            try:
                self.handler(message, lambda error, turn=turn: self._done(turn))  # type: ignore[misc]  # its own turn
            except Exception:
                log.exception("the reader of %s failed: its message is gone", self.topic)
                turn.done = True
            with self._lock:
                turn.left = not turn.done
            if turn.left:
                return

    def _next(self) -> Message | None:
        with self._lock:
            if self._stopped or not self.queue:
                self._busy = False
                return None
            return self.queue.popleft()

    def _done(self, turn: Turn) -> None:
        with self._lock:
            if turn.done:
                return
            turn.done = True
            left = turn.left
        if left:
            self._run()

    def stop(self) -> None:
        """Hand over nothing more."""
        with self._lock:
            self._stopped = True
