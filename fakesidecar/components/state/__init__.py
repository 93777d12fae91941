"""What a state store is: the values that it is given and gives, and the operations that it has.

Keys arrive with their prefix (`app||key`). What fails is raised as a `ComponentError` with the text that Dapr's
component has.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fakesidecar.components.base import ComponentBase
from fakesidecar.errors import ComponentError

if TYPE_CHECKING:
    from fakesidecar.components.state.query import Query


@dataclass(frozen=True, slots=True)
class Json:
    """A value that came as JSON: the store encodes it as its Go client does."""

    value: Any


@dataclass(frozen=True, slots=True)
class Item:
    """A stored value."""

    data: bytes
    etag: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    """`ttlExpireTime` where the store says it."""


@dataclass(frozen=True, slots=True)
class BulkItem:
    """The answer for one key of a bulk get."""

    key: str
    data: bytes | None = None
    etag: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Upsert:
    """Store a value under a key."""

    key: str
    value: bytes | Json
    etag: str | None = None
    """None and the empty text are no etag."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    concurrency: str = ""
    consistency: str = ""


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a key."""

    key: str
    etag: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    concurrency: str = ""
    consistency: str = ""


Operation = Upsert | Delete


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A page of a query's results."""

    items: Sequence[BulkItem]
    token: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


class StateStore(ComponentBase):
    """A store of values under keys."""

    queryable = False
    """Whether the store takes queries, even if only to say what it lacks for them."""
    lasting = True
    """Whether what it keeps may outlive the sidecar."""

    @property
    def features(self) -> tuple[str, ...]:
        """What this very component can do (`ETAG`, `TRANSACTIONAL`, `TTL`, `QUERY_API`, …)."""
        return self.component_type.features

    @abstractmethod
    def get(self, key: str, metadata: Mapping[str, str], consistency: str = "") -> Item | None:
        """The value under a key, None when there is none."""

    @abstractmethod
    def set(self, request: Upsert) -> None:
        """Store one value."""

    @abstractmethod
    def delete(self, request: Delete) -> None:
        """Remove one key; a missing one is no error without an etag."""

    def transact(self, operations: Sequence[Operation], metadata: Mapping[str, str]) -> None:
        """Carry out all operations or none."""
        raise NotImplementedError

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin so; without them nothing is found that was kept by an earlier sidecar."""
        return []

    def query(self, query: Query, metadata: Mapping[str, str]) -> QueryResult:
        """The values that a query selects, where the store is `queryable`."""
        raise NotImplementedError

    def bulk_get(self, keys: Sequence[str], metadata: Mapping[str, str]) -> list[BulkItem]:
        """The values under many keys, in their order; what fails for one key is said in its item."""
        return [self._bulk_item(key, metadata) for key in keys]

    def _bulk_item(self, key: str, metadata: Mapping[str, str]) -> BulkItem:
        try:
            item = self.get(key, metadata)
        except ComponentError as error:
            return BulkItem(key, error=str(error))
        return BulkItem(key) if item is None else BulkItem(key, item.data, item.etag, item.metadata)


CONCURRENCY = ("", "first-write", "last-write")
CONSISTENCY = ("", "eventual", "strong")


def check_options(request: Operation) -> None:
    """Refuse concurrency and consistency modes that do not exist (components-contrib state/requests.go)."""
    if request.concurrency not in CONCURRENCY:
        raise ComponentError(f"unrecognized concurrency model '{request.concurrency}'")
    if request.consistency not in CONSISTENCY:
        raise ComponentError(f"unrecognized consistency model '{request.consistency}'")
