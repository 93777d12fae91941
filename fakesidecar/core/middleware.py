"""HTTP middleware: components that requests pass on their way, in the order that a Configuration names them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fakesidecar.components.middleware import Middleware
    from fakesidecar.httpapi.registry import Filter
    from fakesidecar.resources.component import Component
    from fakesidecar.resources.configuration import Handler

log = logging.getLogger("fakesidecar.middleware")


class MiddlewareBlock:
    """The middleware components of a sidecar."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str], Middleware] = {}

    def add(self, spec: Component, component: Any) -> None:
        """Load a component under its name."""
        self._loaded[spec.name, spec.type] = component

    def pipeline(self, handlers: Iterable[Handler]) -> list[Filter]:
        """What a request passes; handlers that no component stands for are left out (dapr pkg/middleware/http)."""
        found: list[Filter] = []
        for handler in handlers:
            component = self._loaded.get((handler.name, handler.type))
            if component is None:
                log.error("couldn't find middleware component defined in configuration with name %s", handler.name)
            else:
                found.append(component.handle)
        return found

    def blocking(self, name: str) -> bool:
        """Nobody calls middleware by its name."""
        return False

    def reset(self) -> None:
        """There is nothing to forget."""

    def close(self) -> None:
        """There is nothing to let go of."""
