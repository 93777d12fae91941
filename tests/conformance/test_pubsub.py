"""Every broker, by every way in; what is published is read from a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dapr_testing import DaprSidecar
from tests.conformance.ways import Refused, Way

Key = Callable[[str], str]


@pytest.fixture
def stream(dapr_sidecar: DaprSidecar, key: Key, _dapr_servers: Any) -> Iterator[Any]:
    if _dapr_servers.kind != "fake":
        pytest.skip("a real daprd loses what is published in the instant after a stream is opened")
    with dapr_sidecar.client() as client:
        subscription = client.subscribe("store", key("orders"), dead_letter_topic=key("dead"))
        yield subscription
        subscription.close()


def test_an_event_arrives_as_it_was_published(way: Way, key: Key, stream: Any) -> None:
    way.publish("store", key("orders"), '{"id": 7}', "application/json", {"cloudevent.type": "placed"})
    message = stream.next_message()
    stream.respond_success(message)
    assert (message.data(), message.type(), message.topic()) == ({"id": 7}, "placed", key("orders"))
    assert (message.data_content_type(), message.pubsub_name()) == ("application/json", "store")


def test_many_events_arrive(way: Way, key: Key, stream: Any) -> None:
    way.publish_all("store", key("orders"), ["one", "two", "three"])
    got = []
    for _ in range(3):
        message = stream.next_message()
        stream.respond_success(message)
        got.append(message.data())
    assert sorted(got) == ["one", "three", "two"]


def test_what_is_dropped_is_a_dead_letter(way: Way, key: Key, stream: Any, dapr_sidecar: DaprSidecar) -> None:
    with dapr_sidecar.client() as client:
        letters: Any = client.subscribe("store", key("dead"))
        way.publish("store", key("orders"), "bad", "text/plain")
        stream.respond_drop(stream.next_message())
        letter = letters.next_message()
        letters.respond_success(letter)
        assert letter.data() == "bad"
        letters.close()


def test_an_unknown_broker_is_named(way: Way) -> None:
    with pytest.raises(Refused, match="pubsub nowhere is not found"):
        way.publish("nowhere", "orders", "x", "text/plain")
    with pytest.raises(Refused, match="pubsub nowhere is not found"):
        way.publish_all("nowhere", "orders", ["x"])
