"""Dapr's query language: reads a query, and carries it out on JSON values (components-contrib state/query).

query = parse(b'{"filter": {"EQ": {"person.org": "A"}}, "sort": [{"key": "id"}], "page": {"limit": 10}}')
results, token = query.select([("key", {"person": {"org": "A"}, "id": 1.0})], value=lambda entry: entry[1])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any, TypeVar

from fakesidecar import golang
from fakesidecar.errors import ComponentError

T = TypeVar("T")
Match = Callable[[Any], bool]

SHAPE = golang.Struct(
    "query.QueryFields",
    (
        golang.Field("filter", golang.MapOf(golang.ANY)),
        golang.Field(
            "sort",
            golang.ListOf(
                golang.Struct("query.Sorting", (golang.Field("key", golang.TEXT), golang.Field("order", golang.TEXT)))
            ),
        ),
        golang.Field(
            "page",
            golang.Struct("query.Pagination", (golang.Field("limit", golang.INT), golang.Field("token", golang.TEXT))),
        ),
    ),
)


class Missing:
    """There is nothing at a path."""


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Sort:
    """By what results are put in order."""

    path: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A query, understood."""

    matches: Match
    sort: tuple[Sort, ...] = ()
    limit: int = 0
    """The most results of one page; none when it is not positive."""
    token: str = ""

    def select(self, entries: Iterable[T], *, value: Callable[[T], Any]) -> tuple[list[T], str]:
        """The entries of the page that is asked for, and the token of the next one, empty after the last."""
        found = [entry for entry in entries if self.matches(value(entry))]

        def order(one: T, other: T) -> int:
            return self._order(value(one), value(other))

        found.sort(key=cmp_to_key(order))
        start = self._start()
        if self.limit <= 0:
            return found[start:], ""
        end = start + self.limit
        return found[start:end], str(end) if end < len(found) else ""

    def _start(self) -> int:
        if not self.token:
            return 0
        try:
            return max(0, golang.parse_int(self.token))
        except golang.GoError as error:
            raise ComponentError(str(error)) from error

    def _order(self, one: Any, other: Any) -> int:
        for by in self.sort:
            order = compare(at(one, by.path), at(other, by.path))
            if order:
                return -order if by.descending else order
        return 0


def parse(query: bytes) -> Query:
    """Read a query; raises ComponentError that says what is wrong with it."""
    try:
        fields = golang.unmarshal_into(query, SHAPE)
        matches = filter_of(fields["filter"]) if fields["filter"] else everything
    except golang.GoError as error:
        raise ComponentError(f"failed to parse JSON query body: {error}") from error
    sort = tuple(Sort(by["key"], by["order"] == "DESC") for by in fields["sort"] or ())
    return Query(matches, sort, fields["page"]["limit"], fields["page"]["token"])


# --- filters ------------------------------------------------------------------------------------------------------


def everything(value: Any) -> bool:
    """No filter lets everything through."""
    return True


def filter_of(unit: Any) -> Match:
    """What one unit of a filter, `{"EQ": {"path": value}}` or `{"AND": [unit, unit]}`, lets through."""
    if not isinstance(unit, dict):
        raise golang.GoError("filter unit must be a map")
    if len(unit) != 1:
        raise golang.GoError("filter unit must have a single element")
    ((name, content),) = unit.items()
    if name in COMBINATIONS:
        return _combined(name, content)
    if name in COMPARISONS:
        return _compared(name, content)
    raise golang.GoError(f"unsupported filter {golang.quote(name)}")


def _combined(name: str, content: Any) -> Match:
    if not isinstance(content, list):
        raise golang.GoError(f"{name} filter must be an array")
    if len(content) < 2:
        raise golang.GoError(f"{name} filter must contain at least two entries")
    filters = [filter_of(unit) for unit in content]
    combine = COMBINATIONS[name]
    return lambda value: combine(matches(value) for matches in filters)


def _compared(name: str, content: Any) -> Match:
    if not isinstance(content, dict):
        raise golang.GoError(f"{name} filter must be a map")
    if len(content) != 1:
        raise golang.GoError(f"{name} filter must contain a single key/value pair")
    ((path, wanted),) = content.items()
    if name == "IN" and not isinstance(wanted, list):
        raise golang.GoError("IN filter value must be an array")
    holds = COMPARISONS[name]
    return lambda value: holds(at(value, path), wanted)


def at(value: Any, path: str) -> Any:
    """What is at a path such as `person.id`, MISSING where nothing is."""
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return MISSING
        value = value[name]
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; true is not 1."""
    return type(one) is type(other) and one == other


def ordered(one: Any, other: Any) -> bool:
    """Whether there is an order between two JSON values: between numbers, and between texts."""
    return type(one) is type(other) and isinstance(one, float | str)


COMBINATIONS: dict[str, Callable[[Iterable[bool]], bool]] = {"AND": all, "OR": any}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": same,
    "NEQ": lambda value, wanted: value is not MISSING and not same(value, wanted),
    "GT": lambda value, wanted: ordered(value, wanted) and value > wanted,
    "GTE": lambda value, wanted: ordered(value, wanted) and value >= wanted,
    "LT": lambda value, wanted: ordered(value, wanted) and value < wanted,
    "LTE": lambda value, wanted: ordered(value, wanted) and value <= wanted,
    "IN": lambda value, wanted: any(same(value, one) for one in wanted),
}

RANKS: tuple[type, ...] = (float, str, bool, list, dict, type(None), Missing)
"""In which order values of different kinds are put."""


def compare(one: Any, other: Any) -> int:
    """-1, 0 or 1: the order of two values."""
    ranks = RANKS.index(type(one)), RANKS.index(type(other))
    if ranks[0] != ranks[1]:
        return -1 if ranks[0] < ranks[1] else 1
    if not isinstance(one, float | str | bool):
        return 0
    return int(one > other) - int(one < other)
