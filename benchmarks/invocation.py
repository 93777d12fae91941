"""Invocation: what the way through a sidecar costs, against asking the application directly, in one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import aiohttp
from aiohttp import web

from benchmarks._measure import Row
from fakesidecar import Neighbours, Options, Sidecar

REQUESTS = 1_500
WARM_UP = 100
GOAL = 8.0


def rows() -> Iterator[Row]:
    """How many times as long a request takes through the application's own sidecar, and through a neighbour's."""
    direct, own, neighbour = asyncio.run(rates())
    for what, rate in (("its sidecar", own), ("a neighbour's sidecar", neighbour)):
        yield Row(
            f"HTTP invocation through {what}, against direct", f"{direct / rate:.1f} x", "8 x", direct / rate <= GOAL
        )


async def rates() -> tuple[float, float, float]:
    """Requests per second."""
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port, neighbours = runner.addresses[0][1], Neighbours()
    kitchen = Sidecar(Options(app_id="kitchen", app_port=port), neighbours=neighbours)
    async with (
        Sidecar(Options(app_id="shop"), neighbours=neighbours) as shop,
        kitchen,
        aiohttp.ClientSession() as session,
    ):
        direct = await rate(session, f"http://127.0.0.1:{port}/soup")
        own, neighbour = [
            await rate(session, f"http://127.0.0.1:{sidecar.http_port}/v1.0/invoke/kitchen/method/soup")
            for sidecar in (kitchen, shop)
        ]
    await runner.cleanup()
    return direct, own, neighbour


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=await request.read())


async def rate(session: aiohttp.ClientSession, url: str) -> float:
    for number in range(WARM_UP + REQUESTS):
        if number == WARM_UP:
            began = time.perf_counter()
        async with session.post(url, data=b"x" * 100) as answered:
            await answered.read()
    return REQUESTS / (time.perf_counter() - began)
