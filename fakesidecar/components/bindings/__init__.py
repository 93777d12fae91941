"""What an output binding is: operations of a system outside of Dapr, by name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
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
