"""A walk through every building block, told as it happens. `make demo` runs it next to a sidecar."""

from __future__ import annotations

import json
import os
import urllib.request

from dapr_client.clients.grpc._request import TransactionalStateOperation, TransactionOperationType
from dapr_client.clients.grpc._state import Concurrency, StateOptions

from dapr_client import DaprClient, DaprGrpcError


def tell(what: str, happened: object = "") -> None:
    print(f"  {what:<58} {happened}", flush=True)


def chapter(title: str) -> None:
    print(f"\n{title}", flush=True)


def advance(seconds: float) -> None:
    """Move the sidecar's clock; a daprd has no such thing."""
    url = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}/fakesidecar/v1/clock/advance"
    body = json.dumps({"seconds": seconds}).encode()
    urllib.request.urlopen(urllib.request.Request(url, body, {"content-type": "application/json"})).close()


def sidecar(dapr: DaprClient) -> None:
    chapter("The sidecar")
    found = dapr.get_metadata()
    tell("it serves the application", found.application_id)
    for component in found.registered_components:
        tell(f"component {component.name}", f"{component.type} {', '.join(component.capabilities)}")


def state(dapr: DaprClient) -> None:
    chapter("State")
    dapr.save_state("statestore", "order-1", json.dumps({"item": "tea", "count": 2}))
    order = dapr.get_state("statestore", "order-1")
    tell("saved, and read back", f"{order.json()}  etag {order.etag}")
    first_write = StateOptions(concurrency=Concurrency.first_write)
    dapr.save_state("statestore", "order-1", '{"item": "coffee"}', etag=order.etag, options=first_write)
    tell("saved again with that etag", dapr.get_state("statestore", "order-1").json())
    try:
        dapr.save_state("statestore", "order-1", '{"item": "juice"}', etag=order.etag, options=first_write)
    except DaprGrpcError as error:
        tell("the old etag is refused", f"{error.code().name}, {error.error_info.reason}")
    dapr.execute_state_transaction(
        "carts",
        [
            TransactionalStateOperation("cart-1", "full", operation_type=TransactionOperationType.upsert),
            TransactionalStateOperation("cart-2", "empty", operation_type=TransactionOperationType.upsert),
        ],
    )
    items = dapr.get_bulk_state("carts", ["cart-1", "cart-2", "cart-3"]).items
    tell("a transaction, read in bulk", {item.key: item.text() for item in items})
    dapr.save_state("carts", "cart-1", "abandoned", state_metadata={"ttlInSeconds": "3600"})
    advance(3601)
    tell("an hour later a value with a time to live is gone", repr(dapr.get_state("carts", "cart-1").text()))


def secrets(dapr: DaprClient) -> None:
    chapter("Secrets")
    tell("one secret", dapr.get_secret("vault", "payments:region").secret)
    tell("all that there are", sorted(dapr.get_bulk_secret("vault").secrets))
    try:
        dapr.get_secret("vault", "nothing")
    except DaprGrpcError as error:
        tell("a missing one", error.details())


def configuration(dapr: DaprClient) -> None:
    chapter("Configuration")
    for key, item in sorted(dapr.get_configuration("settings", ["colour", "size"]).items.items()):
        tell(key, f"{item.value}, version {item.version}")


def locks(dapr: DaprClient) -> None:
    chapter("Distributed lock")
    with dapr.try_lock("locks", "warehouse", "anna", 60) as held:
        tell("anna has it", held.success)
        tell("ben does not get it", dapr.try_lock("locks", "warehouse", "ben", 60).success)
    tell("anna let go, ben gets it", dapr.try_lock("locks", "warehouse", "ben", 60).success)
    advance(61)
    tell("a minute later his lease has ended", dapr.unlock("locks", "warehouse", "ben").status.name)


def main() -> None:
    with DaprClient() as dapr:
        for walk in (sidecar, state, secrets, configuration, locks):
            walk(dapr)
    print("\nThat was it. Nothing was installed, nothing is left running.", flush=True)


if __name__ == "__main__":
    main()
