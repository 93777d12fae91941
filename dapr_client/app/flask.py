"""Dapr's routes on a Flask application.

app = Flask(__name__)
dapr_app = DaprApp(app)

@dapr_app.subscribe("pubsub", "orders")
def take(): ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

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
