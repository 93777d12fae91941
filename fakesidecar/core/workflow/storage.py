"""Keeping instances in the state store of actors, where daprd keeps them (dapr pkg/actors/targets/workflow, state.go).

Under `app||dapr.internal.<namespace>.<app>.workflow||<instance>||` there are the events of the history and of the
inbox, one by one, the custom status, the histories that a caller passed on, and how much there is of it all. A thread
writes what has been added since it wrote last, of all instances at once; when the sidecar has stopped it has it all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dapr_client.wire import backend_service_pb2 as backend
from fakesidecar.components.state import Delete, Operation, StateStore, Upsert
from fakesidecar.core.keys import SEPARATOR
from fakesidecar.core.workflow.apps import APPS
from fakesidecar.core.workflow.history import Event
from fakesidecar.core.workflow.instance import Instance, of_snapshot
from fakesidecar.errors import ComponentError

if TYPE_CHECKING:
    from fakesidecar.core import Core

log = logging.getLogger("fakesidecar.workflow")

METADATA, STATUS, PROPAGATED = "metadata", "customStatus", "propagatedHistory"


@dataclass(slots=True)
class _Kept:
    """How much of an instance is in the store."""

    history: int = 0
    inbox: int = 0


class Storage:
    """The instances of one app in one store."""

    def __init__(self, core: Core, store: StateStore) -> None:
        self._core, self._store = core, store
        namespace = core.options.namespace or "default"
        self._prefix = SEPARATOR.join((core.app_id, f"dapr.internal.{namespace}.{core.app_id}.workflow", ""))
        self._kept: dict[str, _Kept] = {}
        self._changed: dict[str, Instance] = {}
        self._deleted: list[str] = []
        self._asked = False
        """Whether the writer has been asked, and has not begun."""
        self._writer = ThreadPoolExecutor(1, "workflow-storage")

    # --- writing ---

    def touch(self, instance: Instance) -> None:
        """Keep what is new of an instance."""
        self._changed[instance.id] = instance
        self._ask_to_write()

    def delete(self, id: str) -> None:
        """Forget an instance."""
        self._changed.pop(id, None)
        if id in self._kept:
            self._deleted.append(id)
            self._ask_to_write()

    def _ask_to_write(self) -> None:
        if not self._asked:
            self._asked = True
            self._writer.submit(self._write)

    def _write(self) -> None:
        with APPS.change():
            self._asked = False
            deleted, self._deleted = self._deleted, []
            changed, self._changed = self._changed, {}
            operations = [
                *(operation for id in deleted for operation in self._deletion(id)),
                *(operation for instance in changed.values() for operation in self._news(instance)),
            ]
        try:
            with self._core.guard(self._store.blocking):
                self._store.transact(operations, {})
        except ComponentError:
            log.exception("workflows could not be stored")

    def _deletion(self, id: str) -> Iterator[Operation]:
        kept = self._kept.pop(id, _Kept())
        yield from self._events(id, "history", (), 0, kept.history)
        yield from self._events(id, "inbox", (), 0, kept.inbox)
        for name in (METADATA, STATUS, PROPAGATED):
            yield Delete(self._key(id, name))

    def _news(self, instance: Instance) -> Iterator[Operation]:
        id, waiting, kept = instance.id, instance.waiting, self._kept.setdefault(instance.id, _Kept())
        first = min(instance.saved, kept.history)
        yield from self._events(id, "history", instance.history[first:], first, kept.history)
        yield from self._events(id, "inbox", waiting, 0, kept.inbox)
        kept.history = instance.saved = len(instance.history)
        kept.inbox = len(waiting)
        facts = backend.BackendWorkflowStateMetadata(
            inboxLength=kept.inbox, historyLength=kept.history, generation=instance.generation
        )
        yield Upsert(self._key(id, METADATA), facts.SerializeToString())
        yield Upsert(self._key(id, STATUS), instance.custom_status.encode())
        if instance.propagated is not None:
            yield Upsert(self._key(id, PROPAGATED), instance.propagated.SerializeToString())

    def _events(self, id: str, kind: str, events: Sequence[Event], first: int, before: int) -> Iterator[Operation]:
        for number, event in enumerate(events, first):
            yield Upsert(self._event_key(id, kind, number), event.SerializeToString())
        for number in range(first + len(events), before):
            yield Delete(self._event_key(id, kind, number))

    def close(self) -> None:
        """Write what is still to be written."""
        self._writer.shutdown()

    # --- reading ---

    def load(self) -> Iterator[Instance]:
        """Every instance that is kept, oldest first."""
        found = []
        for key in self._store.keys(self._prefix):
            id, _, name = key.removeprefix(self._prefix).rpartition(SEPARATOR)
            if name == METADATA:
                found.append(self._load(id))
        yield from sorted(found, key=_begun)

    def _load(self, id: str) -> Instance:
        facts = backend.BackendWorkflowStateMetadata.FromString(self._get(id, METADATA))
        kept = self._kept[id] = _Kept(facts.historyLength, facts.inboxLength)
        instance = of_snapshot(
            {
                "id": id,
                "history": [self._read(self._event_key(id, "history", number)) for number in range(kept.history)],
                "inbox": [self._read(self._event_key(id, "inbox", number)) for number in range(kept.inbox)],
                "custom_status": self._get(id, STATUS).decode(),
                "generation": facts.generation,
                "propagated": self._get(id, PROPAGATED) or None,
            }
        )
        instance.saved = kept.history
        return instance

    def _get(self, id: str, name: str) -> bytes:
        return self._read(self._key(id, name))

    def _read(self, key: str) -> bytes:
        item = self._store.get(key, {})
        return b"" if item is None else item.data

    def _key(self, id: str, name: str) -> str:
        return f"{self._prefix}{id}{SEPARATOR}{name}"

    def _event_key(self, id: str, kind: str, number: int) -> str:
        return self._key(id, f"{kind}-{number:06d}")


def _begun(instance: Instance) -> tuple[int, int]:
    """When the first thing happened to an instance."""
    first = next(iter((*instance.history, *instance.inbox)), None)
    return (0, 0) if first is None else (first.timestamp.seconds, first.timestamp.nanos)
