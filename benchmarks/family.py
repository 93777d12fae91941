"""Several applications on one machine: five sidecars in one process, and calls from process to process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import aiohttp
from aiohttp import web

from benchmarks._measure import COMPILED, Row
from benchmarks.invocation import answer, medians, post
from fakesidecar import Options, Sidecar

FIVE = """
import time
from benchmarks._memory import peak_megabytes
from fakesidecar import Component, Neighbours, Options, Sidecar
components = [Component("statestore", "state.in-memory"), Component("pubsub", "pubsub.in-memory")]
neighbours, sidecars, times, sizes = Neighbours(), [], [], []
for number in range(5):
    began = time.perf_counter()
    sidecar = Sidecar(Options(app_id=f"app-{number}"), components=components, neighbours=neighbours)
    sidecar.start()
    times.append(time.perf_counter() - began)
    sizes.append(peak_megabytes())
    sidecars.append(sidecar)
print(sum(times), sum(times[1:]) / 4, sizes[-1], (sizes[-1] - sizes[0]) / 4)
for sidecar in sidecars:
    sidecar.stop()
"""


def rows() -> Iterator[Row]:
    """Start and memory of five sidecars, and what a call of another process's application costs."""
    all_five, each, memory, memory_each = measured(FIVE)
    yield Row("five sidecars in a fresh process, started", f"{all_five * 1e3:.0f} ms", "500 ms", all_five <= 0.5)
    yield Row("each one after the first", f"{each * 1e3:.1f} ms", "20 ms", each <= 0.02)
    yield Row("memory of a process with five sidecars", f"{memory:.0f} MB", "150 MB", memory <= 150)
    yield Row("memory of each one after the first", f"{memory_each:.1f} MB", "5 MB", memory_each <= 5)
    ratio = asyncio.run(between_processes())
    yield Row("HTTP invocation of another process's application, against direct", f"{ratio:.1f} x", "10 x", ratio <= 10)


async def between_processes() -> float:
    """How many times as long a request takes through two sidecars of two processes."""
    with tempfile.TemporaryDirectory() as folder:
        names = f"{folder}/names.db"
        kitchen = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.family", names),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=COMPILED,
        )
        assert kitchen.stdin is not None
        assert kitchen.stdout is not None
        port = int(await kitchen.stdout.readline())
        async with Sidecar(Options(app_id="shop", names=names)) as shop, aiohttp.ClientSession() as session:
            urls = (
                f"http://127.0.0.1:{port}/soup",
                f"http://127.0.0.1:{shop.http_port}/v1.0/invoke/kitchen/method/soup",
            )
            direct, through = await medians([post(session, url) for url in urls])
        kitchen.stdin.close()
        await kitchen.wait()
    return through / direct


async def be_kitchen(names: str) -> None:
    """The other process: an application and its sidecar, until standard input ends."""
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with Sidecar(Options(app_id="kitchen", app_port=port, names=names)):
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def measured(code: str) -> list[float]:
    """The numbers that a program of its own prints."""
    run = [sys.executable, "-c", code]
    return [float(word) for word in subprocess.run(run, env=COMPILED, check=True, capture_output=True).stdout.split()]


if __name__ == "__main__":
    asyncio.run(be_kitchen(sys.argv[1]))
