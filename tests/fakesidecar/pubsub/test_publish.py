"""What an event looks like that was published, and what is refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from fakesidecar import golang
from fakesidecar.clock import VirtualClock
from fakesidecar.core.pubsub import Entry
from fakesidecar.errors import (
    CloudEventInvalid,
    EntryIdInvalid,
    PubSubNameEmpty,
    PubSubNotFound,
    RawPayloadInvalid,
    TopicEmpty,
    TopicForbidden,
)
from fakesidecar.resources.component import Component
from fakesidecar.sidecar import Sidecar

CE = "application/cloudevents+json"


def published(sidecar: Sidecar, data: bytes, content_type: str = "", **metadata: str) -> dict[str, Any]:
    sidecar.core.pubsub.publish("bus", "orders", data, content_type=content_type, metadata=metadata)
    event = sidecar.core.pubsub.published[-1].event
    assert event is not None
    return event


def test_an_event_is_wrapped_as_dapr_wraps_it(sidecar: Sidecar) -> None:
    event = published(sidecar, b'{"n": 1}', "application/json")
    assert event.pop("id")
    assert golang.format_rfc3339(sidecar.clock.now(), utc=False) == event.pop("time")
    assert event == {
        "data": {"n": 1},
        "datacontenttype": "application/json",
        "pubsubname": "bus",
        "source": "app",
        "specversion": "1.0",
        "topic": "orders",
        "traceid": "",
        "traceparent": "",
        "tracestate": "",
        "type": "com.dapr.event.sent",
    }


@pytest.mark.parametrize(
    ("content_type", "data", "expected"),
    [
        ("", b"words", {"data": "words", "datacontenttype": "text/plain"}),
        ("Application/JSON; charset=utf-8", b"[1]", {"data": [1]}),
        ("application/json", b"{broken", {"data": "{broken"}),
        ("application/json", b"", {"data": ""}),
        ("application/vnd.api+json", b"{}", {"data": "{}"}),
        ("application/octet-stream", b"\x00\xff", {"data_base64": base64.b64encode(b"\x00\xff").decode()}),
        ("text/plain", b"\xff", {"data": "\N{REPLACEMENT CHARACTER}"}),
    ],
)
def test_data_is_what_its_content_type_says(
    sidecar: Sidecar, content_type: str, data: bytes, expected: dict[str, Any]
) -> None:
    event = published(sidecar, data, content_type)
    assert {name: event[name] for name in expected} == expected


def test_numbers_keep_every_digit(sidecar: Sidecar) -> None:
    published(sidecar, b'{"n": 12345678901234567890.50}', "application/json")
    assert b'"n":12345678901234567890.50' in sidecar.core.pubsub.published[-1].data


def test_metadata_overrides_fields_in_any_case_of_letters(sidecar: Sidecar) -> None:
    event = published(sidecar, b"x", **{"CloudEvent.ID": "1", "cloudevent.source": "", "cloudevent.traceparent": "p"})
    assert (event["id"], event["source"], event["traceid"], event["traceparent"]) == ("1", "Dapr", "p", "p")


def test_an_event_that_is_one_already_is_completed(sidecar: Sidecar) -> None:
    event = published(sidecar, b'{"id": "7", "topic": "lie", "source": null, "more": 1}', CE, **{"cloudevent.id": "no"})
    assert (event["id"], event["topic"], event["source"], event["more"]) == ("7", "orders", "Dapr", 1)


@pytest.mark.parametrize("body", [b"", b"words", b"[]", b'"x"', b"null"])
def test_what_is_said_to_be_an_event_must_be_one(sidecar: Sidecar, body: bytes) -> None:
    with pytest.raises(CloudEventInvalid, match="cannot create cloudevent"):
        published(sidecar, body, CE)


def test_a_raw_message_is_published_as_it_is(sidecar: Sidecar) -> None:
    sidecar.core.pubsub.publish("bus", "orders", b"as it is", metadata={"rawPayload": "T"})
    record = sidecar.core.pubsub.published[-1]
    assert record.data == b"as it is"
    assert record.event is None
    with pytest.raises(RawPayloadInvalid, match="actual is 'maybe'"):
        sidecar.core.pubsub.publish("bus", "orders", b"", metadata={"rawPayload": "maybe"})


@pytest.mark.parametrize(("ttl", "lives"), [("10", True), ("10s", True), ("-1", False), ("soon", False), ("", False)])
def test_an_event_may_expire(sidecar: Sidecar, clock: VirtualClock, ttl: str, lives: bool) -> None:
    event = published(sidecar, b"x", ttlInSeconds=ttl)
    assert event.get("expiration") == (golang.format_rfc3339(clock.now() + 10) if lives else None)


def test_many_events_are_published_together(sidecar: Sidecar) -> None:
    entries = [Entry("1", b"a"), Entry("2", b"b", "application/octet-stream", {"x": "y"})]
    assert sidecar.core.pubsub.bulk_publish("bus", "orders", entries) == {}
    assert [record.metadata for record in sidecar.core.pubsub.published] == [{}, {"x": "y"}]
    with pytest.raises(EntryIdInvalid, match="duplicated or not present"):
        sidecar.core.pubsub.bulk_publish("bus", "orders", [Entry("1", b""), Entry("1", b"")])
    assert len(sidecar.core.pubsub.published) == 2


def test_names_must_be_there(sidecar: Sidecar) -> None:
    for error, pubsub, topic in ((PubSubNameEmpty, "", "t"), (PubSubNotFound, "no", ""), (TopicEmpty, "bus", "")):
        with pytest.raises(error):
            sidecar.core.pubsub.publish(pubsub, topic, b"")


@pytest.mark.parametrize(
    ("metadata", "topic", "allowed"),
    [
        ({"allowedTopics": "a, b"}, "b", True),
        ({"allowedTopics": "a, b"}, "c", False),
        ({"publishingScopes": "app=a;other=b"}, "b", False),
        ({"publishingScopes": "app="}, "a", False),
        ({"publishingScopes": "other=b"}, "a", True),
        ({"protectedTopics": "a"}, "a", False),
        ({"PROTECTEDTOPICS": "a", "publishingScopes": "app=a"}, "a", True),
        ({"allowedTopics": "a", "publishingScopes": "app=b"}, "b", False),
    ],
)
def test_scopes_say_who_may_publish_where(metadata: dict[str, str], topic: str, allowed: bool) -> None:
    sidecar = Sidecar(components=[Component("bus", "pubsub.in-memory", metadata=metadata)])
    try:
        if allowed:
            sidecar.core.pubsub.publish("bus", topic, b"")
        else:
            with pytest.raises(TopicForbidden, match=f"topic {topic} is not allowed for app id app"):
                sidecar.core.pubsub.publish("bus", topic, b"")
    finally:
        sidecar.stop()
