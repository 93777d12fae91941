"""State stores: what is stored, how, and what comes back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from dapr_client._checks import NO_METADATA, checked_value, to_bytes, to_str
from dapr_client._response import DaprResponse, Headers, json_of
from dapr_client.wire import common_pb2, state_pb2

QUERY_IS_ALPHA = "The State Store Query API is an Alpha version and is subject to change."


class Consistency(Enum):
    """Whether all replicas must agree."""

    unspecified = 0
    eventual = 1
    strong = 2


class Concurrency(Enum):
    """What becomes of a write when somebody else wrote meanwhile."""

    unspecified = 0
    first_write = 1
    last_write = 2


@dataclass(slots=True)
class StateOptions:
    """How a write treats replicas and rivals."""

    consistency: Consistency | None = Consistency.unspecified
    concurrency: Concurrency | None = Concurrency.unspecified

    def get_proto(self) -> common_pb2.StateOptions:
        """The message that says so."""
        return common_pb2.StateOptions(
            consistency=consistency_name(self.consistency or Consistency.unspecified),
            concurrency=f"CONCURRENCY_{(self.concurrency or Concurrency.unspecified).name.upper()}",
        )


def consistency_name(consistency: Consistency) -> str:
    """A consistency as the messages name it."""
    return f"CONSISTENCY_{consistency.name.upper()}"


@dataclass(slots=True)
class StateItem:
    """A value to be stored under a key. ValueError if it is neither bytes nor text."""

    key: str
    value: bytes | str
    etag: str | None = None
    options: StateOptions | None = None
    metadata: Mapping[str, str] | None = field(default_factory=dict)

    def __post_init__(self) -> None:
        checked_value(self.value)


class TransactionOperationType(Enum):
    """What one step of a transaction does."""

    upsert = "upsert"
    delete = "delete"


class TransactionalStateOperation:
    """One step of a transaction. ValueError if it stores what is neither bytes nor text."""

    __slots__ = ("_data", "etag", "key", "metadata", "operation_type")

    def __init__(
        self,
        key: str,
        data: bytes | str | None = None,
        etag: str | None = None,
        operation_type: TransactionOperationType = TransactionOperationType.upsert,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        if operation_type is not TransactionOperationType.delete:
            checked_value(data)
        self.key = key
        self._data = data
        self.etag = etag
        self.operation_type = operation_type
        self.metadata = metadata or {}

    @property
    def data(self) -> bytes | None:
        """What is stored; None for a delete."""
        return None if self._data is None else to_bytes(self._data)

    def __repr__(self) -> str:
        return f"TransactionalStateOperation({self.key!r}, {self._data!r}, {self.etag!r}, {self.operation_type})"


class StateResponse(DaprResponse):
    """A stored value; empty with an empty etag if there is none."""

    __slots__ = ("data", "etag", "metadata")

    data: bytes
    etag: str
    metadata: dict[str, str]
    """What the store says about it: ttlExpireTime."""

    def __init__(
        self,
        data: bytes | str,
        etag: str = "",
        headers: Headers = (),
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self._headers = headers
        self.data = to_bytes(data)
        self.etag = etag
        self.metadata = dict(metadata) if metadata else {}

    def text(self) -> str:
        """The value as text."""
        return to_str(self.data)

    def json(self) -> Any:
        """The value as what its JSON says. JSONDecodeError if there is none."""
        return json_of(self.data)


@dataclass(frozen=True, slots=True)
class BulkStateItem:
    """One value of many. `error` tells why a key could not be read."""

    key: str
    data: bytes
    etag: str = ""
    error: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The value as text."""
        return to_str(self.data)

    def json(self) -> Any:
        """The value as what its JSON says."""
        return json_of(self.data)


class BulkStatesResponse(DaprResponse):
    """Many values, in no order."""

    __slots__ = ("items",)

    def __init__(self, items: Iterable[BulkStateItem], headers: Headers = ()) -> None:
        super().__init__(headers)
        self.items = list(items)


@dataclass(frozen=True, slots=True)
class QueryResponseItem:
    """One value that a query found."""

    key: str
    value: bytes
    etag: str = ""
    error: str = ""

    def text(self) -> str:
        """The value as text."""
        return to_str(self.value)

    def json(self) -> Any:
        """The value as what its JSON says."""
        return json_of(self.value)


class QueryResponse(DaprResponse):
    """A page of what a query found; `token` asks for the next one."""

    __slots__ = ("metadata", "results", "token")

    def __init__(
        self,
        results: Iterable[QueryResponseItem],
        token: str = "",
        metadata: Mapping[str, str] | None = NO_METADATA,
        headers: Headers = (),
    ) -> None:
        super().__init__(headers)
        self.results = list(results)
        self.token = token
        self.metadata = dict(metadata or {})


# --- from and to the wire ---


def named_store(store_name: str) -> None:
    """ValueError if no store is named."""
    if not store_name or not store_name.strip():
        raise ValueError("State store name cannot be empty")


def item(
    key: str,
    value: bytes = b"",
    etag: str | None = None,
    options: StateOptions | None = None,
    metadata: Mapping[str, str] | None = None,
) -> common_pb2.StateItem:
    """A state item as a message. An etag that is absent is not the same as an empty one."""
    return common_pb2.StateItem(
        key=key,
        value=value,
        etag=None if etag is None else common_pb2.Etag(value=etag),
        options=options.get_proto() if options else None,
        metadata=metadata or None,
    )


def items(states: Iterable[StateItem]) -> list[common_pb2.StateItem]:
    """State items as messages."""
    return [item(state.key, to_bytes(state.value), state.etag, state.options, state.metadata) for state in states]


def deletion(state: StateItem | str) -> common_pb2.StateItem:
    """What to delete: a key, or an item with its etag and options."""
    if isinstance(state, str):
        return item(state)
    return item(state.key, b"", state.etag, state.options, state.metadata)


def steps(operations: Sequence[TransactionalStateOperation]) -> list[state_pb2.TransactionalStateOperation]:
    """The steps of a transaction as messages."""
    return [
        state_pb2.TransactionalStateOperation(
            operationType=step.operation_type.value,
            request=item(step.key, step.data or b"", step.etag, None, step.metadata),
        )
        for step in operations
    ]
