"""Applications that host actors, on ports, beside sidecars that call them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from werkzeug.serving import make_server

import dapr_testing
from dapr_client.actor import Actor, ActorGrpcHost, ActorRuntimeConfig, Actors
from dapr_client.app import fastapi as on_fastapi
from dapr_client.app import flask as on_flask
from dapr_client.app import starlette as on_starlette
from dapr_testing import DaprSidecar

HOST = "127.0.0.1"
KINDS = ["fastapi", "starlette", "flask", "grpc"]


@asynccontextmanager
async def hosted(
    kind: str, *kinds: type[Actor], config: ActorRuntimeConfig | None = None
) -> AsyncIterator[DaprSidecar]:
    """Actors of these kinds, hosted in this way, and the sidecar that knows them."""
    actors = Actors()
    if config is not None:
        actors.config = config
    if kind == "grpc":
        async with dapr_testing.sidecar(intercept_channels=True) as dapr:
            host = ActorGrpcHost(actors=actors)
            for one in kinds:
                await host.register_actor(one)
            async with host:
                yield dapr
        return
    if kind == "flask":
        flask = Flask("test")
        flask_actor = on_flask.DaprActor(flask, actors=actors)
        for one in kinds:
            flask_actor.register_actor(one)
        serving = wsgi(flask)
    else:
        app: Any = FastAPI() if kind == "fastapi" else Starlette()
        adapter = on_fastapi if kind == "fastapi" else on_starlette
        dapr_actor = adapter.DaprActor(app, actors=actors)
        for one in kinds:
            await dapr_actor.register_actor(one)
        serving = asgi(app)
    with serving as port, beside(port) as dapr:
        yield dapr


@contextlib.contextmanager
def beside(port: int) -> Iterator[DaprSidecar]:
    """A sidecar whose application listens there."""
    with dapr_testing.sidecar(app_port=port) as dapr:
        yield dapr


@contextlib.contextmanager
def asgi(app: Any) -> Iterator[int]:
    """Serve an ASGI application; gives the port."""
    with socket.create_server((HOST, 0)) as listening:
        at_once(listening)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)


def at_once(listening: socket.socket) -> None:
    """Have answers sent as they are written; asyncio sees to it for sockets of its own. Otherwise each takes 40 ms."""
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Hall:
    """A port where ASGI applications are served one after the other: one server for all, which takes long to end."""

    def __init__(self) -> None:
        self.port = 0
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert self._app is not None, "an application is asked that is there no more"
        # What an application raises after it has answered 500 has uvicorn close the connection without a word, and
        # a daprd loses the event that it sends meanwhile.
        with contextlib.suppress(Exception):
            await self._app(scope, receive, send)

    @contextlib.contextmanager
    def serving(self, app: Any) -> Iterator[int]:
        """This application is the one; gives the port."""
        assert self._app is None, "somebody else is served"
        self._app = app
        try:
            yield self.port
        finally:
            self._app = None


@contextlib.contextmanager
def hall() -> Iterator[Hall]:
    """A hall that is open."""
    opened = Hall()
    with asgi(opened) as opened.port:
        yield opened


@contextlib.contextmanager
def wsgi(app: Any) -> Iterator[int]:
    """Serve a WSGI application; gives the port."""
    server = make_server(HOST, 0, app, threaded=True)
    at_once(server.socket)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
