"""Snippets as users find them published: kept to the letter, run with the official package and with `dapr_client`.

What a snippet leaves out (an import, a name, a body) stands in `AROUND`. Where the official package cannot run its own
snippet, `BROKEN_OFFICIALLY` says what it raises instead; ours runs them all.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import gc
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from fakesidecar import Component

FOLDER = Path(__file__).parent / "snippets"
KEYS = Path(__file__).parent / "keys"
"""A key that was made for these tests and protects nothing."""
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))

COMPONENTS = [
    Component("statestore", "state.in-memory", metadata={"actorStateStore": "true"}),
    Component("state_store", "state.in-memory-query"),
    Component("secretstore", "secretstores.in-memory", metadata={"secret-1": "value-1"}),
    Component("localsecretstore", "secretstores.in-memory", metadata={"secretKey": "value-1"}),
    Component("configurationstore", "configuration.in-memory"),
    Component("lockstore", "lock.in-memory"),
    Component("pubsub", "pubsub.in-memory", metadata={"keepUndelivered": "true"}),
    Component("kafkaBinding", "bindings.kafka", metadata={"brokers": "kafka:9092", "publishTopic": "greetings"}),
    Component("crypto-localstorage", "crypto.dapr.localstorage", metadata={"path": str(KEYS)}),
]

ACTOR = """
from {dapr}.actor import ActorId, ActorInterface, ActorProxy, ActorProxyFactory
from {dapr}.clients.retry import RetryPolicy
class DemoActorInterface(ActorInterface): ...
"""

WORKFLOW = """
from {dapr}.clients.exceptions import DaprInternalError
from {dapr}.conf import settings
inputData, workflowOptions, nonExistentIDError = "hello", {{}}, "no such instance exists"
def hello_world_wf(ctx, input):
    yield ctx.call_activity(hello_act, input=input)
    yield ctx.wait_for_external_event(eventName)
def hello_act(ctx, input): ...
"""

AROUND = {
    "actor": (ACTOR, "print(proxy.actor_type, proxy.actor_id)\n"),
    "retry": ("from grpc import StatusCode\nfrom {dapr}.clients import DaprClient\n", ""),
    "errors": (
        (
            "from {dapr}.clients import DaprClient\nfrom {dapr}.clients.exceptions import DaprGrpcError\n"
            "storeName, key, value = 'statestore', 'a||b', 'v'\nd = DaprClient()\n"
        ),
        "d.close()\n",
    ),
    "construct": ("", "    pass\n"),
    "construct_address": ("", "    pass\n"),
    "construct_environment": ("", "    pass\n"),
    "lock": ("", "main()\n"),
    "encrypt": ("from {dapr}.clients.grpc._crypto import DecryptOptions, EncryptOptions\n", "main()\n"),
    "workflow": (WORKFLOW, "main()\n"),
    "app_subscribe": ("from {dapr}.ext.grpc import Rule\n", ""),
}

WAITING = 5
"""How many events the snippets that subscribe wait for, until they end."""

BROKEN_OFFICIALLY: dict[str, type[Exception]] = {
    "errors": AttributeError,
    "query": ImportError,
    "configuration_subscribe": TypeError,
}


LEAKS_OFFICIALLY = {"workflow"}
"""Its client has no start_workflow any more, and the runtime that the snippet then does not end leaves threads."""


class Seen(BaseException):
    """A snippet that never ends has shown what it had to show."""


def script(name: str, dapr: str) -> str:
    before, after = AROUND.get(name, ("", ""))
    text = textwrap.dedent((FOLDER / f"{name}.txt").read_text()).rstrip() + "\n"
    if dapr != "dapr":
        text = text.replace("from dapr", f"from {dapr}").replace("import dapr", f"import {dapr}")
    return before.format(dapr=dapr) + text + after


def run(name: str, dapr: str, sidecar: Any) -> list[str]:
    """Run a snippet; what it printed. It sleeps on the sidecar's clock."""
    printed: list[str] = []

    def tell(*words: object, **_: Any) -> None:
        printed.append(" ".join(map(str, words)))
        if name == "configuration_subscribe":
            raise Seen

    builtin = {**vars(builtins), "print": tell, "sleep": sidecar.clock.advance}
    code = compile(script(name, dapr), name, "exec")
    with contextlib.suppress(Seen):
        exec(code, {"__name__": "__main__", "__builtins__": builtin})
    # The official client leaves an event loop behind with each invocation, the last one as this thread's own.
    asyncio.set_event_loop(None)
    gc.collect()
    return printed


