"""Dapr's routes on a Flask application.

app = Flask(__name__)
dapr_app = DaprApp(app)

@dapr_app.subscribe("pubsub", "orders")
def take(): ...
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from dapr_client.actor._actor import Actor
from dapr_client.actor._context import REENTRANCY_HEADER
from dapr_client.actor._runtime import Actors
from dapr_client.app._actors import JSON, ROUTES, ActorRoutes, Asked, Handler
from dapr_client.app._http import HttpCallbacks, told


class DaprApp(HttpCallbacks):
    """Adds Dapr's routes to `app`; functions are Flask's view functions, and may return nothing."""

    def __init__(self, app: Any) -> None:
        self._app = app
        super().__init__()

    def _route(self, path: str, verbs: Sequence[str], function: Callable[..., Any]) -> None:
        self._app.add_url_rule(
            path,
            endpoint=f"dapr {' '.join(verbs)} {path}",
            view_func=self._telling(function),
            methods=list(verbs),
            provide_automatic_options=False,
        )

    def _subscriptions_endpoint(self) -> Callable[..., Any]:
        return self.subscriptions

    def _accepting_endpoint(self) -> Callable[..., Any]:
        return lambda: ""

    def _telling(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def tell(*args: Any, **kwargs: Any) -> Any:
            returned = told(self._app.ensure_sync(function)(*args, **kwargs))
            return "" if returned is None else returned

        return tell


class DaprActor(ActorRoutes):
    """Hosts actors in a Flask application: they live on an event loop of their own, in a thread.

    dapr_actor = DaprActor(app)
    dapr_actor.register_actor(CounterActor)
    """

    def __init__(self, app: Any = None, *, actors: Actors | None = None) -> None:
        super().__init__(actors)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beginning = threading.Lock()
        if app is not None:
            self.init_routes(app)

    def init_routes(self, app: Any) -> None:
        """Add the routes to an application."""
        for verb, path, handler in ROUTES:
            app.add_url_rule(
                path.replace("{", "<").replace("}", ">"),
                endpoint=f"dapr {verb} {path}",
                view_func=self._view(handler),
                methods=[verb],
                provide_automatic_options=False,
            )

    def register_actor(self, actor: type[Actor], **kwargs: Any) -> None:
        """Have actors of a class live here; takes what `ActorRuntime.register_actor` takes."""
        self._actors.register(actor, **kwargs)

    def _view(self, handler: Handler) -> Callable[..., Any]:
        from flask import Response, request

        def view(**path: str) -> Response:
            asked = Asked(path, request.headers.get(REENTRANCY_HEADER), request.get_data())
            # The task runs in a copy of this context: Flask's globals are there.
            work = asyncio.run_coroutine_threadsafe(self._answer(handler, asked), self._running_loop())
            status, body = work.result()
            return Response(body, status, content_type=JSON)

        return view

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that the actors live on; it begins with the first call, so that it is this process's."""
        with self._beginning:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="dapr actors", daemon=True).start()
            return self._loop
