"""Every broker, by every way in; what is published is read from a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dapr_client import DaprClient, SubscriptionMessage, TopicEventResponse
from dapr_testing import DaprSidecar
from tests.conformance.ways import Refused, Way

Key = Callable[[str], str]
SECONDS = 10.0


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
        while True:
            message = self.subscription.next_message(SECONDS)
            assert message is not None
            if message.data() != PROBE:
                self.subscription.respond(message, TopicEventResponse(answer).status)
                return message
            self.subscription.respond_success(message)


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
