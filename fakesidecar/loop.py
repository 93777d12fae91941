"""The event loop in a background thread that all sidecars of a process share; it lives as long as one of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

STOP_SECONDS = 5.0


class LoopThread:
    """An event loop in a thread of its own; `acquire` and `release` count its users."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def acquire(self) -> asyncio.AbstractEventLoop:
        """The loop, running; give it back with `release`."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                started = threading.Event()
                self._loop.call_soon(started.set)
                self._thread = threading.Thread(target=self._run, args=(self._loop,), name="fakesidecar", daemon=True)
                self._thread.start()
                started.wait(STOP_SECONDS)
            self._users += 1
            return self._loop

    def release(self) -> None:
        """Give the loop back; the last user stops it."""
        with self._lock:
            self._users -= 1
            if self._users or self._loop is None or self._thread is None:
                return
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP_SECONDS)
            self._loop = self._thread = None

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            for task in (tasks := asyncio.all_tasks(loop)):
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


SHARED = LoopThread()


def run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Run a coroutine on a loop in another thread, and wait for it; who waits no more, cancels it."""
    running = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return running.result(seconds)
    except BaseException:
        running.cancel()
        raise
