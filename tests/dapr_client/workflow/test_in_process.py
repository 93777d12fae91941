"""Runtimes and clients without sockets."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

from dapr_client.workflow import DaprWorkflowClient, WorkflowRuntime
from dapr_client.workflow.aio import DaprWorkflowClient as AsyncDaprWorkflowClient
from dapr_testing import DaprSidecar


def long(ctx: Any) -> Generator[Any, Any, Any]:
    yield ctx.create_timer(timedelta(days=300))
    return (yield ctx.call_activity("echo", input=0))


def made(sidecar: DaprSidecar) -> WorkflowRuntime:
    made = WorkflowRuntime(channel=sidecar.channel)
    made.register_workflow(long)
    made.register_activity(lambda ctx, value: value, name="echo")
    return made


def test_a_workflow_runs_without_sockets(dapr_sidecar: DaprSidecar) -> None:
    with made(dapr_sidecar), DaprWorkflowClient(channel=dapr_sidecar.channel()) as client:
        id = client.schedule_new_workflow(long)
        dapr_sidecar.clock.advance(timedelta(days=300))
        state = client.wait_for_workflow_completion(id)
    assert state is not None
    assert state.serialized_output == "0"


async def test_so_it_does_for_asyncio(dapr_sidecar: DaprSidecar) -> None:
    with made(dapr_sidecar):
        async with AsyncDaprWorkflowClient(channel=dapr_sidecar.aio_channel()) as client:
            id = await client.schedule_new_workflow(long)
            dapr_sidecar.clock.advance(timedelta(days=300))
            state = await client.wait_for_workflow_completion(id)
    assert state is not None
    assert state.serialized_output == "0"
