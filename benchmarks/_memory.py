"""How much memory this process has had."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_megabytes() -> float:
    """The most memory that this process has had, since `forget_peak` where the system tells that."""
    with suppress(OSError):
        peak = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # begins with the peak of the process's parent


def forget_peak() -> None:
    """Let the peak begin with what is in use now, where the system can do that."""
    with suppress(OSError):
        FORGET.write_text("5")
