"""Over Redis, whatever happens to whom: an event is acknowledged, a dead letter, or still there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fakesidecar.clock import VirtualClock
from fakesidecar.core.pubsub import STREAMING
from fakesidecar.core.pubsub_delivery import Delivery, Once, answer_of
from fakesidecar.resources.component import Component
from fakesidecar.resources.subscription import Rule, Subscription
from fakesidecar.sidecar import Sidecar

PROCESSING, REDELIVER = 30, 10
BUS = Component(
    "bus",
    "pubsub.redis",
    metadata={
        "redisHost": "model:1",
        "processingTimeout": f"{PROCESSING}s",
        "redeliverInterval": f"{REDELIVER * 1000}",
        "concurrency": "2",
        "queueDepth": "2",
    },
)


@dataclass(eq=False)
class Reader:
    """A subscriber that answers when it is told to."""

    leave: Any = None
    held: list[tuple[Delivery, Once]] = field(default_factory=list)
    name: str = "stream"

    def deliver(self, delivery: Delivery, answered: Once) -> None:
        self.held.append((delivery, answered))


class Streams(RuleBasedStateMachine):
    """Two sidecars of one app id, which compete, against a set of numbers for each fate."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.sidecars = [Sidecar(components=[BUS], clock=self.clock) for _ in range(2)]
        self.readers: list[Reader] = []
        self.count = 0
        self.acknowledged: set[int] = set()
        self.buried: list[int] = []

    def ask(self, *words: str) -> Any:
        broker: Any = self.sidecars[0].core.pubsub.broker("bus")
        return broker.redis(lambda client: client.execute_command(*words))

    @precondition(lambda self: len(self.readers) < 3)
    @rule(of=st.integers(0, 1))
    def subscribe(self, of: int) -> None:
        reader = Reader()
        subscription = Subscription("bus", "orders", [Rule("/")], dead_letter_topic="dead")
        reader.leave = self.sidecars[of].core.pubsub.read(subscription, STREAMING, reader)
        self.readers.append(reader)

    @rule(of=st.integers(0, 1), many=st.integers(1, 4))
    def publish(self, of: int, many: int) -> None:
        for _ in range(many):
            self.count += 1
            self.sidecars[of].core.pubsub.publish(
                "bus", "orders", str(self.count).encode(), content_type="application/json"
            )

    @precondition(lambda self: any(reader.held for reader in self.readers))
    @rule(data=st.data(), status=st.sampled_from(["SUCCESS", "RETRY", "DROP", "?"]), times=st.integers(1, 2))
    def answer(self, data: st.DataObject, status: str, times: int) -> None:
        reader = data.draw(st.sampled_from([reader for reader in self.readers if reader.held]))
        delivery, answered = reader.held.pop(data.draw(st.integers(0, len(reader.held) - 1)))
        number = delivery.event["data"]
        if not answered.spent:  # else it was given up, and what is said of it counts for nothing
            assert number not in self.acknowledged
            assert number not in self.buried
            if status == "SUCCESS":
                self.acknowledged.add(number)
            else:
                self.buried.append(number)
        for _ in range(times):
            answered(answer_of(status, delivery.id))

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        reader.leave()
        self.readers.remove(reader)
        assert all(answered.spent for _, answered in reader.held)

    @rule(seconds=st.integers(0, 50))
    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @invariant()
    def what_was_not_taken_is_a_dead_letter(self) -> None:
        letters = [json.loads(fields[b"data"])["data"] for _, fields in self.ask("XRANGE", "dead", "-", "+")]
        assert letters == self.buried

    @invariant()
    def nobody_holds_what_another_holds(self) -> None:
        held = [delivery.event["data"] for one in self.readers for delivery, answered in one.held if not answered.spent]
        assert len(held) == len({*held})
        assert not {*held} & (self.acknowledged | {*self.buried})

    def teardown(self) -> None:
        """Whoever comes now is handed all that has no fate yet, once each, and nothing else."""
        try:
            for reader in self.readers:
                reader.leave()
            got: list[int] = []
            self.sidecars[1].core.pubsub.subscribe("bus", "orders", lambda event: got.append(event.event["data"]))
            self.clock.run_until_idle()
            assert sorted(got) == sorted({*range(1, self.count + 1)} - self.acknowledged - {*self.buried})
        finally:
            for sidecar in self.sidecars:
                sidecar.stop()


Streams.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
TestStreams = Streams.TestCase
