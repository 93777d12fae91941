"""Workflows of the official SDK have, event for event, the histories that they have at a real daprd.

`official_histories.json` has those of daprd 1.18.3, without times and with ids in the order in which they appear. The
same workflows, written once, run with the official package and with ours.
"""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dapr_testing import DaprSidecar, sidecar
from tests.parity.values import differences, message_as_json
from tests.parity.workers import tidied

STORED = Path(__file__).with_name("official_histories.json").read_text("utf-8")
RECORDED: dict[str, Any] = json.loads(STORED.replace("<app>", "app"))
IDS = {"parent.first-child": "parent:0001", "parent.second-child": "parent-second"}

STARTS: dict[str, tuple[Any, ...]] = {
    "chain": ("chain", "hi"),
    "nothing": ("nothing",),
    "falsy": ("context", 0),
    "text": ("context", "ünï \u0000 <&> 😀"),
    "object": ("context", {"list": [1, 2.5, None, True], "deep": {"a": {"b": []}}}),
    "parent": ("parent", "abc"),
    "careful": ("careful_parent",),
    "careless": ("careless_parent",),
    "sleeper": ("sleeper", 0.2),
    "approval": ("approval",),
    "approval-none": ("approval",),
    "deadline-missed": ("deadline", 0.3),
    "deadline-met": ("deadline", 30),
    "retry-0": ("retrying", 0),
    "retry-2": ("retrying", 2),
    "retry-3": ("retrying", 3),
    "order-cheap": ("order", {"item": "pen", "total": 3}),
    "order-dear": ("order", {"item": "car", "total": 3000}),
    "raises": ("raises",),
    "uncaught": ("uncaught", 500),
    "unknown-activity": ("unknown_activity",),
    "unknown-workflow": ("nowhere",),
    "counter": ("counter", 1),
    "keeper": ("keeper", []),
    "versioned": ("greet", "bob"),
    "patched": ("patched", "ann"),
    "paused": ("approval",),
    "stopped": ("approval",),
}
"""The workflow of each instance, and its input."""

EVENTS: dict[str, list[tuple[str, Any]]] = {
    "approval": [("approval", {"by": "me"})],
    "approval-none": [("Approval", None)],
    "deadline-met": [("APPROVAL", "in time")],
    "keeper": [("item", 1), ("item", 2), ("item", 3)],
}


def activities() -> dict[str, Any]:
    tries: Counter[str] = Counter()

    def about(ctx: Any, _: Any) -> Any:
        return {"workflow": ctx.workflow_id, "task": ctx.task_id}

    def flaky(ctx: Any, failures: int) -> str:
        tries[ctx.workflow_id] += 1
        if tries[ctx.workflow_id] <= failures:
            raise ConnectionError(f"attempt {tries[ctx.workflow_id]}")
        return f"attempt {tries[ctx.workflow_id]}"

    def pay(ctx: Any, order: Any) -> str:
        if order["total"] > 100:
            raise ValueError(f"too expensive: {order['total']}")
        return "paid"

    return {
        "upper": lambda ctx, text: text.upper(),
        "square": lambda ctx, number: number**2,
        "undo": lambda ctx, what: f"undone: {what}",
        "about": about,
        "flaky": flaky,
        "pay": pay,
    }


