"""Events on their way to functions: order, routing, answers, dead letters, and what a broker shares."""

from __future__ import annotations

from typing import Any

import pytest

from fakesidecar.broker import Broker
from fakesidecar.clock import VirtualClock
from fakesidecar.core.pubsub_delivery import Delivery
from fakesidecar.core.pubsub_rules import BrokenRule, RuleFailed, routes_of
from fakesidecar.errors import PubSubNotFound, SubscriptionForbidden
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.resources.subscription import Rule
from fakesidecar.sidecar import Sidecar


def say(sidecar: Sidecar, topic: str, text: str, **metadata: str) -> None:
    sidecar.core.pubsub.publish("bus", topic, text.encode(), metadata=metadata)


def said(delivery: Delivery) -> Any:
    return delivery.event["data"]


def test_every_subscriber_is_handed_every_event_in_order(sidecar: Sidecar) -> None:
    got: dict[str, list[str]] = {"one": [], "two": [], "wild": [], "other": []}
    for name, topic in (("one", "orders"), ("two", "orders"), ("wild", "ord*"), ("other", "orders*")):
        sidecar.core.pubsub.subscribe("bus", topic, lambda event, name=name: got[name].append(said(event)))  # type: ignore[misc]  # the name of its own
    for text in ("a", "b"):
        say(sidecar, "orders", text)
    assert got == {"one": ["a", "b"], "two": ["a", "b"], "wild": ["a", "b"], "other": []}


def test_who_publishes_from_a_subscription_is_handed_that_event_afterwards(sidecar: Sidecar) -> None:
    got: list[str] = []

    def handler(event: Delivery) -> None:
        if said(event) == "first":
            say(sidecar, "orders", "second")
        got.append(said(event))

    sidecar.core.pubsub.subscribe("bus", "orders", handler)
    say(sidecar, "orders", "first")
    assert got == ["first", "second"]


def test_who_comes_late_or_leaves_early_gets_nothing(sidecar: Sidecar) -> None:
    got: list[str] = []
    say(sidecar, "orders", "before")
    leave = sidecar.core.pubsub.subscribe("bus", "orders", lambda event: got.append(said(event)))
    say(sidecar, "orders", "while")
    leave()
    leave()
    say(sidecar, "orders", "after")
    assert got == ["while"]


@pytest.mark.parametrize(
    ("answer", "status", "buried"),
    [(None, "SUCCESS", False), ("SUCCESS", "SUCCESS", False), ("RETRY", "RETRY", True), ("DROP", "DROP", True),
     ("MAYBE", "RETRY", True), (ValueError("no"), "RETRY", True)],
)  # fmt: skip
def test_an_event_that_is_not_taken_is_a_dead_letter(
    sidecar: Sidecar, answer: str | Exception | None, status: str, buried: bool
) -> None:
    letters: list[str] = []

    def handler(event: Delivery) -> str | None:
        if isinstance(answer, Exception):
            raise answer
        return answer

    sidecar.core.pubsub.subscribe("bus", "orders", handler, dead_letter_topic="dead")
    sidecar.core.pubsub.subscribe("bus", "dead", lambda event: letters.append(event.metadata["x"]))
    say(sidecar, "orders", "x", x="y")
    assert letters == ["y"] * buried
    first = sidecar.core.pubsub.deliveries[0]
    assert (first.subscriber, first.topic, first.status, first.path) == ("python", "orders", status, "/")
    assert bool(first.why) == buried


def test_an_event_whose_time_is_over_is_not_delivered(sidecar: Sidecar, clock: VirtualClock) -> None:
    held: list[Any] = []
    bus = sidecar.core.pubsub.broker("bus")
    cancel = bus.subscribe("orders", lambda message, done: held.append(message), {})
    say(sidecar, "orders", "x", ttlInSeconds="5")
    cancel()
    got: list[str] = []
    sidecar.core.pubsub.subscribe("bus", "again", lambda event: got.append(said(event)))
    for seconds in (4, 1):
        clock.advance(seconds)
        sidecar.core.pubsub.send("bus", type(held[0])("again", held[0].data))
    assert got == ["x"]
    assert sidecar.core.pubsub.deliveries[-1].why.startswith("dropping expired pub/sub event")


