"""HTTP middleware: a component sees every request, and may answer it or pass on another."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from fakesidecar.components.base import ComponentBase

if TYPE_CHECKING:
    from fakesidecar.web import Answer, Request


class Middleware(ComponentBase):
    """A middleware component.

    What a request asks for is decided before it passes: middleware that writes another path changes where a
    request for an app goes, but not which API it is for (chi routes by the path that came).
    """

    @abstractmethod
    def handle(self, request: Request, proceed: Callable[[Request], Answer]) -> Answer:
        """Answer a request, as a rule with what `proceed` answers."""