def workflows(sdk: ModuleType) -> dict[str, Any]:
    def chain(ctx: Any, text: str) -> Any:
        first = yield ctx.call_activity("upper", input=text)
        return {"first": first, "second": (yield ctx.call_activity("upper", input=f"{first}!"))}

    def nothing(ctx: Any) -> None:
        return None

    def context(ctx: Any, value: Any) -> Any:
        return {"id": ctx.instance_id, "activity": (yield ctx.call_activity("about")), "input": value}

    def child(ctx: Any, text: str) -> Any:
        ctx.set_custom_status("working")
        return (yield ctx.call_activity("upper", input=text))

    def parent(ctx: Any, text: str) -> Any:
        first = yield ctx.call_child_workflow("child", input=text)
        second = ctx.call_child_workflow("child", input=first, instance_id=f"{ctx.instance_id}-second")
        return [first, (yield second)]

    def failing_child(ctx: Any, _: Any) -> None:
        raise RuntimeError("the child says no")

    def careful_parent(ctx: Any, _: Any) -> Any:
        try:
            yield ctx.call_child_workflow("failing_child")
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def careless_parent(ctx: Any, _: Any) -> Any:
        yield ctx.call_child_workflow("failing_child")

    def sleeper(ctx: Any, seconds: float) -> Any:
        yield ctx.create_timer(timedelta(seconds=seconds))
        return "rested"

    def approval(ctx: Any, _: Any) -> Any:
        return (yield ctx.wait_for_external_event("Approval"))

    def deadline(ctx: Any, seconds: float) -> Any:
        event, late = ctx.wait_for_external_event("Approval"), ctx.create_timer(timedelta(seconds=seconds))
        return "too late" if (yield sdk.when_any([event, late])) is late else event.get_result()

    def retrying(ctx: Any, failures: int) -> Any:
        policy = sdk.RetryPolicy(
            first_retry_interval=timedelta(milliseconds=100), max_number_of_attempts=3, backoff_coefficient=2
        )
        return (yield ctx.call_activity("flaky", input=failures, retry_policy=policy))

    def order(ctx: Any, order: Any) -> Any:
        reserved = yield ctx.call_activity("upper", input=order["item"])
        try:
            yield ctx.call_activity("pay", input=order)
        except Exception as error:
            return {"error": type(error).__name__, "undone": (yield ctx.call_activity("undo", input=reserved))}
        return "shipped"

    def raises(ctx: Any, _: Any) -> None:
        raise ValueError("on purpose")

    def uncaught(ctx: Any, total: int) -> Any:
        yield ctx.call_activity("pay", input={"total": total})

    def unknown_activity(ctx: Any, _: Any) -> Any:
        yield ctx.call_activity("nowhere")

    def counter(ctx: Any, number: int) -> Any:
        yield ctx.call_activity("square", input=number)
        return number if number == 3 else ctx.continue_as_new(number + 1)

    def keeper(ctx: Any, seen: list[Any]) -> Any:
        seen = [*seen, (yield ctx.wait_for_external_event("item"))]
        return seen if len(seen) == 3 else ctx.continue_as_new(seen, save_events=True)

    def patched(ctx: Any, name: str) -> Any:
        if ctx.is_patched("shout"):
            name = yield ctx.call_activity("upper", input=name)
        return (yield ctx.call_activity("upper", input=f"hello {name}"))

    return {
        function.__name__: function
        for function in (
            *(chain, nothing, context, child, parent, failing_child, careful_parent, careless_parent, sleeper),
            *(approval, deadline, retrying, order, raises, uncaught, unknown_activity, counter, keeper, patched),
        )
    }


def greet_1(ctx: Any, name: str) -> str:
    return f"hello {name}"


def greet_2(ctx: Any, name: str) -> Any:
    return f"hello {(yield ctx.call_activity('upper', input=name))}"


def play(dapr: DaprSidecar, sdk: ModuleType) -> None:
    """Everything that the recorded workflows were put through."""
    client = sdk.DaprWorkflowClient()
    for id, (name, *given) in STARTS.items():
        client.schedule_new_workflow(name, input=given[0] if given else None, instance_id=id)
        if id not in EVENTS and name != "approval":
            dapr.workflows.wait(id)
        for event, data in EVENTS.get(id, ()):
            client.raise_workflow_event(id, event, data=data)
            dapr.workflows.advance(0)
    client.pause_workflow("paused")
    client.raise_workflow_event("paused", "Approval", data="meanwhile")
    dapr.workflows.advance(0)
    client.resume_workflow("paused")
    client.terminate_workflow("stopped", output={"why": "enough"})
    client.rerun_workflow_from_event("chain", 2, new_instance_id="rerun")
    for id in RECORDED:
        dapr.workflows.wait(IDS.get(id, id))
    client.close()


@pytest.fixture(scope="module", params=["dapr.ext.workflow", "dapr_client.workflow"])
def histories(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """The histories of the instances, with one SDK or the other."""
    sdk = pytest.importorskip(request.param, reason="runs workflows of the official package")
    with sidecar(intercept_channels=True) as dapr:
        runtime = sdk.WorkflowRuntime()
        for name, function in workflows(sdk).items():
            runtime.register_workflow(function, name=name)
        for name, function in activities().items():
            runtime.register_activity(function, name=name)
        versions = (greet_1, "v1", False), (greet_2, "v2", True)
        for function, version, latest in versions:
            runtime.register_versioned_workflow(function, name="greet", version_name=version, is_latest=latest)
        runtime.start()
        try:
            play(dapr, sdk)
            yield {id: events_of(dapr, IDS.get(id, id)) for id in RECORDED}
        finally:
            runtime.shutdown()
    del runtime
    gc.collect()  # the official one leaves event loops behind, and says so when they are collected


def events_of(dapr: DaprSidecar, id: str) -> Any:
    events = [message_as_json(event) for event in dapr.workflows[id].recorded.events]
    for event in events:
        del event["timestamp"]
    return tidied(events)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("id", RECORDED)
def test_a_history_is_as_it_was_recorded(histories: dict[str, Any], id: str) -> None:
    assert differences(RECORDED[id], histories[id]) == []
