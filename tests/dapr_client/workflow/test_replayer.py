"""Stored histories against code that has changed."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import pytest

from dapr_client.workflow import (
    DaprWorkflowClient,
    DaprWorkflowContext,
    NonDeterminismError,
    Replayer,
    WorkflowHistory,
    WorkflowRuntime,
)
from fakesidecar import VirtualClock
from tests.dapr_client.workflow.test_runtime import SECONDS, finished, wait_for_event

Context = DaprWorkflowContext
Workflow = Generator[Any, Any, Any]


def order(ctx: Context) -> Workflow:
    number = yield ctx.call_activity("price", input=2)
    yield ctx.create_timer(timedelta(days=1))
    told = yield ctx.wait_for_external_event("told")
    return [number, told]


def same(ctx: Context) -> Workflow:
    if ctx.is_patched("log first"):
        yield ctx.call_activity("log")
    result = yield from order(ctx)
    return {"result": result}


def other(ctx: Context) -> Workflow:
    yield ctx.call_activity("cost")


def reordered(ctx: Context) -> Workflow:
    yield ctx.create_timer(timedelta(days=1))


def shorter(ctx: Context) -> Workflow:
    yield ctx.call_activity("price")
    yield ctx.create_timer(timedelta(days=1))


def longer(ctx: Context) -> Workflow:
    yield from order(ctx)
    yield ctx.call_activity("after")


def fails(ctx: Context) -> Workflow:
    yield from order(ctx)
    raise KeyError("x")


def eager(ctx: Context) -> Workflow:
    result = yield from order(ctx)
    return result


def more(ctx: Context) -> Workflow:
    first = ctx.call_activity("price")
    yield first
    yield ctx.create_timer(timedelta(days=1))
    ctx.call_activity("also")
    yield ctx.wait_for_external_event("told")


def extra(ctx: Context) -> Workflow:
    number = yield ctx.call_activity("price", input=2)
    yield ctx.create_timer(timedelta(days=1))
    told = ctx.wait_for_external_event("told")
    ctx.call_activity("also")
    return [number, (yield told)]


@pytest.fixture
def stored(runtime: WorkflowRuntime, workflows: DaprWorkflowClient, clock: VirtualClock) -> dict[str, str]:
    """The history of an instance that waits for its event, and of the same when it is over."""
    runtime.register_workflow(order)
    runtime.register_activity(lambda ctx, number: number, name="price")
    runtime.start()
    id = workflows.schedule_new_workflow("order", instance_id="one")
    wait_for_event(workflows, id, "timerCreated")
    clock.advance(timedelta(days=1))
    wait_for_event(workflows, id, "timerFired")
    waiting = WorkflowHistory.of(id, workflows.get_workflow_history(id)).to_json()
    workflows.raise_workflow_event(id, "told", data=1)
    assert finished(workflows, id).serialized_output == "[2, 1]"
    return {"waiting": waiting, "over": WorkflowHistory.of(id, workflows.get_workflow_history(id)).to_json()}


def replayed(code: Callable[..., Any], stored: str) -> str:
    """The first line of what is told; nothing if it fits."""
    runtime = WorkflowRuntime()
    runtime.register_workflow(code, name="order")
    failed = Replayer(runtime=runtime).replay_workflows([WorkflowHistory.from_json(stored)])
    return str(failed["one"]).partition("\n")[0] if failed else ""


def test_histories_are_checked_against_code(stored: dict[str, str]) -> None:
    table = {
        order: ("", ""),
        same: ("", ""),
        eager: ("", ""),
        other: ("the code asked for something else as number 1",) * 2,
        reordered: ("the code asked for something else as number 1",) * 2,
        shorter: ("the code did not ask for what the history has as number 3",) * 2,
        longer: ("", "the history is COMPLETED, the code is RUNNING"),
        fails: ("", "the history is COMPLETED, the code is FAILED: it failed with KeyError('x')"),
        extra: ("the code asks for more than the history has", ""),
        more: ("the code asked for something else as number 3",) * 2,
    }
    found = {code: (replayed(code, stored["waiting"]), replayed(code, stored["over"])) for code in table}
    assert found == table


def test_a_difference_is_raised_with_both_sides(stored: dict[str, str]) -> None:
    with pytest.raises(NonDeterminismError, match=r"\* 1  activity 'price' +timer"):
        Replayer(_named(reordered)).replay_workflow(WorkflowHistory.from_json(stored["over"]))
    Replayer(order).replay_workflow(WorkflowHistory.from_json(stored["over"]))
    with pytest.raises(NonDeterminismError, match="'order' orchestrator was not registered"):
        Replayer().replay_workflow(WorkflowHistory.from_json(stored["over"]))


def _named(code: Callable[..., Any]) -> Callable[..., Any]:
    def order(ctx: Context) -> Any:
        return code(ctx)

    return order


def test_a_history_of_a_version_that_is_gone_is_told(runtime: WorkflowRuntime, workflows: DaprWorkflowClient) -> None:
    runtime.register_versioned_workflow(order, name="order", version_name="1", is_latest=True)
    runtime.start()
    id = workflows.schedule_new_workflow("order", instance_id="one")
    workflows.wait_for_workflow_start(id, timeout_in_seconds=SECONDS)
    history = WorkflowHistory.of(id, workflows.get_workflow_history(id))
    with pytest.raises(NonDeterminismError, match="the version of the workflow is not there any more"):
        Replayer(order).replay_workflow(history)
    Replayer(runtime=runtime).replay_workflow(history)
