"""`pubsub.redis` on an embedded Redis: groups, redelivery on the clock, concurrency, lengths, what outlives whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dapr_client import DaprClient
from dapr_testing._inprocess import Channel
from fakesidecar import Component, Options, Sidecar, VirtualClock
from fakesidecar.core.pubsub import STREAMING
from fakesidecar.core.pubsub_delivery import Delivery, Once
from fakesidecar.core.resiliency import NotTaken
from fakesidecar.resources.errors import StartupError
from fakesidecar.resources.subscription import Rule, Subscription
from fakesidecar.snapshots import dumps, loads, restore, snapshot

Open = Callable[..., Sidecar]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def open_sidecar(clock: VirtualClock) -> Iterator[Open]:
    """Opens sidecars that share an embedded Redis."""
    opened: list[Sidecar] = []

    def open_one(app_id: str = "app", **metadata: str) -> Sidecar:
        bus = Component("bus", "pubsub.redis", metadata={"redisHost": "streams:1", **metadata})
        opened.append(Sidecar(Options(app_id=app_id), components=[bus], clock=clock))
        return opened[-1]

    yield open_one
    for sidecar in opened:
        sidecar.stop()


class Holder:
    """A subscriber that answers when it is told to."""

    name = "stream"

    def __init__(self, sidecar: Sidecar, topic: str = "orders", dead_letter_topic: str = "") -> None:
        self.held: list[tuple[Delivery, Once]] = []
        subscription = Subscription("bus", topic, [Rule("/")], dead_letter_topic=dead_letter_topic)
        self.leave = sidecar.core.pubsub.read(subscription, STREAMING, self)

    def deliver(self, delivery: Delivery, answered: Once) -> None:
        self.held.append((delivery, answered))

    @property
    def numbers(self) -> list[Any]:
        return [delivery.event["data"] for delivery, _ in self.held]


def say(sidecar: Sidecar, *texts: str, topic: str = "orders") -> None:
    for text in texts:
        sidecar.core.pubsub.publish("bus", topic, text.encode())


def ask(sidecar: Sidecar, *words: Any) -> Any:
    broker: Any = sidecar.core.pubsub.broker("bus")
    return broker.redis(lambda client: client.execute_command(*words))


def pending(sidecar: Sidecar, group: str = "app", topic: str = "orders") -> int:
    return int(ask(sidecar, "XPENDING", topic, group)["pending"])


def test_what_is_published_while_nobody_reads_waits(open_sidecar: Open) -> None:
    sidecar = open_sidecar()
    say(sidecar, "one", "two")
    got: list[str] = []
    leave = sidecar.core.pubsub.subscribe("bus", "orders", lambda event: got.append(event.event["data"]))
    say(sidecar, "three")
    leave()
    say(sidecar, "four")
    assert got == ["one", "two", "three"]
    sidecar.core.pubsub.subscribe("bus", "orders", lambda event: got.append(event.event["data"]))
    assert got == ["one", "two", "three", "four"]
    assert pending(sidecar) == 0


def test_equal_app_ids_compete_and_others_have_it_all(open_sidecar: Open) -> None:
    sidecars = [open_sidecar(), open_sidecar(), open_sidecar("other"), open_sidecar("third", consumerID="app")]
    got: list[list[str]] = [[] for _ in sidecars]
    for one, mine in zip(sidecars, got, strict=True):
        one.core.pubsub.subscribe("bus", "orders", lambda event, mine=mine: mine.append(event.event["data"]))  # type: ignore[misc]  # a list of its own
    say(sidecars[2], *"abcdef")
    assert got[2] == [*"abcdef"]
    assert sorted(got[0] + got[1] + got[3]) == [*"abcdef"]
    assert all(got)


def test_what_is_not_seen_to_in_time_comes_again_and_a_late_answer_counts_for_nothing(
    open_sidecar: Open, clock: VirtualClock
) -> None:
    sidecar = open_sidecar(processingTimeout="30s", redeliverInterval="10000")
    reader = Holder(sidecar, dead_letter_topic="dead")
    say(sidecar, "a")
    clock.advance(29)
    assert reader.numbers == ["a"]
    clock.advance(2)
    assert reader.numbers == ["a", "a"]
    (first, late), (second, answered) = reader.held
    assert first.id == second.id
    late(NotTaken("too late"))
    assert pending(sidecar) == 1
    assert ask(sidecar, "EXISTS", "dead") == 0
    answered(None)
    assert pending(sidecar) == 0
    clock.run_until_idle()
    assert len(reader.held) == 2


def test_what_waited_too_long_before_its_turn_is_not_handed_over(open_sidecar: Open, clock: VirtualClock) -> None:
    limits = {"processingTimeout": "30s", "redeliverInterval": "10000", "concurrency": "1"}
    busy = Holder(open_sidecar(**limits))
    say(open_sidecar(**limits), "a", "b")
    clock.advance(25)
    busy.held[0][1](None)  # what waits is handed over, with the rest of its time
    other = Holder(open_sidecar(**limits))
    clock.advance(20)
    assert (busy.numbers, other.numbers) == (["a", "b"], ["b"])
    assert busy.held[1][1].spent


def test_refused_is_acknowledged_all_the_same(open_sidecar: Open, clock: VirtualClock) -> None:
    sidecar = open_sidecar()
    reader = Holder(sidecar)
    say(sidecar, "a")
    reader.held[0][1](NotTaken("no"))
    assert pending(sidecar) == 0
    clock.run_until_idle()
    assert reader.numbers == ["a"]


def test_without_redelivery_it_stays_with_who_has_it(open_sidecar: Open, clock: VirtualClock) -> None:
    sidecar = open_sidecar(processingTimeout="0")
    reader = Holder(sidecar)
    say(sidecar, "a")
    clock.advance(86400)
    assert reader.numbers == ["a"]
    reader.held[0][1](None)
    assert pending(sidecar) == 0


def test_what_was_with_who_is_gone_is_handed_to_the_next(open_sidecar: Open, clock: VirtualClock) -> None:
    gone, other = open_sidecar(), open_sidecar()
    first = Holder(gone)
    say(gone, "a", "b")
    second = Holder(other)
    assert (first.numbers, second.numbers) == (["a", "b"], [])
    gone.stop()
    clock.advance(59)
    assert second.numbers == []
    clock.advance(16)
    assert second.numbers == ["a", "b"]


def test_so_many_are_under_way_at_a_time_in_order(open_sidecar: Open) -> None:
    sidecar = open_sidecar(concurrency="2", queueDepth="1")
    reader = Holder(sidecar)
    say(sidecar, *"abcde")
    assert reader.numbers == ["a", "b"]
    for number in range(5):
        reader.held[number][1](None)
    assert reader.numbers == [*"abcde"]
    assert pending(sidecar) == 0


def test_who_never_answers_has_so_many_and_the_rest_stays_in_redis(open_sidecar: Open) -> None:
    sidecar = open_sidecar()
    reader = Holder(sidecar)
    say(sidecar, *map(str, range(300)))
    assert len(reader.held) == 10  # of a real daprd as well, which has 100 more in its queue
    assert pending(sidecar) == 10 + 100
    assert ask(sidecar, "XLEN", "orders") == 300


def test_many_that_wait_are_handed_over_without_depth(open_sidecar: Open) -> None:
    sidecar = open_sidecar(concurrency="1")
    say(sidecar, *map(str, range(1200)))
    got: list[str] = []
    sidecar.core.pubsub.subscribe("bus", "orders", lambda event: got.append(event.event["data"]))
    assert got == [str(number) for number in range(1200)]


def test_a_stream_is_cut_at_its_length_or_age(open_sidecar: Open, clock: VirtualClock) -> None:
    long = open_sidecar(maxLenApprox="100")
    say(long, *map(str, range(500)), topic="long")
    assert 100 <= ask(long, "XLEN", "long") < 500
    old = open_sidecar(streamTTL="60s")
    say(old, *map(str, range(300)), topic="old")
    clock.advance(61)
    say(old, "new", topic="old")
    assert ask(old, "XLEN", "old") < 300


def test_what_was_cut_away_meanwhile_is_acknowledged(open_sidecar: Open, clock: VirtualClock) -> None:
    sidecar = open_sidecar()
    reader = Holder(sidecar)
    say(sidecar, "a")
    ask(sidecar, "XTRIM", "orders", "MAXLEN", "0")
    clock.run_until_idle()
    assert (reader.numbers, pending(sidecar)) == (["a"], 0)


def test_groups_come_back_when_redis_was_emptied(open_sidecar: Open) -> None:
    sidecar = open_sidecar()
    reader = Holder(sidecar)
    ask(sidecar, "FLUSHALL")
    say(sidecar, "a")
    assert reader.numbers == ["a"]


def test_it_is_kept_and_restored_with_what_waits(open_sidecar: Open, clock: VirtualClock) -> None:
    sidecar = open_sidecar()
    say(sidecar, "a")
    Holder(sidecar)
    kept = loads(dumps(snapshot(sidecar.core)))
    sidecar.core.forget()
    assert ask(sidecar, "EXISTS", "orders") == 0
    restore(sidecar.core, kept)
    assert pending(sidecar) == 1
    reader = Holder(sidecar)
    clock.advance(75)
    assert reader.numbers == ["a"]


@pytest.mark.parametrize("name", ["processingTimeout", "streamTTL"])
def test_odd_durations_are_refused(open_sidecar: Open, name: str) -> None:
    with pytest.raises(StartupError, match=f"error decoding '{name}': invalid duration \"soon\""):
        open_sidecar(**{name: "soon"})


def test_an_interval_with_a_unit_does_not_count(open_sidecar: Open, clock: VirtualClock) -> None:
    sidecar = open_sidecar(processingTimeout="1", redeliverInterval="1s")
    reader = Holder(sidecar)
    say(sidecar, "a")
    clock.advance(14)
    assert reader.numbers == ["a"]
    clock.advance(1)
    assert reader.numbers == ["a", "a"]


def test_a_stream_is_told_that_it_is_open_before_what_waited(open_sidecar: Open) -> None:
    sidecar = open_sidecar()
    say(sidecar, "a", "b")
    with DaprClient(channel=Channel(sidecar.grpc)) as client:
        subscription: Any = client.subscribe("bus", "orders")
        for text in ("a", "b"):
            message = subscription.next_message()
            subscription.respond_success(message)
            assert message.data() == text
        subscription.close()
