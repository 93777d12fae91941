"""The apps of this process whose workflows may call each other's, and the order in which messages are carried.

All engines share one lock, held for microseconds, so that a call from app to app cannot lock two of them against each
other. What follows from a change is carried out after it, one message after the other, before the lock is released.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakesidecar.clock import Clock
    from fakesidecar.core.workflow.engine import Engine

log = logging.getLogger("fakesidecar.workflow")


class Apps:
    """Every engine of this process, by app id."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._queue: deque[Callable[[], None]] = deque()
        self._engines: dict[str, list[Engine]] = {}
        self._undelivered: dict[str, list[Callable[[Engine], None]]] = {}

    def change(self) -> AbstractContextManager[None]:
        """Change something, and carry out what follows from it."""
        return self

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1

    def __exit__(self, failure: type[BaseException] | None, *more: object) -> None:
        try:
            while failure is None and self._depth == 1 and self._queue:
                self._carry_out(self._queue.popleft())
        finally:
            self._depth -= 1
            self._lock.release()

    @staticmethod
    def _carry_out(action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:
            log.exception("a message between workflows was lost")

    def later(self, action: Callable[[], None]) -> None:
        """Carry this out when the change under way is complete."""
        self._queue.append(action)

    def join(self, app: str, engine: Engine) -> None:
        """An engine is there; it gets what was meant for its app before."""
        with self.change():
            self._engines.setdefault(app, []).append(engine)
            for deliver in self._undelivered.pop(app, ()):
                self.deliver(app, deliver)

    def leave(self, app: str, engine: Engine) -> None:
        """An engine is gone."""
        with self.change():
            engines = self._engines.get(app, [])
            if engine in engines:
                engines.remove(engine)
            if not engines:
                self._engines.pop(app, None)

    def find(self, app: str) -> Engine | None:
        """The engine of an app; of several the latest."""
        engines = self._engines.get(app)
        return engines[-1] if engines else None

    def deliver(self, app: str, action: Callable[[Engine], None]) -> None:
        """Hand something to another app's engine, as soon as there is one: Dapr tries again for ever, too."""
        engine = self.find(app)
        if engine is None:
            self._undelivered.setdefault(app, []).append(action)
        else:
            self.later(lambda: action(engine))


APPS = Apps()
"""The apps of this process."""


class change:  # noqa: N801  # a context manager, used as `with change(clock):`
    """Change something: the clock stands still until all that follows is under way."""

    __slots__ = ("_busy",)

    def __init__(self, clock: Clock) -> None:
        self._busy = clock.busy()

    def __enter__(self) -> None:
        self._busy.__enter__()
        APPS.__enter__()

    def __exit__(self, failure: type[BaseException] | None, *more: object) -> None:
        try:
            APPS.__exit__(failure)
        finally:
            self._busy.__exit__(None, None, None)
