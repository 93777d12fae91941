"""Beginning and ending: start, stop, reset, imports, and what a thousand lives leave behind."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc

from benchmarks._measure import COMPILED, Row, at_most, best_seconds, python_seconds
from benchmarks.calls import stub
from fakesidecar import Component, Options, Sidecar
from fakesidecar.components.state import Upsert

COMPONENTS = [Component("statestore", "state.in-memory"), Component("lockstore", "lock.in-memory")]
CYCLES = 1000
STORE = """
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: statestore}
spec: {type: state.in-memory, version: v1}
"""


def rows() -> Iterator[Row]:
    """What beginning and ending cost."""
    yield from start_and_stop()
    yield from reset()
    yield from run_ready()
    yield from imports()
    yield from cycles()


def start_and_stop() -> Iterator[Row]:
    """Start with a first call, and stop, in a process that has done it before."""
    started, stopped = [], []
    for _ in range(15):
        sidecar = Sidecar(components=COMPONENTS)
        began = time.perf_counter()
        sidecar.start()
        channel = grpc.insecure_channel(f"127.0.0.1:{sidecar.grpc_port}")
        stub(channel)()
        started.append(time.perf_counter() - began)
        channel.close()
        began = time.perf_counter()
        sidecar.stop()
        stopped.append(time.perf_counter() - began)
    yield at_most("start and first call, warm", sorted(started)[7], 5e-3, "ms", 1e3)
    yield at_most("stop", sorted(stopped)[7], 2e-3, "ms", 1e3)


def reset() -> Iterator[Row]:
    """Forget a thousand keys."""
    sidecar = Sidecar(components=COMPONENTS)

    def fill() -> None:
        sidecar.core.state.save("statestore", [Upsert(f"key-{n}", b"value") for n in range(1000)])

    def fill_and_reset() -> float:
        fill()
        began = time.perf_counter()
        sidecar.reset()
        return time.perf_counter() - began

    yield at_most("reset with 1,000 keys", sorted(fill_and_reset() for _ in range(15))[7], 0.2e-3, "ms", 1e3)


def run_ready() -> Iterator[Row]:
    """From the command line to the line that says that all is up."""

    def ready() -> None:
        with subprocess.Popen(
            [sys.executable, "-m", "fakesidecar", "run", "--app-id", "bench", "--resources-path", folder],
            stdout=subprocess.PIPE,
            text=True,
            env=COMPILED,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if "up and running" in line:
                    break
            process.send_signal(signal.SIGKILL)

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "store.yaml").write_text(STORE)
        yield at_most("`fakesidecar run` ready", best_seconds(ready, 7), 0.4, "ms", 1e3)


def imports() -> Iterator[Row]:
    """What imports cost a fresh interpreter."""
    yield at_most("import dapr_client", python_seconds("import dapr_client"), 0.150, "ms", 1e3)
    yield at_most(
        "from dapr_client import DaprClient", python_seconds("from dapr_client import DaprClient"), 0.150, "ms", 1e3
    )
    plugin = python_seconds("import pytest, dapr_testing.plugin") - python_seconds("import pytest")
    yield at_most("the pytest plugin, when no test uses it", plugin, 0.050, "ms", 1e3)


def cycles() -> Iterator[Row]:
    """What a thousand starts and stops leave behind."""
    Sidecar(components=COMPONENTS).reset()
    with Sidecar(Options(), components=COMPONENTS):
        pass
    before = _leftovers()
    for _ in range(CYCLES):
        with Sidecar(components=COMPONENTS):
            pass
    gc.collect()
    after = _leftovers()
    same = all(after[name] <= before[name] for name in before)
    yield Row(f"left by {CYCLES:,} starts and stops", f"{before} → {after}", "nothing", same)


def _leftovers() -> dict[str, int]:
    return {"threads": threading.active_count(), "files": len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))}
