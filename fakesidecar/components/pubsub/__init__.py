"""What a message broker is: it takes messages on topics, and hands them to those who subscribed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from fakesidecar.components.base import ComponentBase

NO_METADATA: Mapping[str, str] = MappingProxyType({})
"""The metadata of a message whose publisher gave none, not even an empty one: some brokers keep the difference."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published on a topic, and comes out of it."""

    topic: str
    """To a subscriber of a pattern (`orders*`), the pattern."""
    data: bytes
    metadata: Mapping[str, str] = field(default_factory=lambda: NO_METADATA)
    content_type: str = ""


Done = Callable[[Exception | None], None]
"""Says, once and from any thread, how a message was taken: None, or why it was not."""
Cancel = Callable[[], None]
Handler = Callable[[Message, Done], Cancel | None]
"""Is handed a message, from any thread; it does not wait, and calls `Done` when the message was seen to.

What it returns, if anything, gives the message up: whatever is said of it later has no consequence, not even `Done`.
"""


class PubSub(ComponentBase):
    """A broker.

    One that is `blocking` has its `publish` and `subscribe` called on a thread, and calls its handlers on one.
    """

    @abstractmethod
    def publish(self, message: Message) -> None:
        """Take a message; what may become of it later is no error of this call."""

    @abstractmethod
    def subscribe(self, topic: str, handler: Handler, metadata: Mapping[str, str]) -> Cancel:
        """Have messages of a topic handed over, until the subscription is cancelled.

        A message whose `Done` was told an error, or nothing at all before the end of the subscription, is
        handed over again where the broker keeps messages, and lost where it does not.
        """

    def undelivered(self) -> list[Message]:
        """What nobody took so far, oldest first; empty for a broker that cannot tell."""
        return []
