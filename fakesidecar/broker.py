"""The broker of `pubsub.in-memory`: buses by name, each with its topics.

Sidecars that are given one broker share the buses of equal names; a sidecar that is given none has its own.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass, field
from functools import partial
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


def reads(pattern: str, topic: str) -> bool:
    """Whether messages of a topic are for who subscribed to a topic or a pattern."""
    if not pattern.endswith(ANY):
        return topic == pattern
    return len(topic) >= len(pattern) and topic.startswith(pattern[:-1])


class Bus:
    """Hands each message to every reader of its topic; nobody who comes later gets it, unless it `keeps`."""

    def __init__(self) -> None:
        self.keeps = False
        """Whether what nobody took waits for whoever subscribes next."""
        self.kept: deque[Message] = deque()
        """What waits, oldest first."""
        self._readers: list[Reader] = []
        self._lock = threading.Lock()

    def publish(self, message: Message, at_pattern: Callable[[Message, str], Message]) -> None:
        """Hand a message to the readers that there are now; `at_pattern` makes it the one of a pattern."""
        with self._lock:
            readers = [reader for reader in self._readers if reader.reads(message.topic)]
            for reader in readers:
                reader.queue.append((message, at_pattern(message, reader.topic)))
            if not readers:
                self._keep(message)
        for reader in readers:
            reader.run()

    def subscribe(
        self, topic: str, handler: Handler, at_pattern: Callable[[Message, str], Message], *, patterns: bool = True
    ) -> Cancel:
        """Read a topic, or a pattern of topics where there are `patterns`."""
        reader = Reader(topic, handler, self._refused, patterns)
        with self._lock:
            self._readers.append(reader)
            waiting = [message for message in self.kept if reader.reads(message.topic)]
            self.kept = deque(message for message in self.kept if not reader.reads(message.topic))
            reader.queue.extend((message, at_pattern(message, topic)) for message in waiting)
        reader.run()
        return lambda: self._leave(reader)

    def _refused(self, message: Message) -> None:
        with self._lock:
            self._keep(message)

    def _keep(self, message: Message) -> None:
        if self.keeps:
            self.kept.append(message)

    def _leave(self, reader: Reader) -> None:
        left = reader.stop()
        with self._lock:
            if reader in self._readers:
                self._readers.remove(reader)
                for message in left:
                    self._keep(message)

    def clear(self) -> None:
        """Forget the messages that wait for their turn, and those that are kept."""
        with self._lock:
            self.kept.clear()
            for reader in self._readers:
                reader.queue.clear()


@dataclass(eq=False, slots=True)
class Turn:
    """A message that is with its handler."""

    message: Message
    done: bool = False
    left: bool = False
    """Whether the one who handed it over has gone away meanwhile."""


@dataclass(eq=False, slots=True)
class Reader:
    """Hands messages to a handler, one at a time and in order."""

    topic: str
    handler: Handler
    refused: Callable[[Message], None]
    """Is told of messages that were not taken."""
    patterns: bool = True
    queue: deque[tuple[Message, Message]] = field(default_factory=deque)
    """What was published, and what it is to this reader."""
    _turn: Turn | None = None
    _busy: bool = False
    _stopped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reads(self, topic: str) -> bool:
        """Whether messages of that topic are for this reader."""
        return reads(self.topic, topic) if self.patterns else topic == self.topic

    def run(self) -> None:
        """Hand over what waits, unless a message is with the handler: then its end goes on with the next."""
        with self._lock:
            if self._busy:
                return
            self._busy = True
        self._run()

    def _run(self) -> None:
        while (following := self._next()) is not None:
            turn, message = following
            try:
                self.handler(message, partial(self._done, turn))
            except Exception:
                log.exception("the reader of %s failed: its message is gone", self.topic)
                turn.done = True
            with self._lock:
                turn.left = not turn.done
            if turn.left:
                return

    def _next(self) -> tuple[Turn, Message] | None:
        with self._lock:
            if self._stopped or not self.queue:
                self._busy, self._turn = False, None
                return None
            published, message = self.queue.popleft()
            self._turn = Turn(published)
            return self._turn, message

    def _done(self, turn: Turn, error: Exception | None) -> None:
        with self._lock:
            if turn.done:
                return
            turn.done = True
            left, stopped = turn.left, self._stopped
        if error is not None and not stopped:
            self.refused(turn.message)
        if left:
            self._run()

    def stop(self) -> list[Message]:
        """Hand over nothing more; what was not seen to."""
        with self._lock:
            self._stopped = True
            held = [self._turn.message] if self._turn is not None and not self._turn.done else []
            return held + [published for published, _ in self.queue]
