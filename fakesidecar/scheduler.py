"""What happens when a plan says so: the part of Dapr's scheduler service (dapr/go-etcd-cron).

    scheduler = Scheduler(clock, lock)
    scheduler.start(Plan(now, parse("@daily")), lambda task: ring())

A tick is delivered again, as its policy says, until it succeeds or is given up. Then comes the next one by the plan,
counted from when the last one should have been. Ticks that are late follow each other a millisecond apart, and so do
those of a schedule, or of retries, without a pause; after a thousand these come once a second, which the log says.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from heapq import heappop, heappush, heappushpop
from typing import Any

from fakesidecar.clock import Clock, Timer
from fakesidecar.schedule import BURST, CALM, SHORTEST, Plan

log = logging.getLogger("fakesidecar.scheduler")


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """How often a tick that failed is tried again, and when; the default policy is this class's own."""

    interval: float | None = 1.0
    """Seconds, counted from when the tick should have been; None is none at all."""
    max_retries: int | None = 3
    """None: for ever."""


NEVER = math.inf
"""When what comes no more comes."""
DROP = FailurePolicy(None, 0)
"""A tick that failed is given up."""

Delivery = Callable[["Task"], bool | None]
"""Does what is to be done; None: it is under way, and `Scheduler.done` will be told how it ended."""


class Task:
    """Something that was planned."""

    __slots__ = ("attempt", "count", "deliver", "finished", "over", "plan", "policy", "tick")

    def __init__(self, plan: Plan, deliver: Delivery, policy: FailurePolicy, finished: Callable[[], None]) -> None:
        self.plan, self.deliver, self.policy, self.finished = plan, deliver, policy, finished
        self.tick = NEVER
        """When the tick that comes next, or is being delivered, should be."""
        self.count = 0
        """How many ticks are behind."""
        self.attempt = 0
        """How often the tick has failed."""
        self.over = False

    @property
    def standing(self) -> Standing:
        """How far it has come."""
        return Standing(self.tick, self.count, self.attempt)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a task has come: what it takes to go on with its plan elsewhere."""

    tick: float
    count: int
    attempt: int


class Scheduler:
    """Delivers the ticks of many plans, in order, with one timer of the clock."""

    def __init__(self, clock: Clock, lock: AbstractContextManager[Any]) -> None:
        self._clock = clock
        self._lock = lock
        """Held while something is delivered."""
        self._order = itertools.count()
        self._queue: list[tuple[float, int, Task]] = []
        self._timer: Timer | None = None
        self._firing = False

    def start(
        self,
        plan: Plan,
        deliver: Delivery,
        *,
        policy: FailurePolicy = FailurePolicy(),
        finished: Callable[[], None] = lambda: None,
    ) -> Task:
        """Follow a plan, delivering at once what is due already; `finished` is called after the last tick."""
        task = Task(plan, deliver, policy, finished)
        if plan.schedule is not None and plan.schedule.restless:
            log.warning("A schedule leaves no pause between its ticks: after %d they come once a second", BURST)
        with self._lock:
            self._await(task, self._planned(task, plan.first()))
            self._fire()
        return task

    def resume(
        self,
        plan: Plan,
        standing: Standing,
        deliver: Delivery,
        *,
        policy: FailurePolicy = FailurePolicy(),
        finished: Callable[[], None] = lambda: None,
    ) -> Task:
        """Follow a plan from where a task stood."""
        task = Task(plan, deliver, policy, finished)
        task.tick, task.count, task.attempt = standing.tick, standing.count, standing.attempt
        with self._lock:
            self._await(task, self._retried(task) if task.attempt else self._from_now(task, task.tick))
            self._arm()
        return task

    def cancel(self, task: Task) -> None:
        """Follow its plan no more, and finish nothing."""
        task.over = True

    def reset(self) -> None:
        """Forget all plans."""
        with self._lock:
            for _, _, task in self._queue:
                task.over = True
            self._queue.clear()
            self._arm()

    def done(self, task: Task, succeeded: bool) -> None:
        """A delivery that was under way has ended."""
        with self._lock:
            self._await(task, self._after(task, succeeded))
            self._fire()

    # --- under the lock ---

    def _fire(self, skip: Callable[[float], bool] = lambda when: False) -> None:
        """Deliver what is due, and what the clock can skip to."""
        if self._firing:
            return
        self._firing = True
        queue, order, after, now = self._queue, self._order, self._after, self._clock.now()
        first = heappop(queue) if queue else None
        try:
            while first is not None:
                when, _, task = first
                if when > now:
                    if not skip(when):
                        heappush(queue, first)
                        break
                    now = when
                again = NEVER
                if not task.over and (succeeded := task.deliver(task)) is not None:
                    again = after(task, succeeded)
                if again < NEVER:
                    first = heappushpop(queue, (again, next(order), task))
                else:
                    first = heappop(queue) if queue else None
        finally:
            self._firing = False
            self._arm()

    def _await(self, task: Task, when: float) -> None:
        if when < NEVER:
            heappush(self._queue, (when, next(self._order), task))

    def _after(self, task: Task, succeeded: bool) -> float:
        """When a task whose delivery has ended is to be seen to again, perhaps never."""
        if task.over:
            return NEVER
        if not succeeded and (task.policy.max_retries is None or task.attempt < task.policy.max_retries):
            task.attempt += 1
            return self._retried(task)
        task.attempt = 0
        task.count += 1
        tick = task.plan.next(task.tick, task.count)
        if tick is not None and tick > self._clock.now():  # as most are: the rest is for those that are not
            task.tick = tick
            return tick
        return self._planned(task, tick)

    def _planned(self, task: Task, tick: float | None) -> float:
        if tick is None:
            task.over = True
            task.finished()
            return NEVER
        task.tick = tick
        return self._from_now(task, tick)

    def _retried(self, task: Task) -> float:
        interval = task.policy.interval or 0.0
        pause = SHORTEST
        if interval < SHORTEST and task.attempt >= BURST:
            pause = CALM
            if task.attempt == BURST:
                log.warning("A tick that fails is retried without a pause: after %d times, once a second", BURST)
        return max(task.tick + task.attempt * interval, self._clock.now() + pause)

    def _from_now(self, task: Task, when: float) -> float:
        now = self._clock.now()
        if when > now:
            return when
        return now + SHORTEST if task.count else now

    def _arm(self) -> None:
        """See to it that the clock wakes this up for what is first in the queue."""
        while self._queue and self._queue[0][2].over:
            heappop(self._queue)
        due = self._queue[0][0] if self._queue else None
        if self._timer is not None:
            if self._timer.when == due and not self._timer.cancelled:
                return
            self._timer.cancel()
        self._timer = None if due is None else self._clock.call_at(due, self._wake_up)

    def _wake_up(self) -> None:
        with self._lock:
            self._fire(self._clock.skip_to)
