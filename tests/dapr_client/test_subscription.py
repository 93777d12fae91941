"""Streaming subscriptions against a server that does with each stream what a test says."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Queue
from typing import Any

import grpc
import pytest

from dapr_client import (
    BulkPublishEntry,
    DaprClient,
    DaprGrpcError,
    RetryPolicy,
    StreamCancelledError,
    StreamInactiveError,
    StreamReconnectError,
    SubscriptionMessage,
    TopicEventResponse,
    TopicEventResponseStatus,
)
from dapr_client._async import subscription as async_subscription
from dapr_client._sync import subscription as sync_subscription
from dapr_client.aio import DaprClient as AsyncDaprClient
from dapr_client.wire import appcallback_pb2, pubsub_pb2
from fakesidecar import Component, Sidecar, VirtualClock
from tests.dapr_client.scripted import Fails, recorder, served

Asked = pubsub_pb2.SubscribeTopicEventsRequestAlpha1
Told = pubsub_pb2.SubscribeTopicEventsResponseAlpha1
Act = Callable[[Iterator[Any], grpc.ServicerContext], Iterable[Any]]

CONFIRMED = Told(initial_response=pubsub_pb2.SubscribeTopicEventsResponseInitialAlpha1())
WAIT = 5.0


def event(id: str, data: bytes = b"{}", content_type: str = "application/json") -> Any:
    request = appcallback_pb2.TopicEventRequest(
        id=id, topic="orders", pubsub_name="pubsub", data=data, data_content_type=content_type
    )
    return Told(event_message=request)


class Server(grpc.GenericRpcHandler):
    """Serves one act per stream, and notes what clients said."""

    def __init__(self, acts: list[Act]) -> None:
        self.acts = acts
        self.initial: list[Any] = []
        self.answers: Queue[tuple[str, int]] = Queue()
        self.address = ""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return grpc.stream_stream_rpc_method_handler(
            self._serve, request_deserializer=Asked.FromString, response_serializer=Told.SerializeToString
        )

    def _serve(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
        self.initial.append(next(requests).initial_request)
        yield CONFIRMED
        yield from self.acts.pop(0)(requests, context)

    def note(self, requests: Iterator[Any], count: int) -> None:
        """Wait for so many responses."""
        for _ in range(count):
            processed = next(requests).event_processed
            self.answers.put((processed.id, processed.status.status))


@contextmanager
def serving(*acts: Act) -> Iterator[Server]:
    handler = Server(list(acts))
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((handler,))
    handler.address = "127.0.0.1:{}".format(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    try:
        yield handler
    finally:
        server.stop(None).wait()


def dapr_at(server: Server, **policy: Any) -> DaprClient:
    return DaprClient(channel=grpc.insecure_channel(server.address), retry_policy=RetryPolicy(**policy))


def until_gone(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
    """Say nothing until the client has left."""
    for _ in requests:
        """Not asked."""
    return ()


def test_messages_are_read_and_responded_to() -> None:
    def act(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
        for name in ("1", "2", "3"):
            yield event(name)
        server.note(requests, 3)
        until_gone(requests, context)

    with serving(act) as server, dapr_at(server) as dapr:
        subscription = dapr.subscribe("pubsub", "orders", {"rawPayload": "true"}, "dead")
        messages = [subscription.next_message() for _ in range(3)]
        responds = subscription.respond_success, subscription.respond_retry, subscription.respond_drop
        for message, respond in zip(messages, responds, strict=True):
            assert message is not None
            respond(message)
        assert [server.answers.get(timeout=WAIT) for _ in range(3)] == [("1", 0), ("2", 1), ("3", 2)]
        subscription.close()
        with pytest.raises(StreamInactiveError, match="Stream is not active"):
            subscription.next_message()
        with pytest.raises(StreamInactiveError):
            subscription.respond_success(SubscriptionMessage(event("4").event_message))
    (initial,) = server.initial
    assert (initial.pubsub_name, initial.topic, dict(initial.metadata)) == ("pubsub", "orders", {"rawPayload": "true"})
    assert initial.dead_letter_topic == "dead"


async def test_the_async_client_reads_and_responds_too() -> None:
    def act(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
        yield event("1", b'{"a": 1}', "application/json; charset=utf-8")
        server.note(requests, 1)
        until_gone(requests, context)

    with serving(act) as server:
        async with AsyncDaprClient(channel=grpc.aio.insecure_channel(server.address)) as dapr:
            async with await dapr.subscribe("pubsub", "orders") as subscription:
                async for message in subscription:
                    assert message.data() == {"a": 1}
                    await subscription.respond_success(message)
                    break
                assert await asyncio.to_thread(server.answers.get, timeout=WAIT) == ("1", 0)
                assert await subscription.next_message(timeout=0.01) is None
                asyncio.get_running_loop().call_soon(asyncio.ensure_future, subscription.close())
                with pytest.raises(StreamCancelledError):
                    await subscription.next_message()
            assert [message async for message in subscription] == []


def test_who_waits_not_long_enough_gets_the_message_the_next_time() -> None:
    go = threading.Event()

    def act(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
        assert go.wait(WAIT)
        yield event("late")
        until_gone(requests, context)

    with serving(act) as server, dapr_at(server) as dapr:
        subscription = dapr.subscribe("pubsub", "orders")
        assert subscription.next_message(timeout=0) is None
        go.set()
        message = subscription.next_message()
        assert message is not None
        assert message.id() == "late"


def test_closing_wakes_who_waits() -> None:
    with serving(until_gone) as server, dapr_at(server) as dapr:
        subscription = dapr.subscribe("pubsub", "orders")
        raised: list[Exception] = []

        def read() -> None:
            try:
                subscription.next_message()
            except StreamCancelledError as error:
                raised.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        subscription.close()
        reader.join(WAIT)
        assert len(raised) <= 1  # a reader that came too late found it inactive
        assert not reader.is_alive()


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sidecar]:
    """A sidecar on a port, whose pub/sub remembers what was not acknowledged."""
    component = Component("bus", "pubsub.redis", metadata={"redisHost": "closing:1", "consumerID": "group"})
    with Sidecar(components=[component], clock=VirtualClock()) as running:
        monkeypatch.setenv("DAPR_GRPC_PORT", str(running.grpc_port))
        monkeypatch.setenv("DAPR_HTTP_PORT", str(running.http_port))
        yield running


def unacknowledged(sidecar: Sidecar) -> int:
    broker: Any = sidecar.core.pubsub.broker("bus")
    return int(broker.redis(lambda client: client.xpending("orders", "group"))["pending"])


def test_a_response_just_before_the_close_is_not_lost(bus: Sidecar) -> None:
    with DaprClient() as dapr:
        for number in range(20):
            dapr.publish_event("bus", "orders", str(number))
            with dapr.subscribe("bus", "orders") as subscription:
                message = subscription.next_message()
                assert message is not None
                assert message.data() == str(number)
                subscription.respond_success(message)
            assert unacknowledged(bus) == 0


async def test_a_response_just_before_the_async_close_is_not_lost(bus: Sidecar) -> None:
    async with AsyncDaprClient() as dapr:
        for number in range(20):
            await dapr.publish_event("bus", "orders", str(number))
            async with await dapr.subscribe("bus", "orders") as subscription:
                message = await subscription.next_message()
                assert message is not None
                assert message.data() == str(number)
                await subscription.respond_success(message)
            assert unacknowledged(bus) == 0


def test_a_close_reads_away_what_nobody_has_read(bus: Sidecar) -> None:
    with DaprClient() as dapr:
        subscription = dapr.subscribe("bus", "orders")
        dapr.publish_events("bus", "orders", [str(number) for number in range(9)])
        message = subscription.next_message()
        assert message is not None
        subscription.respond_success(message)
        subscription.close()
    assert unacknowledged(bus) == 8


@pytest.fixture
def not_ending(monkeypatch: pytest.MonkeyPatch) -> Iterator[Act]:
    """A server that does not end the stream when it is asked to."""
    for module in (sync_subscription, async_subscription):
        monkeypatch.setattr(module, "END_SECONDS", 0.01)
    gone = threading.Event()

    def act(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
        context.add_callback(gone.set)
        yield event("1")
        gone.wait(WAIT)

    yield act
    assert gone.is_set()


def test_a_close_does_not_wait_for_who_does_not_end(not_ending: Act) -> None:
    before = set(threading.enumerate())
    with serving(not_ending) as server, dapr_at(server) as dapr:
        subscription = dapr.subscribe("pubsub", "orders")
        message = subscription.next_message()
        assert message is not None
        assert subscription.next_message(timeout=0.001) is None
        subscription.respond_success(message)
        subscription.close()
        assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "dapr_client"]


async def test_an_async_close_does_not_wait_for_who_does_not_end(not_ending: Act) -> None:
    with serving(not_ending) as server:
        async with AsyncDaprClient(channel=grpc.aio.insecure_channel(server.address)) as dapr:
            subscription = await dapr.subscribe("pubsub", "orders")
            message = await subscription.next_message()
            assert message is not None
            assert await subscription.next_message(timeout=0.001) is None
            await subscription.respond_success(message)
            await subscription.close()


def test_a_stream_that_breaks_is_opened_again_after_a_wait_even_when_it_ended_well() -> None:
    slept, sleep, _ = recorder()

    def ends(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
        yield event("first")

    def breaks(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
        context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")

    def works(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
        yield event("second")
        server.note(requests, 1)
        until_gone(requests, context)

    with serving(ends, breaks, works) as server, dapr_at(server, sleep=sleep, random=lambda: 1.0) as dapr:
        subscription = dapr.subscribe("pubsub", "orders")
        first = subscription.next_message()
        second = subscription.next_message()
        assert first is not None
        assert second is not None
        assert (first.id(), second.id()) == ("first", "second")
        subscription.respond_success(first)  # of a stream that is gone: nothing is sent
        subscription.respond_success(second)
        subscription.respond_success(second)  # only once
        assert server.answers.get(timeout=WAIT) == ("second", 0)
    assert slept == [0.2, 0.4]
    assert server.answers.empty()


def test_a_stream_that_stays_broken_is_given_up() -> None:
    slept, sleep, _ = recorder()

    def ends(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
        return ()

    with serving(*[ends] * 6) as server, dapr_at(server, sleep=sleep, random=lambda: 0.0) as dapr:
        subscription = dapr.subscribe("pubsub", "orders")
        with pytest.raises(StreamReconnectError, match="after 5 reconnect attempts"):
            subscription.next_message()
        with pytest.raises(StreamInactiveError):
            subscription.next_message()
    assert slept == [0.1, 0.2, 0.4, 0.8, 1.6]


def test_a_refusal_is_told_at_once() -> None:
    with (
        served(Fails(grpc.StatusCode.INVALID_ARGUMENT, "no such pubsub")) as script,
        DaprClient(channel=grpc.insecure_channel(script.address)) as dapr,
        pytest.raises(DaprGrpcError, match="no such pubsub"),
    ):
        dapr.subscribe("nowhere", "orders")


Answers = list[tuple[str, int]]


@pytest.mark.parametrize(
    ("returned", "status"),
    [
        (TopicEventResponse("success"), 0),
        (TopicEventResponseStatus.drop, 2),
        ("Retry", 1),
    ],
)
def test_a_handler_says_what_became_of_a_message(returned: Any, status: int) -> None:
    def act(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
        yield event("1")
        server.note(requests, 1)
        until_gone(requests, context)

    before = set(threading.enumerate())
    with serving(act) as server, dapr_at(server) as dapr:
        close = dapr.subscribe_with_handler("pubsub", "orders", lambda message: returned)
        assert server.answers.get(timeout=WAIT) == ("1", status)
        close()
        assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "dapr_client"]


def test_a_handler_that_fails_is_logged_and_the_message_comes_again_later(caplog: pytest.LogCaptureFixture) -> None:
    slept, sleep, _ = recorder()

    def act(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
        for number in range(4):
            yield event(str(number))
        server.note(requests, 4)
        until_gone(requests, context)

    def handle(message: SubscriptionMessage) -> Any:
        if message.id() == "0":
            raise RuntimeError("not today")
        return {"1": None, "2": "success", "3": 7}[message.id()]

    with (
        caplog.at_level(logging.ERROR, "dapr_client"),
        serving(act) as server,
        dapr_at(server, sleep=sleep, random=lambda: 1.0) as dapr,
    ):
        close = dapr.subscribe_with_handler("pubsub", "orders", handle)
        assert [server.answers.get(timeout=WAIT) for _ in range(4)] == [("0", 1), ("1", 1), ("2", 0), ("3", 1)]
        close()
        assert close.error is None
    assert slept == [0.2, 0.4, 0.2]
    assert len(server.initial) == 1
    assert caplog.text.count("RuntimeError: not today") == 1
    assert "must return a TopicEventResponse" in caplog.text


async def test_an_async_handler_that_fails_does_not_end_the_subscription() -> None:
    slept, _, async_sleep = recorder()

    def act(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
        yield event("1")
        yield event("2")
        server.note(requests, 2)
        until_gone(requests, context)

    async def handle(message: SubscriptionMessage) -> TopicEventResponse:
        if message.id() == "1":
            raise RuntimeError("not today")
        return TopicEventResponse("success")

    with serving(act) as server:
        policy = RetryPolicy(async_sleep=async_sleep)
        async with AsyncDaprClient(channel=grpc.aio.insecure_channel(server.address), retry_policy=policy) as dapr:
            close = await dapr.subscribe_with_handler("pubsub", "orders", handle)
            answers = [await asyncio.to_thread(server.answers.get, timeout=WAIT) for _ in range(2)]
            assert answers == [("1", 1), ("2", 0)]
            await close()
    assert len(slept) == 1


def test_a_close_does_not_wait_for_a_backoff() -> None:
    failed = threading.Event()

    def act(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterable[Any]:
        yield event("1")
        until_gone(requests, context)

    def handle(message: SubscriptionMessage) -> None:
        failed.set()

    with serving(act) as server, dapr_at(server) as dapr:
        close = dapr.subscribe_with_handler("pubsub", "orders", handle)
        assert failed.wait(WAIT)
        close()
        close()


@pytest.mark.parametrize(
    ("content_type", "raw", "data"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}),
        ("application/json; charset=utf-8", b"[1]", [1]),
        ("application/cloudevents+json", b"true", True),
        ("application/json", b"not json", b"not json"),
        ("text/plain", "grüße".encode(), "grüße"),
        ("text/plain", b"\xff", b"\xff"),
        ("application/octet-stream", b"\x00", b"\x00"),
        ("", b"x", b"x"),
    ],
)
def test_data_is_read_by_its_content_type(content_type: str, raw: bytes, data: object) -> None:
    message = SubscriptionMessage(event("1", raw, content_type).event_message)
    assert message.data() == data
    assert message.raw_data() == raw


def test_an_event_is_a_cloudevents_object_on_request() -> None:
    request = appcallback_pb2.TopicEventRequest(
        id="1", source="shop", type="t", data=b"{}", data_content_type="application/json", topic="orders"
    )
    request.extensions.update({"traceparent": "00"})
    cloud = SubscriptionMessage(request).to_cloud_event()
    assert (cloud.EventID(), cloud.Source(), cloud.Data(), cloud.content_type) == (
        "1",
        "shop",
        b"{}",
        "application/json",
    )
    assert cloud.Extensions() == {"traceparent": "00"}


def test_a_status_is_one_of_three() -> None:
    assert TopicEventResponse("DROP").status is TopicEventResponseStatus.drop
    with pytest.raises(KeyError, match="must be one of"):
        TopicEventResponse("maybe")
    with pytest.raises(ValueError, match="must be one of"):
        TopicEventResponse(None)  # type: ignore[arg-type]  # that is what is tested


def test_many_events_are_published_each_with_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = pubsub_pb2.BulkPublishResponse()
    failed.failedEntries.add(entry_id="mine", error="full")
    with (
        served(Fails(grpc.StatusCode.UNIMPLEMENTED), failed.SerializeToString()) as script,
        DaprClient(channel=grpc.insecure_channel(script.address)) as dapr,
    ):
        entry = BulkPublishEntry(b"2", {"b": "3"}, "application/json", "mine")
        answer = dapr.publish_events("pubsub", "orders", ["1", b"1", entry], {"a": "1", "b": "2"})
        with pytest.raises(TypeError, match="invalid type for event <class 'int'>"):
            dapr.publish_events("pubsub", "orders", [1])  # type: ignore[list-item]  # that is what is tested
    assert [(entry.entry_id, entry.error) for entry in answer.failed_entries] == [("mine", "full")]
    first, second = map(pubsub_pb2.BulkPublishRequest.FromString, script.requests)
    assert first == second  # by its two names
    kinds = [(entry.content_type, dict(entry.metadata)) for entry in first.entries]
    both = {"a": "1", "b": "2"}
    assert kinds == [
        ("text/plain", both),
        ("application/octet-stream", both),
        ("application/json", {"a": "1", "b": "3"}),
    ]
    assert len({entry.entry_id for entry in first.entries}) == 3
