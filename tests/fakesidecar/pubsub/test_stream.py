"""Events down a stream, and their answers up the same stream: in process and through a port."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from dapr_client import wire
from dapr_testing._inprocess import Channel
from fakesidecar.sidecar import Sidecar

METHOD = wire.method(wire.DAPR, "SubscribeTopicEventsAlpha1")
SECONDS = 10.0


class Reader:
    """The client's end of a stream."""

    def __init__(self, channel: Any) -> None:
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.call = channel.stream_stream(
            METHOD.path,
            request_serializer=METHOD.request.SerializeToString,
            response_deserializer=METHOD.response.FromString,
        )(iter(self._requests.get, None), timeout=SECONDS)

    def send(self, **fields: Any) -> None:
        self._requests.put(METHOD.request(**fields))

    def half_close(self) -> None:
        self._requests.put(None)

    def next(self) -> Any:
        return next(self.call)

    def event(self) -> Any:
        return self.next().event_message

    def answer(self, event: Any, status: int) -> None:
        self.send(event_processed={"id": event.id, "status": {"status": status}})

    def end(self) -> tuple[str, str]:
        """How the stream ended."""
        with pytest.raises(grpc.RpcError):
            self.next()
        return self.call.code().name, self.call.details()


@pytest.fixture(params=["in process", "port"])
def opened(request: pytest.FixtureRequest, sidecar: Sidecar) -> Iterator[Callable[..., Reader]]:
    readers: list[Reader] = []
    if request.param == "port":
        sidecar.start()
        channel: Any = grpc.insecure_channel(f"127.0.0.1:{sidecar.grpc_port}")
    else:
        channel = Channel(sidecar.grpc)

    def open_one(topic: str = "", **more: Any) -> Reader:
        reader = Reader(channel)
        readers.append(reader)
        if topic:
            reader.send(initial_request={"pubsub_name": "bus", "topic": topic, **more})
            assert reader.next().HasField("initial_response")
        return reader

    yield open_one
    for reader in readers:
        reader.half_close()
        reader.call.cancel()
    channel.close()


def say(sidecar: Sidecar, text: str, topic: str = "orders") -> None:
    sidecar.core.pubsub.publish("bus", topic, text.encode())


def test_events_come_one_at_a_time(sidecar: Sidecar, opened: Callable[..., Reader]) -> None:
    reader = opened("orders")
    for text in ("one", "two", "three"):
        say(sidecar, text)
    seen = []
    for status in (0, 1, 2):
        event = reader.event()
        seen.append(event.data)
        assert [one.status for one in sidecar.core.pubsub.deliveries] == ["SUCCESS", "RETRY", "DROP"][: len(seen) - 1]
        reader.answer(event, status)
    assert seen == [b"one", b"two", b"three"]


def test_who_never_answers_has_one_event_and_holds_up_nobody(sidecar: Sidecar, opened: Callable[..., Reader]) -> None:
    slow, quick = opened("orders"), opened("orders")
    for number in range(300):  # a real daprd lets publishers wait from the second on
        say(sidecar, str(number))
    for number in range(300):
        event = quick.event()
        assert event.data == str(number).encode()
        quick.answer(event, 0)
    first = slow.event()
    assert first.data == b"0"
    waiting = sidecar.core.around.broker.bus("bus").snapshot().waiting
    assert max(len(messages) for _, messages in waiting) == 300
    slow.answer(first, 0)
    assert slow.event().data == b"1"


def test_events_that_are_not_taken_are_dead_letters(sidecar: Sidecar, opened: Callable[..., Reader]) -> None:
    letters, reader = opened("dead"), opened("orders", dead_letter_topic="dead")
    for text, status in (("good", 0), ("later", 1), ("bad", 2), ("odd", 9)):
        say(sidecar, text)
        reader.answer(reader.event(), status)
    for expected in (b"later", b"bad", b"odd"):
        letter = letters.event()
        assert (letter.data, letter.topic) == (expected, "dead")
        letters.answer(letter, 0)


def test_answers_to_nothing_change_nothing(sidecar: Sidecar, opened: Callable[..., Reader]) -> None:
    reader = opened("orders")
    reader.send(event_processed={"id": "never seen"})
    say(sidecar, "one")
    event = reader.event()
    reader.send(event_processed={"id": "not it"})
    reader.answer(event, 0)
    reader.answer(event, 1)
    say(sidecar, "two")
    assert reader.event().data == b"two"


@pytest.mark.parametrize(
    ("first", "code", "details"),
    [
        ({}, "UNKNOWN", "initial request is required"),
        ({"event_processed": {"id": "x"}}, "UNKNOWN", "initial request is required"),
        ({"initial_request": {"topic": "t"}}, "UNKNOWN", "pubsubName is required"),
        ({"initial_request": {"pubsub_name": "bus"}}, "UNKNOWN", "topic is required"),
        ({"initial_request": {"pubsub_name": "no", "topic": "t"}}, "INVALID_ARGUMENT", "pubsub no is not found"),
    ],
)
def test_a_stream_begins_with_what_it_is_for(
    opened: Callable[..., Reader], first: dict[str, Any], code: str, details: str
) -> None:
    reader = opened()
    reader.send(**first)
    assert reader.end() == (code, details)


@pytest.mark.parametrize("again", [{}, {"initial_request": {"pubsub_name": "bus", "topic": "other"}}])
def test_a_stream_is_for_one_topic(opened: Callable[..., Reader], again: dict[str, Any]) -> None:
    reader = opened("orders")
    reader.send(**again)
    assert reader.end() == ("UNKNOWN", "duplicate initial request received")


def test_who_sends_no_more_is_done(sidecar: Sidecar, opened: Callable[..., Reader]) -> None:
    reader = opened("orders", dead_letter_topic="dead")
    letters = opened("dead")
    say(sidecar, "held")
    reader.event()
    reader.half_close()
    assert reader.end() == ("UNKNOWN", "EOF")
    say(sidecar, "x", "dead")
    assert letters.event().data == b"x"


def test_a_reset_ends_streams(sidecar: Sidecar, opened: Callable[..., Reader]) -> None:
    reader = opened("orders")
    assert [(one.topic, one.type) for one in sidecar.core.metadata.get().subscriptions] == [("orders", "STREAMING")]
    sidecar.reset()
    assert reader.end() == ("UNKNOWN", "stream closed")
    assert not sidecar.core.metadata.get().subscriptions


def test_every_stream_gets_every_event(sidecar: Sidecar, opened: Callable[..., Reader]) -> None:
    readers = [opened("orders"), opened("orders"), opened("ord*")]
    say(sidecar, "x")
    assert [reader.event().topic for reader in readers] == ["orders", "orders", "ord*"]
