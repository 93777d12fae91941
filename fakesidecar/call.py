"""A call on its way to the core, and the onion of interceptors that it passes.

A door unpacks a request into a `Call` and hands it over together with the action that carries it out. Every
interceptor may look, refuse (raise), act before or after, or answer in the action's place:

    def forbid_deletes(call: Call, proceed: Callable[[], Any]) -> Any:
        if call.operation == "delete":
            raise StateStoreNotFound(store=call.component)
        return proceed()

What others answer (the method of an app) comes later: then `proceed()` gives an awaitable, and so may an interceptor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of a building block, and by which door it came."""

    block: str
    """`state`, `lock`, `secrets`, … as the files are named."""
    operation: str
    """`get`, `save`, `try_lock`, …"""
    component: str = ""
    target: str = ""
    """The key, topic, app, actor or resource."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Headers or gRPC metadata of the caller, names in lower case."""
    protocol: str = "grpc"
    """`grpc`, `http` or `python`."""

    @property
    def name(self) -> str:
        """`state.get`, `lock.try_lock`, …"""
        return f"{self.block}.{self.operation}"


Interceptor = Callable[[Call, Callable[[], Any]], Any]


class Onion:
    """The interceptors around the core, outermost first."""

    def __init__(self) -> None:
        self.interceptors: list[Interceptor] = []

    def __call__(self, call: Call, action: Callable[[], T]) -> T:
        """Carry out `action` through every interceptor."""
        if not self.interceptors:
            return action()
        return self._layer(0, call, action)  # type: ignore[no-any-return]  # an interceptor may answer with anything

    def _layer(self, depth: int, call: Call, action: Callable[[], Any]) -> Any:
        if depth == len(self.interceptors):
            return action()
        return self.interceptors[depth](call, lambda: self._layer(depth + 1, call, action))
