"""What an output binding is: operations of a system outside of Dapr, by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from fakesidecar.components.registry import ComponentType, Surroundings
from fakesidecar.errors import ComponentError
from fakesidecar.resources.component import Component


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


class OutputBinding(ABC):
    """A way out: named operations, each with data and metadata."""

    component_type: ClassVar[ComponentType]
    blocking = False

    def __init__(self, spec: Component, around: Surroundings) -> None:
        self.spec = spec
        self.around = around

    @abstractmethod
    def operations(self) -> tuple[str, ...]:
        """The names of its operations, as messages list them."""

    @abstractmethod
    def invoke(self, operation: str, data: bytes, metadata: Mapping[str, str]) -> Reply | None:
        """Do it; None when there is nothing to say of it. Raises `ComponentError`."""

    def reset(self) -> None:
        """Forget what tests have set."""

    def close(self) -> None:
        """Let go of what is outside of this process."""
