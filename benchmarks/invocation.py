"""Invocation: what the way through a sidecar costs, against asking the application directly, in one process."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import grpc
import grpc.aio
from aiohttp import web

from benchmarks._measure import ROUNDS, Row, at_most
from fakesidecar import Neighbours, Options, Sidecar

REQUESTS = 150
GOAL = 8.0


def rows() -> Iterator[Row]:
    """How many times as long a call takes through the application's own sidecar, and through a neighbour's."""
    for what, measured in (("HTTP invocation", http()), ("a gRPC call handed on", rpc())):
        direct, own, neighbour = asyncio.run(measured)
        for whose, seconds in (("its sidecar", own), ("a neighbour's sidecar", neighbour)):
            yield at_most(f"{what} through {whose}, against direct", seconds / direct, GOAL, "x")


@asynccontextmanager
async def sidecars(port: int, protocol: str) -> AsyncIterator[tuple[Sidecar, Sidecar]]:
    """An application's and a neighbour's."""
    neighbours = Neighbours()
    kitchen = Sidecar(Options(app_id="kitchen", app_port=port, app_protocol=protocol), neighbours=neighbours)
    async with Sidecar(Options(app_id="shop"), neighbours=neighbours) as shop, kitchen:
        yield kitchen, shop


async def http() -> list[float]:
    """Seconds per request."""
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with sidecars(port, "http") as both, aiohttp.ClientSession() as session:
        urls = [f"http://127.0.0.1:{port}/soup"]
        urls += [f"http://127.0.0.1:{sidecar.http_port}/v1.0/invoke/kitchen/method/soup" for sidecar in both]
        seconds = await medians([post(session, url) for url in urls])
    await runner.cleanup()
    return seconds


async def rpc() -> list[float]:
    """The same for a unary call of a service of the application's own."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Kitchen(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with sidecars(port, "grpc") as both:
        channels = [grpc.aio.insecure_channel(f"127.0.0.1:{at}") for at in (port, *(its.grpc_port for its in both))]

        def call(channel: grpc.aio.Channel) -> Callable[[], Awaitable[Any]]:
            cook = channel.unary_unary("/food.Kitchen/Cook")

            async def once() -> None:
                await cook(b"x" * 100, metadata=(("dapr-app-id", "kitchen"),))

            return once

        seconds = await medians([call(channel) for channel in channels])
        for channel in channels:
            await channel.close()
    await server.stop(None)
    return seconds


def post(session: aiohttp.ClientSession, url: str) -> Callable[[], Awaitable[None]]:
    """A request to an address."""

    async def once() -> None:
        async with session.post(url, data=b"x" * 100) as answered:
            await answered.read()

    return once


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=await request.read())


class Kitchen(grpc.GenericRpcHandler):
    """Gives back what it is given."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        async def cook(data: bytes, context: Any) -> bytes:
            return data

        return grpc.unary_unary_rpc_method_handler(cook)


async def medians(candidates: list[Callable[[], Awaitable[Any]]]) -> list[float]:
    """The median seconds of one call of each, measured round by round in turn."""
    times: list[list[float]] = [[] for _ in candidates]
    for number in range(ROUNDS + 1):
        for call, its in zip(candidates, times, strict=True):
            began = time.perf_counter()
            for _ in range(REQUESTS):
                await call()
            if number:  # the first round warms up
                its.append((time.perf_counter() - began) / REQUESTS)
    return [statistics.median(its) for its in times]
