"""The application's side: what a sidecar calls.

    from dapr_client.app import App

    app = App()

    @app.subscribe("pubsub", "orders")
    def take(event):
        print(event.data())

    app.run(3010)

`App` and `dapr_client.app.aio.App` serve over gRPC. `dapr_client.app.fastapi`, `.starlette` and `.flask` have a
`DaprApp` that adds the routes of Dapr to an application of these frameworks. Decorators leave functions as they are.
"""

from __future__ import annotations

from dapr_client.app._callbacks import BulkSubscribe, Rule
from dapr_client.app._grpc import App

__all__ = ["App", "BulkSubscribe", "Rule"]
