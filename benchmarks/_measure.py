"""Timing, interleaved: medians of rounds, so that a busy machine slows all candidates alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 9

COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The environment of an installed package: its modules are compiled once, not at every start."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    reached: str
    target: str
    met: bool | None
    """None when there was nothing to compare with."""


def seconds_per_call(candidates: dict[str, Callable[[], object]], calls: int, rounds: int = ROUNDS) -> dict[str, float]:
    """The median seconds of one call of each candidate, measured round by round in turn."""
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values():
        call()
    for _ in range(rounds):
        for name, call in candidates.items():
            started = time.perf_counter()
            for _ in range(calls):
                call()
            found[name].append((time.perf_counter() - started) / calls)
    return {name: statistics.median(times) for name, times in found.items()}


def best_seconds(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median seconds of an action that was done once before."""
    action()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def python_seconds(code: str, rounds: int = 7) -> float:
    """The median seconds of a fresh interpreter that runs the code, less those of one that runs nothing."""

    def run(text: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", text], check=True, env=COMPILED)
        return time.perf_counter() - started

    run(code)
    pairs = [(run(code), run("pass")) for _ in range(rounds)]
    return statistics.median(whole - bare for whole, bare in pairs)


def python_megabytes(code: str) -> float:
    """The number that a fresh interpreter prints when it runs the code."""
    return float(subprocess.run([sys.executable, "-c", code], check=True, env=COMPILED, capture_output=True).stdout)


def at_most(what: str, reached: float, target: float, unit: str, scale: float = 1.0) -> Row:
    """A line for something that is to stay under a limit."""
    return Row(
        what, f"{reached * scale:.3g} {unit}".strip(), f"≤ {target * scale:.3g} {unit}".strip(), reached <= target
    )
