"""Applications over gRPC, of the official package and of `dapr_client.app`, handed events by the sidecar."""

from __future__ import annotations

import importlib
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dapr_testing import sidecar
from dapr_testing._daprd import free_ports
from fakesidecar import Component

SNIPPET = Path(__file__).parents[1] / "seed" / "snippets" / "app_subscribe.txt"
BUS = Component("pubsub", "pubsub.in-memory")
REDIS = Component("pubsub", "pubsub.redis", metadata={"redisHost": "apps:1"})
PACKAGES = ["dapr_client", "dapr"]
IMPORTANT = {"cloudevent.type": "important"}

pytestmark = pytest.mark.filterwarnings("ignore")


@contextmanager
def beside(port: int, protocol: str, component: Component = BUS) -> Iterator[Any]:
    """A sidecar of the application on that port, which has been asked what it subscribes to."""
    with sidecar(components=[component], app_port=port, app_protocol=protocol) as dapr:
        known = dapr.fake.core.pubsub
        for _ in range(1000):
            if known.in_force:
                break
            threading.Event().wait(0.01)
        yield dapr


@contextmanager
def grpc_app(app: Any) -> Iterator[int]:
    """Either package's App, on a thread."""
    [port] = free_ports(1)
    thread = threading.Thread(target=app.run, args=(port,), daemon=True)
    thread.start()
    try:
        yield port
    finally:
        app.stop()
        thread.join(10)


@pytest.mark.parametrize("dapr", PACKAGES)
def test_the_published_app_snippet_is_routed_its_events(dapr: str) -> None:
    code = f"from {dapr}.ext.grpc import Rule\n" + SNIPPET.read_text().replace("from dapr.", f"from {dapr}.")
    printed: list[str] = []
    names: dict[str, Any] = {"print": lambda *words, **_: printed.append(" ".join(map(str, words)))}
    exec(textwrap.dedent(code), names)
    with grpc_app(names["app"]) as port, beside(port, "grpc") as running, running.client() as client:
        # The official App names no default route where a topic has rules, and Dapr then drops what no rule is for.
        ours = dapr == "dapr_client"
        for id, metadata, status in ((1, {}, "SUCCESS" if ours else "DROP"), (2, IMPORTANT, "SUCCESS")):
            times = id if ours else 1
            data = f'{{"id": {id}, "message": "m"}}'
            client.publish_event("pubsub", "TOPIC_A", data, metadata, data_content_type="application/json")
            running.pubsub.wait_delivered("pubsub", "TOPIC_A", times=times, status=status)
        assert running.pubsub.deliveries[0].why.startswith("" if ours else "no matching route")
    assert [line.partition(",")[0] for line in printed] == [*(["接收到: id=1"] if ours else []), "接收到: id=2"]


@pytest.mark.parametrize("component", [BUS, REDIS], ids=lambda component: component.type)
@pytest.mark.parametrize("dapr", PACKAGES)
def test_answers_of_grpc_apps_decide(dapr: str, component: Component) -> None:
    package = importlib.import_module(f"{dapr}.ext.grpc")
    answer = importlib.import_module(f"{dapr}.clients.grpc._response").TopicEventResponse
    app = package.App()

    def take(event: Any) -> Any:
        text = event.Data().decode() if isinstance(event.Data(), bytes) else event.Data()
        return answer(text.strip('"'))

    app.subscribe("pubsub", "orders", dead_letter_topic="dead")(take)

    with grpc_app(app) as port, beside(port, "grpc", component) as running:
        answers_decide(running)


def answers_decide(running: Any) -> None:
    """What the application answers is what the event's data say."""
    with running.client() as client:
        for status in ("success", "drop", "retry"):
            client.publish_event("pubsub", "orders", status)
            attempt = running.pubsub.wait_delivered("pubsub", "orders", status=status.upper())
            assert attempt.subscriber == "app"
        for status in ("drop", "retry"):
            running.pubsub.wait_published("pubsub", "dead", data=status)
        assert len(running.pubsub.published("pubsub", "dead")) == 2
