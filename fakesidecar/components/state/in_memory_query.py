"""`state.in-memory-query`: the in-memory store with Dapr's query API; this project's own, unknown to daprd."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cmp_to_key
from typing import Any

from fakesidecar import golang
from fakesidecar.components.registry import component
from fakesidecar.components.state import BulkItem, QueryResult
from fakesidecar.components.state.in_memory import InMemory
from fakesidecar.errors import ComponentError

Match = Callable[[Any], bool]
MISSING = object()
FEATURES = ("ETAG", "TRANSACTIONAL", "TTL", "DELETE_WITH_PREFIX", "KEYS_LIKE", "ACTOR", "QUERY_API")


@component("state.in-memory-query", features=FEATURES)
class InMemoryQuery(InMemory):
    """Values in this process that can be queried, when they are JSON."""

    def query(self, query: bytes, metadata: Mapping[str, str]) -> QueryResult:
        try:
            asked = parse(query)
        except golang.GoError as error:
            raise ComponentError(f"failed to parse JSON query body: {error}") from error
        found = []
        for key in sorted(self.entries):
            item = self.get(key, {})
            if item is None:
                continue
            try:
                value = golang.unmarshal(item.data)
            except golang.GoError:
                continue  # only JSON can be looked into
            if asked.matches(value):
                found.append((value, BulkItem(key, item.data, item.etag)))
        found.sort(key=asked.order)
        start, end = asked.page(len(found))
        token = str(end) if asked.limit and end < len(found) else ""
        return QueryResult([item for _, item in found[start:end]], token)


class Query:
    """A query, understood."""

    def __init__(self, matches: Match, sort: list[tuple[str, bool]], limit: int, token: str) -> None:
        self.matches = matches
        self.sort = sort
        self.limit = limit
        self._start = int(token) if token.isdecimal() else 0
        self.order = cmp_to_key(self._compare)

    def page(self, total: int) -> tuple[int, int]:
        """The part of the results that is asked for."""
        return self._start, min(total, self._start + self.limit) if self.limit else total

    def _compare(self, one: tuple[Any, BulkItem], other: tuple[Any, BulkItem]) -> int:
        for path, descending in self.sort:
            order = compare(at(one[0], path), at(other[0], path))
            if order:
                return -order if descending else order
        return 0


def parse(query: bytes) -> Query:
    """Read a query (components-contrib state/query)."""
    body = golang.unmarshal(query)
    if not isinstance(body, dict):
        raise golang.GoError("query must be a map")
    page = body.get("page") or {}
    sort = [(str(entry.get("key", "")), entry.get("order") == "DESC") for entry in body.get("sort") or []]
    token = str(page.get("token", ""))
    return Query(filter_of(body.get("filter")), sort, int(page.get("limit") or 0), token)


def filter_of(unit: Any) -> Match:
    """What a filter lets through; no filter, and an empty one, let everything through."""
    if unit is None or unit == {}:
        return lambda value: True
    if not isinstance(unit, dict):
        raise golang.GoError("filter unit must be a map")
    if len(unit) != 1:
        raise golang.GoError("filter unit must have a single element")
    ((name, content),) = unit.items()
    if name in ("AND", "OR"):
        return combined(name, content)
    if name not in COMPARISONS:
        raise golang.GoError(f"unsupported filter {golang.quote(name)}")
    if not isinstance(content, dict):
        raise golang.GoError(f"{name} filter must be a map")
    if len(content) != 1:
        raise golang.GoError(f"{name} filter must contain a single key/value pair")
    ((path, wanted),) = content.items()
    if name == "IN" and not isinstance(wanted, list):
        raise golang.GoError("IN filter value must be an array")
    test = COMPARISONS[name]
    return lambda value: test(at(value, path), wanted)


def combined(name: str, content: Any) -> Match:
    """AND and OR."""
    if not isinstance(content, list):
        raise golang.GoError(f"{name} filter must be an array")
    if len(content) < 2:
        raise golang.GoError(f"{name} filter must contain at least two entries")
    filters = [filter_of(unit) for unit in content]
    combine = all if name == "AND" else any
    return lambda value: combine(matches(value) for matches in filters)


def at(value: Any, path: str) -> Any:
    """What is at a path such as `person.id`."""
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return MISSING
        value = value[name]
    return value


def compare(one: Any, other: Any) -> int:
    """Order of two values: numbers, then texts, then all others, then what is missing."""

    def rank(value: Any) -> tuple[int, Any]:
        if isinstance(value, bool):
            return 2, value
        if isinstance(value, float):
            return 0, value
        if isinstance(value, str):
            return 1, value
        return (4, 0) if value is MISSING else (3, golang.marshal(value))

    left, right = rank(one), rank(other)
    return (left > right) - (left < right)


def same_kind(one: Any, other: Any) -> bool:
    return type(one) is type(other) and isinstance(one, float | str)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": lambda value, wanted: value is not MISSING and value == wanted,
    "NEQ": lambda value, wanted: value is not MISSING and value != wanted,
    "GT": lambda value, wanted: same_kind(value, wanted) and value > wanted,
    "GTE": lambda value, wanted: same_kind(value, wanted) and value >= wanted,
    "LT": lambda value, wanted: same_kind(value, wanted) and value < wanted,
    "LTE": lambda value, wanted: same_kind(value, wanted) and value <= wanted,
    "IN": lambda value, wanted: value is not MISSING and value in wanted,
}