@pytest.fixture
def published(dapr_sidecar: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the snippets talk about: an order in the configuration, a sidecar at the address that they name."""
    monkeypatch.setenv("DAPR_HEALTH_TIMEOUT", "5")
    dapr_sidecar.configuration.set("configurationstore", "orderId", "100", version="1")
    for number in range(WAITING):
        dapr_sidecar.fake.core.pubsub.publish("pubsub", "TOPIC_A", b"event %d" % number)
    monkeypatch.setattr("time.sleep", lambda seconds: threading.Event().wait(min(seconds, 0.01)))
    dapr_sidecar.app("service-to-invoke").on("method-to-invoke", returns={"ok": True})
    return dapr_sidecar


pytestmark = [
    pytest.mark.dapr(components=COMPONENTS),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_snippet_runs_with_dapr_client(name: str, published: Any) -> None:
    run(name, "dapr_client", published)


@pytest.mark.parametrize("name", sorted({*NAMES} - LEAKS_OFFICIALLY))
def test_a_snippet_runs_with_the_official_package_as_well_as_it_can(name: str, published: Any) -> None:
    if name in BROKEN_OFFICIALLY:
        with pytest.raises(BROKEN_OFFICIALLY[name]):
            run(name, "dapr", published)
    else:
        run(name, "dapr", published)


def test_the_actor_snippet_makes_a_proxy(published: Any) -> None:
    assert run("actor", "dapr_client", published) == ["DemoActor 1"]


def test_the_errors_snippet_tells_what_its_document_says(published: Any) -> None:
    assert "a||b" in "\n".join(run("errors", "dapr_client", published))


def test_the_binding_snippet_says_hello(published: Any) -> None:
    for dapr in ("dapr_client", "dapr"):
        run("binding", dapr, published)
    said = [(one.operation, one.data) for one in published.bindings.invoked("kafkaBinding")]
    assert said == [("create", b'{"message":"Hello World"}')] * 2


def test_the_lock_snippet_ends_without_a_lock(published: Any) -> None:
    assert run("lock", "dapr_client", published)[-1].endswith("[UnlockResponseStatus.lock_does_not_exist]")


def test_the_encryption_snippet_tells_the_secret(published: Any) -> None:
    for dapr in ("dapr_client", "dapr"):
        assert run("encrypt", dapr, published) == ['The secret is "passw0rd"']


@pytest.mark.parametrize("dapr", ["dapr_client", "dapr"])
def test_the_invocation_snippet_reaches_the_service(dapr: str, published: Any) -> None:
    run("invoke", dapr, published)
    first, second = published.app("service-to-invoke").received
    assert (first.verb, first.json()) == ("GET", {"message": "Hello World"})
    assert (second.verb, second.json()["id"]) == ("POST", "100")


def test_the_subscription_snippet_tells_the_order(published: Any) -> None:
    assert run("configuration_subscribe", "dapr_client", published)[-1].endswith("=orderId 值=100 版本=1")


def test_the_workflow_snippet_sees_each_state(published: Any) -> None:
    printed = [line.rpartition(" ")[2] for line in run("workflow", "dapr_client", published)]
    # Pausing and resuming do not wait until the instance has heard of it.
    assert {*printed[1:3]} <= {"Running", "Suspended"}
    del printed[1:3]
    assert printed == ["exampleInstanceID", "实例成功清除", "exampleInstanceID", "Terminated", "实例成功清除"]


@pytest.mark.parametrize("dapr", ["dapr_client", "dapr"])
def test_the_publish_snippet_publishes_its_event(dapr: str, published: Any) -> None:
    run("publish", dapr, published)
    published.pubsub.assert_published(
        "pubsub", "TOPIC_A", data='{"message":"Hello World"}', datacontenttype="text/plain"
    )


@pytest.mark.parametrize("dapr", ["dapr_client", "dapr"])
@pytest.mark.parametrize("name", ["subscribe", "subscribe_with_handler"])
def test_the_snippets_that_subscribe_see_every_event_and_take_it(name: str, dapr: str, published: Any) -> None:
    printed = run(name, dapr, published)
    assert printed == [*(f"处理消息: event {number} 来自 TOPIC_A..." for number in range(WAITING)), "关闭订阅..."]
    # A client that closes at once may take its last answer with it: then the event waits for the next subscriber.
    for _ in range(500):
        taken = [one.event["data"] for one in published.pubsub.delivered(status="SUCCESS")]
        left = [one.event["data"] for one in published.pubsub.undelivered("pubsub")]
        if len(taken) + len(left) == WAITING:
            break
        threading.Event().wait(0.01)
    assert taken + left == [f"event {number}" for number in range(WAITING)]
    assert len(left) <= 1
    assert {one.status for one in published.pubsub.deliveries} == {"SUCCESS"}
