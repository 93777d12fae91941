"""Whatever is published, answered and left: no event is lost while somebody reads, none is seen to twice."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fakesidecar.clock import VirtualClock
from fakesidecar.core.pubsub import STREAMING
from fakesidecar.core.pubsub_delivery import Answered, Delivery, answer_of
from fakesidecar.resources.component import Component
from fakesidecar.resources.subscription import Rule, Subscription
from fakesidecar.sidecar import Sidecar

TOPIC, LETTERS = "orders", "dead"


@dataclass(eq=False)
class Reader:
    """A subscriber that answers when it is told to, and what it must see."""

    dead_letters: bool
    leave: Any = None
    expected: deque[int] = field(default_factory=deque)
    held: list[tuple[Delivery, Answered]] = field(default_factory=list)
    name: str = "stream"

    def deliver(self, delivery: Delivery, answered: Answered) -> None:
        self.held.append((delivery, answered))


class Deliveries(RuleBasedStateMachine):
    """A bus against a queue for every reader."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.sidecar = Sidecar(components=[Component("bus", "pubsub.in-memory")], clock=self.clock)
        self.block = self.sidecar.core.pubsub
        self.readers: list[Reader] = []
        self.count = 0
        self.buried: list[int] = []
        self.letters: list[int] = []
        self.block.subscribe("bus", LETTERS, lambda event: self.letters.append(event.event["data"]))

    @rule(dead_letters=st.booleans())
    def subscribe(self, dead_letters: bool) -> None:
        reader = Reader(dead_letters)
        subscription = Subscription("bus", TOPIC, [Rule("/")], dead_letter_topic=LETTERS if dead_letters else "")
        reader.leave = self.block.read(subscription, STREAMING, reader)
        self.readers.append(reader)

    @rule(many=st.integers(1, 3), lives=st.sampled_from(["", "1000"]))
    def publish(self, many: int, lives: str) -> None:
        for _ in range(many):
            self.count += 1
            metadata = {"ttlInSeconds": lives} if lives else {}
            text = str(self.count).encode()
            self.block.publish("bus", TOPIC, text, content_type="application/json", metadata=metadata)
            for reader in self.readers:
                reader.expected.append(self.count)

    @precondition(lambda self: any(reader.held for reader in self.readers))
    @rule(data=st.data(), status=st.sampled_from(["SUCCESS", "RETRY", "DROP", "?"]), twice=st.booleans())
    def answer(self, data: st.DataObject, status: str, twice: bool) -> None:
        reader = data.draw(st.sampled_from([reader for reader in self.readers if reader.held]))
        delivery, answered = reader.held.pop()
        number = reader.expected.popleft()
        assert delivery.event["data"] == number
        if status != "SUCCESS" and reader.dead_letters:
            self.buried.append(number)
        for _ in range(1 + twice):
            answered(answer_of(status, delivery.id))

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        reader.leave()
        self.readers.remove(reader)
        for delivery, answered in reader.held:
            answered(answer_of("DROP", delivery.id))  # too late: it is no dead letter

    @rule(seconds=st.integers(0, 10))
    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @invariant()
    def one_event_is_with_each_reader_that_has_any_to_see(self) -> None:
        for reader in self.readers:
            assert [delivery.event["data"] for delivery, _ in reader.held] == list(reader.expected)[:1]

    @invariant()
    def what_was_not_taken_is_a_dead_letter(self) -> None:
        assert self.letters == self.buried

    def teardown(self) -> None:
        self.sidecar.stop()


Deliveries.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDeliveries = Deliveries.TestCase
