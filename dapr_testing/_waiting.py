"""Waiting, in real time, for what other threads do: told by those who listen to a recording, or to a broker."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SECONDS = 5.0
"""How long a test waits when it does not say."""

Listeners = list[Callable[[Any], None]]


@contextmanager
def listening(listeners: Listeners, listener: Callable[[Any], None]) -> Iterator[None]:
    """Until the block ends, be one of those who hear of what happens."""
    listeners.append(listener)
    try:
        yield
    finally:
        listeners.remove(listener)


def waited_for(listeners: Listeners, there: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is there, which is looked for whenever something happens; False when time is up."""
    happened = threading.Event()
    with listening(listeners, lambda event: happened.set() if there() else None):
        return there() or happened.wait(seconds)


async def waited_for_async(listeners: Listeners, there: Callable[[], bool], seconds: float) -> bool:
    """`waited_for`, for coroutines: the event loop runs on."""
    happened, loop = asyncio.Event(), asyncio.get_running_loop()

    def look(event: object) -> None:
        if there():
            loop.call_soon_threadsafe(happened.set)

    with listening(listeners, look):
        if there():
            return True
        try:
            await asyncio.wait_for(happened.wait(), seconds)
        except TimeoutError:
            return False
        return True
