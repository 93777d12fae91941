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

from dapr_client.actor._actor import Actor
from dapr_client.actor._context import REENTRANCY_HEADER
from dapr_client.actor._runtime import Actors
from dapr_client.app._actors import JSON, ROUTES, ActorRoutes, Asked, Handler
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


class DaprActor(ActorRoutes):
    """Hosts actors in a Starlette application.

    dapr_actor = DaprActor(app)
    await dapr_actor.register_actor(CounterActor)     # when the application starts
    """

    def __init__(self, app: Any, *, actors: Actors | None = None) -> None:
        super().__init__(actors)
        for verb, path, handler in ROUTES:
            app.router.add_route(path, self._endpoint(handler), methods=[verb])

    async def register_actor(self, actor: type[Actor], **kwargs: Any) -> None:
        """Have actors of a class live here; takes what `ActorRuntime.register_actor` takes."""
        self._actors.register(actor, **kwargs)

    def _endpoint(self, handler: Handler) -> Callable[..., Any]:
        from starlette.requests import Request
        from starlette.responses import Response

        async def endpoint(request: Any) -> Response:
            asked = Asked(request.path_params, request.headers.get(REENTRANCY_HEADER), await request.body())
            status, body = await self._answer(handler, asked)
            return Response(body, status, media_type=JSON)

        # FastAPI reads what the argument is.
        endpoint.__annotations__ = {"request": Request, "return": Response}
        return endpoint
