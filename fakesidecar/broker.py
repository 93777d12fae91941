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
    from collections.abc import Callable, Iterable

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


@dataclass(frozen=True, slots=True)
class Queues:
    """The messages of a bus, as a copy."""

    kept: list[Message]
    waiting: list[tuple[str, list[Message]]]
    """What each reader had not seen to, by what it reads; what was with its handler comes first."""


class Bus:
    """Hands each message to every reader of its topic; nobody who comes later gets it, unless it `keeps`."""

    def __init__(self) -> None:
        self.keeps = False
        """Whether what nobody took waits for whoever subscribes next."""
        self.kept: deque[Message] = deque()
        """What waits, oldest first."""
        self._orphans: list[tuple[str, list[Message]]] = []
        """What readers of a copy had not seen to that nobody has come for yet, by what they read."""
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
            orphan = next((one for one in self._orphans if one[0] == topic), None)
            if orphan is not None:
                self._orphans.remove(orphan)
                waiting[:0] = orphan[1]
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
            self._orphans.clear()
            for reader in self._readers:
                reader.queue.clear()

    def snapshot(self) -> Queues:
        """The messages that nobody has seen to."""
        with self._lock:
            waiting = [(reader.topic, reader.left()) for reader in self._readers]
            return Queues([*self.kept], [*self._orphans, *(one for one in waiting if one[1])])

    def restore(self, queues: Queues, at_pattern: Callable[[Message, str], Message]) -> None:
        """Have the messages that nobody had seen to then, and none else; they stay until `resume` is called."""
        with self._lock:
            self.kept = deque(queues.kept)
            self._orphans = [*queues.waiting]
            readers = tuple(self._readers)
        for reader in readers:
            found = next((one for one in self._orphans if one[0] == reader.topic), None)
            if found is not None:
                self._orphans.remove(found)
            reader.go_back((message, at_pattern(message, reader.topic)) for message in (found[1] if found else ()))

    def resume(self) -> None:
        """Hand over what was restored."""
        for reader in tuple(self._readers):
            reader.run()


@dataclass(eq=False, slots=True)
class Turn:
    """A message that is with its handler."""

    message: Message
    done: bool = False
    left: bool = False
    """Whether the one who handed it over has gone away meanwhile."""
    give_up: Cancel | None = None
    """Lets what its handler says later have no consequence."""


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
                turn.give_up = self.handler(message, partial(self._done, turn))
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

    def go_back(self, queue: Iterable[tuple[Message, Message]]) -> None:
        """Give up what is with the handler, and have another queue."""
        with self._lock:
            self.queue = deque(queue)
            turn = self._turn
            if turn is None or turn.done:
                return
            turn.done = True
            if turn.left:  # else who hands it over goes on
                self._busy, self._turn = False, None
        if turn.give_up is not None:
            turn.give_up()

    def left(self) -> list[Message]:
        """What was not seen to."""
        with self._lock:
            return self._left()

    def stop(self) -> list[Message]:
        """Hand over nothing more; what was not seen to."""
        with self._lock:
            self._stopped = True
            return self._left()

    def _left(self) -> list[Message]:
        held = [self._turn.message] if self._turn is not None and not self._turn.done else []
        return held + [published for published, _ in self.queue]
