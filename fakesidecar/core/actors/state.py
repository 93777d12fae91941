"""What actors keep: in the state store that is marked for it, under `app||type||id||key`
(dapr pkg/actors/internal/state).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fakesidecar import golang
from fakesidecar.components.state import Delete, Item, Operation, StateStore, Upsert
from fakesidecar.core.keys import SEPARATOR
from fakesidecar.errors import ActorStateGetFailed, ActorStateStoreMissing, ActorTransactionFailed, ComponentError

if TYPE_CHECKING:
    from fakesidecar.core import Core

MARK = "actorStateStore"
TTL = "ttlInSeconds"
TTL_FEATURE = "ActorStateTTL"


class ActorState:
    """The state of this sidecar's actors."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._keys: dict[tuple[str, str], set[str]] = {}
        """What each actor was seen to keep."""

    @property
    def configured(self) -> bool:
        """Whether a state store is marked as the one for actors."""
        return self.find() is not None

    @property
    def blocking(self) -> bool:
        """Whether the store waits for something outside of this process."""
        found = self.find()
        return found is not None and found.blocking

    def find(self) -> StateStore | None:
        """The state store that is marked as the one for actors."""
        for spec, component in self._core.components:
            if component.component_type.block == "state" and golang.is_truthy(spec.setting(MARK)):
                found: StateStore = component
                return found
        return None

    def _store(self) -> StateStore:
        found = self.find()
        if found is None:
            raise ActorStateStoreMissing
        return found

    def get(self, type: str, id: str, key: str) -> Item | None:
        """What an actor keeps under a key, None when there is nothing."""
        store = self._store()
        try:
            with self._core.guard(store.blocking):
                return store.get(self._full_key(type, id, key), {}, "strong")
        except ComponentError as error:
            raise ActorStateGetFailed(cause=error) from error

    def transact(self, type: str, id: str, operations: Sequence[Operation]) -> None:
        """Carry out all operations on an actor's state or none."""
        store = self._store()
        try:
            for operation in operations:
                self._check(operation)
            full = [replace(operation, key=self._full_key(type, id, operation.key)) for operation in operations]
            if full:
                with self._core.guard(store.blocking):
                    store.transact(full, {})
        except ComponentError as error:
            raise ActorTransactionFailed(cause=error) from error
        keys = self._keys.setdefault((type, id), set())
        for operation in operations:
            (keys.discard if isinstance(operation, Delete) else keys.add)(operation.key)

    def _check(self, operation: Operation) -> None:
        if not operation.key:
            raise ComponentError("missing key")
        if isinstance(operation, Upsert) and TTL in operation.metadata and not self._may_expire():
            raise ComponentError(f'{TTL} is not supported without the "{TTL_FEATURE}" feature enabled')

    def _may_expire(self) -> bool:
        return bool(self._core.settings.features.get(TTL_FEATURE))

    def all(self, type: str, id: str) -> dict[str, bytes]:
        """Everything that an actor was seen to keep, and still keeps."""
        found = ((key, self.get(type, id, key)) for key in sorted(self._keys.get((type, id), ())))
        return {key: item.data for key, item in found if item is not None}

    def snapshot(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """Type and id of each actor, and the keys that it keeps."""
        return tuple((type, id, tuple(sorted(keys))) for (type, id), keys in self._keys.items())

    def restore(self, kept: Sequence[tuple[str, str, Sequence[str]]]) -> None:
        """Know which actor kept what then."""
        self._keys = {(type, id): set(keys) for type, id, keys in kept}

    def forget(self) -> None:
        """Forget which actor keeps what; the store itself forgets what is kept."""
        self._keys.clear()

    def _full_key(self, type: str, id: str, key: str) -> str:
        return SEPARATOR.join((self._core.app_id, type, id, key))
