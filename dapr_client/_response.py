"""What every answer of the sidecar has: headers, equality, a readable form."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal, overload

from dapr_client._checks import MetadataDict, MetadataTuple, to_str, tuple_to_dict

Headers = MetadataTuple | Callable[[], Any]
"""The headers of an answer, or what gets them when somebody asks."""


class DaprResponse:
    """An answer of the sidecar. Two are equal when they say the same; headers do not count."""

    __slots__ = ("_headers",)

    def __init__(self, headers: Headers = ()) -> None:
        self._headers = headers

    @property
    def headers(self) -> MetadataDict:
        """The headers of the answer, by name."""
        return self.get_headers(as_dict=True)

    @headers.setter
    def headers(self, value: MetadataTuple) -> None:
        self._headers = value

    @overload
    def get_headers(self, as_dict: Literal[False] = False) -> MetadataTuple: ...
    @overload
    def get_headers(self, as_dict: Literal[True]) -> MetadataDict: ...
    def get_headers(self, as_dict: bool = False) -> MetadataTuple | MetadataDict:
        """The headers of the answer, as pairs in the order they came or by name."""
        if callable(self._headers):
            self._headers = tuple((str(key), value) for key, value in self._headers() or ())
        return tuple_to_dict(self._headers) if as_dict else self._headers

    def _said(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in type(self).__slots__ if not name.startswith("_"))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._said() == other._said()

    __hash__ = None  # type: ignore[assignment]  # compares by what is in it, and that is mutable

    def __repr__(self) -> str:
        said = (f"{name}={getattr(self, name)!r}" for name in type(self).__slots__ if not name.startswith("_"))
        return f"{type(self).__name__}({', '.join(said)})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Headers that nobody asked for yet belong to a call, and a call does not travel.
        self.get_headers()
        state = {name: getattr(self, name) for kind in type(self).__mro__ for name in getattr(kind, "__slots__", ())}
        return _restore, (type(self), state)


def _restore(kind: type[DaprResponse], state: dict[str, Any]) -> DaprResponse:
    response = kind.__new__(kind)
    for name, value in state.items():
        setattr(response, name, value)
    return response


def json_of(data: bytes | str) -> Any:
    """Stored data as what its JSON says."""
    return json.loads(to_str(data))
