"""`secretstores.in-memory`: secrets that a test sets; this project's own, unknown to daprd."""

from __future__ import annotations

from collections.abc import Mapping

from fakesidecar.components.registry import Surroundings, component
from fakesidecar.components.secrets import Secret, SecretStore
from fakesidecar.errors import ComponentError
from fakesidecar.resources.component import Component


@component("secretstores.in-memory")
class InMemory(SecretStore):
    """Secrets from its metadata (`name: value`), and those that a test sets."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self.secrets: dict[str, Secret] = {}
        self.reset()

    def set(self, name: str, value: str | Secret) -> None:
        """Set a secret: a text is a secret with one value under its own name."""
        self.secrets[name] = {name: value} if isinstance(value, str) else dict(value)

    def get(self, name: str, metadata: Mapping[str, str]) -> Secret | None:
        if name not in self.secrets:
            raise ComponentError(f"secret {name} not found")
        return self.secrets[name]

    def bulk_get(self, metadata: Mapping[str, str]) -> Mapping[str, Secret]:
        return dict(self.secrets)

    def reset(self) -> None:
        self.secrets = {name: {name: value} for name, value in self.spec.metadata.items()}

    def snapshot(self) -> dict[str, Secret]:
        return self.secrets.copy()

    def restore(self, kept: dict[str, Secret]) -> None:
        self.secrets = kept.copy()
