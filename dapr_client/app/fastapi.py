"""Dapr's routes on a FastAPI application.

app = FastAPI()
dapr_app = DaprApp(app)

@dapr_app.subscribe("pubsub", "orders")
def take(event: dict): ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from dapr_client.actor._runtime import Actors
from dapr_client.app import starlette
from dapr_client.app._actors import ROUTES, ActorRoutes
from dapr_client.app._http import HttpCallbacks, told


class DaprApp(HttpCallbacks):
    """Adds Dapr's routes to `app_instance`; functions take what FastAPI's endpoints take."""

    def __init__(self, app_instance: Any, router_tags: list[str] | None = None) -> None:
        self._app = app_instance
        self._tags = router_tags if router_tags is not None else ["Dapr"]
        super().__init__()

    def _route(self, path: str, verbs: Sequence[str], function: Callable[..., Any]) -> None:
        self._app.add_api_route(path, _telling(function), methods=list(verbs), tags=self._tags, response_model=None)

    def _subscriptions_endpoint(self) -> Callable[..., Any]:
        return self.subscriptions

    def _accepting_endpoint(self) -> Callable[..., Any]:
        return _accept


def _telling(function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def tell_async(*args: Any, **kwargs: Any) -> Any:
            return told(await function(*args, **kwargs))

        return tell_async

    @wraps(function)
    def tell(*args: Any, **kwargs: Any) -> Any:
        return told(function(*args, **kwargs))

    return tell


def _accept() -> None:
    """Yes, it is wanted."""


class DaprActor(starlette.DaprActor):
    """Hosts actors in a FastAPI application.

    dapr_actor = DaprActor(app)
    await dapr_actor.register_actor(CounterActor)     # when the application starts
    """

    def __init__(self, app: Any, router_tags: list[str] | None = None, *, actors: Actors | None = None) -> None:
        ActorRoutes.__init__(self, actors)
        tags = router_tags if router_tags is not None else ["Actor"]
        for verb, path, handler in ROUTES:
            app.add_api_route(path, self._endpoint(handler), methods=[verb], tags=tags, response_model=None)
