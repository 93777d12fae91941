"""The configuration building block: stores by name, and subscriptions by id.

daprd's doors keep their books apart (pkg/api/grpc/grpc.go, pkg/api/http/http.go): over gRPC one ends streams, of
whatever store; over HTTP one ends a store's subscription, which leaves its stream open and silent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fakesidecar import golang
from fakesidecar.components.configuration import Cancel, ConfigurationStore, Settings
from fakesidecar.errors import (
    ApiError,
    ComponentError,
    ConfigurationGetFailed,
    ConfigurationStoreNotFound,
    ConfigurationStoresNotConfigured,
    ConfigurationSubscribeFailed,
    SubscriptionUnknown,
)
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from fakesidecar.core import Core


@dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody hears of a store's changes, until `cancel` is called."""

    store: str
    cancel: Cancel


Ended = Callable[[ApiError | None], None]
"""Ends a stream; with an error when its subscription was gone already."""


class ConfigurationBlock:
    """`get`, `subscribe` and `unsubscribe` on the stores that are loaded."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._stores: dict[str, ConfigurationStore] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._streams: dict[str, Ended] = {}

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
            raise ConfigurationGetFailed(keys=golang.sprint([*keys]), store=store, cause=error) from error

    def subscribe(
        self,
        store: str,
        keys: Sequence[str],
        *,
        tell: Callable[[str, Settings], None],
        began: Callable[[str], None] = lambda id: None,
        ended: Ended | None = None,
    ) -> str:
        """Have changes told with the subscription's id, which is returned, and given to `began` before any change.

        A stream says how it is to be `ended`.
        """
        found = self.store(store)
        id = self._core.around.ids.uuid()
        began(id)
        try:
            cancel = found.subscribe(keys, lambda settings: tell(id, settings))
        except ComponentError as error:
            raise ConfigurationSubscribeFailed(keys=golang.sprint([*keys]), store=store, cause=error) from error
        self._subscriptions[id] = Subscription(store, cancel)
        if ended is not None:
            self._streams[id] = ended
        return id

    def unsubscribe(self, store: str, id: str) -> None:
        """End a subscription of a store, by whichever door it came."""
        self.store(store)
        subscription = self._subscriptions.get(id)
        if subscription is None or subscription.store != store or not self._drop(id):
            raise SubscriptionUnknown(id=id)

    def end_stream(self, id: str) -> bool:
        """End a stream and its subscription; False when there is no stream of that id."""
        ended = self._streams.pop(id, None)
        if ended is None:
            return False
        ended(None if self._drop(id) else SubscriptionUnknown(id=id))
        return True

    def leave(self, id: str) -> None:
        """The one who opened the stream is gone."""
        self._streams.pop(id, None)
        self._drop(id)

    def _drop(self, id: str) -> bool:
        subscription = self._subscriptions.pop(id, None)
        if subscription is not None:
            subscription.cancel()
        return subscription is not None

    def _end_all(self) -> None:
        for id in tuple(self._streams):
            self.end_stream(id)
        for id in tuple(self._subscriptions):
            self._drop(id)

    def blocking(self, name: str) -> bool:
        """Whether the store of that name waits for something outside of this process."""
        store = self._stores.get(name)
        return store is not None and store.blocking

    def reset(self) -> None:
        """End every subscription, forget every setting."""
        self._end_all()
        for store in self._stores.values():
            store.reset()

    def close(self) -> None:
        """End every subscription, let go of everything outside of this process."""
        self._end_all()
        for store in self._stores.values():
            store.close()
