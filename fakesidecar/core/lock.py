"""The distributed lock building block (dapr pkg/api/universal/lock.go, pkg/components/lock)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fakesidecar.components.lock import LockStore, Unlocked
from fakesidecar.core.keys import SEPARATOR, prefix_of
from fakesidecar.errors import (
    ComponentError,
    ExpiryNotPositive,
    LockOwnerEmpty,
    LockStoreNotConfigured,
    LockStoreNotFound,
    ResourceIdEmpty,
    TryLockFailed,
    UnlockFailed,
)
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from fakesidecar.core import Core


@dataclass(frozen=True, slots=True)
class Loaded:
    """A store, and the prefix that its resources get."""

    store: LockStore
    prefix: str


class LockBlock:
    """`try_lock` and `unlock` on the stores that are loaded."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._loaded: dict[str, Loaded] = {}

    def add(self, spec: Component, store: LockStore) -> None:
        """Load a store under its component's name."""
        # There is no namespace strategy here: the word is a prefix like any other.
        self._loaded[spec.name] = Loaded(store, f"lock{SEPARATOR}{prefix_of(spec, self._core.app_id)}")

    def try_lock(self, store: str, resource: str, *, owner: str, seconds: int) -> bool:
        """Lease a resource to an owner for some seconds; False when it is held, by whomever."""
        if seconds <= 0:
            raise ExpiryNotPositive(store=store)
        loaded = self._find(store, resource, owner)
        try:
            full = self._full(loaded, resource)
            with self._core.guard(loaded.store.blocking):
                return loaded.store.try_lock(full, owner, seconds)
        except ComponentError as error:
            raise TryLockFailed(cause=error) from error

    def unlock(self, store: str, resource: str, *, owner: str) -> Unlocked:
        """End an owner's lease."""
        loaded = self._find(store, resource, owner)
        try:
            full = self._full(loaded, resource)
            with self._core.guard(loaded.store.blocking):
                return loaded.store.unlock(full, owner)
        except ComponentError as error:
            raise UnlockFailed(cause=error) from error

    def owner(self, store: str, resource: str) -> str | None:
        """Who holds a resource, None when nobody does."""
        loaded = self._loaded[store]
        with self._core.guard(loaded.store.blocking):
            return loaded.store.owner(self._full(loaded, resource))

    def _find(self, store: str, resource: str, owner: str) -> Loaded:
        if not self._loaded:
            raise LockStoreNotConfigured
        if not resource:
            raise ResourceIdEmpty(store=store)
        if not owner:
            raise LockOwnerEmpty(store=store)
        try:
            return self._loaded[store]
        except KeyError:
            raise LockStoreNotFound(store=store) from None

    def _full(self, loaded: Loaded, resource: str) -> str:
        if SEPARATOR in resource:
            raise ComponentError(f"input key/keyPrefix '{resource}' can't contain '||'")
        return loaded.prefix + resource

    def store(self, name: str) -> LockStore:
        """The store of that name."""
        return self._loaded[name].store

    def blocking(self, name: str) -> bool:
        """Whether the store of that name waits for something outside of this process."""
        loaded = self._loaded.get(name)
        return loaded is not None and loaded.store.blocking

    def reset(self) -> None:
        """End every lease."""
        for loaded in self._loaded.values():
            loaded.store.reset()

    def close(self) -> None:
        """Let go of everything outside of this process."""
        for loaded in self._loaded.values():
            loaded.store.close()
