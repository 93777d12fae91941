"""`middleware.http.uppercase`: request bodies in capital letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fakesidecar.components.middleware import Middleware
from fakesidecar.components.registry import component

if TYPE_CHECKING:
    from fakesidecar.web import Answer, Request


@component("middleware.http.uppercase")
class Uppercase(Middleware):
    """Shouts."""

    def handle(self, request: Request, proceed: Callable[[Request], Answer]) -> Answer:
        body = request.body.decode(errors="surrogateescape")
        request.body = "".join(map(upper, body)).encode(errors="surrogateescape")
        return proceed(request)


def upper(letter: str) -> str:
    """The capital of a letter, when it is one letter (Go's unicode.ToUpper: ß stays)."""
    capital = letter.upper()
    return capital if len(capital) == 1 else letter
