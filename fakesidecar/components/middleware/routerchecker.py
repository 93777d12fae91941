"""`middleware.http.routerchecker`: only paths that match a rule pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from fakesidecar import golang
from fakesidecar.components.middleware import Middleware
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.web import Answer, Request, Response

if TYPE_CHECKING:
    from fakesidecar.resources.component import Component


@component("middleware.http.routerchecker")
class RouterChecker(Middleware):
    """Refuses paths that its `rule`, a regular expression, does not find anything in."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        try:
            self._rule = re.compile(spec.setting("rule"))
        except re.error as error:
            raise ComponentError(f"failed to compile rule regexp: {error}") from error

    def handle(self, request: Request, proceed: Callable[[Request], Answer]) -> Answer:
        if self._rule.search(golang.path_unescape(request.path)) is None:
            return Response(400, [("content-type", "text/plain; charset=utf-8")], b"invalid router")
        return proceed(request)
