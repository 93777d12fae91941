"""What a worker's work runs on: threads, an event loop, and a gate that lets so much through at once."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from queue import Empty, SimpleQueue
from typing import Any

from dapr_client import _clock
from dapr_client.workflow._logging import logger

Job = Callable[[], None]


class Pool:
    """Threads that do jobs in order, so many at once at most. They are made when needed, and end with the pool.

    They are daemons: a job that never returns does not keep the process alive.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._name, self._most = name, threads
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, job: Job) -> None:
        """Do a job. A closed pool does nothing."""
        with self._lock:
            if self._closed:
                return
            self._jobs.put(job)
            if not self._idle.acquire(blocking=False) and len(self._threads) < self._most:
                thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._threads.append(thread)
                thread.start()

    def close(self, seconds: float, *, forget: bool = True) -> bool:
        """Forget the jobs that have not begun (or do them), wait for those that have; whether all are done."""
        with self._lock:
            self._closed = True
            while forget and not self._jobs.empty():
                self._jobs.get()
            for _ in self._threads:
                self._jobs.put(None)
        deadline = _clock.monotonic() + seconds
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - _clock.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except BaseException:
                logger.exception("a job of %s failed", self._name)

    def _next(self) -> Job | None:
        try:
            return self._jobs.get_nowait()
        except Empty:
            self._idle.release()
            return self._jobs.get()


class Loop:
    """An event loop on a thread of its own, which begins with the first coroutine."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine. A closed loop runs nothing."""
        with self._lock:
            if self._closed:
                coroutine.close()
                return
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._run, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            self._loop.call_soon_threadsafe(self._begin, self._loop, coroutine)

    def close(self, seconds: float) -> bool:
        """Wait for the coroutines, cancel those that take longer; whether all are done."""
        with self._lock:
            self._closed = True
        if self._loop is None or self._thread is None:
            return True
        asyncio.run_coroutine_threadsafe(self._finish(max(0.0, seconds)), self._loop)
        self._thread.join(max(0.0, seconds) + 1.0)
        return not self._thread.is_alive()

    def _begin(self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> None:
        task = loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, seconds: float) -> None:
        try:
            if self._tasks:
                _, late = await asyncio.wait(self._tasks, timeout=seconds)
                for task in late:
                    task.cancel()
                if late:
                    await asyncio.wait(late, timeout=1.0)
        finally:
            asyncio.get_running_loop().stop()

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()


class Gate:
    """Lets so much begin at once; the rest waits outside, in order."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0
        self._outside: deque[Job] = deque()
        self._lock = threading.Lock()

    def enter(self, begin: Job) -> None:
        """Begin now, or when somebody leaves."""
        with self._lock:
            if self._inside >= self._most:
                self._outside.append(begin)
                return
            self._inside += 1
        begin()

    def leave(self) -> None:
        """Something is done: the next may begin."""
        with self._lock:
            if not self._outside:
                self._inside -= 1
                return
            begin = self._outside.popleft()
        begin()

    def clear(self) -> None:
        """Forget what waits outside."""
        with self._lock:
            self._outside.clear()
