"""What bindings are: a way out, operations of a system outside of Dapr by name; and a way in, for its events."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fakesidecar.components.base import ComponentBase
from fakesidecar.errors import ComponentError


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of an operation."""

    data: bytes = b""
    metadata: Mapping[str, str] = field(default_factory=dict)


class Refused(ComponentError):
    """The system outside was reached and did not do it; what it said of itself is passed on."""

    def __init__(self, text: str, metadata: Mapping[str, str]) -> None:
        super().__init__(text)
        self.metadata = metadata


class OutputBinding(ComponentBase):
    """A way out: named operations, each with data and metadata."""

    @abstractmethod
    def operations(self) -> tuple[str, ...]:
        """The names of its operations, as messages list them."""

    @abstractmethod
    def invoke(self, operation: str, data: bytes, metadata: Mapping[str, str]) -> Reply | None:
        """Do it; None when there is nothing to say of it. Raises `ComponentError`."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a system outside has to tell the application."""

    data: bytes = b""
    metadata: Mapping[str, str] = field(default_factory=dict)


Answered = Callable[[BaseException | None], None]
"""Says, once and from any thread, how an event was taken: None, or why it was not."""
Handler = Callable[[Event, Answered], None]
"""Is handed an event, from any thread; it does not wait, and calls `Answered` when the event was seen to."""
Cancel = Callable[[], None]


class InputBinding(ComponentBase):
    """A way in: it is read for as long as the application wants its events."""

    @abstractmethod
    def read(self, handler: Handler) -> Cancel:
        """Have events handed over, until that is cancelled; what becomes of one not taken is the binding's business."""
