"""The application's side over gRPC, called as a sidecar calls it; both servers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from cloudevents.sdk.event import v1
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import StringValue

from dapr_client import (
    BindingRequest,
    InvokeMethodRequest,
    InvokeMethodResponse,
    SubscriptionMessage,
    TopicEventResponse,
    wire,
)
from dapr_client.app import App, BulkSubscribe, Rule
from dapr_client.app.aio import App as AsyncApp
from dapr_client.jobs import JobEvent
from dapr_client.wire import appcallback_pb2, common_pb2

AnyApp = App | AsyncApp
SUCCESS, RETRY, DROP = range(3)


class Caller:
    """Calls an application as a sidecar does."""

    def __init__(self, port: int) -> None:
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def __call__(self, name: str, request: Any, service: str = wire.APP_CALLBACK) -> tuple[Any, Any]:
        method = wire.method(service, name)
        call = self.channel.unary_unary(
            method.path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=method.response.FromString,
        )
        answer, done = call.with_call(request, timeout=10, metadata=(("trace", "t"),))
        return answer, dict(done.initial_metadata())


@contextmanager
def called(app: AnyApp) -> Iterator[Caller]:
    if isinstance(app, App):
        with app:
            caller = Caller(app.port)
            yield caller
            caller.channel.close()
        return
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(app.start(), loop).result(10)
    caller = Caller(app.port)
    try:
        yield caller
    finally:
        caller.channel.close()
        asyncio.run_coroutine_threadsafe(app.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture(params=[App, AsyncApp])
def app(request: pytest.FixtureRequest) -> AnyApp:
    made: AnyApp = request.param()
    return made


def event(topic: str = "orders", path: str = "", data: bytes = b"{}") -> appcallback_pb2.TopicEventRequest:
    return appcallback_pb2.TopicEventRequest(
        id="1", topic=topic, pubsub_name="pubsub", path=path, data=data, data_content_type="application/json"
    )


def refused(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str | None]:
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details()


def test_methods_answer_with_what_they_return(app: AnyApp) -> None:
    seen: list[InvokeMethodRequest] = []

    @app.method("text")
    def text(request: InvokeMethodRequest) -> str:
        seen.append(request)
        return "fine"

    @app.method("message")
    def message(request: InvokeMethodRequest) -> StringValue:
        return StringValue(value="x")

    @app.method("own")
    def own(request: InvokeMethodRequest) -> InvokeMethodResponse:
        return InvokeMethodResponse(b"<x/>", "text/xml", (("x-mine", "1"),))

    app.method("nothing")(lambda request: None)
    app.method("wrong")(lambda request: 7)
    request = common_pb2.InvokeRequest(method="text", content_type="text/plain")
    request.data.value = b"hello"
    with called(app) as call:
        answer, _ = call("OnInvoke", request)
        assert (answer.data.value, answer.content_type) == (b"fine", "application/json; charset=utf-8")
        answer, _ = call("OnInvoke", common_pb2.InvokeRequest(method="message"))
        inside = StringValue()
        assert answer.data.Unpack(inside)
        assert inside.value == "x"
        answer, headers = call("OnInvoke", common_pb2.InvokeRequest(method="own"))
        assert (answer.data.value, answer.content_type, headers["x-mine"]) == (b"<x/>", "text/xml", "1")
        assert call("OnInvoke", common_pb2.InvokeRequest(method="nothing"))[0] == common_pb2.InvokeResponse()
        missing = refused(lambda: call("OnInvoke", common_pb2.InvokeRequest(method="none")))
        assert missing == (grpc.StatusCode.UNIMPLEMENTED, "none method not implemented!")
        wrong = refused(lambda: call("OnInvoke", common_pb2.InvokeRequest(method="wrong")))
        assert wrong == (grpc.StatusCode.OUT_OF_RANGE, "<class 'int'> is the invalid return type.")
    assert (seen[0].text(), seen[0].content_type, seen[0].metadata["trace"]) == ("hello", "text/plain", ["t"])
    assert text(InvokeMethodRequest(b"again")) == "fine"  # still the function that it was


def test_topics_are_listed_with_their_rules_in_order(app: AnyApp) -> None:
    @app.subscribe("pubsub", "orders", {"rawPayload": "true"}, "dead", bulk_subscribe=BulkSubscribe(10, 100))
    def every(event: SubscriptionMessage) -> None: ...

    @app.subscribe("pubsub", "orders", rule=Rule('event.type == "b"', 2))
    def second(event: SubscriptionMessage) -> None: ...

    @app.subscribe("pubsub", "orders", rule=Rule('event.type == "a"', 1))
    def first(event: SubscriptionMessage) -> None: ...

    @app.subscribe("pubsub", "a/*", disable_topic_validation=True)
    def some(event: SubscriptionMessage) -> None: ...

    with pytest.raises(ValueError, match="orders is already registered with pubsub"):
        app.subscribe("pubsub", "orders")(every)
    with called(app) as call:
        listed = call("ListTopicSubscriptions", Empty())[0].subscriptions
    orders, pattern = listed
    assert (orders.pubsub_name, orders.topic, orders.dead_letter_topic) == ("pubsub", "orders", "dead")
    assert dict(orders.metadata) == {"rawPayload": "true"}
    assert [(rule.match, rule.path) for rule in orders.routes.rules] == [
        ('event.type == "a"', "first"),
        ('event.type == "b"', "second"),
    ]
    assert orders.routes.default == "orders"  # a sidecar would drop what no rule matches
    assert (orders.bulk_subscribe.enabled, orders.bulk_subscribe.max_messages_count) == (True, 10)
    assert (pattern.topic, pattern.routes.default, pattern.HasField("bulk_subscribe")) == ("a/*", "a/*", False)


def test_events_go_to_the_handler_of_their_path(app: AnyApp) -> None:
    seen: list[str] = []

    def handler(name: str, returned: Any = None) -> Callable[[Any], Any]:
        def handle(event: Any) -> Any:
            seen.append(name)
            return returned

        handle.__name__ = name
        return handle

    app.subscribe("pubsub", "orders")(handler("default"))
    app.subscribe("pubsub", "orders", rule=Rule("true", 1))(handler("ruled", TopicEventResponse("drop")))
    app.subscribe("pubsub", "news/#")(handler("pattern", "retry"))
    app.subscribe("pubsub", "any*", disable_topic_validation=True)(handler("unvalidated"))
    app.subscribe("other", "orders")(handler("other"))
    app.subscribe("pubsub", "broken")(handler("broken", 7))
    with called(app) as call:

        def deliver(topic: str = "orders", path: str = "") -> int:
            status: int = call("OnTopicEvent", event(topic, path))[0].status
            return status

        assert deliver() == SUCCESS
        assert deliver("orders", "orders") == SUCCESS
        assert deliver("orders", "ruled") == DROP
        assert deliver("anything", "any*") == SUCCESS
        assert refused(lambda: deliver("orders", "elsewhere"))[0] is grpc.StatusCode.UNIMPLEMENTED
        assert refused(lambda: deliver("broken"))[0] is grpc.StatusCode.UNKNOWN
    assert seen == ["default", "default", "ruled", "unvalidated", "broken"]


def test_a_pattern_takes_what_no_other_does(app: AnyApp) -> None:
    app.subscribe("pubsub", "news/#")(lambda event: "retry")
    with called(app) as call:
        assert call("OnTopicEvent", event("news/sport"))[0].status == RETRY


def test_an_event_is_what_the_annotation_says(app: AnyApp) -> None:
    seen: list[Any] = []

    @app.subscribe("pubsub", "cloud")
    def cloud(event: v1.Event) -> None:
        seen.append(event)

    @app.subscribe("pubsub", "plain")
    def plain(event):  # type: ignore[no-untyped-def]  # that is what is tested
        seen.append(event)

    with called(app) as call:
        call("OnTopicEvent", event("cloud", data=b'{"a": 1}'))
        call("OnTopicEvent", event("plain", data=b'{"a": 1}'))
    assert (type(seen[0]), seen[0].Data()) == (v1.Event, b'{"a": 1}')
    assert (type(seen[1]), seen[1].data()) == (SubscriptionMessage, {"a": 1})
    # What was written for the official package, without an annotation, asks for this:
    assert (seen[1].Data(), seen[1].EventID(), seen[1].content_type) == (b'{"a": 1}', "1", "application/json")


@pytest.mark.parametrize(
    ("service", "name"),
    [(wire.APP_CALLBACK, "OnBulkTopicEvent"), (wire.APP_CALLBACK_ALPHA, "OnBulkTopicEventAlpha1")],
)
def test_of_many_events_each_has_its_status(app: AnyApp, service: str, name: str) -> None:
    @app.subscribe("pubsub", "orders", bulk_subscribe=BulkSubscribe())
    def handle(event: SubscriptionMessage) -> Any:
        if event.data() == "bad":
            raise RuntimeError("not today")
        return event.data()

    request = appcallback_pb2.TopicEventBulkRequest(topic="orders", pubsub_name="pubsub")
    request.entries.add(entry_id="a", bytes=b"success", content_type="text/plain")
    request.entries.add(entry_id="b", bytes=b"bad", content_type="text/plain")
    cloud = appcallback_pb2.TopicEventCERequest(id="7", data=b'"drop"', data_content_type="application/json")
    request.entries.add(entry_id="c", cloud_event=cloud)
    with called(app) as call:
        answer, _ = call(name, request, service)
    statuses = [(entry.entry_id, entry.status) for entry in answer.statuses]
    assert statuses == [("a", SUCCESS), ("b", RETRY), ("c", DROP)]


def test_bindings_jobs_and_health(app: AnyApp) -> None:
    seen: list[Any] = []

    @app.binding("queue")
    def take(request: BindingRequest) -> str:
        seen.append((request.text(), request.binding_metadata))
        return "taken"

    @app.job_event("nightly")
    def due(event: JobEvent) -> None:
        seen.append(event)

    for name, again in (("queue", app.binding), ("nightly", app.job_event)):
        with pytest.raises(ValueError, match="already registered"):
            again(name)(take)
    with called(app) as call:
        assert list(call("ListInputBindings", Empty())[0].bindings) == ["queue"]
        told, _ = call(
            "OnBindingEvent", appcallback_pb2.BindingEventRequest(name="queue", data=b"x", metadata={"k": "v"})
        )
        assert told.data == b"taken"
        job = appcallback_pb2.JobEventRequest(name="nightly")
        job.data.value = b"data"
        call("OnJobEvent", job)
        call("OnJobEventAlpha1", job, wire.APP_CALLBACK_ALPHA)
        for request in (appcallback_pb2.BindingEventRequest(name="x"), appcallback_pb2.JobEventRequest(name="x")):
            kind = "OnBindingEvent" if isinstance(request, appcallback_pb2.BindingEventRequest) else "OnJobEvent"
            assert refused(lambda kind=kind, request=request: call(kind, request))[0] is grpc.StatusCode.UNIMPLEMENTED  # type: ignore[misc]
        health = wire.APP_CALLBACK_HEALTH_CHECK
        assert refused(lambda: call("HealthCheck", Empty(), health))[0] is grpc.StatusCode.UNIMPLEMENTED
        app.register_health_check(lambda: seen.append("health"))
        call("HealthCheck", Empty(), health)
    assert seen == [("x", {"k": "v"}), JobEvent("nightly", b"data"), JobEvent("nightly", b"data"), "health"]
    with pytest.raises(ValueError, match="must be defined"):
        app.register_health_check(None)


def test_async_functions_are_awaited() -> None:
    app = AsyncApp()

    @app.subscribe("pubsub", "orders")
    async def handle(event: SubscriptionMessage) -> str:
        await asyncio.sleep(0)
        return "drop"

    with called(app) as call:
        assert call("OnTopicEvent", event())[0].status == DROP


def test_run_serves_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRPC_APP_PORT", "0")
    app, started = App(), threading.Event()
    app.add_external_service(lambda servicer, server: started.set(), None)
    before = set(threading.enumerate())
    running = threading.Thread(target=app.run)
    running.start()
    assert started.wait(10)
    app.stop()
    running.join(10)
    assert not running.is_alive()
    assert not [thread for thread in set(threading.enumerate()) - before if "dapr_client" in thread.name]
