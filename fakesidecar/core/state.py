"""The state building block: stores by name, key prefixes, etags, transactions, queries.

Follows dapr pkg/components/state (key prefixes), pkg/api/universal and pkg/state.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from fakesidecar.components.state import BulkItem, Delete, Item, Operation, QueryResult, StateStore, Upsert
from fakesidecar.components.state.query import parse
from fakesidecar.core.encryption import Encryption, encryption_of
from fakesidecar.core.keys import SEPARATOR, prefix_of
from fakesidecar.errors import (
    ComponentError,
    EtagInvalid,
    EtagMismatch,
    IllegalKey,
    QueryFailed,
    QueryNotSupported,
    StateBulkDeleteFailed,
    StateBulkGetFailed,
    StateDeleteFailed,
    StateGetFailed,
    StateSaveFailed,
    StateStoreNotConfigured,
    StateStoreNotFound,
    TransactionFailed,
    TransactionsNotSupported,
)
from fakesidecar.resources.component import Component
from fakesidecar.trace import NO_SPAN, Span

if TYPE_CHECKING:
    from fakesidecar.core import Core


@dataclass(frozen=True, slots=True)
class Loaded:
    """A store, and the prefix that its keys get."""

    store: StateStore
    prefix: str
    encryption: Encryption | None = None


class StateBlock:
    """`get`, `save`, `delete`, transactions and queries on the stores that are loaded."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._loaded: dict[str, Loaded] = {}

    # --- components ---

    def add(self, spec: Component, store: StateStore) -> None:
        """Load a store under its component's name."""
        encryption = encryption_of(spec, self._core.around.ids)
        self._core.outbox.add(spec)
        self._loaded[spec.name] = Loaded(store, self._prefix(spec), encryption)

    def _prefix(self, spec: Component) -> str:
        around = self._core.around
        namespaced = f"{around.namespace}.{around.app_id}" if around.namespace and around.app_id else around.app_id
        return prefix_of(spec, around.app_id, {"namespace": namespaced})

    def encrypts(self, name: str) -> bool:
        """Whether what the store of that name keeps is encrypted."""
        return self._find(name).encryption is not None

    def names(self) -> list[str]:
        """The names of all stores."""
        return list(self._loaded)

    def store(self, name: str) -> StateStore:
        """The store of that name."""
        return self._find(name).store

    def _find(self, name: str) -> Loaded:
        try:
            return self._loaded[name]
        except KeyError:
            error = StateStoreNotFound if self._loaded else StateStoreNotConfigured
            raise error(store=name) from None

    def blocking(self, name: str) -> bool:
        """Whether the store of that name waits for something outside of this process."""
        loaded = self._loaded.get(name)
        return loaded is not None and loaded.store.blocking

    def reset(self) -> None:
        """Empty every store."""
        for loaded in self._loaded.values():
            loaded.store.reset()

    def close(self) -> None:
        """Let go of everything outside of this process."""
        for loaded in self._loaded.values():
            loaded.store.close()

    # --- the API ---

    def get(self, store: str, key: str, *, metadata: Mapping[str, str] = {}, consistency: str = "") -> Item | None:
        """The value under `key`, None when there is none."""
        loaded = self._find(store)
        full = self._full_key(loaded, store, key)
        try:
            with self._core.guard(loaded.store.blocking):
                item = loaded.store.get(full, metadata, consistency)
            if item is None or loaded.encryption is None:
                return item
            return replace(item, data=loaded.encryption.decrypt(item.data))
        except ComponentError as error:
            raise StateGetFailed(key=key, store=store, cause=error) from error

    def bulk_get(self, store: str, keys: Sequence[str], *, metadata: Mapping[str, str] = {}) -> list[BulkItem]:
        """The values under many keys, in their order; a missing one has no data."""
        loaded = self._find(store)
        if not keys:
            return []
        full = [self._full_key(loaded, store, key) for key in keys]
        try:
            with self._core.guard(loaded.store.blocking):
                found = loaded.store.bulk_get(full, metadata)
        except ComponentError as error:
            raise StateBulkGetFailed(message=str(error)) from error
        return [_decrypted(loaded, replace(item, key=_without_prefix(item.key))) for item in found]

    def save(self, store: str, requests: Sequence[Upsert]) -> None:
        """Save one value, or many independently of each other."""
        loaded = self._find(store)
        full = [replace(request, key=self._full_key(loaded, store, request.key)) for request in requests]
        try:
            self._each(loaded, full)
        except ComponentError as error:
            raise StateSaveFailed(store=store, cause=error) from error

    def delete(self, store: str, request: Delete) -> None:
        """Delete one key."""
        loaded = self._find(store)
        full = replace(request, key=self._full_key(loaded, store, request.key))
        try:
            self._each(loaded, [full])
        except ComponentError as error:
            raise StateDeleteFailed(key=request.key, cause=error) from error

    def bulk_delete(self, store: str, requests: Sequence[Delete]) -> None:
        """Delete many keys, independently of each other."""
        loaded = self._find(store)
        full = [replace(request, key=self._full_key(loaded, store, request.key)) for request in requests]
        try:
            self._each(loaded, full)
        except ComponentError as error:
            raise StateBulkDeleteFailed(store=store, cause=error) from error

    def transact(
        self,
        store: str,
        operations: Sequence[Operation],
        *,
        metadata: Mapping[str, str] = {},
        span: Span = NO_SPAN,
    ) -> None:
        """Carry out all operations or none."""
        loaded = self._find(store)
        self.check_transactional(store)
        for operation in operations:
            self.check_key(store, operation.key)
        operations, markers = self._core.outbox.announce(store, operations, span)
        full = [*(replace(operation, key=loaded.prefix + operation.key) for operation in operations), *markers]
        if not full:
            return
        try:
            with self._core.guard(loaded.store.blocking):
                loaded.store.transact(encrypted(loaded, full, in_transaction=True), metadata)
        except ComponentError as error:
            raise TransactionFailed(cause=error) from error

    def check_transactional(self, store: str) -> None:
        """Refuse a store that has no transactions."""
        if "TRANSACTIONAL" not in self._find(store).store.features:
            raise TransactionsNotSupported(store=store)

    def check_key(self, store: str, key: str) -> None:
        """Refuse a key that contains the separator of prefix and key."""
        if SEPARATOR in key:
            raise IllegalKey(key=key, store=store)

    def query(self, store: str, query: bytes, *, metadata: Mapping[str, str] = {}) -> QueryResult:
        """The values that a JSON query selects."""
        loaded = self._find(store)
        if not loaded.store.queryable:
            raise QueryNotSupported(store=store)
        if loaded.encryption is not None:
            raise QueryFailed(store=store, cause="cannot query encrypted store")
        try:
            with self._core.guard(loaded.store.blocking):
                found = loaded.store.query(parse(query), metadata)
        except ComponentError as error:
            raise QueryFailed(store=store, cause=error) from error
        return replace(found, items=[replace(item, key=_without_prefix(item.key)) for item in found.items])

    def touch(self, store: str, key: str) -> None:
        """Give a value that is there a new etag, as somebody else who writes it anew would."""
        loaded = self._find(store)
        full = self._full_key(loaded, store, key)
        with self._core.guard(loaded.store.blocking):
            item = loaded.store.get(full, {})
            if item is not None:
                loaded.store.set(Upsert(full, item.data, metadata=self._lifetime(item)))

    def _lifetime(self, item: Item) -> dict[str, str]:
        ends = item.metadata.get("ttlExpireTime")
        if ends is None:
            return {}
        left = datetime.fromisoformat(ends).timestamp() - self._core.clock.now()
        return {"ttlInSeconds": str(max(1, math.ceil(left)))}

    # --- inside ---

    def _full_key(self, loaded: Loaded, store: str, key: str) -> str:
        self.check_key(store, key)
        return loaded.prefix + key

    def _each(self, loaded: Loaded, requests: Sequence[Operation]) -> None:
        requests = encrypted(loaded, requests, in_transaction=False)
        failures: list[ComponentError] = []
        with self._core.guard(loaded.store.blocking):
            # One goroutine per item, and the last one started runs first: so are failures listed.
            for request in (*requests[-1:], *requests[:-1]):
                try:
                    loaded.store.delete(request) if isinstance(request, Delete) else loaded.store.set(request)
                except ComponentError as error:
                    failures.append(error)
        if len(requests) == 1 and failures:
            raise failures[0]
        if failures:
            raise _joined(failures)


