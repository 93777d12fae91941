"""Dapr's routes on applications of FastAPI, Starlette and Flask, called as a sidecar calls them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.requests import Request

from dapr_client import TopicEventResponse
from dapr_client.app import BulkSubscribe, Rule
from dapr_client.app import fastapi as on_fastapi
from dapr_client.app import flask as on_flask
from dapr_client.app import starlette as on_starlette

KINDS = ["fastapi", "starlette", "flask"]


Send = Callable[..., Awaitable[httpx.Response]]


@dataclass
class Case:
    """An application of a framework, how it is called, and how a function without arguments is written for it."""

    dapr: Any
    send: Send
    plain: Callable[[Callable[[], Any]], Callable[..., Any]]


def _named(function: Callable[..., Any], name: str = "handler") -> Callable[..., Any]:
    function.__name__ = name
    return function


def sending_wsgi(app: Any) -> Send:
    async def send(verb: str, path: str, **more: Any) -> httpx.Response:
        with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://app") as client:
            return client.request(verb, path, **more)

    return send


def sending_asgi(app: Any) -> Send:
    async def send(verb: str, path: str, **more: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
            return await client.request(verb, path, **more)

    return send


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest) -> Case:
    if request.param == "flask":
        flask = Flask("test")
        return Case(on_flask.DaprApp(flask), sending_wsgi(flask), lambda body: _named(lambda: body()))
    if request.param == "starlette":
        starlette = Starlette()
        adapted = on_starlette.DaprApp(starlette)
        return Case(adapted, sending_asgi(starlette), lambda body: _named(lambda request: body()))
    fastapi = FastAPI()
    return Case(on_fastapi.DaprApp(fastapi), sending_asgi(fastapi), lambda body: _named(lambda: body()))


async def test_subscriptions_are_listed_with_their_routes(case: Case) -> None:
    handler = case.plain(lambda: None)
    assert case.dapr.subscribe("pubsub", "orders", {"rawPayload": "true"}, dead_letter_topic="dead")(handler) is handler
    case.dapr.subscribe("pubsub", "orders", rule=Rule("event.data.big", 1))(handler)
    case.dapr.subscribe("pubsub", "news", route="/news", bulk_subscribe=BulkSubscribe(5, 50))(handler)
    with pytest.raises(ValueError, match="already registered"):
        case.dapr.subscribe("pubsub", "news")(handler)
    assert (await case.send("GET", "/dapr/subscribe")).json() == [
        {
            "pubsubname": "pubsub",
            "topic": "orders",
            "metadata": {"rawPayload": "true"},
            "routes": {
                "rules": [{"match": "event.data.big", "path": "/events/pubsub/orders/handler"}],
                "default": "/events/pubsub/orders",
            },
            "deadLetterTopic": "dead",
        },
        {
            "pubsubname": "pubsub",
            "topic": "news",
            "metadata": {},
            "route": "/news",
            "bulkSubscribe": {"enabled": True, "maxMessagesCount": 5, "maxAwaitDurationMs": 50},
        },
    ]


@pytest.mark.parametrize(
    ("returned", "body"),
    [(TopicEventResponse("drop"), {"status": "DROP"}), ({"status": "RETRY"}, {"status": "RETRY"}), (None, None)],
)
async def test_what_became_of_an_event_is_told(case: Case, returned: Any, body: Any) -> None:
    case.dapr.subscribe("pubsub", "orders")(case.plain(lambda: returned))
    answer = await case.send("POST", "/events/pubsub/orders", json={"data": {}})
    assert answer.status_code == 200
    assert (json.loads(answer.content) if answer.content else None) == body


async def test_methods_bindings_jobs_configuration_and_health_have_their_routes(case: Case) -> None:
    seen: list[str] = []
    case.dapr.method("orders/list")(case.plain(lambda: {"orders": []}))
    case.dapr.binding("queue")(case.plain(lambda: seen.append("binding")))
    case.dapr.job_event("nightly")(case.plain(lambda: seen.append("job")))
    case.dapr.configuration("settings", "colour")(case.plain(lambda: seen.append("configuration")))
    case.dapr.health_check()(case.plain(lambda: seen.append("health")))
    for verb in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        assert (await case.send(verb, "/orders/list")).json() == {"orders": []}
    assert (await case.send("OPTIONS", "/queue")).status_code == 200
    for path in ("/queue", "/job/nightly", "/configuration/settings/colour"):
        assert (await case.send("POST", path)).status_code == 200
    assert (await case.send("GET", "/healthz")).status_code == 200
    assert seen == ["binding", "job", "configuration", "health"]


async def test_fastapi_gives_a_handler_what_its_parameters_say() -> None:
    app = FastAPI()
    dapr = on_fastapi.DaprApp(app)
    seen: list[dict[str, Any]] = []

    @dapr.subscribe("pubsub", "orders")
    async def take(event: dict[str, Any]) -> TopicEventResponse:
        seen.append(event)
        return TopicEventResponse("success")

    send = sending_asgi(app)
    assert (await send("POST", "/events/pubsub/orders", json={"data": 1})).json() == {"status": "SUCCESS"}
    assert (await send("POST", "/events/pubsub/orders", json=[])).status_code == 422
    assert seen == [{"data": 1}]


async def test_starlette_takes_async_functions() -> None:
    app = Starlette()
    dapr = on_starlette.DaprApp(app)

    @dapr.subscribe("pubsub", "orders")
    async def take(request: Request) -> Any:
        return await request.json()

    answer = await sending_asgi(app)("POST", "/events/pubsub/orders", json={"status": "DROP"})
    assert answer.json() == {"status": "DROP"}
