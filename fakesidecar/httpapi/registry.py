"""Which function serves which route."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fakesidecar.web import Answer, Route

ROUTES: list[Route] = []

F = TypeVar("F", bound=Callable[..., Answer])


def route(
    methods: str,
    *paths: str,
    call: str,
    component: str = "",
    target: str = "",
    targets: str = "",
    always_allowed: bool = False,
    public: bool = False,
    blocking: bool = False,
) -> Callable[[F], F]:
    """Serve these methods (`"POST PUT"`) of these paths with the function; see `Route` for the rest."""

    def register(function: F) -> F:
        block, _, operation = call.partition(".")
        for path in paths:
            for method in methods.split():
                pattern = tuple(path.strip("/").split("/"))
                named = method, pattern, function, block, operation, component, target
                ROUTES.append(Route(*named, always_allowed, public, blocking, targets_path=targets))
        return function

    return register
