"""A JSON document as it was written: numbers keep their text, objects keep every pair, until a Go type is chosen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fakesidecar.golang.error import GoError


class Number(str):
    """A JSON number by its text (json.Number): `12345678901234567890` stays what it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Number({str(self)!r})"


class Pairs(list[tuple[str, Any]]):
    """A JSON object: its pairs in order, a key as often as it was written."""

    __slots__ = ()


class TypeMismatch:
    """Remembers the first value that did not fit its Go type, as encoding/json does: the rest is still filled in."""

    def __init__(self) -> None:
        self.first: GoError | None = None
        self.struct: str | None = None
        self.path: tuple[str, ...] = ()

    def note(self, what: str, go_type: str) -> None:
        """Say that a JSON `what` ("number", "object"…) cannot become a `go_type`."""
        where = "value" if self.struct is None else f"struct field {self.struct}.{'.'.join(self.path)}"
        self.fail(f"json: cannot unmarshal {what} into Go {where} of type {go_type}")

    def fail(self, text: str) -> None:
        if self.first is None:
            self.first = GoError(text)

    def number(self, number: Number) -> float | None:
        """Read a number into an `any`: a float, unless it is too large for one."""
        value = float(number)
        if math.isinf(value):
            self.note(f"number {number}", "float64")
            return None
        return value

    def raise_first(self) -> None:
        if self.first is not None:
            raise self.first


def plain(tree: Any, number: Callable[[Number], Any]) -> Any:
    """Turn a document into dicts, lists and whatever `number` makes of its numbers; without recursion."""
    root: list[Any] = [None]
    work: list[tuple[Any, Any, Any]] = [(root, 0, tree)]
    while work:
        place, slot, node = work.pop()
        if isinstance(node, Pairs):
            fields: dict[str, Any] = {}
            place[slot] = fields
            work.extend((fields, key, value) for key, value in reversed(node))
        elif isinstance(node, list):
            items: list[Any] = [None] * len(node)
            place[slot] = items
            work.extend((items, index, node[index]) for index in reversed(range(len(node))))
        else:
            place[slot] = number(node) if isinstance(node, Number) else node
    return root[0]


def kind(tree: Any) -> str:
    """Name a JSON value as encoding/json's messages do."""
    if isinstance(tree, bool):
        return "bool"
    if isinstance(tree, Number):
        return "number"
    if isinstance(tree, str):
        return "string"
    return "object" if isinstance(tree, Pairs) else "array"
