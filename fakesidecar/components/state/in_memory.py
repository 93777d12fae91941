"""`state.in-memory`: a dictionary with etags, transactions and times to live, as daprd's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fakesidecar import golang
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.components.state import Delete, Item, Json, Operation, StateStore, Upsert, check_options
from fakesidecar.errors import ComponentError, EtagMismatch
from fakesidecar.resources.component import Component


@dataclass(frozen=True, slots=True)
class Entry:
    """A value as it is kept."""

    data: bytes
    etag: str
    expires: float | None = None


FEATURES = ("ETAG", "TRANSACTIONAL", "TTL", "DELETE_WITH_PREFIX", "KEYS_LIKE", "ACTOR")


@component("state.in-memory", features=FEATURES)
class InMemory(StateStore):
    """Values in this process, gone with it."""

    lasting = False

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self.entries: dict[str, Entry] = {}
        self._now = around.clock.now
        self._uuid = around.ids.uuid

    def get(self, key: str, metadata: Mapping[str, str], consistency: str = "") -> Item | None:
        entry = self.entries.get(key)
        if entry is None or self._expired(entry):
            return None
        if entry.expires is None:
            return Item(entry.data, entry.etag)
        return Item(entry.data, entry.etag, {"ttlExpireTime": golang.format_rfc3339(entry.expires)})

    def set(self, request: Upsert) -> None:
        self.transact([request], {})

    def delete(self, request: Delete) -> None:
        self.transact([request], {})

    def transact(self, operations: Sequence[Operation], metadata: Mapping[str, str]) -> None:
        for operation in operations:
            check_options(operation)
        lifetimes = [ttl_of(operation) for operation in operations]
        for operation in operations:
            self._check_etag(operation)
        for operation, seconds in zip(operations, lifetimes, strict=True):
            if isinstance(operation, Delete):
                self.entries.pop(operation.key, None)
            else:
                expires = None if seconds is None else self._now() + seconds
                self.entries[operation.key] = Entry(encode(operation.value), self._uuid(), expires)

    def reset(self) -> None:
        self.entries.clear()

    def snapshot(self) -> dict[str, Entry]:
        return self.entries.copy()

    def restore(self, kept: dict[str, Entry]) -> None:
        self.entries = kept.copy()

    def _expired(self, entry: Entry) -> bool:
        return entry.expires is not None and entry.expires < self._now()

    def _check_etag(self, request: Operation) -> None:
        # Expired values are swept once a second, not looked at here (components-contrib, state/in-memory).
        entry = self.entries.get(request.key)
        if (
            entry is not None
            and self._expired(entry)
            and entry.expires is not None
            and self._now() - entry.expires >= 1
        ):
            entry = None
        if not request.etag:
            if request.concurrency == "first-write" and entry is not None:
                raise EtagMismatch("item already exists and no etag was passed")
        elif entry is None:
            raise EtagMismatch(f"state not exist or expired for key={request.key}")
        elif entry.etag != request.etag:
            raise EtagMismatch(
                f"state etag not match for key={request.key}: current={entry.etag}, expect={request.etag}"
            )


def ttl_of(request: Operation) -> int | None:
    """The seconds that a value is to live, None for ever."""
    text = request.metadata.get("ttlInSeconds")
    if text is None or isinstance(request, Delete):
        return None
    try:
        seconds = golang.atoi(text)
    except golang.GoError as error:
        raise ComponentError(str(error)) from error
    return seconds if seconds > 0 else None


def encode(value: bytes | Json) -> bytes:
    """Bytes as they are, JSON as Go's `encoding/json` writes it."""
    return golang.marshal(value.value) if isinstance(value, Json) else value
