"""Takes an order: an application as people write it for the official `dapr` package."""

from dapr.clients import DaprClient
from dapr.clients.exceptions import DaprGrpcError
from dapr.clients.grpc._state import Concurrency, StateOptions


def take(order_id: str, item: str) -> str:
    """Store a new order, under a lock, at the price that the configuration says; tells what became of it."""
    with DaprClient() as dapr:
        key = dapr.get_secret("secretstore", "payments").secret["payments"]
        price = dapr.get_configuration("configstore", [item]).items[item].value
        with dapr.try_lock("lockstore", order_id, "orders", 10) as lock:
            if not lock.success:
                return "busy"
            try:
                dapr.save_state(
                    "statestore",
                    order_id,
                    f"{item} for {price}",
                    options=StateOptions(concurrency=Concurrency.first_write),
                )
            except DaprGrpcError as error:
                return f"refused: {error.code().name}"
    return f"taken with {key}"


def read(order_id: str) -> str:
    """What is known of an order."""
    with DaprClient() as dapr:
        return dapr.get_state("statestore", order_id).data.decode()
