"""What a secret store is: secrets by name, each a mapping of texts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from fakesidecar.components.base import ComponentBase

Secret = Mapping[str, str]


class SecretStore(ComponentBase):
    """A store of secrets."""

    @abstractmethod
    def get(self, name: str, metadata: Mapping[str, str]) -> Secret | None:
        """The secret of that name; what is missing raises `ComponentError`."""

    @abstractmethod
    def bulk_get(self, metadata: Mapping[str, str]) -> Mapping[str, Secret]:
        """All secrets by name."""
