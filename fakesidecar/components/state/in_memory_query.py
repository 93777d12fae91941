"""`state.in-memory-query`: the in-memory store with Dapr's query API; this project's own, unknown to daprd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fakesidecar import golang
from fakesidecar.components.registry import component
from fakesidecar.components.state import BulkItem, QueryResult
from fakesidecar.components.state.in_memory import FEATURES, InMemory
from fakesidecar.components.state.query import Query


@component("state.in-memory-query", features=(*FEATURES, "QUERY_API"))
class InMemoryQuery(InMemory):
    """Values in this process that can be queried, when they are JSON."""

    queryable = True

    def query(self, query: Query, metadata: Mapping[str, str]) -> QueryResult:
        found, token = query.select(self._values(), value=lambda entry: entry[0])
        return QueryResult([item for _, item in found], token)

    def _values(self) -> Iterator[tuple[Any, BulkItem]]:
        """Every value that is JSON, decoded, in the order of the keys."""
        for key in sorted(self.entries):
            item = self.get(key, {})
            if item is None:
                continue
            try:
                value = golang.unmarshal(item.data)
            except golang.GoError:
                continue
            yield value, BulkItem(key, item.data, item.etag)
