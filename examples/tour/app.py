"""A walk through every building block, told as it happens. `make demo` runs it next to a sidecar."""

from __future__ import annotations

import json
import os
import urllib.request
from datetime import timedelta
from typing import Any

from dapr_client.clients.grpc._request import TransactionalStateOperation, TransactionOperationType
from dapr_client.clients.grpc._state import Concurrency, StateOptions

from dapr_client import DaprClient, DaprGrpcError, DecryptOptions, EncryptOptions, Job
from dapr_client.conversation import ConversationInput
from dapr_client.workflow import DaprWorkflowClient, DaprWorkflowContext, WorkflowActivityContext, WorkflowRuntime


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


def events(dapr: DaprClient) -> None:
    chapter("Publish and subscribe")
    with dapr.subscribe("bus", "orders") as orders:
        dapr.publish_event("bus", "orders", '{"order": 7}', data_content_type="application/json")
        event = orders.next_message(timeout=10)
        assert event is not None
        tell("published, and delivered as a cloud event", f"{event.data()} from {event.source()}")
        orders.respond_success(event)


def invocation(dapr: DaprClient) -> None:
    chapter("Service invocation")
    here = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}"
    answer = dapr.invoke_method(here, "v1.0/metadata")
    tell("a URL, through the sidecar: itself", f"{answer.status_code}, {answer.json()['id']}")


def bindings(dapr: DaprClient) -> None:
    chapter("Bindings")
    written = dapr.invoke_binding("files", "create", "seven teas", {"fileName": "order-7.txt"})
    tell("a file is written", written.json()["fileName"].rpartition("/")[2])
    tell("and read", dapr.invoke_binding("files", "get", binding_metadata={"fileName": "order-7.txt"}).text())
    dapr.invoke_binding("files", "delete", binding_metadata={"fileName": "order-7.txt"})


def crypto(dapr: DaprClient) -> None:
    chapter("Cryptography")
    sealed = dapr.encrypt("attack at dawn", EncryptOptions("keys", "tour", "A256KW")).read()
    tell("a document of so many bytes", len(sealed))
    tell("opened again", dapr.decrypt(sealed, DecryptOptions("keys")).read().decode())


def jobs(dapr: DaprClient) -> None:
    chapter("Jobs")
    dapr.schedule_job(Job("report", schedule="0 30 6 * * MON-FRI"))
    tell("on weekdays at half past six", [job.name for job in dapr.list_jobs()])
    dapr.delete_job("report")


def conversation(dapr: DaprClient) -> None:
    chapter("Conversation")
    said = dapr.converse_alpha1("echo", [ConversationInput("my mail is ada@example.com", scrub_pii=True)])
    tell("an echo, private words left out", said.outputs[0].result)


def workflows(dapr: DaprClient) -> None:
    chapter("Workflows")
    runtime = WorkflowRuntime()

    @runtime.activity
    def charge(ctx: WorkflowActivityContext, order: str) -> str:
        return f"charged for {order}"

    @runtime.workflow
    def patient(ctx: DaprWorkflowContext, order: str) -> Any:
        yield ctx.create_timer(timedelta(hours=24))
        return (yield ctx.call_activity(charge, input=order))

    runtime.start()
    client = DaprWorkflowClient()
    id = client.schedule_new_workflow(patient, input="tea")
    client.wait_for_workflow_start(id)
    advance(24 * 3600)
    done = client.wait_for_workflow_completion(id, timeout_in_seconds=10)
    assert done is not None
    tell("a day later", f"{done.runtime_status.name}, {done.serialized_output}")
    client.close()
    runtime.shutdown()


WALKS = (
    sidecar,
    state,
    secrets,
    configuration,
    locks,
    events,
    invocation,
    bindings,
    crypto,
    jobs,
    conversation,
    workflows,
)


def main() -> None:
    with DaprClient() as dapr:
        for walk in WALKS:
            walk(dapr)
    print("\nThat was it. Nothing was installed, nothing is left running.", flush=True)


if __name__ == "__main__":
    main()
