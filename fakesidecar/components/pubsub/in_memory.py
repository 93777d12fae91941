"""`pubsub.in-memory`: every subscriber gets every message, one at a time; what nobody reads is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fakesidecar.components.pubsub import Cancel, Handler, Message, PubSub
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.resources.component import Component

WILDCARDS = "SUBSCRIBE_WILDCARDS"


@component("pubsub.in-memory", features=(WILDCARDS,))
class InMemory(PubSub):
    """A bus of the broker that its sidecar has (components-contrib pubsub/in-memory)."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self._bus = around.broker.bus(spec.name)

    def publish(self, message: Message) -> None:
        self._bus.publish(message, lambda given, topic: replace(given, topic=topic, metadata=dict(given.metadata)))

    def subscribe(self, topic: str, handler: Handler, metadata: Mapping[str, str]) -> Cancel:
        return self._bus.subscribe(topic, handler, patterns=WILDCARDS in self.component_type.features)

    def reset(self) -> None:
        self._bus.clear()

    def snapshot(self) -> None:
        """What waits for its turn is under way, and is not kept."""

    def restore(self, kept: None) -> None:
        self._bus.clear()