def encrypted(loaded: Loaded, operations: Sequence[Operation], *, in_transaction: bool) -> Sequence[Operation]:
    """The operations as the store gets them."""
    encryption = loaded.encryption
    if encryption is None:
        return operations
    return [encryption.encrypted(operation, in_transaction=in_transaction) for operation in operations]


def _decrypted(loaded: Loaded, item: BulkItem) -> BulkItem:
    if loaded.encryption is None or item.data is None:
        return item
    try:
        return replace(item, data=loaded.encryption.decrypt(item.data))
    except ComponentError as error:
        return replace(item, data=None, error=str(error))


def _joined(failures: Sequence[ComponentError]) -> ComponentError:
    """The failures of a bulk operation as one (components-contrib state/bulk.go, doBulkSetDelete)."""
    text = "\n".join(str(failure) for failure in failures)
    if all(isinstance(failure, EtagMismatch) for failure in failures):
        return EtagMismatch(text)
    if all(isinstance(failure, EtagMismatch | EtagInvalid) for failure in failures):
        return EtagInvalid(text) if isinstance(failures[0], EtagInvalid) else EtagMismatch(text)
    return ComponentError(text)


def _without_prefix(key: str) -> str:
    return key.split(SEPARATOR, 2)[1] if SEPARATOR in key else key
