"""What a worker's work runs on: threads, an event loop, and a gate that lets so much through at once."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from dapr_client import _clock
from dapr_client.workflow._logging import logger

Job = tuple[Callable[..., object], tuple[Any, ...]]
"""A function, and what it is called with."""

PATIENCE = 0.005
"""For so long, in seconds, jobs may wait for one thread before another one helps."""

CALMEST = 8
"""How many times so long, after some time in which one thread was enough."""

SHORT = 0.001
"""For so long, in seconds, nothing may be done in this process during a job that others are to follow in its thread."""


class Pool:
    """Threads that do jobs in order, so many at once at most. They are made when needed, and end with the pool.

    One of them is enough while jobs are short and keep the interpreter busy: more would only have it change hands. When
    no job has begun for a moment another one helps; whose last job was short leaves the rest to those who are at work.

    They are daemons: a job that never returns does not keep the process alive.
    """

    def __init__(self, name: str, threads: int, patience: float = PATIENCE) -> None:
        self._name, self._most, self._patience = name, threads, patience
        self._jobs: deque[Job] = deque()
        self._threads: list[threading.Thread] = []
        self._working: set[threading.Thread] = set()
        """Who is at work, but for those whose jobs take long."""
        self._coming = self._idle = self._begun = 0
        """How many threads are about to work, how many wait to be called, how many jobs have begun."""
        self._calm = 1
        """How many times its patience a watch lasts."""
        self._watched = self._slow = self._closed = False
        """Whether one of them sees to it that jobs begin, and whether one that has ended since took long."""
        lock = threading.Lock()
        self._lock, self._called, self._hurried = lock, threading.Condition(lock), threading.Condition(lock)

    def submit(self, function: Callable[..., object], *given: Any) -> None:
        """Do a job: call a function. A closed pool does nothing."""
        with self._lock:
            if not self._closed:
                self._jobs.append((function, given))
                self._call()

    def close(self, seconds: float) -> bool:
        """Forget the jobs that have not begun, wait for those that have; whether all are done."""
        with self._lock:
            self._closed = True
            self._jobs.clear()
            self._coming, self._idle = self._coming + self._idle, 0
            self._called.notify_all()
            self._hurried.notify_all()
        deadline = _clock.monotonic() + seconds
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - _clock.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _call(self) -> None:
        """Have one more thread see what there is to do, unless those who do are enough."""
        if self._watched and (self._working or self._coming):
            return
        if self._idle:
            self._coming, self._idle = self._coming + 1, self._idle - 1
            self._called.notify()
        elif len(self._threads) < self._most:
            self._coming += 1
            thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        me, short = threading.current_thread(), True
        with self._lock:
            self._coming -= 1
        while (job := self._next(me, short)) is not None:
            function, given = job
            begin, busy = _clock.monotonic(), _clock.process_time()
            try:
                function(*given)
            except BaseException:
                logger.exception("a job of %s failed", self._name)
            lasted = _clock.monotonic() - begin
            short = lasted < SHORT or lasted - (_clock.process_time() - busy) < SHORT

    def _next(self, me: threading.Thread, short: bool) -> Job | None:
        """The next job, for a thread whose last one was short or not; None when the pool is closed."""
        with self._lock:
            self._working.discard(me)
            if not short:
                self._slow = True
                self._hurried.notify_all()
            while not self._closed:
                if self._jobs and not (short and (self._working or self._coming)):
                    return self._take(me)
                if self._jobs and not self._watched:
                    short = self._watch()
                else:
                    self._idle += 1
                    self._called.wait()
                    self._coming -= 1
                    short = True
            return None

    def _take(self, me: threading.Thread) -> Job:
        self._working.add(me)
        self._begun += 1
        job = self._jobs.popleft()
        if self._jobs:
            self._call()
        return job

    def _watch(self) -> bool:
        """Wait a moment; whether jobs have begun meanwhile, and short ones. Others need no help then.

        While that is so it looks less often: a look stops whoever is at work.
        """
        self._watched, self._slow, begun = True, False, self._begun
        self._hurried.wait(self._patience * self._calm)
        self._watched = False
        if self._begun == begun:
            self._working.clear()  # they have long jobs
        well = self._begun != begun and not self._slow
        self._calm = min(2 * self._calm, CALMEST) if well else 1
        return well


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
    """Lets so much begin at once; the rest waits outside, in order, and begins on a pool's threads."""

    def __init__(self, most: int, pool: Pool) -> None:
        self._most, self._pool = most, pool
        self._inside = 0
        self._outside: deque[Job] = deque()
        self._lock = threading.Lock()

    def enter(self, function: Callable[..., object], *given: Any) -> None:
        """Call a function here and now, or there when somebody leaves. Whoever has entered leaves."""
        with self._lock:
            if self._inside >= self._most:
                self._outside.append((function, given))
                return
            self._inside += 1
        function(*given)

    def leave(self) -> None:
        """Something is done: the next may begin."""
        with self._lock:
            if not self._outside:
                self._inside -= 1
                return
            function, given = self._outside.popleft()
        self._pool.submit(function, *given)

    def do(self, function: Callable[..., object], *given: Any) -> None:
        """Enter with a function, and leave when it has returned."""
        self.enter(self._do, function, given)

    def _do(self, function: Callable[..., object], given: tuple[Any, ...]) -> None:
        try:
            function(*given)
        finally:
            self.leave()

    def clear(self) -> None:
        """Forget what waits outside."""
        with self._lock:
            self._outside.clear()


class Outbox:
    """Sends so much at once at most, without waiting for answers; the rest is sent as they come, in order."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way = 0
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._here = threading.local()

    def put(self, send: Callable[..., object], *given: Any) -> None:
        """Send something, now or later: call a function. When the answer is there, call `answered`."""
        with self._changed:
            if self._under_way >= self._most or self._waiting:
                self._waiting.append((send, given))
                return
            self._under_way += 1
        send(*given)

    def answered(self) -> None:
        """There is one answer more, or none will come."""
        with self._changed:
            self._under_way -= 1
            if not self._waiting:
                self._changed.notify_all()
                return
        self._send_waiting()

    def wait(self, seconds: float) -> bool:
        """Whether everything is answered, within that time."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._under_way or self._waiting), max(0.0, seconds))

    def _send_waiting(self) -> None:
        if getattr(self._here, "sends", False):
            return  # answered at once: the loop below goes on, so that the stack does not grow
        self._here.sends = True
        try:
            while (job := self._next()) is not None:
                function, given = job
                function(*given)
        finally:
            self._here.sends = False

    def _next(self) -> Job | None:
        with self._changed:
            if not self._waiting or self._under_way >= self._most:
                return None
            self._under_way += 1
            return self._waiting.popleft()
