"""What a secret store is: secrets by name, each a mapping of texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from fakesidecar.components.registry import ComponentType, Surroundings
from fakesidecar.resources.component import Component

Secret = Mapping[str, str]


class SecretStore(ABC):
    """A store of secrets."""

    component_type: ClassVar[ComponentType]
    blocking = False

    def __init__(self, spec: Component, around: Surroundings) -> None:
        self.spec = spec
        self.around = around

    @abstractmethod
    def get(self, name: str, metadata: Mapping[str, str]) -> Secret | None:
        """The secret of that name; what is missing raises `ComponentError`."""

    @abstractmethod
    def bulk_get(self, metadata: Mapping[str, str]) -> Mapping[str, Secret]:
        """All secrets by name."""

    def reset(self) -> None:
        """Forget what tests have set."""

    def close(self) -> None:
        """Let go of what is outside of this process."""
