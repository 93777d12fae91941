"""Which calls of a test run ever saw a failure, and which kinds: what `--dapr-error-coverage` reports and enforces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakesidecar.faults import Effect
    from fakesidecar.interceptors.recording import Event

REPORT = "report"
WITHOUT = frozenset({"control", "health", "metadata"})
"""Blocks that clients ask by themselves."""


class ErrorCoverage:
    """The operations that were called, and what went wrong with them."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()
        self._failures: Counter[tuple[str, str]] = Counter()

    def note(self, event: Event) -> None:
        """Count a call."""
        if event.call.block in WITHOUT:
            return
        self._calls[event.name] += 1
        if event.fault is not None:
            self._failures.update((event.name, class_of(effect)) for effect in event.fault.effects)
        elif event.outcome != "OK":
            self._failures[event.name, event.outcome] += 1

    # --- between processes ---

    def to_plain(self) -> Mapping[str, list[list[str | int]]]:
        """It as plain values, for the process that reports."""
        return {
            "calls": [[name, count] for name, count in self._calls.items()],
            "failures": [[name, kind, count] for (name, kind), count in self._failures.items()],
        }

    def add(self, plain: Mapping[str, list[list[str | int]]]) -> None:
        """Count what another process counted."""
        self._calls.update({str(name): int(count) for name, count in plain["calls"]})
        self._failures.update({(str(name), str(kind)): int(count) for name, kind, count in plain["failures"]})

    # --- what came of it ---

    @property
    def untried(self) -> list[str]:
        """The operations that never saw a failure."""
        return sorted(self._calls.keys() - {name for name, _ in self._failures})

    @property
    def percent(self) -> float:
        """How many of a hundred operations saw one."""
        return 100.0 if not self._calls else 100.0 * (1 - len(self.untried) / len(self._calls))

    def lines(self) -> Iterator[str]:
        """The report."""
        width = max(map(len, self._calls), default=0)
        for name, calls in sorted(self._calls.items()):
            kinds = sorted((kind, count) for (called, kind), count in self._failures.items() if called == name)
            seen = ", ".join(f"{kind} × {count}" for kind, count in kinds)
            yield f"{name:<{width}}  {calls:>6} call(s)  {seen or '-'}"
        tried = len(self._calls) - len(self.untried)
        yield f"{tried} of {len(self._calls)} operations saw a failure: {self.percent:.0f} %"
        if self.untried:
            yield f"never: {', '.join(self.untried)}"


def class_of(effect: Effect) -> str:
    """The kind of failure that an effect is; whether the call was carried out makes two of one."""
    return f"{effect.kind} after" if getattr(effect, "applied", False) else effect.kind


def wanted_percent(text: str) -> float | None:
    """What must be reached; None when a report is all that is asked for. ValueError for anything else."""
    return None if text == REPORT else float(text.removesuffix("%"))


active: ErrorCoverage | None = None
"""What counts the calls of this process, when somebody asks for it."""
