"""The configuration building block: stores by name, and subscriptions by id (dapr pkg/api/grpc/configuration.go)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fakesidecar.components.configuration import Cancel, ConfigurationStore, Settings
from fakesidecar.errors import (
    ComponentError,
    ConfigurationGetFailed,
    ConfigurationStoreNotFound,
    ConfigurationStoresNotConfigured,
    ConfigurationSubscribeFailed,
)
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from fakesidecar.core import Core


@dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody hears of changes, until `cancel` is called; then `ended` is."""

    cancel: Cancel
    ended: Callable[[], None]


class ConfigurationBlock:
    """`get`, `subscribe` and `unsubscribe` on the stores that are loaded."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._stores: dict[str, ConfigurationStore] = {}
        self._subscriptions: dict[str, Subscription] = {}

    def add(self, spec: Component, store: ConfigurationStore) -> None:
        """Load a store under its component's name."""
        self._stores[spec.name] = store

    def store(self, name: str) -> ConfigurationStore:
        """The store of that name."""
        if not self._stores:
            raise ConfigurationStoresNotConfigured
        try:
            return self._stores[name]
        except KeyError:
            raise ConfigurationStoreNotFound(store=name) from None

    def get(self, store: str, keys: Sequence[str]) -> Settings:
        """The settings of these keys, of all when none is named."""
        found = self.store(store)
        try:
            with self._core.guard(found.blocking):
                return found.get(keys)
        except ComponentError as error:
            raise ConfigurationGetFailed(keys=go_slice(keys), store=store, cause=error) from error

    def subscribe(
        self,
        store: str,
        keys: Sequence[str],
        *,
        tell: Callable[[str, Settings], None],
        began: Callable[[str], None] = lambda id: None,
        ended: Callable[[], None] = lambda: None,
    ) -> str:
        """Have changes told with the subscription's id, which is returned, and given to `began` before any change."""
        found = self.store(store)
        id = self._core.around.ids.uuid()
        began(id)
        try:
            cancel = found.subscribe(keys, lambda settings: tell(id, settings))
        except ComponentError as error:
            raise ConfigurationSubscribeFailed(keys=go_slice(keys), store=store, cause=error) from error
        self._subscriptions[id] = Subscription(cancel, ended)
        return id

    def unsubscribe(self, id: str) -> bool:
        """End a subscription; False when there is none of that id."""
        subscription = self._subscriptions.pop(id, None)
        if subscription is None:
            return False
        subscription.cancel()
        subscription.ended()
        return True

    def blocking(self, name: str) -> bool:
        """Whether the store of that name waits for something outside of this process."""
        store = self._stores.get(name)
        return store is not None and store.blocking

    def reset(self) -> None:
        """End every subscription, forget every setting."""
        for id in tuple(self._subscriptions):
            self.unsubscribe(id)
        for store in self._stores.values():
            store.reset()

    def close(self) -> None:
        """End every subscription, let go of everything outside of this process."""
        for id in tuple(self._subscriptions):
            self.unsubscribe(id)
        for store in self._stores.values():
            store.close()


def go_slice(keys: Sequence[str]) -> str:
    """Keys as Go prints a slice: `[a b]`."""
    return f"[{' '.join(keys)}]"
