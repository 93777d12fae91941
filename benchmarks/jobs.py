"""Jobs: how many ticks of virtual time fit into a second of real time."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks._measure import Row
from fakesidecar import Options, Sidecar, VirtualClock
from fakesidecar.core.jobs import Job, Triggered

TICKS = 200_000
ROUNDS = 5
GOAL = 1_000_000
SCHEDULES = {
    "a job `@every 1s`": ["@every 1s"],
    "a job `* * * * * *`": ["* * * * * *"],
    "a hundred jobs `@every 1s`": ["@every 1s"] * 100,
}


def rows() -> Iterator[Row]:
    """Ticks that a function takes; no application is told."""
    for what, schedules in SCHEDULES.items():
        reached = max(ticks_per_second(schedules) for _ in range(ROUNDS))
        yield Row(f"ticks per second, {what}", f"{reached / 1e6:.2f} million", "1 million", reached >= GOAL)


def ticks_per_second(schedules: list[str]) -> float:
    """Ticks per second of this process, after the jobs were scheduled."""
    clock = VirtualClock()
    sidecar = Sidecar(Options(app_id="bench"), clock=clock)
    sidecar.core.jobs.receiver = handled
    for number, schedule in enumerate(schedules):
        sidecar.core.jobs.schedule(Job(str(number), schedule=schedule))
    began = time.process_time()
    clock.advance(TICKS / len(schedules))
    return TICKS / (time.process_time() - began)


def handled(tick: Triggered) -> bool:
    return True
