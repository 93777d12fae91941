"""The Go types that daprd decodes JSON into, as far as their names and zero values show (encoding/json/decode.go).

    SET_REQUEST = Struct("state.SetRequest", (Field("key", TEXT), Field("value", ANY), Field("metadata", MapOf(TEXT))))
    unmarshal_into(body, ListOf(SET_REQUEST))  # [{"key": "k", "value": 1.0, "metadata": None}]

A struct becomes a dict with one entry for each of its fields; nil becomes None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from fakesidecar.golang.error import GoError
from fakesidecar.golang.tree import Number, Pairs, TypeMismatch, kind, plain


class Shape(Protocol):
    """A Go type: what it is called, what it holds before anything is said, how a JSON value goes into it."""

    @property
    def go(self) -> str:
        """The type as Go prints it."""
        ...

    def zero(self) -> Any:
        """The value before anything is said."""
        ...

    def fill(self, tree: Any, mismatch: TypeMismatch, before: Any) -> Any:
        """The value after `tree` is said, given what it was before."""
        ...


@dataclass(frozen=True, slots=True)
class _Any:
    go: str = "interface {}"

    def zero(self) -> Any:
        return None

    def fill(self, tree: Any, mismatch: TypeMismatch, before: Any) -> Any:
        return plain(tree, mismatch.number)


@dataclass(frozen=True, slots=True)
class _Scalar:
    go: str
    python: type
    initial: Any

    def zero(self) -> Any:
        return self.initial

    def fill(self, tree: Any, mismatch: TypeMismatch, before: Any) -> Any:
        if tree is None:
            return before
        if type(tree) is self.python:
            return tree
        mismatch.note(kind(tree), self.go)
        return before


@dataclass(frozen=True, slots=True)
class _Integer:
    go: str
    low: int
    high: int

    def zero(self) -> Any:
        return 0

    def fill(self, tree: Any, mismatch: TypeMismatch, before: Any) -> Any:
        if tree is None:
            return before
        if not isinstance(tree, Number):
            mismatch.note(kind(tree), self.go)
            return before
        value = self._read(tree)
        if value is None:
            mismatch.note(f"number {tree}", self.go)
            return before
        return value

    def _read(self, number: Number) -> int | None:
        from fakesidecar.golang.numbers import parse_int, parse_uint

        try:
            value = parse_int(number) if self.low < 0 else parse_uint(number)
        except GoError:
            return None
        return value if self.low <= value <= self.high else None


@dataclass(frozen=True, slots=True)
class Optional:
    """A pointer: None until something is said, and again after `null`."""

    to: Shape

    @property
    def go(self) -> str:
        return f"*{self.to.go}"

    def zero(self) -> Any:
        return None

    def fill(self, tree: Any, mismatch: TypeMismatch, before: Any) -> Any:
        if tree is None:
            return None
        return self.to.fill(tree, mismatch, self.to.zero() if before is None else before)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A slice."""

    item: Shape

    @property
    def go(self) -> str:
        return f"[]{self.item.go}"

    def zero(self) -> Any:
        return None

    def fill(self, tree: Any, mismatch: TypeMismatch, before: Any) -> Any:
        if tree is None:
            return None
        if type(tree) is not list:
            mismatch.note(kind(tree), self.go)
            return before
        return [self.item.fill(node, mismatch, self.item.zero()) for node in tree]


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map with text for its keys."""

    item: Shape

    @property
    def go(self) -> str:
        return f"map[string]{self.item.go}"

    def zero(self) -> Any:
        return None

    def fill(self, tree: Any, mismatch: TypeMismatch, before: Any) -> Any:
        if tree is None:
            return None
        if not isinstance(tree, Pairs):
            mismatch.note(kind(tree), self.go)
            return before
        filled = {} if before is None else dict(before)
        for key, node in tree:
            filled[key] = self.item.fill(node, mismatch, self.item.zero())
        return filled


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct: its JSON name, its type, and the embedded struct it comes from."""

    name: str
    shape: Shape
    embedded: str = ""


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct: names match in any case, what it does not know is passed over."""

    go: str
    fields: tuple[Field, ...]

    @property
    def short(self) -> str:
        """The name without its package; a struct that has none (`struct { … }`) is called nothing."""
        return "" if self.go.startswith("struct ") else self.go.rpartition(".")[2]

    def zero(self) -> Any:
        return {field.name: field.shape.zero() for field in self.fields}

    def field(self, key: str) -> Field | None:
        exact = next((field for field in self.fields if field.name == key), None)
        return exact or next((field for field in self.fields if _fold(field.name) == _fold(key)), None)

    def fill(self, tree: Any, mismatch: TypeMismatch, before: Any) -> Any:
        if tree is None:
            return before
        if not isinstance(tree, Pairs):
            mismatch.note(kind(tree), self.go)
            return before
        outer = mismatch.struct, mismatch.path
        filled = dict(before)
        for key, node in tree:
            field = self.field(key)
            if field is None:
                continue
            steps = (field.embedded, field.name) if field.embedded else (field.name,)
            mismatch.struct, mismatch.path = self.short, outer[1] + steps
            filled[field.name] = field.shape.fill(node, mismatch, filled[field.name])
            mismatch.struct, mismatch.path = outer
        return filled


def _fold(name: str) -> str:
    """Fold letters of both cases, one by one (encoding/json/fold.go)."""
    return "".join(folded if len(folded := letter.casefold()) == 1 else letter for letter in name)


ANY: Shape = _Any()
TEXT: Shape = _Scalar("string", str, "")
BOOL: Shape = _Scalar("bool", bool, False)
INT: Shape = _Integer("int", -(1 << 63), (1 << 63) - 1)
INT64: Shape = _Integer("int64", -(1 << 63), (1 << 63) - 1)
INT32: Shape = _Integer("int32", -(1 << 31), (1 << 31) - 1)
UINT32: Shape = _Integer("uint32", 0, (1 << 32) - 1)


def text_type(go: str) -> Shape:
    """A type that is a string, by a name of its own."""
    return _Scalar(go, str, "")
