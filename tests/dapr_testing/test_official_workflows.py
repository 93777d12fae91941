"""Workflows that are written with the official SDK, as they are, in tests of ours."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from dapr_testing import DaprSidecar, WorkflowFailed, sidecar

official = pytest.importorskip("dapr.ext.workflow", reason="runs workflows of the official package")
aio = pytest.importorskip("dapr.ext.workflow.aio")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning")

done: list[str] = []


def registered(runtime: Any) -> Any:
    """A workflow and its activity: the official SDK registers a function once."""

    def charge(ctx: Any, amount: int) -> str:
        done.append(f"charge {amount}")
        return f"charged {amount}"

    def order(ctx: Any, amount: int) -> Any:
        retries = official.RetryPolicy(first_retry_interval=timedelta(hours=1), max_number_of_attempts=3)
        receipt = yield ctx.call_activity(charge, input=amount, retry_policy=retries)
        yield ctx.create_timer(timedelta(days=1))
        approved, late = ctx.wait_for_external_event("approved"), ctx.create_timer(timedelta(days=3))
        first = yield official.when_any([approved, late])
        return [receipt, "late" if first is late else approved.get_result()]

    runtime.register_workflow(order)
    runtime.register_activity(charge)
    return runtime


@pytest.fixture(params=["sockets", "in process"])
def dapr(request: pytest.FixtureRequest) -> Iterator[DaprSidecar]:
    done.clear()
    with sidecar(intercept_channels=request.param == "in process") as running:
        runtime = registered(official.WorkflowRuntime())
        runtime.start()
        try:
            yield running
        finally:
            runtime.shutdown()
    del runtime
    gc.collect()  # it leaves event loops behind, and says so when they are collected


def test_days_are_skipped(dapr: DaprSidecar) -> None:
    before = dapr.clock.time
    assert dapr.workflows.run("order", 7) == ["charged 7", "late"]
    assert dapr.clock.time - before == timedelta(days=4)


def test_attempts_fail_and_signals_come_later(dapr: DaprSidecar) -> None:
    mock = dapr.workflows.mock("charge", raises=TimeoutError("slow"), attempts=(1, 2))
    id = dapr.workflows.start("order", 7)
    dapr.workflows.signal(id, "approved", 0, after=timedelta(days=2))
    assert dapr.workflows.wait(id).result() == ["charged 7", 0]
    assert [call.attempt for call in mock.calls] == [1, 2]


def test_failures_show_the_history(dapr: DaprSidecar) -> None:
    dapr.workflows.mock("charge", raises=ValueError("no money"))
    with pytest.raises(WorkflowFailed, match="activity charge failed  ValueError: no money"):
        dapr.workflows.run("order", 7)


@pytest.mark.parametrize("nth", [1, 2])
def test_workers_die(dapr: DaprSidecar, nth: int) -> None:
    dapr.workflows.lose_turn("order", nth=nth)
    dapr.workflows.lose_answer("charge")
    assert dapr.workflows.run("order", 7, timeout=30) == ["charged 7", "late"]
    assert done == ["charge 7", "charge 7"]


def test_its_client_has_time_skipped(dapr: DaprSidecar) -> None:
    client = official.DaprWorkflowClient()
    with dapr.workflows.time_skipping():
        id = client.schedule_new_workflow("order", input=7)
        state = client.wait_for_workflow_completion(id, timeout_in_seconds=20)
    assert state.serialized_output == '["charged 7", "late"]'


def test_its_async_client_has_time_skipped(dapr: DaprSidecar) -> None:
    async def waited() -> Any:
        client = aio.DaprWorkflowClient()
        id = await client.schedule_new_workflow("order", input=7)
        return await client.wait_for_workflow_completion(id, timeout_in_seconds=20)

    with dapr.workflows.time_skipping():
        assert asyncio.run(waited()).serialized_output == '["charged 7", "late"]'
