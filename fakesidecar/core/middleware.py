"""HTTP middleware: components that requests pass on their way, in the order that a Configuration names them.

`httpPipeline` is on the way in, to the sidecar; `appHttpPipeline` on the way out, to the application.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fakesidecar.app import AppRequest, AppStream, Transport, once, whole

if TYPE_CHECKING:
    from fakesidecar.components.middleware import Middleware
    from fakesidecar.resources.component import Component
    from fakesidecar.resources.configuration import Handler
    from fakesidecar.web import Answer, Filter, Request, Response

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
        """Forget who sent how much."""
        for component in self._loaded.values():
            component.reset()

    def close(self) -> None:
        """Let go of everything outside of this process."""
        for component in self._loaded.values():
            component.close()


class AppPipeline(Transport):
    """HTTP to an application, through middleware; bodies of requests are all there when it sees them."""

    def __init__(self, transport: Transport, filters: Callable[[], Sequence[Filter]]) -> None:
        self._transport = transport
        self._find_filters = filters

    @cached_property
    def _filters(self) -> Sequence[Filter]:
        return self._find_filters()

    async def stream(self, request: AppRequest) -> AppStream:
        from fakesidecar.web import Request, Response

        headers = [*request.headers]
        asked = Request(request.method, request.path, request.query, headers, await whole(request.body))
        answer = through(self._filters, asked, self._send)
        if not isinstance(answer, Response):
            answer = await answer
        return answer.stream or AppStream(answer.status, answer.headers, once(answer.body))

    async def _send(self, request: Request) -> Response:
        from fakesidecar.web import Response

        asked = AppRequest(request.method, request.path, request.body, request.headers, request.query)
        answer = await self._transport.stream(asked)
        return Response(answer.status, [*answer.headers], stream=answer)

    async def close(self) -> None:
        await self._transport.close()


def through(filters: Sequence[Filter], request: Request, end: Callable[[Request], Answer]) -> Answer:
    """Pass a request through filters, the first one outermost."""
    if not filters:
        return end(request)
    return filters[0](request, lambda passed: through(filters[1:], passed, end))
