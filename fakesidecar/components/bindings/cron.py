"""`bindings.cron`: an event per tick of a schedule (components-contrib bindings/cron)."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from fakesidecar import golang
from fakesidecar.components.bindings import Cancel, Event, Handler, InputBinding
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.resources.component import Component
from fakesidecar.schedule import Plan, Schedule, parse

if TYPE_CHECKING:
    from fakesidecar.clock import Clock, Timer

log = logging.getLogger("fakesidecar.bindings.cron")


@component("bindings.cron", features=("INPUT_BINDING",))
class Cron(InputBinding):
    """Ticks; one that fails is not made up for."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        text = spec.setting("schedule")
        if not text:
            raise ComponentError("schedule not set")
        try:
            self._schedule: Schedule = parse(text, seconds_optional=True)
        except golang.GoError as error:
            raise ComponentError(f"invalid schedule format '{text}': {error}") from error

    def read(self, handler: Handler) -> Cancel:
        def tick(due: float) -> None:
            handler(Event(metadata={"timeZone": "Local", "readTimeUTC": golang.format_time(due)}), self._answered)

        return Ticking(self.around.clock, self._schedule, tick).stop

    def _answered(self, error: BaseException | None) -> None:
        if error is not None:
            log.debug("%s: the tick was not taken: %s", self.spec.name, error)


class Ticking:
    """Calls back at every tick of a schedule, from now until it is stopped."""

    def __init__(self, clock: Clock, schedule: Schedule, tick: Callable[[float], None]) -> None:
        self._clock, self._tick = clock, tick
        self._plan, self._count = Plan(clock.now(), schedule), 0
        self._timer: Timer | None = None
        self._stopped = False
        self._wait(clock.now())

    def stop(self) -> None:
        """Call back no more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self, after: float) -> None:
        due = self._plan.next(after, self._count)
        if due is not None and due < math.inf and not self._stopped:
            self._timer = self._clock.call_at(due, lambda: self._fire(due))

    def _fire(self, due: float) -> None:
        self._count += 1
        self._wait(max(due, self._clock.now()))
        self._tick(due)
