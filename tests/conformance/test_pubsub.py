"""Every broker, by every way in; what is published is read from a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dapr_client import BulkPublishEntry, DaprClient, DaprGrpcError, SubscriptionMessage, TopicEventResponse
from dapr_client.wire import pubsub_pb2
from dapr_testing import DaprSidecar
from tests.conformance.ways import Refused, Way

Key = Callable[[str], str]
SECONDS = 10.0
EVENT = "application/cloudevents+json"


PROBE, PROBES, PROBE_SECONDS = "is anybody there?", 50, 0.1


class Followed:
    """A topic that is followed for certain: a real daprd loses what is published just after a stream was opened."""

    def __init__(self, client: DaprClient, topic: str, **more: Any) -> None:
        self.subscription = client.subscribe("store", topic, **more)
        for _ in range(PROBES):
            client.publish_event("store", topic, PROBE)
            probe = self.subscription.next_message(PROBE_SECONDS)
            if probe is not None:
                self.subscription.respond_success(probe)
                return
        raise AssertionError(f"nothing comes from {topic}")

    def next(self, answer: str = "success") -> SubscriptionMessage:
        """The next message, answered."""
        message = self.read()
        self.subscription.respond(message, TopicEventResponse(answer).status)
        return message

    def read(self) -> SubscriptionMessage:
        """The next message, not answered yet."""
        while True:
            message = self.subscription.next_message(SECONDS)
            assert message is not None
            if message.data() != PROBE:
                return message
            self.subscription.respond_success(message)

    def send(self, **fields: Any) -> None:
        """Say something of one's own up the stream."""
        self.subscription._outbox.put(pubsub_pb2.SubscribeTopicEventsRequestAlpha1(**fields))


@pytest.fixture
def client(dapr_sidecar: DaprSidecar) -> Iterator[DaprClient]:
    with dapr_sidecar.client() as client:
        yield client


@pytest.fixture
def stream(client: DaprClient, key: Key) -> Followed:
    return Followed(client, key("orders"), dead_letter_topic=key("dead"))


def test_an_event_arrives_as_it_was_published(way: Way, key: Key, stream: Followed) -> None:
    way.publish("store", key("orders"), '{"id": 7}', "application/json", {"cloudevent.type": "placed"})
    message = stream.next()
    assert (message.data(), message.type(), message.topic()) == ({"id": 7}, "placed", key("orders"))
    assert (message.data_content_type(), message.pubsub_name()) == ("application/json", "store")


def test_many_events_arrive(way: Way, key: Key, stream: Followed) -> None:
    with ThreadPoolExecutor(1) as thread:  # daprd's in-memory broker returns when they are with their reader
        publishing = thread.submit(way.publish_all, "store", key("orders"), ["one", "two", "three"])
        assert sorted(stream.next().data() for _ in range(3)) == ["one", "three", "two"]
        publishing.result()


@pytest.mark.parametrize("answer", ["drop", "retry"])
def test_what_is_not_taken_is_a_dead_letter(
    way: Way, key: Key, stream: Followed, client: DaprClient, answer: str
) -> None:
    letters = Followed(client, key("dead"))
    way.publish("store", key("orders"), "bad", "text/plain")
    stream.next(answer)
    assert letters.next().data() == "bad"


def test_an_unknown_broker_is_named(way: Way) -> None:
    with pytest.raises(Refused, match="pubsub nowhere is not found"):
        way.publish("nowhere", "orders", "x", "text/plain")
    with pytest.raises(Refused, match="pubsub nowhere is not found"):
        way.publish_all("nowhere", "orders", ["x"])


TOO_LARGE = "x" * (5 << 20)
ONE = [BulkPublishEntry("a", entry_id="1")]


@pytest.mark.parametrize(
    ("publish", "refusal"),
    [
        (lambda dapr, topic: dapr.publish_event("", topic, "x"), "pubsub name is empty"),
        (lambda dapr, topic: dapr.publish_event("store", "", "x"), "topic is empty in pubsub store"),
        (lambda dapr, topic: dapr.publish_event("store", topic, "x", {"rawPayload": "perhaps"}), "actual is 'perhaps'"),
        (lambda dapr, topic: dapr.publish_event("store", topic, "no", data_content_type=EVENT), "cannot create cloud"),
        (lambda dapr, topic: dapr.publish_event("store", topic, "[]", data_content_type=EVENT), "cannot create cloud"),
        (lambda dapr, topic: dapr.publish_event("store", topic, TOO_LARGE), "received message larger than max"),
        (lambda dapr, topic: dapr.publish_events("store", "", ["x"]), "topic is empty in pubsub store"),
        (lambda dapr, topic: dapr.publish_events("store", topic, ONE * 2), "entryId is duplicated or not present"),
        (lambda dapr, topic: dapr.publish_events("store", topic, ["x"], None, EVENT), "cannot create cloudevent"),
    ],
)
def test_what_is_no_event_is_refused(
    client: DaprClient, key: Key, publish: Callable[[DaprClient, str], Any], refusal: str
) -> None:
    with pytest.raises(DaprGrpcError, match=refusal):
        publish(client, key("refused"))


def test_what_is_wrong_does_not_end_a_stream(client: DaprClient, key: Key, stream: Followed) -> None:
    """Answers that nobody waits for, or without a status that is known, and messages that are no events."""

    def answer(id: str, *statuses: int) -> None:
        for status in statuses:
            stream.send(event_processed={"id": id, "status": {"status": status}})

    answer("", 0)
    answer("unknown", 0)
    stream.send(event_processed={"id": "unknown, without a status"})
    for text in ("not an event", "[1]", ""):
        client.publish_event("store", key("orders"), text, {"rawPayload": "true"})
    for statuses in ((0, 1), (77,), (0,)):
        client.publish_event("store", key("orders"), "x")
        answer(stream.read().id(), *statuses)
    client.publish_event("store", key("orders"), "x")
    stream.send(event_processed={"id": stream.read().id()})
    client.publish_event("store", key("orders"), "after all that")
    assert stream.next().data() == "after all that"


def test_a_stream_that_begins_twice_ends(stream: Followed) -> None:
    stream.send(initial_request=stream.subscription._initial)
    call: Any = stream.subscription._stream
    with pytest.raises(DaprGrpcError, match="duplicate initial request received"):
        list(call)
