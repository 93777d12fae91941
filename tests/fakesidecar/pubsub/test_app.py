"""Events on their way to an application, over HTTP and over gRPC, one by one and in bulk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from aiohttp import web
from google.protobuf import json_format

from dapr_client import wire
from fakesidecar.clock import VirtualClock
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.resources.errors import StartupError
from fakesidecar.resources.load import Resources
from fakesidecar.resources.subscription import BulkSubscribe, Rule, Subscription
from fakesidecar.sidecar import Sidecar

BUS = Component("bus", "pubsub.in-memory")
LETTERS = {"pubsubname": "bus", "topic": "dead", "route": "/dead"}


class HttpApp:
    """Answers by path, and keeps what it was sent."""

    def __init__(self, subscriptions: Any, answers: Mapping[str, Any] = {}) -> None:
        self.answers = {"/dapr/subscribe": (200, subscriptions), **answers}
        self.seen: list[tuple[str, Any, Mapping[str, str]]] = []

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        if request.path != "/dapr/subscribe":
            self.seen.append((request.path_qs, json.loads(body), request.headers))
        answer = self.answers.get(request.path, (200, None))
        status, value = answer(json.loads(body)) if callable(answer) else answer
        return web.Response(status=status, body=value if isinstance(value, bytes) else json.dumps(value).encode())

    def texts(self, path: str) -> list[str]:
        """The data of the events that a path was sent."""
        return [body["data"] for seen, body, _ in self.seen if seen == path]


@asynccontextmanager
async def running(app: HttpApp, clock: VirtualClock, **more: Any) -> AsyncIterator[Sidecar]:
    runner = web.ServerRunner(web.Server(app))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]  # aiohttp has no other way to say it
    try:
        async with ready(Options(app_port=port), clock, **more) as sidecar:
            yield sidecar
    finally:
        await runner.cleanup()


@asynccontextmanager
async def ready(options: Options, clock: VirtualClock, **more: Any) -> AsyncIterator[Sidecar]:
    async with Sidecar(options, components=[BUS], clock=clock, **more) as sidecar:
        while not sidecar.core.health.ready:
            await asyncio.sleep(0)
        yield sidecar


async def settled(clock: VirtualClock) -> None:
    assert await asyncio.to_thread(clock.wait_until_idle)


def say(sidecar: Sidecar, topic: str, text: str, **metadata: str) -> None:
    sidecar.core.pubsub.publish("bus", topic, text.encode(), metadata=metadata)


async def test_an_app_is_handed_what_it_subscribes_to() -> None:
    app = HttpApp([{"pubsubname": "bus", "topic": "orders", "route": "orders?a=1"}])
    clock = VirtualClock()
    async with running(app, clock) as sidecar:
        say(sidecar, "orders", "x", **{"x-color": "blue"})
        await settled(clock)
        [(path, event, headers)] = app.seen
        assert path == "/orders?a=1"
        assert event["data"] == "x"
        assert headers["content-type"] == "application/cloudevents+json"
        assert headers["x-color"] == "blue"
        assert headers["pubsubName"] == "bus"
        assert headers["traceparent"] == f"00-{'0' * 32}-{'0' * 16}-00"
        [known] = sidecar.core.metadata.get().subscriptions
        assert (known.topic, known.type, known.rules) == ("orders", "PROGRAMMATIC", [Rule("orders?a=1")])


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((200, b""), "SUCCESS"),
        ((204, b""), "SUCCESS"),
        ((200, b"words"), "SUCCESS"),
        ((200, {"status": "SUCCESS"}), "SUCCESS"),
        ((200, {"STATUS": "DROP"}), "DROP"),
        ((200, {"status": "RETRY"}), "RETRY"),
        ((200, {"status": "MAYBE"}), "RETRY"),
        ((404, b""), "DROP"),
        ((302, b""), "RETRY"),
        ((500, {"status": "SUCCESS"}), "RETRY"),
    ],
)
async def test_an_answer_says_what_becomes_of_an_event(answer: tuple[int, Any], status: str) -> None:
    given = {"pubsubname": "bus", "topic": "orders", "route": "/orders", "deadLetterTopic": "dead"}
    app = HttpApp([given, LETTERS], {"/orders": answer})
    clock = VirtualClock()
    async with running(app, clock) as sidecar:
        for text in ("one", "two"):
            say(sidecar, "orders", text)
        await settled(clock)
        assert app.texts("/orders") == ["one", "two"]
        assert app.texts("/dead") == ["one", "two"] * (status != "SUCCESS")
        assert {one.status for one in sidecar.core.pubsub.deliveries if one.topic == "orders"} == {status}


async def test_what_an_app_says_beats_what_is_declared() -> None:
    declared = [
        Subscription("bus", "orders", [Rule("/declared")]),
        Subscription("bus", "orders", [Rule("/again")]),
        Subscription("bus", "bills", [Rule("/urgent", 'event.type == "urgent"'), Rule("/bills")]),
        Subscription("nowhere", "orders", [Rule("/lost")]),
    ]
    app = HttpApp([{"pubsubname": "bus", "topic": "orders", "route": "/mine"}])
    clock = VirtualClock()
    async with running(app, clock, resources=Resources(subscriptions=declared)) as sidecar:
        say(sidecar, "orders", "x")
        say(sidecar, "bills", "x", **{"cloudevent.type": "urgent"})
        say(sidecar, "bills", "x")
        await settled(clock)
        assert sorted(path for path, _, _ in app.seen) == ["/bills", "/mine", "/urgent"]
        kinds = [one.type for one in sidecar.core.metadata.get().subscriptions]
        assert kinds == ["PROGRAMMATIC", "DECLARATIVE", "DECLARATIVE"]


@pytest.mark.parametrize(
    "subscriptions",
    [b"", b"null", b"words", {"pubsubname": "bus"}, [{"pubsubname": 5}],
     [{"pubsubname": "bus", "topic": "orders", "routes": {"rules": [{"match": "event.type ==", "path": "/x"}]}}]],
)  # fmt: skip
async def test_an_app_whose_subscriptions_cannot_be_read_has_none(subscriptions: Any) -> None:
    async with running(HttpApp(subscriptions), VirtualClock()) as sidecar:
        assert not sidecar.core.metadata.get().subscriptions


def test_a_declared_rule_that_is_no_expression_stops_the_start() -> None:
    broken = Subscription("bus", "orders", [Rule("/x", "event.type ==")], name="mine", source="a.yaml")
    with pytest.raises(StartupError, match=r"Syntax error[\s\S]*'mine' is declared in a.yaml"):
        Sidecar(resources=Resources(subscriptions=[broken]))


async def test_metadata_that_is_no_header_loses_the_event_and_not_the_subscription() -> None:
    app = HttpApp([{"pubsubname": "bus", "topic": "orders", "route": "/orders"}])
    clock = VirtualClock()
    async with running(app, clock) as sidecar:
        say(sidecar, "orders", "lost", **{"a b": "c"})
        say(sidecar, "orders", "kept", **{"content-length": "1", "host": "x", "tracestate": "a=b"})
        await settled(clock)
        assert app.texts("/orders") == ["kept"]
        assert "tracestate" not in app.seen[0][2]


async def test_a_reset_keeps_the_subscriptions_of_the_app() -> None:
    bulk = {"enabled": True, "maxMessagesCount": 5, "maxAwaitDurationMs": 1000}
    app = HttpApp([{"pubsubname": "bus", "topic": "orders", "route": "/orders", "bulkSubscribe": bulk}])
    clock = VirtualClock()
    async with running(app, clock) as sidecar:
        say(sidecar, "orders", "forgotten")
        sidecar.reset()
        clock.reset()
        say(sidecar, "orders", "x")
        await asyncio.to_thread(clock.advance, 1)
        [(_, body, _)] = app.seen
        assert [entry["event"]["data"] for entry in body["entries"]] == ["x"]


async def test_events_in_bulk_wait_for_their_time_and_are_answered_one_by_one() -> None:
    def answer(body: Any) -> tuple[int, Any]:
        word = {"good": "SUCCESS", "bad": "DROP", "later": "RETRY"}
        return 200, {
            "statuses": [{"entryId": one["entryId"], "status": word[one["event"]["data"]]} for one in body["entries"]]
        }

    bulk = BulkSubscribe(enabled=True, max_messages_count=10, max_await_duration_ms=500)
    subscription = Subscription("bus", "orders", [Rule("/orders")], dead_letter_topic="dead", bulk_subscribe=bulk)
    app = HttpApp([LETTERS], {"/orders": answer})
    clock = VirtualClock()
    async with running(app, clock, resources=Resources(subscriptions=[subscription])) as sidecar:
        for text in ("good", "bad", "later"):
            say(sidecar, "orders", text)
        await settled(clock)
        assert not app.seen
        await asyncio.to_thread(clock.advance, 1.5)
        first = app.seen[0][1]
        assert (first["type"], first["topic"], first["pubsubname"]) == ("com.dapr.event.sent.bulk", "orders", "bus")
        assert app.texts("/dead") == ["bad", "later"]
        attempts = [one.status for one in sidecar.core.pubsub.deliveries if one.topic == "orders"]
        assert attempts == ["SUCCESS", "DROP", "RETRY"]


# --- gRPC -----------------------------------------------------------------------------------------------------


class GrpcApp(grpc.GenericRpcHandler):
    """Answers by method, and keeps what it was sent."""

    def __init__(self, answers: Mapping[str, Callable[[Any], Mapping[str, Any]] | Mapping[str, Any]]) -> None:
        self.answers = answers
        self.seen: list[tuple[str, Any]] = []

    def service(self, handler_call_details: Any) -> Any:
        name = handler_call_details.method.rpartition("/")[2]
        services = (wire.APP_CALLBACK, wire.APP_CALLBACK_ALPHA)
        method = next(found[name] for found in map(wire.methods, services) if name in found)
        if name not in self.answers:
            return None

        async def behaviour(request: Any, context: Any) -> Any:
            if name != "ListTopicSubscriptions":
                self.seen.append((name, request))
            answer = self.answers[name]
            return json_format.ParseDict({**(answer(request) if callable(answer) else answer)}, method.response())

        return grpc.unary_unary_rpc_method_handler(
            behaviour, method.request.FromString, lambda message: message.SerializeToString()
        )


@asynccontextmanager
async def running_grpc(app: GrpcApp, clock: VirtualClock) -> AsyncIterator[Sidecar]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((app,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with ready(Options(app_port=port, app_protocol="grpc"), clock) as sidecar:
            yield sidecar
    finally:
        await server.stop(None)


def subscribed(**more: Any) -> Mapping[str, Any]:
    dead = {"pubsubName": "bus", "topic": "dead", "routes": {"default": "/dead"}}
    return {"subscriptions": [{"pubsubName": "bus", "topic": "orders", "deadLetterTopic": "dead", **more}, dead]}


@pytest.mark.parametrize(("status", "buried"), [("SUCCESS", False), ("RETRY", True), ("DROP", True)])
async def test_an_app_over_grpc_is_handed_events(status: str, buried: bool) -> None:
    app = GrpcApp(
        {
            "ListTopicSubscriptions": subscribed(),
            "OnTopicEvent": lambda request: {"status": "SUCCESS" if request.topic == "dead" else status},
        }
    )
    clock = VirtualClock()
    async with running_grpc(app, clock) as sidecar:
        sidecar.core.pubsub.publish("bus", "orders", b'{"b": 1, "a": "<"}', content_type="application/json")
        await settled(clock)
        first = app.seen[0][1]
        assert first.data == b'{"a":"\\u003c","b":1}'
        assert (first.topic, first.pubsub_name, first.path, first.type) == ("orders", "bus", "", "com.dapr.event.sent")
        assert first.extensions["topic"] == "orders"
        assert [request.topic for _, request in app.seen] == ["orders", "dead"][: 1 + buried]


async def test_an_app_over_grpc_that_takes_no_events_loses_them_without_a_dead_letter() -> None:
    app = GrpcApp({"ListTopicSubscriptions": subscribed()})
    clock = VirtualClock()
    async with running_grpc(app, clock) as sidecar:
        say(sidecar, "orders", "x")
        await settled(clock)
        assert [record.topic for record in sidecar.core.pubsub.published] == ["orders"]


@pytest.mark.parametrize("method", ["OnBulkTopicEvent", "OnBulkTopicEventAlpha1"])
async def test_events_in_bulk_over_grpc_by_either_name(method: str) -> None:
    bulk = {"enabled": True, "maxMessagesCount": 1}
    app = GrpcApp(
        {
            "ListTopicSubscriptions": subscribed(bulkSubscribe=bulk),
            "OnTopicEvent": {},
            method: lambda request: {
                "statuses": [{"entryId": one.entry_id, "status": "DROP"} for one in request.entries]
            },
        }
    )
    clock = VirtualClock()
    async with running_grpc(app, clock) as sidecar:
        say(sidecar, "orders", "x")
        await settled(clock)
        assert [name for name, _ in app.seen] == [method, "OnTopicEvent"]
        assert app.seen[0][1].entries[0].cloud_event.data == b"x"
