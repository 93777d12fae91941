"""Turns: an actor does one thing after the other, in the order in which it was asked."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from fakesidecar.errors import ActorStackDepth

Begin = Callable[[], None]


class Turns:
    """Whose turn it is with one actor. Calls of one reentrancy id nest, as deep as the actor's type allows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: object = None
        self._depth = 0
        self._waiting: deque[tuple[object, Begin]] = deque()

    @property
    def idle(self) -> bool:
        """Whether it is nobody's turn."""
        return self._depth == 0

    def enter(self, begin: Begin, *, id: str | None = None, depth: int = 1) -> None:
        """Have `begin` called when it is one's turn; whoever begins must `leave`.

        Calls of one `id` nest up to the `depth`; one more is refused.
        """
        holder: object = object() if id is None else id
        with self._lock:
            if self._depth and holder != self._holder:
                self._waiting.append((holder, begin))
                return
            if self._depth >= depth:
                raise ActorStackDepth
            self._holder = holder
            self._depth += 1
        begin()

    def leave(self) -> None:
        """The turn is over: the next one begins."""
        with self._lock:
            self._depth -= 1
            if self._depth or not self._waiting:
                return
            self._holder, begin = self._waiting.popleft()
            self._depth = 1
        begin()
