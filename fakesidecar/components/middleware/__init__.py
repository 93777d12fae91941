"""HTTP middleware: a component sees every request, and may answer it or pass on another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from fakesidecar.components.registry import ComponentType, Surroundings
    from fakesidecar.httpapi.registry import Answer, Request
    from fakesidecar.resources.component import Component


class Middleware(ABC):
    """A middleware component.

    What a request asks for is decided before it passes: middleware that writes another path changes where a
    request for an app goes, but not which API it is for (chi routes by the path that came).
    """

    component_type: ClassVar[ComponentType]

    def __init__(self, spec: Component, around: Surroundings) -> None:
        self.spec = spec
        self.around = around

    @abstractmethod
    def handle(self, request: Request, proceed: Callable[[Request], Answer]) -> Answer:
        """Answer a request, as a rule with what `proceed` answers."""

    def close(self) -> None:
        """There is nothing to let go of."""
