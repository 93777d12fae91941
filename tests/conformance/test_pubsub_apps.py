"""Applications of every kind beside a sidecar: what they are handed, and what becomes of what they answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.requests import Request

import dapr_testing
from dapr_client import DaprClient, SubscriptionMessage, TopicEventResponse
from dapr_client.app import App, Rule
from dapr_client.app import fastapi as on_fastapi
from dapr_client.app import flask as on_flask
from dapr_client.app import starlette as on_starlette
from dapr_client.app.aio import App as AsyncApp
from dapr_testing import Component
from tests.dapr_client.actor.hosting import Hall, wsgi

KINDS = ("Flask", "FastAPI", "Starlette", "App", "asyncio App")
PROBE, PROBES, PROBE_SECONDS, SECONDS = "is anybody there?", 100, 0.1, 10.0
WORDS = ("success", "retry", "drop")

Key = Callable[[str], str]


class Taken:
    """What an application was handed, as (handler, data); it answers with the words that events bring."""

    def __init__(self) -> None:
        self._seen: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def __call__(self, handler: str, data: Any) -> TopicEventResponse | None:
        self._seen.put((handler, data))
        if handler == "dead":
            return None
        if data == "fail":
            raise RuntimeError("as the event says")
        return TopicEventResponse(data) if data in WORDS else None

    def next(self, seconds: float = SECONDS, *, probe: bool = False) -> tuple[str, Any]:
        """What it was handed next; probes are passed over, unless one is asked for."""
        while True:
            handler, data = self._seen.get(timeout=seconds)
            if probe is (data == PROBE):
                return handler, data


def handler(kind: str, taken: Taken, name: str) -> Any:
    """A handler as applications of that kind have them."""

    def of_flask() -> Any:
        return taken(name, flask_request.get_json(force=True)["data"])

    async def of_fastapi(event: dict[str, Any]) -> Any:
        return taken(name, event["data"])

    async def of_starlette(request: Request) -> Any:
        return taken(name, (await request.json())["data"])

    def of_app(event: SubscriptionMessage) -> Any:
        return taken(name, event.data())

    async def of_asyncio_app(event: SubscriptionMessage) -> Any:
        return taken(name, event.data())

    made = dict(zip(KINDS, (of_flask, of_fastapi, of_starlette, of_app, of_asyncio_app), strict=True))[kind]
    made.__name__ = name
    return made


@contextmanager
def serving(kind: str, add: Callable[[Any], None], hall: Hall) -> Iterator[tuple[int, str]]:
    """An application of that kind, to which its handlers are added; its port and protocol."""
    app: Any
    if kind == "App":
        with App() as app:
            add(app)
            yield app.port, "grpc"
    elif kind == "asyncio App":
        app = AsyncApp()
        add(app)
        with on_a_loop(app) as port:
            yield port, "grpc"
    elif kind == "Flask":
        app = Flask("orders")
        add(on_flask.DaprApp(app))
        with wsgi(app) as port:
            yield port, "http"
    else:
        app, adapter = (FastAPI(), on_fastapi) if kind == "FastAPI" else (Starlette(), on_starlette)
        add(adapter.DaprApp(app))
        with hall.serving(app) as port:
            yield port, "http"


@contextmanager
def on_a_loop(app: AsyncApp) -> Iterator[int]:
    """The application on an event loop of its own, in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(app.start(), loop).result(SECONDS)
    finally:
        asyncio.run_coroutine_threadsafe(app.stop(), loop).result(SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS)
        loop.close()


def until_handed(client: DaprClient, topic: str, taken: Taken) -> None:
    """Return when the application is handed what is published: a sidecar asks it after it has said that it is ready."""
    for _ in range(PROBES):
        client.publish_event("store", topic, PROBE)
        try:
            taken.next(PROBE_SECONDS, probe=True)
        except Empty:
            continue
        return
    raise AssertionError(f"nothing of {topic} comes to the application")


@pytest.mark.parametrize("kind", KINDS)
def test_answers_decide(kind: str, key: Key, hall: Hall, dapr_components: list[Component], sidecar_kind: str) -> None:
    taken, orders, dead = Taken(), key("orders"), key("dead")

    def add(app: Any) -> None:
        app.subscribe("store", orders, dead_letter_topic=dead)(handler(kind, taken, "every"))
        app.subscribe("store", orders, rule=Rule('event.type == "big"', 1))(handler(kind, taken, "big"))
        app.subscribe("store", dead)(handler(kind, taken, "dead"))

    with (
        serving(kind, add, hall) as (port, protocol),
        dapr_testing.sidecar(
            kind=sidecar_kind, components=dapr_components, app_port=port, app_protocol=protocol
        ) as dapr,
        dapr.client() as client,
    ):
        for topic in (orders, dead):
            until_handed(client, topic, taken)
        for word in ("success", "anything"):
            client.publish_event("store", orders, word)
            assert taken.next() == ("every", word)
        client.publish_event("store", orders, "success", {"cloudevent.type": "big"})
        assert taken.next() == ("big", "success")
        for word in ("drop", "retry", "fail"):
            client.publish_event("store", orders, word)
            assert taken.next() == ("every", word)
            assert taken.next() == ("dead", word)
