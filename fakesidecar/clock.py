"""Time, as the sidecar knows it: what time it is, and what is to happen later.

There are two clocks. `SystemClock` is the machine's. `VirtualClock` stands still until a test moves it:

    clock = VirtualClock()
    clock.call_later(60, ring)
    clock.advance(59)      # nothing
    clock.advance(1)       # ring() is called, here and now

Nothing else in the sidecar reads time, sleeps or schedules, so whoever moves the clock moves TTLs, leases,
reminders, jobs, cron, workflow timers, retry delays and redelivery together. Global time is never patched.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

log = logging.getLogger("fakesidecar.clock")

START = datetime(2030, 1, 1, tzinfo=UTC)
"""Where a virtual clock stands when nobody says otherwise."""

SETTLE_SECONDS = 10.0
"""How long, in real time, a virtual clock that is moved waits for what is under way."""

LIMITED_SECONDS = 0.02
"""The same when what is under way has a time limit on the clock."""

_OWN: ContextVar[int] = ContextVar("busy", default=0)
"""How much of what is under way the caller itself is in the middle of."""


class Timer:
    """Something that is to happen at a time; `cancel()` takes it back."""

    __slots__ = ("_callback", "when")

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self._callback = None

    @property
    def cancelled(self) -> bool:
        return self._callback is None

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Clock(ABC):
    """What time it is (seconds since 1970, UTC), and what is to happen when."""

    def __init__(self) -> None:
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._lock = threading.RLock()
        self._under_way = 0
        self._limited = 0
        self._counting = threading.RLock()
        self._became_idle = threading.Condition(self._counting)
        self._waiting = 0
        """How many wait for that."""

    @abstractmethod
    def now(self) -> float:
        """Seconds since 1970, UTC."""

    @abstractmethod
    def pass_time(self, seconds: float) -> None:
        """Let time pass in the calling thread: the machine's is waited for, a virtual one moves at once."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` when the clock shows `when` (seconds since 1970); timers of one instant keep their order."""
        timer = Timer(when, callback)
        with self._lock:
            heapq.heappush(self._timers, (when, next(self._order), timer))
        self._changed()
        return timer

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` after `seconds`."""
        return self.call_at(self.now() + seconds, callback)

    def skip_to(self, when: float) -> bool:
        """Go on to `when` at once; only for a timer that is firing, has nothing left to do now and more to do then.

        True when that was on the clock's way, and nothing else is due before; otherwise call `call_at`.
        """
        return False

    def pending(self) -> int:
        """How many timers wait."""
        with self._lock:
            return sum(not timer.cancelled for _, _, timer in self._timers)

    def next_timer(self) -> float | None:
        """When the earliest timer that waits is due, in seconds since 1970."""
        with self._lock:
            while self._timers and self._timers[0][2].cancelled:
                heapq.heappop(self._timers)
            return self._timers[0][0] if self._timers else None

    def clear(self) -> None:
        """Forget every timer."""
        with self._lock:
            self._timers.clear()

    def busy(self) -> AbstractContextManager[None]:
        """Something is under way that ends by itself, and soon: a delivery to an application, a turn of a worker.

        A virtual clock that is moved waits for it, so that what follows from it happens at its right time.
        """
        return _Busy(self)

    def begin(self) -> None:
        """Something is under way, until `end` is called, by whichever thread; see `busy`."""
        with self._counting:
            self._under_way += 1

    def take_over(self) -> None:
        """The caller is in the middle of something that `begin` was called for, to the end of its context."""
        _OWN.set(_OWN.get() + 1)

    async def sleep(self, seconds: float) -> None:
        """Let time pass in a coroutine, whoever moves the clock; what it is in is not under way meanwhile."""
        loop, own = asyncio.get_running_loop(), _OWN.get()
        passed = asyncio.Event()
        aside = [True]

        def resume() -> None:
            with self._counting:
                if aside:
                    aside.clear()
                    for _ in range(own):
                        self.begin()

        def ring() -> None:
            resume()
            loop.call_soon_threadsafe(passed.set)

        timer = self.call_later(seconds, ring)
        for _ in range(own):
            self.end()
        try:
            await passed.wait()
        finally:
            timer.cancel()
            resume()

    def end(self) -> None:
        """What was begun has ended."""
        with self._counting:
            self._under_way -= 1
            if self._waiting:
                self._became_idle.notify_all()

    def limit(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after `seconds`, unless what is returned is called before.

        Meanwhile a clock that is moved waits for what is under way only for a moment, so that the time can run out.
        """
        timer = self.call_later(seconds, callback)
        left = [True]
        with self._became_idle:
            self._limited += 1

        def lift() -> None:
            timer.cancel()
            with self._became_idle:
                if left:
                    left.clear()
                    self._limited -= 1

        return lift

    def wait_until_idle(self, seconds: float = SETTLE_SECONDS) -> bool:
        """Wait until nothing is under way but what the caller is in; False when `seconds` of real time are over."""
        own = _OWN.get()
        with self._became_idle:
            self._waiting += 1
            try:
                return self._became_idle.wait_for(lambda: self._under_way <= own, seconds)
            finally:
                self._waiting -= 1

    def _pop_due(self, now: float) -> Timer | None:
        with self._lock:
            due = self.next_timer()
            return heapq.heappop(self._timers)[2] if due is not None and due <= now else None

    def _changed(self) -> None:
        """A timer was added: whoever waits for the earliest one looks again."""


class _Busy:
    """A clock's caller is in the middle of something."""

    __slots__ = ("_clock", "_own")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __enter__(self) -> None:
        self._clock.begin()
        self._own = _OWN.set(_OWN.get() + 1)

    def __exit__(self, *failure: object) -> None:
        _OWN.reset(self._own)
        self._clock.end()


class SystemClock(Clock):
    """The machine's time; timers fire on the event loop that the clock is attached to."""

    def __init__(self) -> None:
        super().__init__()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._users = 0
        """How many sidecars go by this clock."""
        self._wake_up: asyncio.TimerHandle | None = None

    def now(self) -> float:
        return time.time()

    def pass_time(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Fire timers on this loop from now on (call it on the loop's own thread), until as many `detach` as attach."""
        self._users += 1
        self._loop = loop
        self._arm()

    def detach(self) -> None:
        """Fire no more timers, unless somebody else still goes by this clock."""
        self._users -= 1
        if self._users:
            return
        if self._wake_up is not None:
            self._wake_up.cancel()
        self._loop = self._wake_up = None

    def _changed(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._arm)

    def _arm(self) -> None:
        if self._loop is None:
            return
        if self._wake_up is not None:
            self._wake_up.cancel()
        due = self.next_timer()
        self._wake_up = None if due is None else self._loop.call_later(max(0.0, due - self.now()), self._fire)

    def _fire(self) -> None:
        while (timer := self._pop_due(self.now())) is not None:
            timer.fire()
        self._arm()


class _Turn:
    """Held by whoever moves a clock, again and again within; `free` hears when they are through."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self.free: list[threading.Event] = []

    def acquire(self, *, blocking: bool = True) -> bool:
        if not self._lock.acquire(blocking):
            return False
        self._depth += 1
        return True

    def release(self) -> None:
        self._depth -= 1
        through = not self._depth
        self._lock.release()
        if through:
            for event in [*self.free]:
                event.set()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *failure: object) -> None:
        self.release()


class VirtualClock(Clock):
    """A clock that stands still until somebody moves it, and fires what comes due on the way, in order.

    Before each jump, and at the end, what is under way (`busy`) comes to its end.
    """

    def __init__(self, start: datetime | float = START) -> None:
        super().__init__()
        self._now = self._start = start.timestamp() if isinstance(start, datetime) else float(start)
        self._target = self._now
        self._moving = _Turn()

    def now(self) -> float:
        return self._now

    @property
    def time(self) -> datetime:
        """What the clock shows, as an aware datetime in UTC."""
        return datetime.fromtimestamp(self._now, UTC)

    def reset(self) -> None:
        """Go back to where the clock began, and forget every timer."""
        with self._moving:
            self.clear()
            self._now = self._target = self._start

    def advance(self, seconds: float | timedelta) -> None:
        """Move the clock forward, firing every timer on the way at its own time."""
        if isinstance(seconds, timedelta):
            seconds = seconds.total_seconds()
        if seconds < 0:
            raise ValueError(f"a clock does not run backwards: advance({seconds})")
        self.advance_to(self._now + seconds)

    def advance_to(self, when: datetime | float) -> None:
        """Move the clock forward to a time (an aware datetime, or seconds since 1970)."""
        target = when.timestamp() if isinstance(when, datetime) else float(when)
        with self._moving:
            if target < self._now:
                raise ValueError(f"a clock does not run backwards: it shows {self.time}, not {when}")
            self._settle()
            while (due := self.next_timer()) is not None and due <= target:
                self._now = max(self._now, due)
                self._target = target
                while (timer := self._pop_due(self._now)) is not None:
                    timer.fire()
                self._target = self._now
                self._settle()
            self._now = target
            self._settle()

    def pass_time(self, seconds: float) -> None:
        """Move the clock; when somebody else is moving it already, wait until they have come so far, or are through."""
        if seconds <= 0:
            return
        due = self._now + seconds
        if not self._move_to(due):
            self._wait_until(due, seconds)

    def _move_to(self, when: float) -> bool:
        """Move the clock, unless somebody else does."""
        if not self._moving.acquire(blocking=False):
            return False
        try:
            self.advance_to(max(when, self._now))
        finally:
            self._moving.release()
        return True

    def _wait_until(self, due: float, seconds: float) -> None:
        # Whoever moves the clock waits for what is under way; this waits for the clock, and so is not.
        passed, changed = threading.Event(), threading.Event()

        def ring() -> None:
            if own:
                self.begin()
            passed.set()
            changed.set()

        own = self._under_way > 0
        self._moving.free.append(changed)
        timer = self.call_at(due, ring)
        if own:
            self.end()
        while not passed.is_set() and not self._move_to(due):
            changed.wait()
            changed.clear()
            if self._now + seconds < due:  # the clock was put back
                timer.fire()
        self._moving.free.remove(changed)

    def leap_to(self, when: float) -> bool:
        """Move the clock to a time, when nothing is due on the way and nothing is under way; whether it is there."""
        if when <= self._now:
            return True
        if self._under_way or not self._moving.acquire(blocking=False):
            return False
        try:
            due = self.next_timer()
            if due is not None and due <= when:
                return False
            self._now = max(self._now, when)
            return True
        finally:
            self._moving.release()

    def set(self, when: float) -> None:
        """Put the clock to a time, backwards too, without anything happening: for what was kept at that time."""
        with self._moving:
            self._now = when

    @contextmanager
    def auto_advance(self, *, pause: float = 0.001) -> Iterator[None]:
        """Until the block ends, the clock jumps to the next timer by itself: for tests that wait for what it does.

        It does so when nothing is under way, and after a `pause` of real time, in which the test may act.
        """
        ended = threading.Event()

        def run() -> None:
            while not ended.wait(pause):
                self.jump(pause)

        thread = threading.Thread(target=run, name="auto-advance", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def jump(self, patience: float) -> bool:
        """Go on to the next timer, if what is under way ends within so much real time; whether the clock has moved."""
        if not self.wait_until_idle(patience) and not self._limited:
            return False
        due = self.next_timer()
        if due is None:
            return False
        self.advance_to(max(due, self._now))
        return True

    def skip_to(self, when: float) -> bool:
        if when > self._target or self._under_way:
            return False
        if self._timers and (due := self.next_timer()) is not None and due <= when:
            return False
        if when > self._now:
            self._now = when
        return True

    def run_until_idle(self, *, limit: float = 366 * 86400.0) -> None:
        """Advance from timer to timer until none waits, by at most `limit` seconds in all."""
        with self._moving:
            self._settle()
            end = self._now + limit
            while (due := self.next_timer()) is not None and due <= end:
                self.advance_to(max(due, self._now))

    def _settle(self) -> None:
        if not self.wait_until_idle(LIMITED_SECONDS if self._limited else SETTLE_SECONDS) and not self._limited:
            log.warning("after %s s something is still under way: the clock moves on without it", SETTLE_SECONDS)
