"""What was published and delivered, as tests look at it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from dapr_client import DaprClient
from dapr_testing import Component, DaprSidecar

BUS, KEEPING = (
    Component("pubsub", "pubsub.in-memory"),
    Component("keeping", "pubsub.in-memory", metadata={"keepUndelivered": "true"}),
)
pytestmark = pytest.mark.dapr(components=[BUS, KEEPING])


def place(client: DaprClient, number: int, topic: str = "orders") -> None:
    client.publish_event("pubsub", topic, f'{{"id": {number}}}', data_content_type="application/json")


def test_what_was_published_is_found_and_asserted(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    pubsub = dapr_sidecar.pubsub
    place(dapr_client, 7)
    place(dapr_client, 8)
    dapr_client.publish_event("pubsub", "raw", b"\x00", data_content_type="application/octet-stream")
    assert [one.topic for one in pubsub.published()] == ["orders", "orders", "raw"]
    assert [one.event and one.event["data"] for one in pubsub.published("pubsub", "orders")] == [{"id": 7}, {"id": 8}]
    pubsub.assert_published("pubsub", "orders", times=2, type="com.dapr.event.sent")
    pubsub.assert_published("pubsub", data=b"\x00")
    pubsub.assert_not_published("pubsub", "orders", data={"id": 9})
    with pytest.raises(AssertionError, match="published 2 time"):
        pubsub.assert_not_published(topic="orders")


def test_failures_name_what_was_nearly_meant(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    with pytest.raises(AssertionError, match="there was nothing at all"):
        dapr_sidecar.pubsub.assert_published()
    place(dapr_client, 7)
    with pytest.raises(AssertionError) as raised:
        dapr_sidecar.pubsub.assert_published("pubsub", "order", data={"id": 7})
    text = str(raised.value)
    assert text.startswith("not published: pubsub='pubsub', topic='order', data={'id': 7}\nthe nearest were\n")
    assert text.endswith("its topic is 'orders', not 'order'")
    with pytest.raises(AssertionError, match=r"not published 2 time\(s\), but 1"):
        dapr_sidecar.pubsub.assert_published("pubsub", "orders", times=2)
    with pytest.raises(AssertionError, match="not delivered within 0 s"):
        dapr_sidecar.pubsub.wait_delivered("pubsub", "orders", timeout=0)


def test_deliveries_say_who_was_handed_what_and_what_became_of_it(
    dapr_sidecar: DaprSidecar, dapr_client: DaprClient
) -> None:
    subscription: Any = dapr_client.subscribe("pubsub", "orders", dead_letter_topic="dead")
    place(dapr_client, 7)
    message = subscription.next_message()
    subscription.respond_drop(message)
    pubsub = dapr_sidecar.pubsub
    attempt = pubsub.wait_delivered("pubsub", "orders", status="DROP")
    assert (attempt.subscriber, attempt.id) == ("stream", message.id())
    assert pubsub.deliveries == [attempt]
    assert pubsub.delivered(status="SUCCESS") == []
    assert pubsub.wait_published("pubsub", "dead", data={"id": 7}).topic == "dead"
    pubsub.assert_delivered("pubsub", "orders", status="DROP", data={"id": 7}, times=1)
    subscription.close()


async def test_coroutines_wait_too(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    waiting = asyncio.ensure_future(dapr_sidecar.pubsub.wait_published_async("pubsub", "orders", data={"id": 2}))
    for number in range(3):
        threading.Thread(target=place, args=(dapr_client, number)).start()
    assert (await waiting).event["data"] == {"id": 2}  # type: ignore[index]  # it is an event
    dapr_sidecar.fake.core.pubsub.subscribe("pubsub", "orders", lambda event: None)
    place(dapr_client, 4)
    assert (await dapr_sidecar.pubsub.wait_delivered_async("pubsub", "orders")).subscriber == "python"


def test_events_are_delivered_by_hand_and_replayed(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    pubsub = dapr_sidecar.pubsub
    place(dapr_client, 7)
    with pytest.raises(AssertionError, match=r"nobody subscribes to pubsub/orders; .* none at all"):
        pubsub.replay(pubsub.published()[0])
    subscription: Any = dapr_client.subscribe("pubsub", "ord*")
    assert pubsub.deliver("pubsub", "orders", {"id": 1}, metadata={"cloudevent.id": "mine"}) == ["stream"]
    message = subscription.next_message()
    subscription.respond_success(message)
    assert (message.id(), message.data()) == ("mine", {"id": 1})
    pubsub.replay(pubsub.wait_delivered())
    again = subscription.next_message()
    subscription.respond_success(again)
    assert (again.id(), again.data()) == ("mine", {"id": 1})
    assert pubsub.replay(pubsub.published()[0]) == ["stream"]
    assert subscription.next_message().data() == {"id": 7}
    with pytest.raises(AssertionError, match=r"there are subscriptions to: pubsub/ord\*"):
        pubsub.deliver("pubsub", "news", b"x")
    assert len(pubsub.published()) == 1
    subscription.close()


def test_what_nobody_took_is_kept_for_who_asks_for_it(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    pubsub, core = dapr_sidecar.pubsub, dapr_sidecar.fake.core.pubsub
    dapr_client.publish_event("pubsub", "orders", "lost")
    assert pubsub.undelivered("pubsub") == []
    dapr_client.publish_event("keeping", "orders", "nobody")
    assert [one.event and one.event["data"] for one in pubsub.undelivered("keeping", "orders")] == ["nobody"]
    leave = core.subscribe("keeping", "orders", lambda event: "RETRY")
    dapr_client.publish_event("keeping", "orders", "refused")
    leave()
    assert pubsub.undelivered("keeping", "news") == []
    kept = dapr_sidecar.snapshot()
    got: list[str] = []
    core.subscribe("keeping", "ord*", lambda event: got.append(event.event["data"]))
    assert got == ["nobody", "refused"]
    assert pubsub.undelivered("keeping") == []
    dapr_sidecar.restore(kept)
    assert len(pubsub.undelivered("keeping")) == 2
