"""Time and chance as the client uses them. Nothing else in the package waits, reads a clock or draws a number.

Where the client waits because the sidecar said so (between two tries of a call, until it is healthy), tests may put a
time of their own in the place of the machine's, with `replaced`. All else is real.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Time(Protocol):
    """Somebody's time."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""

    async def async_sleep(self, seconds: float) -> None:
        """Suspend the calling task."""


class _Real:
    """The machine's."""

    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)
    async_sleep = staticmethod(asyncio.sleep)


REAL = _Real()
_times: list[Time] = [REAL]

monotonic = time.monotonic
"""Seconds that only grow."""

process_time = time.process_time
"""For how many seconds the processors have worked for this process."""


def monotonic_of_waits() -> float:
    """Seconds that only grow, of the time that `sleep` and `async_sleep` wait in."""
    return _times[-1].monotonic()


def sleep(seconds: float) -> None:
    """Block the calling thread before the sidecar is asked again."""
    _times[-1].sleep(seconds)


async def async_sleep(seconds: float) -> None:
    """Suspend the calling task before the sidecar is asked again."""
    await _times[-1].async_sleep(seconds)


@contextmanager
def replaced(by: Time) -> Iterator[None]:
    """Until the block ends, the clients of this process live in another time."""
    _times.append(by)
    try:
        yield
    finally:
        _times.remove(by)


unit_interval = random.random
"""A number in [0, 1)."""


new_id = uuid.uuid4
"""An id that nobody else has."""


def wait(event: threading.Event, seconds: float) -> bool:
    """Block the calling thread, but not for longer than until the event is set; whether it is."""
    return event.wait(seconds)
