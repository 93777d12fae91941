"""`pubsub.in-memory`: every subscriber gets every message, one at a time; what nobody reads is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fakesidecar.broker import Queues
from fakesidecar.components.pubsub import Cancel, Handler, Message, PubSub
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.resources.component import Component

KEEP = "keepUndelivered"
"""Metadata of this project's own, which a real daprd does not know: what nobody took waits for the next subscriber."""
WILDCARDS = "SUBSCRIBE_WILDCARDS"


@component("pubsub.in-memory", features=(WILDCARDS,))
class InMemory(PubSub):
    """A bus of the broker that its sidecar has (components-contrib pubsub/in-memory)."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self._bus = around.broker.bus(spec.name)
        if spec.metadata.get(KEEP, "").lower() == "true":
            self._bus.keeps = True

    def publish(self, message: Message) -> None:
        self._bus.publish(message, _at_pattern)

    def subscribe(self, topic: str, handler: Handler, metadata: Mapping[str, str]) -> Cancel:
        return self._bus.subscribe(topic, handler, _at_pattern, patterns=WILDCARDS in self.component_type.features)

    def undelivered(self) -> list[Message]:
        """What nobody took, oldest first, where that is kept."""
        return list(self._bus.kept)

    def reset(self) -> None:
        self._bus.clear()

    def snapshot(self) -> Queues:
        return self._bus.snapshot()

    def restore(self, kept: Queues) -> None:
        self._bus.restore(kept, _at_pattern)

    def resume(self) -> None:
        self._bus.resume()


def _at_pattern(message: Message, topic: str) -> Message:
    return replace(message, topic=topic, metadata=dict(message.metadata))