def test_raw_messages_are_wrapped_for_who_wants_them_and_nothing_for_others(sidecar: Sidecar) -> None:
    got: list[Delivery] = []
    sidecar.core.pubsub.subscribe("bus", "orders", got.append, metadata={"rawPayload": "true"})
    events: list[Delivery] = []
    sidecar.core.pubsub.subscribe("bus", "orders", events.append)
    say(sidecar, "orders", "words", rawPayload="true")
    assert [(one.raw, one.event["data_base64"], one.event["source"]) for one in got] == [(b"words", "d29yZHM=", "Dapr")]
    assert events == []


def test_sidecars_of_one_broker_share_it_and_others_do_not() -> None:
    bus, broker = Component("bus", "pubsub.in-memory"), Broker()
    sidecars = [
        Sidecar(components=[bus], broker=broker),
        Sidecar(components=[bus], broker=broker),
        Sidecar(components=[bus]),
    ]
    got: list[int] = []
    for number, sidecar in enumerate(sidecars):
        sidecar.core.pubsub.subscribe("bus", "orders", lambda event, number=number: got.append(number))  # type: ignore[misc]  # a number of its own
    say(sidecars[0], "orders", "x")
    assert got == [0, 1]
    for sidecar in sidecars:
        sidecar.stop()


def test_topics_of_namespaces_are_apart() -> None:
    bus, broker = Component("bus", "pubsub.in-memory", metadata={"consumerID": "{namespace}"}), Broker()
    sidecars = [Sidecar(Options(namespace=name), components=[bus], broker=broker) for name in ("one", "two", "")]
    got: list[tuple[int, str]] = []
    for number, sidecar in enumerate(sidecars):
        sidecar.core.pubsub.subscribe("bus", "orders", lambda event, number=number: got.append((number, event.topic)))  # type: ignore[misc]  # a number of its own
    for sidecar in sidecars:
        say(sidecar, "orders", "x")
        sidecar.stop()
    assert got == [(0, "orders"), (1, "orders"), (2, "orders")]


def test_subscriptions_need_a_broker_and_leave() -> None:
    scoped = Component("scoped", "pubsub.in-memory", metadata={"subscriptionScopes": "app=mine"})
    sidecar = Sidecar(components=[scoped])
    with pytest.raises(PubSubNotFound, match="pubsub bus is not found"):
        sidecar.core.pubsub.subscribe("bus", "orders", lambda event: None)
    with pytest.raises(SubscriptionForbidden, match="subscription to topic 'other' on pubsub 'scoped' is not allowed"):
        sidecar.core.pubsub.subscribe("scoped", "other", lambda event: None)
    sidecar.stop()


def test_a_reset_ends_subscriptions_and_forgets(sidecar: Sidecar) -> None:
    got: list[str] = []
    sidecar.core.pubsub.subscribe("bus", "orders", lambda event: got.append(said(event)))
    say(sidecar, "orders", "before")
    sidecar.reset()
    assert not sidecar.core.pubsub.published
    assert not sidecar.core.pubsub.deliveries
    say(sidecar, "orders", "after")
    assert got == ["before"]


# --- rules ----------------------------------------------------------------------------------------------------

EVENT = {"type": "order.v1", "data": {"n": 5.0, "list": ["a", "b"]}}


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ("", True),
        ("  ", True),
        ('event.type == "order.v1"', True),
        ("event.data.n == 5", True),
        ("event.data.n > 4 && has(event.data.list)", True),
        ('event.data.list.exists(x, x == "b")', True),
        ('event.type.startsWith("invoice")', False),
        ("has(event.data.missing)", False),
        ('event.data.missing == "x" || event.data.n > 1', True),
    ],
)
def test_rules_are_cel(match: str, matches: bool) -> None:
    assert routes_of([Rule("/rule", match), Rule("/else")]).path(EVENT) == ("/rule" if matches else "/else")


def test_no_rule_may_match() -> None:
    assert routes_of([Rule("/a", "false"), Rule("/b", 'event.type == "x"')]).path(EVENT) is None


@pytest.mark.parametrize("match", ["event.data.missing == 1", "event.data.n / 0 == 1", "order.type == 1", '"yes"'])
def test_a_rule_that_cannot_say_ends_the_routing(match: str) -> None:
    with pytest.raises(RuleFailed):
        routes_of([Rule("/rule", match), Rule("/else")]).path(EVENT)


@pytest.mark.parametrize("match", ["event.type ==", "this is no rule", "lower(event.type) == 'a'", '1 == "a"'])
def test_a_rule_that_is_no_expression_is_refused(match: str) -> None:
    with pytest.raises(BrokenRule, match="1:"):
        routes_of([Rule("/rule", match)])
