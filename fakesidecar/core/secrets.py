"""The secrets building block: stores by name, and who may see what (dapr pkg/api/universal/secrets.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fakesidecar import golang
from fakesidecar.components.secrets import Secret, SecretStore
from fakesidecar.errors import (
    ComponentError,
    SecretAccessDenied,
    SecretBulkGetFailed,
    SecretGetFailed,
    SecretStoreNotFound,
    SecretStoresNotConfigured,
)
from fakesidecar.resources.component import Component
from fakesidecar.resources.configuration import SecretScope

if TYPE_CHECKING:
    from fakesidecar.core import Core


class SecretsBlock:
    """Secrets by name, of the stores that are loaded."""

    def __init__(self, core: Core, scopes: Mapping[str, SecretScope]) -> None:
        self._core = core
        self._scopes = scopes
        self._stores: dict[str, SecretStore] = {}

    def add(self, spec: Component, store: SecretStore) -> None:
        """Load a store under its component's name."""
        self._stores[spec.name] = store

    def store(self, name: str) -> SecretStore:
        """The store of that name."""
        if not self._stores:
            raise SecretStoresNotConfigured
        try:
            return self._stores[name]
        except KeyError:
            raise SecretStoreNotFound(store=name) from None

    def get(self, store: str, key: str, *, metadata: Mapping[str, str] = {}) -> Secret | None:
        """The secret `key`: mostly one value under its own name."""
        found = self.store(store)
        if not self._allowed(store, key):
            raise SecretAccessDenied(key=golang.quote(key), store=golang.quote(store))
        try:
            with self._core.guard(found.blocking):
                return found.get(key, metadata)
        except ComponentError as error:
            raise SecretGetFailed(key=key, store=store, cause=error) from error

    def bulk_get(self, store: str, *, metadata: Mapping[str, str] = {}) -> Mapping[str, Secret]:
        """All secrets that the application may see, by name."""
        found = self.store(store)
        try:
            with self._core.guard(found.blocking):
                secrets = found.bulk_get(metadata)
        except ComponentError as error:
            raise SecretBulkGetFailed(store=store, cause=error) from error
        return {name: secret for name, secret in secrets.items() if self._allowed(store, name)}

    def _allowed(self, store: str, key: str) -> bool:
        scope = self._scopes.get(store)
        return scope is None or scope.allows(key)

    def blocking(self, name: str) -> bool:
        """Whether the store of that name waits for something outside of this process."""
        store = self._stores.get(name)
        return store is not None and store.blocking

    def reset(self) -> None:
        """Forget what tests have set."""
        for store in self._stores.values():
            store.reset()

    def close(self) -> None:
        """Let go of everything outside of this process."""
        for store in self._stores.values():
            store.close()
