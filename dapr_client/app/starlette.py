"""Dapr's routes on a Starlette application.

app = Starlette()
dapr_app = DaprApp(app)

@dapr_app.subscribe("pubsub", "orders")
async def take(request): ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from dapr_client.app._http import HttpCallbacks, told


class DaprApp(HttpCallbacks):
    """Adds Dapr's routes to `app_instance`.

    Functions take a request; besides a response they may return what JSON can say, or nothing.
    """

    def __init__(self, app_instance: Any) -> None:
        self._app = app_instance
        super().__init__()

    def _route(self, path: str, verbs: Sequence[str], function: Callable[..., Any]) -> None:
        self._app.router.add_route(path, _endpoint(function), methods=list(verbs))

    def _subscriptions_endpoint(self) -> Callable[..., Any]:
        return lambda request: self.subscriptions()

    def _accepting_endpoint(self) -> Callable[..., Any]:
        return lambda request: None


def _endpoint(function: Callable[..., Any]) -> Callable[..., Any]:
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse, Response

    @wraps(function)
    async def endpoint(request: Any) -> Any:
        if inspect.iscoroutinefunction(function):
            returned = await function(request)
        else:
            returned = await run_in_threadpool(function, request)
        if isinstance(returned, Response):
            return returned
        return Response() if returned is None else JSONResponse(told(returned))

    return endpoint
