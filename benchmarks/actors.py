"""Actors: calls per second, from the core alone to an HTTP application over loopback and back."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TypeVar

from aiohttp import web

import dapr_testing
from benchmarks._measure import Row
from dapr_client.actor import Actor, ActorGrpcHost, ActorInterface, ActorProxyFactory, Actors, actormethod
from fakesidecar import Component, Options, Sidecar
from fakesidecar.core.actors.config import TypeConfig
from fakesidecar.core.actors.hosts import ActorCall, ActorReply, ActorTimer, Host, Reminder

T = TypeVar("T")

CALLS = 2000
ROUNDS = 5
STORE = Component("store", "state.in-memory", metadata={"actorStateStore": "true"})
HOST = "127.0.0.1"


class Prompt(Host):
    """Answers at once."""

    def invoke(self, call: ActorCall) -> Future[ActorReply]:
        return _now(ActorReply(call.data))

    def remind(self, reminder: Reminder) -> Future[None]:
        return _now(None)

    def tick(self, timer: ActorTimer) -> Future[None]:
        return _now(None)

    def deactivate(self, type: str, id: str) -> Future[None]:
        return _now(None)


def _now(value: T) -> Future[T]:
    future: Future[T] = Future()
    future.set_result(value)
    return future


def rows() -> Iterator[Row]:
    """Calls of one actor, one after the other."""
    yield Row("actor calls per second, core alone", f"{max(core_alone() for _ in range(ROUNDS)):,.0f}", "", None)
    yield Row("actor calls per second, HTTP application", f"{over_http():,.0f}", "", None)
    yield Row("actor calls per second, our proxy and host over a stream", f"{over_a_stream():,.0f}", "", None)


def core_alone() -> float:
    """Calls per second of a host in this process."""
    sidecar = Sidecar(components=[STORE])
    sidecar.core.actors.register(Prompt(), {"Cat": TypeConfig()})
    call = ActorCall("Cat", "tom", "purr", b"x")
    began = time.perf_counter()
    for _ in range(CALLS):
        sidecar.core.actors.invoke(call)
    seconds = time.perf_counter() - began
    sidecar.stop()
    return CALLS / seconds


def over_http() -> float:
    """Calls per second through both of the sidecar's HTTP connections."""
    with application() as port, Sidecar(Options(app_port=port), components=[STORE]) as sidecar:
        return max(calls_per_second(sidecar.http_port) for _ in range(ROUNDS))


class Purring(ActorInterface):
    """What cats do."""

    @actormethod()
    async def purr(self, volume: int) -> int:
        """Louder."""
        raise NotImplementedError


class Cat(Actor, Purring):
    """Keeps how loud it was."""

    async def purr(self, volume: int) -> int:
        await self._state_manager.set_state("volume", volume)
        return volume + 1


def over_a_stream(calls: int = 300) -> float:
    """Turns per second that set state and save it: proxy, sidecar, host, sidecar, in one process over sockets."""

    async def measured() -> float:
        with dapr_testing.sidecar() as dapr:
            host = ActorGrpcHost(dapr.grpc_endpoint, app_port=0, actors=Actors())
            await host.register_actor(Cat)
            async with host, ActorProxyFactory() as factory:
                cat = factory.create("Cat", "tom", Purring)
                await cat.purr(0)
                began = time.perf_counter()
                for volume in range(calls):
                    await cat.purr(volume)
                return calls / (time.perf_counter() - began)

    return max(asyncio.run(measured()) for _ in range(ROUNDS))


def calls_per_second(port: int, calls: int = 300) -> float:
    """Calls per second that one client makes of a sidecar's HTTP port."""
    connection = HTTPConnection(HOST, port, timeout=10)
    began = time.perf_counter()
    for _ in range(calls):
        connection.request("PUT", "/v1.0/actors/Cat/tom/method/purr", b"x")
        connection.getresponse().read()
    connection.close()
    return calls / (time.perf_counter() - began)


@contextmanager
def application() -> Iterator[int]:
    """An application with actors, on a loop of its own."""
    loop = asyncio.new_event_loop()
    app = web.Application()
    app.router.add_get("/dapr/config", _config)
    app.router.add_route("*", "/actors/{rest:.*}", _actor)
    runner = web.AppRunner(app)

    async def start() -> int:
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        return int(runner.addresses[0][1])

    port = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


async def _config(request: web.Request) -> web.Response:
    return web.json_response({"entities": ["Cat"]})


async def _actor(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())
